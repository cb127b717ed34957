"""Writes a canonical request as a Cohere chat body.

Rules: whatever the caller's dialect has and this one lacks is dropped and reported, or refused where the answer would
mean something else. One forced tool is told by offering it alone. Limits: vendor docs, "Chat", 2026-11.
Quirks read: `max_output`, `thinking_request`, `json_schema`, `strict_tools`, and the policy (`dialects/policy.py`).
"""

from __future__ import annotations

from sluice.dialects.base import Encoded, JsonObject
from sluice.dialects.cohere_chat.messages_out import Block, MessageWriter
from sluice.dialects.cohere_chat.names import MOST_STOPS, NAME
from sluice.dialects.edits import Edits
from sluice.dialects.effort import budget_for
from sluice.dialects.foreign import leave_out, output_bound, own_tool, refuse_schema, refuse_several
from sluice.dialects.functions import write_function
from sluice.dialects.policy import apply, changes_of
from sluice.types.chat import ChatRequest, OutputFormat, Reasoning, Tool, ToolChoice

_UNBOUNDED = ("high", "xhigh", "max")
"""Efforts whose thinking is left without a bound, as the vendor advises."""


def encode_request(request: ChatRequest, model: str, quirks: JsonObject, strict: bool) -> Encoded:
    """Return the body for `model`. Raises UnsupportedParameter."""
    edits, native = Edits(strict, "Cohere chat"), request.dialect == NAME
    refuse_several(request, edits)
    writer = MessageWriter(native, edits)
    body: Block = {"model": model, "messages": writer.write(request.messages)}
    if writer.documents:
        body["documents"] = writer.documents
        if not writer.cited and not native:
            body["citation_options"] = {"mode": "OFF"}  # nobody asked for them
    _write_tools(body, request, native, quirks, edits)
    if request.output_format is not None:
        body["response_format"] = _output_format(request.output_format, native, quirks, edits)
    _write_thinking(body, request, native, quirks, edits)
    _write_sampling(body, request, native, quirks, edits)
    if request.stream:
        body["stream"] = True
    _write_others(body, request, native, edits)
    apply(body, changes_of(body, quirks), edits)
    return Encoded(body, edits.all())


def _write_tools(body: Block, request: ChatRequest, native: bool, quirks: JsonObject, edits: Edits) -> None:
    offered, choice = request.tools, request.tool_choice
    if choice is not None and choice.mode == "named":
        offered = tuple(tool for tool in offered if tool.name == choice.name)
        if not offered:
            edits.refuse("tool_choice", f"tool_choice names {str(choice.name)[:64]!r}, which is not among the tools.")
        if len(offered) < len(request.tools):
            edits.note("narrowed:tools")
    if offered:
        body["tools"] = [_tool(tool, native, edits) for tool in offered]
    stated = [tool.strict for tool in offered if tool.strict is not None]
    if native and stated:
        body["strict_tools"] = stated[0]
    elif any(stated):
        if len(stated) == len(offered) and all(stated) and quirks.get("strict_tools") is not False:
            body["strict_tools"] = True  # it holds for all tools or for none
        else:
            edits.drop("tools.strict")
    if choice is not None:
        _write_tool_choice(body, choice, bool(offered) or native, edits)


def _write_tool_choice(body: Block, choice: ToolChoice, offered: bool, edits: Edits) -> None:
    if choice.opaque is not None:
        edits.refuse("tool_choice", "This model cannot be told to choose tools in this way.")
    if choice.parallel is False:
        edits.note("dropped:parallel_tool_calls")
    if choice.mode in ("required", "named", "none") and offered:
        body["tool_choice"] = "NONE" if choice.mode == "none" else "REQUIRED"


def _tool(tool: Tool, native: bool, edits: Edits) -> Block:
    own = own_tool(tool, NAME, edits)
    if own is not None:
        return own
    if tool.cache is not None:
        edits.note("dropped:cache_control")
    return write_function(tool, native)


def _output_format(wanted: OutputFormat, native: bool, quirks: JsonObject, edits: Edits) -> Block:
    if wanted.kind != "json_schema" or wanted.schema is None:
        return {"type": "text" if wanted.kind == "text" else "json_object"}
    if not native and quirks.get("json_schema") is False:
        refuse_schema(edits)
    return {"type": "json_object", "json_schema": wanted.schema}


def _write_thinking(body: Block, request: ChatRequest, native: bool, quirks: JsonObject, edits: Edits) -> None:
    wanted, bound = request.reasoning, request.max_tokens
    if wanted is None or wanted == Reasoning():
        return
    if not native and quirks.get("thinking_request") == "none":
        if wanted.enabled is not False and wanted.effort != "none":
            edits.drop("reasoning_effort")
        return
    if wanted.enabled is False or wanted.effort == "none":
        body["thinking"] = {"type": "disabled"}
        if native and wanted.budget is not None:
            body["thinking"] = {"type": "disabled", "token_budget": wanted.budget}
        return
    if wanted.effort is None and wanted.budget is None and not (wanted.enabled or wanted.adaptive):
        return
    body["thinking"] = {"type": "enabled"}
    if native:
        if wanted.budget is not None:
            body["thinking"] = {"type": "enabled", "token_budget": wanted.budget}
        return
    if wanted.budget is not None or wanted.effort not in (None, *_UNBOUNDED):
        budget = budget_for(wanted, quirks, edits, limit=bound)
        if budget is None:
            edits.drop("reasoning_effort")  # no room to think before the answer
            body["thinking"] = {"type": "disabled"}
            return
        body["thinking"] = {"type": "enabled", "token_budget": budget}


def _write_sampling(body: Block, request: ChatRequest, native: bool, quirks: JsonObject, edits: Edits) -> None:
    found = {
        "max_tokens": output_bound(request, native, quirks, edits),
        "temperature": request.temperature,
        "p": request.top_p,
        "k": request.top_k,
        "seed": request.seed,
        "frequency_penalty": request.frequency_penalty,
        "presence_penalty": request.presence_penalty,
    }
    body.update({name: value for name, value in found.items() if value is not None})
    if request.stop:
        body["stop_sequences"] = list(request.stop)
    if request.logprobs is not None and native:
        body["logprobs"] = request.logprobs
    if not native:
        _fit(body, edits)
        if len(request.stop) > MOST_STOPS:
            edits.refuse(
                "stop", f"This model takes at most {MOST_STOPS} stop sequences; {len(request.stop)} were sent."
            )


_RANGES = (
    ("p", "top_p", 0.01, 0.99),
    ("k", "top_k", 0, 500),
    ("frequency_penalty", "frequency_penalty", 0.0, 1.0),
    ("presence_penalty", "presence_penalty", 0.0, 1.0),
)


def _fit(body: Block, edits: Edits) -> None:
    """Keep what another dialect allows within what this one takes."""
    for name, asked, least, most in _RANGES:
        value = body.get(name)
        if not isinstance(value, int | float) or least <= value <= most:
            continue
        if name == "p" and value == 1:
            edits.note("clamped:top_p")  # as good as all there is
        else:
            edits.change(f"clamped:{asked}", asked)
        body[name] = min(max(value, least), most)
    seed = body.get("seed")
    if isinstance(seed, int) and seed < 0:
        edits.drop("seed")
        del body["seed"]


def _write_others(body: Block, request: ChatRequest, native: bool, edits: Edits) -> None:
    if native:
        for name, value in request.extras.items():
            body.setdefault(name, value)
        return
    leave_out(request, ("service_tier", "top_logprobs", "logprobs"), edits)
