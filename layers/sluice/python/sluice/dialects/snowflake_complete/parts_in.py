"""Reads the items of a `content_list`, those of requests and those of answers."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sluice.dialects.openai_chat.ids import synthetic_id
from sluice.dialects.snowflake_complete.names import NAME
from sluice.types.chat import CacheMark, Image, Json, Opaque, Part, Text, Thinking, ToolCall, ToolResult

OPENAI = "openai"
ANTHROPIC = "anthropic"
"""`Thinking.field`: which vendor's reasoning a part is."""


def read_parts(message: Mapping[str, Json], seed: str = "") -> tuple[Part, ...]:
    """Return the parts of a message. Its `content` counts where the list holds no text (answers say it in both)."""
    items = message.get("content_list")
    parts = [read_part(item, f"{seed}{at}") for at, item in enumerate(items if isinstance(items, list) else ())]
    content = message.get("content")
    if isinstance(content, str) and content and not any(isinstance(part, Text) for part in parts):
        parts.insert(0, Text(content))
    return tuple(part for part in parts if part is not None)


def read_part(item: Json, seed: str) -> Part | None:
    """Return one item as a part, one that is not known as an opaque one; None for what is no object."""
    if not isinstance(item, Mapping):
        return None
    kind = item.get("type")
    if kind == "text" and isinstance(item.get("text"), str):
        return Text(item["text"], cache=_mark(item))
    for name, read in _KINDS.items():
        held = item.get(name)
        if kind in _TYPES[name] and isinstance(held, Mapping):
            return read(item, held, seed)
    return Opaque(NAME, dict(item))


def _image(item: Mapping[str, Json], held: Mapping[str, Json], seed: str) -> Part:  # noqa: ARG001 - one signature
    data, media, detail = held.get("content"), held.get("content_type"), held.get("detail")
    if not isinstance(data, str):
        return Opaque(NAME, dict(item))
    return Image(
        data=data,
        media_type=media if isinstance(media, str) else None,
        detail=detail if isinstance(detail, str) else None,
        cache=_mark(item),
    )


def _call(item: Mapping[str, Json], held: Mapping[str, Json], seed: str) -> Part:
    call_id, given = held.get("tool_use_id"), held.get("input")
    return ToolCall(
        call_id if isinstance(call_id, str) and call_id else synthetic_id(seed),
        str(held.get("name") or ""),
        given if isinstance(given, str) else json.dumps(given or {}, ensure_ascii=False, separators=(",", ":")),
        cache=_mark(item),
    )


def _result(item: Mapping[str, Json], held: Mapping[str, Json], seed: str) -> Part:  # noqa: ARG001 - one signature
    content = held.get("content")
    parts: list[Part] = []
    for part in content if isinstance(content, list) else ():
        if isinstance(part, Mapping) and isinstance(part.get("text"), str):
            parts.append(Text(part["text"]))
        elif isinstance(part, Mapping):
            parts.append(Opaque(NAME, dict(part)))
    kept = {name: value for name, value in held.items() if name not in ("tool_use_id", "content")}
    return ToolResult(
        str(held.get("tool_use_id") or ""),
        tuple(parts),
        is_error=held.get("status") == "error",
        cache=_mark(item),
        extras=kept,
    )


def _thinking(item: Mapping[str, Json], held: Mapping[str, Json], seed: str) -> Part:  # noqa: ARG001 - one signature
    signature = held.get("signature")
    return Thinking(
        str(held.get("thinking") or ""),
        signature=signature if isinstance(signature, str) and signature else None,
        field=ANTHROPIC,
    )


def _reasoning(item: Mapping[str, Json], held: Mapping[str, Json], seed: str) -> Part:  # noqa: ARG001 - one signature
    secret = held.get("encrypted_content")
    return Thinking(
        str(held.get("summary") or ""), redacted=secret if isinstance(secret, str) and secret else None, field=OPENAI
    )


_KINDS = {
    "details": _image,
    "tool_use": _call,
    "tool_results": _result,
    "thinking": _thinking,
    "reasoning": _reasoning,
}
"""Member that holds an item -> its reader."""
_TYPES: dict[str, tuple[Json, ...]] = {
    "details": ("image",),
    "tool_use": ("tool_use",),
    "tool_results": ("tool_results", "tool_result"),  # the vendor's document names both
    "thinking": ("anthropic", None),
    "reasoning": ("openai", None),
}


def _mark(item: Mapping[str, Json]) -> CacheMark | None:
    held = item.get("cache_control")
    return CacheMark() if isinstance(held, Mapping) and held.get("type") == "ephemeral" else None
