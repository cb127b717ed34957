"""Reads a Cohere chat stream into canonical events, from bytes cut anywhere.

Rules: nothing raises; an odd event is skipped. The plan of calls is thinking; citations are told as deltas that only
this dialect understands, and so is the vendor's own account of usage, right before the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.cohere_chat import usage as counts
from sluice.dialects.cohere_chat.failures import error_of
from sluice.dialects.cohere_chat.messages_in import read_call
from sluice.dialects.cohere_chat.names import NAME, PLAN
from sluice.dialects.cohere_chat.response_in import decode_response, stop_of
from sluice.dialects.sse import Events
from sluice.errors import GatewayError, ProviderError, ProviderGarbled
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
    Start,
    StreamEvent,
    StreamFailed,
    TextDelta,
    UsageReport,
)

Block = Mapping[str, Json]
_CUT = "The provider's stream ended before the answer was complete."


@dataclass(slots=True)
class _State:
    """One stream so far: the part that is open and what it is, the calls that are open by their index."""

    started: bool = False
    over: bool = False
    parts: int = 0
    open: str = ""
    calls: dict[Json, int] = field(default_factory=dict)


def decode_stream(
    chunks: Iterable[bytes],
    quirks: JsonObject = EMPTY,  # noqa: ARG001 - one signature
) -> Iterator[StreamEvent]:
    """Yield the events of a stream; an empty chunk is an `Idle`, an answer that breaks off a `StreamFailed`."""
    source, head = iter(chunks), b""
    for chunk in source:
        if not chunk:
            yield Idle()
            continue
        head += chunk
        if head.lstrip():
            break
    if head.lstrip()[:1] == b"{":
        yield from _whole(head + b"".join(source))
        return
    state, reader = _State(), Events()
    try:
        for event in reader.feed(head):
            yield from _event(event[1], state)
        for chunk in source:
            if state.over:
                return
            if not chunk:
                yield Idle()
            for event in reader.feed(chunk):
                yield from _event(event[1], state)
        for event in reader.finish():
            yield from _event(event[1], state)
    except ProviderError as error:
        if not state.over:
            yield from _failed(error, state)
        return
    if not state.over:
        yield from _failed(ProviderGarbled(_CUT), state)


def _whole(body: bytes) -> Iterator[StreamEvent]:
    """Tell a whole answer, or an error, that came where a stream was promised."""
    from sluice.dialects.openai_chat.whole import stream_of

    try:
        found = json.loads(body)
        answer = decode_response(found if isinstance(found, dict) else {})
    except (ValueError, RecursionError):
        yield StreamFailed(ProviderGarbled("The provider answered neither with events nor with JSON."))
    except GatewayError as error:
        yield StreamFailed(error)
    else:
        yield from stream_of(answer)


def _event(text: str, state: _State) -> Iterator[StreamEvent]:
    if state.over:
        return
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return  # [DONE], or nothing that can be read
    if not isinstance(found, dict):
        return
    failure = error_of(found)
    if failure is not None:
        yield from _failed(failure, state)
        return
    kind, delta = found.get("type"), _object(found.get("delta"))
    if kind == "message-start":
        yield from _start(state, str(found.get("id") or ""))
        return
    if kind == "message-end":
        yield from _start(state, str(found.get("id") or ""))
        yield from _end(delta, state)
        return
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is not None:
        yield from _start(state, "")
        yield from reader(found, _object(delta.get("message")), state)


def _start(state: _State, identity: str) -> Iterator[StreamEvent]:
    if not state.started:
        state.started = True
        yield Start(identity, "")


def _content(found: Block, message: Block, state: _State) -> Iterator[StreamEvent]:
    content = _object(message.get("content"))
    thought, text = content.get("thinking"), content.get("text")
    told = thought if isinstance(thought, str) else text
    if isinstance(told, str) and told:
        yield from _say("thinking" if isinstance(thought, str) else "text", told, state, logprobs=found.get("logprobs"))


def _content_start(found: Block, message: Block, state: _State) -> Iterator[StreamEvent]:
    yield from _close(state)  # each item of the content is a part of its own
    yield from _content(found, message, state)


def _content_end(found: Block, message: Block, state: _State) -> Iterator[StreamEvent]:  # noqa: ARG001 - one signature
    yield from _close(state)


def _plan(found: Block, message: Block, state: _State) -> Iterator[StreamEvent]:  # noqa: ARG001 - one signature
    plan = message.get(PLAN)
    if isinstance(plan, str) and plan:
        yield from _say(PLAN, plan, state)


def _say(what: str, text: str, state: _State, logprobs: Json = None) -> Iterator[StreamEvent]:
    if state.open != what:
        yield from _close(state)
        state.open = what
        kind: PartKind = "text" if what == "text" else "thinking"
        yield PartStart(state.parts, kind, field=PLAN if what == PLAN else None)
    yield TextDelta(state.parts, text, logprobs=logprobs)


def _call_start(found: Block, message: Block, state: _State) -> Iterator[StreamEvent]:
    yield from _close(state)
    index = _index(found)
    if index in state.calls:
        yield PartStop(state.calls.pop(index))
    call = read_call(_call_of(message), index)
    payload, dialect = (dict(call.extras), NAME) if call.extras else (None, "")
    yield PartStart(state.parts, "tool_call", call.id, call.name, payload, dialect=dialect)
    if call.arguments:
        yield ArgumentsDelta(state.parts, call.arguments)
    state.calls[index] = state.parts
    state.parts += 1


def _call_delta(found: Block, message: Block, state: _State) -> Iterator[StreamEvent]:
    part = state.calls.get(_index(found))
    fragment = _object(_call_of(message).get("function")).get("arguments")
    if part is not None and isinstance(fragment, str) and fragment:
        yield ArgumentsDelta(part, fragment)


def _call_end(found: Block, message: Block, state: _State) -> Iterator[StreamEvent]:  # noqa: ARG001 - one signature
    part = state.calls.pop(_index(found), None)
    if part is not None:
        yield PartStop(part)


def _citation(found: Block, message: Block, state: _State) -> Iterator[StreamEvent]:
    cited = message.get("citations")
    if isinstance(cited, Mapping):
        yield OpaqueDelta(state.parts, NAME, {"citation": dict(cited), "index": found.get("index")})


_READERS = {
    "content-start": _content_start,
    "content-delta": _content,
    "content-end": _content_end,
    "tool-plan-delta": _plan,
    "tool-call-start": _call_start,
    "tool-call-delta": _call_delta,
    "tool-call-end": _call_end,
    "citation-start": _citation,
}


def _call_of(message: Block) -> Block:
    calls = message.get("tool_calls")
    return _object(calls[0] if isinstance(calls, list) and calls else calls)


def _index(found: Block) -> int:
    index = found.get("index")
    return index if type(index) is int else 0


def _close(state: _State) -> Iterator[StreamEvent]:
    """End the part that is open, and every call that nobody ended."""
    if state.open:
        state.open = ""
        yield PartStop(state.parts)
        state.parts += 1


def _close_all(state: _State) -> Iterator[StreamEvent]:
    yield from _close(state)
    for part in state.calls.values():
        yield PartStop(part)
    state.calls.clear()


def _end(delta: Block, state: _State) -> Iterator[StreamEvent]:
    """Tell why the answer ended and what it used."""
    state.over = True
    yield from _close_all(state)
    stop, own_word = stop_of(delta.get("finish_reason"))
    kept = {**own_word, **({"usage": delta["usage"]} if "usage" in delta else {})}
    if kept:
        yield OpaqueDelta(state.parts, NAME, kept)
    yield Finish(stop or "unknown")
    usage = counts.read(delta.get("usage"))
    if usage is not None:
        yield UsageReport(usage)
    yield End()


def _failed(failure: GatewayError, state: _State) -> Iterator[StreamEvent]:
    state.over = True
    yield from _close_all(state)
    yield StreamFailed(failure)


def _object(value: Json) -> Block:
    return value if isinstance(value, Mapping) else {}
