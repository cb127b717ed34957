"""Canonical parts, written as content blocks of the Converse dialect.

Rules: `native` parts came from this dialect and get back what their `extras` kept. A part of another dialect that
cannot be said here is dropped and reported where the answer stays useful without it (earlier reasoning), and refused
where it does not (a picture by URL, another vendor's file id). A mark of the cache is a block behind its part.
"""

from __future__ import annotations

import json
import re
from binascii import b2a_base64

from sluice.dialects.bedrock_converse.blocks_in import MEDIA_TYPES
from sluice.dialects.bedrock_converse.names import BINARY, NAME, SEAL
from sluice.dialects.edits import Edits
from sluice.types.chat import (
    Audio,
    CacheMark,
    Document,
    Image,
    Json,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

Block = dict[str, Json]

_MAGIC = (("iVBOR", "png"), ("/9j/", "jpeg"), ("R0lG", "gif"), ("UklG", "webp"))
_FORMATS = {media_type: kind for kind, media_type in MEDIA_TYPES.items()}
_PICTURES = {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_PLAIN_NAME = re.compile(r"[^A-Za-z0-9\s\-()\[\]]+")
_NAME_LIMIT = 200


class BlockWriter:
    """Writes the parts of one request or answer; document names are kept apart within it."""

    def __init__(self, native: bool, edits: Edits) -> None:
        self._native = native
        self._edits = edits
        self._names: set[str] = set()

    def write(self, part: Part) -> Block | None:
        """Return the block of a part that is neither a tool's call nor its result; None when it is left out."""
        if isinstance(part, Text):
            return self._text(part)
        if isinstance(part, Image):
            return self._image(part)
        if isinstance(part, Document):
            return self._document(part)
        if isinstance(part, Thinking):
            return thinking_block(part, self._native, self._edits)
        if isinstance(part, Refusal):
            return {"text": part.text} if part.text.strip() else None
        if isinstance(part, Audio):
            return self._audio(part)
        if isinstance(part, Opaque) and part.dialect == NAME:
            return dict(part.payload)
        if isinstance(part, Opaque):
            self._edits.drop(f"messages.{part.payload.get('type', 'part')}")
        return None

    def call(self, call: ToolCall, wire_id: str) -> Block:
        """Return a toolUse block under the id `wire_id`."""
        used: Block = {"toolUseId": wire_id, "name": call.name, "input": self._input(call)}
        return {"toolUse": {**used, **(call.extras if self._native else {})}}

    def _input(self, call: ToolCall) -> Json:
        return json.loads(call.arguments) if self._native else tool_input(call, self._edits)

    def result(self, result: ToolResult, wire_id: str) -> Block:
        """Return a toolResult block."""
        extras = dict(result.extras) if self._native else {}
        places = extras.pop("json", ())
        structured = places if isinstance(places, list) else []
        blocks = [self._result_part(part, place in structured) for place, part in enumerate(result.parts)]
        content = [block for block in blocks if block is not None]
        if not content and not self._native:
            self._edits.note("added:messages.tool_result")
            content.append({"text": "(no output)"})  # the vendor refuses blank text
        written: Block = {"toolUseId": wire_id, "content": content}
        if result.is_error:
            written["status"] = "error"
        return {"toolResult": {**written, **extras}}

    def _result_part(self, part: Part, structured: bool) -> Block | None:
        if isinstance(part, ToolCall | ToolResult):
            return None
        if structured and isinstance(part, Text):
            return {"json": json.loads(part.text)}
        return self.write(part)

    def _text(self, part: Text) -> Block | None:
        if self._native and part.citations:
            return {"citationsContent": {"content": [{"text": part.text}], "citations": list(part.citations)}}
        if not self._native and not part.text.strip():
            return None  # the vendor refuses blank text
        return {"text": part.text}

    def _image(self, part: Image) -> Block:
        extras = part.extras if self._native else {}
        if part.detail not in (None, "auto"):
            self._edits.note("dropped:image_url.detail")  # a hint about cost, never refused
        if part.data is not None:
            image: Block = {"format": self._picture(part), "source": {"bytes": part.data}}
        else:
            image = {"format": self._picture(part), "source": self._location(part.url, "picture")}
        return {"image": {**image, **extras}}

    def _picture(self, part: Image) -> str:
        declared = (part.media_type or "").lower()
        if self._native and declared.startswith("image/"):
            return declared[6:]
        if declared and declared not in _PICTURES:
            self._edits.refuse("messages", f"This model takes PNG, JPEG, GIF and WebP, not {declared[:64]}.")
        data = part.data or ""
        sniffed = next((kind for magic, kind in _MAGIC if data.startswith(magic)), None)
        return sniffed or _PICTURES.get(declared, "png")

    def _document(self, part: Document) -> Block:
        if self._native and isinstance(part.extras.get("searchResult"), dict):
            return {"searchResult": part.extras["searchResult"]}
        document: Block = {"source": self._source(part)}
        if part.media_type is not None or not self._native or part.text is None:
            document["format"] = self._format(part)
        if not self._native or part.name is not None:
            document["name"] = self._name(part.name)
        if part.context is not None:
            document["context"] = part.context
        if part.citations:
            document["citations"] = {"enabled": True}
        return {"document": {**document, **(part.extras if self._native else {})}}

    def _source(self, part: Document) -> Block:
        if part.data is not None:
            return {"bytes": part.data}
        if part.text is None:
            return self._location(part.url, "document")
        if self._native:
            return {"text": part.text}
        # Only some models take a document's plain text; all that read documents take its bytes.
        return {"bytes": b2a_base64(part.text.encode("utf-8", "surrogatepass"), newline=False).decode()}

    def _format(self, part: Document) -> str:
        declared = part.media_type or ("application/pdf" if part.text is None else "text/plain")
        kind = _FORMATS.get(declared.partition(";")[0].strip().lower())
        if kind is None and (part.media_type or "").startswith("text/"):
            kind = "txt"
        if kind is None:
            self._edits.refuse(
                "messages",
                f"This model reads {', '.join(MEDIA_TYPES)}, not {str(part.media_type)[:64]}; convert the document.",
            )
        return kind

    def _name(self, name: str | None) -> str:
        """Return a name of the characters that the vendor takes, different for each document."""
        if self._native and name is not None:
            return name
        plain = " ".join(_PLAIN_NAME.sub(" ", name or "").split())[: _NAME_LIMIT - 8] or "document"
        unique, count = plain, 1
        while unique in self._names:
            count += 1
            unique = f"{plain} ({count})"
        self._names.add(unique)
        return unique

    def _location(self, url: str | None, what: str) -> Block:
        if url is None or not url.startswith("s3://"):
            self._edits.refuse(
                "messages",
                f"Amazon Bedrock fetches no {what} from a URL or by another vendor's file id; send its content in "
                "base64, or an s3:// address.",
            )
        return {"s3Location": {"uri": url}}

    def _audio(self, part: Audio) -> Block | None:
        if part.data is not None:
            return {"audio": {"format": part.format or "wav", "source": {"bytes": part.data}}}
        if not part.transcript:
            self._edits.refuse(
                "messages", "An earlier answer's sound is known to its vendor only; send its transcript."
            )
        self._edits.change("transcribed:messages.audio", "messages.audio")
        return {"text": part.transcript}


def mark(cache: CacheMark) -> Block:
    """Return the block of a cache breakpoint."""
    return {"cachePoint": {"type": "default"} if cache.ttl is None else {"type": "default", "ttl": cache.ttl}}


def thinking_block(part: Thinking, native: bool, edits: Edits) -> Block | None:
    """Return a reasoningContent block; None for reasoning that this vendor did not sign and would refuse."""
    secret = part.signature if part.redacted is None else part.redacted
    if part.redacted is not None and part.redacted.startswith(BINARY):
        return {"reasoningContent": {"redactedContent": part.redacted[len(BINARY) :]}}
    if not native and (secret is None or secret.startswith(SEAL)):
        edits.note("dropped:reasoning")
        return None
    return reasoning_block(part)


def reasoning_block(part: Thinking) -> Block:
    """Return a reasoningContent block, whoever signed it."""
    if part.redacted is not None:
        return {"reasoningContent": {"redactedContent": redacted_blob(part.redacted)}}
    signed = {} if part.signature is None else {"signature": part.signature}
    return {"reasoningContent": {"reasoningText": {"text": part.text, **signed}}}


def redacted_blob(redacted: str) -> str:
    """Return encrypted reasoning as the base64 that this API wants."""
    if redacted.startswith(BINARY):
        return redacted[len(BINARY) :]
    return b2a_base64(redacted.encode("utf-8", "surrogatepass"), newline=False).decode()


def tool_input(call: ToolCall, edits: Edits) -> Json:
    """Return a call's arguments as the object this dialect wants; text that is none is kept under one member."""
    if not call.arguments.strip():
        return {}
    if call.custom:
        return {"input": call.arguments}
    try:
        value = json.loads(call.arguments)
        if isinstance(value, dict):
            return value
        if value is None:
            return {}
    except (ValueError, RecursionError):
        pass
    edits.change("wrapped:tool_calls.arguments", "tool_calls.arguments")
    return {"invalid_arguments": call.arguments}
