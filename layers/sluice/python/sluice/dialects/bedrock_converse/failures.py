"""Errors of Amazon Bedrock: written for callers, and read from providers, whole and inside streams.

Rules: a body is `{"message"}` and the type stands in the header `x-amzn-errortype`, which may go on with `:http://...`;
older services put it into `__type`. Inside a stream an error is a frame: an exception that the API declares, or an
error with `:error-code` and `:error-message` and no payload. Statuses: AWS API reference, "Converse" and "InvokeModel",
2026-11. Other shapes are read by the reader of foreign shapes. This module imports no canonical chat type.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sluice.dialects import eventstream
from sluice.dialects.base import JsonObject
from sluice.dialects.splice import to_bytes
from sluice.errors import GatewayError, ProviderError, ProviderGarbled

_TYPES = {
    "ValidationException": (400, "bad_request"),
    "ServiceQuotaExceededException": (400, "quota"),
    "AccessDeniedException": (403, "permission"),
    "ResourceNotFoundException": (404, "not_found"),
    "ModelTimeoutException": (408, "timeout"),
    "ModelErrorException": (424, "server"),
    "ModelStreamErrorException": (424, "server"),
    "ThrottlingException": (429, "rate_limit"),
    "ModelNotReadyException": (429, "overloaded"),
    "InternalServerException": (500, "server"),
    "ServiceUnavailableException": (503, "overloaded"),
    "UnrecognizedClientException": (403, "authentication"),
    "InvalidSignatureException": (403, "authentication"),
    "SignatureDoesNotMatch": (403, "authentication"),
    "IncompleteSignatureException": (400, "authentication"),
    "IncompleteSignature": (400, "authentication"),
    "MissingAuthenticationTokenException": (403, "authentication"),
    "MissingAuthenticationToken": (403, "authentication"),
    "ExpiredTokenException": (403, "authentication"),
    "ExpiredToken": (403, "authentication"),
    "InvalidClientTokenId": (403, "authentication"),
    "RequestExpired": (400, "authentication"),
    "OptInRequired": (403, "permission"),
    "NotAuthorized": (400, "permission"),
    "Throttling": (429, "rate_limit"),
    "InternalFailure": (500, "server"),
    "ServiceUnavailable": (503, "overloaded"),
    "UnknownOperationException": (404, "not_found"),
    "SerializationException": (400, "bad_request"),
    "RequestEntityTooLargeException": (413, "too_large"),
}
"""Type -> status and canonical kind (AWS docs, "Troubleshooting Amazon Bedrock API Error Codes", 2026-11)."""

_BY_STATUS = {
    401: "AccessDeniedException",
    402: "ServiceQuotaExceededException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    405: "UnknownOperationException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
    504: "ModelTimeoutException",
    529: "ServiceUnavailableException",
}
_IN_STREAMS = {
    "rate_limit": "throttlingException",
    "quota": "throttlingException",
    "overloaded": "serviceUnavailableException",
    "bad_request": "validationException",
    "too_large": "validationException",
    "content_filter": "validationException",
    "connection": "modelStreamErrorException",
    "garbled": "modelStreamErrorException",
    "timeout": "modelStreamErrorException",
}
"""Canonical kind -> the exceptions a stream of this API may hold; any other is an internalServerException."""
_DAILY = ("per day", "daily")
MESSAGE_LIMIT = 2_000


def encode_error(error: GatewayError, request_id: str) -> dict[str, object]:  # noqa: ARG001 - one signature
    """Return the body of an error; its type goes into a header (`error_headers`)."""
    return {"message": error.message}


def error_headers(error: GatewayError) -> dict[str, str]:
    """Return the header in which AWS SDKs look for an error's type."""
    return {"x-amzn-errortype": error_type(error)}


def error_type(error: GatewayError) -> str:
    """Return the type of an error, Bedrock's own where it is one."""
    if isinstance(error, ProviderError) and error.provider_type in _TYPES:
        return error.provider_type
    status = error.http_status
    return _BY_STATUS.get(status, "InternalServerException" if status >= 500 else "ValidationException")


def stream_error_bytes(error: GatewayError, request_id: str) -> bytes:  # noqa: ARG001 - one signature
    """Return the frame that ends a broken stream."""
    name = "internalServerException"
    if isinstance(error, ProviderError):
        name = _IN_STREAMS.get(error.kind, name)
    elif error.http_status < 500:
        name = "throttlingException" if error.http_status == 429 else "validationException"
    return eventstream.exception(name, to_bytes({"message": error.message}))


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """Return the error of an answer; `headers` have lower-case names."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    members = found if isinstance(found, dict) else {}
    name = _bare(headers.get("x-amzn-errortype") or _text(members.get("__type")) or _text(members.get("code")))
    message = _text(members.get("message")) or _text(members.get("Message"))
    if name or (message and "error" not in members):
        return _error(name, message, status, headers)
    from sluice.dialects.openai_chat.failures import decode_error as decode_foreign

    return decode_foreign(status, headers, body)


def body_error(body: bytes, headers: Mapping[str, str]) -> ProviderError | None:
    """Return the error that a whole 200 answer reports, if it is one. Raises ProviderGarbled for a cut answer."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ProviderGarbled("The provider's answer is not a whole JSON object.")
    return error_of(found, headers)


def error_of(found: JsonObject, headers: Mapping[str, str] | None = None) -> ProviderError | None:
    """Return the error that a JSON object of a 200 answer reports, None when it is no error."""
    outer = found.get("Output")
    inner = outer if isinstance(outer, dict) else found  # an operation the service does not know
    name = (headers or {}).get("x-amzn-errortype") or _text(inner.get("__type"))
    return _error(_bare(name), _text(inner.get("message")), 200, headers or {}) if name else None


def stream_error(event: bytes) -> ProviderError | None:
    """Return the error that whole frames of a 200 stream report, if there is one."""
    if b"exception" not in event and b"error" not in event:
        return None
    for frame in eventstream.frames(event):
        failure = frame_error(frame)
        if failure is not None:
            return failure
    return None


def frame_error(frame: eventstream.Frame) -> ProviderError | None:
    """Return the error of one frame, None when it is an event."""
    if frame.kind == "event":
        return None
    if frame.kind == "error":
        return _error(frame.name, frame.word(":error-message"), 200, {})
    try:
        found = json.loads(frame.payload)
    except (ValueError, RecursionError):
        found = None
    members = found if isinstance(found, dict) else {}
    message = _text(members.get("message")) or _text(members.get("Message"))
    original, told = members.get("originalStatusCode"), _text(members.get("originalMessage"))
    if told and told not in message:
        message = f"{message} {told}".strip()
    status = original if type(original) is int and 400 <= original <= 599 else 200
    return _error(frame.name, message, status, {})


def _error(name: str, message: str, status: int, headers: Mapping[str, str]) -> ProviderError:
    from sluice.dialects.masking import masked
    from sluice.dialects.waits import wait_of

    name = name[:1].upper() + name[1:]  # lower case in streams
    implied, kind = _TYPES.get(name, (0, ""))
    known = status if status >= 400 else implied or 500
    kind = _kind(kind, name, known, message.lower())
    return ProviderError(
        masked(message)[:MESSAGE_LIMIT] or f"The provider answered with {name or f'status {known}'} and no message.",
        provider_status=known,
        kind=kind,
        provider_type=name or None,
        provider_code=name or None,
        retry_after=wait_of(headers, message, {}) if kind in ("rate_limit", "overloaded", "server") else None,
    )


def _kind(kind: str, name: str, status: int, text: str) -> str:
    from sluice.dialects.kinds import kind_of

    if kind == "rate_limit" and any(word in text for word in _DAILY):
        return "quota"  # passes within a day, not within minutes
    if kind == "bad_request":
        if "input is too long" in text or "too large" in text:
            return "too_large"
        found = kind_of(400, "", text)
        return found if found in ("too_large", "content_filter") else kind
    if kind == "permission":
        return "authentication" if "api key" in text or "security token" in text else kind
    return kind or kind_of(status, name.lower(), text)


def _bare(name: str) -> str:
    """Return the name of a type without its namespace and its URL."""
    return name.partition(":")[0].rpartition("#")[2].strip()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
