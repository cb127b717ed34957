"""Cohere embeddings answers, read from the provider and written for callers."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.cohere_embeddings.passing import NAME, usage_of
from sluice.dialects.vectors import read_all, written
from sluice.errors import ProviderGarbled
from sluice.types.embeddings import EmbeddingRequest, EmbeddingResponse
from sluice.types.usage import Usage


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> EmbeddingResponse:  # noqa: ARG001 - one signature
    """Return the canonical answer. Raises ProviderGarbled."""
    found = body.get("embeddings")
    if isinstance(found, list):  # /v1/embed without embedding_types
        found = {"float": found}
    if not isinstance(found, Mapping):
        raise ProviderGarbled("The provider's answer holds no embeddings.")
    by_kind = {str(kind): read_all(vectors) for kind, vectors in found.items() if vectors is not None}
    plain = "float" if "float" in by_kind else "base64"
    identity = body.get("id")
    return EmbeddingResponse(
        id=identity if isinstance(identity, str) else "",
        model="",
        vectors=by_kind.get(plain, ()),
        typed={kind: vectors for kind, vectors in by_kind.items() if kind != plain},
        usage=usage_of(body.get("meta")),
        dialect=NAME,
        extras={name: value for name, value in body.items() if name not in ("id", "embeddings")},
    )


def encode_response(response: EmbeddingResponse, request: EmbeddingRequest) -> dict[str, object]:
    """Return the body of a whole answer; the texts stand in it as the caller sent them."""
    by_kind: dict[str, object] = {}
    for kind in request.dtypes or ("float", *response.typed):
        if kind in response.typed:
            by_kind[kind] = [vector if isinstance(vector, str) else list(vector) for vector in response.typed[kind]]
        elif kind in ("float", "base64") and response.vectors:
            by_kind[kind] = [written(vector, kind) for vector in response.vectors]
    body: dict[str, object] = {
        "id": response.id,
        "texts": [item for item in request.inputs if isinstance(item, str)],
        "embeddings": by_kind,
        "meta": {"api_version": {"version": "2"}, "billed_units": _units(response.usage)},
        "response_type": "embeddings_by_type",
    }
    return {**body, **response.extras} if response.dialect == NAME else body


def _units(usage: Usage | None) -> dict[str, object]:
    if usage is None:
        return {}
    units: dict[str, object] = {
        "input_tokens": usage.prompt - usage.image_input,
        "image_tokens": usage.image_input,
    }
    return {**units, "images": usage.images_sent} if usage.images_sent else units
