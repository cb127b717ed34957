"""Reads the events of a provider's stream into canonical events, from bytes cut anywhere.

Rules: nothing raises; an odd event is skipped. A part begins with its first content, so reasoning that shows nothing
leaves no empty part behind. What an item's end holds and its deltas did not say is said then, for some hosts send no
deltas. An answer ends with `response.completed` or `response.incomplete`; one that ends otherwise has failed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.openai_responses import usage as counts
from sluice.dialects.openai_responses.failures import failure_in
from sluice.dialects.openai_responses.output_in import OutputReader
from sluice.dialects.openai_responses.response_in import decode_response
from sluice.dialects.openai_responses.status import read_status
from sluice.dialects.sse import Events
from sluice.errors import GatewayError, ProviderError, ProviderGarbled
from sluice.types.stream import End, Finish, Idle, Start, StreamEvent, StreamFailed, UsageReport

_BEGINNING = ("response.created", "response.in_progress", "response.queued")
_ENDING = ("response.completed", "response.incomplete")


def decode_stream(chunks: Iterable[bytes], quirks: JsonObject = EMPTY) -> Iterator[StreamEvent]:
    """Yield canonical events; see `ChatDialect.decode_stream`."""
    source = iter(chunks)
    head = b""
    for chunk in source:
        if not chunk:
            yield Idle()
        head += chunk
        if head.lstrip():
            break
    if head.lstrip()[:1] == b"{":
        yield from _read_body(head + b"".join(source), quirks)
        return
    yield from _read_events(head, source, quirks)


def _read_events(head: bytes, source: Iterator[bytes], quirks: JsonObject) -> Iterator[StreamEvent]:
    reader, events = StreamReader(quirks), Events()
    try:
        for event in events.feed(head):
            yield from reader.take(event)
        for chunk in source:
            if reader.over:
                if not chunk:
                    return
                continue  # read to the end, so that the connection can serve again
            if not chunk:
                yield Idle()
            for event in events.feed(chunk):
                yield from reader.take(event)
    except ProviderError:
        if not reader.over:
            raise
    for event in () if reader.over else events.finish():
        yield from reader.take(event)
    if not reader.over:
        yield StreamFailed(ProviderGarbled("The provider's stream ended before the answer was complete."))


def _read_body(body: bytes, quirks: JsonObject) -> Iterator[StreamEvent]:
    """Read a whole answer or error that came where a stream was promised."""
    try:
        found = json.loads(body)
        answer = found if isinstance(found, Mapping) else {}
        decode_response(answer, quirks)
    except (ValueError, RecursionError):
        yield StreamFailed(ProviderGarbled("The provider answered neither with events nor with JSON."))
    except GatewayError as error:
        yield StreamFailed(error)
    else:
        yield from StreamReader(quirks).whole(answer)


class StreamReader:
    """The state of one stream. `over` is true once its last event was yielded."""

    __slots__ = ("_output", "_quirks", "_started", "over")

    def __init__(self, quirks: JsonObject = EMPTY) -> None:
        self.over = False
        self._quirks = quirks
        self._started = False
        self._output = OutputReader()

    def take(self, event: tuple[str, str]) -> Iterator[StreamEvent]:
        """Yield what one event of the wire means."""
        name, data = event[0], event[1].strip()
        if self.over or not data.startswith("{"):
            return
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            return
        kind = str(found.get("type") or name)
        failure = failure_in({**found, "type": kind} if kind else found)
        if failure is not None:
            self.over = True
            yield StreamFailed(failure)
            return
        if not kind.startswith("response."):
            return
        answer = found.get("response")
        if not self._started:
            self._started = True
            yield _start(answer if isinstance(answer, Mapping) else EMPTY)
        if kind in _ENDING:
            yield from self._end(answer if isinstance(answer, Mapping) else EMPTY, kind)
        elif kind not in _BEGINNING:
            yield from self._output.take(kind, found)

    def whole(self, answer: JsonObject) -> Iterator[StreamEvent]:
        """Yield the events of an answer that came whole."""
        yield _start(answer)
        yield from self._end(answer, "response.completed")

    def _end(self, answer: JsonObject, kind: str) -> Iterator[StreamEvent]:
        self.over = True
        yield from self._output.end(answer.get("output"))
        told = answer if "status" in answer else {**answer, "status": kind.rpartition(".")[2]}
        stop, kept = read_status(told, self._output.calls, self._output.refused)
        yield Finish(stop, extras=kept)
        usage = counts.read(answer, self._quirks)
        if usage is not None:
            yield UsageReport(usage)
        yield End()


def _start(answer: JsonObject) -> Start:
    identity, model, created = answer.get("id"), answer.get("model"), answer.get("created_at")
    return Start(
        identity if isinstance(identity, str) else "",
        model if isinstance(model, str) else "",
        int(created) if isinstance(created, int | float) and 0 <= created < 1e12 else 0,
    )
