"""Holds the Bedrock dialects to recorded traffic, and prints a table of what passed.

Run it with `python -m tests.wire.bedrock.check`; `SLUICE_RECORDINGS` names another folder of recordings. Each recording
is up to two cases: its request, and its answer (whole or streamed) or error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

from sluice.dialects import bedrock_converse as wire
from sluice.dialects import bedrock_count_tokens, bedrock_invoke, eventstream
from sluice.errors import BadRequest, ProviderError
from sluice.types.chat import ChatRequest
from sluice.types.stream import StreamFailed
from tests.wire.bedrock import invoked, said
from tests.wire.recordings import Recording
from tests.wire.stated import words_of
from tests.wire.tally import Case, cut, main, same

BAR = 0.99
CHAT = ("bedrock.converse", "bedrock.converse_stream")
ENDPOINTS = (*CHAT, "bedrock.invoke", "bedrock.invoke_stream", "bedrock.count_tokens")
ASKED = ChatRequest(model="m", messages=())


def cases(recording: Recording) -> Iterator[tuple[str, Case]]:
    """Yield the cases of one recording."""
    chat, counted = recording.endpoint in CHAT, recording.endpoint == "bedrock.count_tokens"
    if isinstance(recording.request_body, dict):
        check = check_request if chat else check_counted if counted else check_invoked
        yield "request", partial(check, recording)
    if recording.status >= 400:
        yield "error", partial(check_error, recording)
    elif recording.endpoint == "bedrock.converse_stream":
        yield "stream", partial(check_stream, recording)
    elif recording.endpoint == "bedrock.invoke_stream":
        yield "stream", partial(check_invoked_stream, recording)
    elif chat:
        yield "answer", partial(check_answer, recording)
    else:
        yield "answer", partial(check_count if counted else check_invoked_answer, recording)


def check_request(recording: Recording) -> None:
    """A request that was served is accepted, read in full, and written back the same."""
    body = recording.request_body
    added = {**body, "model": "m", "stream": recording.stream}
    try:
        outline = wire.outline(added, 100)
        request = wire.decode_request(added)
    except BadRequest:
        if recording.status >= 400:
            return  # the provider refused it as well
        raise
    same("model and stream", (outline.model, outline.stream), ("m", recording.stream))
    same("bound", outline.max_output, (body.get("inferenceConfig") or {}).get("maxTokens"))
    found = [said.canonically(message.parts) for message in request.messages if message.role != "system"]
    same("content", found, [said.plainly(turn["content"], turn["role"] == "assistant") for turn in body["messages"]])
    system = [said.canonically(message.parts) for message in request.messages if message.role == "system"]
    same("system", system, [said.plainly(body["system"])] if body.get("system") else [])
    same("passing", wire.pass_edits(added, {}).keys(), {"model", "stream"})
    encoded = wire.encode_request(request, "m", {}, True)
    again = wire.decode_request({**json.loads(json.dumps(encoded.body)), "model": "m", "stream": recording.stream})
    same("second reading", again, request)
    if recording.status == 200:
        same("written members", _meaning(encoded.body), _meaning(body))


def _meaning(value: Any) -> Any:
    """Return a body without what may be written in two ways: empty members, a schema's spaces."""
    if isinstance(value, list):
        return [_meaning(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {name: _meaning(item) for name, item in value.items() if not _empty(name, item)}
    if isinstance(value.get("schema"), str):
        kept["schema"] = json.loads(value["schema"])
    return kept


def _empty(name: str, item: Any) -> bool:
    if item is None or (item == {} and name not in ("auto", "any", "input", "json")):
        return True
    return item == [] and name in ("system", "tools", "stopSequences")


def check_answer(recording: Recording) -> None:
    """A whole answer is read in full, with the provider's usage, and says the same after another round."""
    body = json.loads(recording.body)
    response = wire.decode_response(body)
    content = body["output"]["message"]["content"]
    (choice,) = response.choices
    same("content", said.canonically(choice.parts), said.plainly(content, answer=True))
    same("stop", choice.stop, said.STOPS[body.get("stopReason")])
    same("usage", said.usage_canonically(response.usage), said.usage_plainly(body.get("usage")))
    same("usage read in passing", wire.read_usage(recording.body), response.usage)
    same("error in passing", wire.body_error(recording.body, recording.headers), None)
    again = wire.decode_response(json.loads(json.dumps(wire.encode_response(response, ASKED))))
    same("second reading", again.choices, response.choices)
    same("second usage", again.usage, response.usage)


def check_stream(recording: Recording) -> None:
    """A stream is read in full however it is cut, with the provider's usage, and says the same after another round."""
    body = framed(recording.body)
    decoded = list(wire.decode_stream([body]))
    if any(isinstance(event, StreamFailed) for event in decoded):
        same("an error was sent", "stream_error" in recording.kinds, True)
        return
    plain, reason, raw = said.stream_plainly(body)
    found, stop, usage = said.stream_canonically(decoded)
    same("content", found, plain)
    same("stop", stop, said.STOPS[reason])
    same("usage", said.usage_canonically(usage), said.usage_plainly(raw))
    for seed in range(3):
        same("events of the cut stream", list(wire.decode_stream(cut(body, seed))), decoded)
    meter = metered(body, wire.meter())
    same("metered usage and end", (meter.usage, meter.finished), (usage, True))
    written = b"".join(wire.encode_stream(decoded, ASKED))
    again = list(wire.decode_stream(cut(written, 3)))
    same("second reading", said.stream_canonically(again), (found, stop, usage))


def framed(body: bytes) -> bytes:
    """Put frames around the events of recordings that were published without them, one JSON object a line."""
    if not body.lstrip().startswith(b"{"):
        return body
    events = [json.loads(line) for line in body.splitlines() if line.strip()]
    return b"".join(
        eventstream.event(name, json.dumps(payload).encode()) for event in events for name, payload in event.items()
    )


def metered(body: bytes, meter: Any) -> Any:
    """Pass a stream through as the gateway does, and return the meter that watched."""
    blocks, passed = eventstream.Framing(), b""
    for chunk in cut(body, 7):
        if whole := blocks.feed(chunk):
            passed += whole
            meter.feed(whole)
    same("bytes passed", passed + blocks.rest(), body)
    return meter


def check_error(recording: Recording) -> None:
    """An error keeps its status and words and has a kind; written for a caller it says the same."""
    error = wire.decode_error(recording.status, recording.headers, recording.body)
    if type(error) is not ProviderError:
        raise AssertionError(f"not a provider error: {error!r}")
    same("status", error.provider_status, recording.status)
    told = words_of(recording.body)
    same("message", error.message[:20], error.message[:20] if told is None else told[:20])
    name = recording.headers.get("x-amzn-errortype", "").split(":")[0]
    same("type", error.provider_type or "", name)
    written = json.dumps(wire.encode_error(error, "req_1")).encode()
    again = wire.decode_error(recording.status, wire.error_headers(error), written)
    same(
        "second reading",
        (again.kind, again.message, again.provider_status),
        (error.kind, error.message, recording.status),
    )


def check_counted(recording: Recording) -> None:
    """A count request is accepted and passes."""
    added = {**recording.request_body, "model": "m", "stream": False}
    same("model", bedrock_count_tokens.outline(added, 10).model, "m")
    same("passing", bedrock_count_tokens.pass_edits(added, {}).keys(), {"model", "stream"})


def check_count(recording: Recording) -> None:
    """A count is an answer and costs nothing."""
    same("error in passing", bedrock_count_tokens.body_error(recording.body, recording.headers), None)
    usage = bedrock_count_tokens.answer_usage(recording.body, recording.headers, {})
    same("tokens charged", usage.total if usage else None, 0)


def check_invoked(recording: Recording) -> None:
    """Whatever a model family's body is, it passes as it is, and its bound is found."""
    added = {**recording.request_body, "model": "m", "stream": recording.stream}
    outline = bedrock_invoke.outline(added, 10)
    same("model and stream", (outline.model, outline.stream), ("m", recording.stream))
    same("passing", bedrock_invoke.pass_edits(added, {}), {})
    same("bound", outline.max_output, invoked.bound(recording.request_body))


def check_invoked_answer(recording: Recording) -> None:
    """What an answer's headers or body state is what is counted."""
    usage = bedrock_invoke.answer_usage(recording.body, recording.headers, {})
    same("usage", said.usage_canonically(usage), invoked.usage(json.loads(recording.body), recording.headers))
    same("error in passing", bedrock_invoke.body_error(recording.body, recording.headers), None)


def check_invoked_stream(recording: Recording) -> None:
    """What the last chunk states is what is counted, and every byte passes."""
    body = invoked.framed(recording.body)
    meter = metered(body, bedrock_invoke.meter())
    chunks = invoked.chunks(body)
    same("usage", said.usage_canonically(meter.usage), invoked.stream_usage(chunks))
    same("finished", meter.finished, True)
    same("error in passing", bedrock_invoke.stream_error(body), None)


if __name__ == "__main__":
    sys.exit(main("bedrock", ENDPOINTS, cases, BAR))
