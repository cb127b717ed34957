"""Embeddings answers in Titan's and in Cohere's bodies, read from the provider and written for callers.

What was used stands in the body (Titan) or in the answer's headers alone (Cohere).
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.bedrock_embeddings.passing import NAME
from sluice.dialects.bedrock_invoke.counts import of_body
from sluice.dialects.cohere_embeddings import response as cohere
from sluice.dialects.vectors import numbers, read
from sluice.errors import ProviderGarbled
from sluice.types.embeddings import EmbeddingRequest, EmbeddingResponse, Vector

_TITAN = frozenset({"embedding", "embeddingsByType", "inputTextTokenCount"})


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> EmbeddingResponse:  # noqa: ARG001 - one signature
    """Return the canonical answer. Raises ProviderGarbled."""
    if "embeddings" in body:
        found = cohere.decode_response(body)
        return EmbeddingResponse(
            found.id, found.model, found.vectors, found.typed, found.usage, dialect=NAME, extras=found.extras
        )
    by_type = body.get("embeddingsByType")
    kinds = {str(kind): read(vector) for kind, vector in by_type.items()} if isinstance(by_type, Mapping) else {}
    plain = body.get("embedding")
    vector: Vector | None = read(plain) if plain is not None else kinds.get("float")
    if vector is None and not kinds:
        raise ProviderGarbled("The provider's answer holds no embedding.")
    return EmbeddingResponse(
        id="",
        model="",
        vectors=() if vector is None else (vector,),
        typed={kind: (values,) for kind, values in kinds.items() if kind != "float"},
        usage=of_body(body),
        dialect=NAME,
        extras={name: value for name, value in body.items() if name not in _TITAN},
    )


def encode_response(response: EmbeddingResponse, request: EmbeddingRequest) -> dict[str, object]:
    """Return the body of a whole answer, in the shape that was asked in: one text is Titan's."""
    if not request.single:
        return cohere.encode_response(response, request)
    kinds: dict[str, object] = {kind: list(vectors[0]) for kind, vectors in response.typed.items() if vectors}
    body: dict[str, object] = {}
    if response.vectors:
        body["embedding"] = kinds["float"] = numbers(response.vectors[0])
    body["embeddingsByType"] = kinds
    body["inputTextTokenCount"] = 0 if response.usage is None else response.usage.prompt
    return {**body, **response.extras} if response.dialect == NAME else body
