// openai-node: chat, streams, tools run by the SDK, Responses, embeddings, typed errors.
import OpenAI from 'openai'
import { zodResponseFormat } from 'openai/helpers/zod'
import { z } from 'zod'
import { KEY, OPENAI_BASE, WEATHER_QUESTION, WEATHER_SCHEMA, tell, weather } from './telling.mjs'

const client = new OpenAI({ baseURL: OPENAI_BASE, apiKey: KEY, maxRetries: 0 })
const HELLO = [{ role: 'user', content: 'Hello there' }]
const Solution = z.object({ explanation: z.string(), final_answer: z.number().int() })

await tell({
  text: async (model) => {
    const answer = await client.chat.completions.create({ model, messages: HELLO })
    return { text: answer.choices[0].message.content, total: answer.usage.total_tokens, id: answer._request_id }
  },
  stream: async (model) => {
    const stream = client.chat.completions.stream({ model, messages: HELLO, stream_options: { include_usage: true } })
    let chunks = 0
    for await (const _ of stream) chunks += 1
    const whole = await stream.finalChatCompletion()
    return { text: whole.choices[0].message.content, total: (await stream.totalUsage()).total_tokens, chunks }
  },
  tools: async (model) => {
    const called = []
    const runner = client.chat.completions.runTools({
      model,
      messages: [{ role: 'user', content: WEATHER_QUESTION }],
      tools: [
        {
          type: 'function',
          function: {
            name: 'get_weather',
            description: 'Get the weather of a city',
            parameters: WEATHER_SCHEMA,
            parse: JSON.parse,
            function: ({ city }) => {
              called.push(city)
              return weather(city)
            },
          },
        },
      ],
    })
    return { called, text: await runner.finalContent() }
  },
  structured: async (model) => {
    const answer = await client.chat.completions.parse({
      model,
      messages: [{ role: 'user', content: 'Solve 8x + 7 = -23' }],
      response_format: zodResponseFormat(Solution, 'solution'),
    })
    return answer.choices[0].message.parsed
  },
  responses: async (model) => {
    const answer = await client.responses.create({ model, input: 'Hello there' })
    return { text: answer.output_text, total: answer.usage.total_tokens, status: answer.status }
  },
  responses_stream: async (model) => {
    const stream = client.responses.stream({ model, input: 'Hello there' })
    const numbers = []
    for await (const event of stream) numbers.push(event.sequence_number)
    const whole = await stream.finalResponse()
    const rising = numbers.every((number, place) => number === place)
    return { text: whole.output_text, total: whole.usage.total_tokens, rising }
  },
  embeddings: async () => {
    const answer = await client.embeddings.create({ model: 'sim-embed', input: ['one', 'two'] })
    return { vectors: answer.data.length, length: answer.data[0].embedding.length }
  },
  unknown_model: async () => {
    try {
      await client.chat.completions.create({ model: 'nobody/nothing', messages: HELLO })
    } catch (error) {
      return { kind: error.constructor.name, status: error.status, code: error.code, param: error.param }
    }
    return null
  },
  stranger: async () => {
    try {
      await new OpenAI({ baseURL: OPENAI_BASE, apiKey: 'sk-nobody', maxRetries: 0 }).models.list()
    } catch (error) {
      return { kind: error.constructor.name, status: error.status }
    }
    return null
  },
})
