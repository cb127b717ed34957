"""Writes a canonical answer as an Ollama chat caller expects it.

What this dialect's answers never hold (signatures, sound, another vendor's blocks) is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sluice.dialects.ollama_chat import usage as counts
from sluice.dialects.ollama_chat.messages_out import Block, write_call
from sluice.dialects.ollama_chat.moments import text_of
from sluice.dialects.ollama_chat.names import DONE_REASONS, NAME, WIRE_STOPS
from sluice.types.chat import (
    Audio,
    ChatRequest,
    ChatResponse,
    Choice,
    Image,
    Json,
    Part,
    Refusal,
    StopReason,
    Text,
    Thinking,
    ToolCall,
)


def encode_response(response: ChatResponse, request: ChatRequest) -> dict[str, object]:
    """Return the body of a whole answer."""
    native = response.dialect == NAME
    choice = response.choices[0] if response.choices else Choice((), "unknown")
    kept = dict(response.extras) if native else {}
    body: Block = {"model": response.model or ("" if native else request.model)}
    if not native:
        body["created_at"] = text_of(response.created or None)
    elif "created_at" in kept:
        body["created_at"] = kept.pop("created_at")
    more = choice.extras.get("message") if native else None
    body["message"] = {"role": "assistant", **_message(choice.parts, native), **(more if _object(more) else {})}  # type: ignore[dict-item]
    body["done"] = choice.stop is not None
    if choice.stop is not None:
        body["done_reason"] = wire_stop(choice.stop, choice.extras if native else {})
    if native and choice.logprobs is not None:
        body["logprobs"] = choice.logprobs
    if response.usage is not None:
        kept.update(counts.write(response.usage))
    return {**body, **kept}


def _object(found: Json) -> bool:
    return isinstance(found, Mapping)


def _message(parts: Iterable[Part], native: bool) -> Block:
    texts: list[str] = []
    thoughts: list[str] = []
    images: list[Json] = []
    calls: list[Json] = []
    for part in parts:
        if isinstance(part, Text | Refusal):
            texts.append(part.text)
        elif isinstance(part, Thinking):
            thoughts.append(part.text)
        elif isinstance(part, Image) and part.data is not None:
            images.append(part.data)
        elif isinstance(part, Audio) and part.transcript:
            texts.append(part.transcript)
        elif isinstance(part, ToolCall):
            calls.append(numbered_call(part, native, len(calls)))
    found = (("thinking", "".join(thoughts)), ("images", images), ("tool_calls", calls))
    return {"content": "".join(texts), **{name: value for name, value in found if value}}


def numbered_call(call: ToolCall, native: bool, place: int) -> Block:
    """Return a tool call of an answer; one of another dialect is told its place among the calls."""
    written = write_call(call, native)
    if native:
        return written
    function = written["function"]
    return {"id": call.id, "function": {"index": place, **(function if isinstance(function, dict) else {})}}


def wire_stop(stop: StopReason, extras: Mapping[str, Json]) -> str:
    """Return the stop reason in the wire's word."""
    own_word = extras.get("done_reason")
    if isinstance(own_word, str) and DONE_REASONS.get(own_word, "unknown") in (stop, "stop"):
        return own_word
    return WIRE_STOPS[stop]
