"""How image and audio formats tell of errors and keep streams open: as OpenAI Chat Completions does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sluice.dialects.lazy import borrowed, lazily
from sluice.dialects.openai_chat import decode_error
from sluice.errors import ProviderError, ProviderGarbled

if not TYPE_CHECKING:
    __getattr__ = lazily(
        __name__,
        {
            **borrowed("openai_chat", "encode_error", "keep_alive", "stream_error_bytes"),
            **borrowed("base", "stream_filter"),
        },
    )


def stream_error(event: bytes) -> ProviderError | None:
    """Return the error that whole events of a 200 stream report, if one is there.

    A picture of megabytes is not parsed for it.
    """
    if b'"error"' not in event and b"event: error" not in event:
        return None
    from sluice.dialects.openai_chat import stream_error as read

    return read(event)


def body_error(body: bytes, headers: Mapping[str, str]) -> ProviderError | None:
    """Return the error that a whole 200 answer reports, if it is one; an answer may be plain text.

    Raises ProviderGarbled for JSON that is cut.
    """
    if "json" not in headers.get("content-type", ""):
        return None
    whole = body.strip()
    if whole[:1] != b"{" or whole[-1:] != b"}":
        raise ProviderGarbled("The provider's answer is not a whole JSON object.")
    if b'"error"' not in body:
        return None
    found = parsed(body)
    if not found.get("error") or "text" in found or "data" in found:
        return None
    return decode_error(200, headers, body)


def parsed(body: bytes) -> dict[str, object]:
    """Return a JSON object; an empty one where there is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
