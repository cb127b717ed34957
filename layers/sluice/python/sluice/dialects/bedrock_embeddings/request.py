"""Embeddings requests in Titan's and in Cohere's bodies, read from callers and written for the provider.

Rules: Titan takes one text in a call. Cohere's body is that of its own API without the model; version 4 calls the ends
of a text LEFT and RIGHT.
"""

from __future__ import annotations

from typing import cast

from sluice.dialects.base import EMPTY, Encoded, JsonObject
from sluice.dialects.bedrock_embeddings.passing import COHERE_FIELDS, NAME, outline
from sluice.dialects.cohere_embeddings import request as cohere
from sluice.dialects.cohere_embeddings.passing import NAME as COHERE
from sluice.dialects.unstreamed import Leaving
from sluice.errors import UnsupportedParameter
from sluice.types.embeddings import EmbeddingRequest

_ENDS = {"START": "LEFT", "END": "RIGHT"}
_SIDES = {side: end for end, side in _ENDS.items()}
_TITAN = frozenset({"model", "stream", "inputText", "dimensions", "embeddingTypes"})
_KINDS = ("float", "binary")


def decode_request(body: JsonObject) -> EmbeddingRequest:
    """Return the canonical request. Raises BadRequest."""
    model = outline(body, 0).model
    if any(body.get(name) for name in COHERE_FIELDS):
        return _as(NAME, cohere.decode_request(_ends(body, _SIDES)), model)
    dimensions, kinds = body.get("dimensions"), body.get("embeddingTypes")
    wanted = tuple(kind for kind in kinds if isinstance(kind, str)) if isinstance(kinds, list) else ()
    return EmbeddingRequest(
        model=model,
        inputs=(cast(str, body["inputText"]),),
        dimensions=dimensions if type(dimensions) is int else None,
        dtypes=() if wanted == ("float",) else wanted,
        single=True,
        dialect=NAME,
        extras={name: value for name, value in body.items() if name not in _TITAN and value is not None},
    )


def encode_request(request: EmbeddingRequest, model: str, quirks: JsonObject = EMPTY, strict: bool = False) -> Encoded:
    """Return the body for `model`. Raises UnsupportedParameter."""
    shape = quirks.get("embedding_body", "cohere")
    if shape == "titan":
        return _titan(request, strict)
    encoded = cohere.encode_request(
        _as(COHERE if request.dialect == NAME else request.dialect, request, model), model, quirks, strict
    )
    body = {name: value for name, value in encoded.body.items() if name != "model"}
    return Encoded(_ends(body, _ENDS) if shape == "cohere_v4" else body, encoded.edits)


def _titan(request: EmbeddingRequest, strict: bool) -> Encoded:
    if len(request.inputs) != 1:
        raise UnsupportedParameter(
            f"This model embeds one text in a call, and {len(request.inputs)} were sent; send them one by one.",
            param="input",
        )
    (text,) = request.inputs
    if not isinstance(text, str):
        raise UnsupportedParameter("This model embeds text only; send a string.", param="input")
    leaving = Leaving(strict)
    body: dict[str, object] = {"inputText": text}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    kinds = [kind for kind in request.dtypes if kind in _KINDS]
    leaving.drop_if(len(kinds) < len([kind for kind in request.dtypes if kind != "base64"]), "embedding_types")
    if kinds:
        body["embeddingTypes"] = kinds
    leaving.drop_if(request.task is not None, "input_type")
    leaving.drop_if(request.truncate is not None, "truncate")
    leaving.drop_if(request.title is not None, "title")
    leaving.drop_if(request.user is not None, "user")
    for name, value in request.extras.items():
        if request.dialect == NAME:
            body[name] = value
        else:
            leaving.drop(name)
    return Encoded(body, leaving.edits)


def _as(dialect: str, request: EmbeddingRequest, model: str) -> EmbeddingRequest:
    from dataclasses import replace

    extras = {name: value for name, value in request.extras.items() if name != "stream"}
    return replace(request, dialect=dialect, model=model, extras=extras)


def _ends(body: JsonObject, words: dict[str, str]) -> dict[str, object]:
    """Return a body whose `truncate` has the word of the other API."""
    word = body.get("truncate")
    return {**body, "truncate": words[word]} if isinstance(word, str) and word in words else dict(body)
