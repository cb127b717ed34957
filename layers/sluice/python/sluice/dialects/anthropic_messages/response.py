"""Whole answers of the Messages dialect, read and written."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import cast

from sluice.dialects.anthropic_messages import usage as counts
from sluice.dialects.anthropic_messages.block_writer import clean_id, write_call, write_part
from sluice.dialects.anthropic_messages.blocks import left_over, parts_of
from sluice.dialects.anthropic_messages.failures import error_of
from sluice.dialects.anthropic_messages.names import ANSWER_TOOL, NAME, STOP_REASONS, UNSIGNED, WIRE_STOPS
from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.edits import Edits
from sluice.errors import ProviderGarbled
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

_KNOWN = ("id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage")


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> ChatResponse:  # noqa: ARG001 - one signature
    """Return the canonical answer. Raises ProviderError for an error in a 200 answer, ProviderGarbled."""
    failure = error_of(body)
    if failure is not None:
        raise failure
    content = body.get("content")
    if not isinstance(content, list | str):
        raise ProviderGarbled("The provider's answer has no content list.")
    parts, answered = answer_parts(parts_of(content))
    reason, sequence, usage = body.get("stop_reason"), body.get("stop_sequence"), body.get("usage")
    stop, extras = stop_of(reason)
    if stop == "tool_calls" and answered and not any(isinstance(part, ToolCall) for part in parts):
        stop = "stop"
    choice = Choice(parts, stop, stop_sequence=sequence if isinstance(sequence, str) else None, extras=extras)
    return ChatResponse(
        id=str(body.get("id") or ""),
        model=str(body.get("model") or ""),
        choices=(choice,),
        usage=counts.read(usage if isinstance(usage, dict) else None),
        dialect=NAME,
        extras=left_over(body, *_KNOWN),
    )


def stop_of(reason: Json) -> tuple[StopReason | None, dict[str, Json]]:
    """Return the canonical stop reason, and the wire's own word where the canonical one loses it."""
    if not isinstance(reason, str):
        return None, {}
    stop = STOP_REASONS.get(reason, "unknown")
    return cast(StopReason, stop), ({} if WIRE_STOPS.get(stop) == reason else {"stop_reason": reason})


def answer_parts(parts: tuple[Part, ...]) -> tuple[tuple[Part, ...], bool]:
    """Return the parts with calls of the answer tool read as text, and whether there was one."""
    if not any(isinstance(part, ToolCall) and part.name == ANSWER_TOOL for part in parts):
        return parts, False
    return tuple(
        Text(part.arguments) if isinstance(part, ToolCall) and part.name == ANSWER_TOOL else part for part in parts
    ), True


def encode_response(response: ChatResponse, request: ChatRequest) -> dict[str, object]:  # noqa: ARG001 - one signature
    """Return the body of a whole answer; of several choices the first is given."""
    choice = response.choices[0] if response.choices else Choice((), "stop")
    native = response.dialect == NAME
    blocks = [block for part in choice.parts if (block := _block(part, native)) is not None]
    body: dict[str, object] = {
        "id": response.id or new_id(),
        "type": "message",
        "role": "assistant",
        "model": response.model,
        "content": blocks,
        "stop_reason": wire_stop(
            choice.stop,
            choice.extras.get("stop_reason"),
            calls=any(isinstance(part, ToolCall) for part in choice.parts),
            refused=any(isinstance(part, Refusal) for part in choice.parts),
        ),
        "stop_sequence": choice.stop_sequence,
        "usage": counts.write(response.usage),
    }
    if native:
        body.update(response.extras)
    elif refusal := refusal_details(part.text for part in choice.parts if isinstance(part, Refusal)):
        body["stop_details"] = refusal
    return body


def refusal_details(texts: Iterable[str]) -> dict[str, Json] | None:
    """Return the details of a refusal in words, None when there are none."""
    explanation = "".join(texts)
    return {"type": "refusal", "category": None, "explanation": explanation} if explanation else None


def wire_stop(stop: StopReason | None, own_word: Json, *, calls: bool, refused: bool) -> str:
    """Return the stop reason in the wire's word; tool calls are a reason of their own."""
    if isinstance(own_word, str) and (stop == "unknown" or STOP_REASONS.get(own_word) == stop):
        return own_word
    if refused:
        return "refusal"
    if calls and stop in (None, "stop", "unknown"):
        return "tool_use"
    return WIRE_STOPS.get(stop or "stop", "end_turn")


def new_id() -> str:
    """Return a fresh message id."""
    return "msg_" + os.urandom(12).hex()


def _block(part: Part, native: bool) -> dict[str, Json] | None:
    """Return a block of an answer; what this dialect's answers never hold (sound, pictures) is left out."""
    if isinstance(part, ToolCall):
        return write_call(part, clean_id(part.id), native, Edits())
    if isinstance(part, Thinking):
        return thinking_block(part)
    if isinstance(part, Audio):
        return {"type": "text", "text": part.transcript} if part.transcript else None
    if isinstance(part, Text | Refusal) or (isinstance(part, Opaque) and part.dialect == NAME):
        return write_part(part, native, Edits())
    return None


def thinking_block(part: Thinking) -> dict[str, Json] | None:
    """Return a thinking block; clients expect a signature, also of thinking that nobody signed."""
    if part.redacted is not None:
        return {"type": "redacted_thinking", "data": part.redacted}
    if not part.text and not part.signature:
        return None
    return {"type": "thinking", "thinking": part.text, "signature": part.signature or UNSIGNED}
