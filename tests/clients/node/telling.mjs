// What every client script here does: read the gateway's address, run its cases, print one JSON object last.
export const URL_ = process.env.SLUICE_URL
export const KEY = process.env.SLUICE_API_KEY
export const OPENAI_BASE = `${URL_}/v1`
export const MODELS = ['sim-fast', 'sim-claude']
export const WEATHER_QUESTION = 'What is the weather in Paris?'
export const weather = (city) => `18 degrees in ${city}`
export const WEATHER_SCHEMA = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }

// Each case is a function of a model, or of nothing; an exception becomes {raised}.
export async function tell(cases) {
  const seen = {}
  for (const [name, one] of Object.entries(cases)) {
    for (const model of one.length ? MODELS : [undefined]) {
      const label = model ? `${name} ${model}` : name
      try {
        seen[label] = await one(model)
      } catch (error) {
        console.error(error)
        seen[label] = { raised: `${error?.constructor?.name}: ${error?.message}`.slice(0, 2000), status: error?.status }
      }
    }
  }
  console.log('\n' + JSON.stringify(seen))
}
