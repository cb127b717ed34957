"""Rerank as Jina, vLLM, llama.cpp, Together and many more offer it (`/v1/rerank`), both halves of the dialect.

It is Cohere's first form with `return_documents` and token counts in `usage`. Callers of `/v1/rerank` and `/rerank`
speak it, Cohere's own v1 clients among them: answers carry `meta` as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects import ranking
from sluice.dialects.base import EMPTY, Encoded, JsonObject, Outline
from sluice.dialects.cohere_rerank import (
    decode_error,
    encode_error,
    keep_alive,
    meter,
    read_usage,
    stream_error,
    stream_error_bytes,
    stream_filter,
)
from sluice.dialects.policy import Changes, changes_of

if TYPE_CHECKING:
    from sluice.types.rerank import RerankRequest, RerankResponse

__all__ = [
    "NAME",
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

NAME = "jina_rerank"


def outline(body: JsonObject, size: int) -> Outline:
    """Check a rerank request. Raises BadRequest naming the parameter and the remedy."""
    return ranking.outline(body, size, top="top_n")


def pass_edits(body: JsonObject, quirks: JsonObject = EMPTY) -> Changes:
    """Return the members that the host calls something else, or that it rejects."""
    field = quirks.get("document_tokens_field")
    named = isinstance(field, str) and field != "max_tokens_per_doc"
    rename = {"max_tokens_per_doc": field} if named else {}
    return changes_of(body, {"rename": rename, "drop": quirks.get("drop_rerank")})


def decode_request(body: JsonObject) -> RerankRequest:
    """Return the canonical request. Raises BadRequest."""
    from sluice.dialects.cohere_rerank import shape

    outline(body, 0)
    return shape.decode_request(body, NAME)


def encode_request(request: RerankRequest, model: str, quirks: JsonObject = EMPTY, strict: bool = False) -> Encoded:
    """Return the provider's request body for `model`. Raises UnsupportedParameter when strict."""
    from sluice.dialects.cohere_rerank import shape

    return shape.encode_jina(request, model, quirks, strict)


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> RerankResponse:  # noqa: ARG001 - one signature
    """Return the canonical answer. Raises ProviderGarbled."""
    from sluice.dialects.cohere_rerank import shape

    return shape.decode_response(body, NAME)


def encode_response(response: RerankResponse, request: RerankRequest) -> dict[str, object]:
    """Return the body of a whole answer."""
    from sluice.dialects.cohere_rerank import shape

    return shape.encode_response(response, request, NAME)
