"""AWS event streams (`application/vnd.amazon.eventstream`): frames of headers and a payload, with two checksums.

A frame is its total length, the length of its headers, the CRC-32 of those eight bytes, the headers, the payload, and
the CRC-32 of all before it, in big-endian order (AWS docs, "Event stream encoding", 2026-11). Bytes may be cut
anywhere; a frame that is damaged or larger than the vendor allows raises ProviderGarbled, because no later boundary
can be trusted.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from zlib import crc32

from sluice.errors import ProviderGarbled

CONTENT_TYPE = "application/vnd.amazon.eventstream"
FRAME_LIMIT = 24 * 1024 * 1024
"""The most bytes of one frame."""
HEADERS_LIMIT = 128 * 1024
"""The most bytes of one frame's headers."""

_PRELUDE = struct.Struct(">III")
_OVERHEAD = 16
_FIXED = {2: ">b", 3: ">h", 4: ">i", 5: ">q"}
_TIMESTAMP, _UUID = 8, 9


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A header's moment, in epoch milliseconds."""

    milliseconds: int


@dataclass(frozen=True, slots=True)
class Identifier:
    """A header's UUID, as its 16 bytes."""

    octets: bytes


HeaderValue = bool | int | bytes | str | Timestamp | Identifier


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of a stream."""

    headers: Mapping[str, HeaderValue]
    payload: bytes

    def word(self, name: str) -> str:
        """Return a text header, "" when there is none."""
        value = self.headers.get(name)
        return value if isinstance(value, str) else ""

    @property
    def kind(self) -> str:
        """What it is: "event", "exception" (an error the API declares) or "error" (any other)."""
        return self.word(":message-type") or "event"

    @property
    def name(self) -> str:
        """The event's or the error's type."""
        return self.word(":event-type") or self.word(":exception-type") or self.word(":error-code")


def encode(headers: Mapping[str, HeaderValue], payload: bytes) -> bytes:
    """Return the bytes of one frame. Raises ValueError for a header that cannot be written."""
    head = b"".join(_header(name, value) for name, value in headers.items())
    total = len(head) + len(payload) + _OVERHEAD
    if total > FRAME_LIMIT or len(head) > HEADERS_LIMIT:
        raise ValueError(f"A frame of {total} bytes with {len(head)} bytes of headers is over the limit.")
    lengths = struct.pack(">II", total, len(head))
    body = b"".join((lengths, struct.pack(">I", crc32(lengths)), head, payload))
    return body + struct.pack(">I", crc32(body))


def event(name: str, payload: bytes) -> bytes:
    """Return the frame of an event with a JSON payload."""
    return encode({":event-type": name, ":content-type": "application/json", ":message-type": "event"}, payload)


def exception(name: str, payload: bytes) -> bytes:
    """Return the frame of an error that the API declares, with a JSON payload."""
    return encode({":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}, payload)


class Framing:
    """Cuts bytes into blocks of whole, checked frames; the blocks joined are the stream (`dialects.base.Framing`)."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = bytearray()

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes; return all frames that are now whole (maybe none). Raises ProviderGarbled."""
        tail = self._tail
        tail += chunk
        end = 0
        while (size := _size(tail, end)) and end + size <= len(tail):
            _check(tail, end, size)
            end += size
        if not end:
            return b""
        whole = bytes(tail[:end])
        del tail[:end]
        return whole

    def rest(self) -> bytes:
        """Return the unfinished tail, at the stream's end."""
        tail = bytes(self._tail)
        self._tail.clear()
        return tail

    def begun(self, block: bytes) -> bool:
        """Return whether whole frames tell anything of the answer. Raises ProviderGarbled for frames that cannot be."""
        found = False
        for frame in frames(block):
            if frame.kind != "event":
                return True
            if frame.name in _PREAMBLE:
                continue
            if frame.payload[:1] != b"{" or frame.payload[-1:] != b"}":
                raise ProviderGarbled("The provider began its stream with an event that is not a JSON object.")
            found = True
        if not found and not any(True for _ in frames(block)):
            raise ProviderGarbled("The provider promised an event stream and sent something else.")
        return found


_PREAMBLE = ("initial-response", "ping")


class Frames:
    """Reads frames from bytes cut anywhere."""

    __slots__ = ("_framing",)

    def __init__(self) -> None:
        self._framing = Framing()

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take the next bytes; return the frames that ended. Raises ProviderGarbled."""
        return list(frames(self._framing.feed(chunk)))

    def finish(self) -> None:
        """Raise ProviderGarbled when the stream ended inside a frame."""
        if self._framing.rest():
            raise ProviderGarbled("The provider's stream ended in the middle of a frame.")


def frames(block: bytes) -> Iterator[Frame]:
    """Yield the frames of a block of whole ones, as `Framing` returns it; an unfinished tail is left out."""
    start = 0
    while (size := _size(block, start)) and start + size <= len(block):
        begin = start + _PRELUDE.size
        body = begin + int.from_bytes(block[start + 4 : start + 8], "big")
        yield Frame(_headers(block[begin:body]), block[body : start + size - 4])
        start += size


def decode(chunks: Iterable[bytes]) -> Iterator[Frame]:
    """Yield the frames of a whole stream. Raises ProviderGarbled."""
    reader = Frames()
    for chunk in chunks:
        yield from reader.feed(chunk)
    reader.finish()


def _size(data: bytes | bytearray, start: int) -> int:
    """Return the size of the frame that begins at `start`, 0 while that is not known. Raises ProviderGarbled."""
    if len(data) < start + _PRELUDE.size:
        return 0
    total, head, check = _PRELUDE.unpack_from(data, start)
    if crc32(data[start : start + 8]) != check:
        raise ProviderGarbled("The provider's event stream is damaged: a frame's length does not match its checksum.")
    if not head + _OVERHEAD <= total <= FRAME_LIMIT or head > HEADERS_LIMIT:
        raise ProviderGarbled(f"The provider sent a frame of {total} bytes; at most {FRAME_LIMIT} are read.")
    return int(total)


def _check(data: bytearray, start: int, size: int) -> None:
    end = start + size - 4
    if crc32(memoryview(data)[start:end]) != int.from_bytes(data[end : end + 4], "big"):
        raise ProviderGarbled("The provider's event stream is damaged: a frame does not match its checksum.")


def _header(name: str, value: HeaderValue) -> bytes:
    label = name.encode()
    if not 0 < len(label) < 256:
        raise ValueError("A header's name has 1 to 255 bytes.")
    return bytes((len(label),)) + label + _value(value)


def _value(value: HeaderValue) -> bytes:
    if isinstance(value, bool):
        return b"\x00" if value else b"\x01"
    if isinstance(value, int):
        return struct.pack(">Bi", 4, value) if -(2**31) <= value < 2**31 else struct.pack(">Bq", 5, value)
    if isinstance(value, Timestamp):
        return struct.pack(">Bq", _TIMESTAMP, value.milliseconds)
    if isinstance(value, Identifier):
        return struct.pack(">B16s", _UUID, value.octets)
    kind, octets = (7, value.encode()) if isinstance(value, str) else (6, value)
    if len(octets) > 0x7FFF:
        raise ValueError("A header's value has at most 32767 bytes.")
    return struct.pack(">BH", kind, len(octets)) + octets


def _headers(data: bytes) -> dict[str, HeaderValue]:
    found: dict[str, HeaderValue] = {}
    position = 0
    try:
        while position < len(data):
            start = position + 1
            stop = start + data[position]
            name = data[start:stop].decode("utf-8", "replace")
            found[name], position = _read(data, stop)
    except (IndexError, struct.error):
        raise ProviderGarbled("The provider sent a frame whose headers cannot be read.") from None
    return found


def _read(data: bytes, position: int) -> tuple[HeaderValue, int]:
    kind, position = data[position], position + 1
    if kind in (0, 1):
        return kind == 0, position
    if kind in _FIXED:
        layout = _FIXED[kind]
        return struct.unpack_from(layout, data, position)[0], position + struct.calcsize(layout)
    if kind == _TIMESTAMP:
        return Timestamp(struct.unpack_from(">q", data, position)[0]), position + 8
    if kind == _UUID:
        return Identifier(struct.unpack_from("16s", data, position)[0]), position + 16
    if kind not in (6, 7):
        raise ProviderGarbled(f"The provider sent a frame with a header of the unknown type {kind}.")
    (size,) = struct.unpack_from(">H", data, position)
    octets = struct.unpack_from(f"{size}s", data, position + 2)[0]
    return (octets if kind == 6 else octets.decode("utf-8", "replace")), position + 2 + size
