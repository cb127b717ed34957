"""Requests that API Gateway verified a signature of, and requests that only pretend."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.aws.apigateway import request_of

ARN = "arn:aws:sts::123456789012:assumed-role/search-api/session"


def event(path: str, resource: str, user_arn: str | None, **headers: str) -> dict[str, Any]:
    return {
        "httpMethod": "POST",
        "path": path,
        "resource": resource,
        "headers": headers,
        "body": "{}",
        "requestContext": {"resourcePath": resource, "identity": {"userArn": user_arn, "sourceIp": "192.0.2.1"}},
    }


def test_a_signed_request_has_its_principal_and_the_usual_path() -> None:
    found = request_of(event("/iam/v1/chat/completions", "/iam/v1/chat/completions", ARN))
    assert (found.path, found.principal) == ("/v1/chat/completions", ARN)


@pytest.mark.parametrize(
    ("path", "resource", "user_arn"),
    [
        ("/v1/chat/completions", "/v1/chat/completions", ARN),
        ("/iam/v1/chat/completions", "/{proxy+}", ARN),
        ("/iamv1/x", "/iamv1/{x+}", ARN),
        ("/iam/v1/chat/completions", "/iam/v1/chat/completions", None),
        ("/iam/v1/chat/completions", "/iam/v1/chat/completions", ""),
    ],
)
def test_what_was_not_verified_there_is_no_principal(path: str, resource: str, user_arn: str | None) -> None:
    found = request_of(event(path, resource, user_arn, userArn=ARN, authorization=f"AWS4-HMAC-SHA256 {ARN}"))
    assert (found.path, found.principal) == (path, "")
