"""Reads a ConverseStream answer into canonical events, from bytes cut anywhere.

Rules: nothing raises; an unknown event is skipped, a damaged frame fails the stream. Only tool calls are announced; any
other block begins with its first delta. Encrypted reasoning and blocks that only this dialect has are told when they
are whole. Usage follows the stop reason, so the end is told when the `metadata` event came, or the stream ended.
"""

from __future__ import annotations

import json
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sluice.dialects import eventstream
from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.bedrock_converse import usage as counts
from sluice.dialects.bedrock_converse.blocks_in import left_over, redacted_of
from sluice.dialects.bedrock_converse.failures import frame_error
from sluice.dialects.bedrock_converse.names import ANSWER_TOOL, NAME
from sluice.dialects.bedrock_converse.response_in import stop_of, stop_sequence
from sluice.errors import ProviderError, ProviderGarbled
from sluice.types.chat import Json
from sluice.types.stream import (
    ArgumentsDelta,
    End,
    Finish,
    Idle,
    OpaqueDelta,
    PartKind,
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

Event = Mapping[str, Json]
_PADDING = "p"
"""Random letters beside each event, which hide its length from who watches the network."""


@dataclass(slots=True)
class _Block:
    """An open content block: its part's number and kind; what is told only when it is whole."""

    part: int
    kind: PartKind
    answer: bool = False
    arguments: bool = False
    secret: bytes | None = None
    start: Json = None
    deltas: list[Json] = field(default_factory=list)


@dataclass(slots=True)
class _State:
    started: bool = False
    over: bool = False
    failed: bool = False
    parts: int = 0
    called: bool = False
    answered: bool = False
    reason: Json = None
    usage: Usage | None = None
    blocks: dict[int, _Block] = field(default_factory=dict)
    ending: dict[str, Json] = field(default_factory=dict)

    def renew(self) -> None:
        """Take another message of the same stream; its parts go on with the next numbers."""
        self.over = self.called = self.answered = False
        self.reason, self.usage, self.ending = None, None, {}


def decode_stream(
    chunks: Iterable[bytes],
    quirks: JsonObject = EMPTY,  # noqa: ARG001 - one signature
) -> Iterator[StreamEvent]:
    """Yield the events of a stream; an empty chunk is an `Idle`, an answer that breaks off a `StreamFailed`."""
    state, reader = _State(), eventstream.Frames()
    try:
        for chunk in chunks:
            if not chunk and not state.over:
                yield Idle()
                continue
            for frame in reader.feed(chunk):
                yield from _frame(frame, state)
        reader.finish()
    except ProviderGarbled as error:
        if state.over:
            return
        if state.reason is None:
            yield from _fail(error, state)
            return
    except ProviderError:
        if state.reason is None:
            raise  # the connection's own trouble
    if not state.over:
        yield from _end(state)


def _frame(frame: eventstream.Frame, state: _State) -> Iterator[StreamEvent]:
    if state.over:
        if state.failed or frame.name != "messageStart":
            return
        state.renew()
    failure = frame_error(frame)
    if failure is not None:
        yield from _fail(failure, state)
        return
    reader = _EVENTS.get(frame.name)
    if reader is None:
        return
    try:
        event = json.loads(frame.payload)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict):
        # What it said is lost, and an answer with a hole must not pass for a whole one.
        yield from _fail(ProviderGarbled("The provider sent an event whose JSON cannot be read."), state)
        return
    event.pop(_PADDING, None)
    yield from reader(event, state)


def _begin(event: Event, state: _State) -> Iterator[StreamEvent]:  # noqa: ARG001 - one signature
    if not state.started:
        state.started = True
        yield Start("", "")


def _open(index: int, kind: PartKind, state: _State) -> _Block:
    block = state.blocks[index] = _Block(state.parts, kind)
    state.parts += 1
    return block


def _start(event: Event, state: _State) -> Iterator[StreamEvent]:
    yield from _begin(event, state)
    index, start = _index(event), event.get("start")
    yield from _stop(event, state)
    call = start.get("toolUse") if isinstance(start, Mapping) else None
    if not isinstance(call, Mapping) or call.get("type") == "server_tool_use":
        if isinstance(start, Mapping) and start:
            _open(index, "opaque", state).start = start
        return
    if call.get("name") == ANSWER_TOOL:
        state.answered = True
        block = _open(index, "text", state)
        block.answer = True
        yield PartStart(block.part, "text")
        return
    state.called = True
    block = _open(index, "tool_call", state)
    extras = left_over(call, "toolUseId", "name")
    yield PartStart(
        block.part,
        "tool_call",
        str(call.get("toolUseId") or ""),
        str(call.get("name") or ""),
        extras or None,
        dialect=NAME if extras else "",
    )


def _delta(event: Event, state: _State) -> Iterator[StreamEvent]:
    delta = event.get("delta")
    if not isinstance(delta, Mapping):
        return
    yield from _begin(event, state)
    block = state.blocks.get(_index(event))
    if block is not None and block.kind == "opaque":
        block.deltas.append(delta)
        return
    text, reasoning, use = delta.get("text"), delta.get("reasoningContent"), delta.get("toolUse")
    if isinstance(text, str):
        yield from _text(text, event, "text", state)
    elif isinstance(reasoning, Mapping):
        yield from _reasoning(reasoning, event, state)
    elif isinstance(use, Mapping):
        fragment = use.get("input")
        if isinstance(fragment, str) and fragment and block is not None:
            block.arguments = True
            yield TextDelta(block.part, fragment) if block.answer else ArgumentsDelta(block.part, fragment)
    elif "citation" in delta:
        if block is None:
            block = _open(_index(event), "text", state)
            yield PartStart(block.part, "text")
        yield OpaqueDelta(block.part, NAME, delta)
    elif block is None and delta:
        _open(_index(event), "opaque", state).deltas.append(delta)


def _text(text: str, event: Event, kind: PartKind, state: _State) -> Iterator[StreamEvent]:
    block = state.blocks.get(_index(event))
    if block is None:
        block = _open(_index(event), kind, state)
        yield PartStart(block.part, kind)
    if text:
        yield TextDelta(block.part, text)


def _reasoning(reasoning: Event, event: Event, state: _State) -> Iterator[StreamEvent]:
    text, signature, secret = (reasoning.get(name) for name in ("text", "signature", "redactedContent"))
    index = _index(event)
    if isinstance(secret, str):
        block = state.blocks.get(index) or _open(index, "thinking", state)
        block.secret = (block.secret or b"") + _octets(secret)
        return
    if isinstance(text, str):
        yield from _text(text, event, "thinking", state)
    if isinstance(signature, str) and signature:
        yield from _text("", event, "thinking", state)
        yield SignatureDelta(state.blocks[index].part, signature)


def _stop(event: Event, state: _State) -> Iterator[StreamEvent]:
    yield from _stop_block(_index(event), state)


def _stop_block(index: int, state: _State) -> Iterator[StreamEvent]:
    block = state.blocks.pop(index, None)
    if block is None:
        return
    if block.secret is not None:
        blob = b2a_base64(block.secret, newline=False).decode()
        yield PartStart(block.part, "thinking", payload=redacted_of(blob))
    elif block.kind == "opaque":
        payload = {"start": block.start, "deltas": block.deltas}
        yield PartStart(block.part, "opaque", payload=payload, dialect=NAME)
    elif (block.kind == "tool_call" or block.answer) and not block.arguments:
        yield TextDelta(block.part, "{}") if block.answer else ArgumentsDelta(block.part, "{}")
    yield PartStop(block.part)


def _ended(event: Event, state: _State) -> Iterator[StreamEvent]:
    yield from _begin(event, state)
    yield from _stop_all(state)
    state.reason = event.get("stopReason") or "end_turn"
    state.ending.update(left_over(event, "stopReason"))


def _metadata(event: Event, state: _State) -> Iterator[StreamEvent]:
    state.usage = counts.read(event.get("usage"), event.get("serviceTier")) or state.usage
    state.ending.update(left_over(event, "usage", "serviceTier"))
    if state.reason is not None:
        yield from _end(state)


def _stop_all(state: _State) -> Iterator[StreamEvent]:
    for index in list(state.blocks):
        yield from _stop_block(index, state)


def _end(state: _State) -> Iterator[StreamEvent]:
    """End the answer; a stream that said no reason was cut off."""
    if state.reason is None:
        yield from _fail(ProviderGarbled("The provider's stream ended before the answer was complete."), state)
        return
    state.over = True
    stop, own_word = stop_of(state.reason)
    if stop == "tool_calls" and state.answered and not state.called:
        stop = "stop"
    said = {**own_word, **state.ending}
    if said:
        # As a delta of no part: what only this dialect says about the end.
        yield OpaqueDelta(state.parts, NAME, said)
    yield Finish(stop or "stop", stop_sequence(state.ending.get("additionalModelResponseFields")))
    if state.usage is not None:
        yield UsageReport(state.usage)
    yield End()


def _fail(error: ProviderError, state: _State) -> Iterator[StreamEvent]:
    state.over = state.failed = True
    if state.usage is not None:
        yield UsageReport(state.usage)
    yield StreamFailed(error)


def _index(event: Event) -> int:
    index = event.get("contentBlockIndex")
    return index if type(index) is int else 0


def _octets(text: str) -> bytes:
    try:
        return a2b_base64(text)
    except (Base64Error, ValueError):
        return text.encode("utf-8", "surrogatepass")


_EVENTS = {
    "messageStart": _begin,
    "contentBlockStart": _start,
    "contentBlockDelta": _delta,
    "contentBlockStop": _stop,
    "messageStop": _ended,
    "metadata": _metadata,
}
