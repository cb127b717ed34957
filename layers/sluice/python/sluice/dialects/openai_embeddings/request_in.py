"""An OpenAI embeddings request becomes canonical."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

from sluice.dialects.base import JsonObject
from sluice.dialects.openai_embeddings.passing import DIMENSION_FIELDS, NAME, TASK_FIELDS, outline
from sluice.dialects.tasks import canonical
from sluice.errors import BadRequest
from sluice.types.chat import Image, Opaque, Text
from sluice.types.embeddings import EmbeddingRequest, Input, InputPart, Task

_DTYPE_FIELDS = ("output_dtype", "embedding_type", "encoding_format")
_DTYPES = ("int8", "uint8", "binary", "ubinary")
_SAID = frozenset({"model", "input", "user", "truncate", "truncation"})


def decode_request(body: JsonObject) -> EmbeddingRequest:
    """Return the canonical request. Raises BadRequest."""
    model = outline(body, 0).model
    extras = {
        name: value
        for name, value in body.items()
        if value is not None and name not in (*_SAID, *_DTYPE_FIELDS, *TASK_FIELDS, *DIMENSION_FIELDS)
    }
    given = body["input"]
    single = isinstance(given, str) or (isinstance(given, list) and all(type(item) is int for item in given))
    items = [given] if single else cast("list[object]", given)
    return EmbeddingRequest(
        model=model,
        inputs=tuple(_input(item, position) for position, item in enumerate(items)),
        dimensions=next((cast("int", body[name]) for name in DIMENSION_FIELDS if body.get(name) is not None), None),
        encoding="base64" if body.get("encoding_format") == "base64" else "float",
        dtypes=_dtypes(body, extras),
        task=_task(body, extras),
        truncate=_truncate(body, extras),
        user=cast("str | None", body.get("user")) if isinstance(body.get("user"), str) else None,
        single=single,
        dialect=NAME,
        extras=extras,
    )


def _task(body: JsonObject, extras: dict[str, object]) -> Task | None:
    found: Task | None = None
    for name in TASK_FIELDS:
        if body.get(name) is None:
            continue
        task = canonical(body[name])
        if task is None:
            extras[name] = body[name]
        found = found or task
    return found


def _dtypes(body: JsonObject, extras: dict[str, object]) -> tuple[str, ...]:
    for name in _DTYPE_FIELDS:
        value = body.get(name)
        if value in _DTYPES:
            return (str(value),)
        if value is not None and value not in ("float", "base64"):
            extras[name] = value
    return ()


def _truncate(body: JsonObject, extras: dict[str, object]) -> Literal["none", "start", "end"] | None:
    for name in ("truncate", "truncation"):
        value = body.get(name)
        if isinstance(value, bool):
            return "end" if value else "none"
        if isinstance(value, str) and value.lower() in ("none", "start", "end"):
            return cast('Literal["none", "start", "end"]', value.lower())
        if value is not None:
            extras[name] = value
    return None


def _input(item: object, position: int) -> Input:
    if isinstance(item, str):
        return item
    if isinstance(item, list):
        if not all(type(token) is int for token in item):
            raise BadRequest(
                f"'input[{position}]' must be text or a list of token ids; it mixes kinds.", param=f"input[{position}]"
            )
        return tuple(item)
    fields = cast("Mapping[str, object]", item)
    content = fields.get("content")
    if isinstance(content, list) and set(fields) == {"content"}:
        return tuple(_part(part) for part in content)
    text, image = fields.get("text"), fields.get("image")
    if isinstance(text, str) and set(fields) == {"text"}:
        return text
    if isinstance(image, str) and set(fields) == {"image"}:
        return (picture(image),)
    return (Opaque(NAME, dict(fields)),)


def _part(part: object) -> InputPart:
    fields: Mapping[str, object] = part if isinstance(part, Mapping) else {"value": part}
    if fields.get("type") == "text" and isinstance(text := fields.get("text"), str):
        return Text(text)
    address = fields.get("image_url")
    if isinstance(address, Mapping):
        address = address.get("url")
    if fields.get("type") == "image_url" and isinstance(address, str):
        return picture(address)
    return Opaque(NAME, dict(fields))


def picture(text: str) -> Image:
    """Return an image from a data URI, a URL or plain base64."""
    if text.startswith("data:"):
        head, _, payload = text[5:].partition(",")
        return Image(data=payload, media_type=head.partition(";")[0] or None)
    if text.startswith(("http://", "https://", "gs://", "s3://")):
        return Image(url=text)
    return Image(data=text)


def address_of(image: Image) -> str | None:
    """Return an image as `picture` reads it; None for a provider's own file."""
    if image.data is not None:
        return f"data:{image.media_type};base64,{image.data}" if image.media_type else image.data
    return image.url
