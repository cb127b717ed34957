"""OpenAI embeddings, both halves of the dialect, as many hosts speak it with members of their own.

In pass-through, vectors are never decoded: they leave as the provider sent them, except for a caller who asked for
base64 and a host that answers with numbers all the same. The translating modules, which need the canonical
types, are imported by the first call that translates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects.base import EMPTY, Encoded, JsonObject
from sluice.dialects.openai_embeddings.counts import read_usage
from sluice.dialects.openai_embeddings.passing import NAME, finished_body, outline, pass_edits
from sluice.dialects.unstreamed import (
    decode_error,
    encode_error,
    keep_alive,
    meter,
    stream_error,
    stream_error_bytes,
    stream_filter,
)

if TYPE_CHECKING:
    from sluice.types.embeddings import EmbeddingRequest, EmbeddingResponse

__all__ = [
    "NAME",
    "decode_error",
    "decode_request",
    "decode_response",
    "encode_error",
    "encode_request",
    "encode_response",
    "finished_body",
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
    from sluice.dialects.openai_embeddings import request_in

    return request_in.decode_request(body)


def encode_request(request: EmbeddingRequest, model: str, quirks: JsonObject = EMPTY, strict: bool = False) -> Encoded:
    """Return the provider's request body for `model`. Raises UnsupportedParameter."""
    from sluice.dialects.openai_embeddings import request_out

    return request_out.encode_request(request, model, quirks, strict)


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> EmbeddingResponse:
    """Return the canonical answer. Raises ProviderGarbled."""
    from sluice.dialects.openai_embeddings import response

    return response.decode_response(body, quirks)


def encode_response(response: EmbeddingResponse, request: EmbeddingRequest) -> dict[str, object]:
    """Return the body of a whole answer."""
    from sluice.dialects.openai_embeddings import response as answers

    return answers.encode_response(response, request)
