"""Reads a Cohere chat request into the canonical one.

Rules: a member with a canonical form is read into it, every other one is kept in `extras`, so that the same dialect
writes the request back whole. The request's documents stand at the front of the last user message, where other
dialects have them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from sluice.dialects.base import JsonObject
from sluice.dialects.cohere_chat.messages_in import read_message
from sluice.dialects.cohere_chat.names import NAME
from sluice.dialects.cohere_chat.outline import outline
from sluice.dialects.cohere_chat.parts_in import read_document
from sluice.dialects.functions import read_function
from sluice.types.chat import ChatRequest, Json, Message, OutputFormat, Reasoning, Tool, ToolChoice

_READ = (
    "model", "messages", "documents", "tools", "strict_tools", "tool_choice", "response_format", "max_tokens",
    "temperature", "p", "k", "stop_sequences", "seed", "frequency_penalty", "presence_penalty", "logprobs", "thinking",
    "stream",
)  # fmt: skip
_SCHEMAS = ("json_schema", "schema")


def decode_request(body: JsonObject) -> ChatRequest:
    """Return the canonical request. Raises BadRequest naming the parameter and the remedy."""
    seen = outline(body, 0)
    extras: dict[str, Json] = {name: value for name, value in body.items() if name not in _READ}
    stops = body.get("stop_sequences")
    messages = [read_message(raw) for raw in cast(list[Mapping[str, Json]], body["messages"])]
    return ChatRequest(
        model=seen.model,
        messages=_with_documents(messages, body, extras),
        tools=_tools(body, extras),
        tool_choice=_tool_choice(body, extras),
        output_format=_output_format(body, extras),
        reasoning=_reasoning(body, extras),
        max_tokens=seen.max_output,
        temperature=_number(body, "temperature"),
        top_p=_number(body, "p"),
        top_k=_whole(body, "k"),
        stop=tuple(stop for stop in stops if isinstance(stop, str)) if isinstance(stops, list) else (),
        seed=_whole(body, "seed"),
        presence_penalty=_number(body, "presence_penalty"),
        frequency_penalty=_number(body, "frequency_penalty"),
        logprobs=_flag(body, "logprobs"),
        stream=seen.stream,
        include_usage=True,
        dialect=NAME,
        extras=extras,
    )


def _with_documents(messages: list[Message], body: JsonObject, extras: dict[str, Json]) -> tuple[Message, ...]:
    found = body.get("documents")
    if not isinstance(found, list) or not found:
        return tuple(messages)
    last = next((place for place in range(len(messages) - 1, -1, -1) if messages[place].role == "user"), None)
    if last is None:
        extras["documents"] = found
        return tuple(messages)
    options = body.get("citation_options")
    cited = not (isinstance(options, Mapping) and str(options.get("mode")).upper() in ("OFF", "DISABLED"))
    documents = tuple(read_document(raw, cited) for raw in found)
    messages[last] = replace(messages[last], parts=(*documents, *messages[last].parts))
    return tuple(messages)


def _tools(body: JsonObject, extras: dict[str, Json]) -> tuple[Tool, ...]:
    found, strict = body.get("tools"), body.get("strict_tools")
    kept = strict if isinstance(strict, bool) else None
    tools = (
        [read_function(raw, NAME, kept) for raw in found if isinstance(raw, Mapping)] if isinstance(found, list) else []
    )
    if strict is not None and (kept is None or not any(tool.opaque is None for tool in tools)):
        extras["strict_tools"] = strict
    return tuple(tools)


def _tool_choice(body: JsonObject, extras: dict[str, Json]) -> ToolChoice | None:
    choice = body.get("tool_choice")
    if choice is None:
        return None
    if choice == "REQUIRED":
        return ToolChoice("required")
    if choice == "NONE":
        return ToolChoice("none")
    extras["tool_choice"] = choice
    return None


def _output_format(body: JsonObject, extras: dict[str, Json]) -> OutputFormat | None:
    wanted = body.get("response_format")
    if not isinstance(wanted, Mapping):
        return None
    kind = wanted.get("type")
    if kind == "text":
        return OutputFormat("text")
    if kind != "json_object":
        extras["response_format"] = dict(wanted)
        return None
    schema = next((wanted[name] for name in _SCHEMAS if isinstance(wanted.get(name), Mapping)), None)
    if isinstance(schema, Mapping):
        return OutputFormat("json_schema", schema=schema)
    return OutputFormat("json_object")


def _reasoning(body: JsonObject, extras: dict[str, Json]) -> Reasoning | None:
    wanted = body.get("thinking")
    if not isinstance(wanted, Mapping):
        return None
    kind, budget = wanted.get("type"), wanted.get("token_budget")
    if kind not in ("enabled", "disabled") or not (budget is None or type(budget) is int):
        extras["thinking"] = dict(wanted)
        return None
    return Reasoning(budget=budget if isinstance(budget, int) else None, enabled=kind == "enabled")


def _flag(body: JsonObject, name: str) -> bool | None:
    value = body.get(name)
    return value if isinstance(value, bool) else None


def _number(body: JsonObject, name: str) -> float | None:
    value = body.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(body: JsonObject, name: str) -> int | None:
    value = _number(body, name)
    return None if value is None else int(value)
