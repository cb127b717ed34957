"""Event streams: every frame survives, however its bytes are cut, and damage is never read as an answer."""

from __future__ import annotations

import random
import struct
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects import eventstream
from sluice.dialects.eventstream import FRAME_LIMIT, Frame, Frames, Framing, Identifier, Timestamp, decode, encode
from sluice.errors import ProviderGarbled

NAMES = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=20)
VALUES = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(st.characters(codec="utf-8"), max_size=20)
    | st.binary(max_size=20)
    | st.builds(Timestamp, st.integers(-(2**63), 2**63 - 1))
    | st.builds(Identifier, st.binary(min_size=16, max_size=16))
)
FRAMES = st.lists(st.builds(Frame, st.dictionaries(NAMES, VALUES, max_size=4), st.binary(max_size=60)), max_size=4)
HELLO = eventstream.event("contentBlockDelta", b'{"delta":{"text":"Hello"},"contentBlockIndex":0}')


def cut(body: bytes, seed: int, pieces: int = 12) -> list[bytes]:
    chance = random.Random(seed)
    places = sorted(chance.sample(range(len(body) + 1), min(len(body), pieces)))
    return [body[start:stop] for start, stop in zip([0, *places], [*places, len(body)], strict=True)]


@given(FRAMES, st.integers(0, 99))
def test_frames_survive_however_their_bytes_are_cut(sent: list[Frame], seed: int) -> None:
    body = b"".join(encode(frame.headers, frame.payload) for frame in sent)
    pieces = cut(body, seed)
    assert list(decode(pieces)) == sent
    framing = Framing()
    blocks = [framing.feed(piece) for piece in pieces]
    assert b"".join(blocks) + framing.rest() == body
    assert [frame for block in blocks for frame in eventstream.frames(block)] == sent


def test_every_single_cut_of_a_frame_gives_the_same_frame() -> None:
    expected = list(eventstream.frames(HELLO))
    for place in range(len(HELLO) + 1):
        assert list(decode((HELLO[:place], HELLO[place:]))) == expected


def test_amazons_own_reader_takes_our_frames() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(HELLO + eventstream.exception("throttlingException", b'{"message":"slow"}'))
    first, second = list(buffer)
    assert first.headers == {
        ":event-type": "contentBlockDelta", ":content-type": "application/json", ":message-type": "event",
    }  # fmt: skip
    assert second.to_response_dict()["status_code"] == 400
    assert second.headers[":exception-type"] == "throttlingException"


def test_small_numbers_in_headers_are_read() -> None:
    head = b"\x01a\x02\xff" + b"\x01b\x03\xff\xfe"
    lengths = struct.pack(">II", len(head) + 16, len(head))
    body = lengths + struct.pack(">I", crc32(lengths)) + head
    (frame,) = decode((body + struct.pack(">I", crc32(body)),))
    assert (frame.headers, frame.kind, frame.name) == ({"a": -1, "b": -2}, "event", "")


@given(st.integers(0, len(HELLO) - 1), st.integers(1, 255))
def test_no_damaged_byte_goes_unnoticed(place: int, change: int) -> None:
    damaged = bytearray(HELLO)
    damaged[place] ^= change
    with pytest.raises(ProviderGarbled):
        list(decode((bytes(damaged), HELLO, HELLO)))


def test_a_frame_over_the_limit_is_refused_before_its_bytes_are_awaited() -> None:
    lengths = struct.pack(">II", FRAME_LIMIT + 1, 0)
    with pytest.raises(ProviderGarbled, match=str(FRAME_LIMIT)):
        Framing().feed(lengths + struct.pack(">I", crc32(lengths)))


def test_headers_longer_than_the_frame_are_refused() -> None:
    lengths = struct.pack(">II", 20, 90)
    with pytest.raises(ProviderGarbled):
        Framing().feed(lengths + struct.pack(">I", crc32(lengths)))


@pytest.mark.parametrize("head", [b"\x01a\x0b", b"\x05a", b"\x01a\x07\x00\x09no", b"\x01a\x05\x00"])
def test_headers_that_cannot_be_read_are_reported(head: bytes) -> None:
    lengths = struct.pack(">II", len(head) + 16, len(head))
    body = lengths + struct.pack(">I", crc32(lengths)) + head
    with pytest.raises(ProviderGarbled):
        list(decode((body + struct.pack(">I", crc32(body)),)))


def test_a_stream_that_ends_inside_a_frame_is_reported() -> None:
    reader = Frames()
    assert reader.feed(HELLO + HELLO[:9]) == list(eventstream.frames(HELLO))
    with pytest.raises(ProviderGarbled, match="middle of a frame"):
        reader.finish()


@pytest.mark.parametrize(
    ("headers", "payload"),
    [({"": "x"}, b""), ({"a" * 256: "x"}, b""), ({"a": "x" * 40_000}, b""), ({}, bytes(FRAME_LIMIT))],
)
def test_what_no_frame_can_hold_is_not_written(headers: dict[str, str], payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"byte"):
        encode(headers, payload)


def test_an_answer_begins_with_its_first_event_or_error() -> None:
    framing = Framing()
    assert not framing.begun(eventstream.event("initial-response", b"{}") + eventstream.event("ping", b"{}"))
    assert framing.begun(eventstream.event("ping", b"{}") + HELLO)
    assert framing.begun(eventstream.exception("validationException", b"{}"))


@pytest.mark.parametrize("block", [eventstream.event("messageStart", b"[]"), b"<html>not a frame", HELLO[:20]])
def test_what_begins_with_no_event_is_garbled(block: bytes) -> None:
    with pytest.raises(ProviderGarbled):
        Framing().begun(block)
