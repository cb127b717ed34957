"""Voyage AI rerank (`/v1/rerank` with `top_k`; results in `data`), both halves of the dialect.

Source: docs.voyageai.com/reference/reranker-api (2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from sluice.dialects import ranking
from sluice.dialects.base import EMPTY, Encoded, JsonObject, Outline, no_edits
from sluice.dialects.lazy import STREAMLESS, borrowed, lazily
from sluice.dialects.unstreamed import Leaving
from sluice.errors import ProviderGarbled

if TYPE_CHECKING:
    from sluice.types.rerank import Ranked, RerankRequest, RerankResponse
else:
    __getattr__ = lazily(__name__, borrowed("cohere_rerank", *STREAMLESS, "read_usage"))


NAME = "voyage_rerank"
pass_edits = no_edits
_SAID = frozenset({"model", "query", "documents", "top_k", "return_documents", "truncation"})


def outline(body: JsonObject, size: int) -> Outline:
    """Check a rerank request. Raises BadRequest naming the parameter and the remedy."""
    return ranking.outline(body, size, top="top_k")


def decode_request(body: JsonObject) -> RerankRequest:
    """Return the canonical request. Raises BadRequest."""
    from sluice.types.rerank import RerankRequest

    outline(body, 0)
    asked, cut = body.get("return_documents"), body.get("truncation")
    return RerankRequest(
        model=cast("str", body["model"]),
        query=cast("str", body["query"]),
        documents=ranking.documents_of(body),
        top_n=ranking.number(body.get("top_k")),
        return_documents=asked if isinstance(asked, bool) else None,
        truncate=cut if isinstance(cut, bool) else None,
        dialect=NAME,
        extras={name: value for name, value in body.items() if name not in _SAID and value is not None},
    )


def encode_request(
    request: RerankRequest,
    model: str,
    quirks: JsonObject = EMPTY,  # noqa: ARG001 - one signature
    strict: bool = False,
) -> Encoded:
    """Return the provider's request body for `model`. Raises UnsupportedParameter when strict."""
    leaving = Leaving(strict)
    texts = [ranking.text_of(document, request.rank_fields) for document in request.documents]
    body: dict[str, object] = {"model": model, "query": request.query, "documents": texts}
    if request.top_n is not None:
        body["top_k"] = request.top_n
    if request.return_documents is not None:
        body["return_documents"] = request.return_documents
    if request.truncate is not None:
        body["truncation"] = request.truncate
    leaving.drop_if(request.max_tokens_per_document is not None, "max_tokens_per_doc")
    for name, value in request.extras.items():
        if request.dialect == NAME:
            body[name] = value
        else:
            leaving.drop(name)
    return Encoded(body, leaving.edits)


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> RerankResponse:  # noqa: ARG001 - one signature
    """Return the canonical answer. Raises ProviderGarbled."""
    from sluice.dialects.cohere_rerank.counts import read
    from sluice.types.rerank import RerankResponse

    found = body.get("data")
    if not isinstance(found, list):
        raise ProviderGarbled("The provider's answer holds no list of results.")
    model = body.get("model")
    return RerankResponse(
        id="",
        model=model if isinstance(model, str) else "",
        results=tuple(_ranked(item) for item in found),
        usage=read(body),
        dialect=NAME,
        extras={name: value for name, value in body.items() if name not in ("object", "data", "model", "usage")},
    )


def _ranked(item: object) -> Ranked:
    from sluice.types.rerank import Ranked

    found: Mapping[str, object] = item if isinstance(item, Mapping) else {}
    place, value, text = found.get("index"), ranking.score(found.get("relevance_score")), found.get("document")
    if type(place) is not int or value is None:
        raise ProviderGarbled("The provider's answer holds a result without index and score.")
    return Ranked(place, value, text if isinstance(text, str) else None)


def encode_response(response: RerankResponse, request: RerankRequest) -> dict[str, object]:
    """Return the body of a whole answer; documents that were asked for are taken from the request where need be."""
    from sluice.dialects.cohere_rerank.shape import document_of

    results: list[dict[str, object]] = []
    for ranked in response.results[: request.top_n]:
        result: dict[str, object] = {"relevance_score": ranked.score, "index": ranked.index}
        document = document_of(ranked, request)
        if document is not None and (request.return_documents or ranked.document is not None):
            result["document"] = ranking.text_of(document, request.rank_fields)
        results.append(result)
    body: dict[str, object] = {"object": "list", "data": results, "model": response.model or request.model}
    if response.usage is not None:
        body["usage"] = {"total_tokens": response.usage.total}
    return {**(response.extras if response.dialect == NAME else {}), **body}
