"""No body is too odd, and whatever callers say in Cohere's form is read back the same after it was written."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects import anthropic_messages, cohere_chat, gemini, openai_chat
from sluice.errors import BadRequest, ProviderError
from sluice.types.chat import ChatRequest
from sluice.types.stream import StreamEvent

MEMBERS = st.sampled_from(
    [
        "type", "text", "thinking", "content", "image_url", "url", "detail", "document", "data", "id", "title", "role",
        "tool_plan", "tool_calls", "tool_call_id", "function", "name", "arguments", "citations", "message", "delta",
        "finish_reason", "usage", "billed_units", "tokens", "input_tokens", "output_tokens", "cached_tokens", "error",
        "error_type", "index", "description", "parameters", "token_budget", "schema", "mode", "odd_member",
    ]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from(["text", "image_url", "document", "function", "COMPLETE", "TOOL_CALL", "enabled", "json_object"])
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=4), max_leaves=14
)
OBJECTS = st.dictionaries(MEMBERS, JSON, max_size=5)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "user", "assistant", "tool"])},
        optional={
            "content": st.text(max_size=5) | st.lists(OBJECTS, max_size=3),
            "tool_plan": JSON,
            "tool_calls": st.lists(OBJECTS, max_size=2) | JSON,
            "tool_call_id": JSON,
            "odd_member": JSON,
        },
    ),
    min_size=1,
    max_size=3,
)
BODIES = st.fixed_dictionaries(
    {"messages": MESSAGES},
    optional={
        "documents": st.lists(JSON, max_size=2),
        "tools": st.lists(OBJECTS, max_size=2),
        "strict_tools": JSON,
        "tool_choice": JSON,
        "response_format": OBJECTS | JSON,
        "thinking": OBJECTS | JSON,
        "citation_options": OBJECTS | JSON,
        "p": JSON,
        "k": JSON,
        "seed": JSON,
        "stop_sequences": JSON,
        "logprobs": JSON,
    },
)
EVENTS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            [
                "message-start", "content-start", "content-delta", "content-end", "tool-plan-delta", "tool-call-start",
                "tool-call-delta", "tool-call-end", "citation-start", "citation-end", "message-end", "odd-event",
            ]
        )
    },
    optional={
        "index": st.integers(0, 2) | JSON,
        "id": JSON,
        "delta": st.fixed_dictionaries({"message": OBJECTS}) | OBJECTS | JSON,
    },
)  # fmt: skip
ASKED = ChatRequest(model="m", messages=())
OTHERS = (openai_chat, anthropic_messages, gemini)


@given(BODIES)
def test_every_request_is_read_again_as_it_was_written(body: dict[str, Any]) -> None:
    asked = {**body, "model": "m"}
    with suppress(BadRequest):
        cohere_chat.outline(asked, 9)
        cohere_chat.pass_edits(asked, {})
        request = cohere_chat.decode_request(asked)
        for dialect in OTHERS:
            with suppress(BadRequest):
                json.dumps(dialect.encode_request(request, "m", {}, False).body)
        written = json.loads(json.dumps(cohere_chat.encode_request(request, "m", {}, True).body))
        again = cohere_chat.decode_request(written)
        assert again == request


@given(
    st.fixed_dictionaries({}, optional={"message": OBJECTS | JSON, "finish_reason": JSON, "usage": OBJECTS, "id": JSON})
)
def test_every_answer_is_read_again_as_it_was_written(body: dict[str, Any]) -> None:
    cohere_chat.read_usage(json.dumps(body).encode())
    cohere_chat.body_error(json.dumps(body).encode(), {})
    with suppress(ProviderError):
        response = cohere_chat.decode_response(body)
        for dialect in OTHERS:
            json.dumps(dialect.encode_response(response, ASKED))
        written = json.loads(json.dumps(cohere_chat.encode_response(response, ASKED)))
        again = cohere_chat.decode_response(written)
        assert (again.choices, again.usage) == (response.choices, response.usage)


@given(st.lists(EVENTS, min_size=1, max_size=6), st.integers(0, 99))
def test_no_stream_is_too_odd_however_it_is_cut(found: list[Any], seed: int) -> None:
    body = b"".join(b"data: " + json.dumps(each, ensure_ascii=False).encode() + b"\n\n" for each in found)
    events = list(cohere_chat.decode_stream([body]))
    assert all(isinstance(event, StreamEvent) for event in events)
    chance = random.Random(seed)
    places = sorted(chance.sample(range(len(body) + 1), min(len(body), 9)))
    cut = [body[start:stop] for start, stop in zip([0, *places], [*places, len(body)], strict=True) if start < stop]
    assert repr(list(cohere_chat.decode_stream(cut))) == repr(events)  # errors are equal only to themselves
    for dialect in (cohere_chat, *OTHERS):
        b"".join(dialect.encode_stream(events, ASKED))
    cohere_chat.stream_error(body)
    meter = cohere_chat.meter()
    meter.feed(body)
    assert meter.estimate().estimated


@given(JSON, st.integers(200, 599))
def test_no_error_is_too_odd(body: Any, status: int) -> None:
    for found in (body, {"message": body}, {"error": body}):
        error = cohere_chat.decode_error(status, {}, json.dumps(found).encode())
        assert 200 <= error.http_status <= 599
