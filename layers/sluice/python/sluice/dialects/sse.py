"""Server-sent events: find event boundaries without touching a byte, and read events from bytes cut anywhere.

A stream is lines ended by LF, CRLF or CR; a blank line ends an event (WHATWG HTML, section 9.2). `Blocks` serves
pass-through: it never decodes. `Events` serves translation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from sluice.errors import ProviderGarbled

_ENDS = (b"\n\n", b"\n\r\n", b"\r\r")
_BOM = b"\xef\xbb\xbf"

HOLD_LIMIT = 16 * 1024 * 1024
"""The most bytes of one unfinished event that are held back."""
COMMENT_LIMIT = 262_144
"""Bytes of comments after which a stream counts as begun."""


class Blocks:
    """Cuts a byte stream into blocks of whole events; the blocks joined are the stream, byte for byte.

    An event longer than `HOLD_LIMIT` is let through in pieces rather than held in memory.
    """

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = bytearray()

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes; return all events that are now whole (maybe none)."""
        tail = self._tail
        if not tail and chunk.endswith(_ENDS):
            return chunk
        seen = len(tail)
        tail += chunk
        start = max(0, seen - 2)
        cut = max(-1 if (at := tail.rfind(end, start)) < 0 else at + len(end) for end in _ENDS)
        if cut < 0:
            return self.rest() if len(tail) > HOLD_LIMIT else b""
        whole = bytes(tail[:cut])
        del tail[:cut]
        return whole

    def rest(self) -> bytes:
        """Return the unfinished tail, at the stream's end."""
        tail = bytes(self._tail)
        self._tail.clear()
        return tail


class Framing(Blocks):
    """Blocks of a provider's answer, and whether it has begun: see `sluice.dialects.base.Framing`."""

    __slots__ = ()

    def begun(self, block: bytes) -> bool:
        """Return whether `block` holds an event; comments alone do not count, unless they are endless.

        Raises ProviderGarbled when the event should be JSON and is not.
        """
        if only_comments(block) and len(block) < COMMENT_LIMIT:
            return False
        check_first(block)
        return True


def only_comments(block: bytes) -> bool:
    """Return whether whole lines hold nothing but comments and blanks."""
    if block[:5] in (b"data:", b"event"):
        return False
    return all(not line or line.startswith(b":") for line in block.replace(b"\r", b"\n").split(b"\n"))


def check_first(block: bytes) -> None:
    """Raise ProviderGarbled unless the first event can be read: while nothing was sent, another try costs no one."""
    begin = block.find(b"data:") + 5
    if _is_json(block[begin : block.find(b"\n", begin)]):
        return  # the usual case, without reading the rest of the block
    for _, text in events((block,)):
        if not text.lstrip().startswith("{"):
            continue
        if not _is_json(text):
            raise ProviderGarbled("The provider began its stream with an event that is not JSON.")
        return


def _is_json(text: str | bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


class Events:
    """Reads events from bytes cut anywhere, also inside a character or a CRLF.

    Several `data` lines are joined by LF; comments, ids and retry times are left out; bad UTF-8 becomes U+FFFD. An
    event without data is none.
    """

    __slots__ = ("_after_cr", "_data", "_head", "_held", "_name")

    def __init__(self) -> None:
        self._head: bytes | None = b""
        self._held: list[bytes] = []
        self._after_cr = False
        self._name = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[tuple[str, str]]:
        """Take the next bytes; return (event name, data) of the events that ended, the name "" where none was given."""
        if self._head is not None:
            chunk = self._without_bom(chunk)
        if not chunk:
            return []
        piece = chunk[1:] if self._after_cr and chunk.startswith(b"\n") else chunk
        self._after_cr = chunk.endswith(b"\r")
        if b"\r" in piece:
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\n" not in piece:
            self._held.append(piece)
            return []
        first, *lines = piece.split(b"\n")
        lines.insert(0, b"".join((*self._held, first)))
        self._held = [lines.pop()]
        ended: list[tuple[str, str]] = []
        for line in lines:
            if line:
                self._take(line)
            elif (event := self._end()) is not None:
                ended.append(event)
        return ended

    def finish(self) -> list[tuple[str, str]]:
        """Return the last event if the stream ended without its blank line."""
        last = b"".join((self._head or b"", *self._held))
        self._head, self._held = None, []
        if last:
            self._take(last)
        event = self._end()
        return [] if event is None else [event]

    def _take(self, line: bytes) -> None:
        if line.startswith(b"data:"):
            self._data.append(_value(line, 5))
        elif line.startswith(b"event:"):
            self._name = _value(line, 6)
        elif line == b"data":
            self._data.append("")

    def _end(self) -> tuple[str, str] | None:
        event = (self._name, "\n".join(self._data)) if self._data else None
        self._name, self._data = "", []
        return event

    def _without_bom(self, chunk: bytes) -> bytes:
        head = (self._head or b"") + chunk
        if len(head) < len(_BOM) and _BOM.startswith(head):
            self._head = head
            return b""
        self._head = None
        return head.removeprefix(_BOM)


def events(chunks: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """Yield the events of a whole stream (see `Events`)."""
    reader = Events()
    for chunk in chunks:
        yield from reader.feed(chunk)
    yield from reader.finish()


def _value(line: bytes, start: int) -> str:
    if line[start : start + 1] == b" ":
        start += 1
    return line[start:].decode("utf-8", "replace")
