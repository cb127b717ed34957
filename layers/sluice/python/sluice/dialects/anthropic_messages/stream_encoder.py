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
    signed: bool = False
    waiting: list[_Delta] = field(default_factory=list)
    stopped: bool = False


@dataclass(slots=True)
class _Message:
    """What has been written of the message so far."""

    started: bool = False
    blocks: int = 0
    open: _Part | None = None
    parts: dict[int, _Part] = field(default_factory=dict)
    queue: list[_Part] = field(default_factory=list)
    calls: bool = False
    refusals: list[str] = field(default_factory=list)
    refused: bool = False
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
                yield b"".join((*_close_all(message), *_end(message)))
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
        yield from _start_part(event, message)
    elif isinstance(event, PartStop):
        yield from _stop_part(event.part, message)
    elif isinstance(event, Finish):
        yield from _close_all(message)
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


def _start_part(event: PartStart, message: _Message) -> Iterator[bytes]:
    if _first_form(event) is None or event.part in message.parts:
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
    yield _event("content_block_start", index=part.index, content_block=_first_form(part.start))
    for delta in part.waiting:
        yield from _write_delta(delta, part)
    part.waiting.clear()


def _delta(event: _Delta, message: _Message) -> Iterator[bytes]:
    part = message.parts.get(event.part)
    if part is None or part.stopped:
        return
    if part.start.kind == "refusal" and isinstance(event, TextDelta):
        message.refusals.append(event.text)
    if part.start.kind == "thinking" and part.start.payload is not None:
        return  # a redacted block holds nothing else
    if part is message.open:
        yield from _write_delta(event, part)
    else:
        part.waiting.append(event)


def _write_delta(event: _Delta, part: _Part) -> Iterator[bytes]:
    delta: dict[str, Json]
    if isinstance(event, TextDelta):
        thinks = part.start.kind == "thinking"
        delta = (
            {"type": "thinking_delta", "thinking": event.text} if thinks else {"type": "text_delta", "text": event.text}
        )
    elif isinstance(event, ArgumentsDelta):
        delta = {"type": "input_json_delta", "partial_json": event.fragment}
    elif isinstance(event, SignatureDelta):
        part.signed = True
        delta = {"type": "signature_delta", "signature": event.signature}
    elif event.dialect == NAME and isinstance(event.payload, dict):
        delta = event.payload
    else:
        return
    yield _event("content_block_delta", index=part.index, delta=delta)


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
        if part.start.kind == "thinking" and part.start.payload is None and not part.signed:
            yield from _write_delta(SignatureDelta(part.start.part, UNSIGNED), part)
        yield _event("content_block_stop", index=part.index)
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
    finish = message.finish or Finish("stop")
    own_word = finish.extras.get("stop_reason")
    reason = wire_stop(finish.stop, own_word, calls=message.calls, refused=message.refused)
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
