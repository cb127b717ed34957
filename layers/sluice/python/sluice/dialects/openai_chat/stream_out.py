"""Writes canonical events as the chunks that Chat Completions clients read.

The role comes in the first delta of a choice; a tool call's index, id and name come before its arguments; the usage
chunk has no choices and comes only when it was asked for; [DONE] is last. An error takes the place of all that.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping

from sluice.dialects.openai_chat import usage as counts
from sluice.dialects.openai_chat.envelope import event_bytes, keep_alive, stream_error_bytes
from sluice.dialects.openai_chat.finish import write_finish
from sluice.dialects.openai_chat.names import NAME, REASONING_FIELDS
from sluice.dialects.openai_chat.reasoning import DETAILS, new_entry
from sluice.dialects.openai_chat.response_out import answer_id
from sluice.dialects.streams import written
from sluice.types.chat import ChatRequest, Json
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

DONE = b"data: [DONE]\n\n"


def encode_stream(events: Iterable[StreamEvent], request: ChatRequest) -> Iterator[bytes]:
    """Yield the wire bytes; see `ChatDialect.encode_stream`."""
    writer = StreamWriter(request)
    return written(events, writer.write)


class _Part:
    """One part that is being written."""

    __slots__ = ("call", "custom", "detailed", "field", "filled", "kind", "text")

    def __init__(self, start: PartStart, call: int) -> None:
        self.kind = start.kind
        self.field = start.field
        self.custom = start.custom
        self.call = call
        self.filled = False
        self.detailed = False
        self.text: list[str] = []


class StreamWriter:
    """The state of one stream being written."""

    __slots__ = ("_calls", "_created", "_id", "_model", "_parts", "_refused", "_request", "_roles", "_usage")

    def __init__(self, request: ChatRequest) -> None:
        self._request = request
        self._id = ""
        self._model = request.model
        self._created = 0
        self._parts: dict[tuple[int, int], _Part] = {}
        self._calls: dict[int, int] = {}
        self._roles: set[int] = set()
        self._refused: set[int] = set()
        self._usage: Usage | None = None

    def write(self, event: StreamEvent) -> bytes:
        """Return the bytes of one event, b"" for none."""
        if isinstance(event, TextDelta):
            return self._text(event)
        if isinstance(event, ArgumentsDelta):
            return self._arguments(event)
        if isinstance(event, PartStart):
            return self._part(event)
        if isinstance(event, PartStop):
            return self._stop(event)
        if isinstance(event, OpaqueDelta):
            return self._opaque(event)
        if isinstance(event, SignatureDelta):
            return self._signature(event)
        return self._frame(event)

    def _frame(self, event: StreamEvent) -> bytes:
        if isinstance(event, Start):
            self._id = answer_id(event.id, native=not event.id.startswith("msg_"))
            self._model = event.model or self._model
            self._created = event.created or int(time.time())
            return self._delta(0, {"role": "assistant", "content": ""})
        if isinstance(event, Finish):
            word = write_finish(event.stop, event.choice in self._calls, event.choice in self._refused)
            return self._delta(event.choice, {}, finish=word)
        if isinstance(event, UsageReport):
            self._usage = event.usage
            return b""
        if isinstance(event, StreamFailed):
            return stream_error_bytes(event.error, "")
        if isinstance(event, End):
            return self._end()
        return keep_alive() if isinstance(event, Idle) else b""

    def _end(self) -> bytes:
        if self._usage is None or not self._request.include_usage:
            return DONE
        last = {**self._chunk(), "choices": [], "usage": counts.write(self._usage)}
        if self._usage.service_tier is not None:
            last["service_tier"] = self._usage.service_tier
        return event_bytes(last) + DONE

    def _part(self, event: PartStart) -> bytes:
        call = self._calls.get(event.choice, 0)
        part = self._parts[event.choice, event.part] = _Part(event, call)
        if event.kind == "tool_call":
            self._calls[event.choice] = call + 1
            held = {"name": event.name, "input" if event.custom else "arguments": ""}
            kind = "custom" if event.custom else "function"
            extras = event.payload if event.dialect == NAME and isinstance(event.payload, Mapping) else {}
            began = {"index": call, "id": event.id, "type": kind, kind: held, **extras}
            return self._delta(event.choice, {"tool_calls": [began]})
        if event.kind == "opaque" and event.dialect == NAME and isinstance(event.payload, Mapping):
            return self._delta(event.choice, dict(event.payload))
        if event.kind == "thinking" and isinstance(event.payload, str) and event.field is None:
            part.detailed = True
            return self._delta(event.choice, {DETAILS: [new_entry("", event.payload, True, event.part)]})
        return b""

    def _text(self, event: TextDelta) -> bytes:
        part = self._parts.get((event.choice, event.part))
        if part is None or not event.text:
            return b""
        if part.kind == "refusal":
            self._refused.add(event.choice)
            return self._delta(event.choice, {"refusal": event.text}, logprobs=event.logprobs)
        if part.kind != "thinking":
            return self._delta(event.choice, {"content": event.text}, logprobs=event.logprobs)
        part.text.append(event.text)
        if part.field == DETAILS:
            return b""  # the entries hold the text
        if part.field == "content":
            block = {"type": "thinking", "thinking": [{"type": "text", "text": event.text}]}
            return self._delta(event.choice, {"content": [block]})
        field = part.field if part.field in REASONING_FIELDS else REASONING_FIELDS[0]  # not another dialect's name
        return self._delta(event.choice, {field: event.text})

    def _arguments(self, event: ArgumentsDelta) -> bytes:
        part = self._parts.get((event.choice, event.part))
        return b"" if part is None or not event.fragment else self._fragment(event.choice, part, event.fragment)

    def _fragment(self, choice: int, part: _Part, fragment: str) -> bytes:
        part.filled = True
        held = {"custom": {"input": fragment}} if part.custom else {"function": {"arguments": fragment}}
        return self._delta(choice, {"tool_calls": [{"index": part.call, **held}]})

    def _stop(self, event: PartStop) -> bytes:
        part = self._parts.get((event.choice, event.part))
        if part is not None and part.kind == "tool_call" and not part.filled and not part.custom:
            return self._fragment(event.choice, part, "{}")  # clients parse what they gathered
        return b""

    def _opaque(self, event: OpaqueDelta) -> bytes:
        part = self._parts.get((event.choice, event.part))
        if part is None or event.dialect != NAME or not isinstance(event.payload, Mapping):
            return b""
        part.detailed = part.detailed or DETAILS in event.payload
        return self._delta(event.choice, dict(event.payload))

    def _signature(self, event: SignatureDelta) -> bytes:
        """Write a signature once, with all of its text, so that a client can send the entry back."""
        part = self._parts.get((event.choice, event.part))
        if part is None or part.detailed:
            return b""
        entry = new_entry("".join(part.text), event.signature, False, event.part)
        return self._delta(event.choice, {DETAILS: [entry]})

    def _delta(self, choice: int, delta: dict[str, Json], *, finish: str | None = None, logprobs: Json = None) -> bytes:
        if choice not in self._roles:
            self._roles.add(choice)
            delta = {"role": "assistant", **delta}
        entry = {"index": choice, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return event_bytes({**self._chunk(), "choices": [entry]})

    def _chunk(self) -> dict[str, Json]:
        return {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._model,
        }
