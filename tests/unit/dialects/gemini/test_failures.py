"""Errors: what the vendor says becomes a kind and a wait, and callers read errors in the form they know."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects import gemini as wire
from sluice.errors import BadRequest, BudgetExceeded, ProviderError, RateLimited

TYPE = "type.googleapis.com/google.rpc."


def body(code: int, status: str, message: str, *details: dict[str, Any]) -> bytes:
    return json.dumps({"error": {"code": code, "message": message, "status": status, "details": details}}).encode()


def kind(code: int, status: str, message: str = "x", *details: dict[str, Any]) -> str:
    return wire.decode_error(code, {}, body(code, status, message, *details)).kind


@pytest.mark.parametrize(
    ("code", "status", "wanted"),
    [
        (400, "INVALID_ARGUMENT", "bad_request"),
        (400, "FAILED_PRECONDITION", "bad_request"),
        (401, "UNAUTHENTICATED", "authentication"),
        (403, "PERMISSION_DENIED", "permission"),
        (404, "NOT_FOUND", "not_found"),
        (429, "RESOURCE_EXHAUSTED", "rate_limit"),
        (499, "CANCELLED", "server"),
        (500, "INTERNAL", "server"),
        (503, "UNAVAILABLE", "overloaded"),
        (504, "DEADLINE_EXCEEDED", "timeout"),
    ],
)
def test_the_status_tells_the_kind(code: int, status: str, wanted: str) -> None:
    error = wire.decode_error(code, {}, body(code, status, "Something."))
    assert (error.kind, error.provider_status, error.provider_type, error.message) == (
        wanted,
        code,
        status,
        "Something.",
    )


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("API key not valid. Please pass a valid API key.", "authentication"),
        ("API key expired. Please renew the API key.", "authentication"),
        ("The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", "too_large"),
        ("User location is not supported for the API use.", "permission"),
        ("Please use a valid role: user, model.", "bad_request"),
    ],
)
def test_words_tell_the_kind_where_the_status_is_vague(message: str, wanted: str) -> None:
    assert kind(400, "INVALID_ARGUMENT", message) == wanted


def test_a_reason_in_the_details_tells_that_the_key_is_wrong() -> None:
    error = wire.decode_error(
        400, {}, body(400, "INVALID_ARGUMENT", "Bad.", {"@type": TYPE + "ErrorInfo", "reason": "API_KEY_INVALID"})
    )
    assert (error.kind, error.error_code) == ("authentication", "API_KEY_INVALID")


def quota(*ids: str) -> dict[str, Any]:
    return {"@type": TYPE + "QuotaFailure", "violations": [{"quotaId": quota_id} for quota_id in ids]}


WAIT = {"@type": TYPE + "RetryInfo", "retryDelay": "34.4s"}


def test_a_rate_of_the_minute_names_its_wait() -> None:
    error = wire.decode_error(
        429, {}, body(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", quota("RequestsPerMinute"), WAIT)
    )
    assert (error.kind, error.retry_after, error.may_retry) == ("rate_limit", 34.4, True)


def test_a_spent_day_is_a_quota_that_retrying_does_not_fill() -> None:
    error = wire.decode_error(429, {}, body(429, "RESOURCE_EXHAUSTED", "x", quota("RequestsPerDayPerProject"), WAIT))
    assert (error.kind, error.may_retry) == ("quota", False)
    assert kind(429, "RESOURCE_EXHAUSTED", "x", quota("PerDay", "TokensPerMinute")) == "rate_limit"


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("Resource has been exhausted (e.g. check quota).", "rate_limit"),
        ("You exceeded your current quota, please check your plan and billing details.", "quota"),
        ("You exceeded your current quota, please check your plan. Please retry in 48.9s.", "rate_limit"),
    ],
)
def test_without_details_the_words_tell_a_rate_from_a_quota(message: str, wanted: str) -> None:
    assert kind(429, "RESOURCE_EXHAUSTED", message) == wanted


def test_an_error_in_an_array_is_read() -> None:
    error = wire.decode_error(429, {"retry-after": "7"}, b"[" + body(429, "RESOURCE_EXHAUSTED", "Later.") + b"]")
    assert (error.kind, error.message, error.retry_after) == ("rate_limit", "Later.", 7)


@pytest.mark.parametrize(
    "raw", [b"", b"<html><title>502</title></html>", b'{"detail": "no"}', b'{"error": "no"}', b"[]"]
)
def test_errors_of_hosts_in_between_are_read_too(raw: bytes) -> None:
    error = wire.decode_error(502, {}, raw)
    assert (error.provider_status, error.kind) == (502, "server")


def test_no_key_gets_through() -> None:
    error = wire.decode_error(400, {}, body(400, "INVALID_ARGUMENT", "Bad key AIzaSyA1234567890abcdefghijklmnopqrstuv"))
    assert "AIza" not in error.message


def test_an_error_inside_a_stream_is_seen_and_an_answer_that_speaks_of_errors_is_not() -> None:
    failed = wire.stream_error(b"data: " + body(503, "UNAVAILABLE", "Overloaded.") + b"\n\n")
    assert failed is not None
    assert (failed.kind, failed.provider_status) == ("overloaded", 503)
    assert wire.stream_error(b'data: {"candidates":[{"content":{"parts":[{"text":"\\"error\\""}]}}]}\n\n') is None
    answer = {"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": {"error": "x"}}}]}}]}
    assert wire.stream_error(b"data: " + json.dumps(answer).encode() + b"\n\n") is None


def test_callers_get_the_vendors_envelope_with_the_gateways_own_code() -> None:
    written = wire.encode_error(BadRequest("contents is wrong.", param="contents"), "req_1")
    assert written == {
        "error": {
            "code": 400,
            "message": "contents is wrong.",
            "status": "INVALID_ARGUMENT",
            "details": [
                {
                    "@type": TYPE + "ErrorInfo",
                    "reason": "invalid_request",
                    "domain": "sluice",
                    "metadata": {"param": "contents", "request_id": "req_1"},
                }
            ],
        }
    }


def test_a_wait_is_told_as_retry_info() -> None:
    error: Any = wire.encode_error(RateLimited("Slow down.", retry_after=2.5), "")
    assert error["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert error["error"]["details"][-1] == {"@type": TYPE + "RetryInfo", "retryDelay": "2.5s"}
    assert wire.decode_error(429, {}, json.dumps(error).encode()).retry_after == 2.5


def test_errors_of_other_vendors_get_the_status_of_their_code() -> None:
    foreign = ProviderError("Busy.", provider_status=529, kind="overloaded", provider_type="overloaded_error")
    written: Any = wire.encode_error(foreign, "")
    assert (written["error"]["code"], written["error"]["status"]) == (529, "UNAVAILABLE")
    spent: Any = wire.encode_error(BudgetExceeded("Spent."), "")
    assert (spent["error"]["code"], spent["error"]["status"]) == (402, "RESOURCE_EXHAUSTED")


def test_a_broken_stream_ends_with_an_error_event() -> None:
    event = wire.stream_error_bytes(BadRequest("No."), "req_1")
    failed = wire.stream_error(event)
    assert event.endswith(b"\r\n\r\n")
    assert failed is not None
    assert failed.message == "No."
