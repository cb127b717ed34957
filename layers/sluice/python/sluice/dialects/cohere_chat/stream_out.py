"""Writes canonical events as a Cohere chat stream.

Rules: content items and calls are numbered each on their own; the plan of calls has deltas but neither start nor end;
`message-end` says why the answer ended and what it used, and [DONE] is last. What this dialect's answers never hold
(signatures, pictures, another vendor's blocks) is left out. A stream that ends without a finish ends with an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sluice.dialects.cohere_chat import usage as counts
from sluice.dialects.cohere_chat.failures import event_bytes, stream_error_bytes
from sluice.dialects.cohere_chat.names import DONE, KEEP_ALIVE, NAME, PLAN
from sluice.dialects.cohere_chat.response_out import new_id, wire_stop
from sluice.dialects.streams import written
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
    Start,
    StreamEvent,
    StreamFailed,
    TextDelta,
    UsageReport,
)
from sluice.types.usage import Usage

_CUT = "The provider ended the stream before the answer was complete."
_TEXTS = ("text", "refusal", "thinking")


@dataclass(slots=True)
class _Part:
    """One part: what it is, its number among the content or the calls, and whether it began on the wire."""

    what: str
    index: int
    begun: bool = False


class StreamWriter:
    """The state of one stream being written."""

    __slots__ = ("_calls", "_citations", "_ended", "_finish", "_items", "_kept", "_parts", "_started", "_usage")

    def __init__(self) -> None:
        self._started = self._ended = False
        self._parts: dict[int, _Part] = {}
        self._items = self._calls = self._citations = 0
        self._kept: dict[str, Json] = {}
        self._finish: Finish | None = None
        self._usage: Usage | None = None

    def write(self, event: StreamEvent) -> bytes:
        """Return the bytes of one event, b"" for none."""
        if isinstance(event, Idle):
            return KEEP_ALIVE
        if isinstance(event, StreamFailed):
            return stream_error_bytes(event.error, "")
        if isinstance(event, Start):
            self._usage = event.usage
            return self._start(event.id)
        if isinstance(event, UsageReport):
            self._usage = event.usage if self._usage is None else self._usage.merged(event.usage)
            return b""
        if isinstance(event, End):
            return self.end()
        if event.choice:
            return b""  # this dialect has one answer
        if isinstance(event, Finish):
            self._finish = event
            return b""
        return self._start("") + self._part(event)

    def end(self) -> bytes:
        """Return the last event, which says why the answer ended; an error when it did not."""
        if self._ended:
            return b""
        self._ended = True
        if self._finish is None:
            return stream_error_bytes(ProviderGarbled(_CUT), "")
        delta: dict[str, Json] = {"finish_reason": wire_stop(self._finish.stop, self._kept)}
        if "usage" in self._kept:
            delta["usage"] = self._kept["usage"]
        elif self._usage is not None:
            delta["usage"] = counts.write(self._usage)
        return self._start("") + event_bytes({"type": "message-end", "delta": delta}) + DONE

    def _start(self, identity: str) -> bytes:
        if self._started:
            return b""
        self._started = True
        message = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        return event_bytes({"type": "message-start", "id": identity or new_id(), "delta": {"message": message}})

    def _part(self, event: StreamEvent) -> bytes:
        if isinstance(event, PartStart):
            return self._begin(event)
        if isinstance(event, OpaqueDelta):
            return self._opaque(event)
        part = self._parts.get(event.part) if isinstance(event, TextDelta | ArgumentsDelta | PartStop) else None
        if part is None:
            return b""
        if isinstance(event, TextDelta):
            return self._text(part, event)
        if isinstance(event, ArgumentsDelta):
            said = {"function": {"arguments": event.fragment}}
            part.begun = part.begun or bool(event.fragment)
            return _event("tool-call-delta", {"tool_calls": said}, part.index) if event.fragment else b""
        return _stop(part)

    def _begin(self, event: PartStart) -> bytes:
        if event.kind == "tool_call":
            self._parts[event.part] = _Part("call", self._calls)
            self._calls += 1
            function: dict[str, Json] = {"name": event.name, "arguments": ""}
            extras = dict(event.payload) if event.dialect == NAME and isinstance(event.payload, Mapping) else {}
            more = extras.pop("function", None)
            function.update(more if isinstance(more, Mapping) else {})
            call = {"id": event.id, "type": "function", "function": function, **extras}
            return _event("tool-call-start", {"tool_calls": call}, self._calls - 1)
        if event.kind == "thinking" and event.field == PLAN:
            self._parts[event.part] = _Part(PLAN, 0)
        elif event.kind in _TEXTS:
            # Told once there is text: a part of none, or of nothing but a signature, is no item of the content.
            self._parts[event.part] = _Part("thinking" if event.kind == "thinking" else "text", -1)
        return b""

    def _text(self, part: _Part, event: TextDelta) -> bytes:
        if not event.text or part.what == "call":
            return b""
        if part.what == PLAN:
            return _event("tool-plan-delta", {PLAN: event.text})
        told = b""
        if not part.begun:
            part.begun, part.index = True, self._items
            self._items += 1
            empty = {"content": {"type": part.what, part.what: ""}}
            told = _event("content-start", empty, part.index)
        more = {} if event.logprobs is None else {"logprobs": event.logprobs}
        return told + _event("content-delta", {"content": {part.what: event.text}}, part.index, more)

    def _opaque(self, event: OpaqueDelta) -> bytes:
        if event.dialect != NAME or not isinstance(event.payload, Mapping):
            return b""
        cited = event.payload.get("citation")
        if cited is None:
            self._kept.update(event.payload)
            return b""
        index = self._citations
        self._citations += 1
        return _event("citation-start", {"citations": cited}, index) + event_bytes(
            {"type": "citation-end", "index": index}
        )


def encode_stream(events: Iterable[StreamEvent], request: ChatRequest) -> Iterator[bytes]:  # noqa: ARG001
    """Yield the wire bytes of a stream, each item one or more whole events."""
    writer = StreamWriter()
    return written(events, writer.write, writer.end)


def _stop(part: _Part) -> bytes:
    if part.what == "call":
        ended = event_bytes({"type": "tool-call-end", "index": part.index})
        if part.begun:
            return ended
        # Clients parse what they gathered.
        return _event("tool-call-delta", {"tool_calls": {"function": {"arguments": "{}"}}}, part.index) + ended
    return event_bytes({"type": "content-end", "index": part.index}) if part.begun and part.what != PLAN else b""


def _event(
    kind: str, message: Mapping[str, Json], index: int | None = None, more: Mapping[str, Json] | None = None
) -> bytes:
    numbered = {} if index is None else {"index": index}
    return event_bytes({"type": kind, **numbered, "delta": {"message": message}, **(more or {})})
