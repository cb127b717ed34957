"""Sizes are read from the headers of pictures."""

from __future__ import annotations

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.metering.picture_sizes import size_of

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">II", 640, 480)
GIF = b"GIF89a" + struct.pack("<HH", 640, 480) + bytes(10)
JPEG_HEAD = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(9)
FRAME = b"\x00\x11\x08" + struct.pack(">HH", 480, 640) + bytes(12)
RIFF = b"RIFF" + bytes(4) + b"WEBP"
EXTENDED = RIFF + b"VP8X" + bytes(8) + (639).to_bytes(3, "little") + (479).to_bytes(3, "little") + bytes(4)
LOSSY = RIFF + b"VP8 " + bytes(10) + struct.pack("<HH", 640 | 0x4000, 480) + bytes(4)
LOSSLESS = RIFF + b"VP8L" + bytes(4) + b"\x2f" + struct.pack("<I", 639 | 479 << 14) + bytes(8)


@pytest.mark.parametrize(
    "raw",
    [
        PNG,
        GIF,
        JPEG_HEAD + b"\xff\xc0" + FRAME,
        JPEG_HEAD + b"\xff\xe1\x00\x08" + bytes(6) + b"\xff\xff\xc2" + FRAME,
        EXTENDED,
        LOSSY,
        LOSSLESS,
    ],
)
def test_the_size_of_each_format_is_read_in_both_alphabets(raw: bytes) -> None:
    assert size_of(base64.b64encode(raw).decode()) == (640, 480)
    assert size_of(base64.urlsafe_b64encode(raw).decode()) == (640, 480)


@pytest.mark.parametrize(
    "text",
    ["", "a", "not base64!", "语语语语", base64.b64encode(JPEG_HEAD).decode(), base64.b64encode(PNG[:20]).decode()],
)
def test_what_is_no_whole_header_has_no_size(text: str) -> None:
    assert size_of(text) is None


def test_a_side_of_no_length_is_no_size() -> None:
    assert size_of(base64.b64encode(PNG[:16] + bytes(8)).decode()) is None


@given(st.binary(max_size=200), st.sampled_from((b"", PNG[:8], GIF[:6], RIFF, b"\xff\xd8\xff")))
def test_no_bytes_break_the_reading(raw: bytes, head: bytes) -> None:
    found = size_of(base64.b64encode(head + raw).decode())
    assert found is None or min(found) > 0
