"""Holds the Ollama chat dialect to recorded traffic, and prints a table of what passed.

Run it with `python -m tests.wire.ollama.check`; `SLUICE_RECORDINGS` names another folder of recordings. Each recording
is up to two cases, its request and its answer, and both again as callers and providers of other dialects hear them. An
answer in the shape of Chat Completions, published as one of this endpoint, is no answer of this dialect: it must be
refused as garbled, and is counted as such.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

from sluice.dialects import anthropic_messages, openai_chat
from sluice.dialects import ollama_chat as wire
from sluice.dialects.ndjson import Lines
from sluice.errors import ProviderGarbled
from sluice.types.chat import ChatRequest, ToolCall
from tests.wire.ollama import said
from tests.wire.recordings import Recording
from tests.wire.tally import Case, cut, main, same, unless_refused

BAR = 0.99
ENDPOINTS = ("ollama.chat",)
ASKED = ChatRequest(model="m", messages=(), include_usage=True)
OTHERS = (openai_chat, anthropic_messages)


def cases(recording: Recording) -> Iterator[tuple[str, Case]]:
    """Yield the cases of one recording."""
    if isinstance(recording.request_body, dict):
        yield "request", partial(check_request, recording)
        yield "request told to others", unless_refused(partial(check_request_across, recording))
    if _lines(recording.body)[0].get("object") == "chat.completion":
        yield "another dialect's answer", partial(check_foreign, recording)
        return
    if len(_lines(recording.body)) == 1:
        yield "answer", partial(check_answer, recording)
    yield "stream", partial(check_stream, recording)
    yield "stream told to others", partial(check_stream_across, recording)


def _lines(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.splitlines() if line.strip()]


def check_request(recording: Recording) -> None:
    """A request that was served is accepted, read in full, and written back the same."""
    body = recording.request_body
    outline = wire.outline(body, 100)
    request = wire.decode_request(body)
    same("model and stream", (outline.model, outline.stream), (body["model"], body.get("stream") is not False))
    same("messages", said.messages_canonically(request), said.messages_plainly(body["messages"]))
    same("results without a call", said.answered(request), [])
    same("passing", wire.pass_edits(body, {}), {})
    encoded = wire.encode_request(request, body["model"], {}, True)
    same("edits", encoded.edits, ())
    written = json.loads(json.dumps(encoded.body))
    same("second reading", wire.decode_request(written), request)
    same("written members", said.meaning(written), said.meaning(body))


def check_request_across(recording: Recording) -> None:
    """Other dialects hear every text, call and result, and what they send comes back as it was."""
    request = wire.decode_request(recording.request_body)
    for other in OTHERS:
        body = json.loads(json.dumps(other.encode_request(request, "m", {}, False).body))
        heard = other.decode_request(body)
        back = wire.decode_request(json.loads(json.dumps(wire.encode_request(heard, "m", {}, False).body)))
        meant = [_flat(item) for item in _told(request)]
        same(f"heard in {other.NAME}", [_flat(item) for item in _told(heard)], meant)
        same(f"back from {other.NAME}", [_flat(item) for item in _told(back)], meant)


def _told(request: ChatRequest) -> list[Any]:
    """Texts, calls and results; reasoning is not sent to others."""
    return [item for message in request.messages for item in said.canonically(message.parts) if item[0] != "thinking"]


def _flat(item: Any) -> Any:
    return tuple("".join(value.split()) if isinstance(value, str) else value for value in item)


def check_answer(recording: Recording) -> None:
    """A whole answer is read in full, with the host's counts, and says the same after another round."""
    body = json.loads(recording.body)
    response = wire.decode_response(body)
    plain = said.plainly(body["message"])
    choice = response.choices[0]
    same("content", said.canonically(choice.parts), plain)
    same("stop", choice.stop, said.stop_plainly(body, any(item[0] == "call" for item in plain)))
    same("usage", said.usage_canonically(response.usage), said.usage_plainly(body))
    same("usage read in passing", wire.read_usage(recording.body), response.usage)
    written = json.loads(json.dumps(wire.encode_response(response, ASKED)))
    same("second reading", wire.decode_response(written), response)
    same("written members", said.meaning(written), said.meaning(body))
    streamed = list(wire.decode_stream([recording.body]))
    same("ids in a stream", said.ids(streamed), [part.id for part in choice.parts if isinstance(part, ToolCall)])
    for other in OTHERS:
        told = other.decode_response(json.loads(json.dumps(other.encode_response(response, ASKED))))
        same(
            f"content in {other.NAME}",
            said.joined(said.canonically(told.choices[0].parts)),
            said.joined(said.canonically(choice.parts)),
        )
        same(f"usage in {other.NAME}", said.usage_canonically(told.usage), said.usage_canonically(response.usage))


def check_foreign(recording: Recording) -> None:
    """An answer of another dialect is refused, so that it is not taken for an empty one."""
    try:
        wire.decode_response(json.loads(recording.body))
    except ProviderGarbled:
        return
    raise AssertionError("an answer in the shape of Chat Completions was accepted")


def check_stream(recording: Recording) -> None:
    """A stream is read in full however it is cut, with the host's counts, and says the same after another round."""
    decoded = list(wire.decode_stream([recording.body]))
    plain, last = said.stream_plainly(recording.body)
    found, stop, usage = said.stream_canonically(decoded)
    same("content", found, plain)
    same("stop", stop, said.stop_plainly(last, any(item[0] == "call" for item in plain)))
    same("usage", said.usage_canonically(usage), said.usage_plainly(last))
    for seed in range(3):
        same("events of the cut stream", list(wire.decode_stream(cut(recording.body, seed))), decoded)
    meter, blocks = wire.meter(), Lines()
    for chunk in cut(recording.body, 7):
        if whole := blocks.feed(chunk):
            meter.feed(whole)
    meter.feed(blocks.rest())
    same("metered usage and end", (meter.usage, meter.finished), (usage, True))
    same("error in passing", wire.stream_error(recording.body), None)
    written = b"".join(wire.encode_stream(decoded, ASKED))
    again = list(wire.decode_stream(cut(written, 3)))
    same("second reading", said.stream_canonically(again), (found, stop, usage))


def check_stream_across(recording: Recording) -> None:
    """Callers of other dialects get the texts, calls, reason and counts of a stream."""
    decoded = list(wire.decode_stream([recording.body]))
    meant, wanted, counts = said.stream_canonically(decoded)
    for other in OTHERS:
        written = b"".join(other.encode_stream(decoded, ASKED))
        heard, stop, usage = said.stream_canonically(other.decode_stream([written]))
        same(f"content in {other.NAME}", said.joined(heard), said.joined(meant))
        same(f"stop in {other.NAME}", stop, "stop" if wanted == "unknown" else wanted)
        if counts is not None:  # else the gateway counts for itself
            same(f"usage in {other.NAME}", said.usage_canonically(usage), said.usage_canonically(counts))


if __name__ == "__main__":
    sys.exit(main("ollama", ENDPOINTS, cases, BAR))
