"""Holds the legacy completions dialect to recorded traffic, and prints a table of what passed.

Run it with `python -m tests.wire.completions.check`; `SLUICE_RECORDINGS` names another folder of recordings. Each
recording is up to two cases: its request, and its answer (whole or streamed) or error. What was recorded under this
endpoint's name but is another operation is listed with the reason and not counted.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from sluice.dialects import openai_completions as wire
from sluice.dialects.sse import Blocks
from sluice.errors import BadRequest, ProviderError
from sluice.types.chat import ChatRequest, ChatResponse, Text
from sluice.types.stream import Finish, TextDelta, UsageReport
from sluice.types.usage import Usage
from tests.wire.recordings import Recording
from tests.wire.stated import error_of, words_of
from tests.wire.tally import Case, cut, main, not_served, same

BAR = 0.99
ENDPOINTS = ("completions",)
ASKED = ChatRequest(model="m", messages=())
OTHERS = {
    "/prompts/": "a stored prompt of Portkey, which is answered in the chat's form",
    "/organization/": "the vendor's report of usage, which is no completion",
}
"""Part of a path -> what the operation is instead."""


def _other(recording: Recording) -> str | None:
    path = (recording.request or {}).get("path") or ""
    return next((reason for part, reason in OTHERS.items() if part in path), None)


def cases(recording: Recording) -> Iterator[tuple[str, Case]]:
    """Yield the cases of one recording."""
    other = _other(recording)
    if other is not None:
        yield "recording", not_served(other)
        return
    if isinstance(recording.request_body, dict):
        yield "request", partial(check_request, recording)
    if recording.status >= 400:
        yield "error", partial(check_error, recording)
    elif recording.stream:
        yield "stream", partial(check_stream, recording)
    else:
        yield "answer", partial(check_answer, recording)


def check_request(recording: Recording) -> None:
    """A request that was served is accepted, read in full, and written back the same."""
    body = recording.request_body
    try:
        outline = wire.outline(body, 100)
        request = wire.decode_request(body)
    except BadRequest:
        if recording.status >= 400:
            return  # the provider refused it as well
        raise
    same("model and stream", (outline.model, outline.stream), (body["model"], body.get("stream") is True))
    same("bound", outline.max_output, body.get("max_tokens"))
    prompt = body.get("prompt")
    only = prompt[0] if isinstance(prompt, list) and len(prompt) == 1 else prompt
    said = "".join(part.text for message in request.messages for part in message.parts if isinstance(part, Text))
    same("prompt", said or request.extras.get("prompt"), only if isinstance(only, str) else prompt)
    same("bound prompt", "prompt" in request.bound, not isinstance(only, str))
    edits = wire.pass_edits(body, {})
    same("passing", edits, {"stream_options": {"include_usage": True}} if body.get("stream") else {})
    encoded = wire.encode_request(request, body["model"], {}, True)
    again = wire.decode_request(json.loads(json.dumps(encoded.body)))
    same("second reading", _asked(again), _asked(request))
    same("written members", _meaning(encoded.body), _meaning({**body, **edits}))


def _asked(request: ChatRequest) -> ChatRequest:
    return replace(request, include_usage=False)


def _meaning(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body without what may be written in two ways: nulls, defaults, one prompt in a list, one stop."""
    kept = {name: value for name, value in body.items() if value is not None and (name, value) not in _DEFAULTS}
    for name in ("prompt", "stop"):
        value = kept.get(name)
        kept[name] = value[0] if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str) else value
    return kept


_DEFAULTS: tuple[tuple[str, Any], ...] = (("stream", False), ("echo", False))


def check_answer(recording: Recording) -> None:
    """A whole answer is read in full, with the provider's usage, and says the same after another round."""
    body = json.loads(recording.body)
    response = wire.decode_response(body)
    same("texts", [_text(response, at) for at in range(len(body["choices"]))], [c["text"] for c in body["choices"]])
    words = [choice.get("finish_reason") or "stop" for choice in body["choices"]]
    same("stop", [choice.stop for choice in response.choices], words)
    same("usage", _counts(response.usage), _plain_counts(body.get("usage")))
    same("usage read in passing", wire.read_usage(recording.body), response.usage)
    same("error in passing", wire.stream_error(recording.body), None)
    written = json.loads(json.dumps(wire.encode_response(response, ASKED)))
    same("second reading", wire.decode_response(written), response)


def _text(response: ChatResponse, at: int) -> str:
    return "".join(part.text for part in response.choices[at].parts if isinstance(part, Text))


def check_stream(recording: Recording) -> None:
    """A stream is read in full however it is cut, with the provider's usage, and says the same after another round."""
    decoded = list(wire.decode_stream([recording.body]))
    chunks = [json.loads(line[5:]) for line in recording.body.splitlines() if line.startswith(b"data: {")]
    texts: Counter[int] = Counter()
    said: dict[int, str] = {}
    words: dict[int, str] = {}
    usage = None
    for chunk in chunks:
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            number = choice["index"]
            texts[number] += 1
            said[number] = said.get(number, "") + choice["text"]
            words[number] = choice["finish_reason"] or words.get(number, "")
    found: dict[int, str] = {}
    for event in decoded:
        if isinstance(event, TextDelta):
            found[event.choice] = found.get(event.choice, "") + event.text
    same("texts", found, said)
    same("stop", {event.choice: event.stop for event in decoded if isinstance(event, Finish)}, words)
    reported = next((event.usage for event in decoded if isinstance(event, UsageReport)), None)
    same("usage", _counts(reported), _plain_counts(usage))
    for seed in range(3):
        same("events of the cut stream", list(wire.decode_stream(cut(recording.body, seed))), decoded)
    meter, blocks = wire.meter(), Blocks()
    for piece in cut(recording.body, 7):
        if whole := blocks.feed(piece):
            meter.feed(whole)
    meter.feed(blocks.rest())
    same("metered usage and end", (meter.usage, meter.finished), (reported, True))
    written = b"".join(wire.encode_stream(decoded, ChatRequest(model="m", messages=(), include_usage=True)))
    same("second reading", _told(wire.decode_stream(cut(written, 3))), _told(decoded))


def _told(events: Any) -> list[Any]:
    """Everything but the answer's own name, which the gateway's begins with its prefix."""
    return [event for event in events if type(event).__name__ != "Start" and event != TextDelta(0, "")]


def _counts(usage: Usage | None) -> tuple[int, int] | None:
    return None if usage is None else (usage.prompt, usage.output)


def _plain_counts(usage: dict[str, Any] | None) -> tuple[int, int] | None:
    return None if usage is None else (usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0))


def check_error(recording: Recording) -> None:
    """An error keeps its status and words and has a kind; written for a caller it says the same."""
    error = wire.decode_error(recording.status, recording.headers, recording.body)
    if type(error) is not ProviderError:
        raise AssertionError(f"not a provider error: {error!r}")
    same("status", error.provider_status, recording.status)
    told, words = error_of(recording.body), words_of(recording.body)
    if words is not None:
        same("message", error.message[:26], words[:26])  # a key quoted in it is masked
    same("type", error.provider_type, told.get("type", error.provider_type))
    again = wire.decode_error(recording.status, {}, json.dumps(wire.encode_error(error, "req_1")).encode())
    same("second reading", (again.kind, again.param), (error.kind, error.param))


if __name__ == "__main__":
    sys.exit(main("completions", ENDPOINTS, cases, BAR))
