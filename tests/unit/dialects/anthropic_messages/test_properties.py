"""Whatever is written in this dialect is read back the same, for requests, answers and streams."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects import anthropic_messages as wire
from sluice.errors import BadRequest
from sluice.types.chat import (
    CacheMark,
    ChatRequest,
    ChatResponse,
    Choice,
    Document,
    Image,
    Message,
    Opaque,
    OutputFormat,
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
    TextDelta,
    UsageReport,
)
from sluice.types.usage import Usage

NAME = "anthropic_messages"
WORDS = st.text(min_size=1, max_size=20)
NAMES = st.text("abcXYZ019_-", min_size=1, max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(WORDS, JSON, max_size=3)
INPUTS = OBJECTS.map(lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")))
MARKS = st.none() | st.builds(CacheMark, st.sampled_from([None, "5m", "1h"]))
TOKENS = st.integers(0, 10**6)
USAGES = st.builds(
    Usage,
    input=TOKENS,
    cache_read=TOKENS,
    cache_write_5m=TOKENS,
    cache_write_1h=TOKENS,
    output=TOKENS,
    reasoning=TOKENS,
    search_requests=st.integers(0, 9),
    service_tier=st.sampled_from([None, "standard", "priority"]),
)

TEXTS = st.builds(Text, WORDS, MARKS)
IMAGES = st.builds(Image, data=NAMES, media_type=st.just("image/png"), cache=MARKS) | st.builds(Image, url=WORDS)
DOCUMENTS = (
    st.builds(Document, data=NAMES, media_type=st.just("application/pdf"), name=st.none() | WORDS, cache=MARKS)
    | st.builds(Document, text=WORDS, media_type=st.just("text/plain"), context=st.none() | WORDS)
    | st.builds(Document, file_id=NAMES, citations=st.booleans())
)
THINKING = st.builds(Thinking, WORDS, WORDS) | st.builds(Thinking, redacted=WORDS)
OPAQUE = st.builds(
    lambda members: Opaque(NAME, {**members, "type": "server_tool_use", "id": "srv"}), st.dictionaries(NAMES, JSON)
)
CALLS = st.builds(ToolCall, NAMES, NAMES, INPUTS, MARKS)
ASSISTANT = st.lists(TEXTS | THINKING | CALLS | OPAQUE, min_size=1, max_size=5).map(tuple)
USER = st.lists(TEXTS | IMAGES | DOCUMENTS, min_size=1, max_size=4).map(tuple)
TOOLS = st.builds(Tool, NAMES, st.none() | WORDS, st.none() | OBJECTS, st.none() | st.booleans(), MARKS)
CHOICES = st.builds(
    ToolChoice, st.sampled_from(["auto", "required"]), st.none(), st.none() | st.booleans()
) | st.builds(ToolChoice, st.just("named"), NAMES)
REASONING = (
    st.builds(
        Reasoning, budget=st.integers(1024, 9999), enabled=st.just(True), display=st.sampled_from([None, "omitted"])
    )
    | st.builds(Reasoning, st.sampled_from([None, "low", "max"]), adaptive=st.just(True), enabled=st.just(True))
    | st.just(Reasoning(enabled=False))
)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    """Turns in which every result answers a call of the turn before."""
    turns = [Message("system", (draw(TEXTS),))] if draw(st.booleans()) else []
    turns.append(Message("user", draw(USER)))
    for _ in range(draw(st.integers(0, 2))):
        said = draw(ASSISTANT)
        turns.append(Message("assistant", said))
        results = tuple(
            ToolResult(part.id, draw(USER), draw(st.booleans()), draw(MARKS))
            for part in said
            if isinstance(part, ToolCall)
        )
        turns.append(Message("user", (*results, *draw(USER))))
    return tuple(turns)


@st.composite
def requests(draw: st.DrawFn) -> ChatRequest:
    tools = tuple(draw(st.lists(TOOLS, max_size=2)))
    schemas = st.builds(OutputFormat, st.just("json_schema"), schema=OBJECTS.map(_closed))
    return ChatRequest(
        model=draw(NAMES),
        messages=draw(conversations()),
        tools=tools,
        tool_choice=draw(st.none() | CHOICES) if tools else None,
        output_format=draw(st.none() | schemas),
        reasoning=draw(st.none() | REASONING),
        max_tokens=draw(TOKENS),
        temperature=draw(st.none() | st.floats(0, 1)),
        top_k=draw(st.none() | TOKENS),
        stop=tuple(draw(st.lists(WORDS, max_size=2))),
        stream=draw(st.booleans()),
        include_usage=True,
        user=draw(st.none() | WORDS),
        service_tier=draw(st.sampled_from([None, "auto", "default"])),
        dialect=NAME,
        extras=draw(st.dictionaries(st.sampled_from(["container", "speed"]), WORDS)),
    )


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    schema.pop("type", None)
    return schema


@given(requests())
def test_a_request_is_read_back(request: ChatRequest) -> None:
    encoded = wire.encode_request(request, request.model, {}, True)
    assert wire.decode_request(json.loads(json.dumps(encoded.body))) == request


ANSWERS = st.builds(
    lambda parts, stop, usage, extras: ChatResponse(
        "msg_1", "claude", (Choice(parts, stop),), usage, dialect=NAME, extras=extras
    ),
    st.lists(st.builds(Text, WORDS) | THINKING | st.builds(ToolCall, NAMES, NAMES, INPUTS) | OPAQUE, max_size=5).map(
        tuple
    ),
    st.sampled_from(["length", "tool_calls", "stop_sequence", "refusal", "pause"]),
    USAGES,
    st.dictionaries(st.just("container"), OBJECTS),
)


@given(ANSWERS)
def test_an_answer_is_read_back(response: ChatResponse) -> None:
    body = wire.encode_response(response, ChatRequest("m", ()))
    assert wire.decode_response(json.loads(json.dumps(body))) == response


@st.composite
def streams(draw: st.DrawFn) -> list[StreamEvent]:
    """The events of an answer whose parts do not interleave."""
    start = draw(USAGES)
    events: list[StreamEvent] = [Start("msg_1", "claude", usage=start)]
    for number in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(["text", "thinking", "tool_call"]))
        if kind == "tool_call":
            events.append(PartStart(number, "tool_call", draw(NAMES), draw(NAMES)))
            fragments = draw(st.lists(WORDS, min_size=1, max_size=3))
            events += [ArgumentsDelta(number, fragment) for fragment in fragments]
        else:
            events.append(PartStart(number, kind))  # type: ignore[arg-type]
            events += [TextDelta(number, text) for text in draw(st.lists(WORDS, max_size=3))]
            if kind == "thinking":
                events.append(SignatureDelta(number, draw(WORDS)))
        events.append(PartStop(number))
    stop = draw(st.sampled_from(["length", "tool_calls", "refusal"]))
    more = replace(start, output=start.output + draw(TOKENS))
    return [*events, Finish(stop), UsageReport(more), End()]


@given(streams(), st.integers(0, 2**32))
def test_a_stream_is_read_back_however_it_is_cut(events: list[StreamEvent], seed: int) -> None:
    body = b"".join(wire.encode_stream(events, ChatRequest("m", ())))
    chance = random.Random(seed)
    places = sorted(chance.randrange(len(body) + 1) for _ in range(6))
    chunks = [body[start:stop] for start, stop in zip([0, *places], [*places, len(body)], strict=True) if start < stop]
    assert list(wire.decode_stream(chunks)) == events


MEMBERS = (
    *("model", "max_tokens", "messages", "system", "tools", "tool_choice", "thinking", "output_config"),
    *("metadata", "stop_sequences", "stream", "temperature", "service_tier"),
)
FIELDS = ("text", "source", "id", "name", "input", "tool_use_id", "content", "citations")
BODIES = st.fixed_dictionaries({}, optional=dict.fromkeys(MEMBERS, JSON))
LIKELY = st.fixed_dictionaries(
    {
        "model": NAMES,
        "max_tokens": st.just(5),
        "messages": st.lists(
            st.fixed_dictionaries(
                {
                    "role": st.sampled_from(["user", "assistant", "system"]),
                    "content": WORDS
                    | st.lists(
                        st.fixed_dictionaries(
                            {"type": st.sampled_from(["text", "image", "document", "tool_use", "tool_result", "x"])},
                            optional=dict.fromkeys(FIELDS, JSON),
                        ),
                        max_size=3,
                    ),
                }
            ),
            min_size=1,
            max_size=3,
        ),
    },
    optional={
        "tools": JSON,
        "tool_choice": OBJECTS,
        "thinking": OBJECTS,
        "output_config": OBJECTS,
        "metadata": OBJECTS,
    },
)


@given(BODIES | LIKELY)
def test_no_body_is_too_odd(body: dict[str, Any]) -> None:
    refusal = None
    try:
        wire.outline(body, 1)
    except BadRequest as error:
        refusal = error
    assert refusal is None or refusal.param
    with suppress(BadRequest):
        request = wire.decode_request(body)
        wire.encode_request(request, "m", {}, False)
        wire.encode_request(replace(request, dialect="openai_chat"), "m", {}, False)
