"""The usage of answers that cost nothing: counting tokens is free of charge at Anthropic (documentation, "Token
counting", 2026-08), Google and AWS (Gemini API reference, "Counting tokens"; AWS API reference, "CountTokens",
2026-11)."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import EMPTY, JsonObject
from sluice.types.usage import Usage


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:  # noqa: ARG001 - one signature
    """Return no tokens."""
    return Usage()


def answer_usage(
    body: bytes,  # noqa: ARG001 - one signature
    headers: Mapping[str, str],  # noqa: ARG001 - one signature
    members: JsonObject,  # noqa: ARG001 - one signature
    quirks: JsonObject = EMPTY,  # noqa: ARG001 - one signature
) -> Usage | None:
    """Return no tokens."""
    return Usage()
