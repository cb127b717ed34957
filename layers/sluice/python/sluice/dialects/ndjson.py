"""Newline-delimited JSON: find where lines end without touching a byte, and read the objects of bytes cut anywhere.

A line ends with LF; a CR before it belongs to the ending, and blank lines mean nothing (application/x-ndjson). `Lines`
serves pass-through: it never decodes. `Objects` serves translation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from sluice.dialects.sse import HOLD_LIMIT
from sluice.errors import ProviderGarbled

STREAM_TYPE = "application/x-ndjson"
_SPACE = b" \t\r\n"


class Lines:
    """Cuts a byte stream into blocks of whole lines; the blocks joined are the stream, byte for byte.

    A line longer than `HOLD_LIMIT` is let through in pieces rather than held in memory.
    """

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = bytearray()

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes; return all lines that are now whole (maybe none)."""
        tail = self._tail
        if not tail and chunk.endswith(b"\n"):
            return chunk
        seen = len(tail)
        tail += chunk
        cut = tail.rfind(b"\n", seen) + 1
        if not cut:
            return self.rest() if len(tail) > HOLD_LIMIT else b""
        whole = bytes(tail[:cut])
        del tail[:cut]
        return whole

    def rest(self) -> bytes:
        """Return the unfinished tail, at the stream's end."""
        tail = bytes(self._tail)
        self._tail.clear()
        return tail

    def begun(self, block: bytes) -> bool:
        """Return whether `block` holds a line that is not blank. Raises ProviderGarbled when it is not JSON."""
        text = block.lstrip(_SPACE)
        if not text:
            return False
        if _object(text.partition(b"\n")[0]) is None:
            raise ProviderGarbled("The provider began its stream with a line that is not a JSON object.")
        return True


class Objects:
    """Reads the JSON objects of a stream from bytes cut anywhere, also inside a character or a CRLF.

    What is no JSON object is skipped; bad UTF-8 becomes U+FFFD.
    """

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def feed(self, chunk: bytes) -> list[dict[str, object]]:
        """Take the next bytes; return the objects of the lines that ended."""
        if b"\n" not in chunk:
            self._held.append(chunk)
            return []
        first, *lines = chunk.split(b"\n")
        lines.insert(0, b"".join((*self._held, first)))
        self._held = [lines.pop()]
        return _objects(lines)

    def finish(self) -> list[dict[str, object]]:
        """Return the last object if the stream ended without its LF."""
        last, self._held = b"".join(self._held), []
        return _objects([last])


def objects(chunks: Iterable[bytes]) -> Iterator[dict[str, object]]:
    """Yield the objects of a whole stream."""
    reader = Objects()
    for chunk in chunks:
        yield from reader.feed(chunk)
    yield from reader.finish()


def _objects(lines: list[bytes]) -> list[dict[str, object]]:
    return [found for line in lines if (found := _object(line)) is not None]


def _object(line: bytes) -> dict[str, object] | None:
    text = line.strip(_SPACE).removeprefix(b"\xef\xbb\xbf")
    if not text:
        return None
    try:
        found = json.loads(text.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
