"""Errors and keep-alives as a Chat Completions caller expects them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sluice.errors import GatewayError

_TYPES = {
    "bad_request": "invalid_request_error",
    "too_large": "invalid_request_error",
    "content_filter": "invalid_request_error",
    "authentication": "authentication_error",
    "permission": "permission_error",
    "not_found": "not_found_error",
    "rate_limit": "rate_limit_error",
    "quota": "insufficient_quota",
}


def encode_error(error: GatewayError, request_id: str) -> dict[str, object]:  # noqa: ARG001  (it is in a header)
    """Return the error envelope: `{"error": {"message", "type", "param", "code"}}`."""
    kind = getattr(error, "provider_type", None) or _TYPES.get(getattr(error, "kind", ""), error.type)
    return {"error": {"message": error.message, "type": kind, "param": error.param, "code": error.error_code}}


def stream_error_bytes(error: GatewayError, request_id: str) -> bytes:
    """Return the chunk that ends a broken stream: an error in the place of choices, and no [DONE] after it."""
    return event_bytes(encode_error(error, request_id))


def keep_alive() -> bytes:
    """Return a comment; clients skip it."""
    return b": keep-alive\n\n"


def event_bytes(chunk: dict[str, object]) -> bytes:
    """Return one chunk as an event."""
    try:
        return b"data: " + json.dumps(chunk, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
    except UnicodeEncodeError:  # half of a surrogate pair; the other half is in the next delta
        return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"
