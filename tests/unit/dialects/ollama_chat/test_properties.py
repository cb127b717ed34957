"""No body is too odd, and whatever callers say in Ollama's form is read back the same after it was written."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects import anthropic_messages, gemini, ollama_chat, openai_chat
from sluice.errors import BadRequest, ProviderError
from sluice.types.chat import ChatRequest
from sluice.types.stream import StreamEvent

MEMBERS = st.sampled_from(
    [
        "content", "thinking", "images", "tool_calls", "tool_name", "tool_call_id", "function", "name", "arguments",
        "id", "index", "type", "description", "parameters", "role", "done", "done_reason", "error", "eval_count",
        "created_at", "model", "logprobs", "odd_member",
    ]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from(["function", "stop", "length", "json", "high", "2026-08-04T19:59:11Z", "iVBORw0KGgo="])
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=4), max_leaves=14
)
OBJECTS = st.dictionaries(MEMBERS, JSON, max_size=5)
CALLS = st.lists(st.fixed_dictionaries({"function": OBJECTS}, optional={"id": JSON, "type": JSON}) | JSON, max_size=2)
SAID = {
    "content": st.text(max_size=5),
    "thinking": JSON,
    "images": st.lists(st.text(max_size=4), max_size=2),
    "tool_calls": CALLS | JSON,
    "odd_member": JSON,
}
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "user", "assistant", "tool"])},
        optional={**SAID, "tool_name": JSON, "tool_call_id": JSON},
    ),
    min_size=1,
    max_size=3,
)
BODIES = st.fixed_dictionaries(
    {"messages": MESSAGES},
    optional={
        "tools": st.lists(OBJECTS, max_size=2),
        "format": OBJECTS | JSON,
        "think": JSON,
        "options": st.dictionaries(st.sampled_from(["num_predict", "stop", "seed", "top_k", "num_ctx"]), JSON),
        "keep_alive": JSON,
        "logprobs": JSON,
        "stream": st.booleans(),
    },
)
LINES = st.fixed_dictionaries(
    {},
    optional={
        "model": JSON,
        "created_at": JSON,
        "message": st.fixed_dictionaries({}, optional=SAID) | JSON,
        "done": st.booleans() | JSON,
        "done_reason": JSON,
        "eval_count": JSON,
        "error": JSON,
        "logprobs": JSON,
        "odd_member": JSON,
    },
)
ASKED = ChatRequest(model="m", messages=())
OTHERS = (openai_chat, anthropic_messages, gemini)


@given(BODIES)
def test_every_request_is_read_again_as_it_was_written(body: dict[str, Any]) -> None:
    asked = {**body, "model": "m"}
    with suppress(BadRequest):
        ollama_chat.outline(asked, 9)
        ollama_chat.pass_edits(asked, {})
        request = ollama_chat.decode_request(asked)
        for dialect in OTHERS:
            with suppress(BadRequest):
                json.dumps(dialect.encode_request(request, "m", {}, False).body)
        written = json.loads(json.dumps(ollama_chat.encode_request(request, "m", {}, True).body))
        again = ollama_chat.decode_request(written)
        assert again == request


@given(LINES)
def test_every_answer_is_read_again_as_it_was_written(body: dict[str, Any]) -> None:
    ollama_chat.read_usage(json.dumps(body).encode())
    with suppress(ProviderError):
        response = ollama_chat.decode_response(body)
        for dialect in OTHERS:
            json.dumps(dialect.encode_response(response, ASKED))
        written = json.loads(json.dumps(ollama_chat.encode_response(response, ASKED)))
        again = ollama_chat.decode_response(written)
        assert (again.choices, again.usage) == (response.choices, response.usage)


@given(st.lists(LINES, min_size=1, max_size=5), st.integers(0, 99))
def test_no_stream_is_too_odd_however_it_is_cut(found: list[Any], seed: int) -> None:
    body = b"".join(json.dumps(each, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n" for each in found)
    events = list(ollama_chat.decode_stream([body]))
    assert all(isinstance(event, StreamEvent) for event in events)
    chance = random.Random(seed)
    places = sorted(chance.sample(range(len(body) + 1), min(len(body), 9)))
    cut = [body[start:stop] for start, stop in zip([0, *places], [*places, len(body)], strict=True) if start < stop]
    assert repr(list(ollama_chat.decode_stream(cut))) == repr(events)  # errors are equal only to themselves
    for dialect in (ollama_chat, *OTHERS):
        b"".join(dialect.encode_stream(events, ASKED))
    ollama_chat.stream_error(body)
    meter = ollama_chat.meter()
    meter.feed(body)
    assert meter.estimate().estimated


@given(JSON, st.integers(200, 599))
def test_no_error_is_too_odd(body: Any, status: int) -> None:
    for found in (body, {"error": body}):
        error = ollama_chat.decode_error(status, {}, json.dumps(found).encode())
        assert 200 <= error.http_status <= 599
