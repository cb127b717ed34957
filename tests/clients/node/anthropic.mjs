// anthropic-node: messages, streams, tools run by the SDK (beta headers and ?beta=true), token counts, typed errors.
import Anthropic from '@anthropic-ai/sdk'
import { KEY, URL_, WEATHER_QUESTION, WEATHER_SCHEMA, tell, weather } from './telling.mjs'

const client = new Anthropic({ baseURL: URL_, apiKey: KEY, maxRetries: 0 })
const HELLO = [{ role: 'user', content: 'Hello there' }]
const TOOL = { name: 'get_weather', description: 'Get the weather of a city', input_schema: WEATHER_SCHEMA }
const words = (message) => message.content.filter((block) => block.type === 'text').map((block) => block.text).join('')

await tell({
  text: async (model) => {
    const answer = await client.messages.create({ model, max_tokens: 500, messages: HELLO })
    return { text: words(answer), output: answer.usage.output_tokens, stop: answer.stop_reason }
  },
  stream: async (model) => {
    const stream = client.messages.stream({ model, max_tokens: 500, messages: HELLO })
    let events = 0
    for await (const _ of stream) events += 1
    const whole = await stream.finalMessage()
    return { text: words(whole), output: whole.usage.output_tokens, events }
  },
  tools: async (model) => {
    const messages = [{ role: 'user', content: WEATHER_QUESTION }]
    const asked = await client.messages.create({ model, max_tokens: 500, messages, tools: [TOOL] })
    const calls = asked.content.filter((block) => block.type === 'tool_use')
    messages.push({ role: 'assistant', content: asked.content })
    messages.push({
      role: 'user',
      content: calls.map((call) => ({ type: 'tool_result', tool_use_id: call.id, content: weather(call.input.city) })),
    })
    const after = await client.messages.create({ model, max_tokens: 500, messages, tools: [TOOL] })
    return { called: calls.map((call) => call.input.city), stop: asked.stop_reason, text: words(after) }
  },
  tool_runner: async (model) => {
    const called = []
    const final = await client.beta.messages.toolRunner({
      model,
      max_tokens: 500,
      messages: [{ role: 'user', content: WEATHER_QUESTION }],
      tools: [
        {
          ...TOOL,
          run: ({ city }) => {
            called.push(city)
            return weather(city)
          },
          parse: (input) => input,
        },
      ],
    })
    return { called, text: words(final) }
  },
  thinking: async () => {
    const question = [{ role: 'user', content: 'Why?' }]
    const thinking = { type: 'enabled', budget_tokens: 1024 }
    const model = 'sim-claude-thinking'
    const first = await client.messages.create({ model, max_tokens: 2048, thinking, messages: question })
    const turns = [...question, { role: 'assistant', content: first.content }, { role: 'user', content: 'And then?' }]
    const second = await client.messages.create({ model, max_tokens: 2048, thinking, messages: turns })
    return { signed: Boolean(first.content[0].signature), kinds: second.content.map((block) => block.type) }
  },
  count: async (model) => client.messages.countTokens({ model, messages: HELLO }),
  unknown_model: async () => {
    try {
      await client.messages.create({ model: 'nobody/nothing', max_tokens: 5, messages: HELLO })
    } catch (error) {
      return { kind: error.constructor.name, status: error.status, type: error.error?.error?.type }
    }
    return null
  },
})
