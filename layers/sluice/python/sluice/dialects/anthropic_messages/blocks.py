"""Content blocks of the Messages dialect, read into canonical parts.

Rules: a block that holds what has no canonical form keeps it in the part's `extras`, and a block of an unknown type
becomes an `Opaque` part, so that nothing is lost when the same dialect writes it back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from sluice.dialects.anthropic_messages.names import NAME, UNSIGNED
from sluice.types.chat import CacheMark, Document, Image, Json, Opaque, Part, Text, Thinking, ToolCall, ToolResult

Block = Mapping[str, Json]


def parts_of(content: Json) -> tuple[Part, ...]:
    """Return the parts of a `content` member: a string, or a list of blocks; anything else holds none."""
    if isinstance(content, str):
        return (Text(content),) if content else ()
    if not isinstance(content, list):
        return ()
    return tuple(part_of(block) for block in content if isinstance(block, dict))


def part_of(block: Block) -> Part:
    """Return the part of one block."""
    reader = _READERS.get(str(block.get("type")))
    part = reader(block) if reader is not None else None
    return Opaque(NAME, block) if part is None else part


def cache_mark(value: Json) -> CacheMark | None:
    """Return the mark of a `cache_control` member."""
    if not isinstance(value, dict):
        return None
    ttl = value.get("ttl")
    return CacheMark(ttl if isinstance(ttl, str) else None)


def json_text(value: Json) -> str:
    """Return the JSON text of a tool's input."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def left_over(block: Block, *known: str) -> dict[str, Json]:
    """Return the members of `block` that are not among the `known` ones and hold something."""
    return {name: value for name, value in block.items() if name not in known and value is not None}


def _text(block: Block) -> Part | None:
    text = block.get("text")
    if not isinstance(text, str):
        return None
    citations = block.get("citations")
    return Text(text, cache_mark(block.get("cache_control")), tuple(citations) if isinstance(citations, list) else ())


def _image(block: Block) -> Part | None:
    source = block.get("source")
    if not isinstance(source, dict):
        return None
    cache = cache_mark(block.get("cache_control"))
    extras = left_over(block, "type", "source", "cache_control")
    data, url, file_id = _texts(source, "data", "url", "file_id")
    match source.get("type"):
        case "base64" if data is not None:
            return Image(data=data, media_type=_texts(source, "media_type")[0], cache=cache, extras=extras)
        case "url" if url is not None:
            return Image(url=url, cache=cache, extras=extras)
        case "file" if file_id is not None:
            return Image(file_id=file_id, cache=cache, extras=extras)
    return None


def _document(block: Block) -> Part | None:
    source = block.get("source")
    if not isinstance(source, dict):
        return None
    name, context = _texts(block, "title", "context")
    citations = block.get("citations")
    cited = isinstance(citations, dict) and citations.get("enabled") is True
    cache = cache_mark(block.get("cache_control"))
    extras = left_over(block, "type", "source", "title", "context", "citations", "cache_control")
    media_type, data, url, file_id = _texts(source, "media_type", "data", "url", "file_id")
    text: str | None = None
    match source.get("type"):
        case "base64" if data is not None:
            url = file_id = None
        case "text" if data is not None:
            text, data, url, file_id = data, None, None, None
        case "url" if url is not None:
            data = file_id = None
        case "file" if file_id is not None:
            data = url = None
        case "content":
            text, data, url, file_id, media_type = plain_text(source.get("content")), None, None, None, None
            extras["source"] = source
        case _:
            return None
    return Document(data, media_type, text, url, file_id, name, context, cited, cache, extras)


def _search_result(block: Block) -> Part | None:
    """Read a search result as a text document; `extras` keep the block itself."""
    if not isinstance(block.get("content"), list):
        return None
    title, source = _texts(block, "title", "source")
    citations = block.get("citations")
    cited = isinstance(citations, dict) and citations.get("enabled") is True
    return Document(
        text=plain_text(block["content"]),
        name=title,
        context=source,
        citations=cited,
        cache=cache_mark(block.get("cache_control")),
        extras={"search_result": block},
    )


def _tool_use(block: Block) -> Part | None:
    identity, name = _texts(block, "id", "name")
    if identity is None or name is None:
        return None
    return ToolCall(
        id=identity,
        name=name,
        arguments=json_text(block.get("input") if block.get("input") is not None else {}),
        cache=cache_mark(block.get("cache_control")),
        extras=left_over(block, "type", "id", "name", "input", "cache_control"),
    )


def _tool_result(block: Block) -> Part | None:
    call = block.get("tool_use_id")
    if not isinstance(call, str):
        return None
    return ToolResult(
        call_id=call,
        parts=parts_of(block.get("content")),
        is_error=block.get("is_error") is True,
        cache=cache_mark(block.get("cache_control")),
        extras=left_over(block, "type", "tool_use_id", "content", "is_error", "cache_control"),
    )


def _thinking(block: Block) -> Part | None:
    text, signature = _texts(block, "thinking", "signature")
    return Thinking(text=text or "", signature=None if signature in ("", UNSIGNED) else signature)


def _redacted_thinking(block: Block) -> Part | None:
    data = block.get("data")
    return Thinking(redacted=data) if isinstance(data, str) else None


def plain_text(content: Json) -> str:
    """Return the text of a string or of the text blocks of a list."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (block.get("text") for block in content if isinstance(block, dict))
    return "\n".join(text for text in texts if isinstance(text, str))


def _texts(block: Block, *names: str) -> list[str | None]:
    values = (block.get(name) for name in names)
    return [value if isinstance(value, str) else None for value in values]


_READERS: Mapping[str, Callable[[Block], Part | None]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "search_result": _search_result,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
    "thinking": _thinking,
    "redacted_thinking": _redacted_thinking,
}
