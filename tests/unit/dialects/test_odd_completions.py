"""Odd requests, answers and streams of the completion dialects: refused by name or read as far as they go."""

from __future__ import annotations

import contextlib
import json
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects import anthropic_batches, openai_completions, snowflake_complete
from sluice.errors import BadRequest, ProviderError, ProviderGarbled, RequestTooLarge, UnsupportedParameter
from sluice.types.chat import ChatRequest
from sluice.types.stream import End, StreamFailed

MEMBERS = (
    "model prompt messages role content content_list type text tool_use tool_use_id name input tool_results details "
    "thinking signature reasoning summary encrypted_content tools tool_spec tool_choice stream stop n best_of logprobs "
    "tokens token_logprobs top_logprobs max_tokens response_format schema guardrails anthropic openai choices message "
    "delta index finish_reason usage prompt_tokens completion_tokens total_tokens error code requests custom_id params "
    "result id processing_status request_counts data stream_options echo suffix user cache_control"
)
NAMES = st.sampled_from(MEMBERS.split())
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 10**6)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "user", "text", "tool_use", "stop", "ended", "succeeded", "x", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
BODIES = st.dictionaries(NAMES, VALUES, max_size=6)
BOTH = pytest.mark.parametrize("wire", [openai_completions, snowflake_complete], ids=lambda wire: wire.NAME)
ASKED = ChatRequest("m", (), include_usage=True)


@BOTH
@given(body=BODIES)
def test_no_request_raises_anything_but_a_bad_request(wire: ModuleType, body: dict[str, Any]) -> None:
    asked = {"prompt": "x", "messages": [{"role": "user", "content": "x"}], **body, "model": "m"}
    for candidate in (body, asked):
        with contextlib.suppress(BadRequest):
            wire.outline(candidate, 1)
            wire.pass_edits(candidate, {})
            request = wire.decode_request(candidate)
            with contextlib.suppress(UnsupportedParameter):
                wire.encode_request(request, "m", {}, False)


@BOTH
@given(body=BODIES)
def test_no_answer_raises_anything_but_a_provider_error(wire: ModuleType, body: dict[str, Any]) -> None:
    wire.read_usage(json.dumps(body).encode())
    assert wire.decode_error(500, {}, json.dumps(body).encode()).kind
    for candidate in (body, {"choices": [body]}, {"choices": [{"message": body, "text": "x"}]}):
        with contextlib.suppress(ProviderError):
            json.dumps(wire.encode_response(wire.decode_response(candidate), ASKED))


@BOTH
@given(chunks=st.lists(BODIES | st.builds(lambda c: {"choices": [c, {"delta": c}]}, BODIES), max_size=4))
def test_every_stream_comes_to_an_end(wire: ModuleType, chunks: list[dict[str, Any]]) -> None:
    data = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
    events = list(wire.decode_stream([data]))
    assert isinstance(events[-1], End | StreamFailed)
    assert b"".join(wire.encode_stream(iter(events), ASKED))
    meter = wire.meter()
    meter.feed(data)
    assert meter.estimate().estimated
    assert meter.usage is None or meter.usage.total >= 0
    wire.stream_error(data)


@given(BODIES, st.lists(BODIES, max_size=3))
def test_no_batch_raises_anything_but_what_it_promises(body: dict[str, Any], lines: list[dict[str, Any]]) -> None:
    for candidate in (body, {"requests": lines}, {"requests": [{"custom_id": "a", "params": body}]}):
        with contextlib.suppress(BadRequest, RequestTooLarge):
            anthropic_batches.decode_create(candidate, 1)
    with contextlib.suppress(ProviderGarbled):
        anthropic_batches.encode_batch(anthropic_batches.decode_batch(body))
    meter = anthropic_batches.ResultMeter()
    for line in (*lines, {"custom_id": "a", "result": {"type": "succeeded", "message": body}}):
        meter.feed(json.dumps(line).encode() + b"\n")
    assert meter.usage.total >= 0
    assert meter.unread + meter.kinds.total() == len(lines) + 1
