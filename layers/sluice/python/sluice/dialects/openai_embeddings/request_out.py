"""A canonical embeddings request becomes one of this dialect, in the words that the host's quirks declare."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import EMPTY, Encoded, JsonObject
from sluice.dialects.openai_embeddings.passing import NAME
from sluice.dialects.openai_embeddings.request_in import address_of
from sluice.dialects.tasks import said
from sluice.dialects.unstreamed import Leaving
from sluice.errors import UnsupportedParameter
from sluice.types.chat import Image, Opaque, Text
from sluice.types.embeddings import EmbeddingRequest, Input, InputPart


def encode_request(request: EmbeddingRequest, model: str, quirks: JsonObject = EMPTY, strict: bool = False) -> Encoded:
    """Return the provider's request body for `model`.

    Raises:
        UnsupportedParameter: token ids or pictures for a model that takes text, or a number format it cannot give.
    """
    leaving = Leaving(strict)
    check_count(request, quirks)
    inputs = [_input(item, position, quirks, request.dialect) for position, item in enumerate(request.inputs)]
    body: dict[str, object] = {"model": model, "input": inputs[0] if request.single and len(inputs) == 1 else inputs}
    if request.dimensions is not None:
        body[str(quirks.get("dimensions_field") or "dimensions")] = request.dimensions
    if request.encoding == "base64" and quirks.get("base64_vectors") is not False:
        body["encoding_format"] = "base64"
    _write_dtypes(request, quirks, body)
    _write_task(request, quirks, body, leaving)
    _write_truncate(request, quirks, body, leaving)
    leaving.drop_if(request.title is not None, "title")
    if request.user is not None and "user" not in _listed(quirks.get("drop_embedding")):
        body["user"] = request.user
    else:
        leaving.drop_if(request.user is not None, "user")
    for name, value in request.extras.items():
        if request.dialect == NAME:
            body[name] = value
        else:
            leaving.drop(name)
    return Encoded(body, leaving.edits)


def check_count(request: EmbeddingRequest, quirks: JsonObject) -> None:
    """Raise UnsupportedParameter when the model takes fewer inputs in one call (quirk `max_inputs`)."""
    most = quirks.get("max_inputs")
    if isinstance(most, int) and len(request.inputs) > most:
        raise UnsupportedParameter(
            f"This model takes at most {most} inputs in one call, and {len(request.inputs)} were sent; split them.",
            param="input",
        )


def check_plain(request: EmbeddingRequest) -> None:
    """Raise UnsupportedParameter for number formats other than floats."""
    if any(kind not in ("float", "base64") for kind in request.dtypes):
        raise UnsupportedParameter(
            f"This model's provider cannot answer with {' and '.join(request.dtypes)} vectors; ask for float.",
            param="embedding_types",
        )


def text_of(item: Input, position: int) -> str:
    """Return an input's text, several texts as lines. Raises UnsupportedParameter for anything else."""
    if isinstance(item, str):
        return item
    lines: list[str] = []
    for part in item:
        if isinstance(part, int):
            raise token_refusal(position)
        if not isinstance(part, Text):
            raise media_refusal(position)
        lines.append(part.text)
    return "\n".join(lines)


def _write_dtypes(request: EmbeddingRequest, quirks: JsonObject, body: dict[str, object]) -> None:
    special = [name for name in request.dtypes if name not in ("float", "base64")]
    if not special:
        return
    field = quirks.get("dtype_field")
    if not isinstance(field, str) or len(request.dtypes) > 1:
        raise UnsupportedParameter(
            f"This model's provider cannot answer with {' and '.join(request.dtypes)} vectors; ask for float.",
            param="embedding_types",
        )
    body[field] = special[0]


def _write_task(request: EmbeddingRequest, quirks: JsonObject, body: dict[str, object], leaving: Leaving) -> None:
    field, words = quirks.get("task_field"), quirks.get("task_words")
    if not isinstance(field, str) or not isinstance(words, Mapping):
        leaving.drop_if(request.task is not None, "input_type")
        return
    word = said(request.task, words)
    leaving.drop_if(request.task is not None and word is None, "input_type")
    word = word or words.get(str(quirks.get("default_task")))
    if word is not None:
        body[field] = word


def _write_truncate(request: EmbeddingRequest, quirks: JsonObject, body: dict[str, object], leaving: Leaving) -> None:
    how, wanted = quirks.get("truncate_request"), request.truncate
    if wanted is None:
        return
    if how == "words":
        body["truncate"] = wanted.upper()
    elif isinstance(how, str) and wanted != "start":
        body[how] = wanted == "end"
    else:
        leaving.drop("truncate")


def _input(item: Input, position: int, quirks: JsonObject, dialect: str) -> object:
    if isinstance(item, str):
        return item
    if item and all(isinstance(part, int) for part in item):
        if quirks.get("token_inputs") is False:
            raise token_refusal(position)
        return list(item)
    parts = [part for part in item if not isinstance(part, int)]
    if parts and all(isinstance(part, Text) for part in parts) and quirks.get("image_inputs") != "content":
        return "\n".join(part.text for part in parts if isinstance(part, Text))
    return _parts(parts, position, quirks.get("image_inputs"), dialect)


def _parts(parts: list[InputPart], position: int, how: object, dialect: str) -> object:
    only = parts[0] if len(parts) == 1 else None
    if isinstance(only, Opaque) and only.dialect == NAME == dialect and "type" not in only.payload:
        return dict(only.payload)
    if how == "image" and isinstance(only, Image) and (address := address_of(only)) is not None:
        return {"image": address}
    if how == "content":
        written = [_part(part) for part in parts]
        if None not in written:
            return {"content": written}
    raise media_refusal(position)


def _part(part: InputPart) -> dict[str, object] | None:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Image) and (address := address_of(part)) is not None:
        return {"type": "image_url", "image_url": {"url": address}}
    if isinstance(part, Opaque) and part.dialect == NAME:
        return dict(part.payload)
    return None


def token_refusal(position: int) -> UnsupportedParameter:
    """Return the refusal of token ids: they mean something to the vendor of the tokenizer alone."""
    return UnsupportedParameter(
        f"'input[{position}]' is a list of token ids, and this model takes text only; send the text.",
        param=f"input[{position}]",
    )


def media_refusal(position: int) -> UnsupportedParameter:
    """Return the refusal of what is not text."""
    return UnsupportedParameter(
        f"'input[{position}]' holds more than text, and this model takes text only; send the text, or name a model "
        "that takes pictures.",
        param=f"input[{position}]",
    )


def _listed(found: object) -> tuple[str, ...]:
    return tuple(map(str, found)) if isinstance(found, list | tuple) else ()
