"""Writes canonical events as a Responses stream.

Rules: events are numbered from 0; every item is announced, filled, and told whole at its end, the arguments of a call
before the item that holds them; the last event holds the whole answer with its usage, and there is no `[DONE]`. It is
held back until the usage that follows the finish. Texts that follow each other are contents of one message. A stream
that breaks off or never finishes ends with an error and `response.failed`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from sluice.dialects.openai_responses import usage as counts
from sluice.dialects.openai_responses.failures import event_bytes, failed_bytes
from sluice.dialects.openai_responses.ids import new_id
from sluice.dialects.openai_responses.names import KEEP_ALIVE
from sluice.dialects.openai_responses.namespaces import homes
from sluice.dialects.openai_responses.output_out import Output
from sluice.dialects.openai_responses.response_out import frame
from sluice.dialects.openai_responses.status import write_status
from sluice.dialects.openai_responses.tools import custom_names
from sluice.errors import GatewayError, ProviderGarbled
from sluice.types.chat import ChatRequest, Json
from sluice.types.stream import End, Finish, Idle, Start, StreamEvent, StreamFailed, UsageReport
from sluice.types.usage import Usage

Keep = Callable[[dict[str, Json]], dict[str, Json]]
"""Takes a whole answer before its last event is written, and returns it as it is told."""


def encode_stream(events: Iterable[StreamEvent], request: ChatRequest) -> Iterator[bytes]:
    """Yield the wire bytes of a stream, each item one or more whole events."""
    return written(StreamWriter(request), events)


def written(writer: StreamWriter, events: Iterable[StreamEvent]) -> Iterator[bytes]:
    """Yield what a writer makes of a stream's events."""
    for event in events:
        if writer.over:
            continue
        if written := writer.write(event):
            yield written
    if not writer.over:
        yield writer.close()


class StreamWriter:
    """The state of one stream being written. `over` is true once its last event was written."""

    __slots__ = ("_answer", "_finish", "_keep", "_number", "_output", "_request", "_usage", "over")

    def __init__(self, request: ChatRequest, keep: Keep | None = None) -> None:
        self.over = False
        self._keep = keep
        self._request = request
        self._number = 0
        self._answer: dict[str, Json] = {}
        self._output = Output("", frozenset(), {})
        self._finish: Finish | None = None
        self._usage: Usage | None = None

    def write(self, event: StreamEvent) -> bytes:
        """Return the bytes of one event, b"" for none."""
        if isinstance(event, Idle):
            return KEEP_ALIVE
        if isinstance(event, StreamFailed):
            return self.fail(event.error)
        if isinstance(event, UsageReport):
            self._usage = event.usage if self._usage is None or event.usage.total else self._usage
            return b""
        if isinstance(event, Start):
            self._usage = event.usage if self._usage is None else self._usage
            return b"" if self._answer else self._start(event)
        if isinstance(event, End):
            return self.close()
        if event.choice != 0:
            return b""  # this dialect has one answer
        begun = b"" if self._answer else self._start(Start("", ""))
        if isinstance(event, Finish):
            self._finish = event
            return begun + self._numbered(self._output.end())
        return begun + self._numbered(self._output.take(event))

    def close(self) -> bytes:
        """Return the events that end the stream."""
        if self._finish is None:
            return self.fail(ProviderGarbled("The provider ended the stream before the answer was complete."))
        finish = self._finish
        status, details = write_status(finish.stop, self._output.calls, self._output.refused)
        if status == "failed":
            return self.fail(ProviderGarbled("The model ended its answer with an error."))
        self.over = True
        own = {name: finish.extras[name] for name in ("status", "incomplete_details") if name in finish.extras}
        answer = {
            **self._answer,
            "status": status,
            "incomplete_details": details,
            "completed_at": int(time.time()) if status == "completed" else None,
            "output": self._output.items,
            "usage": counts.write(self._usage),
            **own,
        }
        if self._usage is not None and self._usage.service_tier is not None:
            answer["service_tier"] = self._usage.service_tier
        told = answer if self._keep is None else self._keep(answer)
        return self._numbered([{"type": f"response.{status}", "response": told}])

    def _start(self, event: Start) -> bytes:
        identity = event.id or new_id()
        self._answer = frame(self._request, identity, event.model, event.created)
        self._output = Output(identity, custom_names(self._request), homes(self._request))
        begun = [{"type": f"response.{word}", "response": self._answer} for word in ("created", "in_progress")]
        return self._numbered(begun)

    def fail(self, error: GatewayError) -> bytes:
        """Return the events that end the stream with an error, numbered on; a failed answer is never stored."""
        begun = b"" if self._answer else self._start(Start("", ""))
        ended = begun + self._numbered(self._output.end())
        self.over = True
        usage = None if self._usage is None else counts.write(self._usage)
        told = {**self._answer, "store": False, "output": self._output.items, "usage": usage}
        return ended + failed_bytes(error, told, self._number)

    def _numbered(self, events: Iterable[Mapping[str, Json]]) -> bytes:
        written: list[bytes] = []
        for event in events:
            kind = event["type"]
            rest = {name: value for name, value in event.items() if name not in ("type", "sequence_number")}
            written.append(event_bytes({"type": kind, "sequence_number": self._number, **rest}))
            self._number += 1
        return b"".join(written)
