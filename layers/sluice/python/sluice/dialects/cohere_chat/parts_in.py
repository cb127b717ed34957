"""Content parts and documents, read into canonical parts.

Rules: a document is shown to other dialects as text, `key: value` for each of its fields, with its title as its name;
the vendor's own object is kept, so that this dialect writes it back whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from sluice.dialects.cohere_chat.names import NAME
from sluice.types.chat import Document, Image, Json, Opaque, Part, Text, Thinking

KEPT = "document"
"""The entry of a document's extras that holds the vendor's object (or string)."""
_TEXTS = ("text", "snippet", "content")


def read_content(content: Json) -> Iterator[Part]:
    """Yield the parts of a message's content: a string, or a list of parts."""
    if isinstance(content, str):
        if content:
            yield Text(content)
        return
    for raw in content if isinstance(content, list) else ():
        if isinstance(raw, Mapping) and (part := _part(raw)) is not None:
            yield part


def _part(raw: Mapping[str, Json]) -> Part | None:
    kind, text = raw.get("type"), raw.get("text")
    if kind in ("text", None) and isinstance(text, str):
        return Text(text) if text else None
    thought = raw.get("thinking")
    if kind == "thinking" and isinstance(thought, str):
        return Thinking(thought) if thought else None
    if kind == "image_url":
        image = raw.get("image_url")
        return _image(image if isinstance(image, Mapping) else {"url": image}) or Opaque(NAME, raw)
    if kind == "document":
        return read_document(raw.get("document"))
    return Opaque(NAME, raw)


def _image(raw: Mapping[str, Json]) -> Image | None:
    url, detail = raw.get("url"), raw.get("detail")
    if not isinstance(url, str):
        return None
    detail = detail if isinstance(detail, str) else None
    kind, marked, data = url.removeprefix("data:").partition(";base64,")
    if url.startswith("data:") and marked:
        return Image(data=data, media_type=kind or None, detail=detail)
    return Image(url=url, detail=detail)


def read_document(raw: Json, citations: bool = True) -> Document:
    """Return a document: a string, or an object with `data` and maybe an `id`."""
    extras = {KEPT: raw}
    if not isinstance(raw, Mapping):
        return Document(text=raw if isinstance(raw, str) else json_text(raw), citations=citations, extras=extras)
    data, identity = raw.get("data"), raw.get("id")
    name = identity if isinstance(identity, str) else None
    if not isinstance(data, Mapping):
        text = data if isinstance(data, str) else "" if data is None else json_text(data)
        return Document(text=text, name=name, citations=citations, extras=extras)
    title = data.get("title")
    if isinstance(title, str) and title:
        name = title
        data = {key: value for key, value in data.items() if key != "title"}
    return Document(text=fields_text(data), name=name, citations=citations, extras=extras)


def fields_text(data: Mapping[str, Json]) -> str:
    """Return the fields of a document as text; one that is nothing but text stands as it is."""
    if len(data) == 1:
        (key, value), *_ = data.items()
        if key in _TEXTS and isinstance(value, str):
            return value
    return "\n".join(f"{key}: {value if isinstance(value, str) else json_text(value)}" for key, value in data.items())


def json_text(value: Json) -> str:
    """Return a value as JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
