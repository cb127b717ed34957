"""Recorded traffic told across dialects: Gemini's in the other two, theirs in Gemini's; nothing that was said is lost.

Run it with `python -m tests.wire.gemini.across`. A request may be refused where the other dialect cannot say it; the
refusals are counted by their reason and do not fail. An answer of Gemini must also find its way back: what a caller of
another dialect returns has every function call's signature byte for byte.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import gemini
from sluice.dialects import openai_chat as chat
from sluice.dialects.base import ChatDialect
from sluice.errors import BadRequest, GatewayError
from sluice.types.chat import ChatRequest, ChatResponse, Part, Refusal, Text, ToolCall, ToolResult
from sluice.types.stream import StreamFailed
from tests.wire.gemini import said
from tests.wire.recordings import Recording, folder, read

BAR = 0.99
ASKED = ChatRequest(model="m", messages=(), include_usage=True)
QUESTION = {"role": "user", "content": "x"}
PAIRS: dict[str, tuple[ChatDialect, tuple[ChatDialect, ...]]] = {
    "gemini.generate": (gemini, (chat, messages)),
    "gemini.stream": (gemini, (chat, messages)),
    "messages": (messages, (gemini,)),
    "chat.completions": (chat, (gemini,)),
}
Case = Callable[[Recording, ChatDialect, ChatDialect], None]


@dataclass
class Tally:
    """Passed and failed cases by endpoint, other dialect and kind; refusals by reason; why each failure failed."""

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
    """Tell every recording in the other dialects."""
    tally = Tally()
    for recording in read(PAIRS):
        own, others = PAIRS[recording.endpoint]
        for other in others if recording.status == 200 else ():
            for kind, case in _cases(recording, own):
                _run(recording, own, other, kind, case, tally)
    return tally


def _run(recording: Recording, own: ChatDialect, other: ChatDialect, kind: str, case: Case, tally: Tally) -> None:
    key = (recording.endpoint, other.NAME, kind)
    try:
        case(recording, own, other)
        tally.passed[key] += 1
    except BadRequest as refusal:
        tally.refused[f"{recording.endpoint} in {other.NAME}: {refusal.message}"] += 1
    except Exception as error:
        tally.failed[key] += 1
        tally.reasons.append(f"{' '.join(key)} {recording.label}: {type(error).__name__}: {str(error)[:300]}")


def _cases(recording: Recording, own: ChatDialect) -> Iterator[tuple[str, Case]]:
    if isinstance(recording.request_body, dict):
        yield "request", _request
    if recording.body.lstrip().startswith(b"{"):
        yield "answer", _answer
        if own is gemini:
            yield "return", _return
    else:
        yield "stream", _stream
        if own is gemini:
            yield "return", _streamed_return


def _request(recording: Recording, own: ChatDialect, other: ChatDialect) -> None:
    asked = own.decode_request({**recording.request_body, "model": "m"})
    body = json.loads(json.dumps(other.encode_request(asked, "m", {}, False).body))
    heard = other.decode_request({"model": "m", **body})
    _same("lost texts", _lost(heard, asked), [])
    _same("calls", _calls(_parts(heard)), _calls(_parts(asked)))
    _same("results", _results(heard), _results(asked))
    _same("tools", [tool.name for tool in heard.tools], [tool.name for tool in asked.tools])
    _same("bounds", (heard.stop, heard.temperature), (asked.stop, heard.temperature))


def _parts(request: ChatRequest) -> list[Part]:
    return [part for message in request.messages for part in message.parts]


def _lost(heard: ChatRequest, asked: ChatRequest) -> list[str]:
    """The texts that were not heard; white space around them does not count, nor does where they are parted."""
    sent = "".join("".join(part.text.split()) for part in _parts(heard) if isinstance(part, Text))
    texts = [part.text for part in _parts(asked) if isinstance(part, Text)]
    return [text for text in texts if "".join(text.split()) not in sent]


def _calls(parts: Any) -> list[tuple[str, Any]]:
    return [(part.name, _value(part.arguments)) for part in parts if isinstance(part, ToolCall)]


def _results(request: ChatRequest) -> list[Any]:
    """What each tool answered, with the number of the call that it answers."""
    places: dict[str, int] = {}
    found: list[tuple[int, Any]] = []
    for part in _parts(request):
        if isinstance(part, ToolCall):
            places[part.id] = len(places)
        elif isinstance(part, ToolResult):
            text = "".join(inner.text for inner in part.parts if isinstance(inner, Text))
            if text not in ("", "The result follows in the next message."):
                found.append((places.get(part.call_id, -1), _value(text)))
    return sorted(found, key=lambda item: item[0])


def _value(text: str) -> Any:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return text
    if isinstance(value, dict) and set(value) == {"invalid_arguments"}:
        return value["invalid_arguments"]
    if isinstance(value, dict) and set(value) in ({"output"}, {"result"}, {"error"}):
        return next(iter(value.values()))
    return {} if value is None else value


def _answer(recording: Recording, own: ChatDialect, other: ChatDialect) -> None:
    try:
        answer = own.decode_response(json.loads(recording.body))
    except GatewayError:
        return  # an error with a good status
    body = json.loads(json.dumps(other.encode_response(answer, ASKED)))
    again = other.decode_response(body)
    _same("content", _said(again), _said(answer))
    _same("stop", _ended(again.choices[0].stop), _ended(answer.choices[0].stop))
    if answer.usage is not None and again.usage is not None:
        _same("tokens", (again.usage.prompt, again.usage.output), (answer.usage.prompt, answer.usage.output))


def _said(answer: ChatResponse) -> tuple[str, list[tuple[str, Any]]]:
    parts = answer.choices[0].parts
    text = "".join(part.text for part in parts if isinstance(part, Text | Refusal))  # one dialect refuses in a text
    return text.strip(), _calls(parts)


def _ended(stop: Any) -> str:
    return str(stop) if stop in ("length", "tool_calls") else ""


def _stream(recording: Recording, own: ChatDialect, other: ChatDialect) -> None:
    events = list(own.decode_stream([recording.body]))
    written = b"".join(other.encode_stream(events, ASKED))
    if any(isinstance(event, StreamFailed) for event in events):
        _same("failure", b'"error"' in written, True)
        return
    _same("content", _streamed(list(other.decode_stream([written]))), _streamed(events))


def _streamed(events: Any) -> tuple[Any, ...]:
    gathered = said.gathered(events)
    items, stop, usage = gathered.get(0, []), said.stop_of(events), said.usage_of(events)
    text = "".join(item[1] for item in items if item[0] == "text")
    calls = [(item[1], _value(item[2])) for item in items if item[0] == "call"]
    return text, calls, _ended(stop), (usage.prompt, usage.output) if usage else (0, 0)


def _return(recording: Recording, own: ChatDialect, other: ChatDialect) -> None:
    """A whole answer, sent back by a caller of the other dialect as the conversation's last turn."""
    raw = json.loads(recording.body)
    body = other.encode_response(own.decode_response(raw), ASKED)
    parts = ((raw.get("candidates") or [{}])[0].get("content") or {}).get("parts") or []
    _same("signed parts", _sent_back(json.loads(json.dumps(body)), other), _signed(said.plainly(parts)))


def _streamed_return(recording: Recording, own: ChatDialect, other: ChatDialect) -> None:
    """A streamed answer, gathered by a caller of the other dialect and sent back."""
    plain, reasons, _ = said.stream_plainly(recording.body)
    if not all(reasons.values()):
        return
    written = b"".join(other.encode_stream(own.decode_stream([recording.body]), ASKED))
    body = said.messages_body(written) if other is messages else said.chat_body(written)
    _same("signed parts", _sent_back(body, other, flat=True), _signed(plain.get(0, [])))


def _sent_back(body: dict[str, Any], other: ChatDialect, flat: bool = False) -> Any:
    """What Gemini gets of an answer that a caller puts into its next request."""
    turn = {"role": "assistant", "content": body["content"]} if other is messages else body["choices"][0]["message"]
    asked = other.decode_request({"model": "m", "max_tokens": 9, "messages": [QUESTION, turn, QUESTION]})
    encoded = gemini.encode_request(asked, "m", {"signed_calls": False}, False)
    turns: Any = encoded.body["contents"]
    items = said.plainly([part for content in turns if content["role"] == "model" for part in content["parts"]])
    return _signed([(*item[:2], said.flat(item[2])) if flat and item[0] == "call" else item for item in items])


def _signed(items: list[Any]) -> tuple[Any, ...]:
    """The calls, each with the signature that it carries, and all signatures."""
    calls = [
        (item[1:], before[1] if before[0] == "signature" else None)
        for before, item in zip([("", ""), *items], items, strict=False)
        if item[0] == "call"
    ]
    return calls, sorted(item[1] for item in items if item[0] == "signature")


def _same(what: str, have: object, want: object) -> None:
    if have != want:
        raise AssertionError(f"{what}: {have!r}"[:500] + f" is not {want!r}"[:500])


def main() -> int:
    """Print the table and a summary in JSON; return 1 when the bar is missed."""
    if folder() is None:
        print("recorded provider traffic is not on this machine; nothing was checked")
    tally = check_all()
    print(f"{'across':<52}{'passed':>8}{'failed':>8}")
    for key in sorted(tally.passed.keys() | tally.failed.keys()):
        print(f"{' '.join(key):<52}{tally.passed[key]:>8}{tally.failed[key]:>8}")
    for reason, number in tally.refused.most_common():
        print(f"  refused {number}: {reason}")
    for reason in tally.reasons:
        print(f"  {reason}")
    summary = {
        "check": "gemini across",
        "cases": tally.total,
        "failed": tally.failed.total(),
        "refused": tally.refused.total(),
        "share": round(tally.share, 5),
        "bar": BAR,
    }
    print(json.dumps(summary))
    return 0 if tally.total and tally.share >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
