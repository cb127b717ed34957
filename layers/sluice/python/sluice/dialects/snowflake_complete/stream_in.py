"""Reads the events of a provider's stream into canonical ones.

A delta names its type. A tool call begins with its id and name; its input follows in fragments without either. The
stream has no last event of its own: it is over when it ends after a report of usage or a finish reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.openai_chat.finish import read_finish
from sluice.dialects.openai_chat.ids import synthetic_id
from sluice.dialects.openai_chat.stream_in import StreamReader, read_stream
from sluice.dialects.snowflake_complete import usage as counts
from sluice.dialects.snowflake_complete.answer_in import decode_response
from sluice.dialects.snowflake_complete.parts_in import ANTHROPIC, OPENAI
from sluice.types.chat import Json
from sluice.types.stream import (
    ArgumentsDelta,
    Finish,
    PartKind,
    PartStart,
    PartStop,
    SignatureDelta,
    StreamEvent,
    TextDelta,
)
from sluice.types.usage import Usage


def decode_stream(chunks: Iterable[bytes], quirks: JsonObject = EMPTY) -> Iterator[StreamEvent]:
    """Yield canonical events; see `ChatDialect.decode_stream`."""
    return read_stream(chunks, _Reader(quirks, ChoiceReader), lambda body: decode_response(body, quirks))


class _Reader(StreamReader):
    """A chat stream's reader that knows these counts, and that a report of them ends an answer."""

    __slots__ = ()

    @property
    def complete(self) -> bool:
        """Whether the answer was said to be over."""
        return super().complete or (bool(self._choices) and self._usage is not None)

    def _counted(self, chunk: Mapping[str, object]) -> Usage | None:
        return counts.read(chunk, self._quirks)


class ChoiceReader:
    """The state of one choice."""

    __slots__ = ("_called", "_field", "_next", "_number", "_open", "_part", "_seed", "_word")

    def __init__(self, number: int, seed: str) -> None:
        self._number = number
        self._seed = seed
        self._open: PartKind | None = None
        self._field: str | None = None
        self._part = 0
        self._next = 0
        self._called = False
        self._word: object = None

    @property
    def finished(self) -> bool:
        """Whether a finish reason came."""
        return bool(self._word)

    def take(self, raw: Mapping[str, Json]) -> Iterator[StreamEvent]:
        """Yield what one entry of `choices` means."""
        delta = raw.get("delta")
        if isinstance(delta, Mapping):
            yield from self._read(delta)
        word = raw.get("finish_reason")
        if word:
            self._word = word

    def finish(self) -> Iterator[StreamEvent]:
        """Yield the end of the open part and of the choice."""
        yield from self._close()
        yield Finish(read_finish(self._word, self._called, refused=False), choice=self._number)

    def _read(self, delta: Mapping[str, Json]) -> Iterator[StreamEvent]:
        if isinstance(delta.get("tool_use_id"), str) or "input" in delta or delta.get("type") == "tool_use":
            yield from self._read_call(delta)
            return
        for name, field, words in (("thinking", ANTHROPIC, "thinking"), ("reasoning", OPENAI, "summary")):
            held = delta.get(name)
            if isinstance(held, Mapping):
                yield from self._read_thinking(held, field, words)
        text = delta.get("content")
        if not isinstance(text, str):
            text = delta.get("text")
        if isinstance(text, str) and text:
            yield from self._begin("text")
            yield TextDelta(self._part, text, self._number)

    def _read_thinking(self, held: Mapping[str, Json], field: str, words: str) -> Iterator[StreamEvent]:
        text, signature, secret = held.get(words), held.get("signature"), held.get("encrypted_content")
        if isinstance(secret, str) and secret:
            yield from self._close()
            yield from self._begin("thinking", field=field, payload=secret)
        if isinstance(text, str) and text:
            yield from self._begin("thinking", field=field)
            yield TextDelta(self._part, text, self._number)
        if isinstance(signature, str) and signature:
            yield from self._begin("thinking", field=field)
            yield SignatureDelta(self._part, signature, self._number)

    def _read_call(self, delta: Mapping[str, Json]) -> Iterator[StreamEvent]:
        call_id, name = delta.get("tool_use_id"), delta.get("name")
        if isinstance(name, str) and name:
            yield from self._close()
            self._called = True
            identity = call_id if isinstance(call_id, str) and call_id else synthetic_id(f"{self._seed}{self._next}")
            yield from self._begin("tool_call", call_id=identity, name=name)
        fragment = delta.get("input")
        if self._open == "tool_call" and isinstance(fragment, str) and fragment:
            yield ArgumentsDelta(self._part, fragment, self._number)

    def _begin(
        self, kind: PartKind, *, field: str | None = None, call_id: str = "", name: str = "", payload: Json = None
    ) -> Iterator[StreamEvent]:
        if self._open == kind and kind != "tool_call" and field == self._field:
            return
        yield from self._close()
        self._open, self._field, self._part = kind, field, self._next
        self._next += 1
        yield PartStart(self._part, kind, id=call_id, name=name, payload=payload, choice=self._number, field=field)

    def _close(self) -> Iterator[StreamEvent]:
        if self._open is not None:
            yield PartStop(self._part, self._number)
        self._open = None
