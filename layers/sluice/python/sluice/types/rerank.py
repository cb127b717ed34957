"""The canonical rerank: what every rerank dialect decodes into and encodes from.

As in `types/chat`, it is built only when the caller's dialect and the provider's differ; what only one dialect can say
travels in `extras` and is written back by that dialect alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sluice.types.chat import Json
from sluice.types.usage import Usage

RankedDocument = str | Mapping[str, Json]
"""A document: its text, or an object of fields as the caller wrote it (often with a member `text`)."""


@dataclass(frozen=True, slots=True)
class RerankRequest:
    """One rerank request.

    `top_n` None asks for all. `return_documents` None leaves it to the dialect's default. `max_tokens_per_document` is
    where long documents are cut, in tokens. `rank_fields` name the members of object documents to look at.
    """

    model: str
    query: str
    documents: tuple[RankedDocument, ...]
    top_n: int | None = None
    return_documents: bool | None = None
    max_tokens_per_document: int | None = None
    rank_fields: tuple[str, ...] = ()
    truncate: bool | None = None
    dialect: str = ""
    extras: Mapping[str, Json] = field(default_factory=dict)
    bound: Mapping[str, str] = field(default_factory=dict)
    """Parameters that only the vendor of `dialect` can serve, each with what to do instead."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """One document's place: `index` into the request's documents, and its score (higher is better)."""

    index: int
    score: float
    document: RankedDocument | None = None


@dataclass(frozen=True, slots=True)
class RerankResponse:
    """One answer, best document first. `usage` holds tokens and, in `search_requests`, the search units billed."""

    id: str
    model: str
    results: tuple[Ranked, ...]
    usage: Usage | None = None
    dialect: str = ""
    extras: Mapping[str, Json] = field(default_factory=dict)
