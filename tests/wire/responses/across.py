"""Recorded traffic told across dialects: `python -m tests.wire.responses.across`.

Recordings of Chat Completions and Messages as a Responses caller or provider has them, and Responses recordings as the
others have them: nothing raises, and text, calls, reasoning and token counts stay. A request may be refused where the
other dialect cannot say it; refusals are counted. Bodies with several answers one behind the other (joined fixtures)
are read up to the first one's end and fail here.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import openai_chat as chat
from sluice.dialects import openai_responses as responses
from sluice.dialects.base import ChatDialect
from sluice.errors import BadRequest, GatewayError
from sluice.types.chat import ChatRequest, Text, ToolCall
from tests.wire import recordings
from tests.wire.chat_completions import collect
from tests.wire.recordings import Recording
from tests.wire.responses.said import events_of, order_problems

BAR = 0.99
CALLER = ChatRequest(model="m", messages=(), stream=True, include_usage=True)
PAIRS: tuple[tuple[str, ChatDialect, ChatDialect], ...] = (
    ("chat.completions", chat, responses),
    ("messages", messages, responses),
    ("responses", responses, chat),
    ("responses", responses, messages),
)


def check(recording: Recording, own: ChatDialect, other: ChatDialect) -> list[str]:
    """Return what is lost or broken when a recording of one dialect is told in another."""
    try:
        if recording.body.lstrip()[:1] in (b"{", b"["):
            return [*_whole(json.loads(recording.body), own, other)]
        return [*_stream(recording.body, own, other)]
    except Exception as error:
        return [f"raised {type(error).__name__}: {error}"]


def _whole(body: Any, own: ChatDialect, other: ChatDialect) -> Iterator[str]:
    try:
        answer = own.decode_response(body)
    except (GatewayError, AttributeError):
        return  # an error in a 200 answer, or another dialect
    written = json.loads(json.dumps(other.encode_response(answer, CALLER)))
    yield from _compare(collect.of_response(answer), collect.of_response(other.decode_response(written)))


def _stream(body: bytes, own: ChatDialect, other: ChatDialect) -> Iterator[str]:
    events = [event for event in own.decode_stream([body]) if getattr(event, "choice", 0) == 0]
    written = b"".join(other.encode_stream(iter(events), CALLER))
    if other is responses:
        yield from order_problems(list(events_of(written)))
    again = list(other.decode_stream([written]))
    yield from collect.contract_problems(again)
    yield from _compare(collect.of_events(events), collect.of_events(again))


def _compare(one: collect.Answer, other: collect.Answer) -> Iterator[str]:
    if bool(one.failed) != bool(other.failed):
        yield f"failed: {one.failed!r} / {other.failed!r}"
    elif one.failed is None:
        want, have = _said(one), _said(other)
        if want != have:
            yield f"{want!r}"[:200] + f" became {have!r}"[:200]
        if one.usage is not None and (one.usage.prompt, one.usage.output) != (
            (other.usage.prompt, other.usage.output) if other.usage else (0, 0)
        ):
            yield f"usage {one.usage} became {other.usage}"


def _said(answer: collect.Answer) -> tuple[Any, ...]:
    said = answer.choices.get(0) or collect.Said()
    calls = [(name, _value(text)) for _, name, text in said.calls]
    # One dialect refuses in a text; blank lines between parts of reasoning do not count.
    return said.text + said.refusal, "".join(said.thinking.split()), calls


def _value(text: str) -> Any:
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        return text
    if isinstance(value, dict) and set(value) in ({"invalid_arguments"}, {"input"}):
        return next(iter(value.values()))  # free text, where the dialect knows only objects
    return value


def check_request(recording: Recording, own: ChatDialect, other: ChatDialect) -> tuple[list[str], str | None]:
    """Return what is lost of a request, and why it was refused if it was."""
    try:
        asked = own.decode_request({**recording.request_body, "model": "m"})
        if asked.bound:
            return [], f"bound by {next(iter(asked.bound))}"
        body = other.encode_request(asked, "m", {}, False).body
        heard = other.decode_request(json.loads(json.dumps(body)))
    except BadRequest as refusal:
        return [], refusal.message
    except Exception as error:
        return [f"request raised {type(error).__name__}: {error}"], None
    problems = [f"request lost {text!r}"[:200] for text in _texts(asked) - _texts(heard)]
    if _calls(asked) != _calls(heard):
        problems.append("request lost a call")
    return problems, None


def _texts(request: ChatRequest) -> set[str]:
    return {part.text.strip() for message in request.messages for part in message.parts if isinstance(part, Text)} - {
        ""
    }


def _calls(request: ChatRequest) -> list[tuple[str, Any]]:
    calls = (part for message in request.messages for part in message.parts if isinstance(part, ToolCall))
    return [(call.name, _value(call.arguments)) for call in calls]


def run() -> tuple[Counter[tuple[str, bool]], list[str], Counter[str]]:
    """Check all recordings; return counts by (direction, passed), the problems, refusals by reason."""
    counts: Counter[tuple[str, bool]] = Counter()
    refused: Counter[str] = Counter()
    problems: list[str] = []
    for endpoint, own, other in PAIRS:
        way = f"{own.NAME} -> {other.NAME}"
        for recording in recordings.read([endpoint]):
            if recording.status != 200:
                continue
            found = check(recording, own, other)
            if isinstance(recording.request_body, dict):
                lost, reason = check_request(recording, own, other)
                found += lost
                refused.update([f"{way}: {reason[:90]}"] if reason else [])
            counts[way, not found] += 1
            problems += [f"{way} {recording.label}: {problem}" for problem in found]
    return counts, problems, refused


def main() -> int:
    """Print a table, refusals, every exception and a summary; 0 when the bar is met."""
    counts, problems, refused = run()
    print(f"{'direction':<44}{'passed':>8}{'failed':>8}")
    for way in sorted({name for name, _ in counts}):
        print(f"{way:<44}{counts[way, True]:>8}{counts[way, False]:>8}")
    for reason, number in refused.most_common():
        print(f"  refused {number}: {reason}")
    for problem in problems:
        print(problem)
    total = sum(counts.values())
    failed = sum(count for (_, passed), count in counts.items() if not passed)
    rate = (total - failed) / total if total else 0.0
    summary = {"check": "responses_across", "cases": total, "failed": failed, "refused": sum(refused.values())}
    print(json.dumps({**summary, "rate": round(rate, 5), "bar": BAR, "met": rate >= BAR}))
    return 0 if rate >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
