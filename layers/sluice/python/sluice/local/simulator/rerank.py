"""Rank documents without a model: the more of the query's words a document has, the higher it comes."""

from __future__ import annotations

from sluice.local.simulator import embeddings, tokens
from sluice.local.simulator.models import Model
from sluice.local.simulator.shape import Json, Object, expect, number, optional, required

_MEMBERS = frozenset({"model", "query", "documents", "top_n", "return_documents", "max_tokens_per_doc"})
_MOST_DOCUMENTS = 1000
_UNIT = 100
"""Documents that one search unit covers."""


def answer(body: Object, model: Model) -> Object:
    """Return the answer to a rerank request: best document first, equal ones in their order.

    Raises:
        Refused: a vendor would answer 400.
    """
    for name in body:
        expect(name in _MEMBERS, f"Unrecognized request argument supplied: {name}")
    query = required(body, "query", str)
    expect(query, "Invalid 'query': it must not be empty.", "query")
    given = required(body, "documents", list)
    expect(1 <= len(given) <= _MOST_DOCUMENTS, f"'documents' must hold 1 to {_MOST_DOCUMENTS} texts.", "documents")
    texts = [_text(document) for document in given]
    most = number(body, "top_n", 1, _MOST_DOCUMENTS, whole=True) or len(texts)
    shown = optional(body, "return_documents", bool) is True
    scored = sorted(((-score(query, text), place) for place, text in enumerate(texts)))[:most]
    counted = len(texts) * tokens.count(query) + sum(tokens.count(text) for text in texts)
    results: list[Json] = [
        {"index": place, "relevance_score": -negative, **({"document": {"text": texts[place]}} if shown else {})}
        for negative, place in scored
    ]
    return {
        "id": f"rerank-{abs(counted):08x}",
        "object": "list",
        "model": model.id,
        "results": results,
        "usage": {"prompt_tokens": counted, "total_tokens": counted},
        "meta": {"billed_units": {"search_units": -(-len(texts) // _UNIT)}},
    }


def score(query: str, text: str) -> float:
    """Return how much two texts share, from 0 to 1: the cosine of their simulated embeddings."""
    asked, found = (
        embeddings.vector(tokens.split(one), embeddings.DIMENSIONS) if one else [0.0] for one in (query, text)
    )
    return round(max(0.0, min(1.0, sum(a * b for a, b in zip(asked, found, strict=False)))), 6)


def _text(document: Json) -> str:
    if isinstance(document, dict):
        document = document.get("text")
    expect(isinstance(document, str), "'documents' must hold texts or objects with 'text'.", "documents")
    return str(document)
