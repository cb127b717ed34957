"""Writes canonical events as an Ollama chat stream.

Rules: each line holds what is new; a call comes whole, in one line; the last line is done, says why and what was used.
What this dialect's answers never hold (signatures, another vendor's blocks) is left out. A stream that ends without a
finish ends with an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sluice.dialects.ollama_chat import usage as counts
from sluice.dialects.ollama_chat.failures import line_bytes, stream_error_bytes
from sluice.dialects.ollama_chat.moments import text_of
from sluice.dialects.ollama_chat.names import KEEP_ALIVE, NAME
from sluice.dialects.ollama_chat.response_out import numbered_call, wire_stop
from sluice.dialects.streams import written
from sluice.errors import ProviderGarbled
from sluice.types.chat import ChatRequest, Json, ToolCall
from sluice.types.stream import (
    ArgumentsDelta,
    End,
    Finish,
    Idle,
    OpaqueDelta,
    PartStart,
    PartStop,
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


class StreamWriter:
    """The state of one stream being written."""

    __slots__ = ("_calls", "_created", "_ended", "_finish", "_kept", "_model", "_parts", "_usage")

    def __init__(self, request: ChatRequest) -> None:
        self._model = request.model
        self._created: int | None = None
        self._parts: dict[int, _Part] = {}
        self._calls = 0
        self._kept: dict[str, Json] = {}
        self._finish: Finish | None = None
        self._usage: Usage | None = None
        self._ended = False

    def write(self, event: StreamEvent) -> bytes:
        """Return the bytes of one event, b"" for none."""
        if isinstance(event, Idle):
            return KEEP_ALIVE
        if isinstance(event, StreamFailed):
            return stream_error_bytes(event.error, "")
        if isinstance(event, Start):
            self._model, self._created = event.model or self._model, event.created or None
            self._usage = event.usage
        elif isinstance(event, UsageReport):
            self._usage = event.usage if self._usage is None else self._usage.merged(event.usage)
        elif isinstance(event, End):
            return self.end()
        elif not event.choice:  # this dialect has one answer
            return self._take(event)
        return b""

    def end(self) -> bytes:
        """Return the last line, which says why the answer ended; an error when it did not."""
        if self._ended:
            return b""
        self._ended = True
        if self._finish is None:
            return stream_error_bytes(ProviderGarbled(_CUT), "")
        reason = wire_stop(self._finish.stop, self._kept)
        kept = {name: value for name, value in self._kept.items() if name != "done_reason"}
        if self._usage is not None:
            kept.update(counts.write(self._usage))
        return self._line({"content": ""}, done=True, more={"done_reason": reason, **kept})

    def _take(self, event: StreamEvent) -> bytes:
        if isinstance(event, PartStart):
            self._parts[event.part] = _Part(event)
            if event.kind == "opaque" and event.dialect == NAME and isinstance(event.payload, Mapping):
                return self._line({"content": "", **event.payload})
        elif isinstance(event, Finish):
            self._finish = event
        elif isinstance(event, OpaqueDelta):
            if event.dialect == NAME and isinstance(event.payload, Mapping):
                self._kept.update(event.payload)
        elif isinstance(event, TextDelta | ArgumentsDelta | PartStop):
            part = self._parts.get(event.part)
            return b"" if part is None else self._more(part, event)
        return b""

    def _more(self, part: _Part, event: TextDelta | ArgumentsDelta | PartStop) -> bytes:
        if isinstance(event, ArgumentsDelta):
            part.arguments.append(event.fragment)
        elif isinstance(event, PartStop):
            return self._call(part) if part.start.kind == "tool_call" else b""
        elif event.text and part.start.kind == "thinking":
            return self._line({"content": "", "thinking": event.text})
        elif event.text:
            more = {} if event.logprobs is None else {"logprobs": event.logprobs}
            return self._line({"content": event.text}, more=more)
        return b""

    def _call(self, part: _Part) -> bytes:
        start = part.start
        native = start.dialect == NAME
        extras = dict(start.payload) if native and isinstance(start.payload, Mapping) else {}
        call = ToolCall(start.id, start.name, "".join(part.arguments), custom=start.custom, extras=extras)
        self._calls += 1
        return self._line({"content": "", "tool_calls": [numbered_call(call, native, self._calls - 1)]})

    def _line(
        self, message: Mapping[str, Json], *, done: bool = False, more: Mapping[str, Json] | None = None
    ) -> bytes:
        return line_bytes(
            {
                "model": self._model,
                "created_at": text_of(self._created),
                "message": {"role": "assistant", **message},
                "done": done,
                **(more or {}),
            }
        )


def encode_stream(events: Iterable[StreamEvent], request: ChatRequest) -> Iterator[bytes]:
    """Yield the wire bytes of a stream, each item one or more whole lines."""
    writer = StreamWriter(request)
    return written(events, writer.write, writer.end)
