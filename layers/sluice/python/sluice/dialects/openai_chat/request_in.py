"""Reads a whole request into its canonical form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast, get_args

from sluice.dialects.base import JsonObject
from sluice.dialects.openai_chat.messages_in import read_messages
from sluice.dialects.openai_chat.names import NAME
from sluice.dialects.openai_chat.outline import outline
from sluice.dialects.openai_chat.parts_in import read_mark
from sluice.types.chat import (
    ChatRequest,
    Effort,
    Json,
    Opaque,
    OutputFormat,
    Reasoning,
    Tool,
    ToolChoice,
)

_EFFORTS = frozenset(get_args(Effort))
_KNOWN = frozenset(
    {
        "model", "messages", "tools", "functions", "function_call", "tool_choice", "parallel_tool_calls", "stream",
        "response_format", "reasoning_effort", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k",
        "stop", "seed", "n", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "stream_options",
        "user", "metadata", "service_tier",
    }
)  # fmt: skip
_TOOL_MEMBERS = frozenset({"type", "function", "cache_control", "prompt_cache_breakpoint"})
_THINKING = ("reasoning", "thinking", "enable_thinking", "thinking_budget")


def decode_request(body: JsonObject) -> ChatRequest:
    """Return the canonical request; see `ChatDialect.decode_request`."""
    sketch = outline(body, 0)
    extras: dict[str, Json] = {name: value for name, value in body.items() if name not in _KNOWN}
    stop = body.get("stop")
    return ChatRequest(
        model=sketch.model,
        messages=read_messages(cast(list[Mapping[str, Json]], body["messages"])),
        tools=_tools(body),
        tool_choice=_tool_choice(body),
        output_format=_output_format(body, extras),
        reasoning=read_reasoning(body, extras),
        max_tokens=sketch.max_output,
        temperature=_number(body, "temperature"),
        top_p=_number(body, "top_p"),
        top_k=_whole(body, "top_k"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop) if isinstance(stop, list) else (),
        seed=_whole(body, "seed"),
        n=_whole(body, "n"),
        presence_penalty=_number(body, "presence_penalty"),
        frequency_penalty=_number(body, "frequency_penalty"),
        logprobs=_flag(body, "logprobs"),
        top_logprobs=_whole(body, "top_logprobs"),
        stream=sketch.stream,
        include_usage=_include_usage(body, extras),
        user=_word(body, "user"),
        metadata=_object(body.get("metadata")),
        service_tier=_word(body, "service_tier"),
        dialect=NAME,
        extras=extras,
    )


def _tools(body: JsonObject) -> tuple[Tool, ...]:
    tools, functions = body.get("tools"), body.get("functions")
    found = [_tool(tool) for tool in tools] if isinstance(tools, list) else []
    if isinstance(functions, list):
        found.extend(_tool({"type": "function", "function": function}) for function in functions)
    return tuple(found)


def _tool(raw: Mapping[str, Json]) -> Tool:
    function = raw.get("function")
    if raw.get("type", "function") != "function" or not isinstance(function, Mapping):
        custom = raw.get("custom")
        name = (custom.get("name") if isinstance(custom, Mapping) else raw.get("name")) or raw.get("type")
        return Tool(str(name), opaque=Opaque(NAME, dict(raw)))
    strict = function.get("strict")
    return Tool(
        str(function["name"]),
        description=_word(function, "description"),
        parameters=_object(function.get("parameters")),
        strict=strict if isinstance(strict, bool) else None,
        cache=read_mark(raw) or read_mark(function),
        extras={name: value for name, value in raw.items() if name not in _TOOL_MEMBERS},
    )


def _tool_choice(body: JsonObject) -> ToolChoice | None:
    parallel = _flag(body, "parallel_tool_calls")
    choice = body.get("tool_choice")
    if choice is None:
        choice = body.get("function_call")
        if isinstance(choice, Mapping):
            choice = {"type": "function", "function": choice}
    if choice is None:
        return None if parallel is None else ToolChoice(parallel=parallel)
    if isinstance(choice, Mapping):
        function = choice.get("function")
        if choice.get("type") in (None, "function") and isinstance(function, Mapping) and _word(function, "name"):
            return ToolChoice(mode="named", name=_word(function, "name"), parallel=parallel)
        return ToolChoice(opaque=Opaque(NAME, dict(choice)), parallel=parallel)
    if choice in ("auto", "none"):
        return ToolChoice(mode="none" if choice == "none" else "auto", parallel=parallel)
    if choice in ("required", "any"):
        return ToolChoice(mode="required", parallel=parallel)
    return ToolChoice(mode="named", name=str(choice), parallel=parallel)


def _output_format(body: JsonObject, extras: dict[str, Json]) -> OutputFormat | None:
    wanted = body.get("response_format")
    if not isinstance(wanted, Mapping):
        return None
    kind = wanted.get("type")
    if kind == "text":
        return OutputFormat("text")
    schema = wanted.get("json_schema")
    if kind == "json_schema" and isinstance(schema, Mapping):
        strict = schema.get("strict")
        return OutputFormat(
            "json_schema",
            name=_word(schema, "name"),
            schema=_object(schema.get("schema")),
            strict=strict if isinstance(strict, bool) else None,
            description=_word(schema, "description"),
        )
    if kind == "json_object" and isinstance(wanted.get("schema"), Mapping):  # Together, Fireworks, llama.cpp
        return OutputFormat("json_schema", schema=_object(wanted["schema"]))
    if kind == "json_object":
        return OutputFormat("json_object")
    extras["response_format"] = dict(wanted)
    return None


def read_reasoning(body: JsonObject, extras: dict[str, Json]) -> Reasoning | None:
    """Read the ways to ask for reasoning: OpenAI's, OpenRouter's object, DeepSeek's and Z.ai's, Alibaba's."""
    word = body.get("reasoning_effort")
    asked, thinking = _object(body.get("reasoning")), _object(body.get("thinking"))
    effort = word if isinstance(word, str) else (asked or {}).get("effort")
    if isinstance(effort, str) and effort not in _EFFORTS:
        extras["reasoning_effort"] = effort
        effort = None
    kind = (thinking or {}).get("type")
    enabled = (asked or {}).get("enabled")
    if kind in ("enabled", "disabled"):
        enabled = kind == "enabled"
    elif isinstance(body.get("enable_thinking"), bool):
        enabled = body["enable_thinking"]
    budgets = ((asked or {}).get("max_tokens"), (thinking or {}).get("budget_tokens"), body.get("thinking_budget"))
    budget = next((value for value in budgets if isinstance(value, int) and not isinstance(value, bool)), None)
    hidden = (asked or {}).get("exclude") is True or body.get("include_reasoning") is False
    for name in _THINKING:
        extras.pop(name, None)
    if effort is None and budget is None and not isinstance(enabled, bool) and kind != "adaptive" and not hidden:
        return None
    return Reasoning(
        effort=cast(Effort, effort) if effort is not None else None,
        budget=budget,
        adaptive=kind == "adaptive",
        enabled=enabled if isinstance(enabled, bool) else None,
        display="omitted" if hidden else None,
    )


def _include_usage(body: JsonObject, extras: dict[str, Json]) -> bool:
    options = _object(body.get("stream_options"))
    if options is None:
        return False
    others = {name: value for name, value in options.items() if name != "include_usage"}
    if others:
        extras["stream_options"] = others
    return options.get("include_usage") is True


def _object(value: object) -> Mapping[str, Json] | None:
    return dict(value) if isinstance(value, Mapping) else None


def _word(held: Mapping[str, Json], name: str) -> str | None:
    value = held.get(name)
    return value if isinstance(value, str) else None


def _flag(body: JsonObject, name: str) -> bool | None:
    value = body.get(name)
    return value if isinstance(value, bool) else None


def _number(body: JsonObject, name: str) -> float | None:
    value = body.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(body: JsonObject, name: str) -> int | None:
    value = _number(body, name)
    return None if value is None else int(value)
