"""Gemini `countTokens`: passed through where the provider counts; the answer is `{"totalTokens"}` and costs nothing
(Gemini API reference, "Counting tokens", 2026-11)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sluice.dialects.base import EMPTY, REMOVED, JsonObject, Outline
from sluice.dialects.gemini import (
    decode_error,
    encode_error,
    keep_alive,
    meter,
    stream_error,
    stream_error_bytes,
)
from sluice.errors import BadRequest
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

NAME = "gemini_count_tokens"
_PICTURE = 258
"""Tokens of a small picture, or of one tile of a large one (Gemini API docs, "Understand tokens", 2026-11)."""


def outline(body: JsonObject, size: int) -> Outline:
    """Check a count request and return its outline. Raises BadRequest naming the parameter and the remedy."""
    model = body.get("model")
    if not isinstance(model, str) or not model.strip():
        raise BadRequest("Name the model in the path: POST /v1beta/models/{model}:countTokens.", param="model")
    whole = body.get("generateContentRequest")
    asked = whole if isinstance(whole, dict) else body
    if not isinstance(asked.get("contents"), list | dict):
        raise BadRequest("'contents' must hold what to count, as for generateContent.", param="contents")
    return Outline(model=model, stream=False, include_usage=True, max_output=0, choices=1, prompt_bytes=size)


def pass_edits(body: JsonObject, quirks: JsonObject = EMPTY) -> dict[str, object]:  # noqa: ARG001 - one signature
    """Return the members that stand in the path, to be taken away."""
    return {name: REMOVED for name in ("model", "stream") if name in body}


def stream_filter(body: JsonObject) -> Callable[[bytes], bytes] | None:  # noqa: ARG001 - one signature
    """Return None: a count does not stream."""
    return None


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:  # noqa: ARG001 - one signature
    """Return no tokens: counting is free of charge."""
    return Usage()


def encode_count(tokens: int) -> dict[str, object]:
    """Return the body of an answer."""
    return {"totalTokens": tokens}


def estimate(body: JsonObject) -> int:
    """Return a guess of the prompt's tokens; at least 1."""
    from sluice.dialects.anthropic_messages.tokens import weigh

    return max(int(sum(text if isinstance(text, int) else weigh(text) for text in _seen(body))), 1)


def _seen(value: object) -> Iterator[str | int]:
    """Yield the texts that the model sees, and token counts of what is no text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _seen(item)
    elif isinstance(value, dict):
        if {"inlineData", "inline_data", "fileData", "file_data"} & value.keys():
            yield _PICTURE
            return
        for name, item in value.items():
            if name not in ("model", "role", "thoughtSignature", "generationConfig", "safetySettings"):
                yield from _seen(item)
