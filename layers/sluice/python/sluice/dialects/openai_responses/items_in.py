"""Reads items - input items of a request, output items of an answer - into canonical parts and messages.

Rules: what the assistant did in one go (reasoning, messages, calls, server tools) is one assistant message, because
other dialects want it so; how its message items were cut, and their ids, stay in `extras["items"]` as layouts. A
tool's output is a message of its own. An item of an unknown type is `Opaque`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from sluice.dialects.openai_responses.content import read_content
from sluice.dialects.openai_responses.names import NAME
from sluice.dialects.openai_responses.reasoning import read_reasoning
from sluice.errors import BadRequest
from sluice.types.chat import Json, Message, Opaque, Part, Role, ToolCall, ToolResult

Item = Mapping[str, Json]
Layout = dict[str, Json]

LAYOUT = "items"
OUTPUTS = ("function_call_output", "custom_tool_call_output")
_ROLES = ("user", "system", "developer", "assistant")


def read_messages(items: list[Json]) -> tuple[Message, ...]:
    """Return the messages of a request's input items. Raises BadRequest."""
    messages: list[Message] = []
    turn: list[Part] = []
    layouts: list[Layout] = []
    for position, item in enumerate(items):
        if not isinstance(item, Mapping):
            continue
        param = f"input[{position}]"
        role = str(item.get("role")) if is_message(item) else None
        if role == "assistant" or (role is None and item.get("type") not in OUTPUTS):
            _add(item, turn, layouts, param, caller=True)
            continue
        _end_turn(messages, turn, layouts)
        if role is None:
            messages.append(Message("tool", (_result(item, param),)))
        else:
            messages.append(_message(item, role, param))
    _end_turn(messages, turn, layouts)
    return tuple(messages)


def read_output(items: list[Json]) -> tuple[tuple[Part, ...], list[Layout]]:
    """Return the parts of an answer's output items, and the layouts of its message items."""
    parts: list[Part] = []
    layouts: list[Layout] = []
    for position, item in enumerate(items):
        if isinstance(item, Mapping):
            _add(item, parts, layouts, f"output[{position}]", caller=False)
    return tuple(parts), layouts


def is_message(item: Item) -> bool:
    """Return whether an item is a message; a type may be missing where there is a role."""
    return item.get("type") == "message" or (item.get("type") is None and "role" in item)


def left_over(item: Item, *known: str) -> dict[str, Json]:
    """Return the members of `item` that are not among the `known` ones and hold something."""
    return {name: value for name, value in item.items() if name not in known and value is not None}


def read_call(item: Item) -> ToolCall:
    """Return the call of a function_call or custom_tool_call item."""
    custom = item.get("type") == "custom_tool_call"
    arguments = item.get("input" if custom else "arguments")
    text = arguments if isinstance(arguments, str) else "" if arguments is None else json_text(arguments)
    call_id = item.get("call_id") or item.get("id")
    return ToolCall(
        id=str(call_id or ""),
        name=str(item.get("name") or ""),
        arguments=text,
        custom=custom,
        extras=left_over(item, "type", "call_id", "name", "arguments", "input"),
    )


def json_text(value: Json) -> str:
    """Return compact JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _add(item: Item, parts: list[Part], layouts: list[Layout], param: str, *, caller: bool) -> None:
    """Add an item's parts to the assistant's turn."""
    kind = item.get("type")
    if is_message(item):
        said = read_content(item.get("content"), f"{param}.content")
        layouts.append({"at": len(parts), "parts": len(said), **left_over(item, "type", "role", "content")})
        parts.extend(said)
    elif kind == "reasoning":
        parts.append(read_reasoning(item))
    elif kind in ("function_call", "custom_tool_call") and isinstance(item.get("name"), str):
        call = read_call(item)
        parts.append(_as_function(call) if caller and call.custom else call)
    else:
        parts.append(Opaque(NAME, dict(item)))


def _as_function(call: ToolCall) -> ToolCall:
    """Return a call of a free-text tool as the call of the function that stands for the tool elsewhere."""
    extras = {**call.extras, "type": "custom_tool_call"}
    return ToolCall(call.id, call.name, json_text({"input": call.arguments}), extras=extras)


def _end_turn(messages: list[Message], turn: list[Part], layouts: list[Layout]) -> None:
    if turn or layouts:
        told = len(layouts) > 1 or any(len(layout) > 2 or not layout["parts"] for layout in layouts)
        messages.append(Message("assistant", tuple(turn), extras={LAYOUT: tuple(layouts)} if told else {}))
    turn.clear()
    layouts.clear()


def _message(item: Item, role: str, param: str) -> Message:
    if role not in _ROLES:
        raise BadRequest(
            f"{param}.role must be 'user', 'assistant', 'system' or 'developer', not {role[:32]!r}.",
            param=f"{param}.role",
        )
    parts = read_content(item.get("content"), f"{param}.content")
    return Message(cast(Role, role), parts, extras=left_over(item, "type", "role", "content"))


def _result(item: Item, param: str) -> ToolResult:
    extras = left_over(item, "type", "call_id", "output")
    if item.get("type") == "custom_tool_call_output":
        extras["type"] = "custom_tool_call_output"
    return ToolResult(str(item.get("call_id")), read_content(item.get("output"), f"{param}.output"), extras=extras)
