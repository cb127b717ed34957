"""Budgets that are raised and lowered while environments hold leases of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.governance.lease import Need, Reservation, Short
from sluice.governance.leases import Leases
from sluice.governance.shares import Split, rebalance, received
from sluice.types.budgets import CounterKey, CounterState
from tests.counters import MemoryCounters

NAME = "budget#b#search#2026-11"
KEY = CounterKey(NAME, "eu#0")
NEED = Need(NAME, 100, 100_000)


def environment(store: MemoryCounters, name: str = "e1", **options: object) -> Leases:
    settings: dict[str, object] = {"region": "eu", "environment": name, "now": lambda: 1e6, **options}
    return Leases(store, **settings)  # type: ignore[arg-type]


def served(leases: Leases, need: Need, cost: int) -> None:
    found = leases.reserve([need])
    assert isinstance(found, Reservation), found
    leases.settle(found, cost)
    leases.maintain()


def test_a_lowered_cap_counts_from_the_next_request_on_whatever_was_held_ahead() -> None:
    store = MemoryCounters()
    leases = environment(store)
    served(leases, NEED, 60)
    assert leases.held()[KEY] >= 200
    lowered = replace(NEED, cap=150)
    found = leases.reserve([lowered])
    assert isinstance(found, Short)
    assert (found.available, found.committed) == (90, 60)
    assert store.items[KEY].slack == 0
    assert isinstance(leases.reserve([replace(lowered, amount=90)]), Reservation)
    assert store.items[KEY].committed == 150


def test_a_cap_lowered_below_what_is_spent_refuses_everything_and_takes_nothing_back() -> None:
    store = MemoryCounters()
    leases = environment(store)
    served(leases, NEED, 60)
    found = leases.reserve([replace(NEED, cap=10, amount=1)])
    assert isinstance(found, Short)
    assert found.available <= 0
    leases.maintain()
    assert (store.items[KEY].committed, store.items[KEY].holds) == (60, {})


def test_requests_under_way_keep_what_they_reserved_when_the_cap_is_lowered() -> None:
    store = MemoryCounters()
    leases = environment(store)
    first = leases.reserve([NEED])
    assert isinstance(first, Reservation)
    assert isinstance(leases.reserve([replace(NEED, cap=100, amount=1)]), Short)
    leases.maintain()
    assert store.items[KEY].committed == 100
    leases.settle(first, 100)
    leases.maintain()
    assert (store.items[KEY].spent, store.items[KEY].holds) == (100, {})


def test_a_raised_cap_is_usable_at_once() -> None:
    store = MemoryCounters()
    leases = environment(store)
    small = replace(NEED, cap=120)
    served(leases, small, 100)
    assert isinstance(leases.reserve([small]), Short)
    assert isinstance(leases.reserve([replace(NEED, cap=10_000)]), Reservation)


def test_a_budget_that_becomes_strict_gives_back_what_was_held_ahead() -> None:
    store = MemoryCounters()
    leases = environment(store)
    served(leases, NEED, 60)
    assert isinstance(leases.reserve([replace(NEED, strict=True)]), Reservation)
    assert (store.items[KEY].committed, store.items[KEY].slack) == (160, 0)


def test_what_another_region_gave_counts_less_when_the_cap_no_longer_covers_it() -> None:
    states = {"us#0": CounterState(committed=450, given={"eu#0": 400})}
    regions = ("eu", "us")
    assert received(states, "eu#0", Split(1_000, regions, {})) == 400
    assert received(states, "eu#0", Split(800, regions, {})) == 350
    assert received(states, "eu#0", Split(100, regions, {})) == 0


def test_a_region_forgets_what_it_was_given_when_the_cap_is_lowered() -> None:
    store = MemoryCounters()
    regions = ("eu", "us")
    store.items[CounterKey(NAME, "us#0")] = CounterState(committed=400, given={"eu#0": 400})
    leases = environment(store, regions=regions)
    served(leases, Need(NAME, 800, 1_000), 100)
    assert isinstance(leases.reserve([Need(NAME, 500, 500)]), Short)
    assert isinstance(leases.reserve([Need(NAME, 400, 500)]), Reservation)


@pytest.mark.parametrize("shards", [1, 3])
@settings(max_examples=100, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["serve", "serve", "cap", "give"]),
            st.integers(0, 3),
            st.integers(1, 400),
            st.integers(100, 2_000),
        ),
        max_size=50,
    )
)
def test_nothing_new_is_set_aside_beyond_a_cap_that_changes(
    shards: int, steps: list[tuple[str, int, int, int]]
) -> None:
    store, regions, cap = MemoryCounters(), ("eu", "us"), 1_000
    clock = [1e6]
    environments = [
        environment(store, f"e{number}", region=region, regions=regions, rebalance_seconds=0, now=lambda: clock[0])
        for number, region in enumerate(("eu", "eu", "us", "us"))
    ]
    for what, which, amount, new_cap in steps:
        clock[0] += 2
        leases, before = environments[which], dict(store.items)
        if what == "cap":
            cap = new_cap
        elif what == "give":
            rebalance(store, NAME, Split(cap, regions, {}, shards), regions[which // 2])
        else:
            found = leases.reserve([Need(NAME, amount, cap, shards=shards)])
            if isinstance(found, Reservation):
                leases.settle(found, amount // 2)
            leases.maintain()
        split = Split(cap, regions, {}, shards)
        for part in (part for region in regions for part in split.parts(NAME, region)):
            old, new = (each.get(part.key, CounterState()).committed for each in (before, store.items))
            assert new <= max(old, part.cap + received(store.parts(NAME), part.key.part, split))
    for leases in environments:
        leases.shutdown()
    assert all(not state.holds for state in store.items.values())
