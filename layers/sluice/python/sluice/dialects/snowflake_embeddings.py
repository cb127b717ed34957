"""Snowflake Cortex embeddings (POST /api/v2/cortex/inference:embed), both halves of the dialect.

Rules: inputs are texts; the answer holds each vector in a list of its own (`embedding: [[...]]`) and states a total of
tokens only. Source: Snowflake's OpenAPI document `cortex-embed.yaml` (repository snowflakedb/snowflake-rest-api-specs),
2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from sluice.dialects.base import EMPTY, Encoded, JsonObject, Outline, no_edits
from sluice.dialects.lazy import STREAMLESS, borrowed, lazily
from sluice.dialects.unstreamed import Leaving
from sluice.errors import BadRequest, ProviderGarbled

if TYPE_CHECKING:
    from sluice.types.embeddings import EmbeddingRequest, EmbeddingResponse
else:
    __getattr__ = lazily(
        __name__,
        {
            **borrowed("unstreamed", *STREAMLESS),
            **borrowed("snowflake_complete", "encode_error", "stream_error_bytes"),
            **borrowed("openai_embeddings", "read_usage"),
        },
    )


NAME = "snowflake_embeddings"
pass_edits = no_edits
_SAID = frozenset({"model", "text"})


def outline(body: JsonObject, size: int) -> Outline:
    """Check an embeddings request. Raises BadRequest naming the parameter and the remedy."""
    model, texts = body.get("model"), body.get("text")
    if not isinstance(model, str) or not model:
        raise BadRequest("'model' must be the name of an embedding model.", param="model")
    if not isinstance(texts, list) or not texts or not all(isinstance(item, str) for item in texts):
        raise BadRequest("'text' must be a list of at least one text.", param="text")
    return Outline(model, stream=False, include_usage=False, max_output=0, choices=1, prompt_bytes=size)


def decode_request(body: JsonObject) -> EmbeddingRequest:
    """Return the canonical request. Raises BadRequest."""
    from sluice.types.embeddings import EmbeddingRequest

    model = outline(body, 0).model
    return EmbeddingRequest(
        model=model,
        inputs=tuple(cast("list[str]", body["text"])),
        dialect=NAME,
        extras={name: value for name, value in body.items() if name not in _SAID and value is not None},
    )


def encode_request(request: EmbeddingRequest, model: str, quirks: JsonObject = EMPTY, strict: bool = False) -> Encoded:
    """Return the provider's request body for `model`. Raises UnsupportedParameter."""
    from sluice.dialects.openai_embeddings.request_out import check_count, check_plain, text_of

    check_count(request, quirks)
    check_plain(request)
    leaving = Leaving(strict)
    body: dict[str, object] = {
        "model": model,
        "text": [text_of(item, place) for place, item in enumerate(request.inputs)],
    }
    for name, sent in (
        ("dimensions", request.dimensions is not None),
        ("input_type", request.task is not None),
        ("truncate", request.truncate is not None),
        ("title", request.title is not None),
        ("user", request.user is not None),
    ):
        leaving.drop_if(sent, name)
    for name, value in request.extras.items():
        if request.dialect == NAME:
            body[name] = value
        else:
            leaving.drop(name)
    return Encoded(body, leaving.edits)


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> EmbeddingResponse:  # noqa: ARG001 - one signature
    """Return the canonical answer. Raises ProviderGarbled."""
    from sluice.dialects.openai_embeddings.counts import read as read_counts
    from sluice.dialects.vectors import read
    from sluice.types.embeddings import EmbeddingResponse

    found = body.get("data")
    if not isinstance(found, list):
        raise ProviderGarbled("The provider's answer holds no embeddings.")
    items = sorted((item for item in found if isinstance(item, Mapping)), key=_place)
    model = body.get("model")
    said = ("object", "data", "model", "usage")
    return EmbeddingResponse(
        id="",
        model=model if isinstance(model, str) else "",
        vectors=tuple(read(_unnested(item.get("embedding"))) for item in items),
        usage=read_counts(body),
        dialect=NAME,
        extras={name: value for name, value in body.items() if name not in said},
    )


def encode_response(response: EmbeddingResponse, request: EmbeddingRequest) -> dict[str, object]:
    """Return the body of a whole answer."""
    from sluice.dialects.vectors import numbers

    body: dict[str, object] = {
        "object": "list",
        "data": [
            {"object": "embedding", "embedding": [numbers(vector)], "index": place}
            for place, vector in enumerate(response.vectors)
        ],
        "model": response.model or request.model,
        "usage": {"total_tokens": response.usage.prompt if response.usage is not None else 0},
    }
    return {**response.extras, **body} if response.dialect == NAME else body


def _place(item: Mapping[str, object]) -> int:
    index = item.get("index")
    return index if isinstance(index, int) else 0


def _unnested(found: object) -> object:
    """Return the vector of `[[...]]`; one that stands alone is taken as well."""
    return found[0] if isinstance(found, list) and len(found) == 1 and isinstance(found[0], list) else found
