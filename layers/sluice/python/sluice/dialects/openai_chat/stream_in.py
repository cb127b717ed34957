"""Reads the chunks of a provider's stream into canonical events.

Rules: usage is cumulative and reported once, at the end; finish reasons wait for the end as well, because some hosts
send two and some call tools after "stop". The first chunk with choices starts the answer (Azure sends one without).
A stream that ends without a finish reason and without [DONE] was cut off, and is reported as failed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.openai_chat import usage as counts
from sluice.dialects.openai_chat.choice_in import ChoiceReader
from sluice.dialects.openai_chat.failures import decode_error, failure_in
from sluice.dialects.openai_chat.response_in import decode_response
from sluice.dialects.openai_chat.whole import stream_of
from sluice.dialects.sse import Events
from sluice.errors import GatewayError, ProviderError, ProviderGarbled
from sluice.types.chat import ChatResponse, Json
from sluice.types.stream import End, Idle, Start, StreamEvent, StreamFailed, UsageReport
from sluice.types.usage import Usage

_BODY_STARTS = (b"{", b"[")


class ChoiceState(Protocol):
    """What reads the entries of one choice."""

    @property
    def finished(self) -> bool:
        """Whether a finish reason came."""

    def take(self, raw: Mapping[str, Json]) -> Iterator[StreamEvent]:
        """Yield what one entry of `choices` means."""

    def finish(self) -> Iterator[StreamEvent]:
        """Yield the end of the choice."""


def decode_stream(chunks: Iterable[bytes], quirks: JsonObject = EMPTY) -> Iterator[StreamEvent]:
    """Yield canonical events; see `ChatDialect.decode_stream`."""
    return read_stream(chunks, StreamReader(quirks), lambda body: decode_response(body, quirks))


def read_stream(
    chunks: Iterable[bytes], reader: StreamReader, whole: Callable[[JsonObject], ChatResponse]
) -> Iterator[StreamEvent]:
    """Yield the events that `reader` makes of a stream, and those of a `whole` answer that came in its place."""
    source = iter(chunks)
    head = b""
    for chunk in source:
        if not chunk:
            yield Idle()
        head += chunk
        if head.lstrip():
            break
    if head.lstrip()[:1] in _BODY_STARTS:
        yield from _read_body(head + b"".join(source), whole)
        return
    yield from _read_events(head, source, reader)


def _read_events(head: bytes, source: Iterator[bytes], reader: StreamReader) -> Iterator[StreamEvent]:
    events = Events()
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
        if not reader.complete:
            raise
    for event in () if reader.over else events.finish():
        yield from reader.take(event)
    yield from reader.end()


def _read_body(body: bytes, whole: Callable[[JsonObject], ChatResponse]) -> Iterator[StreamEvent]:
    """Read a whole answer or error that came where a stream was promised."""
    try:
        found = json.loads(body)
        found = found[0] if isinstance(found, list) and found else found
        answer = whole(found if isinstance(found, Mapping) else {})
    except (ValueError, RecursionError):
        yield StreamFailed(ProviderGarbled("The provider answered neither with events nor with JSON."))
    except GatewayError as error:
        yield StreamFailed(error)
    else:
        yield from stream_of(answer)


class StreamReader:
    """The state of one stream, whose choices `choice` reads. `over` is true once its last event was yielded."""

    __slots__ = ("_choice", "_choices", "_created", "_done", "_id", "_quirks", "_started", "_usage", "over")

    def __init__(self, quirks: JsonObject = EMPTY, choice: Callable[[int, str], ChoiceState] = ChoiceReader) -> None:
        self.over = False
        self._quirks = quirks
        self._choice = choice
        self._choices: dict[int, ChoiceState] = {}
        self._started = False
        self._done = False
        self._id = ""
        self._created = 0
        self._usage: Usage | None = None

    @property
    def complete(self) -> bool:
        """Whether every choice that began was said to be finished."""
        return bool(self._choices) and all(choice.finished for choice in self._choices.values())

    def take(self, event: tuple[str, str]) -> Iterator[StreamEvent]:
        """Yield what one event of the wire means."""
        if self.over:
            return
        name, data = event[0], event[1].strip()
        if data == "[DONE]":
            self._done = True
            yield from self.end()
            return
        if not data.startswith("{"):
            if name == "error":
                yield from self._fail(decode_error(200, {}, data.encode()))
            return
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError):
            yield from self._fail(ProviderGarbled("The provider sent a chunk that is not JSON."))
            return
        failure = failure_in(chunk if name != "error" or "error" in chunk else {"error": chunk})
        if failure is not None:
            yield from self._fail(failure)
            return
        self._usage = counts.newer(self._usage, self._counted(chunk))
        yield from self._read_choices(chunk)

    def end(self) -> Iterator[StreamEvent]:
        """Yield the end: finish reasons, usage, `End`; a failure when the stream broke off."""
        if self.over:
            return
        if not self._started or not (self._done or self.complete):
            yield from self._fail(ProviderGarbled("The provider's stream ended before the answer was complete."))
            return
        self.over = True
        for number in sorted(self._choices):
            yield from self._choices[number].finish()
        if self._usage is not None:
            yield UsageReport(self._usage)
        yield End()

    def _counted(self, chunk: Mapping[str, object]) -> Usage | None:
        return counts.read(chunk, self._quirks)

    def _fail(self, error: GatewayError) -> Iterator[StreamEvent]:
        self.over = True
        yield StreamFailed(error)

    def _read_choices(self, chunk: Mapping[str, object]) -> Iterator[StreamEvent]:
        choices = chunk.get("choices")
        if not isinstance(choices, list) or not choices:
            return
        if not self._started:
            self._started = True
            yield self._start(chunk)
        for position, raw in enumerate(choices):
            if not isinstance(raw, Mapping):
                continue
            index = raw.get("index")
            number = index if isinstance(index, int) and not isinstance(index, bool) else position
            choice = self._choices.get(number)
            if choice is None:
                choice = self._choices[number] = self._choice(number, f"{self._id}{self._created}{number}")
            yield from choice.take(raw)

    def _start(self, chunk: Mapping[str, object]) -> Start:
        identity, model, created = chunk.get("id"), chunk.get("model"), chunk.get("created")
        self._id = identity if isinstance(identity, str) else ""
        self._created = int(created) if isinstance(created, int | float) and 0 <= created < 1e12 else 0
        return Start(self._id, model if isinstance(model, str) else "", self._created)
