"""Vectors keep their 32-bit floats in whichever form they travel."""

from __future__ import annotations

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects import vectors
from sluice.errors import ProviderGarbled

FLOATS = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=20)


@given(FLOATS)
def test_numbers_read_from_base64_pack_to_the_same_bytes(values: list[float]) -> None:
    text = vectors.packed(tuple(values))
    assert vectors.packed(tuple(vectors.numbers(text))) == text


@given(FLOATS)
def test_the_bytes_are_little_endian_32_bit_floats(values: list[float]) -> None:
    raw = base64.b64decode(vectors.packed(tuple(values)))
    assert list(struct.unpack(f"<{len(values)}f", raw)) == values


def test_numbers_from_base64_have_no_more_digits_than_a_float_holds() -> None:
    assert vectors.numbers(vectors.packed((0.1, -0.5, 1.0))) == [0.100000001, -0.5, 1.0]


def test_what_stays_in_its_form_is_not_touched() -> None:
    assert vectors.written((0.1234567890123456,), "float") == [0.1234567890123456]
    assert vectors.written("AACAPw==", "base64") == "AACAPw=="


@pytest.mark.parametrize("found", [None, "", [], [[1.0]], ["x"], {"values": [1.0]}, [True]])
def test_what_is_no_vector_is_refused(found: object) -> None:
    with pytest.raises(ProviderGarbled):
        vectors.read(found)


@pytest.mark.parametrize("text", ["not base64!", "AACA", "AAA="])
def test_base64_that_holds_no_floats_is_refused(text: str) -> None:
    with pytest.raises(ProviderGarbled, match="base64 of 32-bit floats"):
        vectors.numbers(text)


@pytest.mark.parametrize("vector", [(1e300,), (1.0, "x")])
def test_numbers_that_no_float_holds_are_refused(vector: tuple[float, ...]) -> None:
    with pytest.raises(ProviderGarbled, match="not 32-bit floats"):
        vectors.packed(vector)
