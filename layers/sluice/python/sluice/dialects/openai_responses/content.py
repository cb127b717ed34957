"""Content parts of messages and tool outputs, read into canonical parts and written back.

Rules: a part of an unknown type becomes `Opaque` under the member `CONTENT`, which tells it from an opaque item. What
another dialect says and this one cannot is left out and reported, or refused where the request would mean something
else.
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import JsonObject
from sluice.dialects.edits import Edits
from sluice.dialects.openai_chat.parts_in import read_mark, split_data_uri
from sluice.dialects.openai_responses.names import NAME
from sluice.errors import BadRequest
from sluice.types.chat import Audio, CacheMark, Document, Image, Json, Opaque, Part, Refusal, Text

Block = dict[str, Json]

CONTENT = "content_part"
_TEXTS = ("input_text", "output_text", "text", "summary_text")
_MAGIC = (("iVBOR", "image/png"), ("/9j/", "image/jpeg"), ("R0lG", "image/gif"), ("UklG", "image/webp"))


def read_content(content: Json, param: str) -> tuple[Part, ...]:
    """Return the parts of a `content` or `output` member: a string, or a list of parts. Raises BadRequest."""
    if isinstance(content, str):
        return (Text(content),) if content else ()
    if not isinstance(content, list):
        return ()
    return tuple(
        _read(part, f"{param}[{position}]") for position, part in enumerate(content) if isinstance(part, Mapping)
    )


def _read(part: Mapping[str, Json], param: str) -> Part:
    kind = part.get("type")
    if kind in _TEXTS and isinstance(part.get("text"), str):
        return Text(str(part["text"]), read_mark(part), _list(part.get("annotations")))
    if kind == "refusal" and isinstance(part.get("refusal"), str):
        return Refusal(str(part["refusal"]))
    if kind == "input_image":
        return _read_image(part, param)
    if kind == "input_file":
        return _read_file(part, param)
    sound = part.get("input_audio")
    if kind == "input_audio" and isinstance(sound, Mapping) and isinstance(sound.get("data"), str):
        return Audio(data=str(sound["data"]), format=_word(sound, "format"))
    return Opaque(NAME, {"type": kind, CONTENT: dict(part)})


def _read_image(part: Mapping[str, Json], param: str) -> Image:
    url, file_id, detail = part.get("image_url"), _word(part, "file_id"), _word(part, "detail")
    if isinstance(url, Mapping):  # the form of Chat Completions, which hosts take as well
        detail = detail or _word(url, "detail")
        url = url.get("url")
    if isinstance(url, str) and url:
        held = split_data_uri(url)
        if held is None:
            return Image(url=url, detail=detail, cache=read_mark(part))
        return Image(data=held[1], media_type=held[0], detail=detail, cache=read_mark(part))
    if file_id is None:
        raise BadRequest(f"{param} must hold image_url (a URL or a data URI) or file_id.", param=param)
    return Image(file_id=file_id, detail=detail, cache=read_mark(part))


def _read_file(part: Mapping[str, Json], param: str) -> Document:
    name, data = _word(part, "filename"), _word(part, "file_data")
    extras: Block = {"detail": part["detail"]} if isinstance(part.get("detail"), str) else {}
    mark = read_mark(part)
    if data is not None:
        held = split_data_uri(data) or (None, data)
        return Document(data=held[1], media_type=held[0], name=name, cache=mark, extras=extras)
    url, file_id = _word(part, "file_url"), _word(part, "file_id")
    if url is None and file_id is None:
        raise BadRequest(f"{param} must hold file_data, file_url or file_id.", param=param)
    held_url = split_data_uri(url) if url is not None else None
    if held_url is not None:
        return Document(data=held_url[1], media_type=held_url[0], name=name, cache=mark, extras=extras)
    file_id = None if url is not None else file_id
    return Document(url=url, file_id=file_id, name=name, cache=mark, extras=extras)


class PartWriter:
    """Writes the parts of one request; `native` says that it came in this dialect."""

    __slots__ = ("edits", "native", "quirks")

    def __init__(self, quirks: JsonObject, native: bool, edits: Edits) -> None:
        self.quirks = quirks
        self.native = native
        self.edits = edits

    def content(self, parts: tuple[Part, ...], word: str = "input_text") -> list[Json]:
        """Return content parts; `word` is the type of plain text: "input_text", "output_text" for the assistant."""
        return [block for part in parts if (block := self.part(part, word)) is not None]

    def output(self, parts: tuple[Part, ...]) -> Json:
        """Return a tool's output: a string for one plain text and for none, else a list."""
        blocks = self.content(parts)
        if not blocks:
            return ""
        first = blocks[0]
        if len(blocks) == 1 and isinstance(first, dict) and set(first) == {"type", "text"} and first["text"]:
            return first["text"]
        return blocks

    def part(self, part: Part, word: str) -> Block | None:
        """Return one content part; None when it is left out."""
        if isinstance(part, Text):
            return self._text(part, word)
        if isinstance(part, Refusal):
            return {"type": "refusal", "refusal": part.text}
        if isinstance(part, Image):
            return self._image(part)
        if isinstance(part, Document):
            return self._document(part)
        if isinstance(part, Audio):
            return self._audio(part)
        if isinstance(part, Opaque):
            held = part.payload.get(CONTENT)
            if part.dialect == NAME and isinstance(held, Mapping):
                return dict(held)
            self.edits.drop(f"messages.{part.payload.get('type', 'part')}")
        return None

    def mark(self, block: Block, cache: CacheMark | None) -> Block:
        """Write a cache breakpoint where it came from this dialect or the provider is declared to take one."""
        if cache is None:
            return block
        if self.native or self.quirks.get("prompt_cache_breakpoint") is True:
            ttl: Block = {"ttl": cache.ttl} if self.native and cache.ttl is not None else {}
            block["prompt_cache_breakpoint"] = {"mode": "explicit", **ttl}
        else:
            self.edits.note("dropped:cache_control")  # providers of this dialect cache by themselves
        return block

    def _text(self, part: Text, word: str) -> Block:
        block: Block = {"type": word, "text": part.text}
        if word == "output_text":
            block["annotations"] = list(part.citations) if self.native else []
        return self.mark(block, part.cache)

    def _image(self, part: Image) -> Block:
        block: Block = {"type": "input_image", "detail": part.detail or "auto"}
        if self.native and part.detail is None:
            del block["detail"]
        if part.data is not None:
            block["image_url"] = f"data:{part.media_type or _sniffed(part.data)};base64,{part.data}"
        elif part.url is not None:
            block["image_url"] = part.url
        else:
            block["file_id"] = self._file_id(part.file_id, "A picture")
        return self.mark(block, part.cache)

    def _document(self, part: Document) -> Block:
        if part.text is not None:
            title = f"{part.name}\n\n" if part.name else ""
            return self.mark({"type": "input_text", "text": title + part.text}, part.cache)
        block: Block = {"type": "input_file"}
        if part.name is not None:
            block["filename"] = part.name
        if part.data is not None:
            kind = part.media_type or (None if self.native else "application/pdf")
            block["file_data"] = f"data:{kind};base64,{part.data}" if kind else part.data
            if part.name is None and not self.native:
                block["filename"] = "document.pdf" if kind == "application/pdf" else "document"
        elif part.url is not None:
            block["file_url"] = part.url
        else:
            block["file_id"] = self._file_id(part.file_id, "A document")
        if self.native:
            block.update(part.extras)
        return self.mark(block, part.cache)

    def _file_id(self, file_id: str | None, what: str) -> str:
        if file_id is None or not self.native:
            self.edits.refuse("input", f"{what} is given as another vendor's file id; send its data or its URL.")
        return file_id

    def _audio(self, part: Audio) -> Block | None:
        if self.native and part.data is not None:
            return {"type": "input_audio", "input_audio": {"data": part.data, "format": part.format}}
        if part.transcript:
            self.edits.change("transcribed:messages.audio", "messages")
            return {"type": "input_text", "text": part.transcript}
        if part.data is not None:
            self.edits.refuse("input", "This model takes no sound; send the text that was spoken instead.")
        self.edits.note("dropped:messages.audio")
        return None


def _sniffed(data: str) -> str:
    """Return the media type that the first bytes of a base64 picture tell."""
    return next((kind for start, kind in _MAGIC if data.startswith(start)), "image/png")


def _list(value: Json) -> tuple[Json, ...]:
    return tuple(value) if isinstance(value, list) else ()


def _word(held: Mapping[str, Json], name: str) -> str | None:
    value = held.get(name)
    return value if isinstance(value, str) else None
