"""Reads messages into canonical ones.

Rules: calls without an id get one from their place, and a tool's answer without one belongs to the first unanswered
call of its `tool_name`, else to the first unanswered call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import cast

from sluice.dialects.ollama_chat.ids import given_id
from sluice.errors import BadRequest
from sluice.types.chat import Image, Json, Message, Part, Role, Text, Thinking, ToolCall, ToolResult

_ROLES = ("system", "user", "assistant", "tool", "developer")
_KNOWN = ("role", "content", "thinking", "images", "tool_calls")
_RESULT = (*_KNOWN, "tool_call_id")
_CALL = ("id", "function")
_FUNCTION = ("name", "arguments")
_MAGIC = (("iVBOR", "image/png"), ("/9j/", "image/jpeg"), ("R0lG", "image/gif"), ("UklG", "image/webp"))


class Conversation:
    """Reads the messages of one request in order, and remembers which calls wait for an answer."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, str]] = []

    def read(self, raw: Mapping[str, Json], position: int) -> Message:
        """Return the message at `position`. Raises BadRequest for a role that no other dialect has."""
        role = raw["role"]
        if role not in _ROLES:
            raise BadRequest(
                f"messages[{position}].role is {str(role)[:32]!r}; use one of {', '.join(_ROLES[:4])}.",
                param=f"messages[{position}].role",
            )
        if role == "tool":
            return Message("tool", (self._result(raw),))
        parts = tuple(read_parts(raw, f"messages[{position}]"))
        self._waiting += [(part.name, part.id) for part in parts if isinstance(part, ToolCall)]
        extras = {name: value for name, value in raw.items() if name not in _KNOWN}
        return Message(cast(Role, role), parts, extras=extras)

    def _result(self, raw: Mapping[str, Json]) -> ToolResult:
        identity, name = raw.get("tool_call_id"), raw.get("tool_name")
        call_id = self._answered(identity if isinstance(identity, str) else "", name if isinstance(name, str) else "")
        extras = {key: value for key, value in raw.items() if key not in _RESULT}
        return ToolResult(call_id, tuple(read_parts(raw, "")), extras=extras)

    def _answered(self, identity: str, name: str) -> str:
        for place, (waiting, call_id) in enumerate(self._waiting):
            if (identity and call_id == identity) or (not identity and name in ("", waiting)):
                del self._waiting[place]
                return call_id
        return identity or given_id("", -1, name, "")


def read_parts(message: Mapping[str, Json], seed: str, place: int = 0) -> Iterator[Part]:
    """Yield the parts of a message: thinking, text, pictures, calls.

    `seed`, and `place`, the number of calls that came before, are for the ids of calls without one.
    """
    thought, content, images, calls = (message.get(name) for name in ("thinking", "content", "images", "tool_calls"))
    if isinstance(thought, str) and thought:
        yield Thinking(thought)
    if isinstance(content, str) and content:
        yield Text(content)
    for data in images if isinstance(images, list) else ():
        if isinstance(data, str):
            yield Image(data=data, media_type=_sniffed(data))
    made = [call for call in calls if isinstance(call, Mapping)] if isinstance(calls, list) else []
    for number, call in enumerate(made, place):
        yield read_call(call, seed, number)


def read_call(raw: Mapping[str, Json], seed: str, place: int) -> ToolCall:
    """Return one tool call."""
    function = raw.get("function")
    said: Mapping[str, Json] = function if isinstance(function, Mapping) else {}
    name, arguments, identity = str(said.get("name") or ""), _json_text(said.get("arguments")), raw.get("id")
    extras: dict[str, Json] = {key: value for key, value in raw.items() if key not in _CALL}
    if more := {key: value for key, value in said.items() if key not in _FUNCTION}:
        extras["function"] = more
    call_id = identity if isinstance(identity, str) and identity else given_id(seed, place, name, arguments)
    return ToolCall(call_id, name, arguments, extras=extras)


def _json_text(arguments: Json) -> str:
    if isinstance(arguments, str):
        return arguments  # some hosts and callers send text, as in Chat Completions
    return json.dumps({} if arguments is None else arguments, ensure_ascii=False, separators=(",", ":"))


def _sniffed(data: str) -> str:
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), "image/png")
