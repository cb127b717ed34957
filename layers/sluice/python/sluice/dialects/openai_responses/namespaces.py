"""Tools that are grouped under a namespace, for models of other dialects, which know single functions only.

Each function of a namespace is offered under its qualified name; a call of it goes back to the caller with the name and
the `namespace` apart, as the caller's tools have them (OpenAI API reference, Responses, "namespace" tools, 2026-11).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace

from sluice.dialects.openai_responses.names import NAME
from sluice.types.chat import ChatRequest, Json, Message, Tool, ToolCall

NAME_LIMIT = 64
"""Characters of a function's name that every vendor takes."""
_NAMESPACE = "namespace"
_CUSTOM = "custom"


def qualified(namespace: str, name: str) -> str:
    """Return the name under which one function of a namespace is offered; at most `NAME_LIMIT` characters."""
    whole = f"{namespace}__{name}"
    if len(whole) <= NAME_LIMIT:
        return whole
    return f"{whole[: NAME_LIMIT - 9]}_{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def homes(request: ChatRequest) -> dict[str, tuple[str, str]]:
    """Return qualified name -> (namespace, name) of a request's grouped tools."""
    return {qualified(space, name): (space, name) for space, name, _ in _grouped(request.tools)}


def custom_names(request: ChatRequest) -> Iterator[str]:
    """Yield the qualified names of the free-text tools among them."""
    return (qualified(space, name) for space, name, raw in _grouped(request.tools) if raw.get("type") == _CUSTOM)


def portable(request: ChatRequest) -> ChatRequest:
    """Return a request whose grouped tools, and the earlier calls of them, stand under their qualified names."""
    if not any(_group(tool) for tool in request.tools):
        return request
    from sluice.dialects.openai_responses.tools import read_tool

    tools: list[Tool] = []
    for tool in request.tools:
        if _group(tool):
            tools += [replace(read_tool(raw), name=qualified(space, name)) for space, name, raw in _grouped((tool,))]
        else:
            tools.append(tool)
    return replace(request, tools=tuple(tools), messages=tuple(_renamed(message) for message in request.messages))


def _renamed(message: Message) -> Message:
    if not any(isinstance(part, ToolCall) and _NAMESPACE in part.extras for part in message.parts):
        return message
    parts = tuple(
        replace(part, name=qualified(str(part.extras[_NAMESPACE]), part.name))
        if isinstance(part, ToolCall) and _NAMESPACE in part.extras
        else part
        for part in message.parts
    )
    return replace(message, parts=parts)


def _group(tool: Tool) -> Mapping[str, Json] | None:
    """Return the definition of a namespace, None for any other tool."""
    opaque = tool.opaque
    own = opaque is not None and opaque.dialect == NAME and opaque.payload.get("type") == _NAMESPACE
    return opaque.payload if own and opaque is not None else None


def _grouped(tools: tuple[Tool, ...]) -> Iterator[tuple[str, str, dict[str, Json]]]:
    """Yield (namespace, name, definition) of every function and free-text tool in a namespace."""
    for tool in tools:
        group = _group(tool)
        inner = group.get("tools") if group is not None else None
        for raw in inner if isinstance(inner, list) else ():
            if isinstance(raw, Mapping) and raw.get("type") in ("function", _CUSTOM) and raw.get("name"):
                yield tool.name, str(raw["name"]), dict(raw)
