"""Errors, written for callers and read from providers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects import anthropic_messages as wire
from sluice.errors import (
    BadRequest,
    BudgetExceeded,
    NoHealthyUpstream,
    ProviderError,
    ProviderTimeout,
    ProviderUnreachable,
)


def reported(kind: str, message: str = "It failed.") -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_9"}).encode()


def written(error: Any) -> Any:
    return wire.encode_error(error, "req_1")


@pytest.mark.parametrize(
    ("status", "word", "kind"),
    [
        (400, "invalid_request_error", "bad_request"),
        (401, "authentication_error", "authentication"),
        (402, "billing_error", "quota"),
        (403, "permission_error", "permission"),
        (404, "not_found_error", "not_found"),
        (413, "request_too_large", "too_large"),
        (429, "rate_limit_error", "rate_limit"),
        (500, "api_error", "server"),
        (504, "timeout_error", "timeout"),
        (529, "overloaded_error", "overloaded"),
    ],
)
def test_the_vendors_types_become_kinds_and_come_back(status: int, word: str, kind: str) -> None:
    error = wire.decode_error(status, {}, reported(word))
    assert (error.provider_status, error.kind, error.provider_type) == (status, kind, word)
    assert error.http_status == status
    assert written(error) == {
        "type": "error",
        "error": {"type": word, "message": "It failed.", "code": word},
        "request_id": "req_1",
    }


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Your credit balance is too low to access the API.", "quota"),
        ("prompt is too long: 210000 tokens > 200000 maximum", "too_large"),
        ("temperature: range: 0..1", "bad_request"),
    ],
)
def test_a_vague_type_gives_way_to_the_words(message: str, kind: str) -> None:
    assert wire.decode_error(400, {}, reported("invalid_request_error", message)).kind == kind


@pytest.mark.parametrize(
    ("status", "word"),
    [(400, "invalid_request_error"), (401, "authentication_error"), (404, "not_found_error"), (500, "api_error")],
)
def test_what_openai_calls_an_invalid_request_gets_the_type_of_its_status(status: int, word: str) -> None:
    told = b'{"error": {"message": "No.", "type": "invalid_request_error", "param": null, "code": null}}'
    assert written(wire.decode_error(status, {}, told))["error"]["type"] == word


def test_a_vague_type_gives_way_to_the_status() -> None:
    assert wire.decode_error(503, {}, reported("api_error")).kind == "overloaded"
    assert wire.decode_error(401, {}, reported("invalid_request_error")).kind == "authentication"


def test_an_error_in_a_good_answer_takes_the_status_of_its_type() -> None:
    assert wire.decode_error(200, {}, reported("overloaded_error")).provider_status == 529


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":{"message":"slow down","type":"tokens","code":"rate_limit_exceeded"}}', "slow down"),
        (b'{"message":"Too many requests, please wait before trying again."}', "Too many requests, please wait"),
        (b'{"detail":"Not here"}', "Not here"),
        (b'[{"error":{"code":429,"message":"Exhausted"}}]', "Exhausted"),
        (b'{"error":"plain words"}', "plain words"),
        (b"<html><title>502 Bad Gateway</title></html>", "502 Bad Gateway"),
        (b"upstream connect error", "upstream connect error"),
        (b"", "429"),
        (b"\xff\xfe", "\ufffd"),
        (b'{"type":"error"}', "429"),
        (b'{"error":{"type":"api_error","message":5}}', ""),
    ],
)
def test_foreign_shapes_are_read(body: bytes, message: str) -> None:
    error = wire.decode_error(429, {}, body)
    assert error.kind in ("rate_limit", "quota")
    assert message in error.message


def test_amazons_type_stands_in_a_header() -> None:
    headers = {"x-amzn-errortype": "ThrottlingException:http://internal.amazon.com/"}
    assert wire.decode_error(400, headers, b'{"message":"wait"}').kind == "rate_limit"


@given(st.integers(100, 599), st.binary(max_size=80))
def test_no_body_is_too_odd(status: int, body: bytes) -> None:
    error = wire.decode_error(status, {}, body)
    assert 400 <= error.http_status <= 599
    assert error.message


def test_the_wait_is_read_from_the_header() -> None:
    assert wire.decode_error(429, {"retry-after": "13"}, reported("rate_limit_error")).retry_after == 13


def test_the_wait_is_read_from_the_limit_that_is_used_up() -> None:
    headers = {
        "anthropic-ratelimit-requests-remaining": "5",
        "anthropic-ratelimit-requests-reset": "2999-01-01T00:00:00Z",
        "anthropic-ratelimit-input-tokens-remaining": "0",
        "anthropic-ratelimit-input-tokens-reset": "2000-01-01T00:00:00Z",
    }
    assert wire.decode_error(429, headers, reported("rate_limit_error")).retry_after == 0


def test_a_wait_on_what_no_waiting_cures_is_left_out() -> None:
    assert wire.decode_error(400, {"retry-after": "13"}, reported("invalid_request_error")).retry_after is None


@pytest.mark.parametrize("secret", ["sk-ant-api03-abcdefghijkl", "AKIAABCDEFGHIJKLMNOP"])
def test_keys_are_masked(secret: str) -> None:
    error = wire.decode_error(401, {}, reported("authentication_error", f"invalid x-api-key: {secret}."))
    assert secret not in error.message
    assert "invalid" in error.message


def test_the_gateways_own_refusals_say_their_code_and_parameter() -> None:
    inner = written(BadRequest("max_tokens is required.", param="max_tokens"))["error"]
    assert inner == {
        "type": "invalid_request_error",
        "message": "max_tokens is required.",
        "code": "invalid_request",
        "param": "max_tokens",
    }
    assert written(BudgetExceeded("Spent."))["error"]["type"] == "budget_exceeded"
    assert written(NoHealthyUpstream("None left."))["error"]["code"] == "no_healthy_upstream"


def test_connection_faults_have_types_clients_know() -> None:
    assert written(ProviderTimeout("Too slow.", phase="idle"))["error"]["type"] == "timeout_error"
    assert written(ProviderUnreachable("Gone."))["error"]["type"] == "api_error"


def test_another_dialects_type_is_not_handed_on() -> None:
    error = ProviderError("No.", provider_status=429, kind="quota", provider_type="insufficient_quota")
    assert written(error)["error"]["type"] == "billing_error"


def test_a_filtered_prompt_is_the_callers_to_change() -> None:
    error = ProviderError("Filtered.", provider_status=400, kind="content_filter")
    assert written(error)["error"]["type"] == "invalid_request_error"


def test_a_broken_stream_ends_with_an_error_event() -> None:
    sent = wire.stream_error_bytes(ProviderUnreachable("Cut."), "req_1")
    name, data = sent.decode().rstrip("\n").split("\n")
    assert name == "event: error"
    assert json.loads(data.removeprefix("data: ")) == written(ProviderUnreachable("Cut."))
    assert sent.endswith(b"\n\n")


def test_an_error_event_is_found_among_others() -> None:
    block = b'event: ping\ndata: {"type":"ping"}\n\nevent: error\ndata: ' + reported("overloaded_error") + b"\n\n"
    error = wire.stream_error(block)
    assert error is not None
    assert error.kind == "overloaded"


def test_an_error_event_of_bare_words_is_an_error() -> None:
    error = wire.stream_error(b"event: error\ndata: it broke\n\n")
    assert error is not None
    assert error.message == "it broke"


@pytest.mark.parametrize(
    "block",
    [
        b'event: ping\ndata: {"type":"ping"}\n\n',
        b'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"an \\"error\\" occurred"}}\n\n',
        b'data: {"type":"message_start","error":null}\n\n',
        b'data: {"error\n\n',
    ],
)
def test_other_events_are_no_errors(block: bytes) -> None:
    assert wire.stream_error(block) is None
