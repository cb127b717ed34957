"""Writes a canonical request as an Ollama chat body.

Rules: whatever the caller's dialect has and this one lacks is dropped and reported, or refused where the answer would
mean something else: nothing can force a tool here. `stream` is always stated, since its default is true.
Quirks read: `max_output`, `reasoning_efforts`, `json_schema`, and the policy (`dialects/policy.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import Encoded, JsonObject
from sluice.dialects.edits import Edits
from sluice.dialects.effort import declared, word_for
from sluice.dialects.foreign import leave_out, output_bound, own_tool, refuse_schema, refuse_several
from sluice.dialects.functions import write_function
from sluice.dialects.ollama_chat.messages_out import Block, MessageWriter
from sluice.dialects.ollama_chat.names import NAME, SECTIONS
from sluice.dialects.policy import apply, changes_of
from sluice.types.chat import ChatRequest, Json, OutputFormat, Reasoning, Tool


def encode_request(request: ChatRequest, model: str, quirks: JsonObject, strict: bool) -> Encoded:
    """Return the body for `model`. Raises UnsupportedParameter."""
    edits, native = Edits(strict, "Ollama chat"), request.dialect == NAME
    refuse_several(request, edits)
    body: Block = {"model": model, "messages": MessageWriter(native, edits).write(request.messages)}
    body["stream"] = request.stream
    _write_tools(body, request, native, edits)
    if request.output_format is not None:
        _write_format(body, request.output_format, native, quirks, edits)
    if request.reasoning is not None:
        _write_think(body, request.reasoning, native, quirks, edits)
    options = _options(request, native, quirks, edits)
    if options:
        body["options"] = options
    _write_others(body, request, native, edits)
    apply(body, changes_of(body, quirks, SECTIONS), edits)
    return Encoded(body, edits.all())


def _write_tools(body: Block, request: ChatRequest, native: bool, edits: Edits) -> None:
    choice = request.tool_choice
    if choice is not None:
        if choice.opaque is not None or (choice.mode in ("required", "named") and request.tools):
            edits.refuse(
                "tool_choice", "This model cannot be made to call a tool; use tool_choice auto, or another model."
            )
        if choice.parallel is False:
            edits.note("dropped:parallel_tool_calls")
        if choice.mode == "none" and request.tools:
            edits.note("narrowed:tools")  # tools that are not offered are not called
            return
    if request.tools:
        body["tools"] = [_tool(tool, native, edits) for tool in request.tools]


def _tool(tool: Tool, native: bool, edits: Edits) -> Block:
    own = own_tool(tool, NAME, edits)
    if own is not None:
        return own
    if tool.cache is not None:
        edits.note("dropped:cache_control")
    if tool.strict:
        edits.drop("tools.strict")
    return write_function(tool, native)


def _write_format(body: Block, wanted: OutputFormat, native: bool, quirks: JsonObject, edits: Edits) -> None:
    if wanted.kind == "json_schema" and wanted.schema is not None:
        if not native and quirks.get("json_schema") is False:
            refuse_schema(edits)
        body["format"] = wanted.schema
    elif wanted.kind != "text":
        body["format"] = "json"


def _write_think(body: Block, wanted: Reasoning, native: bool, quirks: JsonObject, edits: Edits) -> None:
    """Write `think`: a level where the model's are declared, else whether it thinks at all."""
    if native:
        body["think"] = wanted.effort if wanted.effort is not None else wanted.enabled
        return
    if wanted.enabled is False or wanted.effort == "none":
        body["think"] = False
        return
    if wanted.effort is None and wanted.budget is None and not (wanted.enabled or wanted.adaptive):
        return
    known = declared(quirks, ())
    if known:
        body["think"] = word_for(wanted, known, edits) or True
        return
    body["think"] = True
    if wanted.budget is not None:
        edits.note("dropped:reasoning_budget")
    if wanted.effort is not None:
        edits.note("clamped:reasoning_effort")


def _options(request: ChatRequest, native: bool, quirks: JsonObject, edits: Edits) -> Block:
    kept = request.extras.get("options") if native else None
    options: dict[str, Json] = dict(kept) if isinstance(kept, Mapping) else {}
    found = {
        "num_predict": output_bound(request, native, quirks, edits),
        "temperature": request.temperature,
        "top_p": request.top_p,
        "top_k": request.top_k,
        "seed": request.seed,
        "presence_penalty": request.presence_penalty,
        "frequency_penalty": request.frequency_penalty,
        "stop": list(request.stop) or None,
    }
    options.update({name: value for name, value in found.items() if value is not None})
    return options


def _write_others(body: Block, request: ChatRequest, native: bool, edits: Edits) -> None:
    if native:
        for name in ("logprobs", "top_logprobs"):
            if getattr(request, name) is not None:
                body[name] = getattr(request, name)
        for name, value in request.extras.items():
            body.setdefault(name, value)
        return
    leave_out(request, ("service_tier", "logprobs", "top_logprobs"), edits)
