"""Anthropic's token counting, passed through where the provider counts; errors are those of Anthropic Messages."""

from __future__ import annotations

from collections.abc import Callable

from sluice.dialects.anthropic_messages import (
    decode_error,
    encode_error,
    keep_alive,
    meter,
    stream_error,
    stream_error_bytes,
)
from sluice.dialects.anthropic_messages.tokens import encode_count, estimate, outline
from sluice.dialects.base import EMPTY, JsonObject
from sluice.types.usage import Usage

__all__ = [
    "NAME",
    "decode_error",
    "encode_count",
    "encode_error",
    "estimate",
    "keep_alive",
    "meter",
    "outline",
    "pass_edits",
    "read_usage",
    "stream_error",
    "stream_error_bytes",
    "stream_filter",
]

NAME = "anthropic_count_tokens"


def pass_edits(body: JsonObject, quirks: JsonObject = EMPTY) -> dict[str, object]:  # noqa: ARG001 - one signature
    """Return no edits."""
    return {}


def stream_filter(body: JsonObject) -> Callable[[bytes], bytes] | None:  # noqa: ARG001 - one signature
    """Return None: a count does not stream."""
    return None


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:  # noqa: ARG001 - one signature
    """Return no tokens: counting is free of charge (Anthropic documentation, token counting, 2026-08)."""
    return Usage()
