"""Reads a Messages stream into canonical events, from bytes cut anywhere.

Rules: nothing raises; an odd event is skipped, but one that was cut fails the stream. An answer ends at `message_stop`;
should another message follow in the same stream, its parts go on with the next numbers. A tool's input given whole at
its block's start counts only when no fragments follow, and an input of which nothing came is `{}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sluice.dialects import sse
from sluice.dialects.anthropic_messages import usage as counts
from sluice.dialects.anthropic_messages.blocks import json_text, left_over
from sluice.dialects.anthropic_messages.failures import error_of, event_error
from sluice.dialects.anthropic_messages.names import ANSWER_TOOL, NAME, UNSIGNED
from sluice.dialects.anthropic_messages.response import stop_of
from sluice.dialects.base import EMPTY, JsonObject
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

Event = Mapping[str, Json]
_ENDING = ("container", "stop_details", "context_management")
_KINDS: dict[str, PartKind] = {"text": "text", "thinking": "thinking", "tool_use": "tool_call"}
_IMPLIED = {"text_delta": "text", "thinking_delta": "thinking"}


@dataclass(slots=True)
class _Block:
    """An open content block: its part's number and kind, a tool's input as given at the start."""

    part: int
    kind: PartKind
    input: Json = None
    fragments: bool = False
    answer: bool = False


@dataclass(slots=True)
class _State:
    started: bool = False
    finished: bool = False
    ended: bool = False
    failed: bool = False
    parts: int = 0
    called: bool = False
    answered: bool = False
    blocks: dict[str, _Block] = field(default_factory=dict)
    known: dict[str, Json] = field(default_factory=dict)
    message: dict[str, Json] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """Whether nothing is missing any more."""
        return self.ended or self.failed


def decode_stream(
    chunks: Iterable[bytes],
    quirks: JsonObject = EMPTY,  # noqa: ARG001 - one signature
) -> Iterator[StreamEvent]:
    """Yield the events of a stream; an empty chunk is an `Idle`, an answer that breaks off a `StreamFailed`."""
    source, head = iter(chunks), b""
    for chunk in source:
        if not chunk:
            yield Idle()
        head += chunk
        if head.lstrip():
            break
    if head.lstrip().startswith(b"{"):
        yield from _whole(head + b"".join(source))
        return
    state, reader = _State(), sse.Events()
    try:
        yield from _decoded(reader.feed(head), state)
        for chunk in source:
            if not chunk and not state.over:
                yield Idle()
            yield from _decoded(reader.feed(chunk), state)
    except ProviderError:
        if not state.finished:
            raise
    yield from _decoded(reader.finish(), state)
    yield from _end(state)


def _whole(body: bytes) -> Iterator[StreamEvent]:
    """Read a whole answer, or an error, that came where a stream was promised."""
    failure = None
    try:
        answer = json.loads(body)
        if (failure := error_of(answer)) is None and isinstance(answer.get("content"), list):
            state = _State()
            yield from _start(answer, state)
            yield from _stop(state)
            return
    except (ValueError, RecursionError, AttributeError):
        pass
    yield StreamFailed(failure or ProviderGarbled("The provider answered neither with events nor with an answer."))


def _decoded(found: Iterable[tuple[str, str]], state: _State) -> Iterator[StreamEvent]:
    for name, data in found:
        if state.failed:
            return
        if name == "error" or '"error"' in data:
            failure = event_error(name, data)
            if failure is not None:
                state.failed = True
                yield StreamFailed(failure)
                return
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            if state.ended or not data.lstrip().startswith("{"):
                continue
            # What it said is lost, and an answer with a hole must not pass for a whole one.
            state.failed = True
            yield StreamFailed(ProviderGarbled("The provider sent an event whose JSON is cut."))
            return
        if isinstance(event, dict):
            yield from _read(event, str(event.get("type") or name), state)


def _end(state: _State) -> Iterator[StreamEvent]:
    """End a stream that said its reason but not its end; one that said neither was cut off."""
    if state.over:
        return
    if state.finished:
        yield End()
    else:
        yield StreamFailed(ProviderGarbled("The provider's stream ended before the answer was complete."))


def _read(event: Event, kind: str, state: _State) -> Iterator[StreamEvent]:
    index = str(event.get("index"))
    if kind == "content_block_delta":
        yield from _delta(event.get("delta"), index, state)
    elif kind == "content_block_start":
        block = event.get("content_block")
        if isinstance(block, dict):
            yield from _start_block(index, block, state)
    elif kind == "content_block_stop":
        yield from _stop_block(index, state)
    elif kind == "message_start":
        yield from _start(event.get("message"), state)
    elif kind == "message_delta":
        yield from _finish(event, state)
    elif kind == "message_stop":
        yield from _stop(state)


def _start(message: Json, state: _State) -> Iterator[StreamEvent]:
    if not isinstance(message, dict):
        return
    yield from _stop_all(state)
    state.message, state.finished, state.ended = message, False, False
    counts.overlay(state.known, message.get("usage"))
    if not state.started:
        state.started = True
        yield Start(str(message.get("id") or ""), str(message.get("model") or ""), usage=counts.read(state.known))
    content = message.get("content")
    for position, block in enumerate(content if isinstance(content, list) else ()):
        if isinstance(block, dict):
            yield from _start_block(f"given {position}", block, state)
            yield from _stop_block(f"given {position}", state)


def _start_block(index: str, block: Event, state: _State) -> Iterator[StreamEvent]:
    if not state.started:
        state.started = True
        yield Start("", "")
    yield from _stop_block(index, state)
    word = str(block.get("type"))
    part, state.parts = state.parts, state.parts + 1
    opened = state.blocks[index] = _Block(part, _KINDS.get(word, "opaque"))
    if word == "redacted_thinking":
        opened.kind = "thinking"
        yield PartStart(part, "thinking", payload=block.get("data"))
    elif word == "tool_use":
        yield from _start_call(opened, block, state)
    elif opened.kind == "opaque":
        yield PartStart(part, "opaque", payload=block, dialect=NAME)
    else:
        yield PartStart(part, opened.kind)
        yield from _given(opened, block)


def _start_call(opened: _Block, block: Event, state: _State) -> Iterator[StreamEvent]:
    opened.input = block.get("input")
    if block.get("name") == ANSWER_TOOL:
        opened.kind, opened.answer, state.answered = "text", True, True
        yield PartStart(opened.part, "text")
        return
    state.called = True
    extras = left_over(block, "type", "id", "name", "input")
    yield PartStart(
        opened.part,
        "tool_call",
        str(block.get("id") or ""),
        str(block.get("name") or ""),
        extras or None,
        dialect=NAME if extras else "",
    )


def _given(opened: _Block, block: Event) -> Iterator[StreamEvent]:
    """Yield what a text or thinking block already holds at its start."""
    text = block.get("text") if opened.kind == "text" else block.get("thinking")
    if isinstance(text, str) and text:
        yield TextDelta(opened.part, text)
    signature, citations = block.get("signature"), block.get("citations")
    if opened.kind == "thinking" and isinstance(signature, str) and signature not in ("", UNSIGNED):
        yield SignatureDelta(opened.part, signature)
    for citation in citations if isinstance(citations, list) else ():
        yield OpaqueDelta(opened.part, NAME, {"type": "citations_delta", "citation": citation})


def _delta(delta: Json, index: str, state: _State) -> Iterator[StreamEvent]:
    if not isinstance(delta, dict):
        return
    word = str(delta.get("type"))
    opened = state.blocks.get(index)
    if opened is None:
        if word not in _IMPLIED:
            return
        yield from _start_block(index, {"type": _IMPLIED[word]}, state)
        opened = state.blocks[index]
    text = delta.get({"text_delta": "text", "thinking_delta": "thinking"}.get(word, ""))
    if isinstance(text, str) and opened.kind != "opaque":
        if text:
            yield TextDelta(opened.part, text)
    elif word == "signature_delta" and opened.kind == "thinking":
        signature = delta.get("signature")
        if isinstance(signature, str) and signature not in ("", UNSIGNED):
            yield SignatureDelta(opened.part, signature)
    elif word == "input_json_delta" and opened.kind != "opaque":
        fragment = delta.get("partial_json")
        if isinstance(fragment, str) and fragment:
            opened.fragments = True
            yield _input(opened, fragment)
    else:
        yield OpaqueDelta(opened.part, NAME, delta)


def _input(opened: _Block, fragment: str) -> StreamEvent:
    return TextDelta(opened.part, fragment) if opened.answer else ArgumentsDelta(opened.part, fragment)


def _stop_block(index: str, state: _State) -> Iterator[StreamEvent]:
    opened = state.blocks.pop(index, None)
    if opened is None:
        return
    if (opened.kind == "tool_call" or opened.answer) and not opened.fragments:
        yield _input(opened, json_text(opened.input if opened.input is not None else {}))
    yield PartStop(opened.part)


def _stop_all(state: _State) -> Iterator[StreamEvent]:
    for index in list(state.blocks):
        yield from _stop_block(index, state)


def _finish(event: Event, state: _State) -> Iterator[StreamEvent]:
    counts.overlay(state.known, event.get("usage"))
    delta = event.get("delta")
    if isinstance(delta, dict) and delta.get("stop_reason") is not None:
        yield from _finished(delta, left_over(event, "type", "delta", "usage"), state)
    usage = counts.read(state.known)
    if usage is not None:
        yield UsageReport(usage)


def _finished(delta: Event, around: dict[str, Json], state: _State) -> Iterator[StreamEvent]:
    yield from _stop_all(state)
    state.finished = True
    stop, own_word = stop_of(delta.get("stop_reason"))
    if stop == "tool_calls" and state.answered and not state.called:
        stop = "stop"
    sequence = delta.get("stop_sequence")
    yield Finish(
        stop or "stop",
        sequence if isinstance(sequence, str) else None,
        extras={**around, **left_over(delta, "stop_reason", "stop_sequence"), **own_word},
    )


def _stop(state: _State) -> Iterator[StreamEvent]:
    """End the answer; a message that was given whole says its reason at its start."""
    if not state.finished and isinstance(state.message.get("stop_reason"), str):
        ending = {name: state.message[name] for name in _ENDING if state.message.get(name) is not None}
        yield from _finished(
            {name: state.message.get(name) for name in ("stop_reason", "stop_sequence")}, ending, state
        )
        usage = counts.read(state.known)
        if usage is not None:
            yield UsageReport(usage)
    yield from _stop_all(state)
    state.finished = state.ended = True
    yield End()
