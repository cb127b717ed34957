"""Lines of JSON: cut out of bytes that come in any pieces, without touching a byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects.ndjson import Lines, Objects, objects
from sluice.errors import ProviderGarbled

STREAM = '{"a":"é…"}\r\n\n{"b":[1]}\n{"c":"x\\ny"}'.encode()
FOUND = [{"a": "é…"}, {"b": [1]}, {"c": "x\ny"}]


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_blocks_joined_are_the_stream_and_end_with_a_line(body: bytes, places: list[int]) -> None:
    marks = sorted({min(place, len(body)) for place in places})
    lines = Lines()
    blocks = [lines.feed(body[start:stop]) for start, stop in zip([0, *marks], [*marks, len(body)], strict=True)]
    assert all(not block or block.endswith(b"\n") for block in blocks)
    rest = lines.rest()
    assert b"\n" not in rest
    assert b"".join(blocks) + rest == body
    assert lines.rest() == b""


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_objects_are_read_however_the_bytes_are_cut(size: int) -> None:
    pieces = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert list(objects(pieces)) == FOUND


def test_what_is_no_object_is_skipped() -> None:
    assert list(objects([b'nope\n[1]\n"x"\n{"a":1}\n{"b":\n', b"\xef\xbb\xbf", b'{"c":2}'])) == [{"a": 1}, {"c": 2}]


def test_bad_characters_and_deep_nesting_are_survived() -> None:
    assert list(objects([b'{"a":"\xff"}\n' + b"[" * 100_000 + b"\n"])) == [{"a": "�"}]


def test_a_line_without_an_end_is_read_at_the_streams_end() -> None:
    reader = Objects()
    assert reader.feed(b'{"a"') == []
    assert reader.feed(b":1}") == []
    assert reader.finish() == [{"a": 1}]
    assert reader.finish() == []


def test_an_answer_has_begun_with_its_first_line_that_says_something() -> None:
    lines = Lines()
    assert not lines.begun(b"\r\n \n")
    assert lines.begun(b'\n{"a":1}\n')
    with pytest.raises(ProviderGarbled, match="not a JSON object"):
        lines.begun(b"<html>\n")


def test_an_endless_line_is_let_through_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sluice.dialects.ndjson.HOLD_LIMIT", 8)
    lines = Lines()
    assert lines.feed(b"12345678") == b""
    assert lines.feed(b"9") == b"123456789"
