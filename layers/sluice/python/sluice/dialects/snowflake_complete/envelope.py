"""Errors and keep-alives as a caller of Snowflake's REST APIs expects them: {"code", "message", "request_id"}."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects.openai_chat.envelope import event_bytes, keep_alive

if TYPE_CHECKING:
    from sluice.errors import GatewayError

__all__ = ["encode_error", "event_bytes", "keep_alive", "stream_error_bytes"]


def encode_error(error: GatewayError, request_id: str) -> dict[str, object]:
    """Return the error envelope; `error_code` repeats `code`, as Snowflake's does."""
    return {
        "message": error.message,
        "code": error.error_code,
        "request_id": request_id,
        "error_code": error.error_code,
    }


def stream_error_bytes(error: GatewayError, request_id: str) -> bytes:
    """Return the event that ends a broken stream."""
    return event_bytes(encode_error(error, request_id))
