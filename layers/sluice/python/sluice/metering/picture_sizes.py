"""Reads how large a picture is from the first bytes of its base64 text: PNG, JPEG, GIF and WebP.

Both alphabets of base64 are read. What cannot be read (cut, damaged, another format) has no size, and is then taken
for the largest that its model looks at.
"""

from __future__ import annotations

from binascii import Error, a2b_base64

Size = tuple[int, int]
"""Width and height in pixels."""
_HEAD, _SCANNED = 64, 262_144
"""Base64 characters that hold the header of most formats, and those in which a JPEG's is looked for."""
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
"""JPEG markers behind which the size stands."""


def size_of(encoded: str) -> Size | None:
    """Return the size of a picture in base64, None where it cannot be read."""
    head = _decoded(encoded[:_HEAD])
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return _size(head[16:20], head[20:24], "big")
    if head[:4] == b"GIF8":
        return _size(head[6:8], head[8:10], "little")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _webp(head)
    if head[:2] == b"\xff\xd8":
        return _jpeg(_decoded(encoded[:_SCANNED]))
    return None


def _decoded(encoded: str) -> bytes:
    text = encoded[: len(encoded) - len(encoded) % 4]
    if "-" in text or "_" in text:
        text = text.replace("-", "+").replace("_", "/")
    try:
        return a2b_base64(text)
    except (Error, ValueError):  # the latter: characters outside ASCII
        return b""


def _size(width: bytes, height: bytes, order: str) -> Size | None:
    if len(width) != len(height) or not height:
        return None
    wide, high = int.from_bytes(width, order), int.from_bytes(height, order)  # type: ignore[arg-type]
    return (wide, high) if wide and high else None


def _webp(head: bytes) -> Size | None:
    kind = head[12:16]
    if kind == b"VP8X" and len(head) >= 30:
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if kind == b"VP8 " and len(head) >= 30:
        wide, high = (int.from_bytes(head[at : at + 2], "little") & 0x3FFF for at in (26, 28))
        return (wide, high) if wide and high else None
    if kind == b"VP8L" and len(head) >= 25:
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None


def _jpeg(data: bytes) -> Size | None:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
        elif marker in _FRAMES:
            return _size(data[at + 7 : at + 9], data[at + 5 : at + 7], "big")
        else:
            at += 2 + max(int.from_bytes(data[at + 2 : at + 4], "big"), 2)
    return None
