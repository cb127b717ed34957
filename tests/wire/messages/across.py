"""Recorded traffic of both chat dialects, told in the other one: nothing raises, and nothing that was said is lost.

Run it with `python -m tests.wire.messages.across`. A request may be refused where the other dialect cannot say it; the
refusals are counted by their reason and do not fail. Texts, calls and usage of answers must be the same on both sides.
Several messages in one stream body (a handful of published fixtures are joined so) end a Chat Completions client's
reading at the first one's [DONE]; these fail here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import openai_chat as chat
from sluice.dialects.base import ChatDialect
from sluice.errors import GatewayError
from sluice.types.chat import ChatRequest, ChatResponse, Refusal, Text, ToolCall
from sluice.types.stream import ArgumentsDelta, Finish, PartStart, StreamEvent, StreamFailed, TextDelta, UsageReport
from tests.wire.recordings import Recording
from tests.wire.tally import Case, main, same, unless_refused

BAR = 0.99
ASKED = ChatRequest(model="m", messages=(), include_usage=True)
SIDES: dict[str, tuple[ChatDialect, ChatDialect]] = {
    "messages": (messages, chat),
    "chat.completions": (chat, messages),
}


ENDPOINTS = tuple(SIDES)


def cases(recording: Recording) -> Iterator[tuple[str, Case]]:
    """Yield the cases of one recording; a refusal of what the other dialect cannot say is no failure."""
    if recording.status != 200:
        return
    other = SIDES[recording.endpoint][1]
    if isinstance(recording.request_body, dict):
        yield f"request in {other.NAME}", unless_refused(partial(_request, recording))
    if recording.body.lstrip().startswith(b"{"):
        yield f"answer in {other.NAME}", unless_refused(partial(_answer, recording))
    else:
        yield f"stream in {other.NAME}", unless_refused(partial(_stream, recording))


def _request(recording: Recording) -> None:
    own, other = SIDES[recording.endpoint]
    asked = own.decode_request({**recording.request_body, "model": "m"})
    there = other.encode_request(asked, "m", {}, False)
    body = json.loads(json.dumps(there.body))
    heard = other.decode_request(body)
    same("texts", sorted(_texts(heard, asked)), [])
    same("calls", _calls(heard), _calls(asked))


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


def _answer(recording: Recording) -> None:
    own, other = SIDES[recording.endpoint]
    try:
        answer = own.decode_response(json.loads(recording.body))
    except GatewayError:
        return  # an error with a good status
    body = json.loads(json.dumps(other.encode_response(answer, ASKED)))
    same("content", _said(other.decode_response(body)), _said(answer))
    if answer.usage is not None:
        again = other.decode_response(body).usage
        assert again is not None
        same("tokens", (again.prompt, again.output), (answer.usage.prompt, answer.usage.output))


def _said(answer: ChatResponse) -> tuple[str, list[tuple[str, Any]]]:
    parts = answer.choices[0].parts
    text = "".join(part.text for part in parts if isinstance(part, Text | Refusal))  # one dialect refuses in a text
    return text.strip(), [(part.name, _value(part.arguments)) for part in parts if isinstance(part, ToolCall)]


def _stream(recording: Recording) -> None:
    own, other = SIDES[recording.endpoint]
    events = list(own.decode_stream([recording.body]))
    written = b"".join(other.encode_stream(events, ASKED))
    if any(isinstance(event, StreamFailed) for event in events):
        same("failure", b'"error"' in written, True)
        return
    same("content", _streamed(other.decode_stream([written])), _streamed(events))


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


if __name__ == "__main__":
    sys.exit(main("messages across", ENDPOINTS, cases, BAR))
