"""Server-sent events: find event boundaries without touching a byte, and read events from bytes cut anywhere.

A stream is lines ended by LF, CRLF or CR; a blank line ends an event (WHATWG HTML, section 9.2). `Blocks` serves
pass-through: it never decodes. `events` serves translation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_ENDS = (b"\n\n", b"\n\r\n", b"\r\r")
_BOM = b"\xef\xbb\xbf"

HOLD_LIMIT = 16 * 1024 * 1024
"""The most bytes of one unfinished event that are held back."""


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


def events(chunks: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """Yield (event name, data) of every event that has data; the name is "" where none was given.

    Bytes may be cut anywhere, also inside a character or a CRLF. Several `data` lines are joined by LF; comments, ids
    and retry times are left out; a last event without its blank line counts. Bad UTF-8 becomes U+FFFD.
    """
    name, data = "", list[str]()
    for line in _lines(chunks):
        if not line:
            if data:
                yield name, "\n".join(data)
            name, data = "", []
        elif line.startswith(b"data:"):
            data.append(_value(line, 5))
        elif line.startswith(b"event:"):
            name = _value(line, 6)
        elif line == b"data":
            data.append("")
    if data:
        yield name, "\n".join(data)


def _value(line: bytes, start: int) -> str:
    if line[start : start + 1] == b" ":
        start += 1
    return line[start:].decode("utf-8", "replace")


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    after_cr = False
    for chunk in _without_bom(chunks):
        piece = chunk[1:] if after_cr and chunk.startswith(b"\n") else chunk
        after_cr = chunk.endswith(b"\r")
        if b"\r" in piece:
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\n" not in piece:
            held.append(piece)
            continue
        first, *others = piece.split(b"\n")
        yield b"".join((*held, first))
        held = [others.pop()]
        yield from others
    if last := b"".join(held):
        yield last


def _without_bom(chunks: Iterable[bytes]) -> Iterator[bytes]:
    head: bytes | None = b""
    for chunk in chunks:
        if not chunk:
            continue
        if head is None:
            yield chunk
            continue
        head += chunk
        if len(head) < len(_BOM) and _BOM.startswith(head):
            continue
        yield head.removeprefix(_BOM)
        head = None
    if head:
        yield head
