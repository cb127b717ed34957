"""Embeddings of Amazon Bedrock through InvokeModel, both halves: Titan's bodies and Cohere's.

The quirk `embedding_body` says which a model takes. What a pass-through needs is imported here; the translating modules
are imported by the first call that translates. Sources: AWS docs, "Amazon Titan Embeddings Text", "Cohere Embed",
2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sluice.dialects.base import EMPTY, Encoded, JsonObject
from sluice.dialects.bedrock_embeddings.passing import NAME, outline
from sluice.dialects.bedrock_invoke import (
    answer_usage,
    body_error,
    decode_error,
    encode_error,
    error_headers,
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
    "body_error",
    "decode_error",
    "decode_request",
    "decode_response",
    "encode_error",
    "encode_request",
    "encode_response",
    "error_headers",
    "keep_alive",
    "meter",
    "outline",
    "pass_edits",
    "read_usage",
    "stream_error",
    "stream_error_bytes",
    "stream_filter",
]


def decode_request(body: JsonObject) -> EmbeddingRequest:
    """Return the canonical request. Raises BadRequest."""
    from sluice.dialects.bedrock_embeddings import request

    return request.decode_request(body)


def encode_request(request: EmbeddingRequest, model: str, quirks: JsonObject = EMPTY, strict: bool = False) -> Encoded:
    """Return the provider's request body; the model stands in the path. Raises UnsupportedParameter."""
    from sluice.dialects.bedrock_embeddings import request as requests

    return requests.encode_request(request, model, quirks, strict)


def decode_response(body: Mapping[str, object], quirks: JsonObject = EMPTY) -> EmbeddingResponse:  # noqa: ARG001 - one signature
    """Return the canonical answer. Raises ProviderGarbled."""
    from sluice.dialects.bedrock_embeddings import response

    return response.decode_response(body)


def encode_response(response: EmbeddingResponse, request: EmbeddingRequest) -> dict[str, object]:
    """Return the body of a whole answer."""
    from sluice.dialects.bedrock_embeddings import response as answers

    return answers.encode_response(response, request)
