"""Values survive the trip to DynamoDB's JSON and back."""

from __future__ import annotations

import json
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.aws.attributes import marshal, marshal_item, unmarshal, unmarshal_item

INTEGERS = st.integers(-(10**38) + 1, 10**38 - 1)
SCALARS = st.one_of(st.text(), INTEGERS, st.booleans(), st.none(), st.binary())
SETS = st.one_of(
    st.frozensets(st.text(), min_size=1), st.frozensets(INTEGERS, min_size=1), st.frozensets(st.binary(), min_size=1)
)
VALUES = st.recursive(
    st.one_of(SCALARS, SETS), lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)), max_leaves=8
)


@given(st.dictionaries(st.text(), VALUES))
def test_an_item_comes_back_as_it_was(item: dict[str, object]) -> None:
    wire = json.loads(json.dumps(marshal_item(item)))
    back = unmarshal_item(wire)
    assert back == item
    assert repr(marshal_item(back)) == repr(marshal_item(item))  # 1 == True would hide a lost type


@given(INTEGERS)
def test_integers_are_exact(number: int) -> None:
    assert marshal(number) == {"N": str(number)}
    assert unmarshal({"N": str(number)}) == number


def test_true_is_not_one() -> None:
    assert marshal(True) == {"BOOL": True}
    assert marshal(1) == {"N": "1"}


def test_tuples_and_other_mappings_are_lists_and_maps() -> None:
    assert marshal((1, "a")) == {"L": [{"N": "1"}, {"S": "a"}]}
    assert marshal(MappingProxyType({"a": 1})) == {"M": {"a": {"N": "1"}}}


def test_text_of_a_subclass_is_text() -> None:
    class Colour(StrEnum):
        RED = "red"

    assert marshal(Colour.RED) == {"S": "red"}


def test_a_fraction_that_another_program_wrote_is_read_exactly() -> None:
    assert unmarshal({"N": "0.1"}) == Decimal("0.1")
    assert unmarshal({"NS": ["1.5", "2"]}) == {Decimal("1.5"), 2}


@pytest.mark.parametrize("value", [1.5, object(), {1, "a"}, {1.5}, [1.5], {"a": 1j}])
def test_a_type_that_would_change_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="table"):
        marshal(value)


@pytest.mark.parametrize("value", [set(), 10**38, -(10**38), {10**38}])
def test_a_value_that_does_not_fit_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="table holds"):
        marshal(value)


@pytest.mark.parametrize("typed", [{}, {"X": "1"}])
def test_an_unknown_type_is_refused(typed: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="type"):
        unmarshal(typed)
