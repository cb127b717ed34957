"""Tells a whole answer as the stream of events it might have come in."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.types.chat import Audio, ChatResponse, Choice, Part, Refusal, Text, Thinking, ToolCall
from sluice.types.stream import (
    ArgumentsDelta,
    End,
    Finish,
    OpaqueDelta,
    PartStart,
    PartStop,
    SignatureDelta,
    Start,
    StreamEvent,
    TextDelta,
    UsageReport,
)


def stream_of(response: ChatResponse) -> Iterator[StreamEvent]:
    """Yield the events of an answer; parts that have no streamed form are left out."""
    yield Start(response.id, response.model, response.created)
    for choice in response.choices:
        number = 0
        for part in choice.parts:
            events = list(_part(part, number, choice, response.dialect))
            yield from events
            number += bool(events)
    for choice in response.choices:
        yield Finish(choice.stop or "stop", choice.stop_sequence, choice.index)
    if response.usage is not None:
        yield UsageReport(response.usage)
    yield End()


def _part(part: Part, number: int, choice: Choice, dialect: str) -> Iterator[StreamEvent]:
    index = choice.index
    if isinstance(part, Text | Refusal):
        yield PartStart(number, "text" if isinstance(part, Text) else "refusal", choice=index)
        yield TextDelta(number, part.text, index, choice.logprobs)
    elif isinstance(part, Thinking):
        yield PartStart(number, "thinking", payload=part.redacted, choice=index, field=part.field)
        if part.text:
            yield TextDelta(number, part.text, index)
        if part.details and part.field != "content":
            yield OpaqueDelta(number, dialect, {"reasoning_details": list(part.details)}, index)
        if part.signature is not None:
            yield SignatureDelta(number, part.signature, index)
    elif isinstance(part, ToolCall):
        extras, tongue = (dict(part.extras), dialect) if part.extras else (None, "")
        yield PartStart(
            number, "tool_call", part.id, part.name, payload=extras, choice=index, dialect=tongue, custom=part.custom
        )
        if part.arguments:
            yield ArgumentsDelta(number, part.arguments, index)
    elif isinstance(part, Audio):
        yield PartStart(number, "audio", choice=index)
        sound = {"id": part.audio_id, "data": part.data, "transcript": part.transcript, "expires_at": part.expires_at}
        yield OpaqueDelta(number, dialect, {"audio": {name: value for name, value in sound.items() if value}}, index)
    else:
        return
    yield PartStop(number, index)
