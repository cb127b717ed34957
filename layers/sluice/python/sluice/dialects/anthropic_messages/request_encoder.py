"""Writes a canonical request as a Messages body.

Rules: whatever the caller's dialect has and this one lacks is dropped and reported, or refused where the answer would
mean something else (several answers, sound) or the route is strict. Thinking excludes sampling settings and forced
tools, so where a request asks for both, forced tools win over thinking and thinking wins over sampling.
Quirks read: `max_output`, `thinking_request`, `reasoning_efforts`, `json_schema`, `strict_tools`, `system_turns`,
and the policy (`dialects/policy.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.anthropic_messages.block_writer import mark
from sluice.dialects.anthropic_messages.names import DEFAULT_MAX_TOKENS, NAME
from sluice.dialects.anthropic_messages.structured import write_output_format
from sluice.dialects.anthropic_messages.thinking import write_thinking
from sluice.dialects.anthropic_messages.turns import write_system, write_turns
from sluice.dialects.base import Encoded, JsonObject
from sluice.dialects.edits import Edits
from sluice.dialects.foreign import own_tool
from sluice.dialects.policy import apply, changes_of
from sluice.types.chat import ChatRequest, Json, Tool, ToolChoice

Body = dict[str, object]

_TIERS = {"default": "standard_only", "auto": "auto", "standard_only": "standard_only"}
_MODES = {"auto": "auto", "required": "any", "none": "none"}
_MEANINGFUL = {
    "modalities": "This model answers in text only; ask for text alone.",
    "audio": "This model does not answer in sound; ask for text.",
}


def encode_request(request: ChatRequest, model: str, quirks: JsonObject, strict: bool) -> Encoded:
    """Return the body for `model`. Raises UnsupportedParameter, BadRequest."""
    edits, native = Edits(strict, "Messages"), request.dialect == NAME
    _refuse(request, edits)
    turns = write_turns(request, quirks.get("system_turns") is True, edits)
    messages = turns.finish()
    body: Body = {
        "model": model,
        "max_tokens": _max_tokens(request, quirks, edits),
        "messages": messages,
    }
    if request.tools:
        body["tools"] = [_tool(tool, native, quirks, edits) for tool in request.tools]
    if request.tool_choice is not None and (request.tools or native):
        body.update(_tool_choice(request.tool_choice, edits))
    write_output_format(body, request.output_format, turns.system, quirks, edits)
    if turns.system:
        body["system"] = write_system(turns.system)
    _write_extras(body, request, edits)
    write_thinking(body, request, quirks, edits)
    _write_sampling(body, request, edits)
    _write_rest(body, request, edits)
    apply(body, changes_of(body, quirks), edits)
    return Encoded(body, edits.all())


def _refuse(request: ChatRequest, edits: Edits) -> None:
    if request.n is not None and request.n > 1:
        edits.refuse("n", f"This model gives one answer a request, not n={request.n}; send the request n times.")
    if request.dialect == NAME:
        return
    for name, reason in _MEANINGFUL.items():
        value = request.extras.get(name)
        if value is not None and value != ["text"]:
            edits.refuse(name, reason)


def _max_tokens(request: ChatRequest, quirks: JsonObject, edits: Edits) -> int:
    most = quirks.get("max_output")
    limit = most if isinstance(most, int) and most > 0 else None
    if request.max_tokens is None:
        edits.note("default:max_tokens")
        return limit or DEFAULT_MAX_TOKENS
    if limit is not None and request.max_tokens > limit and request.dialect != NAME:
        edits.note("clamped:max_tokens")  # the model could not have written more
        return limit
    return request.max_tokens


def _tool(tool: Tool, native: bool, quirks: JsonObject, edits: Edits) -> Body:
    own = own_tool(tool, NAME, edits)
    if own is not None:
        return own
    written: Body = {"name": tool.name}
    if tool.description is not None:
        written["description"] = tool.description
    if tool.parameters is not None and (native or "type" in tool.parameters):
        written["input_schema"] = tool.parameters
    elif not native:
        written["input_schema"] = {**(tool.parameters or {}), "type": "object"}
    if tool.strict is not None and (native or tool.strict):
        if not native and (quirks.get("strict_tools") is False or quirks.get("json_schema") is False):
            edits.drop("tools.strict")
        else:
            written["strict"] = tool.strict
    if native:
        written.update(tool.extras)
    return mark(written, tool.cache)


def _tool_choice(choice: ToolChoice, edits: Edits) -> Body:
    if choice.opaque is not None:
        if choice.opaque.dialect == NAME:
            return {"tool_choice": dict(choice.opaque.payload)}
        edits.refuse("tool_choice", "This model cannot be told to choose tools in this way.")
    if choice.mode == "named":
        written: Body = {"type": "tool", "name": choice.name}
    elif choice.mode is None and choice.parallel is None:
        return {}
    else:
        written = {"type": _MODES[choice.mode or "auto"]}
    if choice.parallel is not None and written["type"] != "none":
        written["disable_parallel_tool_use"] = not choice.parallel
    return {"tool_choice": written}


def _write_sampling(body: Body, request: ChatRequest, edits: Edits) -> None:
    """Write temperature, top_p and top_k, within what the vendor accepts together."""
    temperature, top_p, top_k = request.temperature, request.top_p, request.top_k
    if request.dialect != NAME:
        if temperature is not None and temperature > 1:
            edits.change("clamped:temperature")
            temperature = 1.0
        if thinks(body):
            if temperature is not None and temperature != 1:
                edits.drop("temperature")
            if top_p is not None and not 0.95 <= top_p <= 1:
                edits.drop("top_p")
                top_p = None
            if top_k is not None:
                edits.drop("top_k")
            temperature = top_k = None
        if temperature is not None and top_p is not None:
            # Newer models refuse the pair; 1 is top_p's neutral value.
            if top_p != 1:
                edits.drop("top_p")
            top_p = None
    for name, value in (("temperature", temperature), ("top_p", top_p), ("top_k", top_k)):
        if value is not None:
            body[name] = value


def thinks(body: Mapping[str, Json]) -> bool:
    """Return whether a body turns thinking on."""
    thinking = body.get("thinking")
    return isinstance(thinking, dict) and thinking.get("type") != "disabled"


def _write_rest(body: Body, request: ChatRequest, edits: Edits) -> None:
    stops = request.stop if request.dialect == NAME else tuple(stop for stop in request.stop if stop.strip())
    if len(stops) < len(request.stop):
        edits.drop("stop")  # the vendor takes no blank stop sequences
    if stops:
        body["stop_sequences"] = list(stops)
    if request.stream:
        body["stream"] = True
    if request.user is not None:
        metadata = body.get("metadata")
        body["metadata"] = {**(metadata if isinstance(metadata, dict) else {}), "user_id": request.user}
    if request.service_tier is not None:
        tier = request.service_tier if request.dialect == NAME else _TIERS.get(request.service_tier)
        if tier is not None:
            body["service_tier"] = tier
        else:
            edits.drop("service_tier")
    if request.metadata is not None and request.dialect != NAME:
        edits.note("dropped:metadata")  # labels for the caller's own dashboards
    for name in ("seed", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs"):
        value = getattr(request, name)
        if value is not None and value is not False and (name == "seed" or value != 0):
            edits.drop(name)


def _write_extras(body: Body, request: ChatRequest, edits: Edits) -> None:
    for name, value in request.extras.items():
        if request.dialect != NAME:
            if name not in _MEANINGFUL:
                edits.drop(name)
        elif name == "output_config" and isinstance(value, dict):
            config = body.get("output_config")
            body[name] = {**value, **(config if isinstance(config, dict) else {})}
        else:
            body[name] = value
