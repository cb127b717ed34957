"""Gemini `countTokens`: passed through where the provider counts; the answer is `{"totalTokens"}` and costs nothing
(Gemini API reference, "Counting tokens", 2026-11)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sluice.dialects.base import JsonObject, Outline, path_edits
from sluice.dialects.lazy import STREAMLESS, borrowed, lazily
from sluice.errors import BadRequest

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__, {**borrowed("gemini", *STREAMLESS), **borrowed("free", "read_usage")})


NAME = "gemini_count_tokens"
pass_edits = path_edits
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
