"""Writes canonical events as a Messages stream.

Rules: the vendor's clients take blocks one after the other, so of parallel tool calls that arrive interleaved the later
ones wait until the earlier one is complete. Usage stands in `message_delta`, which is held back until the report that
follows the finish; `message_start` can only say what was known then. There is no `[DONE]`. A stream that ends without
a finish ends with an error event, never in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sluice.dialects.anthropic_messages import usage as counts
from sluice.dialects.anthropic_messages.block_writer import clean_id
from sluice.dialects.anthropic_messages.failures import event_bytes, stream_error_bytes
from sluice.dialects.anthropic_messages.names import NAME, PING, UNSIGNED
from sluice.dialects.anthropic_messages.response import new_id, refusal_details, wire_stop
from sluice.dialects.blocks import Block, Delta, Row
from sluice.errors import ProviderGarbled
from sluice.types.chat import ChatRequest, Json
from sluice.types.stream import (
    ArgumentsDelta,
    End,
    Finish,
    Idle,
    OpaqueDelta,
    PartStart,
    PartStop,
    SignatureDelta,
    Start,
    StreamEvent,
    StreamFailed,
    TextDelta,
    UsageReport,
)
from sluice.types.usage import Usage


@dataclass(slots=True)
class _Message:
    """What has been written of the message so far."""

    started: bool = False
    row: Row = field(default_factory=lambda: Row(_Pen()))
    refusals: list[str] = field(default_factory=list)
    finish: Finish | None = None
    usage: Usage | None = None


def encode_stream(events: Iterable[StreamEvent], request: ChatRequest) -> Iterator[bytes]:
    """Yield the wire bytes of a stream, each item one or more whole events."""
    message = _Message()
    for event in events:
        if isinstance(event, StreamFailed):
            yield stream_error_bytes(event.error, "")
            return
        if isinstance(event, Idle):
            yield PING
            continue
        if isinstance(event, End):
            if message.started:
                yield b"".join((*message.row.stop_all(), *_end(message)))
                message = _Message()
            continue
        if written := b"".join(_write(event, message, request)):
            yield written
    if message.finish is not None:
        yield b"".join(_end(message))
    elif message.started:
        cut = ProviderGarbled("The provider ended the stream before the answer was complete.")
        yield stream_error_bytes(cut, "")


def _write(event: StreamEvent, message: _Message, request: ChatRequest) -> Iterator[bytes]:
    if isinstance(event, UsageReport):
        message.usage = event.usage if message.usage is None else message.usage.merged(event.usage)
        return
    if isinstance(event, Start):
        yield from _start(event, message, request)
        return
    if getattr(event, "choice", 0) != 0:
        return  # this dialect has one answer
    if not message.started:
        yield from _start(Start("", ""), message, request)
    if isinstance(event, PartStart):
        yield from _start_part(event, message.row)
    elif isinstance(event, PartStop):
        yield from message.row.stop(event.part)
    elif isinstance(event, Finish):
        yield from message.row.stop_all()
        message.finish = event
    elif isinstance(event, TextDelta | ArgumentsDelta | SignatureDelta | OpaqueDelta):
        yield from _delta(event, message)


def _start(event: Start, message: _Message, request: ChatRequest) -> Iterator[bytes]:
    if message.started:
        return
    message.started, message.usage = True, event.usage
    yield _event(
        "message_start",
        message={
            "id": event.id or new_id(),
            "type": "message",
            "role": "assistant",
            "model": event.model or request.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": counts.write(event.usage),
        },
    )


def _start_part(event: PartStart, row: Row) -> Iterator[bytes]:
    if _first_form(event) is not None:
        yield from row.start(event)


def _delta(event: Delta, message: _Message) -> Iterator[bytes]:
    block = message.row.parts.get(event.part)
    if block is None or block.stopped:
        return
    if block.start.kind == "refusal" and isinstance(event, TextDelta):
        message.refusals.append(event.text)
    if block.start.kind == "thinking" and block.start.payload is not None:
        return  # a redacted block holds nothing else
    yield from message.row.add(event, block)


class _Pen:
    """Writes the events of one block; see `sluice.dialects.blocks.Pen`."""

    __slots__ = ()

    def open(self, block: Block) -> Iterator[bytes]:
        """Yield what begins the block."""
        yield _event("content_block_start", index=block.index, content_block=_first_form(block.start))

    def write(self, delta: Delta, block: Block) -> Iterator[bytes]:
        """Yield one piece of the open block."""
        form: dict[str, Json]
        if isinstance(delta, TextDelta):
            thinks = block.start.kind == "thinking"
            form = (
                {"type": "thinking_delta", "thinking": delta.text}
                if thinks
                else {"type": "text_delta", "text": delta.text}
            )
        elif isinstance(delta, ArgumentsDelta):
            form = {"type": "input_json_delta", "partial_json": delta.fragment}
        elif isinstance(delta, SignatureDelta):
            block.filled = True
            form = {"type": "signature_delta", "signature": delta.signature}
        elif delta.dialect == NAME and isinstance(delta.payload, dict):
            form = delta.payload
        else:
            return
        yield _event("content_block_delta", index=block.index, delta=form)

    def close(self, block: Block) -> Iterator[bytes]:
        """Yield what ends the block; thinking that nobody signed is marked so."""
        if block.start.kind == "thinking" and block.start.payload is None and not block.filled:
            yield from self.write(SignatureDelta(block.start.part, UNSIGNED), block)
        yield _event("content_block_stop", index=block.index)


def _end(message: _Message) -> Iterator[bytes]:
    finish = message.finish or Finish("stop")
    own_word = finish.extras.get("stop_reason")
    reason = wire_stop(finish.stop, own_word, calls=message.row.calls, refused=message.row.refused)
    delta: dict[str, Json] = {"stop_reason": reason, "stop_sequence": finish.stop_sequence}
    if details := refusal_details(message.refusals):
        delta["stop_details"] = details
    around: dict[str, Json] = {}
    for name, value in finish.extras.items():
        if name == "context_management":
            around[name] = value
        elif name != "stop_reason":
            delta[name] = value
    yield _event("message_delta", delta=delta, usage=counts.write(message.usage), **around)
    yield _event("message_stop")


def _first_form(start: PartStart) -> dict[str, Json] | None:
    """Return the block as it stands at its start, None for a part this dialect has no block for."""
    match start.kind:
        case "text" | "refusal":
            return {"type": "text", "text": ""}
        case "thinking" if isinstance(start.payload, str):
            return {"type": "redacted_thinking", "data": start.payload}
        case "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}
        case "tool_call":
            extras = start.payload if start.dialect == NAME and isinstance(start.payload, dict) else {}
            return {"type": "tool_use", "id": clean_id(start.id), "name": start.name, "input": {}, **extras}
        case "opaque" if start.dialect == NAME and isinstance(start.payload, dict):
            return start.payload
    return None


def _event(name: str, **members: Json) -> bytes:
    return event_bytes(name, {"type": name, **members})
