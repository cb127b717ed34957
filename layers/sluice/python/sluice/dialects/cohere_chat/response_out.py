"""Writes a canonical answer as a Cohere chat caller expects it.

What this dialect's answers never hold (signatures, pictures, sound, another vendor's blocks) is left out.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from sluice.dialects.cohere_chat import usage as counts
from sluice.dialects.cohere_chat.messages_out import Block, write_call
from sluice.dialects.cohere_chat.names import FINISH_REASONS, NAME, PLAN, WIRE_STOPS
from sluice.types.chat import (
    Audio,
    ChatRequest,
    ChatResponse,
    Choice,
    Json,
    Opaque,
    Part,
    Refusal,
    StopReason,
    Text,
    Thinking,
    ToolCall,
)


def encode_response(response: ChatResponse, request: ChatRequest) -> dict[str, object]:  # noqa: ARG001 - one signature
    """Return the body of a whole answer."""
    native = response.dialect == NAME
    choice = response.choices[0] if response.choices else Choice((), "unknown")
    body: Block = {"id": response.id or new_id(), "message": _message(choice, native)}
    if choice.stop is not None:
        body["finish_reason"] = wire_stop(choice.stop, choice.extras if native else {})
    if response.usage is not None:
        body["usage"] = counts.write(response.usage)
    if not native:
        return body
    if choice.logprobs is not None:
        body["logprobs"] = choice.logprobs
    return {**body, **response.extras}


def _message(choice: Choice, native: bool) -> Block:
    content = [block for part in choice.parts if (block := _block(part)) is not None]
    plan = "".join(part.text for part in choice.parts if isinstance(part, Thinking) and part.field == PLAN)
    calls = [write_call(part, native) for part in choice.parts if isinstance(part, ToolCall)]
    message: Block = {"role": "assistant"}
    if content or not calls:
        message["content"] = content
    if plan:
        message[PLAN] = plan
    if calls:
        message["tool_calls"] = calls
    more = choice.extras.get("message") if native else None
    return {**message, **(more if isinstance(more, Mapping) else {})}


def _block(part: Part) -> Block | None:
    if isinstance(part, Text | Refusal):
        return {"type": "text", "text": part.text} if part.text else None
    if isinstance(part, Thinking):
        return {"type": "thinking", "thinking": part.text} if part.text and part.field != PLAN else None
    if isinstance(part, Audio) and part.transcript:
        return {"type": "text", "text": part.transcript}
    return dict(part.payload) if isinstance(part, Opaque) and part.dialect == NAME else None


def wire_stop(stop: StopReason, extras: Mapping[str, Json]) -> str:
    """Return the stop reason in the wire's word."""
    own_word = extras.get("finish_reason")
    if isinstance(own_word, str) and FINISH_REASONS.get(own_word, "unknown") == stop:
        return own_word
    return WIRE_STOPS[stop]


def new_id() -> str:
    """Return a fresh answer id."""
    raw = os.urandom(16).hex()
    return f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"
