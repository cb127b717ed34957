"""Tools and the choice between them, read and written.

A function's members stand beside its type. A free-text ("custom") tool is read as a function with one text argument,
which is what another dialect gets to see; this one gets it back as it was. A tool the vendor runs itself is `Opaque`.
`allowed_tools` is read as the tools it allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NoReturn

from sluice.dialects.base import JsonObject
from sluice.dialects.edits import Edits
from sluice.dialects.openai_responses import namespaces
from sluice.dialects.openai_responses.content import Block
from sluice.dialects.openai_responses.items_in import left_over
from sluice.dialects.openai_responses.names import NAME
from sluice.types.chat import ChatRequest, Json, Opaque, Tool, ToolChoice

_CHAT = "openai_chat"
_CUSTOM = "custom"
_FUNCTION = ("type", "name", "description", "parameters", "strict")


def read_tools(body: JsonObject) -> tuple[Tool, ...]:
    """Return the tools of a request, those that `tool_choice` allows."""
    tools = body.get("tools")
    found = [dict(tool) for tool in tools if isinstance(tool, Mapping)] if isinstance(tools, list) else []
    allowed = _allowed(body.get("tool_choice"))
    return tuple(read_tool(tool) for tool in found if allowed is None or _named(tool) in allowed)


def read_tool(raw: Block) -> Tool:
    """Return one tool."""
    kind, name, description = raw.get("type"), raw.get("name"), raw.get("description")
    said = description if isinstance(description, str) else None
    if kind == "function":
        parameters, strict = raw.get("parameters"), raw.get("strict")
        return Tool(
            str(name),
            said,
            dict(parameters) if isinstance(parameters, Mapping) else None,
            strict if isinstance(strict, bool) else None,
            extras=left_over(raw, *_FUNCTION),
        )
    if kind == _CUSTOM:
        extras = left_over(raw, "name", "description")
        return Tool(str(name), said, _text_schema(raw.get("format")), extras=extras)
    label = raw.get("server_label") or name or kind
    return Tool(str(label), opaque=Opaque(NAME, raw))


def _text_schema(shape: Json) -> Block:
    """Return the parameters of the function that stands for a free-text tool."""
    hint = "The tool's input, as plain text."
    if isinstance(shape, Mapping) and shape.get("type") == "grammar":
        hint += f" It must follow this {shape.get('syntax', '')} grammar:\n{shape.get('definition', '')}"
    text: Block = {"type": "string", "description": hint}
    return {"type": "object", "properties": {"input": text}, "required": ["input"], "additionalProperties": False}


def custom_names(request: ChatRequest) -> frozenset[str]:
    """Return the names of a request's free-text tools, as models of other dialects know them."""
    return frozenset(
        (
            *(tool.name for tool in request.tools if tool.extras.get("type") == _CUSTOM),
            *namespaces.custom_names(request),
        )
    )


def read_choice(body: JsonObject) -> ToolChoice | None:
    """Return the choice between tools, and whether several may be called at once."""
    flag = body.get("parallel_tool_calls")
    parallel = flag if isinstance(flag, bool) else None
    choice = body.get("tool_choice")
    if isinstance(choice, Mapping) and choice.get("type") == "allowed_tools":
        choice = choice.get("mode") or "auto"
    if isinstance(choice, Mapping):
        function = choice.get("function")  # the form of Chat Completions
        name = choice.get("name") or (function.get("name") if isinstance(function, Mapping) else None)
        if choice.get("type") in ("function", _CUSTOM) and isinstance(name, str):
            return ToolChoice("named", name, parallel)
        return ToolChoice(parallel=parallel, opaque=Opaque(NAME, dict(choice)))
    if choice in ("required", "any"):
        return ToolChoice("required", parallel=parallel)
    if choice in ("auto", "none"):
        return ToolChoice("none" if choice == "none" else "auto", parallel=parallel)
    return None if parallel is None else ToolChoice(parallel=parallel)


def _allowed(choice: Json) -> frozenset[tuple[str, str]] | None:
    if not isinstance(choice, Mapping) or choice.get("type") != "allowed_tools":
        return None
    tools = choice.get("tools")
    return frozenset(_named(tool) for tool in tools if isinstance(tool, Mapping)) if isinstance(tools, list) else None


def _named(tool: Mapping[str, Json]) -> tuple[str, str]:
    function = tool.get("function")
    held = function if isinstance(function, Mapping) else tool
    return str(tool.get("type")), str(held.get("name") or held.get("server_label") or "")


def write_tools(tools: Iterable[Tool], native: bool, quirks: JsonObject, edits: Edits) -> list[Json]:
    """Return the wire tools. Raises UnsupportedParameter for a tool that only another vendor can run."""
    return [_write(tool, native, quirks, edits) for tool in tools]


def _write(tool: Tool, native: bool, quirks: JsonObject, edits: Edits) -> Block:
    if tool.cache is not None:
        edits.note("dropped:cache_control")
    if tool.opaque is not None:
        return _write_opaque(tool, tool.opaque, edits)
    named: Block = {"name": tool.name}
    if tool.description is not None:
        named["description"] = tool.description
    if native and tool.extras.get("type") == _CUSTOM:
        return {**named, **tool.extras}
    written: Block = {"type": "function", **named}
    # The API demands both members; without `strict` it would hold the schema to its strict rules.
    written["parameters"] = tool.parameters if tool.parameters is not None or native else _EMPTY
    if tool.strict is not None or not native:
        written["strict"] = tool.strict is True
    if quirks.get("strict_tools") is False:
        written.pop("strict", None)
    return {**written, **tool.extras} if native else written


_EMPTY: Block = {"type": "object", "properties": {}}


def _write_opaque(tool: Tool, opaque: Opaque, edits: Edits) -> Block:
    if opaque.dialect == NAME:
        return dict(opaque.payload)
    custom = opaque.payload.get(_CUSTOM)
    if opaque.dialect != _CHAT or not isinstance(custom, Mapping):
        _refuse_tool(tool, edits)
    return {"type": _CUSTOM, **{name: _flat_format(value) for name, value in custom.items()}}


def _refuse_tool(tool: Tool, edits: Edits) -> NoReturn:
    edits.refuse(
        "tools",
        f"'{tool.name[:64]}' is a tool that another vendor runs on its own servers; this model cannot run it. "
        "Leave it out, or choose a model of that vendor.",
    )


def _flat_format(value: Json) -> Json:
    """Return a custom tool's format, whose grammar Chat Completions puts one level deeper."""
    grammar = value.get("grammar") if isinstance(value, Mapping) else None
    return {"type": "grammar", **grammar} if isinstance(grammar, Mapping) else value


def write_choice(choice: ToolChoice, tools: Iterable[Tool], quirks: JsonObject, edits: Edits) -> Json:
    """Return the wire's `tool_choice`, None when nothing was chosen."""
    if choice.opaque is not None:
        if choice.opaque.dialect == NAME:
            return dict(choice.opaque.payload)
        edits.refuse("tool_choice", "This model cannot be told to choose tools in this way.")
    if choice.mode == "required":
        return quirks.get("tool_choice_required") or "required"
    if choice.mode == "named":
        tool = next((tool for tool in tools if tool.name == choice.name), None)
        return {"type": _CUSTOM if tool is not None and _is_custom(tool) else "function", "name": choice.name}
    return choice.mode


def _is_custom(tool: Tool) -> bool:
    return tool.extras.get("type") == _CUSTOM or (
        tool.opaque is not None and tool.opaque.payload.get("type") == _CUSTOM
    )
