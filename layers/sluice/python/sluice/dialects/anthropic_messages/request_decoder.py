"""Reads a Messages request into the canonical one.

Rules: a member with a canonical form is read into it, every other one is kept in `extras`, so that the same dialect
writes the request back whole. `stream` implies usage: this dialect always reports it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast, get_args

from sluice.dialects.anthropic_messages.blocks import cache_mark, left_over, parts_of
from sluice.dialects.anthropic_messages.names import NAME
from sluice.dialects.anthropic_messages.outline import outline
from sluice.dialects.anthropic_messages.passing import continues, thread_not_kept
from sluice.dialects.base import JsonObject
from sluice.types.chat import (
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

_READ = frozenset(
    {
        "model",
        "messages",
        "system",
        "max_tokens",
        "stream",
        "tools",
        "tool_choice",
        "temperature",
        "top_p",
        "top_k",
        "stop_sequences",
        "service_tier",
        "metadata",
        "thinking",
        "output_config",
        "output_format",
    }
)
_EFFORTS = frozenset(get_args(Effort))
_MODES = {"auto": "auto", "any": "required", "none": "none"}


def decode_request(body: JsonObject) -> ChatRequest:
    """Return the canonical request. Raises BadRequest naming the parameter and the remedy."""
    if continues(body):
        raise thread_not_kept()
    seen = outline(body, 0)
    extras = {name: value for name, value in body.items() if name not in _READ and value is not None}
    reasoning, output_format = _reasoning(body, extras), _output_format(body, extras)
    user = _user(body, extras)
    tier = body.get("service_tier")
    return ChatRequest(
        model=seen.model,
        messages=_messages(body),
        tools=tuple(_tool(tool) for tool in _list(body.get("tools"))),
        tool_choice=_tool_choice(body.get("tool_choice")),
        output_format=output_format,
        reasoning=reasoning,
        max_tokens=seen.max_output,
        temperature=_number(body.get("temperature")),
        top_p=_number(body.get("top_p")),
        top_k=_whole(body.get("top_k")),
        stop=tuple(str(stop) for stop in _sequence(body.get("stop_sequences"))),
        stream=seen.stream,
        include_usage=True,
        user=user,
        service_tier=tier if isinstance(tier, str) else None,
        dialect=NAME,
        extras=extras,
    )


def _messages(body: JsonObject) -> tuple[Message, ...]:
    messages = []
    if system := parts_of(body.get("system")):
        messages.append(Message("system", system))
    for message in _list(body.get("messages")):
        messages.append(
            Message(
                cast(Role, message["role"]),
                parts_of(message.get("content")),
                extras=left_over(message, "role", "content"),
            )
        )
    return tuple(messages)


def _tool(tool: Mapping[str, Json]) -> Tool:
    kind = tool.get("type")
    name = tool.get("name")
    if kind not in (None, "custom"):
        return Tool(name if isinstance(name, str) else "", opaque=Opaque(NAME, tool))
    description, schema, strict = tool.get("description"), tool.get("input_schema"), tool.get("strict")
    return Tool(
        name=str(name),
        description=description if isinstance(description, str) else None,
        parameters=schema if isinstance(schema, dict) else None,
        strict=strict if isinstance(strict, bool) else None,
        cache=cache_mark(tool.get("cache_control")),
        extras=left_over(tool, "name", "description", "input_schema", "strict", "cache_control"),
    )


def _tool_choice(choice: Json) -> ToolChoice | None:
    if not isinstance(choice, dict):
        return None
    kind, name, single = choice.get("type"), choice.get("name"), choice.get("disable_parallel_tool_use")
    parallel = not single if isinstance(single, bool) else None
    if kind == "tool" and isinstance(name, str):
        return ToolChoice("named", name, parallel)
    mode = _MODES.get(str(kind))
    if mode is None:
        return ToolChoice(parallel=parallel, opaque=Opaque(NAME, choice))
    return ToolChoice(mode, None, parallel)  # type: ignore[arg-type]


def _reasoning(body: JsonObject, extras: dict[str, Json]) -> Reasoning | None:
    """Read `thinking` and `output_config.effort`; a form of thinking without a canonical one stays in `extras`."""
    thinking, config = body.get("thinking"), body.get("output_config")
    word = config.get("effort") if isinstance(config, dict) else None
    effort = cast(Effort, word) if isinstance(word, str) and word in _EFFORTS else None
    if not isinstance(thinking, dict):
        return Reasoning(effort=effort) if effort else None
    display, budget = thinking.get("display"), thinking.get("budget_tokens")
    shown = display if isinstance(display, str) else None
    match thinking.get("type"):
        case "enabled":
            return Reasoning(effort, _whole(budget), enabled=True, display=shown)
        case "adaptive":
            return Reasoning(effort, adaptive=True, enabled=True, display=shown)
        case "disabled":
            return Reasoning(effort, enabled=False)
    extras["thinking"] = thinking
    return Reasoning(effort, enabled=True)


def _output_format(body: JsonObject, extras: dict[str, Json]) -> OutputFormat | None:
    """Read the schema of structured output, in its present place or in that of the earlier beta."""
    config = body.get("output_config")
    shape = body.get("output_format")
    if isinstance(config, dict):
        shape = config.get("format") or shape
        rest = left_over(config, "format", *(("effort",) if config.get("effort") in _EFFORTS else ()))
        if rest:
            extras["output_config"] = rest
    if not isinstance(shape, dict):
        return None
    schema = shape.get("schema")
    if shape.get("type") == "json_schema" and isinstance(schema, dict):
        return OutputFormat("json_schema", schema=schema)
    extras["output_config"] = {**_members(extras.get("output_config")), "format": shape}
    return None


def _user(body: JsonObject, extras: dict[str, Json]) -> str | None:
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        return None
    user = metadata.get("user_id")
    known = ("user_id",) if isinstance(user, str) else ()
    if rest := left_over(metadata, *known):
        extras["metadata"] = rest
    return user if isinstance(user, str) else None


def _members(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[dict[str, Json]]:
    return value if isinstance(value, list) else []


def _sequence(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _number(value: Json) -> float | None:
    return value if isinstance(value, int | float) else None


def _whole(value: Json) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
