"""Errors: the vendor's own statuses and words, in answers and in streams, and what callers are told."""

from __future__ import annotations

import json

import pytest

from sluice.dialects import cohere_chat as wire
from sluice.errors import BadRequest, BudgetExceeded, ProviderGarbled, RateLimited
from sluice.types.stream import StreamFailed


def told(message: str) -> bytes:
    return json.dumps({"id": "7f", "message": message}).encode()


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "invalid request: message must be at least 1 token long", "bad_request"),
        (400, "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292.", "too_large"),
        (401, "invalid api token", "authentication"),
        (402, "Please add or update your payment method", "quota"),
        (404, "model 'x' not found, make sure the correct model ID was used", "not_found"),
        (422, "unprocessable", "bad_request"),
        (429, "You are using a Trial key, which is limited to 20 API calls / minute.", "rate_limit"),
        (429, "You are using a Trial key, which is limited to 1000 API calls / month.", "quota"),
        (429, "trial token rate limit exceeded, limit is 100000 tokens per minute", "rate_limit"),
        (498, "a deny-listed token was found", "content_filter"),
        (499, "request cancelled", "server"),
        (500, "internal server error", "server"),
        (503, "unavailable", "overloaded"),
        (504, "gateway timeout", "timeout"),
    ],
)
def test_the_kind_of_an_error_follows_status_and_words(status: int, message: str, kind: str) -> None:
    error = wire.decode_error(status, {}, told(message))
    assert (error.kind, error.provider_status, error.message) == (kind, status, message)


def test_a_key_in_an_error_is_masked_and_a_wait_is_kept() -> None:
    error = wire.decode_error(429, {"retry-after": "7"}, told("slow down, key sk-abcdefghijklmnopqrstuvwx"))
    assert "abcdefghijklmnop" not in error.message
    assert error.retry_after == 7


def test_an_error_inside_an_answer_is_found() -> None:
    assert wire.body_error(b'{"id":"1","message":{"role":"assistant"},"finish_reason":"COMPLETE"}', {}) is None
    error = wire.body_error(told("too many tokens: size limit exceeded by 11326 tokens."), {})
    assert error is not None
    assert (error.kind, error.provider_status) == ("too_large", 413)
    ended = wire.body_error(b'{"finish_reason":"ERROR","error":"overloaded, try again"}', {})
    assert ended is not None
    assert ended.kind == "overloaded"
    assert wire.body_error(b'{"oops"}', {}) is None
    with pytest.raises(ProviderGarbled):
        wire.body_error(b'{"id":"1","mess', {})


def test_an_error_at_the_end_of_a_stream_is_told_with_its_type() -> None:
    delta = {"finish_reason": "ERROR", "error": "invalid tool generation", "error_type": "INVALID_TOOL_GENERATION"}
    event = b"event: message-end\ndata: " + json.dumps({"type": "message-end", "delta": delta}).encode() + b"\n\n"
    error = wire.stream_error(event)
    assert error is not None
    assert (error.kind, error.provider_type, error.may_retry) == ("server", "INVALID_TOOL_GENERATION", True)
    assert (
        wire.stream_error(b'data: {"type":"content-delta","delta":{"message":{"content":{"text":"error"}}}}\n\n')
        is None
    )
    assert wire.stream_error(b'data: {"type":"message-end","delta":{"error":null}}\n\n') is None
    assert wire.stream_error(b'data: {"error" oops\n\n') is None
    bare = wire.stream_error(b'data: {"message":"internal server error"}\n\n')
    assert bare is not None
    assert bare.message == "internal server error"


def test_callers_are_told_in_the_vendors_form() -> None:
    written = wire.encode_error(BadRequest("No such thing.", param="p"), "req_1")
    assert written == {
        "id": "req_1",
        "message": "No such thing.",
        "type": "invalid_request_error",
        "code": "invalid_request",
        "param": "p",
    }
    assert "param" not in wire.encode_error(BudgetExceeded("Spent."), "req_1")


def test_a_broken_stream_ends_with_an_error_that_clients_read() -> None:
    written = wire.stream_error_bytes(RateLimited("Slow down."), "req_1")
    assert written.startswith(b"event: message-end\n")
    assert written.endswith(b"data: [DONE]\n\n")
    (failed,) = wire.decode_stream([written])
    assert isinstance(failed, StreamFailed)
    assert failed.error.message == "Slow down."
