"""What API Gateway itself answers when a request never reaches a function.

Every body reads as an OpenAI error (`error.message`, `error.type`, `error.code`, `error.param`) and as an Anthropic one
(`type: "error"`, `error.type`, `error.message`, `request_id`), so both SDKs raise their usual exceptions whatever
dialect the caller speaks. `x-should-retry` tells them whether another try can help. Types and codes are those of
`sluice.errors`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from aws_cdk import aws_apigateway as apigateway

AS_GIVEN = "$context.error.messageString"
"""API Gateway's own message; it fills this in with the quotes around it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One kind of answer. `status` None keeps the one that API Gateway chose."""

    kind: apigateway.ResponseType
    name: str
    type: str
    code: str
    message: str = AS_GIVEN
    status: int | None = None
    retryable: bool = False

    @property
    def body(self) -> str:
        """The body's template: JSON, once API Gateway has filled in its variables."""
        error = {"message": self.message, "type": self.type, "param": None, "code": self.code}
        text = json.dumps({"type": "error", "error": error, "request_id": "$context.requestId"})
        return text.replace(json.dumps(AS_GIVEN), AS_GIVEN)

    @property
    def headers(self) -> dict[str, str]:
        """Header mappings: `'...'` is a constant, the rest a variable of the request."""
        return {"x-request-id": "context.requestId", "x-should-retry": f"'{str(self.retryable).lower()}'"}


REFUSALS = (
    Refusal(apigateway.ResponseType.DEFAULT_4_XX, "Default4xx", "invalid_request_error", "invalid_request"),
    Refusal(
        apigateway.ResponseType.DEFAULT_5_XX,
        "Default5xx",
        "api_error",
        "internal_error",
        "The gateway failed before it could answer. Try again with backoff; if it persists, report the request id.",
        retryable=True,
    ),
    Refusal(
        # What API Gateway calls a missing token is a path or a method that the API does not have.
        apigateway.ResponseType.MISSING_AUTHENTICATION_TOKEN,
        "NoSuchEndpoint",
        "not_found_error",
        "not_found",
        "There is no endpoint with this method and path, or it is one under /iam and the request was not signed. The "
        "base URL ends before /v1; see the list of endpoints.",
        404,
    ),
    Refusal(
        apigateway.ResponseType.REQUEST_TOO_LARGE,
        "RequestTooLarge",
        "request_too_large",
        "request_too_large",
        "The request is larger than the gateway takes (6 MB, a form with files 4.5 MB). Upload large files with POST "
        "/v1/uploads and refer to them.",
        413,
    ),
    Refusal(
        apigateway.ResponseType.THROTTLED,
        "Throttled",
        "rate_limit_error",
        "rate_limit_exceeded",
        "The gateway's own request rate is used up for the moment. Try again with backoff.",
        429,
        retryable=True,
    ),
    Refusal(
        apigateway.ResponseType.WAF_FILTERED,
        "Blocked",
        "permission_error",
        "permission_denied",
        "The firewall in front of the gateway blocked this address: it is known for attacks, or sent too many requests "
        "in five minutes.",
        403,
    ),
    Refusal(
        apigateway.ResponseType.INTEGRATION_TIMEOUT,
        "IntegrationTimeout",
        "api_error",
        "gateway_timeout",
        "The gateway's function did not answer in time. Stream long answers, or ask for fewer tokens.",
        504,
        retryable=True,
    ),
)


def add_gateway_responses(api: apigateway.RestApi) -> None:
    """Give `api` every answer of `REFUSALS`."""
    for refusal in REFUSALS:
        api.add_gateway_response(
            refusal.name,
            type=refusal.kind,
            status_code=None if refusal.status is None else str(refusal.status),
            response_headers=refusal.headers,
            templates={"application/json": refusal.body},
        )
