"""Rerank as Jina, vLLM, llama.cpp, Together and many more offer it (`/v1/rerank`), both halves of the dialect.

It is Cohere's first form with `return_documents` and token counts in `usage`. Callers of `/v1/rerank` and `/rerank`
speak it, Cohere's own v1 clients among them: answers carry `meta` as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects import ranking
from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.lazy import STREAMLESS, borrowed, lazily
from sluice.dialects.policy import Changes, changes_of

if TYPE_CHECKING:
    from sluice.types.rerank import RerankRequest, RerankResponse
else:
    __getattr__ = lazily(
        __name__,
        {
            **borrowed("cohere_rerank", *STREAMLESS, "outline", "read_usage"),
            "encode_request": "sluice.dialects.cohere_rerank.shape:encode_jina",
        },
    )


NAME = "jina_rerank"


def pass_edits(body: JsonObject, quirks: JsonObject = EMPTY) -> Changes:
    """Return the members that the host calls something else, or that it rejects."""
    field = quirks.get("document_tokens_field")
    named = isinstance(field, str) and field != "max_tokens_per_doc"
    rename = {"max_tokens_per_doc": field} if named else {}
    return changes_of(body, {"rename": rename, "drop": quirks.get("drop_rerank")})


def decode_request(body: JsonObject) -> RerankRequest:
    """Return the canonical request. Raises BadRequest."""
    from sluice.dialects.cohere_rerank import shape

    ranking.outline(body, 0, top="top_n")
    return shape.decode_request(body, NAME)


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> RerankResponse:  # noqa: ARG001 - one signature
    """Return the canonical answer. Raises ProviderGarbled."""
    from sluice.dialects.cohere_rerank import shape

    return shape.decode_response(body, NAME)


def encode_response(response: RerankResponse, request: RerankRequest) -> dict[str, object]:
    """Return the body of a whole answer."""
    from sluice.dialects.cohere_rerank import shape

    return shape.encode_response(response, request, NAME)
