"""Cohere embeddings requests, read from callers and written for the provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

from sluice.dialects.base import EMPTY, Encoded, JsonObject
from sluice.dialects.cohere_embeddings.passing import INPUT_LIMIT, NAME, outline
from sluice.dialects.openai_embeddings.request_in import address_of, picture
from sluice.dialects.openai_embeddings.request_out import media_refusal, token_refusal
from sluice.dialects.tasks import canonical, said
from sluice.dialects.unstreamed import Leaving
from sluice.errors import BadRequest, UnsupportedParameter
from sluice.types.chat import Image, Opaque, Text
from sluice.types.embeddings import EmbeddingRequest, Input, InputPart

WORDS = {
    "query": "search_query",
    "document": "search_document",
    "classification": "classification",
    "clustering": "clustering",
    "image": "image",
}
_SAID = frozenset(
    {"model", "texts", "inputs", "images", "input_type", "output_dimension", "embedding_types", "truncate"}
)


def decode_request(body: JsonObject) -> EmbeddingRequest:
    """Return the canonical request. Raises BadRequest."""
    model = outline(body, 0).model
    extras = {name: value for name, value in body.items() if name not in _SAID and value is not None}
    task = canonical(body.get("input_type"))
    if task is None and body.get("input_type") is not None:
        extras["input_type"] = body["input_type"]
    truncate = body.get("truncate")
    known = truncate.lower() if isinstance(truncate, str) else None
    if truncate is not None and known not in ("none", "start", "end"):
        raise BadRequest("'truncate' must be NONE, START or END.", param="truncate")
    kinds = tuple(cast("list[str]", body.get("embedding_types") or ()))
    return EmbeddingRequest(
        model=model,
        inputs=_inputs(body),
        dimensions=cast("int | None", body.get("output_dimension")),
        encoding="base64" if "base64" in kinds and "float" not in kinds else "float",
        dtypes=() if kinds == ("float",) else kinds,
        task=task,
        truncate=cast('Literal["none", "start", "end"] | None', known),
        dialect=NAME,
        extras=extras,
    )


def _inputs(body: JsonObject) -> tuple[Input, ...]:
    if body.get("texts"):
        return tuple(cast("list[str]", body["texts"]))
    if body.get("images"):
        return tuple((picture(text),) for text in cast("list[str]", body["images"]))
    return tuple(_parts(item, place) for place, item in enumerate(cast("list[object]", body["inputs"])))


def _parts(item: object, place: int) -> tuple[InputPart, ...]:
    content = item.get("content") if isinstance(item, Mapping) else None
    if not isinstance(content, list) or not content:
        raise BadRequest(f"'inputs[{place}]' must be an object with a list 'content'.", param=f"inputs[{place}]")
    return tuple(_part(part, place) for part in content)


def _part(part: object, place: int) -> InputPart:
    if not isinstance(part, Mapping):
        raise BadRequest(f"'inputs[{place}].content' must hold objects.", param=f"inputs[{place}]")
    address = part.get("image_url")
    address = address.get("url") if isinstance(address, Mapping) else address
    if part.get("type") == "text" and isinstance(text := part.get("text"), str):
        return Text(text)
    if part.get("type") == "image_url" and isinstance(address, str):
        return picture(address)
    return Opaque(NAME, dict(part))


def encode_request(request: EmbeddingRequest, model: str, quirks: JsonObject = EMPTY, strict: bool = False) -> Encoded:
    """Return the provider's request body for `model`.

    Raises UnsupportedParameter for token ids, for media that Cohere does not take, and for too many inputs.
    """
    leaving = Leaving(strict)
    if len(request.inputs) > INPUT_LIMIT:
        raise UnsupportedParameter(
            f"Cohere takes at most {INPUT_LIMIT} inputs in one call, and {len(request.inputs)} were sent; split them.",
            param="input",
        )
    body: dict[str, object] = {"model": model, **_written_inputs(request)}
    word = said(request.task, WORDS)
    leaving.drop_if(request.task is not None and word is None, "input_type")
    if "input_type" not in request.extras or request.dialect != NAME:
        # Required of models from v3 on (vendor docs, 2026-11); what is stored is the usual case.
        body["input_type"] = word or WORDS[str(quirks.get("default_task") or "document")]
    if "images" in body and word is None:
        body["input_type"] = "image"
    body["embedding_types"] = list(request.dtypes) or ["float"]
    if request.dimensions is not None:
        body["output_dimension"] = request.dimensions
    if request.truncate is not None:
        body["truncate"] = request.truncate.upper()
    leaving.drop_if(request.title is not None, "title")
    leaving.drop_if(request.user is not None, "user")
    for name, value in request.extras.items():
        if request.dialect == NAME:
            body[name] = value
        else:
            leaving.drop(name)
    return Encoded(body, leaving.edits)


def _written_inputs(request: EmbeddingRequest) -> dict[str, object]:
    if all(isinstance(item, str) for item in request.inputs):
        return {"texts": list(request.inputs)}
    if request.task == "image" and all(_picture(item) for item in request.inputs):
        return {"images": [_picture(item) for item in request.inputs]}
    return {"inputs": [{"content": _content(item, place)} for place, item in enumerate(request.inputs)]}


def _picture(item: Input) -> str | None:
    only = item[0] if isinstance(item, tuple) and len(item) == 1 else None
    return address_of(only) if isinstance(only, Image) else None


def _content(item: Input, place: int) -> list[dict[str, object]]:
    if isinstance(item, str):
        return [{"type": "text", "text": item}]
    written: list[dict[str, object]] = []
    for part in item:
        if isinstance(part, int):
            raise token_refusal(place)
        if isinstance(part, Text):
            written.append({"type": "text", "text": part.text})
        elif isinstance(part, Image) and (address := address_of(part)) is not None:
            written.append({"type": "image_url", "image_url": {"url": address}})
        elif isinstance(part, Opaque) and part.dialect == NAME:
            written.append(dict(part.payload))
        else:
            raise media_refusal(place)
    return written
