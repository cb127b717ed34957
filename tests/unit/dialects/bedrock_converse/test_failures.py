"""Bedrock's errors: read with their kind, told to callers with the type that AWS SDKs look for."""

from __future__ import annotations

import json

import pytest

from sluice.dialects import bedrock_converse
from sluice.errors import (
    AuthenticationFailed,
    BadRequest,
    BudgetExceeded,
    GatewayError,
    InternalError,
    MethodNotAllowed,
    NoHealthyUpstream,
    NotFound,
    PermissionDenied,
    ProviderError,
    ProviderGarbled,
    ProviderTimeout,
    RateLimited,
    RequestTooLarge,
)

URL = ":http://internal.amazon.com/coral/com.amazon.bedrock/"


@pytest.mark.parametrize(
    ("status", "name", "message", "kind"),
    [
        (400, "ValidationException" + URL, "The provided model identifier is invalid.", "bad_request"),
        (400, "ValidationException" + URL, "Input is too long for requested model.", "too_large"),
        (403, "AccessDeniedException", "You don't have access to the model.", "permission"),
        (
            403,
            "AccessDeniedException",
            "Authentication failed: please make sure your API Key is valid.",
            "authentication",
        ),
        (
            403,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
            "authentication",
        ),
        (403, "ExpiredTokenException" + URL, "The security token included in the request is expired", "authentication"),
        (404, "ResourceNotFoundException", "End of its life.", "not_found"),
        (408, "ModelTimeoutException", "Took too long.", "timeout"),
        (424, "ModelErrorException", "The model failed.", "server"),
        (429, "ThrottlingException", "Too many requests, please wait.", "rate_limit"),
        (429, "ThrottlingException", "Too many tokens per day, please wait.", "quota"),
        (429, "ModelNotReadyException", "Not ready.", "overloaded"),
        (400, "ServiceQuotaExceededException", "Quota.", "quota"),
        (500, "InternalServerException", "Oh.", "server"),
        (503, "ServiceUnavailableException", "Later.", "overloaded"),
        (429, "SomethingNewException", "Rate exceeded", "rate_limit"),
    ],
)
def test_every_type_has_its_kind_and_goes_back_as_it_came(status: int, name: str, message: str, kind: str) -> None:
    body = json.dumps({"message": message}).encode()
    error = bedrock_converse.decode_error(status, {"x-amzn-errortype": name}, body)
    assert (error.provider_status, error.kind, error.message) == (status, kind, message)
    assert error.provider_type == name.partition(":")[0]
    if not name.startswith("Something"):
        assert bedrock_converse.error_headers(error) == {"x-amzn-errortype": name.partition(":")[0]}
    assert bedrock_converse.encode_error(error, "r") == {"message": message}


@pytest.mark.parametrize(
    "body",
    [
        b'{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"No."}',
        b'{"code":"AccessDeniedException","message":"No."}',
    ],
)
def test_the_type_is_read_from_older_bodies(body: bytes) -> None:
    error = bedrock_converse.decode_error(403, {}, body)
    assert (error.provider_type, error.kind, error.message) == ("AccessDeniedException", "permission", "No.")


def test_a_foreign_error_is_read_as_one() -> None:
    error = bedrock_converse.decode_error(502, {}, b"<html><title>502 Bad Gateway</title></html>")
    assert (error.provider_status, error.kind) == (502, "server")
    error = bedrock_converse.decode_error(429, {}, b'{"error":{"message":"slow","type":"rate_limit_error"}}')
    assert error.kind == "rate_limit"


def test_a_wait_is_told_and_a_key_is_not() -> None:
    headers = {"x-amzn-errortype": "ThrottlingException", "retry-after": "7"}
    error = bedrock_converse.decode_error(429, headers, b'{"message":"Slow, AKIAIOSFODNN7EXAMPLE."}')
    assert (error.retry_after, "AKIA" in error.message) == (7, False)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (BadRequest("x"), "ValidationException"),
        (RequestTooLarge("x"), "ValidationException"),
        (AuthenticationFailed("x"), "AccessDeniedException"),
        (BudgetExceeded("x"), "ServiceQuotaExceededException"),
        (PermissionDenied("x"), "AccessDeniedException"),
        (NotFound("x"), "ResourceNotFoundException"),
        (MethodNotAllowed("x"), "UnknownOperationException"),
        (RateLimited("x"), "ThrottlingException"),
        (InternalError("x"), "InternalServerException"),
        (NoHealthyUpstream("x"), "ServiceUnavailableException"),
        (ProviderTimeout("x", phase="total"), "ModelTimeoutException"),
        (ProviderGarbled("x"), "InternalServerException"),
        (ProviderError("x", provider_status=529, kind="overloaded"), "ServiceUnavailableException"),
        (ProviderError("x", provider_status=400, kind="bad_request", provider_type="BadThing"), "ValidationException"),
    ],
)
def test_every_error_has_a_type_that_sdks_know(error: GatewayError, name: str) -> None:
    assert bedrock_converse.error_headers(error)["x-amzn-errortype"] == name


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (RateLimited("x"), "throttlingException"),
        (BadRequest("x"), "validationException"),
        (InternalError("x"), "internalServerException"),
        (ProviderError("x", provider_status=503, kind="overloaded"), "serviceUnavailableException"),
        (ProviderError("x", provider_status=500, kind="server"), "internalServerException"),
    ],
)
def test_every_error_inside_a_stream_is_one_that_streams_may_hold(error: GatewayError, name: str) -> None:
    assert name.encode() in bedrock_converse.stream_error_bytes(error, "r")


def test_an_error_in_a_200_answer_is_one() -> None:
    body = b'{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}'
    error = bedrock_converse.body_error(body, {})
    assert error is not None
    assert (error.provider_type, error.provider_status, error.kind) == ("UnknownOperationException", 404, "not_found")
    assert bedrock_converse.body_error(b'{"output":{}}', {}) is None
    with pytest.raises(ProviderError):
        bedrock_converse.decode_response(json.loads(body))


@pytest.mark.parametrize("body", [b"", b'{"output":{"mess', b"[]", b"<html>"])
def test_an_answer_that_is_cut_is_garbled(body: bytes) -> None:
    with pytest.raises(ProviderGarbled):
        bedrock_converse.body_error(body, {})


@pytest.mark.parametrize("body", [{}, {"output": {}}, {"output": {"message": {"content": "Hi"}}}])
def test_an_answer_without_content_is_garbled(body: dict[str, object]) -> None:
    with pytest.raises(ProviderGarbled):
        bedrock_converse.decode_response(body)
