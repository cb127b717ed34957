"""Reads content parts of messages into canonical parts."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.openai_chat.names import NAME
from sluice.errors import BadRequest
from sluice.types.chat import Audio, CacheMark, Document, Image, Json, Opaque, Part, Refusal, Text, Thinking

_TEXTS = ("text", "input_text", "output_text")
_MARKS = ("cache_control", "prompt_cache_breakpoint")
DATA_URI = "data:"


def read_content(content: object, param: str) -> tuple[Part, ...]:
    """Return the parts of a message's `content`; a string is one text, "" and null are none.

    Raises:
        BadRequest: a part is not what its type promises.
    """
    if content is None or content == "":
        return ()
    if isinstance(content, str):
        return (Text(content),)
    if not isinstance(content, list):
        raise BadRequest(f"{param} must be a string or a list of parts.", param=param)
    return tuple(read_part(part, f"{param}[{position}]") for position, part in enumerate(content))


def read_part(raw: object, param: str) -> Part:
    """Return one part; a type this dialect's module does not know becomes `Opaque`."""
    if isinstance(raw, str):
        return Text(raw)
    if not isinstance(raw, Mapping):
        raise BadRequest(f"{param} must be an object with a type.", param=param)
    kind = raw.get("type")
    if kind in _TEXTS or (kind is None and isinstance(raw.get("text"), str)):
        return Text(_string(raw, "text", param, ""), cache=read_mark(raw))
    if kind in ("image_url", "input_image"):
        return _image(raw, param)
    if kind == "input_audio":
        return _audio(raw, param)
    if kind in ("file", "input_file"):
        return _file(raw, param)
    if kind == "document_url":
        return _document_url(raw, param)
    if kind == "refusal":
        return Refusal(_string(raw, "refusal", param, ""))
    if kind == "thinking":
        return read_thinking(raw)
    return Opaque(NAME, dict(raw))


def read_mark(raw: Mapping[str, Json]) -> CacheMark | None:
    """Return the cache breakpoint that a part, a tool or a message carries."""
    for name in _MARKS:
        mark = raw.get(name)
        if isinstance(mark, Mapping):
            ttl = mark.get("ttl")
            return CacheMark(ttl if isinstance(ttl, str) else None)
    return None


def read_thinking(raw: Mapping[str, Json]) -> Thinking:
    """Return Mistral's thinking part: {"type": "thinking", "thinking": [{"type": "text", "text"}], "closed"}."""
    inner = raw.get("thinking")
    items = inner if isinstance(inner, list) else [inner]
    texts = [item.get("text") if isinstance(item, Mapping) else item for item in items]
    signature = raw.get("signature")
    return Thinking(
        "".join(text for text in texts if isinstance(text, str)),
        signature=signature if isinstance(signature, str) else None,
        details=(dict(raw),),
        field="content",
    )


def split_data_uri(uri: str) -> tuple[str | None, str] | None:
    """Return media type and base64 text of a data URI; None when it is not a base64 one."""
    if uri[:5].lower() != DATA_URI:
        return None
    head, comma, data = uri[5:].partition(",")
    if not comma or not head.endswith(";base64"):
        return None
    return head.partition(";")[0] or None, data


def _image(raw: Mapping[str, Json], param: str) -> Image:
    inner = raw.get("image_url")
    file_id = raw.get("file_id")
    detail = inner.get("detail") if isinstance(inner, Mapping) else raw.get("detail")
    detail = detail if isinstance(detail, str) else None
    url = inner.get("url") if isinstance(inner, Mapping) else inner
    if not isinstance(url, str) or not url:
        if isinstance(file_id, str):
            return Image(file_id=file_id, detail=detail, cache=read_mark(raw))
        raise BadRequest(f"{param}.image_url.url must be a URL or a data URI of a picture.", param=param)
    held = split_data_uri(url)
    if held is None:
        return Image(url=url, detail=detail, cache=read_mark(raw))
    return Image(data=held[1], media_type=held[0], detail=detail, cache=read_mark(raw))


def _audio(raw: Mapping[str, Json], param: str) -> Audio:
    inner = raw.get("input_audio")
    if isinstance(inner, str):  # Mistral: base64 text or a URL
        return Audio(data=inner)
    if not isinstance(inner, Mapping) or not isinstance(inner.get("data"), str):
        raise BadRequest(f"{param}.input_audio must hold base64 data and a format.", param=param)
    sound = inner.get("format")
    return Audio(data=inner["data"], format=sound if isinstance(sound, str) else None)


def _file(raw: Mapping[str, Json], param: str) -> Document:
    inner = raw.get("file")
    held = inner if isinstance(inner, Mapping) else raw
    name, file_id, data = held.get("filename"), held.get("file_id"), held.get("file_data")
    title = name if isinstance(name, str) else None
    mark = read_mark(raw)
    if isinstance(data, str):
        if data[:8].lower().startswith(("http://", "https://")):
            return Document(url=data, name=title, cache=mark)
        parsed = split_data_uri(data)
        media_type, text = parsed if parsed is not None else (None, data)
        return Document(data=text, media_type=media_type, name=title, cache=mark)
    if not isinstance(file_id, str):
        raise BadRequest(f"{param}.file must hold file_data or a file_id.", param=param)
    return Document(file_id=file_id, name=title, cache=mark)


def _document_url(raw: Mapping[str, Json], param: str) -> Document:
    """Read Mistral's form; `extras` remember it, so that Mistral gets it back."""
    inner = raw.get("document_url")
    url = inner.get("url") if isinstance(inner, Mapping) else inner
    if not isinstance(url, str):
        raise BadRequest(f"{param}.document_url must be a URL or a data URI.", param=param)
    name = raw.get("document_name")
    title = name if isinstance(name, str) else None
    own: dict[str, Json] = {"type": "document_url"}
    held = split_data_uri(url)
    if held is None:
        return Document(url=url, name=title, extras=own)
    return Document(data=held[1], media_type=held[0], name=title, extras=own)


def _string(raw: Mapping[str, Json], name: str, param: str, default: str) -> str:
    value = raw.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise BadRequest(f"{param}.{name} must be a string.", param=param)
    return value
