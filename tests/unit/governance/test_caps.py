"""What a region may commit: its part, what others gave it, what earlier sub-windows took, and when it looks again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sluice.governance.caps import LEARN_SECONDS, LOOK_BACK_SECONDS, Caps
from sluice.governance.lease import Need
from sluice.governance.shares import Part
from sluice.types.budgets import CounterKey, CounterState
from tests.counters import MemoryCounters

NAME = "budget#b#all#2026-11"
REGIONS = ("eu", "us")
NEED = Need(NAME, 10, 1_000)
ROLLING = Need("budget#b#all#r60-60", 10, 1_000, before=("budget#b#all#r60-0",), keep_until=77)


class Store(MemoryCounters):
    """Notes until when sealed counters are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[int] = []

    def seal(self, key: CounterKey, *, keep_until: int = 0) -> CounterState:
        self.kept.append(keep_until)
        return super().seal(key, keep_until=keep_until)


class Counted(dict[str, int]):
    """Shares that count how often a cap is split by them."""

    asked = 0

    def get(self, region: str, default: int = 0) -> int:  # type: ignore[override]
        self.asked += 1
        return super().get(region, default)


@pytest.fixture
def store() -> Store:
    return Store()


def key(region: str, shard: int = 0, name: str = NAME) -> CounterKey:
    return CounterKey(name, f"{region}#{shard}")


def gave(store: Store, amount: int, to: str = "eu#0", name: str = NAME) -> None:
    store.items[key("us", 0, name)] = CounterState(committed=amount, given={to: amount})


def caps_of(parts: list[Part]) -> list[int]:
    return [part.cap for part in parts]


def test_a_region_has_its_share_and_no_more_than_by_any_earlier_one(store: Store) -> None:
    caps = Caps(store, "eu", REGIONS)
    assert caps.parts(NEED, 0, 0.0) == [Part(key("eu"), 500)]
    assert caps_of(caps.parts(replace(NEED, shares={"eu": 700, "us": 300}), 0, 0.0)) == [700]
    assert caps_of(caps.parts(replace(NEED, shares={"eu": 700}, also=({"eu": 200},)), 0, 0.0)) == [200]
    assert caps_of(caps.parts(replace(NEED, shares={"eu": 700}, also=({"eu": 900},)), 0, 0.0)) == [700]
    assert store.calls == 0


def test_a_cap_is_split_once_for_all_requests_of_the_same_split(store: Store) -> None:
    caps, shares = Caps(store, "eu", REGIONS), Counted(eu=700)
    need = replace(NEED, shares=shares)
    for _ in range(3):
        caps.parts(need, 0, 0.0)
    assert shares.asked == 1


def test_a_part_that_the_split_does_not_have_may_commit_nothing(store: Store) -> None:
    caps = Caps(store, "eu", REGIONS)
    assert caps.part(NEED, key("eu", 3)) == Part(key("eu", 3), 0)
    assert caps.part(NEED, key("eu")) == Part(key("eu"), 500)


def test_what_was_given_counts_in_the_part_that_got_it_once_it_was_seen(store: Store) -> None:
    caps, need = Caps(store, "eu", REGIONS), replace(NEED, shards=2)
    gave(store, 200, "eu#1")
    assert caps_of(caps.parts(need, 0, 0.0)) == [250, 250]
    assert caps.learn(need, 0.0) is True
    assert caps_of(caps.parts(need, 0, 0.0)) == [250, 450]
    assert caps.parts(need, 1, 0.0) == [Part(key("eu", 1), 450), Part(key("eu", 0), 250)]
    assert caps.part(need, key("eu", 1)).cap == 450


def test_nothing_is_learned_while_nothing_more_was_given(store: Store) -> None:
    caps = Caps(store, "eu", REGIONS)
    for at, amount, learned in ((0, 0, False), (2, 1, True), (4, 1, False), (6, 0, False), (8, 9, True)):
        gave(store, amount)
        assert caps.learn(NEED, at) is learned
    assert caps_of(caps.parts(NEED, 0, 9.0)) == [509]


def test_other_regions_are_looked_at_again_after_a_second(store: Store) -> None:
    caps, other = Caps(store, "eu", REGIONS), replace(NEED, name="budget#o#all#2026-11")
    calls = []
    for at in (10.0, 10.0 + LEARN_SECONDS - 0.25, 10.0 + LEARN_SECONDS, 11.5, 12.0):
        caps.learn(NEED, at)
        calls.append(store.calls)
    assert calls == [1, 1, 2, 2, 3]
    caps.learn(other, 12.0)
    assert store.calls == 4


def test_a_lowered_cap_makes_a_region_look_again_at_once(store: Store) -> None:
    caps = Caps(store, "eu", REGIONS)
    gave(store, 200)
    caps.parts(NEED, 0, 0.0)
    caps.learn(NEED, 0.0)
    lowered = replace(NEED, cap=998)
    assert caps_of(caps.parts(lowered, 0, 0.0)) == [499]
    assert caps.learn(lowered, 0.0) is True
    assert caps_of(caps.parts(lowered, 0, 0.0)) == [699]


def test_one_region_alone_neither_looks_nor_gives(store: Store) -> None:
    caps = Caps(store, "eu", ())
    assert (caps.learn(NEED, 0.0), caps.rebalance(NEED, 0.0), store.calls) == (False, 0, 0)
    assert caps_of(caps.parts(NEED, 0, 0.0)) == [1_000]


def test_what_a_region_does_not_need_is_given_every_half_minute(store: Store) -> None:
    caps = Caps(store, "us", REGIONS)
    store.items[key("eu")] = CounterState(committed=500, spent=500)
    assert caps.rebalance(NEED, 100.0) == 250
    calls = store.calls
    assert (caps.rebalance(NEED, 129.5), store.calls) == (0, calls)
    store.items[key("eu")] = CounterState(committed=750, spent=750)
    assert caps.rebalance(NEED, 130.0) == 125
    assert store.items[key("us")].given == {"eu#0": 375}


def test_every_budget_is_balanced_at_its_own_time(store: Store) -> None:
    caps = Caps(store, "us", REGIONS)
    for name in (NAME, "budget#o#all#2026-11"):
        store.items[key("eu", 0, name)] = CounterState(committed=500, spent=500)
        assert caps.rebalance(replace(NEED, name=name), 100.0) == 250


def test_balancing_can_be_left_to_others_and_a_rolling_window_is_not_balanced(store: Store) -> None:
    for name in (NAME, ROLLING.name):
        store.items[key("eu", 0, name)] = CounterState(committed=500, spent=500)
    assert Caps(store, "us", REGIONS, rebalance_seconds=0).rebalance(NEED, 100.0) == 0
    assert Caps(store, "us", REGIONS).rebalance(ROLLING, 100.0) == 0
    assert store.calls == 0
    assert Caps(store, "us", (*REGIONS, "ap"), rebalance_seconds=1).rebalance(NEED, 100.0) > 0


def test_earlier_sub_windows_are_sealed_before_they_are_taken_off(store: Store) -> None:
    caps = Caps(store, "eu", ("eu",))
    earlier = key("eu", 0, ROLLING.before[0])
    store.items[earlier] = CounterState(committed=300)
    assert caps.part(ROLLING, key("eu", 0, ROLLING.name)).cap == 1_000
    assert caps_of(caps.parts(ROLLING, 0, 0.0)) == [700]
    assert store.items[earlier].sealed
    assert store.kept == [77]
    calls = store.calls
    caps.parts(ROLLING, 0, LOOK_BACK_SECONDS)
    assert store.calls == calls + 1, "what is sealed is only read"


def test_every_shard_that_an_earlier_sub_window_had_is_taken_off(store: Store) -> None:
    caps = Caps(store, "eu", ("eu",))
    for shard in range(3):
        store.items[key("eu", shard, ROLLING.before[0])] = CounterState(committed=100)
    assert caps_of(caps.parts(replace(ROLLING, before_shards=3), 0, 0.0)) == [700]
    assert caps_of(Caps(store, "eu", ("eu",)).parts(replace(ROLLING, shards=4), 0, 0.0)) == [175] * 4


def test_the_sum_of_earlier_sub_windows_is_believed_for_five_seconds_each_budget_by_itself(store: Store) -> None:
    caps = Caps(store, "eu", ("eu",))
    other = replace(ROLLING, name="budget#o#all#r60-60", before=("budget#o#all#r60-0",))
    for need in (ROLLING, other):
        store.items[key("eu", 0, need.before[0])] = CounterState(committed=300, sealed=True)
    read = []
    for need, at in ((ROLLING, 10.0), (other, 11.0), (ROLLING, 14.5), (other, 14.5), (ROLLING, 15.0), (other, 16.0)):
        before = store.calls
        caps.parts(need, 0, at)
        read.append(store.calls - before)
    assert read == [1, 1, 0, 0, 1, 1]


def test_what_is_forgotten_is_looked_at_again_and_the_rest_is_kept(store: Store) -> None:
    caps, shares = Caps(store, "eu", REGIONS), Counted(eu=500, us=500)
    kept, gone = replace(NEED, shares=shares), replace(NEED, name="budget#o#all#2026-11", shares=shares)
    for need in (kept, gone):
        gave(store, 200, name=need.name)
        caps.parts(need, 0, 0.0)
        caps.learn(need, 0.0)
    caps.parts(ROLLING, 0, 0.0)
    calls, asked = store.calls, shares.asked
    caps.forget({NAME})
    assert caps_of(caps.parts(kept, 0, 0.0)) == [700]
    assert caps.learn(kept, 0.0) is False
    assert (store.calls, shares.asked) == (calls, asked)
    assert caps_of(caps.parts(gone, 0, 0.0)) == [500]
    assert shares.asked == asked + 1
    assert caps.learn(gone, 0.0) is True
    calls = store.calls
    caps.parts(ROLLING, 0, 0.0)
    assert store.calls == calls + 1
