"""Cohere v2 rerank (`/v2/rerank`), both halves of the dialect; `jina_rerank` is the form of `/v1/rerank` and its hosts.

What a pass-through needs is imported here; the translating module is imported by the first call that translates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects import ranking
from sluice.dialects.base import EMPTY, Encoded, JsonObject, Outline
from sluice.dialects.cohere_rerank.counts import read_usage
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

NAME = "cohere_rerank"


def outline(body: JsonObject, size: int) -> Outline:
    """Check a rerank request. Raises BadRequest naming the parameter and the remedy."""
    return ranking.outline(body, size, top="top_n")


def pass_edits(body: JsonObject, quirks: JsonObject = EMPTY) -> dict[str, object]:  # noqa: ARG001 - one signature
    """Return no edits: the request is Cohere's own."""
    return {}


def decode_request(body: JsonObject) -> RerankRequest:
    """Return the canonical request. Raises BadRequest."""
    from sluice.dialects.cohere_rerank import shape

    outline(body, 0)
    return shape.decode_request(body, NAME)


def encode_request(
    request: RerankRequest,
    model: str,
    quirks: JsonObject = EMPTY,  # noqa: ARG001 - one signature
    strict: bool = False,
) -> Encoded:
    """Return the provider's request body for `model`. Raises UnsupportedParameter when strict."""
    from sluice.dialects.cohere_rerank import shape

    return shape.encode_v2(request, model, strict)


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> RerankResponse:  # noqa: ARG001 - one signature
    """Return the canonical answer. Raises ProviderGarbled."""
    from sluice.dialects.cohere_rerank import shape

    return shape.decode_response(body, NAME)


def encode_response(response: RerankResponse, request: RerankRequest) -> dict[str, object]:
    """Return the body of a whole answer."""
    from sluice.dialects.cohere_rerank import shape

    return shape.encode_response(response, request, NAME)
