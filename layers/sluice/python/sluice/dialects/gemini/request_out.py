"""Writes a canonical request as a generateContent body.

Rules: the model and whether to stream stand in the provider's path, never in the body. Whatever the caller's dialect
has and this one lacks is dropped and reported, or refused where the answer would mean something else.
Quirks read: `max_output`, `thinking_config`, `reasoning_efforts`, `least_thinking`, `most_thinking`, `json_schema`,
`openapi_schemas`, `signed_calls`, `tool_images`, and the policy (`dialects/policy.py`).
"""

from __future__ import annotations

from sluice.dialects.base import Encoded, JsonObject
from sluice.dialects.edits import Edits
from sluice.dialects.foreign import own_tool
from sluice.dialects.gemini.config_out import write_config
from sluice.dialects.gemini.contents_out import write_contents
from sluice.dialects.gemini.names import NAME, SECTIONS
from sluice.dialects.gemini.schema import reduced, to_openapi
from sluice.dialects.policy import apply, changes_of
from sluice.types.chat import ChatRequest, Json, Tool, ToolChoice

Body = dict[str, object]

_MODES = {"auto": "AUTO", "required": "ANY", "none": "NONE", "named": "ANY"}
_TIERS = ("standard", "flex", "priority")
_READ = ("modalities", "generationConfig", "toolConfig")


def encode_request(request: ChatRequest, model: str, quirks: JsonObject, strict: bool) -> Encoded:  # noqa: ARG001
    """Return the body; `model` stands in the path. Raises UnsupportedParameter, BadRequest."""
    edits, native = Edits(strict, "generateContent"), request.dialect == NAME
    contents = write_contents(request, quirks, edits)
    turns = contents.finish()
    body: Body = {"contents": turns}
    if contents.system:
        body["systemInstruction"] = {"parts": contents.system, **contents.system_extras}
    if request.tools:
        body["tools"] = _tools(request.tools, native, quirks, edits)
    _write_tool_config(body, request, native, edits)
    if config := write_config(request, quirks, edits):
        body["generationConfig"] = config
    _write_rest(body, request, native, edits)
    apply(body, changes_of(body, quirks, SECTIONS), edits)
    return Encoded(body, edits.all())


def _tools(tools: tuple[Tool, ...], native: bool, quirks: JsonObject, edits: Edits) -> list[Json]:
    """Return the tool objects: functions that follow each other share one."""
    written: list[Json] = []
    functions: list[Json] = []
    for tool in tools:
        own = own_tool(tool, NAME, edits)
        if own is None:
            if not functions:
                written.append({"functionDeclarations": functions})
            functions.append(_function(tool, native, quirks, edits))
        else:
            functions = []
            written.append(own)
    return written


def _function(tool: Tool, native: bool, quirks: JsonObject, edits: Edits) -> Body:
    written: Body = {"name": tool.name}
    if tool.description is not None:
        written["description"] = tool.description
    if native:
        return {**written, **tool.extras}
    if tool.strict:
        edits.note("dropped:tools.strict")  # calls follow their schema closely anyway
    if tool.cache is not None:
        edits.note("dropped:cache_control")
    openapi = quirks.get("openapi_schemas") is True
    if not tool.parameters or (openapi and not ({"properties", "$ref"} & tool.parameters.keys())):
        return written  # the OpenAPI subset has no objects without properties
    schema = to_openapi(tool.parameters) if openapi else reduced(tool.parameters)
    if not openapi and schema != tool.parameters:
        edits.note("reduced:tools.parameters")
    written["parameters" if openapi else "parametersJsonSchema"] = schema
    return written


def _write_tool_config(body: Body, request: ChatRequest, native: bool, edits: Edits) -> None:
    kept = request.extras.get("toolConfig") if native else None
    config: Body = dict(kept) if isinstance(kept, dict) else {}
    choice = request.tool_choice
    if choice is not None and (request.tools or native):
        others = config.get("functionCallingConfig")
        config["functionCallingConfig"] = {
            **_calling(choice, edits),
            **(others if isinstance(others, dict) else {}),
        }
    if config.get("functionCallingConfig") == {}:
        del config["functionCallingConfig"]
    if config:
        body["toolConfig"] = config


def _calling(choice: ToolChoice, edits: Edits) -> Body:
    if choice.opaque is not None:
        edits.refuse("tool_choice", "This model cannot be told to choose tools in this way.")
    if choice.parallel is False:
        edits.drop("parallel_tool_calls")
    if choice.mode is None:
        return {}
    allowed = {"allowedFunctionNames": [choice.name]} if choice.mode == "named" else {}
    return {"mode": _MODES[choice.mode], **allowed}


def _write_rest(body: Body, request: ChatRequest, native: bool, edits: Edits) -> None:
    if request.service_tier is not None:
        if native or request.service_tier in _TIERS:
            body["serviceTier"] = request.service_tier
        elif request.service_tier not in ("auto", "default", "standard_only"):
            edits.drop("service_tier")
    for name in ("user", "metadata"):
        if getattr(request, name) is not None:
            edits.note(f"dropped:{name}")  # labels for the caller's own dashboards
    for name, value in request.extras.items():
        if native and name not in _READ:
            body[name] = value
        elif not native and name != "modalities":
            edits.drop(name)
