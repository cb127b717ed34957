"""Errors of the Cohere chat dialect: written for callers, and read from providers.

Rules: an error is `{"id", "message"}`, its class told by the status, some of which are the vendor's own (vendor docs,
"Errors", 2026-11). A stream reports one in its `message-end`, with the reason ERROR, a text and a type. Other shapes
are read by the reader of foreign shapes. Nothing that looks like a key gets through. Imports no canonical chat type.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sluice.dialects.base import JsonObject
from sluice.dialects.cohere_chat.names import DONE
from sluice.dialects.splice import to_bytes
from sluice.dialects.sse import events
from sluice.errors import GatewayError, ProviderError, ProviderGarbled

_BLOCKED = 498
"""A deny-listed token in the request or the answer."""
_CANCELLED = 499
_STATUSES = {"content_filter": 400, "rate_limit": 429, "quota": 402, "too_large": 413, "timeout": 504}


def encode_error(error: GatewayError, request_id: str) -> dict[str, object]:
    """Return the error body; `type` and `code` say what the vendor's own shape has no room for."""
    named = {"param": error.param} if error.param else {}
    return {"id": request_id, "message": error.message, "type": error.type, "code": error.error_code, **named}


def stream_error_bytes(error: GatewayError, request_id: str) -> bytes:
    """Return the events that end a broken stream."""
    delta = {"finish_reason": "ERROR", "error": error.message, "error_type": error.error_code}
    return event_bytes({"id": request_id, "type": "message-end", "delta": delta}) + DONE


def event_bytes(data: Mapping[str, object]) -> bytes:
    """Return one event; its name is its type."""
    return b"event: %b\ndata: %b\n\n" % (str(data["type"]).encode(), to_bytes(data))


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """Return the error of an answer; `headers` have lower-case names, `status` 200 is an error inside an answer."""
    from sluice.dialects.openai_chat.failures import decode_error as decode_foreign

    error = decode_foreign(status, headers, body)
    kind = _kind(status, error)
    if kind == error.kind:
        return error
    return ProviderError(
        error.message,
        provider_status=status if status >= 400 else _STATUSES.get(kind, 500),
        kind=kind,
        provider_type=error.provider_type,
        provider_code=error.error_code if error.error_code != error.code else None,
        retry_after=error.retry_after,
    )


def _kind(status: int, error: ProviderError) -> str:
    text = error.message.lower()
    if status == _BLOCKED:
        return "content_filter"
    if status == _CANCELLED:
        return "server"  # "Please try the request again"
    if "too many tokens" in text and status != 429:
        return "too_large"  # "... total number of tokens in the prompt cannot exceed 4081"
    if status == 429 and ("/ month" in text or "per month" in text):
        return "quota"  # "You are using a Trial key, which is limited to 1000 API calls / month."
    return error.kind


def body_error(body: bytes, headers: Mapping[str, str]) -> ProviderError | None:
    """Return the error that a whole 200 answer reports, if it is one. Raises ProviderGarbled for a cut answer."""
    whole = body.strip()
    if whole[:1] != b"{" or whole[-1:] != b"}":
        raise ProviderGarbled("The provider's answer is not a whole JSON object.")
    if b'"error"' not in body and b'"finish_reason"' in body:
        return None
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return error_of(found, headers) if isinstance(found, dict) else None


def error_of(answer: JsonObject, headers: Mapping[str, str] | None = None) -> ProviderError | None:
    """Return the error that a JSON object of a 200 answer reports, None when it is no error."""
    if isinstance(answer.get("message"), Mapping):
        return None  # an answer, whatever else stands beside it
    if answer.get("type") == "message-end" or "finish_reason" in answer:
        delta = answer.get("delta")
        return _reported(delta if isinstance(delta, Mapping) else answer)
    if "type" not in answer and any(isinstance(answer.get(name), str | Mapping) for name in ("message", "error")):
        return decode_error(200, headers or {}, json.dumps(answer).encode())
    return None


def stream_error(event: bytes) -> ProviderError | None:
    """Return the error that whole events of a 200 stream report, if there is one."""
    if b'"error"' not in event and b'"message":"' not in event:
        return None
    for _, text in events((event,)):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            continue
        failure = error_of(found) if isinstance(found, dict) else None
        if failure is not None:
            return failure
    return None


def _reported(delta: JsonObject) -> ProviderError | None:
    """Return the error of an answer's end: `{"finish_reason": "ERROR", "error", "error_type"}`."""
    text, word = delta.get("error"), delta.get("error_type")
    if not isinstance(text, str) or not text:
        return None
    from sluice.dialects.kinds import kind_of, status_of
    from sluice.dialects.masking import masked

    named = word if isinstance(word, str) and word else None
    code = (named or "").lower()
    # What the model itself got wrong (INVALID_TOOL_GENERATION) may go right the next time.
    kind = "server" if "generation" in code else kind_of(0, code, text.lower())
    return ProviderError(
        masked(text)[:2000], provider_status=status_of(kind), kind=kind, provider_type=named, provider_code=named
    )
