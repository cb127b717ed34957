"""Canonical parts, written as content blocks of the Messages dialect.

Rules: `native` parts came from this dialect and get back what their `extras` kept. A part of another dialect that
cannot be said here is dropped and reported where the answer stays useful without it (earlier reasoning), and refused
where it does not (sound, another vendor's file id).
"""

from __future__ import annotations

import json
import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from zlib import crc32

from sluice.dialects.anthropic_messages.names import NAME, SEAL
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

_BAD_IN_ID = re.compile(r"[^a-zA-Z0-9_-]")
_MAGIC = (("iVBOR", "image/png"), ("/9j/", "image/jpeg"), ("R0lG", "image/gif"), ("UklG", "image/webp"))


def write_part(part: Part, native: bool, edits: Edits) -> Block | None:
    """Return the block of a part that is neither a tool's call nor its result; None when it is left out."""
    if isinstance(part, Text):
        return _text(part, native)
    if isinstance(part, Image):
        return _image(part, native, edits)
    if isinstance(part, Document):
        return _document(part, native, edits)
    if isinstance(part, Thinking):
        return _thinking(part, edits)
    if isinstance(part, Refusal):
        return {"type": "text", "text": part.text} if part.text.strip() else None
    if isinstance(part, Opaque):
        if part.dialect == NAME:
            return dict(part.payload)
        edits.drop(f"messages.{part.payload.get('type', 'part')}")
        return None
    if isinstance(part, Audio):
        if part.transcript:
            edits.change("transcribed:messages.audio")
            return {"type": "text", "text": part.transcript}
        edits.refuse("messages", "This model takes no sound; send the text that was spoken instead.")
    return None


def mark(block: Block, cache: CacheMark | None) -> Block:
    """Write a cache breakpoint into a block."""
    if cache is not None:
        block["cache_control"] = {"type": "ephemeral"} if cache.ttl is None else {"type": "ephemeral", "ttl": cache.ttl}
    return block


def is_plain(block: Block) -> bool:
    """Return whether a block says no more than a string would."""
    return block.keys() == {"type", "text"} and block["type"] == "text" and block["text"] != ""


def write_call(call: ToolCall, wire_id: str, native: bool, edits: Edits) -> Block:
    """Return a tool_use block under the id `wire_id`."""
    block: Block = {"type": "tool_use", "id": wire_id, "name": call.name, "input": tool_input(call, edits)}
    if native:
        block.update(call.extras)
    return mark(block, call.cache)


def write_result(result: ToolResult, wire_id: str, native: bool, edits: Edits) -> Block:
    """Return a tool_result block; a single text stands as a string."""
    parts = [_result_part(part, native, edits) for part in result.parts]
    blocks = [block for block in parts if block is not None]
    written: Block = {"type": "tool_result", "tool_use_id": wire_id}
    if len(blocks) == 1 and is_plain(blocks[0]):
        written["content"] = blocks[0]["text"]
    elif blocks:
        written["content"] = blocks
    if result.is_error:
        written["is_error"] = True
    if native:
        written.update(result.extras)
    return mark(written, result.cache)


def _result_part(part: Part, native: bool, edits: Edits) -> Block | None:
    return None if isinstance(part, ToolCall | ToolResult) else write_part(part, native, edits)


def tool_input(call: ToolCall, edits: Edits) -> Json:
    """Return a call's arguments as the object this dialect wants; text that is none is kept under one member."""
    if not call.arguments.strip():
        return {}
    if call.custom:
        return {"input": call.arguments}
    try:
        value = json.loads(call.arguments, parse_constant=_refuse_constant)
        if isinstance(value, dict):
            return value
        if value is None:
            return {}
    except (ValueError, RecursionError):
        pass
    edits.change("wrapped:tool_calls.arguments")
    return {"invalid_arguments": call.arguments}


def clean_id(identity: str) -> str:
    """Return a tool call's id in the letters the vendor allows; the same id always becomes the same."""
    cleaned = _BAD_IN_ID.sub("_", identity)
    return (
        cleaned
        if cleaned == identity and identity
        else f"{cleaned or 'call'}_{crc32(identity.encode('utf-8', 'surrogatepass')):08x}"
    )


def _text(part: Text, native: bool) -> Block | None:
    if not native and not part.text.strip():
        return None  # the vendor refuses blank text
    block: Block = {"type": "text", "text": part.text}
    if part.citations and native:
        block["citations"] = list(part.citations)
    return mark(block, part.cache)


def _image(part: Image, native: bool, edits: Edits) -> Block:
    source: Block
    if part.data is not None:
        source = {"type": "base64", "media_type": part.media_type or _sniffed(part.data), "data": part.data}
    elif part.url is not None:
        source = {"type": "url", "url": part.url}
    else:
        source = _file(part.file_id, native, edits)
    if part.detail not in (None, "auto"):
        edits.note("dropped:image_url.detail")  # a hint about cost, never refused
    return mark({"type": "image", "source": source, **(part.extras if native else {})}, part.cache)


def _document(part: Document, native: bool, edits: Edits) -> Block | None:
    if native and isinstance(part.extras.get("search_result"), dict):
        return dict(part.extras["search_result"])  # type: ignore[call-overload, no-any-return]
    block: Block = {"type": "document", "source": _document_source(part, native, edits)}
    if part.name is not None:
        block["title"] = part.name
    if part.context is not None:
        block["context"] = part.context
    if part.citations:
        block["citations"] = {"enabled": True}
    if native:
        block.update(part.extras)
    return mark(block, part.cache)


def _document_source(part: Document, native: bool, edits: Edits) -> Block:
    if part.text is not None:
        return {"type": "text", "media_type": part.media_type or "text/plain", "data": part.text}
    if part.data is not None:
        kind = part.media_type or "application/pdf"
        if native or kind == "application/pdf":
            return {"type": "base64", "media_type": kind, "data": part.data}
        if kind.startswith("text/") or kind == "application/json":
            return {"type": "text", "media_type": "text/plain", "data": _plain(part.data, edits)}
        edits.refuse("messages", f"This model reads PDF and plain text, not {kind[:64]}; convert the document.")
    if part.url is not None:
        return {"type": "url", "url": part.url}
    return _file(part.file_id, native, edits)


def _plain(data: str, edits: Edits) -> str:
    try:
        return a2b_base64(data).decode()
    except (Base64Error, ValueError):
        edits.refuse("messages", "A text document is not base64 of UTF-8 text; encode it so.")


def _file(file_id: str | None, native: bool, edits: Edits) -> Block:
    if file_id is None or not native:
        edits.refuse(
            "messages", "A file id is known to one vendor only; send the file's content (base64) or a URL instead."
        )
    return {"type": "file", "file_id": file_id}


def _thinking(part: Thinking, edits: Edits) -> Block | None:
    secret = part.signature if part.redacted is None else part.redacted
    if secret is None or secret.startswith(SEAL):
        # The vendor refuses thinking that it did not sign itself.
        edits.note("dropped:reasoning")
        return None
    if part.redacted is not None:
        return {"type": "redacted_thinking", "data": part.redacted}
    return {"type": "thinking", "thinking": part.text, "signature": part.signature}


def _sniffed(data: str) -> str:
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), "image/png")


def _refuse_constant(word: str) -> Json:
    raise ValueError(word)
