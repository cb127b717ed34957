"""Names of counters: each means one counter, whatever a caller sends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.governance.counter_names import budget_counter, counted, limit_counter, listing, listing_partition

values = st.text(min_size=1, max_size=600)


@given(values, values)
def test_two_values_never_share_a_counter(one: str, other: str) -> None:
    same = budget_counter("b", one, "2026-11") == budget_counter("b", other, "2026-11")
    # What is no Unicode text (a lone surrogate) counts as a question mark.
    assert same == (one.encode("utf-8", "replace") == other.encode("utf-8", "replace"))


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60))
def test_a_name_can_be_read_back(value: str) -> None:
    assert counted(budget_counter("each-user", value, "2026-W48"))[:] == ("budget", "each-user", value, "2026-W48")
    assert counted(limit_counter("each-user", value))[:] == ("limit", "each-user", value, "")


@given(values)
def test_a_name_always_fits_into_a_key(value: str) -> None:
    name = budget_counter("x" * 64, value, "r300-1795477800")
    assert len(name.encode()) < 1024
    partition, row = listing(name)
    assert partition == listing_partition("x" * 64, "r300-1795477800")
    assert name == f"budget#{'x' * 64}#{row}#r300-1795477800"


@pytest.mark.parametrize("name", ["budget#b#v", "limit#b#v#2026", "usage#team#x#2026-11-23", ""])
def test_another_name_is_no_counter(name: str) -> None:
    with pytest.raises(ValueError, match="no counter"):
        counted(name)
