"""Gemini `embedContent`, both halves of the dialect: one content, one vector (`gemini_embeddings` is the batch)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects.base import EMPTY, Encoded, JsonObject, Outline
from sluice.dialects.gemini_embeddings import (
    answer_usage,
    decode_error,
    encode_error,
    keep_alive,
    meter,
    pass_edits,
    read_usage,
    stream_error,
    stream_error_bytes,
    stream_filter,
)

if TYPE_CHECKING:
    from sluice.types.embeddings import EmbeddingRequest, EmbeddingResponse

__all__ = [
    "NAME",
    "answer_usage",
    "decode_error",
    "decode_request",
    "decode_response",
    "encode_error",
    "encode_request",
    "encode_response",
    "keep_alive",
    "meter",
    "outline",
    "pass_edits",
    "read_usage",
    "stream_error",
    "stream_error_bytes",
    "stream_filter",
]

NAME = "gemini_embed_content"


def outline(body: JsonObject, size: int) -> Outline:
    """Check a request for one content. Raises BadRequest naming the parameter and the remedy."""
    from sluice.dialects.gemini_embeddings.passing import outline_one

    return outline_one(body, size)


def decode_request(body: JsonObject) -> EmbeddingRequest:
    """Return the canonical request. Raises BadRequest."""
    from sluice.dialects.gemini_embeddings import request

    return request.decode_one(body)


def encode_request(
    request: EmbeddingRequest,
    model: str,  # noqa: ARG001 - one signature; it stands in the path
    quirks: JsonObject = EMPTY,  # noqa: ARG001
    strict: bool = False,
) -> Encoded:
    """Return the provider's request body. Raises UnsupportedParameter, for several inputs too."""
    from sluice.dialects.gemini_embeddings import request as requests

    return requests.encode_one(request, strict)


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> EmbeddingResponse:  # noqa: ARG001 - one signature
    """Return the canonical answer. Raises ProviderGarbled."""
    from sluice.dialects.gemini_embeddings import response

    return response.decode_response(body)


def encode_response(response: EmbeddingResponse, request: EmbeddingRequest) -> dict[str, object]:  # noqa: ARG001
    """Return the body of a whole answer."""
    from sluice.dialects.gemini_embeddings import response as answers

    return answers.encode_one(response)
