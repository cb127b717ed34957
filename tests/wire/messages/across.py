"""Recorded traffic of both chat dialects, told in the other one: nothing raises, and nothing that was said is lost.

Run it with `python -m tests.wire.messages.across`. A request may be refused where the other dialect cannot say it; the
refusals are counted by their reason and do not fail. Texts, calls and usage of answers must be the same on both sides.
Several messages in one stream body (a handful of published fixtures are joined so) end a Chat Completions client's
reading at the first one's [DONE]; these fail here.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import openai_chat as chat
from sluice.dialects.base import ChatDialect
from sluice.errors import BadRequest, GatewayError
from sluice.types.chat import ChatRequest, ChatResponse, Refusal, Text, ToolCall
from sluice.types.stream import ArgumentsDelta, Finish, PartStart, StreamEvent, StreamFailed, TextDelta, UsageReport
from tests.wire.recordings import Recording, folder, read

BAR = 0.99
ASKED = ChatRequest(model="m", messages=(), include_usage=True)
SIDES: dict[str, tuple[ChatDialect, ChatDialect]] = {
    "messages": (messages, chat),
    "chat.completions": (chat, messages),
}


@dataclass
class Tally:
    """Passed and failed cases by endpoint and kind, refusals by reason, and why each failure failed."""

    passed: Counter[tuple[str, str]] = field(default_factory=Counter)
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.passed.values()) + sum(self.failed.values())

    @property
    def share(self) -> float:
        return 1 - sum(self.failed.values()) / self.total if self.total else 1.0


def check_all() -> Tally:
    """Tell every recording of both endpoints in the other dialect."""
    tally = Tally()
    for recording in read(SIDES):
        if recording.status != 200:
            continue
        for kind, case in _cases(recording):
            try:
                case(recording, tally)
                tally.passed[recording.endpoint, kind] += 1
            except Exception as error:
                tally.failed[recording.endpoint, kind] += 1
                tally.reasons.append(f"{kind} {recording.label}: {type(error).__name__}: {str(error)[:300]}")
    return tally


def _cases(recording: Recording) -> Iterator[tuple[str, Callable[[Recording, Tally], None]]]:
    if isinstance(recording.request_body, dict):
        yield "request", _request
    if recording.body.lstrip().startswith(b"{"):
        yield "answer", _answer
    else:
        yield "stream", _stream


def _request(recording: Recording, tally: Tally) -> None:
    own, other = SIDES[recording.endpoint]
    asked = own.decode_request({**recording.request_body, "model": "m"})
    try:
        there = other.encode_request(asked, "m", {}, False)
    except BadRequest as refusal:
        tally.refused[f"{recording.endpoint}: {refusal.message}"] += 1
        return
    body = json.loads(json.dumps(there.body))
    heard = other.decode_request(body)
    _same("texts", sorted(_texts(heard, asked)), [])
    _same("calls", _calls(heard), _calls(asked))


def _texts(heard: ChatRequest, asked: ChatRequest) -> list[str]:
    """Return the texts that were not heard; white space around them does not count."""
    sent = {part.text.strip() for message in heard.messages for part in message.parts if isinstance(part, Text)}
    parts = (part for message in asked.messages for part in message.parts)
    return [part.text for part in parts if isinstance(part, Text) and part.text.strip() not in {*sent, ""}]


def _calls(request: ChatRequest) -> list[tuple[str, Any]]:
    calls = [part for message in request.messages for part in message.parts if isinstance(part, ToolCall)]
    return [(call.name, _value(call.arguments)) for call in calls]


def _value(arguments: str) -> Any:
    try:
        value = json.loads(arguments or "{}")
    except ValueError:
        return arguments
    if value is None:
        return {}
    return value["invalid_arguments"] if isinstance(value, dict) and set(value) == {"invalid_arguments"} else value


def _answer(recording: Recording, tally: Tally) -> None:
    own, other = SIDES[recording.endpoint]
    try:
        answer = own.decode_response(json.loads(recording.body))
    except GatewayError:
        return  # an error with a good status
    body = json.loads(json.dumps(other.encode_response(answer, ASKED)))
    _same("content", _said(other.decode_response(body)), _said(answer))
    if answer.usage is not None:
        again = other.decode_response(body).usage
        assert again is not None
        _same("tokens", (again.prompt, again.output), (answer.usage.prompt, answer.usage.output))


def _said(answer: ChatResponse) -> tuple[str, list[tuple[str, Any]]]:
    parts = answer.choices[0].parts
    text = "".join(part.text for part in parts if isinstance(part, Text | Refusal))  # one dialect refuses in a text
    return text.strip(), [(part.name, _value(part.arguments)) for part in parts if isinstance(part, ToolCall)]


def _stream(recording: Recording, tally: Tally) -> None:
    own, other = SIDES[recording.endpoint]
    events = list(own.decode_stream([recording.body]))
    written = b"".join(other.encode_stream(events, ASKED))
    if any(isinstance(event, StreamFailed) for event in events):
        _same("failure", b'"error"' in written, True)
        return
    _same("content", _streamed(other.decode_stream([written])), _streamed(events))


def _streamed(events: Any) -> tuple[Any, ...]:
    texts, calls, names, stop, tokens = "", dict[int, str](), list[str](), "", None
    kinds: dict[tuple[int, int], str] = {}
    for event in events:
        one: StreamEvent = event
        if getattr(one, "choice", 0) != 0:
            continue
        if isinstance(one, PartStart):
            kinds[one.choice, one.part] = one.kind
            if one.kind == "tool_call":
                names.append(one.name)
                calls[one.part] = ""
        elif isinstance(one, TextDelta) and kinds[one.choice, one.part] in ("text", "refusal"):
            texts += one.text
        elif isinstance(one, ArgumentsDelta):
            calls[one.part] += one.fragment
        elif isinstance(one, Finish):
            stop = "cut" if one.stop == "length" else ""
        elif isinstance(one, UsageReport):
            tokens = (one.usage.prompt, one.usage.output)
    return texts, names, [_value(text) for text in calls.values()], stop, tokens or (0, 0)


def _same(what: str, have: object, want: object) -> None:
    if have != want:
        raise AssertionError(f"{what}: {have!r}"[:140] + f" is not {want!r}"[:140])


def main() -> int:
    """Print the table and a summary in JSON; return 1 when the bar is missed."""
    if folder() is None:
        print("recorded provider traffic is not on this machine; nothing was checked")
    tally = check_all()
    print(f"{'across':<28}{'passed':>8}{'failed':>8}")
    for key in sorted(tally.passed.keys() | tally.failed.keys()):
        print(f"{' '.join(key):<28}{tally.passed[key]:>8}{tally.failed[key]:>8}")
    for reason, number in tally.refused.most_common():
        print(f"  refused {number}: {reason}")
    for reason in tally.reasons:
        print(f"  {reason}")
    failed = sum(tally.failed.values())
    summary = {
        "check": "across",
        "cases": tally.total,
        "failed": failed,
        "refused": sum(tally.refused.values()),
        "share": round(tally.share, 5),
        "bar": BAR,
    }
    print(json.dumps(summary))
    return 0 if tally.total and tally.share >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
