"""Reads a Converse request into the canonical one.

Rules: a member with a canonical form is read into it, every other one is kept in `extras`, so that the same dialect
writes the request back whole. The model and whether to stream stand in the members that the inbound side added. A
guardrail and a stored prompt are the vendor's own: no other one can honour them, so they bind the request to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import cast, get_args

from sluice.dialects.base import JsonObject
from sluice.dialects.bedrock_converse.blocks_in import blocks_of, cache_mark, left_over, read_content
from sluice.dialects.bedrock_converse.names import NAME
from sluice.dialects.bedrock_converse.outline import outline
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
    {"model", "stream", "messages", "system", "inferenceConfig", "toolConfig", "outputConfig", "requestMetadata",
     "serviceTier", "additionalModelRequestFields"}
)  # fmt: skip
_BOUND = {
    "guardrailConfig": "only Amazon Bedrock applies its guardrails; leave it out, or choose a model there",
    "promptVariables": "the prompt is kept by Amazon Bedrock; send the messages themselves",
}
_EFFORTS = frozenset(get_args(Effort))


def decode_request(body: JsonObject) -> ChatRequest:
    """Return the canonical request. Raises BadRequest naming the parameter and the remedy."""
    seen = outline(body, 0)
    extras = {name: value for name, value in body.items() if name not in _READ and value is not None}
    config = _members(body.get("inferenceConfig"))
    fields = dict(_members(body.get("additionalModelRequestFields")))
    output = dict(_members(body.get("outputConfig")))
    reasoning = _reasoning(fields, output)
    output_format = _output_format(output)
    top_k = _top_k(fields)
    tool_config = _members(body.get("toolConfig"))
    choice = _tool_choice(tool_config.get("toolChoice"))
    _keep(extras, "inferenceConfig", left_over(config, "maxTokens", "temperature", "topP", "stopSequences"))
    _keep(extras, "additionalModelRequestFields", fields)
    _keep(extras, "outputConfig", output)
    _keep(extras, "toolConfig", left_over(tool_config, "tools", "toolChoice"))
    tier = _members(body.get("serviceTier"))
    word = tier.get("type")
    if not isinstance(word, str) or len(tier) != 1:
        _keep(extras, "serviceTier", tier)
    return ChatRequest(
        model=seen.model,
        messages=(*_system(body.get("system")), *map(_message, blocks_of(body.get("messages")))),
        tools=_tools(tool_config.get("tools")),
        tool_choice=choice,
        output_format=output_format,
        reasoning=reasoning,
        max_tokens=seen.max_output,
        temperature=_number(config.get("temperature")),
        top_p=_number(config.get("topP")),
        top_k=top_k,
        stop=tuple(stop for stop in _list(config.get("stopSequences")) if isinstance(stop, str)),
        stream=seen.stream,
        include_usage=True,
        metadata=_members(body.get("requestMetadata")) or None,
        service_tier=word if isinstance(word, str) and len(tier) == 1 else None,
        dialect=NAME,
        extras=extras,
        bound={name: reason for name, reason in _BOUND.items() if body.get(name) is not None},
    )


def _system(blocks: Json) -> tuple[Message, ...]:
    parts, guarded = read_content(blocks)
    return (Message("system", parts, extras=_guards(guarded)),) if parts else ()


def _message(message: Mapping[str, Json]) -> Message:
    role = cast(Role, message["role"])
    parts, guarded = read_content(message.get("content"), assistant=role == "assistant")
    extras = {**left_over(message, "role", "content"), **_guards(guarded)}
    if role == "system":
        extras["role"] = role  # one of the turns, not the instructions before them
    return Message(role, parts, extras=extras)


def _guards(guarded: dict[str, Json]) -> dict[str, Json]:
    return {"guardContent": guarded} if guarded else {}


def _tools(found: Json) -> tuple[Tool, ...]:
    tools: list[Tool] = []
    for block in blocks_of(found):
        mark = cache_mark(block)
        last = tools[-1] if tools else None
        if mark is not None and last is not None and last.opaque is None and last.cache is None:
            tools[-1] = replace(last, cache=mark)
        else:
            tools.append(_tool(block))
    return tuple(tools)


def _tool(block: Mapping[str, Json]) -> Tool:
    spec = block.get("toolSpec")
    if not isinstance(spec, Mapping) or len(block) != 1:
        named = _members(block.get("systemTool")).get("name")
        return Tool(named if isinstance(named, str) else "", opaque=Opaque(NAME, block))
    description, schema, strict = spec.get("description"), spec.get("inputSchema"), spec.get("strict")
    parameters = _members(schema).get("json")
    extras = left_over(spec, "name", "description", "inputSchema", "strict")
    if rest := left_over(_members(schema), "json"):
        extras["inputSchema"] = rest
    return Tool(
        name=str(spec.get("name") or ""),
        description=description if isinstance(description, str) else None,
        parameters=parameters if isinstance(parameters, Mapping) else None,
        strict=strict if isinstance(strict, bool) else None,
        extras=extras,
    )


def _tool_choice(choice: Json) -> ToolChoice | None:
    if not isinstance(choice, Mapping) or not choice:
        return None
    name = _members(choice.get("tool")).get("name")
    if isinstance(name, str):
        return ToolChoice("named", name)
    if choice.keys() == {"any"}:
        return ToolChoice("required")
    if choice.keys() == {"auto"}:
        return ToolChoice("auto")
    return ToolChoice(opaque=Opaque(NAME, choice))


def _reasoning(fields: dict[str, Json], output: dict[str, Json]) -> Reasoning | None:
    """Read how much to think, and take away what is read and can be written back the same."""
    effort, word = _effort(fields, output), None
    thinking = fields.get("thinking")
    if not isinstance(thinking, Mapping):
        other = _members(fields.get("reasoning_config") or fields.get("reasoningConfig"))
        word, budget = other.get("maxReasoningEffort"), _whole(other.get("budget_tokens"))
        if other:
            known = cast(Effort, word) if isinstance(word, str) and word in _EFFORTS else effort
            return Reasoning(known, budget, enabled=other.get("type") == "enabled")
        return Reasoning(effort) if effort is not None else None
    kind, display = thinking.get("type"), thinking.get("display")
    budget = _whole(thinking.get("budget_tokens"))
    known_members = {"type", "display"} | ({"budget_tokens"} if kind == "enabled" else set())
    if kind in ("enabled", "adaptive", "disabled") and not thinking.keys() - known_members:
        del fields["thinking"]
    shown = display if isinstance(display, str) else None
    return Reasoning(effort, budget, adaptive=kind == "adaptive", enabled=kind != "disabled", display=shown)


def _effort(fields: dict[str, Json], output: dict[str, Json]) -> Effort | None:
    """Return the effort asked for in any of the places models look for it; the API's own place is written back."""
    word = output.get("effort")
    if isinstance(word, str) and word in _EFFORTS:
        del output["effort"]
        return cast(Effort, word)
    for word in (fields.get("reasoning_effort"), _members(fields.get("output_config")).get("effort")):
        if isinstance(word, str) and word in _EFFORTS:
            return cast(Effort, word)
    return None


def _output_format(output: dict[str, Json]) -> OutputFormat | None:
    """Read the schema of structured output, which stands there as JSON text."""
    shape = _members(output.get("textFormat"))
    definition = _members(_members(shape.get("structure")).get("jsonSchema"))
    name, description = definition.get("name"), definition.get("description")
    try:
        schema = json.loads(str(definition.get("schema")))
    except (ValueError, RecursionError):
        schema = None
    if not isinstance(schema, dict) or shape.get("type") != "json_schema":
        return None
    del output["textFormat"]
    return OutputFormat(
        "json_schema",
        name=name if isinstance(name, str) else None,
        schema=schema,
        description=description if isinstance(description, str) else None,
    )


def _top_k(fields: dict[str, Json]) -> int | None:
    """Read top_k where Claude looks for it, which is where it is written back; Nova's place is kept as it is."""
    value = _whole(fields.get("top_k"))
    if value is not None:
        del fields["top_k"]
        return value
    return _whole(_members(fields.get("inferenceConfig")).get("topK"))


def _keep(extras: dict[str, Json], name: str, rest: Mapping[str, Json]) -> None:
    if rest:
        extras[name] = rest


def _members(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _number(value: Json) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(value: Json) -> int | None:
    return value if type(value) is int else None
