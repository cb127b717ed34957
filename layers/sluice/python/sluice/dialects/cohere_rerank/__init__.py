"""Cohere v2 rerank (`/v2/rerank`), both halves of the dialect; `jina_rerank` is the form of `/v1/rerank` and its hosts.

What a pass-through needs is imported here; the translating module is imported by the first call that translates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects import ranking
from sluice.dialects.base import EMPTY, JsonObject, Outline, no_edits
from sluice.dialects.cohere_rerank.counts import read_usage as read_usage
from sluice.dialects.lazy import STREAMLESS, borrowed, lazily

if TYPE_CHECKING:
    from sluice.types.rerank import RerankRequest, RerankResponse
else:
    __getattr__ = lazily(__name__, {**borrowed("unstreamed", *STREAMLESS), "encode_request": "shape:encode_v2"})

NAME = "cohere_rerank"
pass_edits = no_edits


def outline(body: JsonObject, size: int) -> Outline:
    """Check a rerank request. Raises BadRequest naming the parameter and the remedy."""
    return ranking.outline(body, size, top="top_n")


def decode_request(body: JsonObject) -> RerankRequest:
    """Return the canonical request. Raises BadRequest."""
    from sluice.dialects.cohere_rerank import shape

    outline(body, 0)
    return shape.decode_request(body, NAME)


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> RerankResponse:  # noqa: ARG001 - one signature
    """Return the canonical answer. Raises ProviderGarbled."""
    from sluice.dialects.cohere_rerank import shape

    return shape.decode_response(body, NAME)


def encode_response(response: RerankResponse, request: RerankRequest) -> dict[str, object]:
    """Return the body of a whole answer."""
    from sluice.dialects.cohere_rerank import shape

    return shape.encode_response(response, request, NAME)
