"""Errors in every shape that providers use, sorted by what a caller can do about them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects.openai_chat import decode_error, encode_error, stream_error_bytes
from sluice.errors import BudgetExceeded, ProviderError, UnsupportedParameter

TOO_MANY = "Rate limit reached for x on tokens per min (TPM): Limit 10, Used 9, Requested 5. Please try again in 1.5s."


def read(status: int, body: Any, **headers: str) -> ProviderError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode_error(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


@pytest.mark.parametrize(
    ("body", "message", "kind", "code", "param"),
    [
        ({"error": {"message": "m", "type": "t", "code": "c", "param": "p"}}, "m", "t", "c", "p"),
        ({"error": {"message": "m", "code": 400}}, "m", None, "400", None),
        ({"error": {"message": "m", "status": "INVALID_ARGUMENT"}}, "m", "INVALID_ARGUMENT", None, None),
        ([{"error": {"message": "m"}}], "m", None, None, None),
        ({"error": "m"}, "m", None, None, None),
        ({"error": "Bad Request", "message": "m"}, "m", "Bad Request", None, None),
        ({"code": "invalid-argument", "error": "m"}, "m", None, "invalid-argument", None),
        ({"object": "error", "message": "m", "type": "t", "code": "3051"}, "m", "t", "3051", None),
        ({"object": "error", "message": {"detail": [{"loc": ["body", "n"], "msg": "m"}]}}, "m", None, None, "n"),
        ({"detail": "m"}, "m", None, None, None),
        ({"detail": [{"loc": ["body", "n"], "msg": "a"}, {"msg": "b"}]}, "a; b", None, None, "n"),
        ({"id": "x", "message": "m"}, "m", None, None, None),
        ({"code": 400, "message": "m", "type": "Bad Request"}, "m", "Bad Request", "400", None),
        ({"errors": [{"message": "m", "code": 1001}], "success": False}, "m", None, "1001", None),
        ({"status_code": 400, "status_name": "BadRequest", "status_message": "m"}, "m", "BadRequest", "400", None),
        ({"base_resp": {"status_code": 1004, "status_msg": "m"}}, "m", None, "1004", None),
        ("m", "m", None, None, None),
        (b"  m\n", "m", None, None, None),
        (b"<html><head><TITLE>502 Bad Gateway</TITLE>", "The provider answered with a web page: 502 Bad Gateway",
         None, None, None),
    ],
)  # fmt: skip
def test_every_shape_gives_its_message_type_and_code(
    body: Any, message: str, kind: str | None, code: str | None, param: str | None
) -> None:
    error = read(400, body)
    assert (error.message, error.provider_type, error.param) == (message, kind, param)
    assert error.error_code == (code or "provider_error")
    assert error.provider_status == 400


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"<html></html>", b"5", b'{"error":{}}', b"[[1]]"])
def test_an_error_without_words_names_its_status(body: bytes) -> None:
    assert read(500, body).message == "The provider answered with status 500 and no message."


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": {"message": "temperature must be at most 2", "type": "invalid_request_error"}}, "bad_request"),
        (422, {"detail": "n is wrong"}, "bad_request"),
        (400, {"error": {"message": "x", "code": "content_filter"}}, "content_filter"),
        (400, {"error": {"message": "x", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}, "content_filter"),
        (403, {"error": {"message": "x", "metadata": {"reasons": ["violence"]}}}, "content_filter"),
        (400, {"error": {"message": "x", "code": "context_length_exceeded"}}, "too_large"),
        (400, {"error": {"message": "This model's maximum context length is 8 tokens."}}, "too_large"),
        (400, {"error": {"message": "prompt is too long: 9 tokens > 8 maximum"}}, "too_large"),
        (413, {"error": {"message": "Limit 6000", "code": "rate_limit_exceeded"}}, "too_large"),
        (413, b"", "too_large"),
        (429, {"error": {"message": "Request too large for x: Limit 3, Requested 5.", "type": "tokens"}}, "too_large"),
        (429, {"error": {"message": "TPM: Limit 30,000, Requested 36,278. Reduce.", "type": "tokens"}}, "too_large"),
        (429, {"error": {"message": TOO_MANY, "type": "tokens", "code": "rate_limit_exceeded"}}, "rate_limit"),
        (429, {"error": {"message": "Too many tokens, please wait before trying again."}}, "rate_limit"),
        (429, {"error": {"message": "x", "type": "insufficient_quota"}}, "quota"),
        (429, {"error": {"message": "You exceeded your current quota, check your plan."}}, "quota"),
        (429, {"error": {"message": "You exceeded your current quota. Please retry in 34.07s."}}, "rate_limit"),
        (429, {"error": {"message": "See https://x.test/settings/billing-limit for rates."}}, "rate_limit"),
        (402, {"error": {"message": "Insufficient Balance"}}, "quota"),
        (402, b"", "quota"),
        (403, {"error": {"message": "Your account has run out of credits."}}, "quota"),
        (429, {"message": "Service tier capacity exceeded for this model."}, "overloaded"),
        (503, {"status_message": "Too many requests, throttled due to capacity."}, "rate_limit"),
        (503, {"error": {"message": "The model is overloaded.", "status": "UNAVAILABLE"}}, "overloaded"),
        (529, {"error": {"type": "overloaded_error", "message": "Overloaded"}}, "overloaded"),
        (500, {"error": {"message": "The engine is currently overloaded"}}, "overloaded"),
        (500, b"", "server"),
        (502, b"<html>", "server"),
        (504, b"", "timeout"),
        (408, b"", "timeout"),
        (401, {"detail": "no"}, "authentication"),
        (400, {"error": {"message": "API key not valid.", "status": "INVALID_ARGUMENT"}}, "authentication"),
        (403, {"error": {"message": "Invalid API key"}}, "authentication"),
        (403, {"error": {"message": "Forbidden"}}, "permission"),
        (404, {"error": {"message": "x"}}, "not_found"),
        (400, {"error": {"message": "Invalid model: x", "type": "invalid_model"}}, "not_found"),
        (400, {"error": {"message": "The model `x` does not exist"}}, "not_found"),
    ],
)
def test_the_kind_tells_what_can_be_done(status: int, body: Any, kind: str) -> None:
    error = read(status, body)
    assert error.kind == kind
    assert error.http_status == status
    assert error.may_retry == (kind in {"rate_limit", "overloaded", "server", "timeout"})


def test_amazons_type_is_taken_from_its_header() -> None:
    error = read(400, {"message": "slow down"}, x_amzn_errortype="ThrottlingException:http://internal.test/")
    assert (error.kind, error.provider_type) == ("rate_limit", "ThrottlingException")


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"error": {"message": "x", "code": 502}}, 502, "server"),
        ({"error": {"message": "x", "status": 400, "code": "content_filter"}}, 400, "content_filter"),
        ({"error": {"message": "x", "type": "server_error"}}, 500, "server"),
        ({"error": {"message": "x", "type": "overloaded_error"}}, 503, "overloaded"),
        ({"error": {"message": "Too many requests"}}, 429, "rate_limit"),
        ({"error": {"message": "Compute error."}}, 500, "server"),
        ({"error": {"message": "x", "status_code": 400, "code": "tool_use_failed"}}, 400, "bad_request"),
        (b'data: {"choices":[]}\n\ndata: {"error":{"message":"x","code":"429"}}', 429, "rate_limit"),
    ],
)
def test_an_error_inside_a_200_answer_gets_the_status_it_implies(body: Any, status: int, kind: str) -> None:
    error = read(200, body)
    assert (error.provider_status, error.kind) == (status, kind)


def test_what_the_host_behind_a_router_said_is_added() -> None:
    inner = {"message": "Provider returned error", "code": 429, "metadata": {"raw": '{"error":{"message":"busy"}}'}}
    assert read(429, {"error": inner}).message == "Provider returned error: busy"
    inner["metadata"] = {"raw": "plain words"}
    assert read(429, {"error": inner}).message == "Provider returned error: plain words"
    inner["metadata"] = {"raw": " "}
    assert read(429, {"error": inner}).message == "Provider returned error"


def test_a_wait_is_told_only_where_waiting_may_cure() -> None:
    assert read(429, {"error": {"message": TOO_MANY}}).retry_after == 1.5
    assert read(503, b"", retry_after="7").retry_after == 7
    assert read(400, {"error": {"message": "x"}}, retry_after="7").retry_after is None


def test_keys_do_not_reach_the_caller() -> None:
    error = read(401, {"error": {"message": "Incorrect API key provided: sk-proj-abcdefgh1234. See the docs."}})
    assert "abcdefgh" not in error.message
    assert "See the docs." in error.message


def test_a_long_message_is_cut() -> None:
    assert len(read(400, {"error": {"message": "word " * 5000}}).message) == 2000


def test_the_envelope_is_the_one_openai_documents() -> None:
    error = UnsupportedParameter("No top_k here.", param="top_k")
    assert encode_error(error, "req_1") == {
        "error": {
            "message": "No top_k here.",
            "type": "invalid_request_error",
            "param": "top_k",
            "code": "unsupported_parameter",
        }
    }
    assert encode_error(BudgetExceeded("Spent."), "r")["error"] == {
        "message": "Spent.", "type": "budget_exceeded", "param": None, "code": "budget_exceeded",
    }  # fmt: skip


def test_a_providers_own_words_stay_in_the_envelope() -> None:
    shown: Any = encode_error(read(429, {"error": {"message": "m", "type": "tokens", "code": "c"}}), "r")["error"]
    assert (shown["type"], shown["code"]) == ("tokens", "c")
    shown = encode_error(read(404, {"detail": "m"}), "r")["error"]
    assert (shown["type"], shown["code"]) == ("not_found_error", "provider_error")


def test_a_broken_stream_ends_with_one_error_event() -> None:
    event = stream_error_bytes(BudgetExceeded("Spent."), "r")
    assert event.startswith(b"data: {")
    assert event.endswith(b"}\n\n")
    assert json.loads(event[6:])["error"]["message"] == "Spent."
