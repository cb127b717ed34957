"""Read and check an OpenAI Chat Completions request as OpenAI does (API reference, 2026-11)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sluice.local.simulator import conversation, directives, schema, signing, tokens
from sluice.local.simulator.conversation import Ask, Attachment, Offer, Outcome, Refused, Segment
from sluice.local.simulator.directives import Directive
from sluice.local.simulator.models import Model
from sluice.local.simulator.shape import (
    Json,
    Object,
    attachment,
    data_url,
    expect,
    number,
    one_of,
    optional,
    required,
    typed,
)

_WORDS = """
audio cache_control frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens
messages metadata modalities model moderation n parallel_tool_calls prediction presence_penalty prompt_cache_key
prompt_cache_options prompt_cache_retention reasoning reasoning_effort response_format safety_identifier seed
service_tier stop store stream stream_options temperature thinking tool_choice tools top_logprobs top_p usage user
verbosity web_search_options
"""
_MEMBERS = frozenset(_WORDS.split())
_ROLES = frozenset({"developer", "system", "user", "assistant", "tool"})
_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")
_EFFORTS = {"none": 0, "minimal": 16, "low": 32, "medium": 64, "high": 128, "xhigh": 256, "max": 512}


@dataclass(slots=True)
class _Reading:
    """What has been read of the messages so far."""

    segments: list[Segment] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    """Role and text of each message."""
    attachments: list[Attachment] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    open_calls: dict[str, str] = field(default_factory=dict)
    """Names of the calls that wait for their tool's answer, by id."""


def read(body: Object, model: Model, directive: Directive) -> Ask:
    """Return what the request asks for.

    Raises:
        Refused: OpenAI would answer 400.
    """
    for name in body:
        expect(name in _MEMBERS, f"Unrecognized request argument supplied: {name}")
    expect("functions" not in body, "'functions' is no longer supported; use 'tools'.", "functions")
    reading = _messages(required(body, "messages", list))
    stream = bool(optional(body, "stream", bool))
    options = optional(body, "stream_options", dict) or {}
    expect(
        stream or not options,
        "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        "stream_options",
    )
    offers = tuple(_offer(tool, i) for i, tool in enumerate(optional(body, "tools", list) or ()))
    choice, forced = _choice(body.get("tool_choice"), offers)
    tools = [Segment(conversation.size_of(body["tools"]), seen=reading.segments[0].seen)] if offers else []
    segments = [*tools, *reading.segments]
    marked = any(s.mark for s in segments)
    prompt = conversation.cached_by_marks(segments) if marked else conversation.cached_by_blocks(segments)
    asked = [text for role, text in reading.texts if role == "user" and text]
    return Ask(
        model=model,
        digest=conversation.digest(body),
        question=directives.without(asked[-1]) if asked else "",
        directive=directive,
        prompt=conversation.with_cached(prompt, directive.cached),
        turn=max(1, len(asked)),
        attachments=tuple(reading.attachments),
        outcomes=tuple(reading.outcomes),
        offers=offers,
        choice=choice,
        forced=forced,
        parallel=optional(body, "parallel_tool_calls", bool) is not False,
        schema=_schema(optional(body, "response_format", dict), body["messages"]),
        thinking=_thinking(body, model, directive),
        max_tokens=_max_tokens(body, model),
        stops=_stops(body.get("stop")),
        stream=stream,
        include_usage=bool(optional(options, "include_usage", bool, "stream_options.")),
        answers=_settings(body),
        top_logprobs=_logprobs(body),
    )


def _settings(body: Object) -> int:
    """Check the sampling settings and return how many answers are wanted."""
    number(body, "temperature", 0, 2)
    number(body, "top_p", 0, 1)
    number(body, "presence_penalty", -2, 2)
    number(body, "frequency_penalty", -2, 2)
    for name, kind in (("seed", int), ("user", str), ("metadata", dict), ("logit_bias", dict), ("store", bool)):
        optional(body, name, kind)
    modalities = optional(body, "modalities", list)
    expect(modalities in (None, ["text"]), "This model answers with text only.", "modalities", "unsupported_value")
    return int(number(body, "n", 1, 16, whole=True) or 1)


def _logprobs(body: Object) -> int | None:
    top = number(body, "top_logprobs", 0, 20, whole=True)
    wanted = optional(body, "logprobs", bool)
    expect(
        top is None or wanted,
        "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.",
        "top_logprobs",
    )
    return int(top or 0) if wanted else None


def _max_tokens(body: Object, model: Model) -> int | None:
    limits = [number(body, n, 1, model.max_output, whole=True) for n in ("max_tokens", "max_completion_tokens")]
    expect(None in limits, "Set only one of 'max_tokens' and 'max_completion_tokens'.", "max_tokens")
    given: int | None = limits[0] or limits[1]
    return given


def _stops(stop: Json) -> tuple[str, ...]:
    stops = [stop] if isinstance(stop, str) else typed([] if stop is None else stop, list, "stop")
    expect(len(stops) <= 4, "Invalid 'stop': array too long. Expected at most 4 sequences.", "stop")
    return tuple(typed(s, str, "stop") for s in stops)


def _thinking(body: Object, model: Model, directive: Directive) -> int:
    if directive.think is not None:
        return directive.think
    reasoning = optional(body, "reasoning", dict) or {}
    effort = body.get("reasoning_effort") or reasoning.get("effort")
    if effort is not None:
        return _EFFORTS[one_of(effort, _EFFORTS, "reasoning_effort")]
    if reasoning.get("enabled") is False:
        return 0
    asked = bool(reasoning.get("max_tokens") or reasoning.get("enabled"))
    return _EFFORTS["medium"] if model.thinks or asked else 0


def _schema(wanted: Object | None, messages: Json) -> Mapping[str, Json] | None:
    if wanted is None:
        return None
    kind = one_of(wanted.get("type"), {"text", "json_object", "json_schema"}, "response_format.type")
    if kind == "json_object":
        said = json.dumps(messages).lower()
        expect(
            "json" in said,
            "'messages' must contain the word 'json' to use 'response_format' of type 'json_object'.",
            "messages",
        )
        return {}
    if kind == "text":
        return None
    named = required(wanted, "json_schema", dict, "response_format.")
    name = required(named, "name", str, "response_format.json_schema.")
    expect(
        _NAME.match(name),
        "Invalid 'response_format.json_schema.name': it must match '^[a-zA-Z0-9_-]+$'.",
        "response_format",
    )
    body = required(named, "schema", dict, "response_format.json_schema.")
    defect = schema.strict_defect(body) if named.get("strict") else None
    expect(
        not defect, f"Invalid schema for response_format '{name}': {defect}", "response_format", "invalid_json_schema"
    )
    return body or {"type": "object"}


def _offer(tool: Json, position: int) -> Offer:
    path = f"tools[{position}]"
    kind = one_of(typed(tool, dict, path).get("type"), {"function", "custom"}, f"{path}.type")
    inner = required(tool, kind, dict, f"{path}.")
    name = required(inner, "name", str, f"{path}.{kind}.")
    expect(_NAME.match(name), f"Invalid '{path}.{kind}.name': it must match '^[a-zA-Z0-9_-]+$'.", f"{path}.{kind}.name")
    parameters = optional(inner, "parameters", dict, f"{path}.function.") or {}
    kind_of = parameters.get("type", "object")
    expect(
        kind_of == "object",
        f"Invalid schema for function '{name}': schema must be of type 'object', not '{kind_of}'.",
        f"{path}.function.parameters",
        "invalid_function_parameters",
    )
    defect = schema.strict_defect(parameters) if inner.get("strict") else None
    expect(not defect, f"Invalid schema for function '{name}': {defect}", f"{path}.function.parameters")
    return Offer(name, optional(inner, "description", str) or "", parameters, kind == "custom")


def _choice(choice: Json, offers: tuple[Offer, ...]) -> tuple[Json, str | None]:
    if choice is None:
        return "auto", None
    expect(offers or choice == "none", "'tool_choice' is only allowed when 'tools' are specified.", "tool_choice")
    if isinstance(choice, str):
        return one_of(choice, {"auto", "none", "required"}, "tool_choice"), None
    kind = typed(choice, dict, "tool_choice").get("type")
    if kind == "allowed_tools":
        mode = (choice.get("allowed_tools") or {}).get("mode", "auto")
        return one_of(mode, {"auto", "required"}, "tool_choice.allowed_tools.mode"), None
    kind = one_of(kind, {"function", "custom"}, "tool_choice.type")
    name = required(required(choice, kind, dict, "tool_choice."), "name", str, f"tool_choice.{kind}.")
    expect(name in {o.name for o in offers}, f"Tool choice '{name}' not found in 'tools' parameter.", "tool_choice")
    return "required", name


def _messages(messages: list[Json]) -> _Reading:
    expect(
        messages, "Invalid 'messages': empty array. Expected an array with minimum length 1.", "messages", "empty_array"
    )
    reading = _Reading()
    turns = [i for i, m in enumerate(messages) if isinstance(m, dict) and m.get("role") == "assistant"]
    for position, message in enumerate(messages):
        path = f"messages[{position}]"
        role = one_of(typed(message, dict, path).get("role"), _ROLES, f"{path}.role")
        _waits(reading, role, path)
        if role == "user":
            reading.attachments.clear()
        texts, marks = _content(message, role, path, reading)
        size = 4 + sum(tokens.count(text) for text in texts)
        size += conversation.size_of(message["tool_calls"]) if message.get("tool_calls") else 0
        size += sum(a.tokens for a in reading.attachments) if role == "user" else 0
        seen = bool(turns) and position < turns[-1]
        reading.segments.append(Segment(size, marks, seen))
        reading.texts.append((role, "\n".join(texts)))
        if role == "assistant":
            _assistant(message, path, reading)
        elif role == "tool":
            _tool(message, path, "\n".join(texts), reading)
    _waits(reading, "user", f"messages[{len(messages)}]")
    if messages[-1].get("role") != "tool":
        reading.outcomes.clear()
    return reading


def _waits(reading: _Reading, role: str, path: str) -> None:
    """Every tool call must be answered before anybody else speaks."""
    missing = ", ".join(reading.open_calls)
    expect(
        role == "tool" or not missing,
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        f"The following tool_call_ids did not have response messages: {missing}",
        path,
    )


def _content(message: Object, role: str, path: str, reading: _Reading) -> tuple[list[str], str | None]:
    content = message.get("content")
    if content is None:
        allowed = role == "assistant" and (message.get("tool_calls") or message.get("refusal") or message.get("audio"))
        expect(allowed, f"Invalid value for 'content': expected a string, got null. ({path})", f"{path}.content")
        return [], None
    if isinstance(content, str):
        return [content], None
    expect(
        isinstance(content, list),
        f"Invalid type for '{path}.content': expected a string or an array.",
        f"{path}.content",
    )
    expect(content, f"Invalid '{path}.content': empty array.", f"{path}.content", "empty_array")
    texts, mark = [], None
    for position, part in enumerate(content):
        text = _part(typed(part, dict, f"{path}.content[{position}]"), role, f"{path}.content[{position}]", reading)
        texts.append(text)
        cache = part.get("cache_control")
        mark = str(cache.get("ttl") or "5m") if isinstance(cache, dict) else mark
    return texts, mark


def _part(part: Object, role: str, path: str, reading: _Reading) -> str:
    allowed = {"text"} | ({"image_url", "input_audio", "file"} if role == "user" else set())
    kind = one_of(part.get("type"), allowed | ({"refusal"} if role == "assistant" else set()), f"{path}.type")
    if kind in ("text", "refusal"):
        return str(required(part, kind, str, f"{path}."))
    inner = required(part, kind, dict, f"{path}.")
    if kind == "image_url":
        reading.attachments.append(
            data_url("image", required(inner, "url", str, f"{path}.image_url."), f"{path}.image_url.url")
        )
    elif kind == "input_audio":
        media_type = "audio/" + one_of(inner.get("format"), {"wav", "mp3"}, f"{path}.input_audio.format")
        reading.attachments.append(attachment("audio clip", inner.get("data"), media_type, f"{path}.input_audio.data"))
    elif "file_data" in inner:
        reading.attachments.append(data_url("document", inner["file_data"], f"{path}.file.file_data"))
    else:
        name = str(required(inner, "file_id", str, f"{path}.file."))
        reading.attachments.append(Attachment("document", "", source=name))
    return ""


def _assistant(message: Object, path: str, reading: _Reading) -> None:
    reading.outcomes.clear()
    for position, call in enumerate(optional(message, "tool_calls", list, f"{path}.") or ()):
        where = f"{path}.tool_calls[{position}]"
        kind = one_of(typed(call, dict, where).get("type"), {"function", "custom"}, f"{where}.type")
        inner = required(call, kind, dict, f"{where}.")
        required(inner, "arguments" if kind == "function" else "input", str, f"{where}.{kind}.")
        name = required(inner, "name", str, f"{where}.{kind}.")
        reading.open_calls[required(call, "id", str, f"{where}.")] = name
    for position, detail in enumerate(optional(message, "reasoning_details", list, f"{path}.") or ()):
        kind = detail.get("type")
        if kind == "reasoning.text" and not signing.is_genuine(str(detail.get("text") or ""), detail.get("signature")):
            where = f"{path}.reasoning_details[{position}]"
            raise Refused(400, f"Invalid signature in '{where}': send reasoning back unchanged.", param=where)


def _tool(message: Object, path: str, text: str, reading: _Reading) -> None:
    call_id = required(message, "tool_call_id", str, f"{path}.")
    expect(
        call_id in reading.open_calls,
        "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'. "
        f"No call waits for '{call_id}'.",
        f"{path}.role",
    )
    reading.outcomes.append(Outcome(reading.open_calls.pop(call_id), text))
