"""The conversations of the translation matrix in canonical form, and what must survive of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sluice.types.chat import (
    ChatRequest,
    ChatResponse,
    Choice,
    Image,
    Message,
    OutputFormat,
    Part,
    Reasoning,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from sluice.types.stream import (
    ArgumentsDelta,
    End,
    Finish,
    PartStart,
    PartStop,
    SignatureDelta,
    Start,
    StreamEvent,
    StreamFailed,
    TextDelta,
    UsageReport,
)
from sluice.types.usage import Usage

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WEATHER = Tool(
    "get_weather",
    "Get the weather of a city",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "integer"}},
    "required": ["answer"],
    "additionalProperties": False,
}


def _asked(*parts: Part) -> tuple[Message, ...]:
    return (Message("user", parts),)


TEXT = ChatRequest(
    "m",
    (
        Message("system", (Text("Be brief. Ünïcode: 雨 🌧"),)),
        Message("user", (Text("Hello"),)),
        Message("assistant", (Text("Hi"),)),
        Message("user", (Text("And now?\nTwo lines."),)),
    ),
    max_tokens=64,
    temperature=0.5,
    top_p=0.9,
    stop=("END",),
)
ROUND_TRIP = ChatRequest(
    "m",
    (
        Message("user", (Text("Weather in Paris and Rome?"),)),
        Message(
            "assistant",
            (
                Text("I will look."),
                ToolCall("call_aaaaaaaaa", "get_weather", '{"city":"Paris"}'),
                ToolCall("call_bbbbbbbbb", "get_weather", '{"city":"Rome"}'),
            ),
        ),
        Message("tool", (ToolResult("call_aaaaaaaaa", (Text("18 degrees"),)),)),
        Message("tool", (ToolResult("call_bbbbbbbbb", (Text("20 degrees"),)),)),
    ),
    tools=(WEATHER,),
    max_tokens=64,
)
REQUESTS: Mapping[str, ChatRequest] = {
    "one_text": ChatRequest("m", _asked(Text("Hello")), max_tokens=64),
    "text": TEXT,
    "tools": ROUND_TRIP,
    "forced_tool": ChatRequest(
        "m", _asked(Text("Weather?")), tools=(WEATHER,), tool_choice=ToolChoice("required"), max_tokens=64
    ),
    "image": ChatRequest("m", _asked(Text("What is it?"), Image(data=PIXEL, media_type="image/png")), max_tokens=64),
    "structured": ChatRequest(
        "m", _asked(Text("6 x 7?")), output_format=OutputFormat("json_schema", "answer", SCHEMA, True), max_tokens=64
    ),
    "reasoning": ChatRequest("m", _asked(Text("Why?")), reasoning=Reasoning(effort="high"), max_tokens=20_000),
}
"""What callers ask, by the name of the case."""

USAGE = Usage(input=11, output=7)
CALLS = (ToolCall("call_ccccccccc", "get_weather", '{"city":"Paris"}'),)
ANSWERS: Mapping[str, Choice] = {
    "one_text": Choice((Text("Hello 雨 back"),), "stop"),
    "text": Choice((Text("Now it rains 🌧"),), "length"),
    "tools": Choice((Text("18 and 20 degrees."),), "stop"),
    "forced_tool": Choice(CALLS, "tool_calls"),
    "image": Choice((Text("A pixel."),), "stop"),
    "structured": Choice((Text('{"answer":42}'),), "stop"),
    "reasoning": Choice(
        (
            Thinking("Because of the sky.", signature="c2lnbmVk"),
            Text("It is blue."),
        ),
        "stop",
    ),
}
"""What models answer to them."""


def response(case: str) -> ChatResponse:
    """Return the whole answer of a case."""
    reasoned = 3 if case == "reasoning" else 0
    return ChatResponse("answer1", "m", (ANSWERS[case],), replace(USAGE, reasoning=reasoned), created=1_790_000_000)


def stream(case: str) -> list[StreamEvent]:
    """Return the same answer as the events of a stream."""
    answer = response(case)
    told: list[StreamEvent] = [Start(answer.id, answer.model, answer.created)]
    for number, part in enumerate(answer.choices[0].parts):
        if isinstance(part, ToolCall):
            half = len(part.arguments) // 2
            told.append(PartStart(number, "tool_call", id=part.id, name=part.name))
            told += [ArgumentsDelta(number, part.arguments[:half]), ArgumentsDelta(number, part.arguments[half:])]
        elif isinstance(part, Thinking):
            told += [PartStart(number, "thinking"), TextDelta(number, part.text)]
            told.append(SignatureDelta(number, part.signature or ""))
        elif isinstance(part, Text):
            told.append(PartStart(number, "text"))
            told += [TextDelta(number, piece) for piece in _pieces(part.text)]
        told.append(PartStop(number))
    told.append(Finish(answer.choices[0].stop or "stop"))
    assert answer.usage is not None
    return [*told, UsageReport(answer.usage), End()]


def _pieces(text: str) -> list[str]:
    return [text[start : start + 5] for start in range(0, len(text), 5)]


@dataclass(frozen=True)
class Meaning:
    """What a request says, whatever its dialect: compared feature by feature."""

    turns: tuple[tuple[object, ...], ...]
    tools: tuple[tuple[object, ...], ...]
    choice: object
    structure: object
    reasoning: bool
    settings: Mapping[str, object] = field(default_factory=dict)


def meaning(request: ChatRequest) -> Meaning:
    """Return what must survive a translation."""
    made = {part.id: part.name for m in request.messages for part in m.parts if isinstance(part, ToolCall)}
    turns: list[tuple[object, ...]] = []
    for message in request.messages:
        role = {"developer": "system", "tool": "user"}.get(message.role, message.role)
        for part in message.parts:
            if isinstance(part, Text):
                if turns and turns[-1][:2] == (role, "text"):
                    turns[-1] = (role, "text", f"{turns[-1][2]}\n{part.text}")
                else:
                    turns.append((role, "text", part.text))
            elif isinstance(part, Image):
                turns.append((role, "image", part.media_type, part.data))
            elif isinstance(part, ToolCall):
                turns.append((role, "call", part.name, json.loads(part.arguments or "{}")))
            elif isinstance(part, ToolResult):
                said = "".join(p.text for p in part.parts if isinstance(p, Text))
                turns.append((role, "result", made.get(part.call_id, "?"), said))
    form, thought = request.output_format, request.reasoning
    thinks = thought is not None and bool(thought.effort or thought.budget or thought.adaptive or thought.enabled)
    choice = request.tool_choice.mode if request.tool_choice else None
    return Meaning(
        turns=tuple(turns),
        tools=tuple((tool.name, tool.description, _plain(tool.parameters)) for tool in request.tools),
        choice=None if choice == "auto" else choice,
        structure=None if form is None or form.kind == "text" else _plain(form.schema),
        reasoning=thinks,
        settings={
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "stop": request.stop,
        },
    )


def _plain(schema: Any) -> str:
    """Return a schema as text, in any order and without what says nothing more."""
    return json.dumps(schema, sort_keys=True)


def said(parts: Iterable[Part]) -> list[tuple[object, ...]]:
    """Return what an answer says."""
    told: list[tuple[object, ...]] = []
    for part in parts:
        if isinstance(part, Text) and part.text:
            told.append(("text", part.text))
        elif isinstance(part, ToolCall):
            told.append(("call", part.name, json.loads(part.arguments or "{}")))
        elif isinstance(part, Thinking) and part.text:
            told.append(("thinking", part.text))
    return told


@dataclass
class Collected:
    """A decoded stream, put together."""

    told: list[tuple[object, ...]]
    stop: str | None
    usage: Usage | None
    failure: Exception | None


def collected(events: Iterable[StreamEvent]) -> Collected:
    """Put a decoded stream together."""
    kinds: dict[int, tuple[str, str]] = {}
    text: dict[int, str] = {}
    result = Collected([], None, None, None)
    for event in events:
        if isinstance(event, PartStart):
            kinds[event.part] = (event.kind, event.name)
            text[event.part] = ""
        elif isinstance(event, TextDelta):
            text[event.part] += event.text
        elif isinstance(event, ArgumentsDelta):
            text[event.part] += event.fragment
        elif isinstance(event, Finish):
            result.stop = event.stop
        elif isinstance(event, UsageReport):
            result.usage = event.usage if result.usage is None else result.usage.merged(event.usage)
        elif isinstance(event, StreamFailed):
            result.failure = event.error
        elif isinstance(event, Start) and event.usage is not None:
            result.usage = event.usage
    for number, (kind, name) in kinds.items():
        if kind == "tool_call":
            result.told.append(("call", name, json.loads(text[number] or "{}")))
        elif kind in ("text", "thinking") and text[number]:
            result.told.append((kind, text[number]))
    return result
