"""Embeddings answers, read from providers and written for callers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.openai_embeddings import counts
from sluice.dialects.openai_embeddings.passing import NAME
from sluice.dialects.vectors import read, written
from sluice.errors import ProviderGarbled
from sluice.types.embeddings import EmbeddingRequest, EmbeddingResponse

_SAID = frozenset({"object", "data", "model", "usage", "id", "created"})


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> EmbeddingResponse:
    """Return the canonical answer, vectors in the order of the inputs. Raises ProviderGarbled."""
    found = body.get("data")
    if not isinstance(found, list) or not all(isinstance(item, Mapping) for item in found):
        raise ProviderGarbled("The provider's answer holds no list of embeddings.")
    items = cast("list[Mapping[str, object]]", found)
    places = [item.get("index") for item in items]
    if sorted(place for place in places if type(place) is int) == list(range(len(items))):
        items = sorted(items, key=lambda item: cast("int", item["index"]))
    vectors = tuple(read(item.get("embedding")) for item in items)
    packing = quirks.get("packed_numbers")
    text = isinstance(packing, str) and any(isinstance(vector, str) for vector in vectors)
    identity, model, created = body.get("id"), body.get("model"), body.get("created")
    return EmbeddingResponse(
        id=identity if isinstance(identity, str) else "",
        model=model if isinstance(model, str) else "",
        vectors=() if text else vectors,
        typed={str(packing): vectors} if text else {},
        usage=counts.read(body),
        created=created if type(created) is int else 0,
        dialect=NAME,
        extras={name: value for name, value in body.items() if name not in _SAID},
    )


def encode_response(response: EmbeddingResponse, request: EmbeddingRequest) -> dict[str, object]:
    """Return the body of a whole answer, its vectors as the caller asked for them."""
    special = next((response.typed[name] for name in request.dtypes if name in response.typed), None)
    if special is None and not response.vectors:
        special = next(iter(response.typed.values()), None)
    values: list[object] = []
    if special is None:
        values.extend(written(vector, request.encoding) for vector in response.vectors)
    else:
        values.extend(vector if isinstance(vector, str) else list(vector) for vector in special)
    body: dict[str, object] = {
        "object": "list",
        "data": [{"object": "embedding", "index": place, "embedding": value} for place, value in enumerate(values)],
        "model": response.model or request.model,
    }
    if response.usage is not None:
        body["usage"] = counts.write(response.usage)
    elif request.dialect == NAME:
        body["usage"] = {"prompt_tokens": 0, "total_tokens": 0}  # OpenAI's clients require the member
    if response.id:
        body["id"] = response.id
    if response.created:
        body["created"] = response.created
    return {**response.extras, **body} if response.dialect == NAME else body
