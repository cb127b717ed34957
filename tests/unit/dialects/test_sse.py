"""Event boundaries and event reading."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects import sse

STREAM = (
    b": hello\r\n\r\n"
    b'event: greeting\ndata: {"a": "\xc3\xa9\xf0\x9f\x98\x80"}\n\n'
    b"data:first\rdata: second\r\r"
    b"id: 7\nretry: 10\ndata\n\n"
    b"data: [DONE] \n\n"
    b"event: lonely\n\n"
    b"data: tail"
)
EVENTS = [("greeting", '{"a": "é😀"}'), ("", "first\nsecond"), ("", ""), ("", "[DONE] "), ("", "tail")]


def cuts(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def test_events_of_a_whole_stream_are_read() -> None:
    assert list(sse.events([STREAM])) == EVENTS


def test_events_do_not_depend_on_single_byte_cuts() -> None:
    assert list(sse.events([STREAM[i : i + 1] for i in range(len(STREAM))])) == EVENTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_events_do_not_depend_on_where_bytes_are_cut(places: list[int]) -> None:
    assert list(sse.events(cuts(STREAM, places))) == EVENTS


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_a_byte_order_mark_is_skipped_once(size: int) -> None:
    data = b"\xef\xbb\xbfdata: a\n\ndata: \xef\xbb\xbfb\n\n"
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    assert list(sse.events(pieces)) == [("", "a"), ("", "\ufeffb")]


def test_a_stream_shorter_than_a_byte_order_mark_is_read() -> None:
    assert list(sse.events([b"\xef"])) == []
    assert list(sse.events([])) == []


def test_bad_utf8_is_replaced() -> None:
    assert list(sse.events([b"data: \xff!\n\n"])) == [("", "\ufffd!")]


def test_only_one_leading_space_is_taken_away() -> None:
    assert list(sse.events([b"data:  x\n\n"])) == [("", " x")]


def test_idle_ticks_are_ignored() -> None:
    assert list(sse.events([b"", b"data: a", b"", b"\n", b"", b"\n"])) == [("", "a")]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_blocks_joined_are_the_stream(places: list[int]) -> None:
    blocks = sse.Blocks()
    out = [blocks.feed(piece) for piece in cuts(STREAM, places)]
    assert b"".join(out) + blocks.rest() == STREAM
    assert all(not block or block.endswith((b"\n\n", b"\r\n\r\n", b"\r\r")) for block in out)


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_blocks_hold_whole_events_only(places: list[int]) -> None:
    blocks = sse.Blocks()
    out = [*(blocks.feed(piece) for piece in cuts(STREAM, places)), blocks.rest()]
    assert [event for block in out for event in sse.events([block])] == EVENTS


def test_a_chunk_of_whole_events_is_returned_as_it_is() -> None:
    chunk = b"data: a\n\ndata: b\n\n"
    assert sse.Blocks().feed(chunk) is chunk


def test_the_unfinished_event_waits_for_its_blank_line() -> None:
    blocks = sse.Blocks()
    assert blocks.feed(b"data: a\n\ndata: b") == b"data: a\n\n"
    assert blocks.feed(b"\r\n\r") == b""
    assert blocks.feed(b"\ndata: c\n") == b"data: b\r\n\r\n"
    assert blocks.rest() == b"data: c\n"
    assert blocks.rest() == b""


def test_an_endless_event_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "HOLD_LIMIT", 8)
    blocks = sse.Blocks()
    assert blocks.feed(b"data: 12") == b""
    assert blocks.feed(b"3") == b"data: 123"
    assert blocks.feed(b"45\n\n") == b"45\n\n"
