"""Writes canonical events as the deltas that callers of this dialect read; the last one reports usage and the reason.

A tool call is told when its arguments are whole: fragments name no call, so those of two calls must not mix.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from sluice.dialects.snowflake_complete import usage as counts
from sluice.dialects.snowflake_complete.answer_out import finish_word
from sluice.dialects.snowflake_complete.envelope import event_bytes, keep_alive, stream_error_bytes
from sluice.dialects.snowflake_complete.parts_in import OPENAI
from sluice.dialects.streams import written
from sluice.types.chat import ChatRequest, Json, StopReason
from sluice.types.stream import (
    ArgumentsDelta,
    End,
    Finish,
    Idle,
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


def encode_stream(events: Iterable[StreamEvent], request: ChatRequest) -> Iterator[bytes]:
    """Yield the wire bytes; see `ChatDialect.encode_stream`."""
    writer = _Writer(request)
    return written(events, writer.write)


class _Writer:
    """The state of one stream being written; other answers than the first have no place in it."""

    __slots__ = ("_called", "_created", "_id", "_inputs", "_model", "_parts", "_stop", "_usage")

    def __init__(self, request: ChatRequest) -> None:
        self._id = ""
        self._model = request.model
        self._created = 0
        self._parts: dict[int, PartStart] = {}
        self._inputs: dict[int, list[str]] = {}
        self._called = False
        self._stop: StopReason | None = None
        self._usage: Usage | None = None

    def write(self, event: StreamEvent) -> bytes:
        """Return the bytes of one event, b"" for none."""
        if getattr(event, "choice", 0):
            return b""
        if isinstance(event, TextDelta):
            return self._text(event)
        if isinstance(event, ArgumentsDelta):
            self._inputs.setdefault(event.part, []).append(event.fragment)
            return b""
        if isinstance(event, PartStart):
            return self._part(event)
        if isinstance(event, PartStop):
            return self._call(event.part)
        if isinstance(event, SignatureDelta):
            return self._delta({"type": "anthropic", "thinking": {"signature": event.signature}})
        return self._frame(event)

    def _frame(self, event: StreamEvent) -> bytes:
        if isinstance(event, Start):
            self._id, self._model = event.id, event.model or self._model
            self._created = event.created or int(time.time())
        elif isinstance(event, Finish):
            self._stop = event.stop
        elif isinstance(event, UsageReport):
            self._usage = event.usage
        elif isinstance(event, StreamFailed):
            return stream_error_bytes(event.error, "")
        elif isinstance(event, End):
            return self._end()
        return keep_alive() if isinstance(event, Idle) else b""

    def _part(self, event: PartStart) -> bytes:
        self._parts[event.part] = event
        if event.kind == "thinking" and isinstance(event.payload, str) and event.field == OPENAI:
            return self._delta({"type": "openai", "reasoning": {"encrypted_content": event.payload}})
        return b""

    def _text(self, event: TextDelta) -> bytes:
        part = self._parts.get(event.part)
        if part is None or not event.text:
            return b""
        if part.kind in ("text", "refusal"):
            item = {"type": "text", "text": event.text}
            return self._delta({"type": "text", "content": event.text, "content_list": [item], "text": event.text})
        if part.kind != "thinking":
            return b""
        if part.field == OPENAI:
            return self._delta({"type": "openai", "reasoning": {"summary": event.text}})
        return self._delta({"type": "anthropic", "thinking": {"thinking": event.text}})

    def _call(self, number: int) -> bytes:
        part = self._parts.get(number)
        if part is None or part.kind != "tool_call":
            return b""
        self._called = True
        whole = "".join(self._inputs.pop(number, ())) or "{}"
        began = {"tool_use_id": part.id, "name": part.name}
        first = self._delta({"type": "tool_use", **began, "content_list": [began], "text": ""})
        return first + self._delta({"type": "tool_use", "input": whole, "content_list": [{"input": whole}], "text": ""})

    def _end(self) -> bytes:
        word = finish_word(self._stop, self._called)
        entry = {"delta": {"type": "text", "content": ""}, "finish_reason": word}
        usage = counts.write(self._usage) if self._usage is not None else {}
        return event_bytes({**self._chunk(), "choices": [entry], "usage": usage})

    def _delta(self, delta: dict[str, Json]) -> bytes:
        return event_bytes({**self._chunk(), "choices": [{"delta": delta}], "usage": {}})

    def _chunk(self) -> dict[str, Json]:
        return {"id": self._id, "model": self._model, "created": self._created}
