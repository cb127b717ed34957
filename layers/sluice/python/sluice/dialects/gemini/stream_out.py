"""Writes canonical events as a streamGenerateContent stream (`alt=sse`).

Rules: each event is a chunk with what is new; a function call comes whole, in one chunk; the finish reason and usage
stand in the last one. There is no `[DONE]`. A stream that ends without a finish ends with an error, never in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sluice.dialects.edits import Edits
from sluice.dialects.gemini import usage as counts
from sluice.dialects.gemini.failures import event_bytes, stream_error_bytes
from sluice.dialects.gemini.ids import wire_id
from sluice.dialects.gemini.media import Block
from sluice.dialects.gemini.names import KEEP_ALIVE, NAME
from sluice.dialects.gemini.parts_out import PartWriter
from sluice.dialects.gemini.response_out import new_id, placed, wire_stop
from sluice.errors import ProviderGarbled
from sluice.types.chat import ChatRequest, Json, Opaque, Thinking, ToolCall
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

_CUT = "The provider ended the stream before the answer was complete."


@dataclass(slots=True)
class _Part:
    """One part: how it began, and a call's arguments so far."""

    start: PartStart
    arguments: list[str] = field(default_factory=list)
    stopped: bool = False


@dataclass(slots=True)
class _Choice:
    """One candidate: its parts, and what is told at its end."""

    writer: PartWriter
    parts: dict[int, _Part] = field(default_factory=dict)
    extras: dict[str, Json] = field(default_factory=dict)
    called: bool = False
    refused: bool = False
    finish: Finish | None = None


class StreamWriter:
    """The state of one stream being written."""

    __slots__ = ("_answer", "_choices", "_ended", "_id", "_model", "_usage")

    def __init__(self, request: ChatRequest) -> None:
        self._id = ""
        self._model = request.model
        self._choices: dict[int, _Choice] = {}
        self._answer: dict[str, Json] = {}
        self._usage: Usage | None = None
        self._ended = False

    def write(self, event: StreamEvent) -> bytes:
        """Return the bytes of one event, b"" for none."""
        if isinstance(event, Start):
            self._id, self._model, self._usage = event.id, event.model or self._model, event.usage
        elif isinstance(event, UsageReport):
            self._usage = event.usage
        elif isinstance(event, End):
            return self.end()
        elif not isinstance(event, Idle | StreamFailed):
            choice = self._choice(event.choice)
            self._take(event, choice)
            return self._told(event.choice, choice)
        return b""

    def end(self) -> bytes:
        """Return the last chunks, which say why each candidate ended; an error when none did."""
        if self._ended and not self._choices:
            return b""
        self._ended = True
        ends = [(number, choice) for number, choice in self._choices.items() if choice.finish is not None]
        self._choices = {}  # another answer may follow in the same stream
        if not ends:
            return stream_error_bytes(ProviderGarbled(_CUT), "")
        chunks = [self._last(number, choice) for number, choice in ends]
        chunks[-1].update(self._answer)
        if self._usage is not None:
            chunks[-1]["usageMetadata"] = counts.write(self._usage)
        return b"".join(map(event_bytes, chunks))

    def _choice(self, number: int) -> _Choice:
        choice = self._choices.get(number)
        if choice is None:
            writer = PartWriter(native=False, edits=Edits(), keeps_foreign=True)
            choice = self._choices[number] = _Choice(writer)
        return choice

    def _take(self, event: StreamEvent, choice: _Choice) -> None:
        if isinstance(event, PartStart):
            self._begin(event, choice)
        elif isinstance(event, TextDelta):
            _text(event.text, choice.parts.get(event.part), choice)
        elif isinstance(event, ArgumentsDelta) and (part := choice.parts.get(event.part)) is not None:
            part.arguments.append(event.fragment)
        elif isinstance(event, SignatureDelta) and event.part in choice.parts:
            choice.writer.add(Thinking(signature=event.signature))
        elif isinstance(event, PartStop) and (part := choice.parts.get(event.part)) is not None:
            _stop(part, choice)
        elif isinstance(event, OpaqueDelta) and event.dialect == NAME and isinstance(event.payload, dict):
            choice.extras.update(_members(event.payload.get("candidate")))
            self._answer.update(_members(event.payload.get("answer")))
        elif isinstance(event, Finish):
            for part in choice.parts.values():
                _stop(part, choice)
            choice.writer.end()
            choice.finish = event

    @staticmethod
    def _begin(event: PartStart, choice: _Choice) -> None:
        choice.parts[event.part] = _Part(event)
        choice.refused = choice.refused or event.kind == "refusal"
        if event.kind == "thinking" and isinstance(event.payload, str):
            choice.writer.add(Thinking(redacted=event.payload))
            choice.writer.flush()  # the text that was signed has left already
        elif event.kind == "opaque" and event.dialect == NAME and isinstance(event.payload, dict):
            choice.writer.add(Opaque(NAME, event.payload))

    def _told(self, number: int, choice: _Choice) -> bytes:
        """Return the chunk of what was written since the last one."""
        parts, choice.writer.written = choice.writer.written, []
        if not parts:
            return b""
        calls = [part for part in parts if "functionCall" in part]
        if calls and not choice.called:
            choice.called = True
            if wire_id(str(calls[0]["functionCall"].get("id", ""))):  # type: ignore[attr-defined]
                placed(parts)
        return event_bytes(self._chunk({"content": {"parts": parts, "role": "model"}, "index": number}))

    def _last(self, number: int, choice: _Choice) -> Block:
        finish = choice.finish or Finish("stop")
        reason = wire_stop(finish.stop, choice.extras, choice.refused)
        extras = {name: value for name, value in choice.extras.items() if name != "finishReason"}
        content = {"parts": [{"text": ""}], "role": "model"}  # clients look for parts in every candidate
        return self._chunk({"content": content, "finishReason": reason, "index": number, **extras})

    def _chunk(self, candidate: Block) -> Block:
        self._id = self._id or new_id()
        return {"candidates": [candidate], "modelVersion": self._model, "responseId": self._id}


def encode_stream(events: Iterable[StreamEvent], request: ChatRequest) -> Iterator[bytes]:
    """Yield the wire bytes of a stream, each item one or more whole events."""
    writer = StreamWriter(request)
    for event in events:
        if isinstance(event, StreamFailed):
            yield stream_error_bytes(event.error, "")
            return
        written = KEEP_ALIVE if isinstance(event, Idle) else writer.write(event)
        if written:
            yield written
    if rest := writer.end():
        yield rest


def _text(text: str, part: _Part | None, choice: _Choice) -> None:
    if part is None or not text:
        return
    if part.start.kind == "thinking":
        choice.writer.written.append({"text": text, "thought": True})
    elif part.start.kind in ("text", "refusal"):
        choice.writer.add_text(text)


def _stop(part: _Part, choice: _Choice) -> None:
    if part.stopped:
        return
    part.stopped = True
    start = part.start
    if start.kind == "tool_call":
        choice.writer.add(ToolCall(start.id, start.name, "".join(part.arguments), custom=start.custom))


def _members(found: Json) -> dict[str, Json]:
    return found if isinstance(found, dict) else {}
