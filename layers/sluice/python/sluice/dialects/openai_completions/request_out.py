"""Writes a canonical request as a completions provider wants it.

A chat has a form here only when it is one user message of one text. Where a chat caller sets no bound on the answer,
one is set: the vendor's own, 16 tokens, would cut every answer (OpenAI API reference, "Completions", 2026-11).
"""

from __future__ import annotations

from sluice.dialects.base import Encoded, JsonObject
from sluice.dialects.edits import Edits
from sluice.dialects.openai_chat.adapt import adapt_members
from sluice.dialects.openai_completions.names import NAME
from sluice.dialects.openai_completions.passing import own_quirks
from sluice.dialects.policy import apply
from sluice.types.chat import ChatRequest, Text

DEFAULT_BOUND = 1024
"""Output tokens for chat callers who name no bound; it leaves room for the prompt in a context of 4,096."""
MOST_LOGPROBS = 5
_NUMBERS = ("temperature", "top_p", "seed", "n", "presence_penalty", "frequency_penalty", "user")


def encode_request(request: ChatRequest, model: str, quirks: JsonObject, strict: bool) -> Encoded:
    """Return the provider's request body; see `ChatDialect.encode_request`."""
    edits = Edits(strict, "Completions")
    native = request.dialect in ("", NAME)
    body: dict[str, object] = {"model": model}
    prompt = request.extras.get("prompt") if native else None
    if prompt is not None:
        body["prompt"] = prompt
    elif request.messages or not native:
        body["prompt"] = _prompt(request, edits)
    _write_bound(body, request, quirks, native, edits)
    for name in _NUMBERS:
        value = getattr(request, name)
        if value is not None:
            body[name] = value
    if request.stop:
        _write_stop(body, request, quirks, edits)
    _write_logprobs(body, request, native, edits)
    if request.echo:
        body["echo"] = True
    _write_stream(body, request, quirks, native)
    _write_others(body, request, quirks, native, edits)
    apply(body, adapt_members(body, own_quirks(quirks)), edits)
    return Encoded(body, edits.all())


def _prompt(request: ChatRequest, edits: Edits) -> str:
    message = request.messages[0] if len(request.messages) == 1 else None
    part = message.parts[0] if message is not None and len(message.parts) == 1 else None
    if message is None or message.role != "user" or not isinstance(part, Text):
        edits.refuse(
            "messages",
            "This model only completes a text: the chat must be one user message with one text. Put instructions and "
            "earlier turns into it, or choose a chat model.",
        )
    if part.cache is not None:
        edits.note("dropped:cache_control")
    if message.name is not None:
        edits.drop("messages.name")
    if request.tools:
        edits.refuse("tools", "This model only completes a text and calls no tools. Choose a chat model.")
    if request.output_format is not None and request.output_format.kind != "text":
        edits.refuse(
            "response_format", "This model only completes a text and cannot be held to JSON. Choose a chat model."
        )
    return part.text


def _write_bound(body: dict[str, object], request: ChatRequest, quirks: JsonObject, native: bool, edits: Edits) -> None:
    if request.max_tokens is not None:
        body["max_tokens"] = request.max_tokens
    elif not native:
        most = quirks.get("max_output")
        body["max_tokens"] = min(most, DEFAULT_BOUND) if isinstance(most, int) else DEFAULT_BOUND
        edits.note("default:max_tokens")


def _write_stop(body: dict[str, object], request: ChatRequest, quirks: JsonObject, edits: Edits) -> None:
    most = quirks.get("max_stop")
    if isinstance(most, int) and len(request.stop) > most:
        edits.refuse("stop", f"This model takes at most {most} stop sequences; {len(request.stop)} were sent.")
    body["stop"] = list(request.stop)


def _write_logprobs(body: dict[str, object], request: ChatRequest, native: bool, edits: Edits) -> None:
    if native and request.logprobs is not None and request.top_logprobs is None:
        body["logprobs"] = request.logprobs
        return
    if not request.logprobs and not (native and request.top_logprobs is not None):
        return
    wanted = request.top_logprobs or 0
    if wanted > MOST_LOGPROBS and not native:
        edits.change("clamped:top_logprobs", "top_logprobs")
        wanted = MOST_LOGPROBS
    body["logprobs"] = wanted


def _write_stream(body: dict[str, object], request: ChatRequest, quirks: JsonObject, native: bool) -> None:
    others = request.extras.get("stream_options") if native else None
    options: dict[str, object] = dict(others) if isinstance(others, dict) else {}
    if request.stream:
        body["stream"] = True
        options["include_usage"] = True
    if options and quirks.get("stream_options") is not False:
        body["stream_options"] = options


def _write_others(
    body: dict[str, object], request: ChatRequest, quirks: JsonObject, native: bool, edits: Edits
) -> None:
    if request.top_k is not None:
        if native or quirks.get("top_k") is True:
            body["top_k"] = request.top_k
        else:
            edits.drop("top_k")
    if request.metadata:
        edits.note("dropped:metadata")
    if request.service_tier is not None:
        edits.drop("service_tier")
    if request.reasoning is not None and request.reasoning.enabled is not False:
        edits.drop("reasoning")
    for name, value in request.extras.items():
        if native:
            body.setdefault(name, value)
        else:
            edits.drop(name)
