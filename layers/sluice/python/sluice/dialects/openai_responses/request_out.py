"""Writes a canonical request as the body a provider of this dialect wants.

Rules: a translated request is never stored by the vendor (`store: false`), as its own dialect promised; where it asks
for reasoning, the encrypted form is asked for too, so that the caller can send it back. Sampling settings that this API
lacks are dropped and reported. Quirks read: `reasoning_items`, `reasoning_efforts`, `min_output_tokens`, `json_schema`,
`strict_tools`, `tool_choice_required`, and the policy (`dialects/policy.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import Encoded, JsonObject
from sluice.dialects.edits import Edits
from sluice.dialects.effort import declared, word_for
from sluice.dialects.openai_responses.content import Block, PartWriter
from sluice.dialects.openai_responses.items_out import ItemWriter
from sluice.dialects.openai_responses.names import ENCRYPTED, NAME
from sluice.dialects.openai_responses.passing import pass_edits
from sluice.dialects.openai_responses.request_in import LOGPROBS
from sluice.dialects.openai_responses.tools import write_choice, write_tools
from sluice.dialects.policy import apply
from sluice.types.chat import ChatRequest, Json, OutputFormat, Reasoning, Text

_TIERS = {"auto": "auto", "standard_only": "default"}  # Anthropic's words
_SAME = ("prompt_cache_key", "prompt_cache_retention", "safety_identifier", "store", "verbosity")
"""Members that Chat Completions and this API call by the same name and mean the same by."""
_ELSEWHERE = ("seed", "presence_penalty", "frequency_penalty", "top_k")
_CHAT = "openai_chat"
_MEANINGFUL = {
    "modalities": "This model answers in text only; ask for text alone.",
    "audio": "This model does not answer in sound; ask for text.",
}


def encode_request(request: ChatRequest, model: str, quirks: JsonObject, strict: bool) -> Encoded:
    """Return the provider's request body; see `ChatDialect.encode_request`."""
    edits, native = Edits(strict, "Responses"), request.dialect in ("", NAME)
    if request.n is not None and request.n > 1:
        edits.refuse("n", f"This model gives one answer a request, not n={request.n}; send the request n times.")
    body: Block = {"model": model}
    _write_input(body, request, PartWriter(quirks, native, edits))
    _write_limits(body, request, native, quirks, edits)
    if request.tools:
        body["tools"] = write_tools(request.tools, native, quirks, edits)
    if request.tool_choice is not None and (request.tools or native):
        _write_choice(body, request, quirks, edits)
    _write_text(body, request, quirks, edits)
    _write_reasoning(body, request, native, quirks, edits)
    _write_rest(body, request, native, edits)
    _write_extras(body, request, native, edits)
    _write_include(body, request, native)
    apply(body, pass_edits(body, quirks), edits)
    return Encoded(body, edits.all())


def _write_input(body: Block, request: ChatRequest, writer: PartWriter) -> None:
    items = ItemWriter(writer)
    for position, message in enumerate(request.messages):
        said = message.parts[0] if message.parts else None
        if position == 0 and writer.native and message.extras.get("instructions") is True and isinstance(said, Text):
            body["instructions"] = said.text
            continue
        items.add(message)
    if items.items or not writer.native or not request.bound:
        body["input"] = items.items


def _write_limits(body: Block, request: ChatRequest, native: bool, quirks: JsonObject, edits: Edits) -> None:
    bound, least = request.max_tokens, quirks.get("min_output_tokens")
    if bound is not None and isinstance(least, int) and bound < least and not native:
        edits.note(f"changed:max_output_tokens={least}")
        bound = least
    for name, value in (("max_output_tokens", bound), ("temperature", request.temperature), ("top_p", request.top_p)):
        if value is not None:
            body[name] = value
    if request.stop:
        edits.drop("stop")
    for name in _ELSEWHERE:
        value = getattr(request, name)
        if value is not None and (value != 0 or name == "seed"):
            edits.drop(name)


def _write_choice(body: Block, request: ChatRequest, quirks: JsonObject, edits: Edits) -> None:
    choice = request.tool_choice
    if choice is None:
        return
    if choice.parallel is not None:
        body["parallel_tool_calls"] = choice.parallel
    written = write_choice(choice, request.tools, quirks, edits)
    if written is not None:
        body["tool_choice"] = written


def _write_text(body: Block, request: ChatRequest, quirks: JsonObject, edits: Edits) -> None:
    text: Block = {}
    if request.output_format is not None:
        text["format"] = write_format(request.output_format)
        if request.output_format.kind == "json_schema" and quirks.get("json_schema") is False:
            edits.refuse(
                "text.format",
                "This model cannot be held to a JSON schema. Ask for json_object and describe the schema in the "
                "prompt, or choose another model.",
            )
    if request.dialect in ("", NAME, _CHAT) and isinstance(request.extras.get("verbosity"), str):
        text["verbosity"] = request.extras["verbosity"]
    if text:
        body["text"] = text


def write_format(wanted: OutputFormat) -> Block:
    """Return the wire's `text.format`."""
    if wanted.kind != "json_schema":
        return {"type": wanted.kind}
    shape: Block = {"type": "json_schema", "name": wanted.name or "answer", "schema": wanted.schema or {}}
    if wanted.strict is not None:
        shape["strict"] = wanted.strict
    if wanted.description is not None:
        shape["description"] = wanted.description
    return shape


def _write_reasoning(body: Block, request: ChatRequest, native: bool, quirks: JsonObject, edits: Edits) -> None:
    wanted, own = request.reasoning, request.extras.get("reasoning") if native else None
    asked: Block = dict(own) if isinstance(own, Mapping) else {}
    if wanted is not None:
        off = wanted.enabled is False
        effort = _effort(Reasoning("none") if off else wanted, native, quirks, edits)
        if effort is not None:
            asked["effort"] = effort
        shown = wanted.enabled or wanted.adaptive or wanted.budget is not None
        if not native and shown and asked.get("effort") != "none" and wanted.display != "omitted":
            # Only for callers who turned thinking on: the vendor gives summaries to verified organisations alone.
            asked["summary"] = "auto"
    if asked:
        body["reasoning"] = asked


def _effort(wanted: Reasoning, native: bool, quirks: JsonObject, edits: Edits) -> str | None:
    """Return the effort to ask for; None where the model's own default holds, or where it cannot stop thinking."""
    if wanted.effort is None and wanted.budget is None:
        if wanted.enabled or wanted.adaptive:
            edits.note("dropped:reasoning")
        return None
    if native and wanted.effort is not None:
        return wanted.effort
    taken = declared(quirks)
    if wanted.effort == "none" and "none" not in taken:
        edits.note("dropped:reasoning")
        return None
    return word_for(wanted, taken, edits)


def _write_rest(body: Block, request: ChatRequest, native: bool, edits: Edits) -> None:
    if request.stream:
        body["stream"] = True
    if request.user is not None:
        body["user"] = request.user
    if request.metadata is not None and (native or request.dialect == _CHAT):
        body["metadata"] = request.metadata
    if request.service_tier is not None:
        same = native or request.dialect == _CHAT
        tier = request.service_tier if same else _TIERS.get(request.service_tier)
        if tier is not None:
            body["service_tier"] = tier
        else:
            edits.drop("service_tier")
    if request.top_logprobs is not None:
        body["top_logprobs"] = request.top_logprobs


def _write_extras(body: Block, request: ChatRequest, native: bool, edits: Edits) -> None:
    if not native:
        body["store"] = False
    for name, value in request.extras.items():
        if name in ("verbosity", "reasoning", "include") and native:
            continue
        if native:
            body.setdefault(name, value)
        elif request.dialect == _CHAT and name in _SAME:
            if name != "verbosity":
                body[name] = value
        elif name in _MEANINGFUL and value not in (None, ["text"]):
            edits.refuse(name, _MEANINGFUL[name])
        elif name not in _MEANINGFUL and name != "stream_options":
            edits.drop(name)


def _write_include(body: Block, request: ChatRequest, native: bool) -> None:
    given = request.extras.get("include") if native else None
    include: list[Json] = list(given) if isinstance(given, list) else []
    if request.logprobs:
        include.append(LOGPROBS)
    if not native and "reasoning" in body:
        include.append(ENCRYPTED)
    if include:
        body["include"] = include
