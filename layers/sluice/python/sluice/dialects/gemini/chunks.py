"""Reads the JSON objects of a stream from bytes cut anywhere, in each of its framings.

With `alt=sse` every object is an event; without it the stream is one JSON array that grows; an error, or a whole
answer, may stand alone. Data lines that no blank line separates are objects of their own. What is no JSON object is
skipped. This module imports no canonical chat type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from sluice.dialects.sse import Events

_MARKS = re.compile(rb'["\\{}]')


class Objects:
    """The objects of one stream."""

    __slots__ = ("_head", "_reader")

    def __init__(self) -> None:
        self._head = b""
        self._reader: _Events | _Array | None = None

    def feed(self, chunk: bytes) -> list[dict[str, object]]:
        """Take the next bytes; return the objects that are now whole."""
        if self._reader is None:
            self._head += chunk
            start = self._head.removeprefix(b"\xef\xbb\xbf").lstrip()
            if not start:
                return []
            self._reader = _Array() if start[:1] in (b"[", b"{") else _Events()
            chunk, self._head = self._head, b""
        return self._reader.feed(chunk)

    def finish(self) -> list[dict[str, object]]:
        """Return what the end of the stream completes."""
        return self._reader.finish() if self._reader is not None else []


class _Events:
    __slots__ = ("_events",)

    def __init__(self) -> None:
        self._events = Events()

    def feed(self, chunk: bytes) -> list[dict[str, object]]:
        return _parsed(self._events.feed(chunk))

    def finish(self) -> list[dict[str, object]]:
        return _parsed(self._events.finish())


class _Array:
    """Cuts objects out of an array by counting braces outside of strings."""

    __slots__ = ("_begin", "_depth", "_held", "_in_string", "_seen")

    def __init__(self) -> None:
        self._held = bytearray()
        self._begin = self._depth = self._seen = 0
        self._in_string = False

    def feed(self, chunk: bytes) -> list[dict[str, object]]:
        held = self._held
        held += chunk
        found: list[dict[str, object]] = []
        while (mark := _MARKS.search(held, self._seen)) is not None:
            place, sign = mark.start(), mark[0]
            if sign == b"\\":
                if place + 1 == len(held):
                    self._seen = place  # what it escapes has not come yet
                    return found
                self._seen = place + 2
                continue
            self._seen = place + 1
            if sign == b'"':
                self._in_string = not self._in_string
            elif not self._in_string:
                self._brace(sign == b"{", place, found)
        done = self._begin if self._depth else len(held)
        del held[:done]
        self._seen, self._begin = len(held), 0
        return found

    def finish(self) -> list[dict[str, object]]:
        return []

    def _brace(self, opens: bool, place: int, found: list[dict[str, object]]) -> None:
        if opens:
            if not self._depth:
                self._begin = place
            self._depth += 1
        elif self._depth:
            self._depth -= 1
            if not self._depth:
                found += _objects(bytes(self._held[self._begin : place + 1]).decode("utf-8", "replace"))


def objects(chunks: Iterable[bytes]) -> Iterator[dict[str, object]]:
    """Yield the objects of a whole stream."""
    reader = Objects()
    for chunk in chunks:
        yield from reader.feed(chunk)
    yield from reader.finish()


def _parsed(events: list[tuple[str, str]]) -> list[dict[str, object]]:
    return [found for _, data in events for found in _objects(data)]


def _objects(data: str) -> list[dict[str, object]]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        lines = data.split("\n")
        return [found for line in lines for found in _objects(line)] if len(lines) > 1 else []
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]
