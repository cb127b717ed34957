"""Gemini `batchEmbedContents`, both halves of the dialect; `gemini_embed_content` is the one for a single content.

What a pass-through needs is imported here; the translating modules are imported by the first call that translates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects.base import EMPTY, Encoded, JsonObject
from sluice.dialects.gemini.failures import decode_error, encode_error, stream_error, stream_error_bytes
from sluice.dialects.gemini_embeddings.passing import (
    NAME,
    answer_usage,
    model_edits,
    outline,
    pass_edits,
    read_usage,
)
from sluice.dialects.unstreamed import keep_alive, meter, stream_filter

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
    "model_edits",
    "outline",
    "pass_edits",
    "read_usage",
    "stream_error",
    "stream_error_bytes",
    "stream_filter",
]


def decode_request(body: JsonObject) -> EmbeddingRequest:
    """Return the canonical request. Raises BadRequest."""
    from sluice.dialects.gemini_embeddings import request

    return request.decode_batch(body)


def encode_request(request: EmbeddingRequest, model: str, quirks: JsonObject = EMPTY, strict: bool = False) -> Encoded:
    """Return the provider's request body for `model`. Raises UnsupportedParameter."""
    from sluice.dialects.gemini_embeddings import request as requests

    return requests.encode_batch(request, model, quirks, strict)


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> EmbeddingResponse:  # noqa: ARG001 - one signature
    """Return the canonical answer. Raises ProviderGarbled."""
    from sluice.dialects.gemini_embeddings import response

    return response.decode_response(body)


def encode_response(response: EmbeddingResponse, request: EmbeddingRequest) -> dict[str, object]:  # noqa: ARG001
    """Return the body of a whole answer."""
    from sluice.dialects.gemini_embeddings import response as answers

    return answers.encode_batch(response)
