"""Writes a whole canonical answer as a Converse answer; of several choices the first is given."""

from __future__ import annotations

from sluice.dialects.bedrock_converse import usage as counts
from sluice.dialects.bedrock_converse.blocks_out import Block, BlockWriter, mark, reasoning_block
from sluice.dialects.bedrock_converse.names import NAME, STOP_REASONS, WIRE_STOPS
from sluice.dialects.bedrock_converse.turns import clean_id
from sluice.dialects.edits import Edits
from sluice.types.chat import (
    Audio,
    CacheMark,
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
    choice = response.choices[0] if response.choices else Choice((), "stop")
    native = response.dialect == NAME
    writer = BlockWriter(native, Edits())
    blocks = [block for part in choice.parts for block in _blocks(part, native, writer)]
    body: dict[str, object] = {
        "output": {"message": {"role": "assistant", "content": blocks}},
        "stopReason": wire_stop(
            choice.stop,
            choice.extras.get("stopReason") if native else None,
            calls=any(isinstance(part, ToolCall) for part in choice.parts),
            refused=any(isinstance(part, Refusal) for part in choice.parts),
        ),
        "metrics": {"latencyMs": 0},
    }
    if response.usage is not None or not native:
        body["usage"] = counts.write(response.usage)
    if response.usage is not None and response.usage.service_tier:
        body["serviceTier"] = {"type": response.usage.service_tier}
    if choice.stop_sequence is not None:
        body["additionalModelResponseFields"] = {"stop_sequence": choice.stop_sequence}
    if native:
        body.update(response.extras)
    return body


def wire_stop(stop: StopReason | None, own_word: Json, *, calls: bool, refused: bool) -> str:
    """Return the stop reason in the wire's word; tool calls are a reason of their own."""
    if isinstance(own_word, str) and (stop == "unknown" or STOP_REASONS.get(own_word) == stop):
        return own_word
    if refused:
        return "content_filtered"
    if calls and stop in (None, "stop", "unknown"):
        return "tool_use"
    return WIRE_STOPS.get(stop or "stop", "end_turn")


def _blocks(part: Part, native: bool, writer: BlockWriter) -> list[Block]:
    block, cache = _block(part, native, writer), getattr(part, "cache", None)
    marks = [mark(cache)] if native and isinstance(cache, CacheMark) else []
    return marks if block is None else [block, *marks]


def _block(part: Part, native: bool, writer: BlockWriter) -> Block | None:
    """Return a block of an answer; what answers of this dialect never hold is left out."""
    if isinstance(part, ToolCall):
        return writer.call(part, part.id if native else clean_id(part.id))
    if isinstance(part, Thinking):
        return reasoning_block(part) if native or part.text or part.signature or part.redacted else None
    if native:
        return writer.write(part)
    if isinstance(part, Text | Audio):
        said = part.text if isinstance(part, Text) else part.transcript
        return {"text": said} if said else None
    if isinstance(part, Refusal) or (isinstance(part, Opaque) and part.dialect == NAME):
        return writer.write(part)
    return None
