"""Recorded traffic told across dialects: Bedrock's in the others, theirs in Converse; nothing that was said is lost.

Run it with `python -m tests.wire.bedrock.across`. A request may be refused where the other dialect cannot say it; the
refusals are counted by their reason and do not fail. Signed reasoning of Bedrock must find its way back through a
caller of the Messages dialect.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from sluice.dialects import anthropic_messages, bedrock_converse, gemini, openai_chat, openai_responses
from sluice.dialects.base import ChatDialect
from sluice.errors import GatewayError
from sluice.types.chat import ChatRequest, Part, Refusal, Text, Thinking, ToolCall, ToolResult
from sluice.types.stream import ArgumentsDelta, Finish, PartStart, StreamFailed, TextDelta, UsageReport
from tests.wire.bedrock.check import framed
from tests.wire.recordings import Recording
from tests.wire.tally import Case, main, same, unless_refused

BAR = 0.99
ASKED = ChatRequest(model="m", messages=(), include_usage=True)
OTHERS = (openai_chat, anthropic_messages, openai_responses, gemini)
PAIRS: dict[str, tuple[ChatDialect, tuple[ChatDialect, ...]]] = {
    "bedrock.converse": (bedrock_converse, OTHERS),
    "bedrock.converse_stream": (bedrock_converse, OTHERS),
    "messages": (anthropic_messages, (bedrock_converse,)),
    "chat.completions": (openai_chat, (bedrock_converse,)),
    "gemini.generate": (gemini, (bedrock_converse,)),
    "gemini.stream": (gemini, (bedrock_converse,)),
}
ENDPOINTS = tuple(PAIRS)
Told = Callable[[Recording, ChatDialect, ChatDialect], None]
EMPTY = ("", "(no output)", "The result follows in the next message.")
NO_STOPS = (openai_responses,)
"""Dialects without stop sequences; leaving them out is reported."""


def cases(recording: Recording) -> Iterator[tuple[str, Case]]:
    """Yield the cases of one recording; a refusal of what the other dialect cannot say is no failure."""
    if recording.status != 200:
        return
    own, others = PAIRS[recording.endpoint]
    for other in others:
        for kind, case in _cases(recording, own, other):
            yield f"{kind} in {other.NAME}", unless_refused(partial(case, recording, own, other))


def _cases(recording: Recording, own: ChatDialect, other: ChatDialect) -> Iterator[tuple[str, Told]]:
    if isinstance(recording.request_body, dict):
        yield "request", _request
    streams = recording.endpoint == "bedrock.converse_stream" or not recording.body.lstrip().startswith(b"{")
    yield ("stream", _stream) if streams else ("answer", _answer)
    if own is bedrock_converse and other is anthropic_messages and not streams:
        yield "return", _return


def _request(recording: Recording, own: ChatDialect, other: ChatDialect) -> None:
    asked = own.decode_request({**recording.request_body, "model": "m"})
    encoded = other.encode_request(asked, "m", {}, False)
    heard = other.decode_request({"model": "m", "max_tokens": 9, **json.loads(json.dumps(encoded.body))})
    same("lost texts", _lost(heard, asked), [])
    same("calls", _calls(_parts(heard)), _calls(_parts(asked)))
    same("results", _results(heard), _results(asked))
    if not {"added:tools", "dropped:tools"} & set(encoded.edits):
        same("tools", [tool.name for tool in heard.tools], [tool.name for tool in asked.tools])
    if other not in NO_STOPS:
        same("stop sequences", heard.stop, asked.stop)


def _parts(request: ChatRequest) -> list[Part]:
    return [part for message in request.messages for part in message.parts]


def _lost(heard: ChatRequest, asked: ChatRequest) -> list[str]:
    """The texts that were not heard; white space around them does not count, nor does where they are parted."""
    sent = "".join("".join(part.text.split()) for part in _parts(heard) if isinstance(part, Text))
    texts = [part.text for part in _parts(asked) if isinstance(part, Text)]
    return [text for text in texts if "".join(text.split()) not in sent]


def _calls(parts: Iterable[Part]) -> list[tuple[str, Any]]:
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
            if text not in EMPTY:
                found.append((places.get(part.call_id, -1), _value(text)))
    return sorted(found, key=lambda item: item[0])


def _value(text: str) -> Any:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return text
    if isinstance(value, dict) and set(value) in ({"invalid_arguments"}, {"output"}, {"result"}, {"error"}):
        return next(iter(value.values()))
    return {} if value is None else value


def _answer(recording: Recording, own: ChatDialect, other: ChatDialect) -> None:
    try:
        answer = own.decode_response(json.loads(recording.body))
    except GatewayError:
        return  # an error with a good status
    again = other.decode_response(json.loads(json.dumps(other.encode_response(answer, ASKED))))
    same("content", _said(again.choices[0].parts), _said(answer.choices[0].parts))
    same("stop", _ended(again.choices[0].stop), _ended(answer.choices[0].stop))
    if answer.usage is not None and again.usage is not None:
        same("tokens", (again.usage.prompt, again.usage.output), (answer.usage.prompt, answer.usage.output))


def _said(parts: tuple[Part, ...]) -> tuple[str, list[tuple[str, Any]]]:
    text = "".join(part.text for part in parts if isinstance(part, Text | Refusal))  # one dialect refuses in a text
    return text.strip(), _calls(parts)


def _ended(stop: Any) -> str:
    return str(stop) if stop in ("length", "tool_calls") else ""


def _stream(recording: Recording, own: ChatDialect, other: ChatDialect) -> None:
    body = framed(recording.body) if own is bedrock_converse else recording.body
    events = list(own.decode_stream([body]))
    written = b"".join(other.encode_stream(events, ASKED))
    heard = list(other.decode_stream([written]))
    if any(isinstance(event, StreamFailed) for event in events):
        same("failure", any(isinstance(event, StreamFailed) for event in heard), True)
        return
    same("content", _streamed(heard), _streamed(events))


def _streamed(events: list[Any]) -> tuple[Any, ...]:
    calls: dict[int, list[str]] = {}
    kinds: dict[int, str] = {}
    text, stop, usage = "", "", (0, 0)
    for event in events:
        if getattr(event, "choice", 0):
            continue
        if isinstance(event, PartStart):
            kinds[event.part] = event.kind
            if event.kind == "tool_call":
                calls[event.part] = [event.name, ""]
        elif isinstance(event, TextDelta) and kinds.get(event.part) in ("text", "refusal"):
            text += event.text
        elif isinstance(event, ArgumentsDelta):
            calls[event.part][1] += event.fragment
        elif isinstance(event, Finish):
            stop = _ended(event.stop)
        elif isinstance(event, UsageReport):
            usage = (event.usage.prompt, event.usage.output)
    return text, [(name, _value(arguments)) for name, arguments in calls.values()], stop, usage


def _return(recording: Recording, own: ChatDialect, other: ChatDialect) -> None:
    """A whole answer, sent back by a caller of the Messages dialect: its reasoning is as it was, byte for byte."""
    answer = own.decode_response(json.loads(recording.body))
    body: Any = other.encode_response(answer, ASKED)
    turns = [{"role": role, "content": content} for role, content in (("user", "x"), ("assistant", body["content"]))]
    asked = other.decode_request(
        {"model": "m", "max_tokens": 9, "messages": [*turns, {"role": "user", "content": "y"}]}
    )
    sent: Any = own.encode_request(asked, "m", {}, False).body
    blocks = json.loads(recording.body)["output"]["message"]["content"]
    signed = [
        part for part in answer.choices[0].parts if isinstance(part, Thinking) and (part.signature or part.redacted)
    ]
    assistant = [block for turn in sent["messages"] if turn["role"] == "assistant" for block in turn["content"]]
    told = [block["reasoningContent"] for block in assistant if "reasoningContent" in block]
    same("reasoning", len(told), len(signed))
    same("as it was", [one for one in told if one not in [block.get("reasoningContent") for block in blocks]], [])


if __name__ == "__main__":
    sys.exit(main("bedrock across", ENDPOINTS, cases, BAR))
