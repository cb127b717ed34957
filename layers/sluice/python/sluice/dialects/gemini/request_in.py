"""Reads a generateContent request into the canonical one.

Rules: a member with a canonical form is read into it, every other one is kept in `extras`, so that the same dialect
writes the request back whole. The model and whether to stream stand in the members that the inbound side added.
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import JsonObject
from sluice.dialects.gemini.casing import camel, word
from sluice.dialects.gemini.config_in import read_config
from sluice.dialects.gemini.names import NAME
from sluice.dialects.gemini.outline import outline
from sluice.dialects.gemini.parts_in import CallNames, read_parts
from sluice.dialects.gemini.schema import from_openapi
from sluice.types.chat import ChatRequest, Json, Message, Opaque, Part, Tool, ToolChoice

_READ = ("model", "stream", "contents", "systemInstruction", "tools", "toolConfig", "generationConfig")
_MODES = {"AUTO": "auto", "ANY": "required", "NONE": "none"}
_SCHEMAS = ("parameters", "parametersJsonSchema")


def decode_request(body: JsonObject) -> ChatRequest:
    """Return the canonical request. Raises BadRequest naming the parameter and the remedy."""
    seen = outline(body, 0)
    members = camel(body)
    extras = {name: value for name, value in members.items() if name not in _READ}
    config = read_config(camel(members.get("generationConfig")))
    if config.rest:
        extras["generationConfig"] = config.rest
    if modalities := config.rest.get("responseModalities"):
        # Under this name the other dialects know that leaving it out would change the answer.
        extras["modalities"] = [name.lower() for name in _list(modalities) if isinstance(name, str)]
    choice = _tool_choice(camel(members.get("toolConfig")), extras)
    return ChatRequest(
        model=seen.model,
        messages=(*_system(members.get("systemInstruction")), *_messages(members["contents"])),
        tools=tuple(tool for group in _list(members.get("tools")) for tool in _tools(group)),
        tool_choice=choice,
        output_format=config.output_format,
        reasoning=config.reasoning,
        max_tokens=seen.max_output,
        temperature=config.number("temperature"),
        top_p=config.number("topP"),
        top_k=config.whole("topK"),
        stop=config.stop,
        seed=config.whole("seed"),
        n=config.whole("candidateCount"),
        presence_penalty=config.number("presencePenalty"),
        frequency_penalty=config.number("frequencyPenalty"),
        logprobs=config.flag("responseLogprobs"),
        top_logprobs=config.whole("logprobs"),
        stream=seen.stream,
        include_usage=True,
        service_tier=_tier(extras),
        dialect=NAME,
        extras=extras,
    )


def _system(found: Json) -> tuple[Message, ...]:
    content = camel({"parts": [{"text": found}]} if isinstance(found, str) else found)
    parts = tuple(read_parts(content.get("parts"), CallNames("system")))
    role = content.get("role")
    return (Message("system", parts, extras={"role": role} if role else {}),) if parts else ()


def _messages(contents: Json) -> tuple[Message, ...]:
    names = CallNames("contents")
    messages: list[Message] = []
    for raw in _list(contents):
        content = camel(raw)
        role = content.get("role") or "user"
        parts: tuple[Part, ...] = tuple(read_parts(content.get("parts"), names))
        extras = {"role": role} if role == "function" else {}
        messages.append(Message("assistant" if role == "model" else "user", parts, extras=extras))
    return tuple(messages)


def _tools(raw: Json) -> list[Tool]:
    """Return the tools of one object: its functions, and each tool that the vendor runs itself."""
    tools: list[Tool] = []
    for name, value in camel(raw).items():
        if name == "functionDeclarations":
            tools += [_function(camel(declared)) for declared in _list(value)]
        else:
            tools.append(Tool(name, opaque=Opaque(NAME, {name: value})))
    return tools


def _function(declared: Mapping[str, Json]) -> Tool:
    name, description = declared.get("name"), declared.get("description")
    plain, full = (declared.get(member) for member in _SCHEMAS)
    parameters = full if isinstance(full, Mapping) else from_openapi(plain) if isinstance(plain, Mapping) else None
    return Tool(
        name=str(name or ""),
        description=description if isinstance(description, str) else None,
        parameters=parameters,
        extras={key: value for key, value in declared.items() if key not in ("name", "description")},
    )


def _tool_choice(found: Mapping[str, Json], extras: dict[str, Json]) -> ToolChoice | None:
    """Read the calling mode; what has no canonical form (several allowed names, VALIDATED) stays in `extras`."""
    if not found:
        return None
    calling = camel(found.get("functionCallingConfig"))
    mode = word(calling.get("mode"))
    allowed = calling.get("allowedFunctionNames")
    names = [name for name in allowed if isinstance(name, str)] if isinstance(allowed, list) else []
    known: tuple[str, ...] = ("mode",) if mode in _MODES or not mode else ()
    if not names or (mode == "ANY" and len(names) == 1):
        known = (*known, "allowedFunctionNames")
    rest: dict[str, Json] = {name: value for name, value in found.items() if name != "functionCallingConfig"}
    if left := {name: value for name, value in calling.items() if name not in known}:
        rest["functionCallingConfig"] = left
    if rest:
        extras["toolConfig"] = rest
    if mode == "ANY" and len(names) == 1:
        return ToolChoice("named", names[0])
    if mode == "VALIDATED":
        return ToolChoice("auto")
    return ToolChoice(_MODES[mode]) if mode in _MODES else None  # type: ignore[arg-type]


def _tier(extras: dict[str, Json]) -> str | None:
    tier = extras.pop("serviceTier", None)
    return tier.lower() if isinstance(tier, str) else None


def _list(value: Json) -> list[Json]:
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, Mapping) else []
