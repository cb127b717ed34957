"""Gemini embeddings requests, single and batched, read from callers and written for the provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from sluice.dialects.base import EMPTY, Encoded, JsonObject
from sluice.dialects.gemini.casing import camel
from sluice.dialects.gemini_embeddings.passing import NAME, REQUEST_LIMIT, bare, outline, outline_one
from sluice.dialects.openai_embeddings.request_out import check_count, media_refusal, token_refusal
from sluice.dialects.tasks import canonical, said
from sluice.dialects.unstreamed import Leaving
from sluice.errors import BadRequest, UnsupportedParameter
from sluice.types.chat import Audio, Document, Image, Opaque, Text
from sluice.types.embeddings import EmbeddingRequest, Input, InputPart

SINGLE = "gemini_embed_content"
WORDS = {
    "query": "RETRIEVAL_QUERY",
    "document": "RETRIEVAL_DOCUMENT",
    "similarity": "SEMANTIC_SIMILARITY",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
    "question_answering": "QUESTION_ANSWERING",
    "fact_verification": "FACT_VERIFICATION",
    "code_query": "CODE_RETRIEVAL_QUERY",
}
_SAID = frozenset({"model", "stream", "content", "taskType", "title", "outputDimensionality"})
_SOUNDS = {"audio/wav": "wav", "audio/mp3": "mp3", "audio/mpeg": "mp3"}


def decode_one(body: JsonObject) -> EmbeddingRequest:
    """Return the canonical request of one embedContent body. Raises BadRequest."""
    model = outline_one(body, 0).model
    return replace(_read(body), model=model, single=True, dialect=SINGLE)


def decode_batch(body: JsonObject) -> EmbeddingRequest:
    """Return the canonical request of a batch. Raises BadRequest.

    The vendor lets each request of a batch have its own settings; nobody else does, so such a batch is bound to it.
    """
    model = outline(body, 0).model
    found = [_read(cast("Mapping[str, object]", item)) for item in cast("list[object]", body["requests"])]
    first = found[0]
    same = all(replace(one, inputs=first.inputs) == first for one in found)
    bound = (
        {} if same else {"requests": "its requests differ in settings; send those that differ as calls of their own"}
    )
    return replace(
        first, model=model, inputs=tuple(one.inputs[0] for one in found), single=False, dialect=NAME, bound=bound
    )


def _read(body: Mapping[str, object]) -> EmbeddingRequest:
    members = camel(body)
    extras = {name: value for name, value in members.items() if name not in _SAID}
    task = canonical(members.get("taskType"))
    if task is None and members.get("taskType") not in (None, "TASK_TYPE_UNSPECIFIED"):
        extras["taskType"] = members["taskType"]
    dimensions, title = members.get("outputDimensionality"), members.get("title")
    if dimensions is not None and (type(dimensions) is not int or dimensions < 1):
        raise BadRequest("'outputDimensionality' must be a whole number of at least 1.", param="outputDimensionality")
    return EmbeddingRequest(
        model=bare(members.get("model")),
        inputs=(_input(members["content"]),),
        dimensions=dimensions,
        task=task,
        title=title if isinstance(title, str) else None,
        dialect=NAME,
        extras=extras,
    )


def _input(content: object) -> Input:
    if isinstance(content, str):
        return content
    found = cast("Mapping[str, object]", content).get("parts")
    raw = found if isinstance(found, list) else [found]
    parts = tuple(_part(part) for part in raw)
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return parts


def _part(part: object) -> InputPart:
    if isinstance(part, str):
        return Text(part)
    members = camel(part)
    if isinstance(text := members.get("text"), str):
        return Text(text)
    inline, file = camel(members.get("inlineData")), camel(members.get("fileData"))
    kind = str(inline.get("mimeType") or file.get("mimeType") or "")
    payload, address = inline.get("data"), file.get("fileUri")
    if isinstance(payload, str) and kind in _SOUNDS:
        return Audio(data=payload, format=_SOUNDS[kind])
    if isinstance(payload, str) or isinstance(address, str):
        kept = payload if isinstance(payload, str) else None
        link = address if isinstance(address, str) else None
        if kind.startswith("image/"):
            return Image(data=kept, media_type=kind, url=link)
        if kind == "application/pdf":
            return Document(data=kept, media_type=kind, url=link)
    return Opaque(NAME, members)


def encode_one(
    request: EmbeddingRequest,
    model: str,  # noqa: ARG001 - one signature; it stands in the path
    quirks: JsonObject = EMPTY,  # noqa: ARG001
    strict: bool = False,
) -> Encoded:
    """Return the embedContent body; the model stands in the path.

    Raises UnsupportedParameter, also for more than one input.
    """
    check_count(request, {"max_inputs": 1})
    leaving = Leaving(strict)
    settings = _settings(request, leaving)
    return Encoded({"content": {"parts": _written(request, 0)}, **settings}, leaving.edits)


def encode_batch(request: EmbeddingRequest, model: str, quirks: JsonObject = EMPTY, strict: bool = False) -> Encoded:
    """Return the batchEmbedContents body. Raises UnsupportedParameter."""
    check_count(request, {"max_inputs": REQUEST_LIMIT, **quirks})
    leaving = Leaving(strict)
    settings = _settings(request, leaving)
    requests = [
        {"model": f"models/{model}", "content": {"parts": _written(request, place)}, **settings}
        for place in range(len(request.inputs))
    ]
    return Encoded({"requests": requests}, leaving.edits)


def _settings(request: EmbeddingRequest, leaving: Leaving) -> dict[str, object]:
    if any(kind not in ("float", "base64") for kind in request.dtypes):
        raise UnsupportedParameter(
            f"Gemini cannot answer with {' and '.join(request.dtypes)} vectors; ask for float.", param="embedding_types"
        )
    settings: dict[str, object] = {}
    word = said(request.task, WORDS)
    if word is not None:
        settings["taskType"] = word
    leaving.drop_if(request.task is not None and word is None, "input_type")
    if request.title is not None:
        settings["title"] = request.title
    if request.dimensions is not None:
        settings["outputDimensionality"] = request.dimensions
    leaving.drop_if(request.truncate is not None, "truncate")
    leaving.drop_if(request.user is not None, "user")
    for name, value in request.extras.items():
        if request.dialect in (NAME, SINGLE):
            settings[name] = value
        else:
            leaving.drop(name)
    return settings


def _written(request: EmbeddingRequest, place: int) -> list[dict[str, object]]:
    item = request.inputs[place]
    if isinstance(item, str):
        return [{"text": item}]
    return [_written_part(part, place) for part in item]


def _written_part(part: InputPart | int, place: int) -> dict[str, object]:
    if isinstance(part, int):
        raise token_refusal(place)
    if isinstance(part, Text):
        return {"text": part.text}
    if isinstance(part, Audio) and part.data is not None:
        return {"inlineData": {"mimeType": f"audio/{part.format or 'wav'}", "data": part.data}}
    if isinstance(part, Image | Document):
        kind = {"mimeType": part.media_type} if part.media_type else {}
        if part.data is not None and kind:
            return {"inlineData": {**kind, "data": part.data}}
        if part.url is not None:
            return {"fileData": {**kind, "fileUri": part.url}}
    if isinstance(part, Opaque) and part.dialect == NAME:
        return dict(part.payload)
    raise media_refusal(place)
