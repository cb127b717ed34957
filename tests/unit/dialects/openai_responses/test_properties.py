"""What holds for any request, answer and stream of this dialect."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.dialects import openai_responses as wire
from sluice.dialects.openai_responses.replay import replay
from sluice.dialects.openai_responses.usage import read, write
from sluice.errors import BadRequest, ProviderError
from sluice.types.chat import ChatRequest
from sluice.types.stream import (
    ArgumentsDelta,
    End,
    Finish,
    Idle,
    OpaqueDelta,
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
from tests.wire.chat_completions.collect import contract_problems
from tests.wire.responses.said import events_of, of_events, of_output, order_problems, output_of

ASKED = ChatRequest(model="m", messages=(), stream=True)
WORDS = st.text(max_size=12)
NAMES = st.sampled_from(["look", "find", "patch"])
ARGUMENTS = st.dictionaries(WORDS, st.integers(), max_size=2).map(json.dumps)
IDS = st.text("abc123", min_size=1, max_size=4)

TEXT_PARTS = st.builds(lambda kind, text: {"type": kind, "text": text}, st.sampled_from(["input_text"]), WORDS)
PICTURES = st.sampled_from(
    [
        {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"},
        {"type": "input_image", "file_id": "file_1"},
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
        {"type": "input_file", "file_id": "file_2", "detail": "high"},
        {"type": "input_text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {"type": "computer_screenshot", "image_url": "https://example.com/a.png"},
    ]
)
CONTENT = st.one_of(WORDS, st.lists(st.one_of(TEXT_PARTS, PICTURES), max_size=3))
SAID = st.lists(
    st.one_of(
        st.builds(lambda text: {"type": "output_text", "text": text, "annotations": [], "logprobs": []}, WORDS),
        st.builds(lambda text: {"type": "refusal", "refusal": text}, WORDS),
    ),
    max_size=3,
)
ITEMS = st.one_of(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["user", "system", "developer", "assistant"]),
        CONTENT,
    ),
    st.builds(lambda i, said: {"type": "message", "role": "assistant", "id": f"msg_{i}", "content": said}, IDS, SAID),
    st.builds(
        lambda i, name, text: {"type": "function_call", "call_id": i, "name": name, "arguments": text},
        IDS,
        NAMES,
        ARGUMENTS,
    ),
    st.builds(
        lambda i, name, text: {"type": "custom_tool_call", "id": i, "call_id": i, "name": name, "input": text},
        IDS,
        NAMES,
        WORDS,
    ),
    st.builds(lambda i, out: {"type": "function_call_output", "call_id": i, "output": out}, IDS, CONTENT),
    st.builds(lambda i, out: {"type": "custom_tool_call_output", "call_id": i, "output": out}, IDS, WORDS),
    st.builds(
        lambda i, texts, secret: {
            "type": "reasoning",
            "id": f"rs_{i}",
            "summary": [{"type": "summary_text", "text": text} for text in texts],
            **secret,
        },
        IDS,
        st.lists(WORDS, max_size=2),
        st.sampled_from([{}, {"encrypted_content": "gAAA"}]),
    ),
    st.sampled_from(
        [
            {"type": "web_search_call", "id": "ws_1", "status": "completed"},
            {"type": "item_reference", "id": "msg_1"},
            {"type": "mcp_approval_response", "approve": True, "approval_request_id": "a"},
            {"type": "some_future_type", "x": [1]},
        ]
    ),
)
TOOLS = st.sampled_from(
    [
        {"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": True},
        {"type": "function", "name": "find", "description": "Finds.", "parameters": None, "strict": False},
        {"type": "custom", "name": "patch", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}},
        {"type": "web_search", "filters": {}},
        {"type": "mcp", "server_label": "s", "server_url": "https://example.com"},
    ]
)
CHOICES = st.sampled_from(
    [
        "auto",
        "none",
        "required",
        {"type": "function", "name": "look"},
        {"type": "custom", "name": "patch"},
        {"type": "web_search"},
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "look"}]},
    ]
)
OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "instructions": WORDS,
    "tools": st.lists(TOOLS, max_size=3),
    "tool_choice": CHOICES,
    "parallel_tool_calls": st.booleans(),
    "max_output_tokens": st.integers(1, 99),
    "temperature": st.floats(0, 2),
    "reasoning": st.sampled_from([{"effort": "low", "summary": "auto"}, {"effort": "vast"}, {"summary": "detailed"}]),
    "text": st.sampled_from(
        [
            {"verbosity": "low"},
            {"format": {"type": "json_object"}, "verbosity": "high"},
            {"format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}, "strict": True}},
            {"format": {"type": "grammar"}},
        ]
    ),
    "include": st.sampled_from([["reasoning.encrypted_content"], ["message.output_text.logprobs"], []]),
    "store": st.booleans(),
    "previous_response_id": IDS,
    "metadata": st.dictionaries(IDS, IDS, max_size=1),
    "user": WORDS,
    "future": st.just({"a": 1}),
}
REQUESTS = st.fixed_dictionaries(
    {"model": st.just("m"), "input": st.one_of(WORDS, st.lists(ITEMS, max_size=6))}, optional=OPTIONS
)


@given(REQUESTS)
def test_a_request_survives_being_read_and_written(body: dict[str, Any]) -> None:
    first = wire.decode_request(body)
    written = wire.encode_request(first, "m", {}, True)
    assert written.edits == ()
    assert wire.decode_request(json.loads(json.dumps(written.body))) == first


OUTPUT = st.lists(
    st.one_of(
        st.builds(
            lambda i, said: {"type": "message", "role": "assistant", "id": i, "status": "completed", "content": said},
            IDS,
            SAID,
        ),
        st.builds(
            lambda i, name, text: {
                "type": "function_call",
                "id": f"fc_{i}",
                "call_id": i,
                "name": name,
                "arguments": text,
                "status": "completed",
            },
            IDS,
            NAMES,
            ARGUMENTS,
        ),
        st.builds(
            lambda i, name, text: {
                "type": "custom_tool_call",
                "id": f"ct_{i}",
                "call_id": i,
                "name": name,
                "input": text,
            },
            IDS,
            NAMES,
            WORDS,
        ),
        st.builds(
            lambda i, text: {
                "type": "reasoning",
                "id": f"rs_{i}",
                "summary": [{"type": "summary_text", "text": text}],
                "encrypted_content": "gAAA",
            },
            IDS,
            WORDS,
        ),
        st.just({"type": "web_search_call", "id": "ws_1", "status": "completed"}),
    ),
    max_size=5,
    unique_by=lambda item: str(item["id"]),
)
ANSWERS = st.builds(
    lambda output, status, usage: {
        "id": "resp_1",
        "object": "response",
        "created_at": 5,
        "model": "m",
        "output": output,
        **status,
        **usage,
    },
    OUTPUT,
    st.sampled_from(
        [
            {"status": "completed"},
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            {"status": "incomplete", "incomplete_details": {"reason": "steered"}},
            {"status": "queued"},
            {},
        ]
    ),
    st.sampled_from([{}, {"usage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}}]),
)


@given(ANSWERS)
def test_an_answer_survives_being_read_and_written(body: dict[str, Any]) -> None:
    first = wire.decode_response(body)
    written = json.loads(json.dumps(wire.encode_response(first, ASKED)))
    again = wire.decode_response(written)
    assert again.choices == first.choices
    assert again.usage == first.usage
    assert [item["id"] for item in written["output"]] == [item["id"] for item in body["output"]]
    assert written["status"] == body.get("status", "completed")


@given(ANSWERS)
def test_an_answer_told_as_a_stream_says_the_same(body: dict[str, Any]) -> None:
    events = list(wire.decode_stream([json.dumps(body).encode()]))
    assert contract_problems(events) == []
    written = b"".join(wire.encode_stream(events, ASKED))
    told = list(events_of(written))
    assert list(order_problems(told)) == []
    expected = of_events(events)
    assert of_events(wire.decode_stream([written])).comparable() == expected.comparable()
    if "output" in told[-1]["response"]:
        assert of_output(told[-1]["response"]["output"]).comparable() == expected.said.comparable()


@given(ANSWERS.filter(lambda body: body.get("status") in ("completed", "incomplete")), st.integers(-1, 60))
def test_a_stored_answer_told_again_says_the_same(body: dict[str, Any], after: int) -> None:
    whole = list(replay(body))
    told = list(events_of(b"".join(whole)))
    assert list(order_problems(told)) == []
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert told[-1]["response"] == body
    assert output_of(told) == body["output"]
    read_again = of_events(wire.decode_stream(whole))
    assert read_again.comparable() == of_events(wire.decode_stream([json.dumps(body).encode()])).comparable()
    rest = list(events_of(b"".join(replay(body, after))))
    assert rest[:-1] == told[after + 1 : -1]
    assert rest[-1] == {**told[-1], "sequence_number": max(told[-1]["sequence_number"], after + 1)}


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=6,
)
KINDS = st.sampled_from(
    [
        "response.created", "response.in_progress", "response.output_item.added", "response.output_item.done",
        "response.content_part.added", "response.content_part.done", "response.output_text.delta",
        "response.output_text.done", "response.output_text.annotation.added", "response.refusal.delta",
        "response.refusal.done", "response.reasoning_summary_part.added", "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done", "response.reasoning_text.delta", "response.reasoning_text.done",
        "response.function_call_arguments.delta", "response.function_call_arguments.done",
        "response.custom_tool_call_input.delta", "response.web_search_call.searching", "response.future", "other",
        "response.completed", "response.incomplete",
    ]
)  # fmt: skip
MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "output_index": st.one_of(st.integers(0, 2), JSON),
    "item_id": st.one_of(IDS, JSON),
    "content_index": st.one_of(st.integers(0, 1), JSON),
    "summary_index": st.integers(0, 1),
    "delta": st.one_of(WORDS, JSON),
    "text": st.one_of(WORDS, JSON),
    "arguments": WORDS,
    "item": st.one_of(OUTPUT.map(lambda items: items[0] if items else {}), JSON),
    "part": st.one_of(SAID.map(lambda parts: parts[0] if parts else {}), JSON),
    "response": st.one_of(ANSWERS, JSON),
    "annotation": JSON,
}
EVENTS = st.lists(
    st.builds(lambda kind, members: {"type": kind, **members}, KINDS, st.fixed_dictionaries({}, optional=MEMBERS)),
    min_size=1,
    max_size=10,
)


@settings(max_examples=150)
@given(EVENTS, st.data())
def test_no_event_is_too_odd(found: list[dict[str, Any]], data: st.DataObject) -> None:
    body = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in found)
    events = list(wire.decode_stream([body]))
    assert contract_problems(events) == []
    cut = data.draw(st.integers(0, len(body)))
    assert _told(wire.decode_stream([part for part in (body[:cut], body[cut:]) if part])) == _told(events)
    assert list(order_problems(list(events_of(b"".join(wire.encode_stream(events, ASKED)))))) == []
    meter = wire.meter()
    meter.feed(body)
    assert meter.estimate().output >= 0
    assert isinstance(meter.response_id, str)
    wire.stream_error(body)


def _told(events: Any) -> list[StreamEvent | str]:
    return [event.error.message if isinstance(event, StreamFailed) else event for event in events]


@given(JSON)
def test_no_body_is_too_odd(found: Any) -> None:
    body = found if isinstance(found, dict) else {"input": found}
    for given_body in (body, {"model": "m", **body}, {"model": "m", "input": [body]}):
        with suppress(BadRequest):
            wire.decode_request(given_body)
    with suppress(ProviderError):
        wire.decode_response({"output": [body], "id": "r", **body})


@given(st.builds(Usage, *[st.integers(0, 99)] * 6))
def test_usage_survives_being_written(usage: Usage) -> None:
    known = replace(usage, reasoning=min(usage.reasoning, usage.output))
    assert read({"usage": write(known)}) == (known if known.total else None)


def test_a_stream_without_events_has_failed() -> None:
    events = list(wire.decode_stream([]))
    assert [type(event) for event in events] == [StreamFailed]
    assert not any(isinstance(event, Start | End) for event in events)


PLACES = st.integers(0, 3)
SENT = st.lists(
    st.one_of(
        st.builds(Start, WORDS, WORDS),
        st.builds(
            PartStart,
            PLACES,
            st.sampled_from(["text", "thinking", "tool_call", "refusal", "audio", "opaque"]),
            WORDS,
            NAMES,
            st.sampled_from([None, "secret", {"type": "web_search_call", "id": "ws"}]),
            dialect=st.sampled_from(["", "openai_chat", wire.NAME]),
            custom=st.booleans(),
        ),
        st.builds(TextDelta, PLACES, WORDS),
        st.builds(ArgumentsDelta, PLACES, WORDS),
        st.builds(SignatureDelta, PLACES, WORDS),
        st.builds(OpaqueDelta, PLACES, st.sampled_from(["gemini", wire.NAME]), JSON),
        st.builds(PartStop, PLACES),
        st.builds(Idle),
        st.builds(UsageReport, st.builds(Usage, input=st.integers(0, 9))),
        st.builds(Finish, st.sampled_from(["stop", "length", "tool_calls", "refusal", "pause", "error", "unknown"])),
    ),
    max_size=14,
)


@settings(max_examples=150)
@given(SENT, st.booleans())
def test_whatever_a_provider_says_is_written_in_the_order_that_clients_rely_on(
    sent: list[StreamEvent], ended: bool
) -> None:
    written = b"".join(wire.encode_stream([*sent, *([End()] if ended else [])], PATCHING))
    told = [event for event in events_of(written) if event["type"] != "error"]
    numbers = [event["sequence_number"] for event in events_of(written)]
    assert numbers == list(range(len(numbers)))
    assert list(order_problems([{**event, "sequence_number": at} for at, event in enumerate(told)])) == []
    closed = [event for event in told if event["type"] == "response.output_item.done"]
    assert told[-1]["response"]["output"] == [event["item"] for event in sorted(closed, key=_place)]


PATCHING = wire.decode_request({"model": "m", "input": "x", "tools": [{"type": "custom", "name": "patch"}]})


def _place(event: dict[str, Any]) -> int:
    return int(event.get("output_index", -1))
