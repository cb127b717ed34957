"""Writes canonical events as a ConverseStream answer.

Rules: clients take blocks one after the other, so of parallel tool calls that arrive interleaved the later ones wait
until the earlier one is complete. Usage stands in the `metadata` event behind `messageStop`. A stream that ends without
a finish ends with an exception, never in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sluice.dialects import eventstream
from sluice.dialects.bedrock_converse import usage as counts
from sluice.dialects.bedrock_converse.blocks_out import redacted_blob
from sluice.dialects.bedrock_converse.failures import stream_error_bytes
from sluice.dialects.bedrock_converse.names import KEEP_ALIVE, NAME
from sluice.dialects.bedrock_converse.response_out import wire_stop
from sluice.dialects.bedrock_converse.turns import clean_id
from sluice.dialects.blocks import Block, Delta, Row
from sluice.dialects.splice import to_bytes
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
    ended: bool = False
    """Whether another one ended before it."""
    row: Row = field(default_factory=lambda: Row(_Pen()))
    said: dict[str, Json] = field(default_factory=dict)
    finish: Finish | None = None
    usage: Usage | None = None


def encode_stream(events: Iterable[StreamEvent], request: ChatRequest) -> Iterator[bytes]:  # noqa: ARG001 - one signature
    """Yield the wire bytes of a stream, each item one or more whole frames."""
    message = _Message()
    for event in events:
        if isinstance(event, StreamFailed):
            yield stream_error_bytes(event.error, "")
            return
        if isinstance(event, Idle):
            yield keep_alive()
        elif isinstance(event, End):
            if message.started:
                yield b"".join((*message.row.stop_all(), *_end(message)))
            message = _Message(ended=True)
        elif written := b"".join(_write(event, message)):
            yield written
    if message.finish is not None:
        yield b"".join((*message.row.stop_all(), *_end(message)))
    elif message.started or not message.ended:
        cut = ProviderGarbled("The provider ended the stream before the answer was complete.")
        yield stream_error_bytes(cut, "")


def keep_alive() -> bytes:
    """Return the frame that keeps an idle stream open."""
    return eventstream.event(KEEP_ALIVE, b"{}")


def _write(event: StreamEvent, message: _Message) -> Iterator[bytes]:
    if isinstance(event, UsageReport):
        # A later report counts anew; one without a prompt only adds to what is known.
        known = message.usage
        message.usage = event.usage if known is None or event.usage.prompt else known.merged(event.usage)
        return
    if getattr(event, "choice", 0) != 0:
        return  # this dialect has one answer
    if not message.started:
        message.started = True
        yield _event("messageStart", {"role": "assistant"})
    if isinstance(event, Start):
        message.usage = event.usage or message.usage
    elif isinstance(event, PartStart):
        yield from _start_part(event, message.row)
    elif isinstance(event, PartStop):
        yield from message.row.stop(event.part)
    elif isinstance(event, Finish):
        yield from message.row.stop_all()
        message.finish = event
    elif isinstance(event, TextDelta | ArgumentsDelta | SignatureDelta | OpaqueDelta):
        yield from _delta(event, message)


def _start_part(event: PartStart, row: Row) -> Iterator[bytes]:
    if (event.kind == "opaque" and event.dialect != NAME) or event.kind == "audio":
        return
    yield from row.start(event)


def _delta(event: Delta, message: _Message) -> Iterator[bytes]:
    block = message.row.parts.get(event.part)
    if block is None:
        if isinstance(event, OpaqueDelta) and event.dialect == NAME and isinstance(event.payload, Mapping):
            message.said.update(event.payload)  # about the end
        return
    if block.stopped or block.start.kind == "opaque" or (block.start.kind == "thinking" and block.start.payload):
        return
    yield from message.row.add(event, block)


class _Pen:
    """Writes the events of one block; see `sluice.dialects.blocks.Pen`."""

    __slots__ = ()

    def open(self, block: Block) -> Iterator[bytes]:
        """Yield what begins the block."""
        start = block.start
        if start.kind == "tool_call":
            extras = start.payload if start.dialect == NAME and isinstance(start.payload, Mapping) else {}
            identity = start.id if start.dialect == NAME else clean_id(start.id)
            used = {"toolUseId": identity, "name": start.name, **extras}
            yield _event("contentBlockStart", {"start": {"toolUse": used}, "contentBlockIndex": block.index})
        elif start.kind == "opaque" and isinstance(start.payload, Mapping):
            if start.payload.get("start") is not None:
                own = {"start": start.payload["start"], "contentBlockIndex": block.index}
                yield _event("contentBlockStart", own)
            deltas = start.payload.get("deltas")
            for delta in deltas if isinstance(deltas, list) else ():
                yield _block_delta(block, delta)
        elif start.kind == "thinking" and isinstance(start.payload, str):
            yield _block_delta(block, {"reasoningContent": {"redactedContent": redacted_blob(start.payload)}})

    def write(self, delta: Delta, block: Block) -> Iterator[bytes]:
        """Yield one piece of the open block."""
        if isinstance(delta, TextDelta):
            thinks = block.start.kind == "thinking"
            yield _block_delta(block, {"reasoningContent": {"text": delta.text}} if thinks else {"text": delta.text})
        elif isinstance(delta, ArgumentsDelta):
            yield _block_delta(block, {"toolUse": {"input": delta.fragment}})
        elif isinstance(delta, SignatureDelta):
            yield _block_delta(block, {"reasoningContent": {"signature": delta.signature}})
        elif delta.dialect == NAME and isinstance(delta.payload, Mapping):
            yield _block_delta(block, delta.payload)

    def close(self, block: Block) -> Iterator[bytes]:
        """Yield what ends the block."""
        if not block.filled and block.start.kind in ("text", "refusal", "thinking"):
            yield from self.write(TextDelta(block.start.part, ""), block)  # a block without deltas is none
        yield _event("contentBlockStop", {"contentBlockIndex": block.index})


def _block_delta(block: Block, delta: Json) -> bytes:
    block.filled = True
    return _event("contentBlockDelta", {"delta": delta, "contentBlockIndex": block.index})


def _end(message: _Message) -> Iterator[bytes]:
    finish, said = message.finish or Finish("stop"), dict(message.said)
    reason = wire_stop(finish.stop, said.pop("stopReason", None), calls=message.row.calls, refused=message.row.refused)
    stop: dict[str, Json] = {"stopReason": reason}
    fields = said.pop("additionalModelResponseFields", None)
    if fields is None and finish.stop_sequence is not None:
        fields = {"stop_sequence": finish.stop_sequence}
    if fields is not None:
        stop["additionalModelResponseFields"] = fields
    yield _event("messageStop", stop)
    metadata: dict[str, Json] = {"usage": counts.write(message.usage), "metrics": {"latencyMs": 0}, **said}
    if message.usage is not None and message.usage.service_tier:
        metadata["serviceTier"] = {"type": message.usage.service_tier}
    yield _event("metadata", metadata)


def _event(name: str, members: Mapping[str, Json]) -> bytes:
    return eventstream.event(name, to_bytes(members))
