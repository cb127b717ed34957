"""Ollama's native embeddings (`/api/embed`), both halves of the dialect; the older `/api/embeddings` is read as well.

Rules: inputs are texts; one that is too long is cut unless `truncate` is false. Source: docs.ollama.com/api/embed
(2026-11).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from sluice.dialects.base import EMPTY, Encoded, JsonObject, Outline, no_edits
from sluice.dialects.lazy import STREAMLESS, borrowed, lazily
from sluice.dialects.unstreamed import Leaving
from sluice.errors import BadRequest, GatewayError, ProviderGarbled
from sluice.types.usage import Usage

if TYPE_CHECKING:
    from sluice.types.embeddings import EmbeddingRequest, EmbeddingResponse, Input
else:
    __getattr__ = lazily(__name__, borrowed("unstreamed", *STREAMLESS))


NAME = "ollama_embeddings"
pass_edits = no_edits
_SAID = frozenset({"model", "input", "prompt", "truncate", "dimensions"})


def outline(body: JsonObject, size: int) -> Outline:
    """Check an embeddings request. Raises BadRequest naming the parameter and the remedy."""
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise BadRequest("'model' must be the name of an embedding model.", param="model")
    given = body.get("input", body.get("prompt"))
    listed = given if isinstance(given, list) else [given]
    if not listed or not all(isinstance(item, str) for item in listed):
        raise BadRequest("'input' must be text or a list of texts.", param="input")
    dimensions = body.get("dimensions")
    if dimensions is not None and (type(dimensions) is not int or dimensions < 1):
        raise BadRequest("'dimensions' must be a whole number of at least 1.", param="dimensions")
    return Outline(model, stream=False, include_usage=False, max_output=0, choices=1, prompt_bytes=size)


def encode_error(error: GatewayError, request_id: str) -> dict[str, object]:  # noqa: ARG001 - it is in a header
    """Return the error as Ollama writes it: one text."""
    return {"error": error.message}


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:  # noqa: ARG001 - one signature
    """Return the usage of a whole 200 answer, or None."""
    place = body.rfind(b'"prompt_eval_count"')
    if place < 0:
        return None
    try:
        text = body[body.find(b":", place) + 1 :].decode("utf-8", "replace").lstrip()
        return _usage(json.JSONDecoder().raw_decode(text)[0])
    except (ValueError, RecursionError):
        return None


def _usage(count: object) -> Usage | None:
    return Usage(input=count) if type(count) is int and count >= 0 else None


def decode_request(body: JsonObject) -> EmbeddingRequest:
    """Return the canonical request. Raises BadRequest."""
    from sluice.types.embeddings import EmbeddingRequest

    model = outline(body, 0).model
    given = body.get("input", body.get("prompt"))
    truncate = body.get("truncate")
    return EmbeddingRequest(
        model=model,
        inputs=tuple(cast("list[str]", given if isinstance(given, list) else [given])),
        dimensions=cast("int | None", body.get("dimensions")),
        truncate=("end" if truncate else "none") if isinstance(truncate, bool) else None,
        single=isinstance(given, str),
        dialect=NAME,
        extras={name: value for name, value in body.items() if name not in _SAID and value is not None},
    )


def encode_request(request: EmbeddingRequest, model: str, quirks: JsonObject = EMPTY, strict: bool = False) -> Encoded:
    """Return the provider's request body for `model`. Raises UnsupportedParameter."""
    from sluice.dialects.openai_embeddings.request_out import check_count, check_plain

    check_count(request, quirks)
    check_plain(request)
    leaving = Leaving(strict)
    texts = [_text(item, place) for place, item in enumerate(request.inputs)]
    body: dict[str, object] = {"model": model, "input": texts[0] if request.single and len(texts) == 1 else texts}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    if request.truncate in ("none", "end"):
        body["truncate"] = request.truncate == "end"
    leaving.drop_if(request.truncate == "start", "truncate")
    leaving.drop_if(request.task is not None, "input_type")
    leaving.drop_if(request.title is not None, "title")
    leaving.drop_if(request.user is not None, "user")
    for name, value in request.extras.items():
        if request.dialect == NAME:
            body[name] = value
        else:
            leaving.drop(name)
    return Encoded(body, leaving.edits)


def _text(item: Input, place: int) -> str:
    from sluice.dialects.openai_embeddings.request_out import text_of

    return text_of(item, place)


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> EmbeddingResponse:  # noqa: ARG001 - one signature
    """Return the canonical answer. Raises ProviderGarbled."""
    from sluice.dialects.vectors import read_all
    from sluice.types.embeddings import EmbeddingResponse

    found = body.get("embeddings", [body["embedding"]] if "embedding" in body else None)
    if not isinstance(found, list):
        raise ProviderGarbled("The provider's answer holds no embeddings.")
    model = body.get("model")
    said = ("embeddings", "embedding", "model", "prompt_eval_count")
    return EmbeddingResponse(
        id="",
        model=model if isinstance(model, str) else "",
        vectors=read_all(found),
        usage=_usage(body.get("prompt_eval_count")),
        dialect=NAME,
        extras={name: value for name, value in body.items() if name not in said},
    )


def encode_response(response: EmbeddingResponse, request: EmbeddingRequest) -> dict[str, object]:
    """Return the body of a whole answer."""
    from sluice.dialects.vectors import numbers

    body: dict[str, object] = {
        "model": response.model or request.model,
        "embeddings": [numbers(vector) for vector in response.vectors],
    }
    if response.usage is not None:
        body["prompt_eval_count"] = response.usage.prompt
    return {**response.extras, **body} if response.dialect == NAME else body
