"""Editing a body's top-level members leaves every other byte alone."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects.base import REMOVED
from sluice.dialects.splice import Document, parse_body
from sluice.errors import BadRequest

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=6), VALUES, max_size=6)
SPACES = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n\t", " :\r\n ")])


@given(OBJECTS, OBJECTS, st.sets(st.text(max_size=6)), SPACES, st.booleans())
def test_an_edit_gives_what_editing_the_object_gives(
    body: dict[str, object], changed: dict[str, object], removed: set[str], spaces: tuple[str, str], ascii_only: bool
) -> None:
    text = json.dumps(body, separators=spaces, ensure_ascii=ascii_only)
    edits: dict[str, object] = {**changed, **dict.fromkeys(removed, REMOVED)}
    expected = {**body, **changed}
    for name in removed:
        expected.pop(name, None)
    assert json.loads(Document(f" \n{text} ").edited(edits)) == expected


@given(OBJECTS, SPACES)
def test_members_equal_the_plain_parse(body: dict[str, object], spaces: tuple[str, str]) -> None:
    text = json.dumps(body, separators=spaces)
    assert parse_body(text.encode()).members == json.loads(text)


def test_replacing_one_member_keeps_the_others_byte_for_byte() -> None:
    text = '{ "a" : 1.50,\n "model":"x/y" ,"b":"\\u00e9\\/"}'
    assert Document(text).edited({"model": "z"}) == '{ "a" : 1.50,\n "model":"z" ,"b":"\\u00e9\\/"}'


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"[1]", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b"nope", "line 1, column 1"),
        (b'{"a":1,}', "property name"),
        (b'{"a" 1}', "':' delimiter"),
        (b'{"a":}', "Expecting value"),
        (b'{"a":1 "b":2}', "',' delimiter"),
        (b'{"a":1}x', "Extra data"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":-Infinity}', "Infinity"),
        (b'{"a":1,"a":2}', "twice"),
        (b'{"a":"\xff"}', "UTF-8"),
        (b'{"a":' + b"[" * 100_000, "nested"),
        (b"{", "property name"),
    ],
)
def test_a_bad_body_is_refused_with_what_is_wrong(body: bytes, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        parse_body(body)


def test_a_byte_order_mark_is_tolerated() -> None:
    assert parse_body(b"\xef\xbb\xbf{}").members == {}


@given(st.binary(max_size=60))
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    try:
        members = parse_body(body).members
    except BadRequest:
        return
    assert isinstance(members, dict)
