"""How much moves between regions, to the unit."""

from __future__ import annotations

import pytest

from sluice.governance.shares import HUNGRY, LEAST, Split, _is_hungry, rebalance, received
from sluice.types.budgets import CounterKey, CounterState
from tests.counters import MemoryCounters

NAME = "budget#b#all#2026-11"
THREE = ("ap", "eu", "us")


def store(**states: CounterState) -> MemoryCounters:
    """Items by part: `eu0` is `eu#0`."""
    made = MemoryCounters()
    made.items = {CounterKey(NAME, f"{name[:-1]}#{name[-1]}"): state for name, state in states.items()}
    return made


def spent(amount: int, **given: int) -> CounterState:
    return CounterState(committed=amount, spent=amount, given={f"{k[:-1]}#{k[-1]}": each for k, each in given.items()})


def given(counters: MemoryCounters, region: str) -> list[dict[str, int]]:
    return [dict(state.given) for key, state in counters.items.items() if key.part.startswith(region)]


def test_a_hungry_region_gets_half_of_the_difference() -> None:
    counters = store(eu0=spent(995), us0=spent(100))
    assert rebalance(counters, NAME, Split(2_000, ("eu", "us"), {}), "us") == (900 - 5) // 2
    assert given(counters, "us") == [{"eu#0": 447}]


def test_a_region_that_is_over_its_share_counts_as_empty() -> None:
    counters = store(eu0=spent(1_300), us0=spent(100))
    assert rebalance(counters, NAME, Split(2_000, ("eu", "us"), {}), "us") == 450


def test_what_one_region_got_is_not_given_to_the_next_one() -> None:
    counters = store(ap0=spent(1_000), eu0=spent(1_000))
    assert rebalance(counters, NAME, Split(3_000, THREE, {}), "us") == 500 + 250
    assert given(counters, "us") == [{"ap#0": 500, "eu#0": 250}]


def test_it_is_given_from_all_shards_as_far_as_each_has_some_and_into_the_first() -> None:
    counters = store(eu0=spent(500), eu1=spent(500), us0=spent(499), us1=spent(200))
    split = Split(2_000, ("eu", "us"), {}, 2)
    assert rebalance(counters, NAME, split, "us") == 150
    assert given(counters, "us") == [{"eu#0": 1}, {"eu#0": 149}]
    counters = store(eu0=spent(500), eu1=spent(500), us0=spent(500), us1=spent(200))
    assert rebalance(counters, NAME, split, "us") == 150
    assert given(counters, "us") == [{}, {"eu#0": 150}], "a shard that is empty is passed over"
    counters = store(eu0=spent(500), eu1=spent(500))
    assert rebalance(counters, NAME, split, "us") == 500
    assert given(counters, "us") == [{"eu#0": 500}]


def test_what_was_given_before_is_added_to() -> None:
    counters = store(eu0=spent(1_400), us0=spent(500, eu0=400))
    assert rebalance(counters, NAME, Split(2_000, ("eu", "us"), {}), "us") == 250
    assert given(counters, "us") == [{"eu#0": 650}]


def test_what_was_received_can_be_given_on() -> None:
    counters = store(ap0=spent(1_000, us0=800), eu0=spent(1_000), us0=spent(100))
    assert rebalance(counters, NAME, Split(3_000, THREE, {}), "us") == (1_700 // 2) + (1_700 - 850) // 2


def test_a_region_without_a_share_gives_nothing() -> None:
    counters = store(eu0=spent(1_000))
    assert rebalance(counters, NAME, Split(2_000, ("eu", "us"), {}), "mars") == 0


@pytest.mark.parametrize(("free", "moved"), [(10, 5), (9, 0)])
def test_crumbs_stay_where_they_are(free: int, moved: int) -> None:
    counters = store(eu0=spent(500), us0=spent(500 - free))
    assert LEAST * 5 == 1_000
    assert rebalance(counters, NAME, Split(1_000, ("eu", "us"), {}), "us") == moved


@pytest.mark.parametrize(("committed", "hungry"), [(0, False), (450, False), (451, True), (500, True), (1, False)])
def test_a_region_is_hungry_when_less_than_a_tenth_is_left(committed: int, hungry: bool) -> None:
    states = {"eu#0": spent(committed)}
    assert HUNGRY == 10
    assert _is_hungry(NAME, Split(1_000, ("eu", "us"), {}), "eu", states) is hungry


def test_a_region_that_gave_everything_away_is_not_hungry_and_one_that_spent_its_last_unit_is() -> None:
    split = Split(20, ("eu", "us"), {})
    assert not _is_hungry(NAME, split, "eu", {"eu#0": spent(10, us0=10)})
    assert _is_hungry(NAME, split, "eu", {"eu#0": spent(10, us0=9)})
    assert not _is_hungry(NAME, split, "us", {"eu#0": spent(10, us0=10), "us#0": spent(18)})
    assert _is_hungry(NAME, split, "us", {"eu#0": spent(10, us0=10), "us#0": spent(19)})


def test_what_a_giver_has_beyond_what_it_may_is_taken_off_what_it_gave() -> None:
    regions = ("eu", "us")
    # us may have 500 and got 100: of the 700 that it committed, 100 are beyond.
    states = {"us#0": spent(700, eu0=300), "eu#0": spent(100, us0=100)}
    assert received(states, "eu#0", Split(1_000, regions, {})) == 200
    assert received(states, "eu#0", Split(1_200, regions, {})) == 300
    idle = {**states, "ap#0": spent(0)}
    assert received(idle, "eu#0", Split(1_000, regions, {"eu": 500, "us": 500})) == 200
    # A shard that the split no longer has may have nothing.
    assert received({"us#7": spent(300, eu0=300)}, "eu#0", Split(1_000, regions, {})) == 0
    assert received({"us#1": spent(450, eu0=300)}, "eu#0", Split(1_600, regions, {}, 2)) == 250
