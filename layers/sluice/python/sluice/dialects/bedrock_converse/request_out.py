"""Writes a canonical request as a Converse body.

Rules: whatever the caller's dialect has and this one lacks is dropped and reported, or refused where the answer would
mean something else (several answers) or the route is strict. Blocks of tool use stand only beside tool definitions, so
tools that earlier turns called are declared even when the caller offers none. Whether to stream is said in the path.
Quirks read: `max_output`, `thinking_fields`, `reasoning_efforts`, `json_schema`, `strict_tools`, `top_k_field`,
`cache_points`, `forced_tools`, and the policy (`dialects/policy.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sluice.dialects.base import Encoded, JsonObject
from sluice.dialects.bedrock_converse.blocks_out import mark
from sluice.dialects.bedrock_converse.names import NAME, SECTIONS, STOP_SEQUENCE_PATHS
from sluice.dialects.bedrock_converse.reasoning import set_field, thinks, write_reasoning
from sluice.dialects.bedrock_converse.structured import write_output_format, write_text_format
from sluice.dialects.bedrock_converse.turns import Turns, write_turns
from sluice.dialects.edits import Edits
from sluice.dialects.foreign import output_bound, refuse_kind, refuse_several
from sluice.dialects.policy import apply, changes_of
from sluice.types.chat import ChatRequest, Json, Tool, ToolChoice

Body = dict[str, object]

_TIERS = {"default": "default", "standard_only": "default", "flex": "flex", "priority": "priority"}
_WORDS_OF_METADATA = re.compile(r"[A-Za-z0-9\s:_@$#=/+,.\-]{0,256}")
_MOST_METADATA = 16
_MEANINGFUL = ("modalities", "audio")
_NO_TOOLS = "Do not call any tool now; answer in words."


def encode_request(request: ChatRequest, model: str, quirks: JsonObject, strict: bool) -> Encoded:  # noqa: ARG001 - one signature
    """Return the body. The model stands in the path. Raises UnsupportedParameter, BadRequest."""
    edits, native = Edits(strict, "Converse"), request.dialect == NAME
    _refuse(request, edits)
    turns = write_turns(request, edits)
    body: Body = {"messages": turns.finish()}
    config = _inference_config(request, quirks, edits)
    if config:
        body["inferenceConfig"] = config
    if native:
        _write_native(body, request, turns)
    else:
        _write_tools(body, request, turns, quirks, edits)
        write_output_format(body, request.output_format, turns.system, quirks, edits)
        if quirks.get("forced_tools") is False:
            _ask_for_call(body, turns, edits)
        _write_top_k(body, request, quirks, edits)
    if turns.system:
        body["system"] = turns.system
    write_reasoning(body, request, quirks, edits)
    if not native:
        if config.get("stopSequences"):
            body["additionalModelResponseFieldPaths"] = list(STOP_SEQUENCE_PATHS)
        _make_room_for_thinking(body, edits)
        _report_rest(body, request, edits)
        if quirks.get("cache_points") is False:
            _take_marks(body, edits)
    apply(body, changes_of(body, quirks, SECTIONS), edits)
    return Encoded(body, edits.all())


def _refuse(request: ChatRequest, edits: Edits) -> None:
    refuse_several(request, edits)
    if request.dialect == NAME:
        return
    for name in _MEANINGFUL:
        value = request.extras.get(name)
        if value is not None and value != ["text"]:
            edits.refuse(name, "This model answers in text only; ask for text alone.")


def _inference_config(request: ChatRequest, quirks: JsonObject, edits: Edits) -> Body:
    config: Body = {}
    native = request.dialect == NAME
    bound = output_bound(request, native, quirks, edits)
    temperature = request.temperature
    if temperature is not None and temperature > 1 and not native:
        edits.change("clamped:temperature", "temperature")
        temperature = 1.0
    stops = list(request.stop) if native else [stop for stop in request.stop if stop.strip()]
    if len(stops) < len(request.stop):
        edits.drop("stop")  # the vendor takes no blank stop sequences
    for name, value in (
        ("maxTokens", bound),
        ("temperature", temperature),
        ("topP", request.top_p),
        ("stopSequences", stops or None),
    ):
        if value is not None:
            config[name] = value
    return config


def _write_native(body: Body, request: ChatRequest, turns: Turns) -> None:  # noqa: ARG001 - one signature
    """Write what came in this dialect as it was."""
    config: Body = {}
    if request.tools:
        config["tools"] = _native_tools(request.tools)
    if request.tool_choice is not None:
        config["toolChoice"] = _choice(request.tool_choice)
    if config:
        body["toolConfig"] = config
    for name, value in request.extras.items():
        known = body.get(name)
        body[name] = {**value, **known} if isinstance(known, dict) and isinstance(value, Mapping) else value
    if request.output_format is not None and request.output_format.schema is not None:
        write_text_format(body, request.output_format, request.output_format.schema)
    if request.metadata is not None:
        body["requestMetadata"] = dict(request.metadata)
    if request.service_tier is not None:
        body["serviceTier"] = {"type": request.service_tier}
    fields = body.get("additionalModelRequestFields")
    inner = fields.get("inferenceConfig") if isinstance(fields, Mapping) else None
    elsewhere = inner.get("topK") if isinstance(inner, Mapping) else None
    if request.top_k is not None and request.top_k != elsewhere:
        set_field(body, "top_k", request.top_k)


def _native_tools(tools: tuple[Tool, ...]) -> list[Body]:
    written: list[Body] = []
    for tool in tools:
        if tool.opaque is not None:
            written.append(dict(tool.opaque.payload))
            continue
        extras = dict(tool.extras)
        rest = extras.pop("inputSchema", {})
        schema: Body = {} if tool.parameters is None else {"json": tool.parameters}
        spec = _spec(tool, {**schema, **(rest if isinstance(rest, Mapping) else {})})
        written.append({"toolSpec": {**spec, **extras}})
        if tool.cache is not None:
            written.append(mark(tool.cache))
    return written


def _spec(tool: Tool, schema: Mapping[str, Json]) -> Body:
    spec: Body = {"name": tool.name, "inputSchema": schema}
    if tool.description is not None:
        spec["description"] = tool.description
    if tool.strict is not None:
        spec["strict"] = tool.strict
    return spec


def _write_tools(body: Body, request: ChatRequest, turns: Turns, quirks: JsonObject, edits: Edits) -> None:
    choice = request.tool_choice
    forbidden = choice is not None and choice.mode == "none"
    tools: list[Body] = []
    if request.tools and forbidden and not turns.called:
        edits.note("dropped:tools")  # none may be called, and this API has no word for that
    elif request.tools:
        tools = [block for tool in request.tools for block in _tool(tool, quirks, edits)]
    if not request.tools and turns.called:
        edits.note("added:tools")
        tools = [{"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"}}}} for name in turns.called]
        forbidden = True
    if not tools:
        return
    config: Body = {"tools": tools}
    if forbidden:
        edits.note("emulated:tool_choice")  # this API has no word for it
        turns.system.append({"text": _NO_TOOLS})
    elif choice is not None:
        if choice.opaque is not None:
            edits.refuse("tool_choice", "This model cannot be told to choose tools in this way.")
        if choice.parallel is False:
            edits.drop("parallel_tool_calls")
        if choice.mode in ("required", "named"):
            config["toolChoice"] = _choice(choice)
    body["toolConfig"] = config


def _ask_for_call(body: Body, turns: Turns, edits: Edits) -> None:
    """Ask in words for the call that a model cannot be forced to make."""
    config = body.get("toolConfig")
    choice = config.pop("toolChoice", None) if isinstance(config, dict) else None
    if not isinstance(choice, dict):
        return
    edits.change("emulated:tool_choice", "tool_choice")
    named = choice.get("tool")
    which = f"the tool {named['name']}" if isinstance(named, dict) else "one of the tools"
    turns.system.append({"text": f"Call {which} now instead of answering in words."})


def _tool(tool: Tool, quirks: JsonObject, edits: Edits) -> list[Body]:
    if tool.opaque is not None:
        refuse_kind(tool, edits)
    spec = _spec(tool, {"json": {**(tool.parameters or {}), "type": "object"}})
    if not (tool.description or "").strip():
        spec.pop("description", None)  # the vendor refuses an empty one
    if not tool.strict:
        spec.pop("strict", None)
    elif quirks.get("strict_tools") is False or quirks.get("json_schema") is False:
        edits.drop("tools.strict")
        spec.pop("strict", None)
    blocks: list[Body] = [{"toolSpec": spec}]
    return blocks if tool.cache is None else [*blocks, mark(tool.cache)]


def _choice(choice: ToolChoice) -> Body:
    if choice.opaque is not None:
        return dict(choice.opaque.payload)
    if choice.mode == "named":
        return {"tool": {"name": choice.name}}
    return {"any": {}} if choice.mode == "required" else {"auto": {}}


def _write_top_k(body: Body, request: ChatRequest, quirks: JsonObject, edits: Edits) -> None:
    if request.top_k is None:
        return
    place = quirks.get("top_k_field")
    if place == "inferenceConfig.topK":
        set_field(body, "inferenceConfig", {"topK": request.top_k})
    elif isinstance(place, str) and place:
        set_field(body, place, request.top_k)
    else:
        edits.drop("top_k")


def _make_room_for_thinking(body: Body, edits: Edits) -> None:
    """Leave out the sampling settings that Claude refuses beside thinking (AWS docs, "Extended thinking", 2026-11)."""
    config, fields = body.get("inferenceConfig"), body.get("additionalModelRequestFields")
    if not thinks(body) or not isinstance(fields, dict):
        return
    if isinstance(config, dict):
        if config.pop("temperature", 1) != 1:
            edits.drop("temperature")
        if not 0.95 <= config.get("topP", 1) <= 1:
            edits.drop("top_p")
            del config["topP"]
        if not config:
            del body["inferenceConfig"]
    if fields.pop("top_k", None) is not None:
        edits.drop("top_k")


def _report_rest(body: Body, request: ChatRequest, edits: Edits) -> None:
    if request.service_tier is not None and request.service_tier != "auto":
        tier = _TIERS.get(request.service_tier)
        if tier is None:
            edits.drop("service_tier")
        else:
            body["serviceTier"] = {"type": tier}
    labels = request.metadata
    if labels is not None:
        if 0 < len(labels) <= _MOST_METADATA and all(map(_sendable, (*labels, *labels.values()))):
            body["requestMetadata"] = dict(labels)
        else:
            edits.note("dropped:metadata")  # labels for the caller's own dashboards
    if request.user is not None:
        edits.note("dropped:user")
    for name in ("seed", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs"):
        value = getattr(request, name)
        if value is not None and value is not False and (name == "seed" or value != 0):
            edits.drop(name)
    for name in request.extras:
        if name not in _MEANINGFUL:
            edits.drop(name)


def _sendable(word: Json) -> bool:
    return isinstance(word, str) and _WORDS_OF_METADATA.fullmatch(word) is not None


def _take_marks(body: Body, edits: Edits) -> None:
    """Leave cache breakpoints out for models that refuse them."""
    lists = [body.get("system"), *(turn["content"] for turn in body["messages"])]  # type: ignore[attr-defined]
    config = body.get("toolConfig")
    lists.append(config.get("tools") if isinstance(config, dict) else None)
    for blocks in lists:
        if isinstance(blocks, list) and any("cachePoint" in block for block in blocks):
            edits.note("dropped:cache_control")
            blocks[:] = [block for block in blocks if "cachePoint" not in block]
