"""Reads the deltas of one choice: which part each belongs to, and where parts begin and end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sluice.dialects.openai_chat.calls_in import CallsReader
from sluice.dialects.openai_chat.finish import read_finish
from sluice.dialects.openai_chat.names import NAME
from sluice.dialects.openai_chat.parts_in import read_thinking
from sluice.dialects.openai_chat.reasoning import (
    DETAILS,
    detail_entries,
    entry_secret,
    entry_signature,
    entry_text,
    reasoning_text,
)
from sluice.types.chat import Json
from sluice.types.stream import (
    Finish,
    OpaqueDelta,
    PartKind,
    PartStart,
    PartStop,
    SignatureDelta,
    StreamEvent,
    TextDelta,
)

_BLOCKS = ("images", "annotations")
"""Members of a delta that stand for themselves (OpenRouter: pictures, web citations)."""


class ChoiceReader:
    """The state of one choice. `seed` makes ids for calls that come without."""

    __slots__ = (
        "_calls",
        "_field",
        "_named",
        "_next",
        "_open",
        "_open_part",
        "_refused",
        "_signature",
        "_word",
        "number",
    )

    def __init__(self, number: int, seed: str) -> None:
        self.number = number
        self._calls = CallsReader(number, seed)
        self._next = 0
        self._open: PartKind | None = None
        self._open_part = 0
        self._field: str | None = None
        self._named: str | None = None  # the member reasoning text comes in; then details do not say it again
        self._signature: str | None = None
        self._refused = False
        self._word: object = None

    @property
    def finished(self) -> bool:
        """Whether a finish reason came."""
        return bool(self._word)

    def take(self, raw: Mapping[str, Json]) -> Iterator[StreamEvent]:
        """Yield what one entry of `choices` means."""
        delta = raw.get("delta")
        if not isinstance(delta, Mapping):
            delta = raw.get("message") if self._next == 0 else None
        if isinstance(delta, Mapping):
            yield from self._read(delta, _logprobs(raw.get("logprobs")))
        word = raw.get("finish_reason")
        if word:
            self._word = word

    def finish(self) -> Iterator[StreamEvent]:
        """Yield the end of the open part and of the choice."""
        yield from self._close()
        stop = read_finish(self._word, self._calls.any, self._refused)
        yield Finish(stop, choice=self.number)

    def _read(self, delta: Mapping[str, Json], logprobs: Json) -> Iterator[StreamEvent]:
        yield from self._read_reasoning(delta)
        content = delta.get("content")
        if isinstance(content, str):
            if content:
                yield from self._text("text", content, logprobs=logprobs)
        elif isinstance(content, list):
            for item in content:
                yield from self._read_item(item)
        refusal = delta.get("refusal")
        if isinstance(refusal, str) and refusal:
            self._refused = True
            yield from self._text("refusal", refusal, logprobs=logprobs)
        audio = delta.get("audio")
        if isinstance(audio, Mapping) and any(audio.values()):
            yield from self._begin("audio")
            yield OpaqueDelta(self._open_part, NAME, {"audio": dict(audio)}, self.number)
        for name in _BLOCKS:
            if isinstance(delta.get(name), list) and delta[name]:
                yield from self._close()
                yield from self._begin("opaque", payload={name: delta[name]})
                yield from self._close()
        yield from self._read_calls(delta)

    def _read_item(self, item: Json) -> Iterator[StreamEvent]:
        """Read one part of a content list (Mistral)."""
        if not isinstance(item, Mapping):
            return
        if item.get("type") == "thinking":
            text = read_thinking(item).text
            if text:
                yield from self._text("thinking", text, field="content")
        elif isinstance(item.get("text"), str) and item["text"]:
            yield from self._text("text", item["text"])

    def _read_reasoning(self, delta: Mapping[str, Json]) -> Iterator[StreamEvent]:
        field, text = reasoning_text(delta)
        if field is not None:
            self._named = field
            yield from self._text("thinking", text, field=field)
        for entry in detail_entries(delta):
            yield from self._read_detail(entry)

    def _read_detail(self, entry: Mapping[str, Json]) -> Iterator[StreamEvent]:
        own = OpaqueDelta(0, NAME, {DETAILS: [entry]}, self.number)
        secret = entry_secret(entry)
        if secret is not None:
            yield from self._close()
            yield from self._begin("thinking", payload=secret, field=self._named or DETAILS)
            yield OpaqueDelta(self._open_part, own.dialect, own.payload, self.number)
            yield from self._close()
            return
        text = "" if self._named else entry_text(entry)
        yield from self._begin("thinking", field=self._named or DETAILS)
        if text:
            yield TextDelta(self._open_part, text, self.number)
        yield OpaqueDelta(self._open_part, own.dialect, own.payload, self.number)
        self._signature = entry_signature(entry) or self._signature

    def _read_calls(self, delta: Mapping[str, Json]) -> Iterator[StreamEvent]:
        made = delta.get("tool_calls")
        old = delta.get("function_call")
        entries = made if isinstance(made, list) else []
        if not entries and isinstance(old, Mapping) and (old.get("name") or old.get("arguments")):
            entries = [{"index": 0, "function": old}]
        for entry in entries:
            if not isinstance(entry, Mapping):
                continue
            for event in self._calls.take(entry, self._next):
                if isinstance(event, PartStart):
                    if self._open is not None and self._open != "tool_call":
                        yield from self._close()
                    self._open, self._next = "tool_call", event.part + 1
                yield event

    def _text(
        self, kind: PartKind, text: str, *, field: str | None = None, logprobs: Json = None
    ) -> Iterator[StreamEvent]:
        yield from self._begin(kind, field=field)
        yield TextDelta(self._open_part, text, self.number, logprobs)

    def _begin(self, kind: PartKind, *, payload: Json = None, field: str | None = None) -> Iterator[StreamEvent]:
        if self._open == kind and (kind != "thinking" or field == self._field):
            return
        yield from self._close()
        self._open, self._open_part, self._field = kind, self._next, field
        self._next += 1
        dialect = NAME if kind == "opaque" else ""
        yield PartStart(self._open_part, kind, payload=payload, choice=self.number, dialect=dialect, field=field)

    def _close(self) -> Iterator[StreamEvent]:
        if self._open == "tool_call":
            yield from self._calls.close()
        elif self._open is not None:
            if self._signature is not None:
                yield SignatureDelta(self._open_part, self._signature, self.number)
            yield PartStop(self._open_part, self.number)
        self._open, self._signature = None, None


def _logprobs(value: Json) -> Json:
    """Return token probabilities; Snowflake sends an object of nulls."""
    return value if isinstance(value, Mapping) and any(item is not None for item in value.values()) else None
