"""Amazon Bedrock CountTokens: passed through; the answer is `{"inputTokens"}` and costs nothing (AWS API reference,
"CountTokens", 2026-11)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from sluice.dialects.base import EMPTY, REMOVED, JsonObject, Meter, Outline
from sluice.dialects.bedrock_converse import keep_alive
from sluice.dialects.bedrock_converse.failures import (
    body_error,
    decode_error,
    encode_error,
    error_headers,
    stream_error,
    stream_error_bytes,
)
from sluice.dialects.bedrock_converse.meter import StreamMeter
from sluice.errors import BadRequest
from sluice.types.usage import Usage

__all__ = [
    "NAME",
    "answer_usage",
    "body_error",
    "decode_error",
    "encode_count",
    "encode_error",
    "error_headers",
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

NAME = "bedrock_count_tokens"
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


def pass_edits(body: JsonObject, quirks: JsonObject) -> dict[str, object]:  # noqa: ARG001 - one signature
    """Return the members that stand in the path, to be taken away."""
    return {name: REMOVED for name in ("model", "stream") if name in body}


def stream_filter(body: JsonObject) -> Callable[[bytes], bytes] | None:  # noqa: ARG001 - one signature
    """Return None: a count does not stream."""
    return None


def meter(quirks: JsonObject = EMPTY) -> Meter:  # noqa: ARG001 - one signature
    """Return a fresh meter."""
    return StreamMeter()


def answer_usage(
    body: bytes,  # noqa: ARG001 - one signature
    headers: Mapping[str, str],  # noqa: ARG001 - one signature
    members: JsonObject,  # noqa: ARG001 - one signature
    quirks: JsonObject = EMPTY,  # noqa: ARG001 - one signature
) -> Usage | None:
    """Return no tokens: counting is free of charge."""
    return Usage()


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:  # noqa: ARG001 - one signature
    """Return no tokens: counting is free of charge."""
    return Usage()


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
