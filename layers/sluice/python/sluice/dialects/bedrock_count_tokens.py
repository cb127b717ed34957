"""Amazon Bedrock CountTokens: passed through; the answer is `{"inputTokens"}` and costs nothing (AWS API reference,
"CountTokens", 2026-11)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sluice.dialects.base import JsonObject, Outline, path_edits
from sluice.dialects.lazy import STREAMLESS, borrowed, lazily
from sluice.errors import BadRequest

if not TYPE_CHECKING:
    __getattr__ = lazily(
        __name__,
        {
            **borrowed("bedrock_converse", *STREAMLESS, "body_error", "error_headers"),
            **borrowed("free", "answer_usage", "read_usage"),
        },
    )


NAME = "bedrock_count_tokens"
pass_edits = path_edits
_INPUTS = ("converse", "invokeModel")
_MEDIA = 1600
"""Tokens of a picture at most (Anthropic docs, "Vision", 2026-10); documents are more."""


def outline(body: JsonObject, size: int) -> Outline:
    """Check a count request and return its outline. Raises BadRequest naming the parameter and the remedy."""
    model = body.get("model")
    if not isinstance(model, str) or not model.strip():
        raise BadRequest("Name the model in the path: POST /model/{modelId}/count-tokens.", param="modelId")
    asked = body.get("input")
    if not isinstance(asked, dict) or not any(isinstance(asked.get(name), dict) for name in _INPUTS):
        raise BadRequest('input must hold what to count: {"converse": {...}} or {"invokeModel": {...}}.', param="input")
    return Outline(model=model, stream=False, include_usage=True, max_output=0, choices=1, prompt_bytes=size)


def encode_count(tokens: int) -> dict[str, object]:
    """Return the body of an answer."""
    return {"inputTokens": tokens}


def estimate(body: JsonObject) -> int:
    """Return a guess of the prompt's tokens; at least 1."""
    from sluice.dialects.anthropic_messages.tokens import weigh

    return max(int(sum(text if isinstance(text, int) else weigh(text) for text in _seen(body.get("input")))), 1)


def _seen(value: object) -> Iterator[str | int]:
    """Yield the texts that the model sees, and token counts of what is no text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _seen(item)
    elif isinstance(value, dict):
        if "bytes" in value or "s3Location" in value:
            yield _MEDIA
            return
        for name, item in value.items():
            if name not in ("role", "signature", "toolUseId", "format", "inferenceConfig"):
                yield from _seen(item)
