"""Tools as Chat Completions writes them (`{"type": "function", "function": {...}}`), for the formats that took that
over whole."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.types.chat import Json, Opaque, Tool

_KNOWN = frozenset({"name", "description", "parameters"})


def read_function(raw: Mapping[str, Json], dialect: str, strict: bool | None = None) -> Tool:
    """Return a caller's tool; one that is no function is kept for models of the same dialect."""
    function = raw.get("function")
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        return Tool(str(raw.get("type") or "tool"), opaque=Opaque(dialect, dict(raw)))
    description, parameters = function.get("description"), function.get("parameters")
    extras: dict[str, Json] = {name: value for name, value in raw.items() if name not in ("type", "function")}
    if more := {name: value for name, value in function.items() if name not in _KNOWN}:
        extras["function"] = more
    return Tool(
        str(function["name"]),
        description=description if isinstance(description, str) else None,
        parameters=parameters if isinstance(parameters, Mapping) else None,
        strict=strict,
        extras=extras,
    )


def write_function(tool: Tool, native: bool) -> dict[str, Json]:
    """Return a tool as Chat Completions writes functions; without parameters it takes an empty object."""
    extras = dict(tool.extras) if native else {}
    more = extras.pop("function", None)
    function: dict[str, Json] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    elif not native:
        function["parameters"] = {"type": "object", "properties": {}}
    return {"type": "function", "function": {**function, **(more if isinstance(more, Mapping) else {})}, **extras}
