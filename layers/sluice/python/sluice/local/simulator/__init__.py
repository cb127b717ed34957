"""A provider that needs no key and no network: OpenAI Chat and Anthropic Messages over real HTTP on loopback.

Start it with `python -m sluice.local.simulator --port 0`; it prints one line, `{"port": N}`, and then serves

    POST /openai/v1/chat/completions      POST /anthropic/v1/messages
    POST /openai/v1/responses[/...]       (with stored state, as OpenAI keeps it)
    POST /openai/v1/embeddings            POST /anthropic/v1/messages/count_tokens
    POST /openai/v1/rerank                POST /openai/v1/moderations
    POST /openai/v1/images/generations    POST /openai/v1/audio/transcriptions
    POST /openai/v1/images/edits          POST /openai/v1/audio/translations
                                          POST /openai/v1/audio/speech
    GET  /openai/v1/models[/{id}]         GET  /anthropic/v1/models[/{id}]
    GET  /health, /tally                  PUT  /weather     (faults by chance: `weather`)

An answer is a function of the request alone (so are ids and `created`), and the package imports nothing else of
Sluice: it judges what the gateway sends as a vendor would.

Keys: any key that starts with `sim-` (`Authorization: Bearer` on both, `x-api-key` on Anthropic); else 401.

Models: `sim-fast` (first token after 150 ms, then 80 tokens/s), `sim-large` (600 ms, 35/s), `sim-reasoner` (400 ms,
60/s, thinks first; the others think when asked to), `sim-gpt` (200 ms, 80/s), `sim-claude` (300 ms, 70/s),
`sim-claude-thinking` (400 ms, 50/s) and `sim-embed` (embeddings), `sim-rerank`, `sim-moderation`, `sim-image`,
`sim-transcribe`, `sim-whisper` (billed by time) and `sim-speech`. Every chat model answers in both dialects.
`SIMULATOR_PACE` (or `--pace`) scales every wait: 1 is real time, 0 is none.

What it answers, in order of precedence:
* after tool results: a sentence that quotes each result;
* tools offered and the question names one (a word of the tool's name, or three of its description), or `tool_choice`
  forces it: calls whose arguments follow the JSON schema, one call for each of "Paris and Rome" where parallel calls
  are allowed;
* `response_format` / `output_config.format`: JSON that validates against the schema (`not`, `if`, `contains` and
  `dependentSchemas` are not looked at);
* "say X", "repeat: X", "reply with exactly X": X; "count to 20": the numbers; images, documents and audio: their
  media type and size;
* anything else: a friendly line that names the simulator and repeats the question.

Pictures are PNG files of two colours that follow from the prompt; speech is a WAV tone of 1/16 s for each character; a
transcript tells how long the WAV file is that was sent, and of other files the size.

Tokens are pieces of up to five letters. Thinking is returned as `thinking` blocks (Anthropic) or `reasoning_content`
with signed `reasoning_details` (OpenAI dialect); a signature that comes back altered is a 400. Prompt cache, without
memory: what stands before the last assistant turn counts as read, the rest up to the last `cache_control` as written;
the OpenAI dialect without `cache_control` reads whole blocks of 128 tokens from 1,024 up, as OpenAI does.

Directives change an answer or break it. They stand in the header `x-simulate: status=429 retry_after=2` or in the
last user message (or the embedding input), `[[fault: status=429 retry_after=2]]`; `[[simulate: ...]]` means the same.

    status=NNN        answer with this error status     retry_after=S   its Retry-After header
    code=WORD         the error's code (OpenAI), type   body=html|empty the error without a JSON body
    delay=S           wait before the headers           stall=S         wait between headers and first byte
    hang              never answer                      hang_after=N    silence after N stream events
    cut_after=N       TCP reset after N events          close_after=N   clean close after N events
    malformed=N       event N is broken JSON            error_event_at=N  an error event as event N, then the end
    no_usage          report no usage                   slow=MS         milliseconds per token
    pace=F            as SIMULATOR_PACE, this request   tokens=N        a text of N tokens
    calls=N           at most N tool calls              cached=N        N prompt tokens were read from the cache
    refuse            the model refuses                 filter          stopped by the content filter
    think=N           N tokens of thinking              redacted        ... encrypted (Anthropic)
    only=NAME         only this model or dialect (`openai`, `anthropic`)
    times=K id=WORD   only the first K requests that carry this id: the one thing the simulator remembers

A request that is not streamed counts as one event: `cut_after` and `close_after` send half of the body, `malformed`
half of the JSON, `error_event_at` a 200 whose body is an error, `hang_after` nothing but the headers.
"""
