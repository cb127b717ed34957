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

_Delta = TextDelta | ArgumentsDelta | SignatureDelta | OpaqueDelta


@dataclass(slots=True)
class _Part:
    """One part: its block's index once it is open, and what waits until then."""

    start: PartStart
    index: int = -1
    empty: bool = True
    waiting: list[_Delta] = field(default_factory=list)
    stopped: bool = False


@dataclass(slots=True)
class _Message:
    """What has been written of the message so far."""

    started: bool = False
    ended: bool = False
    """Whether another one ended before it."""
    blocks: int = 0
    open: _Part | None = None
    parts: dict[int, _Part] = field(default_factory=dict)
    queue: list[_Part] = field(default_factory=list)
    calls: bool = False
    refused: bool = False
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
                yield b"".join((*_close_all(message), *_end(message)))
            message = _Message(ended=True)
        elif written := b"".join(_write(event, message)):
            yield written
    if message.finish is not None:
        yield b"".join((*_close_all(message), *_end(message)))
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
        yield from _start_part(event, message)
    elif isinstance(event, PartStop):
        yield from _stop_part(event.part, message)
    elif isinstance(event, Finish):
        yield from _close_all(message)
        message.finish = event
    elif isinstance(event, TextDelta | ArgumentsDelta | SignatureDelta | OpaqueDelta):
        yield from _delta(event, message)


def _start_part(event: PartStart, message: _Message) -> Iterator[bytes]:
    if (event.kind == "opaque" and event.dialect != NAME) or event.kind == "audio" or event.part in message.parts:
        return
    message.calls = message.calls or event.kind == "tool_call"
    message.refused = message.refused or event.kind == "refusal"
    part = message.parts[event.part] = _Part(event)
    if message.open is None:
        yield from _open(part, message)
    else:
        message.queue.append(part)


def _open(part: _Part, message: _Message) -> Iterator[bytes]:
    part.index, message.blocks, message.open = message.blocks, message.blocks + 1, part
    start = part.start
    if start.kind == "tool_call":
        extras = start.payload if start.dialect == NAME and isinstance(start.payload, Mapping) else {}
        identity = start.id if start.dialect == NAME else clean_id(start.id)
        used = {"toolUseId": identity, "name": start.name, **extras}
        yield _event("contentBlockStart", {"start": {"toolUse": used}, "contentBlockIndex": part.index})
    elif start.kind == "opaque" and isinstance(start.payload, Mapping):
        if start.payload.get("start") is not None:
            yield _event(
                "contentBlockStart", {"start": start.payload["start"], "contentBlockIndex": part.index}
            )  # fmt: skip
        deltas = start.payload.get("deltas")
        for delta in deltas if isinstance(deltas, list) else ():
            yield _block_delta(part, delta)
    elif start.kind == "thinking" and isinstance(start.payload, str):
        yield _block_delta(part, {"reasoningContent": {"redactedContent": redacted_blob(start.payload)}})
    for waiting in part.waiting:
        yield from _write_delta(waiting, part)
    part.waiting.clear()


def _delta(event: _Delta, message: _Message) -> Iterator[bytes]:
    part = message.parts.get(event.part)
    if part is None:
        if isinstance(event, OpaqueDelta) and event.dialect == NAME and isinstance(event.payload, Mapping):
            message.said.update(event.payload)  # about the end
        return
    if part.stopped or part.start.kind == "opaque" or (part.start.kind == "thinking" and part.start.payload):
        return
    if part is message.open:
        yield from _write_delta(event, part)
    else:
        part.waiting.append(event)


def _write_delta(event: _Delta, part: _Part) -> Iterator[bytes]:
    if isinstance(event, TextDelta):
        thinks = part.start.kind == "thinking"
        yield _block_delta(part, {"reasoningContent": {"text": event.text}} if thinks else {"text": event.text})
    elif isinstance(event, ArgumentsDelta):
        yield _block_delta(part, {"toolUse": {"input": event.fragment}})
    elif isinstance(event, SignatureDelta):
        yield _block_delta(part, {"reasoningContent": {"signature": event.signature}})
    elif event.dialect == NAME and isinstance(event.payload, Mapping):
        yield _block_delta(part, event.payload)


def _block_delta(part: _Part, delta: Json) -> bytes:
    part.empty = False
    return _event("contentBlockDelta", {"delta": delta, "contentBlockIndex": part.index})


def _stop_part(number: int, message: _Message) -> Iterator[bytes]:
    part = message.parts.get(number)
    if part is None or part.stopped:
        return
    part.stopped = True
    if part is message.open:
        yield from _close(message)


def _close(message: _Message) -> Iterator[bytes]:
    """Close the open block, then open those that wait, up to the first one that is still growing."""
    while message.open is not None:
        part = message.open
        if part.empty and part.start.kind in ("text", "refusal", "thinking"):
            yield from _write_delta(TextDelta(part.start.part, ""), part)  # a block without deltas is none
        yield _event("contentBlockStop", {"contentBlockIndex": part.index})
        message.open = None
        if not message.queue:
            return
        following = message.queue.pop(0)
        yield from _open(following, message)
        if not following.stopped:
            return


def _close_all(message: _Message) -> Iterator[bytes]:
    for part in message.parts.values():
        part.stopped = True
    yield from _close(message)


def _end(message: _Message) -> Iterator[bytes]:
    finish, said = message.finish or Finish("stop"), dict(message.said)
    reason = wire_stop(finish.stop, said.pop("stopReason", None), calls=message.calls, refused=message.refused)
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
