"""Errors of the Messages dialect: written for callers, and read from providers whatever shape they have.

Rules: the kind follows the error's own type where that is specific and the HTTP status and words where it is not.
Gateways and hosts in front of a vendor answer in shapes of their own (OpenAI's, AWS's, flat objects, arrays, HTML, bare
text); those are read by the reader of foreign shapes, loaded when one turns up. Nothing that looks like a key gets
through. This module imports no canonical chat type.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sluice.dialects import sse
from sluice.dialects.base import JsonObject
from sluice.dialects.splice import to_bytes
from sluice.errors import GatewayError, ProviderError, ThreadNotKept

_KINDS = {
    "invalid_request_error": "bad_request",
    "authentication_error": "authentication",
    "permission_error": "permission",
    "billing_error": "quota",
    "not_found_error": "not_found",
    "request_too_large": "too_large",
    "rate_limit_error": "rate_limit",
    "timeout_error": "timeout",
    "api_error": "server",
    "overloaded_error": "overloaded",
}
"""Type -> canonical kind (vendor docs, "Errors", 2026-10)."""
_VAGUE = ("invalid_request_error", "api_error")
"""Types so general that status and words say more."""
_STATUS_OF = {
    "bad_request": 400,
    "authentication": 401,
    "quota": 402,
    "permission": 403,
    "not_found": 404,
    "too_large": 413,
    "rate_limit": 429,
    "timeout": 504,
    "overloaded": 529,
}
_TYPE_OF = {kind: word for word, kind in _KINDS.items()} | {"content_filter": "invalid_request_error"}
_TYPE_AT = {status: _TYPE_OF[kind] for kind, status in _STATUS_OF.items()}
MESSAGE_LIMIT = 2_000


def encode_error(error: GatewayError, request_id: str) -> dict[str, object]:
    """Return the error envelope; the gateway's own `code` and `param` stand beside the type."""
    kind = error.type
    if isinstance(error, ProviderError):
        kind = _word_for(error)
    inner: dict[str, object] = {"type": kind, "message": error.message, "code": error.error_code}
    if error.param is not None:
        inner["param"] = error.param
    if isinstance(error, ThreadNotKept):
        inner["details"] = {"error_code": error.error_code}  # what this vendor's SDKs look at (SDK 1.12, 2026-11)
    return {"type": "error", "error": inner, "request_id": request_id or None}


def _word_for(error: ProviderError) -> str:
    own = error.provider_type
    if own not in _KINDS:
        return _TYPE_OF.get(error.kind, "api_error")
    if own not in _VAGUE:
        return own
    # OpenAI's dialect calls a bad key and an unknown model "invalid_request_error" too; here each status has its type.
    status = error.provider_status
    return _TYPE_AT.get(status, "api_error" if status >= 500 else own)


def stream_error_bytes(error: GatewayError, request_id: str) -> bytes:
    """Return the event that ends a broken stream."""
    return event_bytes("error", encode_error(error, request_id))


def event_bytes(name: str, data: Mapping[str, object]) -> bytes:
    """Return one event."""
    return b"event: " + name.encode() + b"\ndata: " + to_bytes(data) + b"\n\n"


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """Return the error of an answer; `headers` have lower-case names, `status` 200 is an error inside an answer."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        own = _own(found, status, headers)
        if own is not None:
            return own
    from sluice.dialects.openai_chat.failures import decode_error as decode_foreign

    return decode_foreign(status, headers, body)


def error_of(body: JsonObject) -> ProviderError | None:
    """Return the error that a JSON object of a 200 answer reports, None when it is no error."""
    if body.get("type") == "error" or (body.get("error") and "content" not in body):
        return decode_error(200, {}, json.dumps(body).encode())
    return None


def stream_error(event: bytes) -> ProviderError | None:
    """Return the error that whole events of a 200 stream report, if there is one."""
    if b"error" not in event:
        return None
    for name, data in sse.events((event,)):
        if name == "error" or '"error"' in data:
            failure = event_error(name, data)
            if failure is not None:
                return failure
    return None


def event_error(name: str, data: str) -> ProviderError | None:
    """Return the error of one event, None when it is another kind of event."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and (failure := error_of(found)) is not None:
        return failure
    return decode_error(200, {}, data.encode()) if name == "error" else None


def _own(found: Mapping[str, object], status: int, headers: Mapping[str, str]) -> ProviderError | None:
    """Return the error of this dialect's own envelope, None for any other shape."""
    inner = found.get("error")
    if not isinstance(inner, dict):
        return None
    word, message = inner.get("type"), inner.get("message")
    if not isinstance(word, str) or word not in _KINDS or not isinstance(message, str):
        return None
    from sluice.dialects.masking import masked
    from sluice.dialects.waits import wait_of

    kind = _kind(word, message, status)
    code, param = inner.get("code"), inner.get("param")
    return ProviderError(
        masked(message)[:MESSAGE_LIMIT] or f"The provider answered with status {status} and no message.",
        provider_status=status if status >= 400 else _STATUS_OF.get(kind, 500),
        kind=kind,
        provider_type=word,
        provider_code=code if isinstance(code, str) else word,
        param=param if isinstance(param, str) else None,
        retry_after=wait_of(headers, message, found) if kind in ("rate_limit", "overloaded", "server") else None,
    )


def _kind(word: str, message: str, status: int) -> str:
    if word not in _VAGUE:
        return _KINDS[word]
    from sluice.dialects.kinds import kind_of

    # In a 200 answer the type stands for the status it would have come with.
    known = status if status >= 400 else (400 if word == "invalid_request_error" else 500)
    return kind_of(known, word, message.lower())
