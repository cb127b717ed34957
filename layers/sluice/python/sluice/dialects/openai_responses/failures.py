"""Errors of the Responses dialect: written for callers, and read from providers whatever shape they have.

Rules: before the first byte an error is OpenAI's envelope; inside a stream it is an `error` event followed by
`response.failed`, as the vendor sends them, so that clients which know only one of the two hear of it. This module
imports no canonical chat type.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sluice.dialects.base import JsonObject
from sluice.dialects.openai_responses.meter import events_of
from sluice.dialects.splice import to_bytes

if TYPE_CHECKING:
    from sluice.errors import GatewayError, ProviderError

LAST = 2**31 - 1
"""The sequence number of an error whose place in the stream is not known: later than all others."""

_BARE: dict[str, object] = {
    "output": [],
    "instructions": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "temperature": None,
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
}
"""What clients' types demand of an answer of which nothing is known."""

_CODES = {
    "rate_limit": "rate_limit_exceeded",
    "quota": "insufficient_quota",
    "too_large": "context_length_exceeded",
    "overloaded": "server_is_overloaded",
    "bad_request": "invalid_prompt",
    "content_filter": "content_filter",
}
"""Kind -> code that clients of this dialect act on (Codex: quota, context length, rate limit, overload)."""


def encode_error(error: GatewayError, request_id: str) -> dict[str, object]:
    """Return the error envelope: `{"error": {"message", "type", "param", "code"}}`."""
    from sluice.dialects.openai_chat.envelope import encode_error as write

    return write(error, request_id)


def stream_error_bytes(error: GatewayError, request_id: str) -> bytes:
    """Return the events that end a broken stream."""
    return failed_bytes(error, {**_BARE, "id": request_id or "", "model": ""}, LAST)


def failed_bytes(error: GatewayError, answer: Mapping[str, object], number: int) -> bytes:
    """Return the events that end a broken stream, numbered from `number`, with what `answer` holds so far."""
    inner = encode_error(error, "")["error"]
    said = {**(inner if isinstance(inner, dict) else {}), "code": failure_code(error)}
    first = {"type": "error", "sequence_number": number, "error": said}
    first.update({name: said.get(name) for name in ("code", "message", "param")})
    failed = {
        "object": "response",
        "created_at": int(time.time()),
        "incomplete_details": None,
        "usage": None,
        **answer,
        "status": "failed",
        "error": {"code": said["code"], "message": error.message},
    }
    number = min(number + 1, LAST)
    return event_bytes(first) + event_bytes({"type": "response.failed", "sequence_number": number, "response": failed})


def failure_code(error: GatewayError) -> str:
    """Return the code of an error inside a stream."""
    kind = getattr(error, "kind", "")
    return _CODES.get(kind) or ("server_error" if kind else error.error_code)


def event_bytes(event: Mapping[str, object]) -> bytes:
    """Return one event, named by its type."""
    return b"event: " + str(event["type"]).encode() + b"\ndata: " + to_bytes(event) + b"\n\n"


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """Return the provider's error; `status` 200 means that the error came inside an answer."""
    from sluice.dialects.openai_chat.failures import decode_error as read

    return read(status, headers, body)


def failure_in(found: JsonObject) -> ProviderError | None:
    """Return the error that a response object or an event of a 200 answer reports, None when it is none."""
    kind = found.get("type")
    answer = found.get("response")
    if kind == "error":
        inner = found.get("error")
        return _read({"error": inner if isinstance(inner, Mapping | str) and inner else _flat(found)})
    if kind in ("response.failed", "response.cancelled"):
        return _failed(answer if isinstance(answer, Mapping) else {}, str(kind).rpartition(".")[2])
    if "output" in found or found.get("object") == "response":
        status = found.get("status")
        broken = status in ("failed", "cancelled")
        return _failed(found, str(status)) if broken or found.get("error") else None
    if kind is None and found.get("error"):
        return _read({"error": found["error"]})
    return None


_NO_ERROR = re.compile(rb'"error"\s*:\s*null').findall
_BROKEN = (b"response.failed", b"response.cancelled", b"event: error")


def tells_no_error(raw: bytes) -> bool:
    """Return whether every `error` in JSON text is null; nothing is parsed."""
    return raw.count(b'"error"') == len(_NO_ERROR(raw))


def stream_error(event: bytes) -> ProviderError | None:
    """Return the error that whole events of a 200 stream report, if one is there."""
    if not any(word in event for word in _BROKEN) and tells_no_error(event):
        return None
    for found in events_of(event):
        if str(found.get("type", "")) in ("", "error", "response.failed", "response.cancelled", "None"):
            failure = failure_in(found)
            if failure is not None:
                return failure
    return None


def _failed(answer: JsonObject, status: str) -> ProviderError:
    error = answer.get("error")
    if isinstance(error, Mapping | str) and error:
        return _read({"error": error})
    word = "cancelled" if status == "cancelled" else "failed"
    return _read({"error": {"message": f"The provider says that the answer {word}, not why.", "code": "server_error"}})


def _flat(event: JsonObject) -> dict[str, object]:
    return {name: value for name, value in event.items() if name not in ("type", "sequence_number", "error")}


def _read(envelope: Mapping[str, object]) -> ProviderError:
    return decode_error(200, {}, to_bytes(envelope))
