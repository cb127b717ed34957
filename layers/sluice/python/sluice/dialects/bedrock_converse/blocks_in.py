"""Content blocks of the Converse dialect, read into canonical parts.

Rules: a block that holds what has no canonical form keeps it in the part's `extras`, and a block of an unknown kind
becomes an `Opaque` part, so that nothing is lost when the same dialect writes it back. A `cachePoint` is a mark on the
part before it. Encrypted reasoning is base64 of the text that Anthropic's own API sends as it is.
"""

from __future__ import annotations

import json
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Mapping
from dataclasses import replace

from sluice.dialects.bedrock_converse.names import BINARY, NAME
from sluice.types.chat import (
    Audio,
    CacheMark,
    Document,
    Image,
    Json,
    Opaque,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

Block = Mapping[str, Json]
MEDIA_TYPES = {
    "pdf": "application/pdf",
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "html": "text/html",
    "txt": "text/plain",
    "md": "text/markdown",
}
"""Document format -> media type (AWS API reference, "DocumentBlock", 2026-11)."""
_MARKED = (Text, Image, Document, ToolCall, ToolResult)


def parts_of(content: Json, assistant: bool = False) -> tuple[Part, ...]:
    """Return the parts of a `content` member."""
    return read_content(content, assistant)[0]


def read_content(content: Json, assistant: bool = False) -> tuple[tuple[Part, ...], dict[str, Json]]:
    """Return the parts of a `content` member, and the blocks that guardrails look at by the place of their part.

    A result in an `assistant` turn is one the vendor had by itself.
    """
    parts: list[Part] = []
    guarded: dict[str, Json] = {}
    for block in blocks_of(content):
        mark = cache_mark(block)
        last = parts[-1] if parts else None
        if mark is not None and isinstance(last, _MARKED) and last.cache is None:
            parts[-1] = replace(last, cache=mark)
            continue
        part = part_of(block, assistant)
        if "guardContent" in block and isinstance(part, Text):
            guarded[str(len(parts))] = block
        parts.append(part)
    return tuple(parts), guarded


def blocks_of(content: Json) -> list[Block]:
    """Return the objects of a list."""
    return [block for block in content if isinstance(block, Mapping)] if isinstance(content, list) else []


def part_of(block: Block, assistant: bool = False) -> Part:
    """Return the part of one block."""
    for name, value in block.items():
        reader = _READERS.get(name)
        if reader is None:
            continue
        if block.keys() - {name, "type"} or (assistant and name == "toolResult"):
            break
        part = _text_block(value) if name == "text" else reader(value) if isinstance(value, Mapping) else None
        return Opaque(NAME, block) if part is None else part
    return Opaque(NAME, block)


def cache_mark(block: Block) -> CacheMark | None:
    """Return the mark of a plain `cachePoint` block, None for any other."""
    point = block.get("cachePoint")
    if len(block) != 1 or not isinstance(point, Mapping) or point.get("type") != "default":
        return None
    ttl = point.get("ttl")
    if point.keys() - {"type", "ttl"} or not isinstance(ttl, str | None):
        return None
    return CacheMark(ttl)


def json_text(value: Json) -> str:
    """Return the JSON text of a tool's input."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def left_over(block: Block, *known: str) -> dict[str, Json]:
    """Return the members of `block` that are not among the `known` ones and hold something."""
    return {name: value for name, value in block.items() if name not in known and value is not None}


def plain_texts(content: Json) -> list[str]:
    """Return the texts of a list of text blocks."""
    return [text for block in blocks_of(content) if isinstance(text := block.get("text"), str)]


def redacted_of(secret: str) -> str:
    """Return encrypted reasoning as Anthropic's API would send it; what is no text keeps its base64."""
    try:
        text = a2b_base64(secret).decode("ascii")
    except (Base64Error, ValueError):
        return BINARY + secret
    return text if text and text.isprintable() else BINARY + secret


def _text_block(value: Json) -> Part | None:
    return Text(value) if isinstance(value, str) else None


def _image(image: Block) -> Part | None:
    kind, source = image.get("format"), image.get("source")
    if not isinstance(kind, str) or not isinstance(source, Mapping):
        return None
    extras = left_over(image, "format", "source")
    data, uri = source.get("bytes"), _uri(source)
    if isinstance(data, str) and len(source) == 1:
        return Image(data=data, media_type=f"image/{kind}", extras=extras)
    if uri is not None:
        return Image(url=uri, media_type=f"image/{kind}", extras={**extras, "source": source})
    return None


def _document(document: Block) -> Part | None:
    kind, source, name = document.get("format"), document.get("source"), document.get("name")
    if not isinstance(source, Mapping) or not isinstance(kind, str | None):
        return None
    media_type = None if kind is None else MEDIA_TYPES.get(kind)
    if kind is not None and media_type is None:
        return None
    context, citations = document.get("context"), document.get("citations")
    extras = left_over(document, "format", "source", "name", "context", "citations")
    data, text, uri, content = source.get("bytes"), source.get("text"), _uri(source), source.get("content")
    cited = isinstance(citations, Mapping) and citations.get("enabled") is True
    if isinstance(content, list):
        text = "\n".join(plain_texts(content))
        extras["source"] = source
    elif uri is not None:
        extras["source"] = source
    elif not isinstance(data, str) and not isinstance(text, str):
        return None
    return Document(
        data=data if isinstance(data, str) else None,
        media_type=media_type,
        text=text if isinstance(text, str) and not isinstance(data, str) else None,
        url=uri,
        name=name if isinstance(name, str) else None,
        context=context if isinstance(context, str) else None,
        citations=cited,
        extras=extras,
    )


def _search_result(result: Block) -> Part | None:
    """Read a search result as a text document; `extras` keep the block itself."""
    title, source, citations = result.get("title"), result.get("source"), result.get("citations")
    return Document(
        text="\n".join(plain_texts(result.get("content"))),
        name=title if isinstance(title, str) else None,
        context=source if isinstance(source, str) else None,
        citations=isinstance(citations, Mapping) and citations.get("enabled") is True,
        extras={"searchResult": result},
    )


def _audio(audio: Block) -> Part | None:
    kind, source = audio.get("format"), audio.get("source")
    data = source.get("bytes") if isinstance(source, Mapping) and len(source) == 1 else None
    if not isinstance(kind, str) or not isinstance(data, str) or audio.keys() - {"format", "source"}:
        return None
    return Audio(data=data, format=kind)


def _tool_use(call: Block) -> Part | None:
    identity, name = call.get("toolUseId"), call.get("name")
    if not isinstance(identity, str) or not isinstance(name, str) or call.get("type") == "server_tool_use":
        return None  # the vendor runs those tools itself
    value = call.get("input")
    extras = left_over(call, "toolUseId", "name", "input")
    return ToolCall(identity, name, json_text({} if value is None else value), extras=extras)


def _tool_result(result: Block) -> Part | None:
    call = result.get("toolUseId")
    if not isinstance(call, str):
        return None
    extras = left_over(result, "toolUseId", "content", "status")
    if result.get("status") == "success":
        extras["status"] = "success"
    blocks = blocks_of(result.get("content"))
    if structured := [place for place, block in enumerate(blocks) if block.keys() == {"json"}]:
        extras["json"] = structured
    parts = tuple(_result_part(block) for block in blocks)
    return ToolResult(call, parts, is_error=result.get("status") == "error", extras=extras)


def _result_part(block: Block) -> Part:
    """Return a part of a tool's result; JSON becomes its text."""
    if block.keys() == {"json"}:
        return Text(json_text(block["json"]))
    return part_of(block)


def _reasoning(reasoning: Block) -> Part | None:
    text, secret = reasoning.get("reasoningText"), reasoning.get("redactedContent")
    if isinstance(text, Mapping) and len(reasoning) == 1 and not text.keys() - {"text", "signature"}:
        said, signature = text.get("text"), text.get("signature")
        return Thinking(
            said if isinstance(said, str) else "", signature if isinstance(signature, str) and signature else None
        )
    if isinstance(secret, str) and len(reasoning) == 1:
        return Thinking(redacted=redacted_of(secret))
    return None


def _cited(cited: Block) -> Part | None:
    """Read a cited text; citations without a text of their own belong to this dialect alone."""
    citations, text = cited.get("citations"), "".join(plain_texts(cited.get("content")))
    if not isinstance(citations, list) or not citations or not text or cited.keys() - {"citations", "content"}:
        return None
    return Text(text, citations=tuple(citations))


def _guarded(guarded: Block) -> Part | None:
    """Read a text that guardrails look at; the message keeps its block (`read_content`)."""
    inner = guarded.get("text")
    text = inner.get("text") if isinstance(inner, Mapping) else None
    return Text(text) if isinstance(text, str) else None


def _uri(source: Block) -> str | None:
    location = source.get("s3Location")
    uri = location.get("uri") if isinstance(location, Mapping) else None
    return uri if isinstance(uri, str) else None


_READERS: Mapping[str, Callable[[Block], Part | None]] = {
    "text": lambda _: None,
    "image": _image,
    "document": _document,
    "searchResult": _search_result,
    "audio": _audio,
    "toolUse": _tool_use,
    "toolResult": _tool_result,
    "reasoningContent": _reasoning,
    "citationsContent": _cited,
    "guardContent": _guarded,
}
