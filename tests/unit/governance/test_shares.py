"""Shares of a cap: how it is split, how what is unused moves between regions, and that no delay makes it more."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sluice.governance.lease import Need, Reservation, Short
from sluice.governance.leases import Leases
from sluice.governance.shares import Split, evenly, part_name, rebalance, received
from sluice.types.budgets import CounterKey, CounterState, Hold
from tests.counters import MemoryCounters

NAME = "budget#b#all#2026-11"
REGIONS = ("eu", "us")
CAP = 1_000


@given(total=st.integers(0, 10**15), count=st.integers(1, 50))
def test_an_amount_is_split_evenly_and_wholly(total: int, count: int) -> None:
    parts = evenly(total, count)
    assert sum(parts) == total
    assert max(parts) - min(parts) <= 1


@given(
    cap=st.integers(0, 10**15),
    shares=st.dictionaries(st.sampled_from("abc"), st.integers(0, 333)),
    shards=st.integers(1, 9),
)
def test_all_parts_together_have_no_more_than_the_cap(cap: int, shares: dict[str, int], shards: int) -> None:
    split = Split(cap, ("a", "b", "c"), shares, shards)
    assert sum(part.cap for region in "abcd" for part in split.parts(NAME, region)) <= cap


def test_regions_have_the_same_share_unless_told_otherwise() -> None:
    assert [Split(100, REGIONS, {}).of_region(each) for each in ("eu", "us", "ap")] == [50, 50, 0]
    assert [Split(100, REGIONS, {"us": 900}).of_region(each) for each in REGIONS] == [0, 90]


def test_a_region_has_the_least_of_all_shares_that_count() -> None:
    found = Split(1_999, REGIONS, {"us": 900}, 1, ({"us": 500}, {"eu": 100, "us": 700}))
    assert [found.of_region(each) for each in REGIONS] == [0, 999]
    assert isinstance(found.of_region("us"), int)
    assert Split(1_000, REGIONS, {"us": 900}).of_region("eu") == 0


class Replica:
    """Two regions' tables. What one wrote is copied to the other when `copy` says so, the newest version that far."""

    def __init__(self) -> None:
        self.tables = {region: MemoryCounters() for region in REGIONS}
        self.versions: dict[str, list[tuple[CounterKey, CounterState]]] = {region: [] for region in REGIONS}

    def note(self) -> None:
        """Put what stands now among the versions that are on their way."""
        for region, table in self.tables.items():
            for key, state in table.items.items():
                if key.part.startswith(region):
                    self.versions[region].append((key, state))

    def copy(self, source: str, upto: int) -> None:
        way = self.versions[source]
        for key, state in way[: upto % (len(way) + 1)]:
            for region, table in self.tables.items():
                if region != source:
                    table.items[key] = state
        del way[: upto % (len(way) + 1)]

    def spent(self) -> int:
        return sum(
            state.committed - state.given_away
            for region, table in self.tables.items()
            for key, state in table.items.items()
            if key.part.startswith(region)
        )


def split() -> Split:
    return Split(CAP, REGIONS, {})


def spend(replica: Replica, region: str, amount: int, time: float = 0.0) -> bool:
    leases = Leases(replica.tables[region], region=region, regions=REGIONS, now=lambda: time, rebalance_seconds=0)
    found = leases.reserve([Need(NAME, amount, CAP, strict=True)])
    if isinstance(found, Reservation):
        leases.settle(found, amount)
    leases.shutdown()
    return isinstance(found, Reservation)


def test_a_region_that_runs_short_gets_what_another_does_not_need() -> None:
    replica = Replica()
    assert spend(replica, "eu", 480)
    assert not spend(replica, "eu", 200)
    replica.note()
    replica.copy("eu", 1)
    assert rebalance(replica.tables["us"], NAME, split(), "us") == 240
    assert not spend(replica, "eu", 200), "what is given counts when it was seen"
    replica.note()
    replica.copy("us", 1)
    assert spend(replica, "eu", 200)
    assert spend(replica, "us", 260)
    assert not spend(replica, "us", 1)
    assert replica.spent() == 940


def test_nothing_moves_to_a_region_that_has_enough_or_no_callers() -> None:
    replica = Replica()
    assert rebalance(replica.tables["us"], NAME, split(), "us") == 0
    spend(replica, "eu", 100)
    replica.note()
    replica.copy("eu", 1)
    assert rebalance(replica.tables["us"], NAME, split(), "us") == 0


def test_rebalancing_again_before_the_other_side_has_seen_it_moves_ever_less() -> None:
    replica = Replica()
    spend(replica, "eu", 500)
    replica.note()
    replica.copy("eu", 1)
    moved = [rebalance(replica.tables["us"], NAME, split(), "us") for _ in range(8)]
    assert moved[0] == 250
    assert sum(moved) <= 500
    assert moved[-1] == 0 or moved[-1] < moved[0]


def test_a_refused_request_looks_for_what_other_regions_gave() -> None:
    store = MemoryCounters()
    leases = Leases(store, region="eu", regions=REGIONS, now=lambda: 1e6)
    short = leases.reserve([Need(NAME, 600, CAP)])
    assert short == Short(Need(NAME, 600, CAP), available=500, committed=0, cap=500)
    store.items[CounterKey(NAME, "us#0")] = CounterState(committed=100, given={"eu#0": 100})
    later = Leases(store, region="eu", regions=REGIONS, now=lambda: 1e6)
    assert isinstance(later.reserve([Need(NAME, 600, CAP)]), Reservation)


def test_what_is_received_is_the_sum_of_what_others_gave() -> None:
    states = {
        "us#0": CounterState(given={"eu#0": 5, "eu#1": 9}),
        "ap#0": CounterState(given={"eu#0": 7}),
        "eu#0": CounterState(given={"us#0": 3}),
    }
    assert received(states, part_name("eu", 0), Split(CAP, ("ap", *REGIONS), {})) == 12


class RegionMachine(RuleBasedStateMachine):
    """Two regions spend, give and copy in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.replica = Replica()
        self.time = 1e6
        self.truth = 0

    @rule(region=st.sampled_from(REGIONS), amount=st.integers(1, 400))
    def request(self, region: str, amount: int) -> None:
        self.time += 1
        if spend(self.replica, region, amount, self.time):
            self.truth += amount
        self.replica.note()

    @rule(region=st.sampled_from(REGIONS))
    def give(self, region: str) -> None:
        rebalance(self.replica.tables[region], NAME, split(), region)
        self.replica.note()

    @rule(region=st.sampled_from(REGIONS), amount=st.integers(1, 500))
    def give_anything(self, region: str, amount: int) -> None:
        table = self.replica.tables[region]
        other = part_name("us" if region == "eu" else "eu", 0)
        key = CounterKey(NAME, part_name(region, 0))
        state = table.items.get(key, CounterState())
        cap = CAP // 2 + received(table.parts(NAME), key.part, split())
        table.give(key, other, amount, before=state.given.get(other, 0), cap=cap)
        self.replica.note()

    @rule(source=st.sampled_from(REGIONS), upto=st.integers(0, 1_000))
    def copy(self, source: str, upto: int) -> None:
        self.replica.copy(source, upto)

    @invariant()
    def both_regions_together_never_spend_more_than_the_cap(self) -> None:
        assert self.truth <= CAP
        assert self.replica.spent() == self.truth


RegionMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestRegions = RegionMachine.TestCase


def test_the_machine_would_notice_a_cap_that_is_exceeded() -> None:
    replica = Replica()
    replica.tables["eu"].items[CounterKey(NAME, "eu#0")] = CounterState(
        committed=CAP + 1, holds={"e-1": Hold("e-1", CAP + 1, 1)}
    )
    assert replica.spent() > CAP
