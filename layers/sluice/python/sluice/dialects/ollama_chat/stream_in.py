"""Reads an Ollama chat stream into canonical events, from bytes cut anywhere.

Rules: nothing raises; an odd line is skipped. A whole answer is a stream of one line. A call comes whole. Times and
durations of the last line are told as a delta that only this dialect understands, right before the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.ndjson import Objects
from sluice.dialects.ollama_chat import usage as counts
from sluice.dialects.ollama_chat.failures import error_of
from sluice.dialects.ollama_chat.ids import answer_id
from sluice.dialects.ollama_chat.messages_in import read_parts
from sluice.dialects.ollama_chat.moments import epoch
from sluice.dialects.ollama_chat.names import NAME
from sluice.dialects.ollama_chat.response_in import OUTER, stop_of
from sluice.errors import GatewayError, ProviderError, ProviderGarbled
from sluice.types.chat import Image, Json, Part, Text, Thinking, ToolCall
from sluice.types.stream import (
    ArgumentsDelta,
    End,
    Finish,
    Idle,
    OpaqueDelta,
    PartKind,
    PartStart,
    PartStop,
    Start,
    StreamEvent,
    StreamFailed,
    TextDelta,
    UsageReport,
)

_CUT = "The provider's stream ended before the answer was complete."


@dataclass(slots=True)
class _State:
    started: bool = False
    over: bool = False
    calls: int = 0
    parts: int = 0
    open: PartKind | None = None


def decode_stream(
    chunks: Iterable[bytes],
    quirks: JsonObject = EMPTY,  # noqa: ARG001 - one signature
) -> Iterator[StreamEvent]:
    """Yield the events of a stream; an empty chunk is an `Idle`, an answer that breaks off a `StreamFailed`."""
    state, reader = _State(), Objects()
    try:
        for chunk in chunks:
            if not chunk:
                yield Idle()
                continue
            for found in reader.feed(chunk):
                yield from _line(found, state)
            if state.over:
                return
        for found in reader.finish():
            yield from _line(found, state)
    except ProviderError as error:
        if not state.over:
            yield from _failed(error, state)
        return
    if not state.over:
        yield from _failed(ProviderGarbled(_CUT), state)


def _line(found: Mapping[str, Json], state: _State) -> Iterator[StreamEvent]:
    if state.over:
        return
    failure = error_of(found)
    if failure is not None:
        yield from _failed(failure, state)
        return
    message, moment = found.get("message"), str(found.get("created_at") or "")
    if "done" not in found:
        return  # not a line of this format
    if not state.started:
        state.started = True
        model = str(found.get("model") or "")
        yield Start(answer_id(moment, model), model, epoch(moment))
    if isinstance(message, Mapping):
        for part in read_parts(message, moment, state.calls):
            yield from _part(part, found.get("logprobs"), state)
    if found.get("done") is True:
        yield from _end(found, state)


def _part(part: Part, logprobs: Json, state: _State) -> Iterator[StreamEvent]:
    if isinstance(part, Text | Thinking):
        kind: PartKind = "text" if isinstance(part, Text) else "thinking"
        if state.open != kind:
            yield from _close(state)
            state.open = kind
            yield PartStart(state.parts, kind)
        yield TextDelta(state.parts, part.text, logprobs=logprobs if kind == "text" else None)
    elif isinstance(part, ToolCall):
        state.calls += 1
        yield from _close(state)
        payload, dialect = (dict(part.extras), NAME) if part.extras else (None, "")
        yield PartStart(state.parts, "tool_call", part.id, part.name, payload, dialect=dialect)
        yield ArgumentsDelta(state.parts, part.arguments)
        yield from _stop(state)
    elif isinstance(part, Image):
        yield from _close(state)
        yield PartStart(state.parts, "opaque", payload={"images": [part.data]}, dialect=NAME)
        yield from _stop(state)


def _close(state: _State) -> Iterator[StreamEvent]:
    if state.open is not None:
        state.open = None
        yield from _stop(state)


def _stop(state: _State) -> Iterator[StreamEvent]:
    yield PartStop(state.parts)
    state.parts += 1


def _end(found: Mapping[str, Json], state: _State) -> Iterator[StreamEvent]:
    """Tell why the answer ended and what it used."""
    state.over = True
    yield from _close(state)
    stop, own_word = stop_of(found, bool(state.calls))
    kept = {name: value for name, value in found.items() if name not in (*OUTER, "created_at")}
    if kept or own_word:
        yield OpaqueDelta(state.parts, NAME, {**kept, **own_word})
    yield Finish(stop or "unknown")
    usage = counts.read(found)
    if usage is not None:
        yield UsageReport(usage)
    yield End()


def _failed(failure: GatewayError, state: _State) -> Iterator[StreamEvent]:
    state.over = True
    yield from _close(state)
    yield StreamFailed(failure)
