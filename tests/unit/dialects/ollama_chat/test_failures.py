"""Errors: a text under `error`, in answers and as lines of streams, and what callers are told."""

from __future__ import annotations

import json

import pytest

from sluice.dialects import ollama_chat as wire
from sluice.errors import BadRequest, ProviderError, RateLimited
from sluice.types.stream import StreamFailed


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, '"gemma3" does not support tools', "bad_request"),
        (401, "unauthorized", "authentication"),
        (404, 'model "nope" not found, try pulling it first', "not_found"),
        (429, "too many requests", "rate_limit"),
        (500, "the model failed to generate a response", "server"),
        (502, "bad gateway", "server"),
        (503, "server busy, please try again. maximum pending requests exceeded", "overloaded"),
    ],
)
def test_the_kind_of_an_error_follows_status_and_words(status: int, message: str, kind: str) -> None:
    error = wire.decode_error(status, {}, json.dumps({"error": message}).encode())
    assert (error.kind, error.provider_status, error.message) == (kind, status, message)


def test_an_error_line_fails_a_stream() -> None:
    line = b'{"error":"an error was encountered while running the model"}\n'
    error = wire.stream_error(b'{"message":{"content":"\\"error\\""},"done":false}\n' + line)
    assert error is not None
    assert (error.kind, error.provider_status, error.may_retry) == ("server", 500, True)
    assert wire.stream_error(b'{"message":{"content":"x"},"error":"","done":false}\n') is None
    assert wire.stream_error(b'{"error" oops\n') is None
    (failed,) = wire.decode_stream([line])
    assert isinstance(failed, StreamFailed)
    assert isinstance(failed.error, ProviderError)


def test_an_error_in_a_whole_answer_is_raised() -> None:
    with pytest.raises(ProviderError, match="not found"):
        wire.decode_response({"error": "model not found"})


def test_callers_are_told_in_the_vendors_form() -> None:
    assert wire.encode_error(BadRequest("No such thing.", param="p"), "req_1") == {
        "error": "No such thing.",
        "type": "invalid_request_error",
        "code": "invalid_request",
        "param": "p",
        "request_id": "req_1",
    }
    assert wire.encode_error(BadRequest("x"), "").keys() == {"error", "type", "code"}


def test_a_broken_stream_ends_with_an_error_line() -> None:
    written = wire.stream_error_bytes(RateLimited("Slow down."), "req_1")
    assert written.endswith(b"}\n")
    assert json.loads(written)["error"] == "Slow down."
