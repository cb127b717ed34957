"""Errors of the Ollama chat dialect: written for callers, and read from hosts.

Rules: an error is `{"error": text}`, also as a line of a stream, whose status stays 200 (vendor docs, "Errors",
2026-11). Other shapes are read by the reader of foreign shapes. Imports no canonical chat type.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sluice.dialects.base import JsonObject
from sluice.dialects.ndjson import objects
from sluice.dialects.splice import to_bytes
from sluice.errors import GatewayError, ProviderError


def encode_error(error: GatewayError, request_id: str) -> dict[str, object]:
    """Return the error body; what the vendor's own shape has no room for stands beside the text."""
    named = {"param": error.param} if error.param else {}
    known = {"request_id": request_id} if request_id else {}
    return {"error": error.message, "type": error.type, "code": error.error_code, **named, **known}


def stream_error_bytes(error: GatewayError, request_id: str) -> bytes:
    """Return the line that ends a broken stream."""
    return line_bytes(encode_error(error, request_id))


def line_bytes(data: Mapping[str, object]) -> bytes:
    """Return one line."""
    return to_bytes(data) + b"\n"


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """Return the error of an answer; `headers` have lower-case names, `status` 200 is an error inside an answer."""
    from sluice.dialects.openai_chat.failures import decode_error as decode_foreign

    return decode_foreign(status, headers, body)


def error_of(answer: JsonObject) -> ProviderError | None:
    """Return the error that a JSON object of a 200 answer reports, None when it is no error."""
    if answer.get("error") and "message" not in answer:
        return decode_error(200, {}, json.dumps(answer).encode())
    return None


def stream_error(event: bytes) -> ProviderError | None:
    """Return the error that whole lines of a 200 stream report, if there is one."""
    if b'"error"' not in event:
        return None
    return next((failure for found in objects((event,)) if (failure := error_of(found)) is not None), None)
