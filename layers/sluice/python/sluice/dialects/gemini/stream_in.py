"""Reads a streamGenerateContent stream into canonical events, from bytes cut anywhere.

Rules: nothing raises; an odd chunk is skipped. Text that follows text is one part, but text with a signature is a part
of its own. A function call is told when it is whole. Why a candidate ended and what it used is told at the end of the
stream, since each chunk reports usage anew and grounding may follow the finish reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.gemini import usage as counts
from sluice.dialects.gemini.candidates import (
    OUTER,
    blocked,
    candidates_of,
    extras_of,
    finish_word,
    index_of,
    parts_of,
    stop_of,
)
from sluice.dialects.gemini.casing import camel
from sluice.dialects.gemini.chunks import Objects
from sluice.dialects.gemini.failures import error_of
from sluice.dialects.gemini.names import NAME
from sluice.dialects.gemini.partial import PartialCall
from sluice.dialects.gemini.parts_in import CallNames, read_call, read_parts
from sluice.errors import GatewayError, ProviderError, ProviderGarbled
from sluice.types.chat import Json, Part, StopReason, Text, Thinking, ToolCall
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

Block = Mapping[str, Json]


@dataclass(slots=True)
class _Choice:
    """One candidate so far: the part that is open and its kind, the call that grows, how it ended."""

    number: int
    names: CallNames
    parts: int = 0
    open: str = ""
    called: bool = False
    partial: PartialCall | None = None
    reason: str = ""
    extras: dict[str, Json] = field(default_factory=dict)


@dataclass(slots=True)
class _State:
    started: bool = False
    blocked: bool = False
    failure: GatewayError | None = None
    identity: str = ""
    usage: Usage | None = None
    searches: int = 0
    choices: dict[int, _Choice] = field(default_factory=dict)
    extras: dict[str, Json] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every candidate said why it ended."""
        return self.blocked or (bool(self.choices) and all(choice.reason for choice in self.choices.values()))


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
                yield from _chunk(found, state)
            if state.failure is not None:
                break
        else:
            for found in reader.finish():
                yield from _chunk(found, state)
    except ProviderError as error:
        if not state.complete:
            yield from _used(state)
            raise error
    yield from _end(state)


def _chunk(found: dict[str, Json], state: _State) -> Iterator[StreamEvent]:
    if state.failure is not None:
        return
    failure = error_of(found)
    if failure is not None:
        state.failure = failure
        return
    chunk = camel(found)
    state.usage = counts.read(chunk.get("usageMetadata")) or state.usage
    state.searches = max(state.searches, counts.searches(chunk))
    state.extras.update({name: value for name, value in chunk.items() if name not in OUTER})
    if not state.started and {"candidates", "responseId"} & chunk.keys():
        state.started, state.identity = True, str(chunk.get("responseId") or "")
        yield Start(state.identity, str(chunk.get("modelVersion") or ""), usage=state.usage)
    state.blocked = state.blocked or blocked(chunk)
    for place, candidate in enumerate(candidates_of(chunk)):
        yield from _candidate(candidate, place, state)


def _candidate(candidate: Block, place: int, state: _State) -> Iterator[StreamEvent]:
    number = index_of(candidate, place)
    choice = state.choices.get(number)
    if choice is None:
        choice = state.choices[number] = _Choice(number, CallNames(f"{state.identity}/{number}", answering=True))
    parts = parts_of(candidate)
    for raw in parts if isinstance(parts, list) else [parts]:
        part = camel(raw)
        if "functionCall" in part:
            yield from _call(camel(part["functionCall"]), part.get("thoughtSignature"), choice)
        elif part:
            if part.get("thoughtSignature") and "thought" not in part:
                yield from _close(choice)  # signed text is a part of its own
            for read in read_parts([part], choice.names):
                yield from _part(read, choice, logprobs=candidate.get("logprobsResult"))
    choice.reason = finish_word(candidate.get("finishReason")) or choice.reason
    choice.extras.update(extras_of(candidate))


def _call(call: dict[str, Json], signature: Json, choice: _Choice) -> Iterator[StreamEvent]:
    """Tell a call that is whole; pieces of one are gathered until the last."""
    signature = signature if isinstance(signature, str) and signature else None
    grows = call.pop("willContinue", None) is True
    name = call.get("name")
    if choice.partial is not None and isinstance(name, str) and name:
        yield from _whole_call(choice)  # the next call begins
    if choice.partial is None:
        if not isinstance(name, str) or not name:
            return
        choice.partial = PartialCall(name, call.get("id"), signature)
    partial = choice.partial
    partial.signature = partial.signature or signature
    partial.take(call)
    if not grows:
        yield from _whole_call(choice)


def _whole_call(choice: _Choice) -> Iterator[StreamEvent]:
    partial, choice.partial = choice.partial, None
    if partial is not None:
        for part in read_call(partial.whole(), partial.signature, choice.names):
            yield from _part(part, choice)


def _part(part: Part, choice: _Choice, logprobs: Json = None) -> Iterator[StreamEvent]:
    if isinstance(part, Text):
        yield from _text(part, choice, logprobs)
    elif isinstance(part, Thinking):
        yield from _thinking(part, choice)
    elif isinstance(part, ToolCall):
        choice.called = True
        yield from _close(choice)
        extras = {name: value for name, value in part.extras.items() if name != "thoughtSignature"}
        payload, dialect = (extras, NAME) if extras else (None, "")
        yield PartStart(choice.parts, "tool_call", part.id, part.name, payload, choice.number, dialect)
        yield ArgumentsDelta(choice.parts, part.arguments, choice.number)
        yield from _stop(choice)
    else:
        yield from _close(choice)
        yield PartStart(choice.parts, "opaque", payload=_payload(part), choice=choice.number, dialect=NAME)
        yield from _stop(choice)


def _payload(part: Part) -> Json:
    """Return the wire form of a part that streams have no kind for, such as a picture."""
    from sluice.dialects.gemini.response_out import answer_parts

    return answer_parts((part,), native=True)[0]


def _text(part: Text, choice: _Choice, logprobs: Json) -> Iterator[StreamEvent]:
    if not part.text:
        return
    if choice.open != "text":
        yield from _close(choice)
        choice.open = "text"
        yield PartStart(choice.parts, "text", choice=choice.number)
    yield TextDelta(choice.parts, part.text, choice.number, logprobs)


def _thinking(part: Thinking, choice: _Choice) -> Iterator[StreamEvent]:
    if part.redacted is not None:
        yield from _close(choice)
        yield PartStart(choice.parts, "thinking", payload=part.redacted, choice=choice.number)
        yield from _stop(choice)
        return
    if choice.open != "thinking":
        yield from _close(choice)
        choice.open = "thinking"
        yield PartStart(choice.parts, "thinking", choice=choice.number)
    if part.text:
        yield TextDelta(choice.parts, part.text, choice.number)
    if part.signature is not None:
        yield SignatureDelta(choice.parts, part.signature, choice.number)
        yield from _close(choice)


def _close(choice: _Choice) -> Iterator[StreamEvent]:
    if choice.open:
        choice.open = ""
        yield from _stop(choice)


def _stop(choice: _Choice) -> Iterator[StreamEvent]:
    yield PartStop(choice.parts, choice.number)
    choice.parts += 1


def _end(state: _State) -> Iterator[StreamEvent]:
    """End every candidate, then tell usage; a stream that said neither reason nor error was cut off."""
    for choice in state.choices.values():
        if state.failure is None:
            yield from _whole_call(choice)
        yield from _close(choice)
    failure = state.failure
    if failure is None and not state.complete:
        failure = ProviderGarbled("The provider's stream ended before the answer was complete.")
    if failure is not None:
        yield from _used(state)
        yield StreamFailed(failure)
        return
    if not state.started:
        yield Start("", "", usage=state.usage)
    if not state.choices:
        state.choices[0] = _Choice(0, CallNames(""))
    for choice in state.choices.values():
        yield from _finish(choice, state)
    yield from _used(state)
    yield End()


def _used(state: _State) -> Iterator[StreamEvent]:
    usage = counts.with_searches(state.usage, state.searches)
    if usage is not None:
        yield UsageReport(usage)


def _finish(choice: _Choice, state: _State) -> Iterator[StreamEvent]:
    """Tell why a candidate ended; what only this dialect says about it goes before, as a delta of no part."""
    stop: StopReason = "content_filter"
    own_word: dict[str, Json] = {}
    if choice.reason or not state.blocked:
        stop, own_word = stop_of(choice.reason, choice.called)
    said = {"candidate": {**choice.extras, **own_word}, "answer": {} if choice.number else state.extras}
    if any(said.values()):
        yield OpaqueDelta(choice.parts, NAME, said, choice.number)
    yield Finish(stop, choice=choice.number)
