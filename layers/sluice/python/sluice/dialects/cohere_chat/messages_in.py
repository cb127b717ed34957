"""Reads messages into canonical ones.

Rules: `tool_plan` is thinking that stands right before the calls; the result of a tool is text to other dialects, while
its documents are kept for this one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from sluice.dialects.cohere_chat.names import PLAN
from sluice.dialects.cohere_chat.parts_in import fields_text, json_text, read_content
from sluice.types.chat import Json, Message, Part, Role, Text, Thinking, ToolCall, ToolResult

_KNOWN = {"assistant": ("role", "content", PLAN, "tool_calls"), "tool": ("role", "content", "tool_call_id")}
_OTHERS = ("role", "content")
_CALL = ("id", "type", "function")
_FUNCTION = ("name", "arguments")


def read_message(raw: Mapping[str, Json]) -> Message:
    """Return one message."""
    role = cast(Role, raw["role"])
    extras = {name: value for name, value in raw.items() if name not in _KNOWN.get(role, _OTHERS)}
    if role == "tool":
        return Message(role, (_result(raw),), extras=extras)
    parts = read_parts(raw) if role == "assistant" else read_content(raw.get("content"))
    return Message(role, tuple(parts), extras=extras)


def read_parts(message: Mapping[str, Json]) -> Iterator[Part]:
    """Yield the parts of a message or an answer: content, then the plan, then the calls."""
    yield from read_content(message.get("content"))
    plan = message.get(PLAN)
    if isinstance(plan, str) and plan:
        yield Thinking(plan, field=PLAN)
    calls = message.get("tool_calls")
    made = [call for call in calls if isinstance(call, Mapping)] if isinstance(calls, list) else []
    for place, call in enumerate(made):
        yield read_call(call, place)


def read_call(raw: Mapping[str, Json], place: int) -> ToolCall:
    """Return one tool call; one without an id is called after its place."""
    function = raw.get("function")
    said: Mapping[str, Json] = function if isinstance(function, Mapping) else {}
    identity, arguments = raw.get("id"), said.get("arguments")
    extras: dict[str, Json] = {name: value for name, value in raw.items() if name not in _CALL}
    if more := {name: value for name, value in said.items() if name not in _FUNCTION}:
        extras["function"] = more
    return ToolCall(
        identity if isinstance(identity, str) and identity else f"call_{place}",
        str(said.get("name") or ""),
        arguments if isinstance(arguments, str) else "" if arguments is None else json_text(arguments),
        extras=extras,
    )


def _result(raw: Mapping[str, Json]) -> ToolResult:
    content, identity = raw.get("content"), raw.get("tool_call_id")
    parts: list[Part] = []
    plain = True
    for part in content if isinstance(content, list) else ():
        text = part.get("text")
        if part.get("type") == "text" and isinstance(text, str):
            parts += [Text(text)] if text else []
        else:
            plain = False
            parts.append(Text(_document_text(part)))
    if isinstance(content, str) and content:
        parts.append(Text(content))
    return ToolResult(
        identity if isinstance(identity, str) else "",
        tuple(parts),
        extras={} if plain else {"content": content},
    )


def _document_text(part: Mapping[str, Json]) -> str:
    document = part.get("document")
    data = document.get("data") if isinstance(document, Mapping) else document
    if isinstance(data, Mapping):
        return fields_text(data)
    return data if isinstance(data, str) else json_text(part)
