"""Properties: what is written is read again; nothing a provider or caller sends brings the reader down."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects import openai_chat as wire
from sluice.dialects.openai_chat.whole import stream_of
from sluice.errors import BadRequest, GatewayError, ProviderError
from sluice.types.chat import (
    Audio,
    CacheMark,
    ChatRequest,
    ChatResponse,
    Choice,
    Document,
    Image,
    Message,
    Opaque,
    OutputFormat,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from sluice.types.stream import End, PartStop, StreamEvent, StreamFailed, UsageReport
from sluice.types.usage import Usage

NAME = "openai_chat"
QUIRKS = {"cache_control": True, "reasoning_request": "object"}

words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
names = st.text("abcdefgh_", min_size=1, max_size=8)
base64s = st.sampled_from(["AAAA", "iVBORw0KGgo=", "JVBERi0="])
urls = st.sampled_from(["https://x.test/a.png", "https://x.test/b?c=d"])
marks = st.none() | st.builds(CacheMark, st.none() | st.sampled_from(["5m", "1h"]))
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(names, values, max_size=3)
arguments = objects.map(json.dumps)

texts = st.builds(Text, words, marks)
images = st.builds(Image, base64s, st.just("image/png"), detail=st.none() | st.just("low"), cache=marks) | st.builds(
    Image, url=urls, cache=marks
)
documents = (
    st.builds(Document, base64s, st.just("application/pdf"), name=st.none() | words, cache=marks)
    | st.builds(Document, url=urls, name=st.none() | words)
    | st.builds(Document, file_id=words)
)
sounds = st.builds(Audio, base64s, st.sampled_from(["wav", "mp3"]))
unknown = st.builds(Opaque, st.just(NAME), words.map(lambda word: {"type": "video_url", "video_url": {"url": word}}))
contents: st.SearchStrategy[tuple[Part, ...]] = st.lists(
    st.one_of(texts, images, documents, sounds, unknown), max_size=3
).map(tuple)
signed: st.SearchStrategy[dict[str, Any]] = st.just({}) | st.just(
    {"extra_content": {"google": {"thought_signature": "sig"}}}
)
calls: st.SearchStrategy[ToolCall] = st.builds(ToolCall, names, names, arguments, marks, extras=signed) | st.builds(
    ToolCall, names, names, words, custom=st.just(True)
)
call_lists = st.lists(calls, max_size=3, unique_by=lambda call: call.id)


@st.composite
def thoughts(draw: st.DrawFn) -> tuple[Thinking, ...]:
    form = draw(st.sampled_from(["none", "text", "details", "content"]))
    text = draw(words)
    if form == "none":
        return ()
    if form == "text":
        return (Thinking(text, field=draw(st.sampled_from(["reasoning_content", "reasoning"]))),)
    if form == "content":
        block = {"type": "thinking", "thinking": [{"type": "text", "text": text}], "closed": True}
        return (Thinking(text, details=(block,), field="content"),)
    shape = {"format": "anthropic-claude-v1"}
    first = {"type": "reasoning.text", "text": text, "signature": "sig", **shape}
    second = {"type": "reasoning.encrypted", "data": "xyz", **shape}
    field = draw(st.sampled_from(["reasoning", "reasoning_details"]))
    return (
        Thinking(text, signature="sig", details=(first,), field=field),
        Thinking("", redacted="xyz", details=(second,), field=field),
    )


@st.composite
def assistants(draw: st.DrawFn) -> Message:
    parts: list[Part] = [*draw(thoughts()), *draw(st.lists(texts, max_size=2))]
    parts += [Refusal(draw(words))] if draw(st.booleans()) else []
    parts += [Audio(audio_id=draw(words))] if draw(st.booleans()) else []
    parts += draw(call_lists)
    return Message("assistant", tuple(parts), name=draw(st.none() | words), extras=draw(st.just({}) | objects))


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    speakers: st.SearchStrategy[Role] = st.sampled_from(["system", "developer", "user"])
    messages = [Message(draw(speakers), draw(contents), name=draw(st.none() | words))]
    for _ in range(draw(st.integers(0, 3))):
        said = draw(assistants())
        messages.append(said)
        for part in said.parts:
            if isinstance(part, ToolCall):
                result = ToolResult(part.id, tuple(draw(st.lists(texts, max_size=2))), cache=draw(marks))
                messages.append(Message("tool", (result,), name=draw(st.none() | words)))
    return tuple(messages)


tools = st.builds(
    Tool, names, st.none() | words, st.none() | st.just({"type": "object"}), st.none() | st.booleans(), marks
) | names.map(lambda name: Tool(name, opaque=Opaque(NAME, {"type": "custom", "custom": {"name": name}})))
choices = st.builds(
    ToolChoice, st.sampled_from([None, "auto", "none", "required"]), parallel=st.booleans()
) | st.builds(ToolChoice, st.just("named"), names, st.none() | st.booleans())
formats = st.sampled_from([OutputFormat("text"), OutputFormat("json_object")]) | st.builds(
    OutputFormat, st.just("json_schema"), names, objects, st.none() | st.booleans(), st.none() | words
)
reasonings = (
    st.builds(Reasoning, st.sampled_from(["none", "low", "high", "max"]), enabled=st.none() | st.booleans())
    | st.builds(Reasoning, budget=st.integers(1, 9999), display=st.none() | st.just("omitted"))
    | st.builds(Reasoning, enabled=st.booleans())
)
counts = st.none() | st.integers(1, 99)
rates = st.none() | st.floats(0, 2, allow_nan=False)


@st.composite
def requests(draw: st.DrawFn) -> ChatRequest:
    offered = tuple(draw(st.lists(tools, max_size=2)))
    stream = draw(st.booleans())
    return ChatRequest(
        model=draw(names),
        messages=draw(conversations()),
        tools=offered,
        tool_choice=draw(st.none() | choices) if offered else None,
        output_format=draw(st.none() | formats),
        reasoning=draw(st.none() | reasonings),
        max_tokens=draw(counts),
        temperature=draw(rates),
        top_p=draw(rates),
        top_k=draw(counts),
        stop=tuple(draw(st.lists(words, max_size=3))),
        seed=draw(counts),
        n=draw(counts),
        presence_penalty=draw(rates),
        frequency_penalty=draw(rates),
        logprobs=draw(st.none() | st.booleans()),
        top_logprobs=draw(counts),
        stream=stream,
        include_usage=stream,
        user=draw(st.none() | words),
        metadata=draw(st.none() | st.dictionaries(names, words, min_size=1, max_size=2)),
        service_tier=draw(st.none() | names),
        dialect=NAME,
        extras=draw(st.just({}) | st.just({"logit_bias": {"5": 1}, "verbosity": "low"})),
    )


@given(requests())
def test_a_request_survives_being_written_and_read(request: ChatRequest) -> None:
    encoded = wire.encode_request(request, request.model, QUIRKS, True)
    assert encoded.edits == ()
    assert wire.decode_request(json.loads(json.dumps(encoded.body))) == request


usages = st.builds(
    Usage, st.integers(0, 99), st.integers(0, 99), output=st.integers(5, 99), reasoning=st.integers(0, 5)
)


@st.composite
def answers(draw: st.DrawFn, index: int) -> Choice:
    parts: list[Part] = list(draw(thoughts()))
    parts += [Text(draw(words))] if draw(st.booleans()) else []
    refused = draw(st.booleans())
    parts += [Refusal(draw(words))] if refused else []
    made = [replace(call, cache=None) for call in draw(call_lists)]
    plain = "tool_calls" if made else "refusal" if refused else "stop"
    return Choice((*parts, *made), draw(st.sampled_from([plain, "length", "content_filter", "error"])), index=index)


@st.composite
def responses(draw: st.DrawFn) -> ChatResponse:
    return ChatResponse(
        id=draw(names),
        model=draw(names),
        choices=tuple(draw(answers(index)) for index in range(draw(st.integers(1, 2)))),
        usage=draw(st.none() | usages),
        created=draw(st.integers(1, 2**31)),
        dialect=NAME,
        extras=draw(st.just({}) | st.just({"system_fingerprint": "fp"})),
    )


ASKED = ChatRequest("m", (), stream=True, include_usage=True)


@given(responses())
def test_an_answer_survives_being_written_and_read(response: ChatResponse) -> None:
    body = json.loads(json.dumps(wire.encode_response(response, ASKED)))
    assert wire.decode_response(body) == response


def by_choice(events: list[StreamEvent]) -> list[StreamEvent]:
    """Order within each choice; choices run side by side, and a free-text call may stay open until the end."""
    last = UsageReport | End
    kept = [event for event in events if not isinstance(event, PartStop)]
    stops = sorted((event for event in events if isinstance(event, PartStop)), key=repr)
    return [*sorted(kept, key=lambda event: getattr(event, "choice", 99 if isinstance(event, last) else -1)), *stops]


@given(responses(), st.lists(st.integers(0, 10_000), max_size=6))
def test_a_stream_survives_being_written_cut_and_read(response: ChatResponse, places: list[int]) -> None:
    events = list(stream_of(response))
    data = b"".join(wire.encode_stream(iter(events), ASKED))
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    read = list(wire.decode_stream([data[a:b] for a, b in itertools.pairwise(edges) if a < b]))
    assert by_choice(read) == by_choice(events)


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = (
    "id", "model", "created", "choices", "usage", "error", "message", "delta", "index", "finish_reason", "content",
    "tool_calls", "function", "name", "arguments", "reasoning", "reasoning_content", "reasoning_details", "refusal",
    "audio", "images", "type", "text", "custom", "logprobs", "role", "signature", "data", "prompt_tokens_details",
    "completion_tokens", "total_tokens", "cost", "messages", "tools", "tool_choice", "response_format", "stop",
    "function_call", "tool_call_id", "json_schema", "thinking", "stream_options", "image_url", "file", "input_audio",
)  # fmt: skip
ROLES = st.sampled_from(["user", "assistant", "tool", "system", "function", "text", "image_url", "file", "function"])
lookalikes: st.SearchStrategy[Any] = st.recursive(
    anything | ROLES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=6),
    max_leaves=20,
)
bodies = st.dictionaries(st.sampled_from(MEMBERS), lookalikes, max_size=8)


def _refusal(body: dict[str, Any]) -> BadRequest | None:
    try:
        wire.outline(body, 1)
        wire.pass_edits(body, {"developer_role": False, "content_parts": False, "tool_id_length": 9})
        wire.encode_request(wire.decode_request(body), "m", {}, False)
    except BadRequest as error:
        return error
    return None


def _failure(body: Any) -> ProviderError | None:
    try:
        wire.encode_response(wire.decode_response(body), ASKED)
    except ProviderError as error:
        return error
    return None


@given(bodies, st.lists(st.dictionaries(st.sampled_from(MEMBERS), lookalikes, max_size=5), max_size=3), ROLES)
def test_no_request_raises_anything_but_a_bad_request(body: dict[str, Any], messages: list[Any], role: str) -> None:
    sent = {**body, "model": "m", "messages": [{"role": role, **message} for message in messages]}
    for candidate in (body, sent):
        refusal = _refusal(candidate)
        assert refusal is None or wire.encode_error(refusal, "r")


@given(bodies)
def test_no_answer_raises_anything_but_a_provider_error(body: dict[str, Any]) -> None:
    data = json.dumps(body).encode()
    wire.read_usage(data)
    wire.decode_error(500, {}, data)
    failure = _failure(json.loads(data))
    assert failure is None or failure.message


@given(st.lists(bodies | st.builds(lambda choice: {"choices": [choice]}, bodies), max_size=4), st.booleans())
def test_every_stream_comes_to_an_end(chunks: list[dict[str, Any]], done: bool) -> None:
    data = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
    data += b"data: [DONE]\n\n" if done else b""
    events = list(wire.decode_stream([data]))
    assert isinstance(events[-1], End | StreamFailed)
    assert b"".join(wire.encode_stream(iter(events), ASKED))
    meter, swallow = wire.meter(), wire.stream_filter({"stream": True})
    meter.feed(data)
    assert meter.estimate().estimated
    assert meter.usage is None or meter.usage.total >= 0
    assert swallow is not None
    assert len(swallow(data)) <= len(data)
    wire.stream_error(data)


@given(st.binary(max_size=60), st.integers(400, 599))
def test_any_bytes_are_an_error_when_the_status_says_so(body: bytes, status: int) -> None:
    error = wire.decode_error(status, {}, body)
    assert isinstance(error, GatewayError)
    assert error.provider_status == status
    assert error.message
