"""Gemini embeddings answers, single and batched, read from the provider and written for callers."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.gemini.casing import camel
from sluice.dialects.gemini_embeddings.passing import NAME, usage_of
from sluice.dialects.vectors import numbers, read
from sluice.errors import ProviderGarbled
from sluice.types.embeddings import EmbeddingRequest, EmbeddingResponse
from sluice.types.usage import Usage

_SAID = frozenset({"embedding", "embeddings", "usageMetadata"})


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> EmbeddingResponse:  # noqa: ARG001 - one signature
    """Return the canonical answer of either method. Raises ProviderGarbled."""
    members = camel(body)
    found = members.get("embeddings", [members["embedding"]] if "embedding" in members else None)
    if not isinstance(found, list) or not all(isinstance(item, Mapping) for item in found):
        raise ProviderGarbled("The provider's answer holds no embeddings.")
    return EmbeddingResponse(
        id="",
        model="",
        vectors=tuple(read(item.get("values")) for item in found),
        usage=usage_of(members.get("usageMetadata")),
        dialect=NAME,
        extras={name: value for name, value in members.items() if name not in _SAID},
    )


def encode_batch(response: EmbeddingResponse, request: EmbeddingRequest) -> dict[str, object]:  # noqa: ARG001 - one signature
    """Return the answer of batchEmbedContents."""
    vectors = [{"values": numbers(vector)} for vector in response.vectors]
    return {"embeddings": vectors, **_rest(response)}


def encode_one(response: EmbeddingResponse, request: EmbeddingRequest) -> dict[str, object]:  # noqa: ARG001 - one signature
    """Return the answer of embedContent."""
    return {"embedding": {"values": numbers(response.vectors[0]) if response.vectors else []}, **_rest(response)}


def _rest(response: EmbeddingResponse) -> dict[str, object]:
    rest: dict[str, object] = dict(response.extras) if response.dialect == NAME else {}
    if response.usage is not None and not response.usage.estimated:
        rest["usageMetadata"] = _counts(response.usage)
    return rest


def _counts(usage: Usage) -> dict[str, object]:
    kinds = (("IMAGE", usage.image_input), ("AUDIO", usage.audio_input))
    text = usage.prompt - usage.image_input - usage.audio_input
    details = [{"modality": name, "tokenCount": count} for name, count in (("TEXT", text), *kinds) if count > 0]
    return {"promptTokenCount": usage.prompt, **({"promptTokenDetails": details} if details else {})}
