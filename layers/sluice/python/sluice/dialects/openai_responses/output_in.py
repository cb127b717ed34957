"""Reads the events of output items: which part each belongs to, and where parts begin and end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sluice.dialects.openai_responses.items_in import is_message, left_over, read_call
from sluice.dialects.openai_responses.names import NAME
from sluice.dialects.openai_responses.reasoning import encrypted_entry, readable, seal
from sluice.types.chat import Json
from sluice.types.stream import (
    ArgumentsDelta,
    OpaqueDelta,
    PartStart,
    PartStop,
    SignatureDelta,
    StreamEvent,
    TextDelta,
)

Event = Mapping[str, Json]

_TEXTS = {"response.output_text": "text", "response.refusal": "refusal"}
_THOUGHTS = ("response.reasoning_summary_text", "response.reasoning_text", "response.reasoning_summary")
_ARGUMENTS = {
    "response.function_call_arguments": "arguments",
    "response.custom_tool_call_input": "input",
}
_CALLS = ("function_call", "custom_tool_call")
_SILENT = ("response.reasoning_summary_part", "response.reasoning_part", "response.content_part")


@dataclass(slots=True)
class _Part:
    """A part of the answer: its number, -1 until it began, and what it has said so far."""

    kind: str
    number: int = -1
    filled: bool = False
    stopped: bool = False
    place: Json = None
    cited: int = 0


@dataclass(slots=True)
class _Item:
    """An output item; a message has one part for each of its contents, any other item one part under 0."""

    kind: str
    item: dict[str, Json]
    parts: dict[int, _Part] = field(default_factory=dict)


class OutputReader:
    """The output items of one answer."""

    __slots__ = ("_by_id", "_items", "_last", "_next", "calls", "refused")

    def __init__(self) -> None:
        self.calls = False
        self.refused = False
        self._next = 0
        self._items: dict[int, _Item] = {}
        self._by_id: dict[str, _Item] = {}
        self._last = _Item("", {})

    def take(self, kind: str, event: Event) -> Iterator[StreamEvent]:
        """Yield what one event means."""
        stem, _, word = kind.rpartition(".")
        if kind == "response.output_item.added":
            if isinstance(given := event.get("item"), Mapping):
                yield from self._add(event, given)
        elif kind == "response.output_item.done":
            if isinstance(given := event.get("item"), Mapping):
                yield from self._finish(event, given)
        elif stem in _TEXTS:
            yield from self._text(_TEXTS[stem], word, event)
        elif stem in _THOUGHTS:
            yield from self._thought(stem, word, event)
        elif stem in _ARGUMENTS:
            yield from self._arguments(_ARGUMENTS[stem], word, event)
        elif kind == "response.output_text.annotation.added":
            yield from self._annotation(event)
        elif stem == "response.content_part":
            yield from self._content(word, event)
        elif stem not in _SILENT:
            item = self._find(event)
            if item is not None and item.kind == "opaque" and not item.parts[0].stopped:
                yield OpaqueDelta(item.parts[0].number, NAME, dict(event))

    def end(self, output: Json) -> Iterator[StreamEvent]:
        """Yield the ends of all parts; the whole output when no event told of any item."""
        if not self._items and isinstance(output, list):
            for position, item in enumerate(output):
                if isinstance(item, Mapping):
                    yield from self._finish({"output_index": position}, item)
        yield from self._stop_all()

    def _find(self, event: Event) -> _Item | None:
        place = _index(event)
        found = None if place is None else self._items.get(place)
        return found if found is not None else self._by_id.get(str(event.get("item_id")))

    def _add(self, event: Event, given: Event) -> Iterator[StreamEvent]:
        kind = str(given.get("type"))
        sort = "message" if is_message(given) else kind if kind == "reasoning" else "opaque"
        if kind in _CALLS and isinstance(given.get("name"), str):
            sort = "call"
        item = _Item(sort, dict(given))
        self._keep(event, item)
        if isinstance(given.get("id"), str):
            self._by_id[str(given["id"])] = item
        if sort == "call":
            self.calls = True
            call, part = read_call(given), _Part("tool_call")
            extras = left_over(given, "type", "call_id", "name", "arguments", "input", "status")
            item.parts[0] = part
            yield from self._stop_all(but="tool_call")
            yield self._begin(
                part,
                PartStart(
                    self._next, "tool_call", call.id, call.name, extras or None, dialect=NAME, custom=call.custom
                ),
            )
        elif sort == "opaque":
            item.parts[0] = _Part("opaque")
            yield from self._stop_all()
            yield self._begin(item.parts[0], PartStart(self._next, "opaque", payload=dict(given), dialect=NAME))

    def _begin(self, part: _Part, start: PartStart) -> PartStart:
        part.number = self._next
        self._next += 1
        return start

    def _open(self, item: _Item, place: int, kind: str) -> Iterator[StreamEvent]:
        """Begin a text, refusal or thinking part, unless it has begun."""
        if place in item.parts:
            return
        part = item.parts[place] = _Part(kind)
        yield from self._stop_all()
        identity = item.item.get("id")
        named = identity if isinstance(identity, str) else ""
        if kind == "thinking":
            yield self._begin(part, PartStart(self._next, "thinking", id=named, dialect=NAME))
        else:
            word = "refusal" if kind == "refusal" else "text"
            yield self._begin(part, PartStart(self._next, word, id=named, dialect=NAME))  # type: ignore[arg-type]

    def _implied(self, event: Event, kind: str) -> _Item:
        """Return the item of an event; a new one when no event told of it."""
        item = self._find(event)
        if item is None:
            item = _Item(kind, {"type": kind, "id": event.get("item_id")})
            self._keep(event, item)
            self._by_id[str(event.get("item_id"))] = item
        return item

    def _keep(self, event: Event, item: _Item) -> None:
        place, spare = _index(event), -1 - len(self._items)
        key = spare if place is None else place
        if key in self._items:
            self._items[spare] = self._items[key]  # a place used twice: the earlier item has still to end
        self._items[key] = self._last = item

    def _text(self, kind: str, word: str, event: Event) -> Iterator[StreamEvent]:
        item = self._implied(event, "message")
        said = event.get("delta" if word == "delta" else "refusal" if kind == "refusal" else "text")
        if item.kind != "message" or not isinstance(said, str):
            return
        place = _place(event, "content_index")
        if said:
            yield from self._open(item, place, kind)
        part = item.parts.get(place)
        if part is None or part.stopped or not said or (word == "done" and part.filled):
            return
        part.filled = True
        self.refused = self.refused or kind == "refusal"
        logprobs = event.get("logprobs")
        yield TextDelta(part.number, said, logprobs={"content": logprobs} if logprobs else None)

    def _content(self, word: str, event: Event) -> Iterator[StreamEvent]:
        item, given = self._find(event), event.get("part")
        if item is None or item.kind != "message" or not isinstance(given, Mapping):
            return
        place = _place(event, "content_index")
        if word == "added" and given.get("type") in ("output_text", "refusal"):
            yield from self._open(item, place, "refusal" if given.get("type") == "refusal" else "text")
        elif word == "done":
            yield from self._say(item, place, given)
            yield from self._stop(item.parts.get(place))

    def _annotation(self, event: Event) -> Iterator[StreamEvent]:
        item = self._find(event)
        part = item.parts.get(_place(event, "content_index")) if item is not None and item.kind == "message" else None
        if part is not None and not part.stopped:
            part.cited += 1
            yield _citation(part, event.get("annotation"))

    def _thought(self, stem: str, word: str, event: Event) -> Iterator[StreamEvent]:
        item = self._implied(event, "reasoning")
        said = event.get("delta" if word == "delta" else "text")
        if item.kind != "reasoning" or not isinstance(said, str) or not said:
            return
        yield from self._open(item, 0, "thinking")
        part = item.parts[0]
        place = (stem, event.get("summary_index"), event.get("content_index"))
        if part.stopped or (word == "done" and part.filled and part.place == place):
            return
        if part.filled and part.place != place:
            if word == "done" and stem == "response.reasoning_summary":
                return
            yield TextDelta(part.number, "\n\n")
        part.filled, part.place = True, place
        yield TextDelta(part.number, said)

    def _arguments(self, member: str, word: str, event: Event) -> Iterator[StreamEvent]:
        item = self._find(event)
        said = event.get("delta" if word == "delta" else member)
        if item is None or item.kind != "call" or not isinstance(said, str) or not said:
            return
        part = item.parts[0]
        if part.stopped or (word == "done" and part.filled):
            return
        part.filled = True
        yield ArgumentsDelta(part.number, said)

    def _finish(self, event: Event, given: Event) -> Iterator[StreamEvent]:
        """End an item: say what its deltas did not."""
        item = self._find({**event, "item_id": given.get("id")})
        if item is None:
            yield from self._add(event, given)
            item = self._last
        if item.kind == "message":
            content = given.get("content")
            for place, held in enumerate(content if isinstance(content, list) else ()):
                # Some hosts count the contents of a message from another number than 0.
                known = place if place in item.parts or not item.parts else min(item.parts) + place
                if isinstance(held, Mapping):
                    yield from self._say(item, known, held)
        elif item.kind == "reasoning":
            yield from self._finish_thought(item, given)
        elif item.kind == "call":
            part = item.parts[0]
            if not part.filled and not part.stopped and (text := read_call(given).arguments):
                part.filled = True
                yield ArgumentsDelta(part.number, text)
        elif not item.parts[0].stopped:
            yield OpaqueDelta(item.parts[0].number, NAME, {"type": "response.output_item.done", "item": dict(given)})
        for part in item.parts.values():
            yield from self._stop(part)

    def _say(self, item: _Item, place: int, held: Event) -> Iterator[StreamEvent]:
        """Say a whole content part, but for what was said already."""
        kind = "refusal" if held.get("type") == "refusal" else "text"
        text = held.get("refusal" if kind == "refusal" else "text")
        if not isinstance(text, str) or (not text and place not in item.parts):
            return
        yield from self._open(item, place, kind)
        part = item.parts[place]
        if part.stopped:
            return
        if text and not part.filled:
            part.filled = True
            self.refused = self.refused or kind == "refusal"
            logprobs = held.get("logprobs")
            yield TextDelta(part.number, text, logprobs={"content": logprobs} if logprobs else None)
        annotations = held.get("annotations")
        for annotation in annotations[part.cited :] if isinstance(annotations, list) else ():
            part.cited += 1
            yield _citation(part, annotation)

    def _finish_thought(self, item: _Item, given: Event) -> Iterator[StreamEvent]:
        text, secret = readable(given), given.get("encrypted_content")
        encrypted = isinstance(secret, str) and bool(secret)
        if text or encrypted:
            yield from self._open(item, 0, "thinking")
        part = item.parts.get(0)
        if part is None or part.stopped:
            return
        if text and not part.filled:
            part.filled = True
            yield TextDelta(part.number, text)
        if encrypted:
            yield SignatureDelta(part.number, seal(encrypted_entry(given.get("id"), secret)))

    def _stop(self, part: _Part | None) -> Iterator[StreamEvent]:
        if part is not None and part.number >= 0 and not part.stopped:
            part.stopped = True
            yield PartStop(part.number)

    def _stop_all(self, but: str = "") -> Iterator[StreamEvent]:
        for item in self._items.values():
            for part in item.parts.values():
                if part.kind != but:
                    yield from self._stop(part)


def _index(event: Event) -> int | None:
    value = event.get("output_index")
    return value if isinstance(value, int) else None


def _place(event: Event, name: str) -> int:
    value = event.get(name)
    return value if isinstance(value, int) else 0


def _citation(part: _Part, annotation: Json) -> OpaqueDelta:
    return OpaqueDelta(part.number, NAME, {"type": "response.output_text.annotation.added", "annotation": annotation})
