"""Pictures, documents and sound: `inlineData` and `fileData` against the canonical parts.

Rules: a file that only the vendor can read (its Files API, Cloud Storage, YouTube) is a file id, any other address a
URL. Video, and what has no canonical form, stays an `Opaque` part.
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.gemini.casing import camel
from sluice.dialects.gemini.names import NAME
from sluice.types.chat import Audio, Document, Image, Json, Opaque, Part

Block = dict[str, Json]

_SOUNDS = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav"}
_SOUND_TYPES = {"m4a": "audio/mp4"}
_PICTURES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
}
_MAGIC = (("iVBOR", "image/png"), ("/9j/", "image/jpeg"), ("R0lG", "image/gif"), ("UklG", "image/webp"))
_OWN = ("gs://", "https://generativelanguage.googleapis.com/", "files/")


def read_media(part: Mapping[str, Json]) -> Part | None:
    """Return the part that an `inlineData` or `fileData` member means; None when there is none of them."""
    inline, file = camel(part.get("inlineData")), camel(part.get("fileData"))
    extras = {name: value for name, value in part.items() if name not in ("inlineData", "fileData") and value}
    if isinstance(data := inline.get("data"), str):
        return _inline(data, _text(inline.get("mimeType")) or "", _named(extras, inline), part)
    if isinstance(uri := file.get("fileUri"), str):
        return _file(uri, _text(file.get("mimeType")), _named(extras, file), part)
    return None


def _named(extras: dict[str, Json], held: Mapping[str, Json]) -> dict[str, Json]:
    """Keep the name that a caller gave to a file."""
    name = held.get("displayName")
    return {**extras, "displayName": name} if isinstance(name, str) else extras


def _inline(data: str, kind: str, extras: dict[str, Json], part: Mapping[str, Json]) -> Part:
    if kind.startswith("image/"):
        return Image(data=data, media_type=kind, extras=extras)
    if kind.startswith("audio/") and not extras:
        return Audio(data=data, format=_SOUNDS.get(kind, kind))
    if kind.startswith(("audio/", "video/")) or not kind:
        return Opaque(NAME, part)
    return Document(data=data, media_type=kind, name=_text(extras.pop("displayName", None)), extras=extras)


def _file(uri: str, kind: str | None, extras: dict[str, Json], part: Mapping[str, Json]) -> Part:
    known = kind or _PICTURES.get(uri.rpartition(".")[2].lower(), "")
    url, file_id = (None, uri) if uri.startswith(_OWN) else (uri, None)
    if known.startswith("image/"):
        return Image(url=url, file_id=file_id, media_type=kind, extras=extras)
    if known.startswith(("audio/", "video/")) or "youtube.com/" in uri or "youtu.be/" in uri:
        return Opaque(NAME, part)
    name = _text(extras.pop("displayName", None))
    return Document(url=url, file_id=file_id, media_type=kind, name=name, extras=extras)


def write_inline(data: str, kind: str) -> Block:
    """Return a part of base64 data."""
    return {"inlineData": {"mimeType": kind, "data": data}}


def write_file(uri: str, kind: str | None) -> Block:
    """Return a part that names a file; its type is told where it is known."""
    return {"fileData": {**({"mimeType": kind} if kind else {}), "fileUri": uri}}


def picture_type(part: Image) -> str | None:
    """Return a picture's media type: the stated one, or what its first bytes or its address tell."""
    if part.media_type is not None:
        return part.media_type
    if part.data is not None:
        return next((kind for magic, kind in _MAGIC if part.data.startswith(magic)), "image/png")
    address = (part.url or part.file_id or "").partition("?")[0]
    return _PICTURES.get(address.rpartition(".")[2].lower())


def sound_type(name: str | None) -> str:
    """Return the media type of a sound format such as "wav"."""
    if name is None:
        return "audio/wav"
    return name if "/" in name else _SOUND_TYPES.get(name, f"audio/{name}")


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None
