"""Writes canonical parts as content parts of messages.

A part of another dialect that cannot be said here is left out and reported where the request keeps its meaning, and
refused where it does not.
"""

from __future__ import annotations

from sluice.dialects.base import JsonObject
from sluice.dialects.edits import Edits
from sluice.dialects.openai_chat.names import NAME
from sluice.types.chat import Audio, CacheMark, Document, Image, Json, Opaque, Part, Refusal, Text, Thinking

Block = dict[str, Json]


class PartWriter:
    """Writes the parts of one request; `native` says that it came in this dialect."""

    __slots__ = ("edits", "native", "quirks")

    def __init__(self, quirks: JsonObject, native: bool, edits: Edits) -> None:
        self.quirks = quirks
        self.native = native
        self.edits = edits

    def content(self, parts: tuple[Part, ...]) -> Json:
        """Return a message's content: a string for one plain text and for none, else a list."""
        blocks = [block for part in parts if (block := self.part(part)) is not None]
        if not blocks:
            return ""
        if len(blocks) == 1 and set(blocks[0]) == {"type", "text"}:
            return blocks[0]["text"]
        return blocks

    def part(self, part: Part) -> Block | None:
        """Return one content part; None when it is left out."""
        if isinstance(part, Text):
            return self.mark({"type": "text", "text": part.text}, part.cache)
        if isinstance(part, Image):
            return self._image(part)
        if isinstance(part, Document):
            return self._document(part)
        if isinstance(part, Audio):
            return self._audio(part)
        if isinstance(part, Refusal):
            return {"type": "refusal", "refusal": part.text}
        if isinstance(part, Opaque):
            return self._opaque(part)
        if isinstance(part, Thinking) and part.field == "content":
            return dict(part.details[0]) if part.details and isinstance(part.details[0], dict) else thinking_block(part)
        return None

    def mark(self, block: Block, cache: CacheMark | None) -> Block:
        """Write a cache breakpoint where the provider takes one."""
        if cache is None:
            return block
        if self.quirks.get("cache_control") is True:
            ttl = {} if cache.ttl is None else {"ttl": cache.ttl}
            block["cache_control"] = {"type": "ephemeral", **ttl}
        elif self.quirks.get("prompt_cache_breakpoint") is True:
            block["prompt_cache_breakpoint"] = {"mode": "explicit"}
        else:
            self.edits.note("dropped:cache_control")  # providers of this dialect cache by themselves
        return block

    def _image(self, part: Image) -> Block:
        if part.data is not None:
            url = f"data:{part.media_type or _sniffed(part.data)};base64,{part.data}"
        elif part.url is not None:
            url = part.url
        else:
            return self._image_file(part)
        image: Block = {"url": url}
        if part.detail is not None:
            image["detail"] = part.detail
        return self.mark({"type": "image_url", "image_url": image}, part.cache)

    def _image_file(self, part: Image) -> Block:
        if not self.native or part.file_id is None:
            self.edits.refuse("messages", "A picture is given as another vendor's file id; send its data or its URL.")
        detail = {} if part.detail is None else {"detail": part.detail}
        return self.mark({"type": "image_url", "file_id": part.file_id, **detail}, part.cache)

    def _document(self, part: Document) -> Block | None:
        if part.text is not None:
            title = f"{part.name}\n\n" if part.name else ""
            return self.mark({"type": "text", "text": title + part.text}, part.cache)
        if self.native and part.extras.get("type") == "document_url":
            name: Block = {} if part.name is None else {"document_name": part.name}
            url = part.url if part.url is not None else f"data:{part.media_type or ''};base64,{part.data}"
            return {"type": "document_url", "document_url": url, **name}
        if self.quirks.get("file_parts") is False:
            self.edits.refuse("messages", "This model takes no documents; send their text instead.")
        return self.mark({"type": "file", "file": self._file(part)}, part.cache)

    def _file(self, part: Document) -> Block:
        file: Block = {}
        if part.name is not None:
            file["filename"] = part.name
        elif not self.native and part.data is not None:
            file["filename"] = "document.pdf" if part.media_type == "application/pdf" else "document"
        if part.data is not None:
            file["file_data"] = f"data:{part.media_type};base64,{part.data}" if part.media_type else part.data
        elif part.url is not None:
            if not self.native and self.quirks.get("file_urls") is not True:
                self.edits.refuse("messages", "This model takes no documents by URL; send the document's data instead.")
            file["file_data"] = part.url
        elif self.native:
            file["file_id"] = part.file_id
        else:
            self.edits.refuse("messages", "A document is given as another vendor's file id; send its data instead.")
        return file

    def _audio(self, part: Audio) -> Block | None:
        if part.data is None:
            return None  # an earlier answer's sound is named by the message's `audio`
        if part.format is None:
            return {"type": "input_audio", "input_audio": part.data}
        return {"type": "input_audio", "input_audio": {"data": part.data, "format": part.format}}

    def _opaque(self, part: Opaque) -> Block | None:
        if part.dialect == NAME:
            return dict(part.payload)
        self.edits.drop(f"messages.{part.payload.get('type', 'part')}")
        return None


def thinking_block(part: Thinking) -> Block:
    """Return reasoning as Mistral's content part."""
    return {"type": "thinking", "thinking": [{"type": "text", "text": part.text}]}


_MAGIC = (("iVBOR", "image/png"), ("/9j/", "image/jpeg"), ("R0lG", "image/gif"), ("UklG", "image/webp"))


def _sniffed(data: str) -> str:
    """Return the media type that the first bytes of a base64 picture tell."""
    return next((kind for start, kind in _MAGIC if data.startswith(start)), "image/png")
