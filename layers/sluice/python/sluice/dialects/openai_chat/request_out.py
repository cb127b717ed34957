"""Writes a canonical request as the body a provider of this dialect wants."""

from __future__ import annotations

from sluice.dialects.base import Encoded, JsonObject
from sluice.dialects.edits import Edits
from sluice.dialects.openai_chat.adapt import adapt_members, adapt_messages, adapt_tools
from sluice.dialects.openai_chat.effort import write_reasoning_request
from sluice.dialects.openai_chat.messages_out import write_messages
from sluice.dialects.openai_chat.names import NAME
from sluice.dialects.openai_chat.parts_out import Block, PartWriter
from sluice.dialects.policy import apply
from sluice.types.chat import ChatRequest, OutputFormat, Tool, ToolChoice

_NUMBERS = (
    "temperature", "top_p", "seed", "n", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "user",
)  # fmt: skip
_SERVERS = frozenset({"mcp_servers"})
_TIERS = {"auto": "auto", "standard_only": "default"}  # Anthropic's words


def encode_request(request: ChatRequest, model: str, quirks: JsonObject, strict: bool) -> Encoded:
    """Return the provider's request body; see `ChatDialect.encode_request`."""
    edits = Edits(strict)
    native = request.dialect in ("", NAME)
    writer = PartWriter(quirks, native, edits)
    body: Block = {"model": model, "messages": write_messages(request.messages, writer)}
    if request.max_tokens is not None:
        body[_bound(quirks)] = request.max_tokens
    for name in _NUMBERS:
        value = getattr(request, name)
        if value is not None:
            body[name] = value
    _write_stop(body, request, quirks, edits)
    _write_tools(body, request, writer)
    if request.output_format is not None:
        body["response_format"] = _output_format(request.output_format, quirks, edits)
    write_reasoning_request(body, request.reasoning, quirks, native, edits)
    _write_stream(body, request, quirks)
    _write_others(body, request, quirks, native, edits)
    return Encoded(_adapted(body, quirks, edits), edits.all())


def _bound(quirks: JsonObject) -> str:
    return "max_completion_tokens" if quirks.get("max_tokens_field") == "max_completion_tokens" else "max_tokens"


def _write_stop(body: Block, request: ChatRequest, quirks: JsonObject, edits: Edits) -> None:
    most = quirks.get("max_stop")
    if isinstance(most, int) and len(request.stop) > most:
        edits.refuse("stop", f"This model takes at most {most} stop sequences; {len(request.stop)} were sent.")
    if request.stop:
        body["stop"] = list(request.stop)


def _write_tools(body: Block, request: ChatRequest, writer: PartWriter) -> None:
    if request.tools:
        body["tools"] = [_tool(tool, writer) for tool in request.tools]
    choice = request.tool_choice
    if choice is None:
        return
    if choice.parallel is not None and request.tools:
        body["parallel_tool_calls"] = choice.parallel
    written = _tool_choice(choice, writer)
    if written is not None:
        body["tool_choice"] = written


def _tool(tool: Tool, writer: PartWriter) -> Block:
    if tool.opaque is not None:
        if tool.opaque.dialect == NAME:
            return dict(tool.opaque.payload)
        writer.edits.refuse(
            "tools",
            f"'{tool.name}' is a tool that another vendor runs on its own servers; this model cannot run it. "
            "Leave it out, or choose a model of that vendor.",
        )
    function: Block = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    if tool.strict is not None:
        function["strict"] = tool.strict
    extras = tool.extras if writer.native else {}
    return writer.mark({"type": "function", "function": function, **extras}, tool.cache)


def _tool_choice(choice: ToolChoice, writer: PartWriter) -> object:
    if choice.opaque is not None:
        if choice.opaque.dialect == NAME:
            return dict(choice.opaque.payload)
        writer.edits.refuse("tool_choice", "This model cannot be told to choose tools in this way.")
    if choice.mode == "required":
        return writer.quirks.get("tool_choice_required") or "required"
    if choice.mode == "named":
        return {"type": "function", "function": {"name": choice.name}}
    return choice.mode


def _output_format(wanted: OutputFormat, quirks: JsonObject, edits: Edits) -> Block:
    if wanted.kind != "json_schema":
        return {"type": wanted.kind}
    if quirks.get("json_schema") is False:
        edits.refuse(
            "response_format",
            "This model cannot be held to a JSON schema. Ask for json_object and describe the schema in the prompt, "
            "or choose another model.",
        )
    schema: Block = {"name": wanted.name or "answer", "schema": wanted.schema or {}}
    if wanted.strict is not None:
        schema["strict"] = wanted.strict
    if wanted.description is not None:
        schema["description"] = wanted.description
    return {"type": "json_schema", "json_schema": schema}


def _write_stream(body: Block, request: ChatRequest, quirks: JsonObject) -> None:
    others = request.extras.get("stream_options") if request.dialect == NAME else None
    options: Block = dict(others) if isinstance(others, dict) else {}
    if request.stream:
        body["stream"] = True
        options["include_usage"] = True
    if options and quirks.get("stream_options") is not False:
        body["stream_options"] = options


def _write_others(body: Block, request: ChatRequest, quirks: JsonObject, native: bool, edits: Edits) -> None:
    if request.top_k is not None:
        if native or quirks.get("top_k") is True:
            body["top_k"] = request.top_k
        else:
            edits.drop("top_k")
    if request.metadata:
        if native:
            body["metadata"] = request.metadata
        else:
            edits.note("dropped:metadata")
    if request.service_tier is not None:
        tier = request.service_tier if native else _TIERS.get(request.service_tier)
        if tier is not None:
            body["service_tier"] = tier
        else:
            edits.drop("service_tier")
    for name, value in request.extras.items():
        if native:
            body.setdefault(name, value)
        elif name in _SERVERS and value:
            edits.refuse(name, f"'{name}' names servers that only its own vendor calls; leave it out.")
        else:
            edits.drop(name)


def _adapted(body: Block, quirks: JsonObject, edits: Edits) -> Block:
    """Apply the declared quirks, as pass-through does."""
    if not quirks:
        return body
    changes = adapt_members(body, quirks)
    for name, changed in (
        ("messages", adapt_messages(body["messages"], quirks)),
        ("tools", adapt_tools(body.get("tools"), quirks)),
    ):
        if changed is not None:
            changes.setdefault(name, changed)
            changes.silence(name)
    apply(body, changes, edits)
    return body
