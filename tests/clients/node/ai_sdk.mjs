// Vercel AI SDK: the openai (Responses by default), anthropic, openai-compatible and OpenRouter providers.
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { createOpenRouter } from '@openrouter/ai-sdk-provider'
import { Output, embedMany, generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai'
import { KEY, MODELS, OPENAI_BASE, WEATHER_QUESTION, WEATHER_SCHEMA, tell, weather } from './telling.mjs'

const openai = createOpenAI({ baseURL: OPENAI_BASE, apiKey: KEY })
const anthropic = createAnthropic({ baseURL: OPENAI_BASE, apiKey: KEY })
const compatible = createOpenAICompatible({
  name: 'sluice',
  baseURL: OPENAI_BASE,
  apiKey: KEY,
  includeUsage: true,
  supportsStructuredOutputs: true,
})
const openrouter = createOpenRouter({ baseURL: OPENAI_BASE, apiKey: KEY })
const SOLUTION = jsonSchema({
  type: 'object',
  properties: { explanation: { type: 'string' }, final_answer: { type: 'integer' } },
  required: ['explanation', 'final_answer'],
  additionalProperties: false,
})
const PROVIDERS = {
  responses: (model) => openai(model),
  chat: (model) => openai.chat(model),
  messages: (model) => anthropic(model),
  compatible: (model) => compatible(model),
  openrouter: (model) => openrouter(model),
}
const quiet = { maxRetries: 0 }

async function everything(model) {
  const whole = await generateText({ model, prompt: 'Hello there', ...quiet })
  const stream = streamText({ model, prompt: 'Hello there', ...quiet })
  let pieces = 0
  for await (const _ of stream.textStream) pieces += 1
  const called = []
  const get_weather = tool({
    description: 'Get the weather of a city',
    inputSchema: jsonSchema(WEATHER_SCHEMA),
    execute: async ({ city }) => {
      called.push(city)
      return weather(city)
    },
  })
  const tools = await generateText({
    model,
    prompt: WEATHER_QUESTION,
    tools: { get_weather },
    stopWhen: stepCountIs(3),
    ...quiet,
  })
  const output = Output.object({ schema: SOLUTION })
  const solved = await generateText({ model, prompt: 'Solve 8x + 7 = -23', output, ...quiet })
  return {
    text: whole.text,
    streamed: (await stream.text) === whole.text,
    pieces,
    tokens: [whole.usage.outputTokens, (await stream.usage).outputTokens],
    called,
    answered: tools.text,
    solved: solved.output,
  }
}

const cases = {}
for (const [name, make] of Object.entries(PROVIDERS)) {
  for (const model of MODELS) cases[`${name} ${model}`] = async () => everything(make(model))
}
cases.embeddings = async () => {
  const { embeddings } = await embedMany({ model: openai.embedding('sim-embed'), values: ['one', 'two'], ...quiet })
  return { vectors: embeddings.length, length: embeddings[0].length }
}
cases.unknown_model = async () => {
  try {
    await generateText({ model: openai.chat('nobody/nothing'), prompt: 'Hello', ...quiet })
  } catch (error) {
    return { kind: error.name, status: error.statusCode, again: error.isRetryable }
  }
  return null
}
await tell(cases)
