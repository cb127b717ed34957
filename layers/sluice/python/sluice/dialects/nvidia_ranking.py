"""NVIDIA NeMo Retriever ranking (`/v1/ranking`), the provider's half of the dialect and the caller's.

Rules: query and passages are objects with `text`; every passage comes back, with a logit for a score.
Source: docs.nvidia.com/nim/nemo-retriever/text-reranking (2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from sluice.dialects import ranking
from sluice.dialects.base import EMPTY, Encoded, JsonObject, Outline, no_edits
from sluice.dialects.lazy import STREAMLESS, borrowed, lazily
from sluice.dialects.unstreamed import Leaving
from sluice.errors import BadRequest, ProviderGarbled

if TYPE_CHECKING:
    from sluice.types.rerank import Ranked, RerankRequest, RerankResponse
else:
    __getattr__ = lazily(__name__, borrowed("cohere_rerank", *STREAMLESS, "read_usage"))


NAME = "nvidia_ranking"
pass_edits = no_edits
_SAID = frozenset({"model", "query", "passages", "truncate"})


def outline(body: JsonObject, size: int) -> Outline:
    """Check a ranking request. Raises BadRequest naming the parameter and the remedy."""
    query, passages = body.get("query"), body.get("passages")
    if not isinstance(query, Mapping) or not isinstance(passages, list):
        raise BadRequest("'query' must be an object with 'text', 'passages' a list of such.", param="query")
    return ranking.outline(
        {"model": body.get("model"), "query": query.get("text"), "documents": passages}, size, top="top_n"
    )


def decode_request(body: JsonObject) -> RerankRequest:
    """Return the canonical request. Raises BadRequest."""
    from sluice.types.rerank import RerankRequest

    outline(body, 0)
    passages = cast("list[str | Mapping[str, object]]", body["passages"])
    cut = body.get("truncate")
    return RerankRequest(
        model=cast("str", body["model"]),
        query=cast("str", cast("Mapping[str, object]", body["query"])["text"]),
        documents=tuple(_document(passage) for passage in passages),
        truncate=None if not isinstance(cut, str) else cut.upper() != "NONE",
        dialect=NAME,
        extras={name: value for name, value in body.items() if name not in _SAID and value is not None},
    )


def _document(passage: str | Mapping[str, object]) -> str | Mapping[str, object]:
    text = passage.get("text") if isinstance(passage, Mapping) and set(passage) == {"text"} else None
    return text if isinstance(text, str) else passage


def encode_request(
    request: RerankRequest,
    model: str,
    quirks: JsonObject = EMPTY,  # noqa: ARG001 - one signature
    strict: bool = False,
) -> Encoded:
    """Return the provider's request body for `model`. Raises UnsupportedParameter when strict."""
    leaving = Leaving(strict)
    body: dict[str, object] = {
        "model": model,
        "query": {"text": request.query},
        "passages": [_passage(document, request) for document in request.documents],
    }
    if request.truncate is not None:
        body["truncate"] = "END" if request.truncate else "NONE"
    leaving.drop_if(request.max_tokens_per_document is not None, "max_tokens_per_doc")
    for name, value in request.extras.items():
        if request.dialect == NAME:
            body[name] = value
        else:
            leaving.drop(name)
    return Encoded(body, leaving.edits)


def _passage(document: str | Mapping[str, object], request: RerankRequest) -> dict[str, object]:
    if request.dialect == NAME and not isinstance(document, str):
        return dict(document)
    return {"text": ranking.text_of(document, request.rank_fields)}


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> RerankResponse:  # noqa: ARG001 - one signature
    """Return the canonical answer. Raises ProviderGarbled."""
    from sluice.dialects.cohere_rerank.counts import read
    from sluice.types.rerank import RerankResponse

    found = body.get("rankings")
    if not isinstance(found, list):
        raise ProviderGarbled("The provider's answer holds no rankings.")
    return RerankResponse(
        id="",
        model="",
        results=tuple(_ranked(item) for item in found),
        usage=read(body),
        dialect=NAME,
        extras={name: value for name, value in body.items() if name not in ("rankings", "usage")},
    )


def _ranked(item: object) -> Ranked:
    from sluice.types.rerank import Ranked

    found: Mapping[str, object] = item if isinstance(item, Mapping) else {}
    place, value = found.get("index"), ranking.score(found.get("logit"))
    if type(place) is not int or value is None:
        raise ProviderGarbled("The provider's answer holds a result without index and logit.")
    return Ranked(place, value)


def encode_response(response: RerankResponse, request: RerankRequest) -> dict[str, object]:  # noqa: ARG001
    """Return the body of a whole answer."""
    body: dict[str, object] = {
        "rankings": [{"index": ranked.index, "logit": ranked.score} for ranked in response.results]
    }
    if response.usage is not None:
        body["usage"] = {"prompt_tokens": response.usage.prompt, "total_tokens": response.usage.total}
    return {**(response.extras if response.dialect == NAME else {}), **body}
