"""What the rerank dialects share: the check of a request, a document's text, and its place in an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from sluice.dialects.base import JsonObject, Outline
from sluice.errors import BadRequest

DOCUMENT_LIMIT = 10_000
"""Documents in one request (docs.cohere.com/reference/rerank, 2026-11: no more than 10,000 altogether)."""


def outline(body: JsonObject, size: int, *, top: str) -> Outline:
    """Check a rerank request whose bound is the member `top`. Raises BadRequest naming the parameter and the remedy."""
    model, query, documents = body.get("model"), body.get("query"), body.get("documents")
    if not isinstance(model, str) or not model:
        raise BadRequest("'model' must be the name of a rerank model.", param="model")
    if not isinstance(query, str) or not query:
        raise BadRequest("'query' must be text that is not empty.", param="query")
    if not isinstance(documents, list) or not documents:
        raise BadRequest("'documents' must be a list of texts that is not empty.", param="documents")
    if len(documents) > DOCUMENT_LIMIT:
        raise BadRequest(
            f"'documents' has {len(documents)} items; the limit is {DOCUMENT_LIMIT}. Split it.", param="documents"
        )
    for place, document in enumerate(documents):
        if not isinstance(document, str | Mapping):
            raise BadRequest(f"'documents[{place}]' must be text or an object.", param=f"documents[{place}]")
    most = body.get(top)
    if most is not None and (type(most) is not int or most < 0):  # llama.cpp takes 0 and ranks nothing
        raise BadRequest(f"{top!r} must be a whole number.", param=top)
    return Outline(model, stream=False, include_usage=False, max_output=0, choices=1, prompt_bytes=size)


def documents_of(body: JsonObject) -> tuple[str | Mapping[str, object], ...]:
    """Return the documents of a checked request."""
    return tuple(cast("list[str | Mapping[str, object]]", body["documents"]))


def number(value: object) -> int | None:
    """Return a whole number that is not negative, None for anything else."""
    return value if type(value) is int and value >= 0 else None


def score(value: object) -> float | None:
    """Return a relevance score, None for what is no number."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def text_of(document: str | Mapping[str, object], fields: Sequence[str]) -> str:
    """Return a document's text: its fields `name: value` by line where it has several, as Cohere advises (2026-11)."""
    if isinstance(document, str):
        return document
    text = document.get("text")
    if not fields and isinstance(text, str):
        return text
    chosen = [name for name in fields if name in document] or list(document)
    if len(chosen) == 1 and isinstance(only := document[chosen[0]], str):
        return only
    return "\n".join(f"{name}: {document[name]}" for name in chosen)
