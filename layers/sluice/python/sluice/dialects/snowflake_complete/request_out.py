"""Writes a canonical request as Snowflake wants it.

Rules (vendor document, 2026-11): one system message, first; user and assistant messages take turns and a user message
is last; results of tools stand in user messages. So turns of one side are joined, and instructions from between
the turns move to the front, which is reported.
"""

from __future__ import annotations

from collections.abc import Iterator

from sluice.dialects.base import Encoded, JsonObject
from sluice.dialects.edits import Edits
from sluice.dialects.effort import budget_for, declared, word_for
from sluice.dialects.policy import apply, changes_of
from sluice.dialects.snowflake_complete.names import NAME
from sluice.dialects.snowflake_complete.parts_out import Item, PartWriter
from sluice.types.chat import ChatRequest, Json, Message, OutputFormat, Reasoning, Text, Tool, ToolChoice

_LEAST_BUDGET = 1024
_DROPPED = ("top_k", "seed", "presence_penalty", "frequency_penalty", "logprobs", "user", "service_tier")


def encode_request(request: ChatRequest, model: str, quirks: JsonObject, strict: bool) -> Encoded:
    """Return the provider's request body; see `ChatDialect.encode_request`."""
    edits = Edits(strict, "Cortex complete")
    native = request.dialect in ("", NAME)
    writer = PartWriter(native, edits, str(quirks.get("cortex_reasoning", "")))
    messages = request.messages if native else tuple(_in_turns(request.messages, edits))
    body: dict[str, object] = {"model": model, "messages": [_message(message, writer, native) for message in messages]}
    body["stream"] = request.stream
    for name, value in (
        ("max_tokens", request.max_tokens),
        ("temperature", request.temperature),
        ("top_p", request.top_p),
    ):
        if value is not None:
            body[name] = value
    _write_tools(body, request, edits)
    if request.output_format is not None and request.output_format.kind != "text":
        if not native and request.output_format.kind == "json_schema" and quirks.get("json_schema") is False:
            edits.refuse(
                "response_format",
                "This model cannot be held to a JSON schema. Ask for json_object and describe the schema in the "
                "prompt, or choose another model.",
            )
        body["response_format"] = _output_format(request.output_format, native)
    _write_reasoning(body, request.reasoning, quirks, native, edits)
    _write_others(body, request, native, edits)
    apply(body, changes_of(body, quirks), edits)
    return Encoded(body, edits.all())


def _in_turns(messages: tuple[Message, ...], edits: Edits) -> Iterator[Message]:
    system = [message for message in messages if message.role in ("system", "developer")]
    if system:
        parts = tuple(part for message in system for part in message.parts)
        if any(message in system for message in messages[len(system) :]):
            edits.note("moved:system")
        yield Message("system", parts)
    held: Message | None = None
    for message in messages:
        if message.role in ("system", "developer"):
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if message.name is not None:
            edits.drop("messages.name")
        if held is not None and held.role == role:
            held = Message(held.role, (*held.parts, *message.parts))
            continue
        if held is not None:
            yield held
        held = Message("assistant" if role == "assistant" else "user", message.parts)
    if held is None or held.role != "user":
        edits.refuse("messages", "This model answers a user's message; the last message must be one.")
    yield held


def _message(message: Message, writer: PartWriter, native: bool) -> Item:
    written: Item = {"role": message.role, **(message.extras if native else {})}
    texts = [part.text for part in message.parts if isinstance(part, Text) and part.cache is None]
    if len(texts) == len(message.parts) and (len(texts) < 2 or (message.role == "system" and not native)):
        return {**written, "content": "\n\n".join(texts)}
    return {**written, "content_list": [item for part in message.parts if (item := writer.item(part)) is not None]}


def _write_tools(body: dict[str, object], request: ChatRequest, edits: Edits) -> None:
    choice = request.tool_choice
    if choice is not None and choice.mode == "none":
        edits.note("dropped:tools")  # without them no call can be made, which is what was asked for
        return
    if request.tools:
        body["tools"] = [_tool(tool, edits) for tool in request.tools]
    if choice is None:
        return
    if choice.parallel is False:
        edits.drop("parallel_tool_calls")
    written = _tool_choice(choice, edits)
    if written is not None:
        body["tool_choice"] = written


def _tool(tool: Tool, edits: Edits) -> Item:
    if tool.opaque is not None:
        if tool.opaque.dialect == NAME:
            return dict(tool.opaque.payload)
        edits.refuse(
            "tools",
            f"'{tool.name}' is a tool that another vendor runs on its own servers; this model cannot run it. Leave it "
            "out, or choose a model of that vendor.",
        )
    spec: Item = {"type": "generic", "name": tool.name}
    if tool.description is not None:
        spec["description"] = tool.description
    if tool.parameters is not None:
        spec["input_schema"] = tool.parameters
    if tool.strict:
        edits.note("dropped:strict")
    return {"tool_spec": spec, **({"cache_control": {"type": "ephemeral"}} if tool.cache is not None else {})}


def _tool_choice(choice: ToolChoice, edits: Edits) -> Item | None:
    if choice.opaque is not None:
        if choice.opaque.dialect == NAME:
            return dict(choice.opaque.payload)
        edits.refuse("tool_choice", "This model cannot be told to choose tools in this way.")
    if choice.mode == "named":
        return {"type": "tool", "name": [choice.name]}
    return None if choice.mode is None else {"type": choice.mode}


def _output_format(wanted: OutputFormat, native: bool) -> Item:
    if wanted.kind == "json_schema":
        return {"type": "json", "schema": wanted.schema or {}}
    return {"type": "json"} if native else {"type": "json", "schema": {"type": "object"}}


def _write_reasoning(
    body: dict[str, object], reasoning: Reasoning | None, quirks: JsonObject, native: bool, edits: Edits
) -> None:
    if reasoning is None:
        return
    if native:
        if reasoning.budget is not None:
            body["anthropic"] = {"thinking": {"budget_tokens": reasoning.budget}}
        if reasoning.effort is not None:
            body["openai"] = {"reasoning": {"effort": reasoning.effort}}
        return
    if reasoning.enabled is False or reasoning.effort == "none":
        return  # these models think only when they are told to
    style = quirks.get("cortex_reasoning")
    if style == "anthropic":
        most = body.get("max_tokens")
        limit = most if isinstance(most, int) else None
        budget = budget_for(reasoning, quirks, edits, limit=limit, least=_LEAST_BUDGET)
        if budget is None:
            edits.drop("reasoning_effort")
            return
        body["anthropic"] = {"thinking": {"budget_tokens": budget}}
    elif style == "openai":
        effort = word_for(reasoning, declared(quirks), edits)
        if effort is not None:
            body["openai"] = {"reasoning": {"effort": effort}}
    else:
        edits.drop("reasoning_effort")


def _write_others(body: dict[str, object], request: ChatRequest, native: bool, edits: Edits) -> None:
    if request.stop:
        edits.refuse("stop", "This model's API cannot be told where to stop; leave it out or choose another model.")
    if request.n is not None and request.n > 1:
        edits.refuse("n", "This model's API gives one answer; ask once for each.")
    for name in _DROPPED:
        if getattr(request, name):
            edits.drop(name)
    if request.metadata:
        edits.note("dropped:metadata")
    for name, value in request.extras.items():
        if native:
            _set(body, name, value)
        elif name == "mcp_servers" and value:
            edits.refuse(name, f"'{name}' names servers that only its own vendor calls; leave it out.")
        else:
            edits.drop(name)


def _set(body: dict[str, object], name: str, value: Json) -> None:
    body.setdefault(name, value)
