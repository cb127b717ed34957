"""OpenAI embeddings, passed through: the request is checked, the usage read, errors are those of OpenAI Chat.

Vectors are never decoded: `encoding_format` base64 and float alike leave as the provider sent them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sluice.dialects.base import EMPTY, JsonObject, Outline
from sluice.dialects.openai_chat import (
    decode_error,
    encode_error,
    keep_alive,
    meter,
    read_usage,
    stream_error,
    stream_error_bytes,
)
from sluice.errors import BadRequest

__all__ = [
    "NAME",
    "decode_error",
    "encode_error",
    "keep_alive",
    "meter",
    "outline",
    "pass_edits",
    "read_usage",
    "stream_error",
    "stream_error_bytes",
    "stream_filter",
]

NAME = "openai_embeddings"
INPUT_LIMIT = 2048
"""Inputs in one request (OpenAI API reference, 2026-08)."""


def outline(body: JsonObject, size: int) -> Outline:
    """Check an embeddings request. Raises BadRequest naming the parameter and the remedy."""
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise BadRequest("'model' must be the name of an embedding model.", param="model")
    _check_input(body.get("input"))
    encoding = body.get("encoding_format", "float")
    if encoding not in ("float", "base64", None):
        raise BadRequest('\'encoding_format\' must be "float" or "base64".', param="encoding_format")
    dimensions = body.get("dimensions")
    if dimensions is not None and (type(dimensions) is not int or dimensions < 1):
        raise BadRequest("'dimensions' must be a whole number of at least 1.", param="dimensions")
    return Outline(model, stream=False, include_usage=False, max_output=0, choices=1, prompt_bytes=size)


def pass_edits(body: JsonObject, quirks: JsonObject = EMPTY) -> dict[str, object]:  # noqa: ARG001 - one signature
    """Return no edits: an embeddings request needs none."""
    return {}


def stream_filter(body: JsonObject) -> Callable[[bytes], bytes] | None:  # noqa: ARG001 - one signature
    """Return None: embeddings do not stream."""
    return None


def _check_input(value: object) -> None:
    if isinstance(value, str):
        if not value:
            raise BadRequest("'input' is empty; send text.", param="input")
        return
    if not isinstance(value, list) or not value:
        raise BadRequest("'input' must be text, a list of texts, or lists of token ids.", param="input")
    if all(type(item) is int for item in value):
        return
    if len(value) > INPUT_LIMIT:
        raise BadRequest(f"'input' has {len(value)} items; the limit is {INPUT_LIMIT}. Split it.", param="input")
    for position, item in enumerate(value):
        if not isinstance(item, str | list | Mapping) or not item:
            raise BadRequest(f"'input[{position}]' must be text or a list of token ids.", param=f"input[{position}]")
