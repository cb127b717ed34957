"""Rerank requests and answers in the form that Cohere began and Jina, vLLM, llama.cpp and others took up.

Rules: Cohere v2 takes texts and gives indices and scores; `return_documents`, object documents and `rank_fields` are of
v1 and of the other hosts. What v2 cannot be told is done here: documents become text, and an answer gets them back
from the request. Sources: docs.cohere.com/reference/rerank, docs.cohere.com/v1/reference/rerank, api.jina.ai/redoc
(2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from sluice.dialects.base import EMPTY, Encoded, JsonObject
from sluice.dialects.cohere_rerank.counts import read, write
from sluice.dialects.ranking import documents_of, number, score, text_of
from sluice.dialects.unstreamed import Leaving
from sluice.errors import ProviderGarbled
from sluice.types.rerank import Ranked, RankedDocument, RerankRequest, RerankResponse

JINA, COHERE = "jina_rerank", "cohere_rerank"
_SAID = frozenset(
    {"model", "query", "documents", "top_n", "return_documents", "rank_fields", "truncation", "max_tokens_per_doc"}
)
_ANSWERED = frozenset({"id", "model", "results", "data", "meta", "usage", "object"})


def decode_request(body: JsonObject, dialect: str) -> RerankRequest:
    """Return the canonical request of a checked body."""
    asked, fields, cut = body.get("return_documents"), body.get("rank_fields"), body.get("truncation")
    return RerankRequest(
        model=cast("str", body["model"]),
        query=cast("str", body["query"]),
        documents=documents_of(body),
        top_n=number(body.get("top_n")),
        return_documents=asked if isinstance(asked, bool) else None,
        max_tokens_per_document=number(body.get("max_tokens_per_doc")),
        rank_fields=tuple(map(str, fields)) if isinstance(fields, list) else (),
        truncate=cut if isinstance(cut, bool) else None,
        dialect=dialect,
        extras={name: value for name, value in body.items() if name not in _SAID and value is not None},
    )


def encode_v2(
    request: RerankRequest,
    model: str,
    quirks: JsonObject = EMPTY,  # noqa: ARG001 - one signature
    strict: bool = False,
) -> Encoded:
    """Return the body of `/v2/rerank`; documents that were objects become text."""
    leaving = Leaving(strict)
    texts = [text_of(document, request.rank_fields) for document in request.documents]
    body: dict[str, object] = {"model": model, "query": request.query, "documents": texts}
    if request.top_n is not None:
        body["top_n"] = request.top_n
    if request.max_tokens_per_document is not None:
        body["max_tokens_per_doc"] = request.max_tokens_per_document
    leaving.drop_if(request.truncate is False, "truncation")  # Cohere always cuts, at max_tokens_per_doc
    _write_extras(request, COHERE, body, leaving)
    return Encoded(body, leaving.edits)


def encode_jina(request: RerankRequest, model: str, quirks: JsonObject = EMPTY, strict: bool = False) -> Encoded:
    """Return the body of `/v1/rerank`; documents stay objects only for a host declared to take them."""
    leaving = Leaving(strict)
    objects = quirks.get("document_objects") is True
    kept = [
        document if objects and not isinstance(document, str) else text_of(document, request.rank_fields)
        for document in request.documents
    ]
    body: dict[str, object] = {"model": model, "query": request.query, "documents": kept}
    if request.top_n is not None:
        body["top_n"] = request.top_n
    if request.return_documents is not None and quirks.get("return_documents") is not False:
        body["return_documents"] = request.return_documents
    if objects and request.rank_fields:
        body["rank_fields"] = list(request.rank_fields)
    if request.dialect == JINA and request.truncate is not None:
        body["truncation"] = request.truncate
    else:
        leaving.drop_if(request.truncate is False, "truncation")
    field = quirks.get("document_tokens_field")
    if request.max_tokens_per_document is not None:
        if isinstance(field, str):
            body[field] = request.max_tokens_per_document
        else:
            leaving.drop("max_tokens_per_doc")
    _write_extras(request, JINA, body, leaving)
    return Encoded(body, leaving.edits)


def _write_extras(request: RerankRequest, target: str, body: dict[str, object], leaving: Leaving) -> None:
    for name, value in request.extras.items():
        if request.dialect == target:
            body[name] = value
        else:
            leaving.drop(name)


def decode_response(body: JsonObject, dialect: str) -> RerankResponse:
    """Return the canonical answer. Raises ProviderGarbled."""
    found = body.get("results", body.get("data"))  # Fireworks has them in `data` (vendor docs, 2026-11)
    if not isinstance(found, list):
        raise ProviderGarbled("The provider's answer holds no list of results.")
    identity, model = body.get("id"), body.get("model")
    return RerankResponse(
        id=identity if isinstance(identity, str) else "",
        model=model if isinstance(model, str) else "",
        results=tuple(_ranked(item) for item in found),
        usage=read(body),
        dialect=dialect,
        extras={n: v for n, v in body.items() if n not in _ANSWERED},
    )


def _ranked(item: object) -> Ranked:
    found: Mapping[str, object] = item if isinstance(item, Mapping) else {}
    place, value = found.get("index"), score(found.get("relevance_score", found.get("score")))
    if type(place) is not int or value is None:
        raise ProviderGarbled("The provider's answer holds a result without index and score.")
    document = found.get("document")
    if isinstance(document, Mapping) and set(document) == {"text"}:
        document = document["text"]
    return Ranked(place, value, document if isinstance(document, str | Mapping) else None)


def encode_response(response: RerankResponse, request: RerankRequest, dialect: str) -> dict[str, object]:
    """Return the body of a whole answer; documents that were asked for are taken from the request where need be."""
    results: list[dict[str, object]] = []
    for ranked in response.results[: request.top_n]:
        result: dict[str, object] = {"index": ranked.index, "relevance_score": ranked.score}
        document = document_of(ranked, request)
        if document is not None and (request.return_documents or (ranked.document is not None and dialect == JINA)):
            result["document"] = {"text": document} if isinstance(document, str) else dict(document)
        results.append(result)
    body: dict[str, object] = {"id": response.id} if response.id else {}
    if dialect == JINA:
        body.update(model=response.model or request.model, object="list")
    body["results"] = results
    written = {} if response.usage is None else write(response.usage)
    if dialect == COHERE:
        written.pop("usage", None)
    return {**(response.extras if response.dialect == dialect else {}), **body, **written}


def document_of(ranked: Ranked, request: RerankRequest) -> RankedDocument | None:
    """Return a result's document, from the answer or from the request."""
    if ranked.document is not None:
        return ranked.document
    return request.documents[ranked.index] if 0 <= ranked.index < len(request.documents) else None
