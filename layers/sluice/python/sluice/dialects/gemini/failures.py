"""Errors of the Gemini dialect: written for callers, and read from providers whatever shape they have.

Rules: the kind follows the error's `status` where that is specific and its details and words where it is not; an error
may stand in an array, as streams without `alt=sse` write it. Other shapes are read by the reader of foreign shapes,
loaded when one turns up. Nothing that looks like a key gets through. This module imports no canonical chat type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from sluice.dialects.base import JsonObject
from sluice.dialects.gemini.chunks import objects
from sluice.dialects.splice import to_bytes
from sluice.errors import GatewayError, ProviderError

_KINDS = {
    "INVALID_ARGUMENT": "bad_request",
    "FAILED_PRECONDITION": "bad_request",
    "OUT_OF_RANGE": "bad_request",
    "ALREADY_EXISTS": "bad_request",
    "UNIMPLEMENTED": "bad_request",
    "UNAUTHENTICATED": "authentication",
    "PERMISSION_DENIED": "permission",
    "NOT_FOUND": "not_found",
    "RESOURCE_EXHAUSTED": "rate_limit",
    "DEADLINE_EXCEEDED": "timeout",
    "UNAVAILABLE": "overloaded",
    "INTERNAL": "server",
    "UNKNOWN": "server",
    "ABORTED": "server",
    "CANCELLED": "server",
    "DATA_LOSS": "server",
}
"""Status -> canonical kind (google.rpc.Code; vendor docs, "Troubleshooting", 2026-11)."""
_CODES = {
    "bad_request": 400,
    "authentication": 401,
    "permission": 403,
    "not_found": 404,
    "rate_limit": 429,
    "quota": 429,
    "server": 500,
    "overloaded": 503,
    "timeout": 504,
}
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "RESOURCE_EXHAUSTED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
_TYPE = "type.googleapis.com/google.rpc."
_KEY = re.compile(r"api[- ]?key (is )?(not valid|invalid|expired|not found|missing)|pass a valid api key")
_LARGE = re.compile(r"token count.{0,80}exceed|exceeds the maximum (number of tokens|size)|payload size exceeds")
_DAILY = re.compile(r"perday|daily", re.IGNORECASE)
_SOON = 3600.0
MESSAGE_LIMIT = 2_000


def encode_error(error: GatewayError, request_id: str) -> dict[str, object]:
    """Return the error envelope; the gateway's own code and the request's id stand in its details."""
    code = error.http_status
    status = _STATUSES.get(code, "INTERNAL" if code >= 500 else "INVALID_ARGUMENT")
    if isinstance(error, ProviderError) and error.provider_type in _KINDS:
        status = error.provider_type
    reason: dict[str, object] = {"@type": _TYPE + "ErrorInfo", "reason": error.error_code, "domain": "sluice"}
    metadata = {name: value for name, value in (("param", error.param), ("request_id", request_id)) if value}
    details = [{**reason, "metadata": metadata} if metadata else reason]
    if error.retry_after is not None:
        details.append({"@type": _TYPE + "RetryInfo", "retryDelay": f"{error.retry_after:g}s"})
    return {"error": {"code": code, "message": error.message, "status": status, "details": details}}


def stream_error_bytes(error: GatewayError, request_id: str) -> bytes:
    """Return the event that ends a broken stream."""
    return event_bytes(encode_error(error, request_id))


def event_bytes(data: Mapping[str, object]) -> bytes:
    """Return one event."""
    return b"data: " + to_bytes(data) + b"\r\n\r\n"


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """Return the error of an answer; `headers` have lower-case names, `status` 200 is an error inside an answer."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = next(_errors_in(body), None)
    if isinstance(found, list):
        found = next((item for item in found if isinstance(item, dict) and "error" in item), None)
    if isinstance(found, dict):
        own = _own(found, status, headers)
        if own is not None:
            return own
    from sluice.dialects.openai_chat.failures import decode_error as decode_foreign

    return decode_foreign(status, headers, body)


def error_of(body: JsonObject) -> ProviderError | None:
    """Return the error that a JSON object of a 200 answer reports, None when it is no error."""
    if body.get("error") and not body.get("candidates"):
        return decode_error(200, {}, json.dumps(body).encode())
    return None


def stream_error(event: bytes) -> ProviderError | None:
    """Return the error that whole events of a 200 stream report, if there is one."""
    if b'"error"' not in event:
        return None
    found = next(_errors_in(event), None)
    return error_of(found) if found is not None else None


def _errors_in(body: bytes) -> Iterator[dict[str, object]]:
    return (found for found in objects((body,)) if found.get("error") and not found.get("candidates"))


def _own(found: Mapping[str, object], status: int, headers: Mapping[str, str]) -> ProviderError | None:
    """Return the error of this dialect's own envelope, None for any other shape."""
    inner = found.get("error")
    if not isinstance(inner, dict):
        return None
    word, message, code = inner.get("status"), inner.get("message"), inner.get("code")
    if not isinstance(word, str) or word not in _KINDS:
        return None
    from sluice.dialects.masking import masked
    from sluice.dialects.waits import wait_of

    text = message if isinstance(message, str) else ""
    details = [detail for detail in _list(inner.get("details")) if isinstance(detail, dict)]
    known = status if status >= 400 else code if type(code) is int and 400 <= code <= 599 else _CODES[_KINDS[word]]
    wait = wait_of(headers, text, found)
    kind = _kind(word, text.lower(), details, known, wait)
    return ProviderError(
        masked(text)[:MESSAGE_LIMIT] or f"The provider answered with status {status} and no message.",
        provider_status=known,
        kind=kind,
        provider_type=word,
        provider_code=_reason(details) or word,
        retry_after=wait if kind in _WAITABLE else None,
    )


_WAITABLE = frozenset({"rate_limit", "overloaded", "server", "timeout", "quota"})


def _kind(word: str, text: str, details: list[dict[str, object]], status: int, wait: float | None) -> str:
    kind = _KINDS[word]
    if _reason(details).startswith("API_KEY_") or (kind == "bad_request" and _KEY.search(text)):
        return "authentication"
    if word == "RESOURCE_EXHAUSTED":
        return _exhausted(text, details, wait)
    if kind != "bad_request":
        return kind
    if _LARGE.search(text):
        return "too_large"
    if "location is not supported" in text:
        return "permission"
    from sluice.dialects.kinds import kind_of

    return kind_of(status, "", text)


def _exhausted(text: str, details: list[dict[str, object]], wait: float | None) -> str:
    """Tell a rate, which passes within minutes, from a quota of the day or the plan, which does not."""
    limits = [
        str(violation.get("quotaId") or violation.get("quotaMetric") or violation.get("description") or "")
        for detail in details
        for violation in _list(detail.get("violations"))
        if isinstance(violation, dict)
    ]
    if limits:
        return "quota" if all(map(_DAILY.search, limits)) else "rate_limit"
    if wait is not None and wait < _SOON:
        return "rate_limit"
    from sluice.dialects.kinds import kind_of

    return kind_of(429, "", text)


def _reason(details: list[dict[str, object]]) -> str:
    for detail in details:
        reason = detail.get("reason")
        if isinstance(reason, str):
            return reason
    return ""


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
