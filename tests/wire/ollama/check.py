"""Holds the Ollama chat dialect to recorded traffic, and prints a table of what passed.

Run it with `python -m tests.wire.ollama.check`; `SLUICE_RECORDINGS` names another folder of recordings. Each recording
is up to two cases, its request and its answer, and both again as callers and providers of other dialects hear them. An
answer in the shape of Chat Completions, published as one of this endpoint, is no answer of this dialect: it must be
refused as garbled, and is counted as such.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sluice.dialects import anthropic_messages, openai_chat
from sluice.dialects import ollama_chat as wire
from sluice.dialects.ndjson import Lines
from sluice.errors import ProviderGarbled, UnsupportedParameter
from sluice.types.chat import ChatRequest, ToolCall
from tests.wire.ollama import said
from tests.wire.recordings import Recording, folder, read

BAR = 0.99
ENDPOINTS = ("ollama.chat",)
ASKED = ChatRequest(model="m", messages=(), include_usage=True)
OTHERS = (openai_chat, anthropic_messages)


@dataclass
class Tally:
    """Passed and failed cases by provider, endpoint and kind, and why each failure failed."""

    passed: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    failed: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.passed.total() + self.failed.total()

    @property
    def share(self) -> float:
        return 1 - self.failed.total() / self.total if self.total else 1.0


def check_all() -> Tally:
    """Run every case of every recording of these endpoints."""
    tally = Tally()
    for recording in read(ENDPOINTS):
        for kind, case in _cases(recording):
            key = (recording.provider, recording.endpoint, kind)
            try:
                case(recording)
                tally.passed[key] += 1
            except UnsupportedParameter as refusal:
                tally.refused[f"{kind}: {refusal.message}"] += 1
            except Exception as error:
                tally.failed[key] += 1
                tally.reasons.append(f"{kind} {recording.label}: {type(error).__name__}: {str(error)[:300]}")
    return tally


def _cases(recording: Recording) -> Iterator[tuple[str, Callable[[Recording], None]]]:
    if isinstance(recording.request_body, dict):
        yield "request", check_request
        yield "request told to others", check_request_across
    if _lines(recording.body)[0].get("object") == "chat.completion":
        yield "another dialect's answer", check_foreign
        return
    if len(_lines(recording.body)) == 1:
        yield "answer", check_answer
    yield "stream", check_stream
    yield "stream told to others", check_stream_across


def _lines(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.splitlines() if line.strip()]


def check_request(recording: Recording) -> None:
    """A request that was served is accepted, read in full, and written back the same."""
    body = recording.request_body
    outline = wire.outline(body, 100)
    request = wire.decode_request(body)
    _same("model and stream", (outline.model, outline.stream), (body["model"], body.get("stream") is not False))
    _same("messages", said.messages_canonically(request), said.messages_plainly(body["messages"]))
    _same("results without a call", said.answered(request), [])
    _same("passing", wire.pass_edits(body, {}), {})
    encoded = wire.encode_request(request, body["model"], {}, True)
    _same("edits", encoded.edits, ())
    written = json.loads(json.dumps(encoded.body))
    _same("second reading", wire.decode_request(written), request)
    _same("written members", said.meaning(written), said.meaning(body))


def check_request_across(recording: Recording) -> None:
    """Other dialects hear every text, call and result, and what they send comes back as it was."""
    request = wire.decode_request(recording.request_body)
    for other in OTHERS:
        body = json.loads(json.dumps(other.encode_request(request, "m", {}, False).body))
        heard = other.decode_request(body)
        back = wire.decode_request(json.loads(json.dumps(wire.encode_request(heard, "m", {}, False).body)))
        meant = [_flat(item) for item in _told(request)]
        _same(f"heard in {other.NAME}", [_flat(item) for item in _told(heard)], meant)
        _same(f"back from {other.NAME}", [_flat(item) for item in _told(back)], meant)


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
    _same("content", said.canonically(choice.parts), plain)
    _same("stop", choice.stop, said.stop_plainly(body, any(item[0] == "call" for item in plain)))
    _same("usage", said.usage_canonically(response.usage), said.usage_plainly(body))
    _same("usage read in passing", wire.read_usage(recording.body), response.usage)
    written = json.loads(json.dumps(wire.encode_response(response, ASKED)))
    _same("second reading", wire.decode_response(written), response)
    _same("written members", said.meaning(written), said.meaning(body))
    streamed = list(wire.decode_stream([recording.body]))
    _same("ids in a stream", said.ids(streamed), [part.id for part in choice.parts if isinstance(part, ToolCall)])
    for other in OTHERS:
        told = other.decode_response(json.loads(json.dumps(other.encode_response(response, ASKED))))
        _same(
            f"content in {other.NAME}",
            said.joined(said.canonically(told.choices[0].parts)),
            said.joined(said.canonically(choice.parts)),
        )
        _same(f"usage in {other.NAME}", said.usage_canonically(told.usage), said.usage_canonically(response.usage))


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
    _same("content", found, plain)
    _same("stop", stop, said.stop_plainly(last, any(item[0] == "call" for item in plain)))
    _same("usage", said.usage_canonically(usage), said.usage_plainly(last))
    for seed in range(3):
        _same("events of the cut stream", list(wire.decode_stream(_cut(recording.body, seed))), decoded)
    meter, blocks = wire.meter(), Lines()
    for chunk in _cut(recording.body, 7):
        if whole := blocks.feed(chunk):
            meter.feed(whole)
    meter.feed(blocks.rest())
    _same("metered usage and end", (meter.usage, meter.finished), (usage, True))
    _same("error in passing", wire.stream_error(recording.body), None)
    written = b"".join(wire.encode_stream(decoded, ASKED))
    again = list(wire.decode_stream(_cut(written, 3)))
    _same("second reading", said.stream_canonically(again), (found, stop, usage))


def check_stream_across(recording: Recording) -> None:
    """Callers of other dialects get the texts, calls, reason and counts of a stream."""
    decoded = list(wire.decode_stream([recording.body]))
    meant, wanted, counts = said.stream_canonically(decoded)
    for other in OTHERS:
        written = b"".join(other.encode_stream(decoded, ASKED))
        heard, stop, usage = said.stream_canonically(other.decode_stream([written]))
        _same(f"content in {other.NAME}", said.joined(heard), said.joined(meant))
        _same(f"stop in {other.NAME}", stop, "stop" if wanted == "unknown" else wanted)
        if counts is not None:  # else the gateway counts for itself
            _same(f"usage in {other.NAME}", said.usage_canonically(usage), said.usage_canonically(counts))


def _cut(body: bytes, seed: int) -> list[bytes]:
    chance = random.Random(seed)
    places = sorted(chance.sample(range(len(body) + 1), min(len(body), 40)))
    return [body[start:stop] for start, stop in zip([0, *places], [*places, len(body)], strict=True) if start < stop]


def _same(what: str, have: object, want: object) -> None:
    if have != want:
        raise AssertionError(f"{what}: {have!r}"[:1400] + f" is not {want!r}"[:1400])


def main() -> int:
    """Print the table and a summary in JSON; return 1 when the bar is missed."""
    if folder() is None:
        print("recorded provider traffic is not on this machine; nothing was checked")
    tally = check_all()
    print(f"{'provider':<10}{'endpoint':<14}{'case':<28}{'passed':>8}{'failed':>8}")
    for key in sorted({*tally.passed, *tally.failed}):
        print(f"{key[0]:<10}{key[1]:<14}{key[2]:<28}{tally.passed[key]:>8}{tally.failed[key]:>8}")
    for reason in tally.reasons:
        print(f"  {reason}")
    for text, number in tally.refused.items():
        print(f"  refused {number} times, {text}")
    summary = {
        "check": "ollama",
        "cases": tally.total,
        "failed": tally.failed.total(),
        "share": round(tally.share, 5),
        "bar": BAR,
    }
    print(json.dumps(summary))
    return 0 if tally.total and tally.share >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
