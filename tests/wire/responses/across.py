"""Recorded traffic told across dialects: `python -m tests.wire.responses.across`.

Recordings of Chat Completions and Messages as a Responses caller or provider has them, and Responses recordings as the
others have them: nothing raises, and text, calls, reasoning and token counts stay. A request may be refused where the
other dialect cannot say it; refusals are counted. Bodies with several answers one behind the other (joined fixtures)
are read up to the first one's end and fail here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import openai_chat as chat
from sluice.dialects import openai_responses as responses
from sluice.dialects.base import ChatDialect
from sluice.errors import GatewayError
from sluice.types.chat import ChatRequest, Text, ToolCall
from tests.wire.chat_completions import collect
from tests.wire.recordings import Recording
from tests.wire.responses.said import events_of, order_problems
from tests.wire.tally import Case, NotServed, main, sound, unless_refused

BAR = 0.99
CALLER = ChatRequest(model="m", messages=(), stream=True, include_usage=True)
PAIRS: tuple[tuple[str, ChatDialect, ChatDialect], ...] = (
    ("chat.completions", chat, responses),
    ("messages", messages, responses),
    ("responses", responses, chat),
    ("responses", responses, messages),
)

ENDPOINTS = tuple(dict.fromkeys(endpoint for endpoint, _, _ in PAIRS))


def cases(recording: Recording) -> Iterator[tuple[str, Case]]:
    """Yield the cases of one recording; a refusal of what the other dialect cannot say is no failure."""
    if recording.status != 200:
        return
    for endpoint, own, other in PAIRS:
        if endpoint != recording.endpoint:
            continue
        if isinstance(recording.request_body, dict):
            lost = partial(_request, recording.request_body, own, other)
            yield f"request in {other.NAME}", unless_refused(sound(lost))
        if recording.body.lstrip()[:1] in (b"{", b"["):
            yield f"answer in {other.NAME}", sound(partial(_whole, recording.body, own, other))
        else:
            yield f"stream in {other.NAME}", sound(partial(_stream, recording.body, own, other))


def _whole(body: bytes, own: ChatDialect, other: ChatDialect) -> Iterator[str]:
    try:
        answer = own.decode_response(json.loads(body))
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


def _request(body: dict[str, Any], own: ChatDialect, other: ChatDialect) -> Iterator[str]:
    asked = own.decode_request({**body, "model": "m"})
    if asked.bound:
        raise NotServed(f"bound by {next(iter(asked.bound))}")
    heard = other.decode_request(json.loads(json.dumps(other.encode_request(asked, "m", {}, False).body)))
    yield from (f"lost {text!r}"[:200] for text in _texts(asked) - _texts(heard))
    if _calls(asked) != _calls(heard):
        yield "lost a call"


def _texts(request: ChatRequest) -> set[str]:
    return {part.text.strip() for message in request.messages for part in message.parts if isinstance(part, Text)} - {
        ""
    }


def _calls(request: ChatRequest) -> list[tuple[str, Any]]:
    calls = (part for message in request.messages for part in message.parts if isinstance(part, ToolCall))
    return [(call.name, _value(call.arguments)) for call in calls]


if __name__ == "__main__":
    sys.exit(main("responses across", ENDPOINTS, cases, BAR))
