"""Reads a request into its canonical form.

Guardrails and tools that Snowflake itself runs are `bound` to it: elsewhere nobody would do what they ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast, get_args

from sluice.dialects.base import JsonObject
from sluice.dialects.snowflake_complete.names import NAME
from sluice.dialects.snowflake_complete.outline import outline
from sluice.dialects.snowflake_complete.parts_in import read_parts
from sluice.types.chat import (
    CacheMark,
    ChatRequest,
    Effort,
    Json,
    Message,
    Opaque,
    OutputFormat,
    Reasoning,
    Role,
    Tool,
    ToolChoice,
)

_EFFORTS = frozenset(get_args(Effort))
_KNOWN = frozenset(
    {
        "model", "messages", "tools", "tool_choice", "stream", "response_format", "max_tokens", "max_output_tokens",
        "temperature", "top_p", "anthropic", "openai",
    }
)  # fmt: skip
_MESSAGE = frozenset({"role", "content", "content_list"})


def decode_request(body: JsonObject) -> ChatRequest:
    """Return the canonical request; see `ChatDialect.decode_request`."""
    sketch = outline(body, 0)
    extras: dict[str, Json] = {name: value for name, value in body.items() if name not in _KNOWN}
    tools = body.get("tools")
    return ChatRequest(
        model=sketch.model,
        messages=tuple(_message(raw) for raw in cast("list[Mapping[str, Json]]", body["messages"])),
        tools=tuple(_tool(raw) for raw in tools) if isinstance(tools, list) else (),
        tool_choice=_tool_choice(body.get("tool_choice")),
        output_format=_output_format(body.get("response_format"), extras),
        reasoning=_reasoning(body, extras),
        max_tokens=sketch.max_output,
        temperature=_number(body.get("temperature")),
        top_p=_number(body.get("top_p")),
        stream=sketch.stream,
        include_usage=True,
        dialect=NAME,
        extras=extras,
        bound=_bound(body),
    )


def _message(raw: Mapping[str, Json]) -> Message:
    role = cast(Role, raw.get("role", "user"))
    return Message(role, read_parts(raw), extras={name: value for name, value in raw.items() if name not in _MESSAGE})


def _tool(raw: Mapping[str, Json]) -> Tool:
    spec = cast("Mapping[str, Json]", raw["tool_spec"])
    mark = raw.get("cache_control")
    name = str(spec["name"])
    if spec.get("type", "generic") != "generic":
        return Tool(name, opaque=Opaque(NAME, dict(raw)))
    description, schema = spec.get("description"), spec.get("input_schema")
    return Tool(
        name,
        description=description if isinstance(description, str) else None,
        parameters=dict(schema) if isinstance(schema, Mapping) else None,
        cache=CacheMark() if isinstance(mark, Mapping) else None,
    )


def _tool_choice(raw: Json) -> ToolChoice | None:
    if not isinstance(raw, Mapping):
        return None
    kind, names = raw.get("type"), raw.get("name")
    if kind in ("auto", "required") and not names:
        return ToolChoice("required" if kind == "required" else "auto")
    if kind == "tool" and isinstance(names, list) and len(names) == 1:
        return ToolChoice("named", name=str(names[0]))
    return ToolChoice(opaque=Opaque(NAME, dict(raw)))


def _output_format(raw: Json, extras: dict[str, Json]) -> OutputFormat | None:
    if not isinstance(raw, Mapping):
        return None
    schema = raw.get("schema")
    if raw.get("type") == "json":
        return OutputFormat("json_schema", schema=dict(schema)) if isinstance(schema, Mapping) else _JSON
    extras["response_format"] = dict(raw)
    return None


_JSON = OutputFormat("json_object")


def _reasoning(body: JsonObject, extras: dict[str, Json]) -> Reasoning | None:
    """Read Anthropic's budget and OpenAI's effort; what else those members hold is kept for Snowflake."""
    asked, wanted = body.get("anthropic"), body.get("openai")
    thinking = asked.get("thinking") if isinstance(asked, Mapping) else None
    reasoning = wanted.get("reasoning") if isinstance(wanted, Mapping) else None
    budget = thinking.get("budget_tokens") if isinstance(thinking, Mapping) else None
    effort = reasoning.get("effort") if isinstance(reasoning, Mapping) else None
    if type(budget) is not int and asked is not None:
        extras["anthropic"] = asked
    if effort not in _EFFORTS and wanted is not None:
        extras["openai"] = wanted
    if type(budget) is not int and effort not in _EFFORTS:
        return None
    return Reasoning(
        effort=cast(Effort, effort) if effort in _EFFORTS else None, budget=budget if type(budget) is int else None
    )


def _bound(body: JsonObject) -> dict[str, str]:
    bound: dict[str, str] = {}
    guard = body.get("guardrails")
    if isinstance(guard, Mapping) and guard.get("enabled") is not False:
        bound["guardrails"] = "only Snowflake runs Cortex Guard; leave it out or choose a model at Snowflake"
    return bound


def _number(value: Json) -> float | None:
    return value if isinstance(value, int | float) else None
