"""Rate limits to the unit and to the nanosecond: what is drawn ahead and when, what is charged, told and forgotten."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sluice.errors import InternalError
from sluice.governance.buckets import Admission, Buckets, Demand, Limited, Status
from sluice.governance.flow import SECOND
from sluice.types.budgets import CounterKey, Rate
from tests.counters import MemoryBuckets, MemoryCounters

NAME = "limit#l#x"
KEY = CounterKey(NAME, "r#0")
ONE = Demand(NAME, {"output": Rate(600)}, {"output": 1})
STRICT = replace(ONE, strict=True)


class World:
    def __init__(self) -> None:
        self.store = MemoryBuckets()
        self.counters = MemoryCounters()
        self.time = 1_700_000_000 * SECOND

    def environment(self, name: str = "a", **options: object) -> Buckets:
        given: dict[str, object] = {"region": "r", "environment": name, "now": lambda: self.time}
        return Buckets(self.store, self.counters, **{**given, **options})  # type: ignore[arg-type]

    def wait(self, nanoseconds: int) -> None:
        self.time += nanoseconds

    def drawn(self, kind: str = "output", rate: int = 600) -> int:
        """How many units are missing in the bucket now."""
        level = self.store.items.get(KEY, {}).get(kind, 0)
        assert isinstance(level, int)
        per_unit = -(-60 * SECOND // rate)
        return max(0, level - self.time) // per_unit


@pytest.fixture
def world() -> World:
    return World()


def admitted(buckets: Buckets, *demands: Demand) -> Admission:
    found = buckets.admit(demands)
    assert isinstance(found, Admission), found
    return found


def refused(buckets: Buckets, *demands: Demand) -> Limited:
    found = buckets.admit(demands)
    assert isinstance(found, Limited)
    return found


def broken(name: str) -> None:
    raise InternalError("no answer")


def healthy(name: str) -> None:
    return None


def test_an_admission_counts_at_its_moment_and_has_nothing_until_something_was_drawn(world: World) -> None:
    empty = Admission(5)
    assert (empty.at, empty.drawn, empty.places, empty.statuses, empty.settled) == (5, [], [], (), False)
    assert empty.settled is False
    assert admitted(world.environment(), STRICT).at == world.time


def test_a_request_is_settled_once(world: World) -> None:
    buckets = world.environment()
    admission = admitted(buckets, STRICT)
    for _ in range(2):
        buckets.settle(admission, {"output": 5})
    assert admission.settled is True
    buckets.maintain()
    assert world.drawn() == 5


@pytest.mark.parametrize(("gap", "drawn"), [(0, 8), (120_000_000, 8), (124_999_999, 8), (125_000_000, 7), (-SECOND, 8)])
def test_more_is_drawn_once_requests_come_faster_than_one_a_second(world: World, gap: int, drawn: int) -> None:
    # The mean begins at a minute and halves with each request at the same moment: 1.875 s after six of them.
    buckets = world.environment()
    for _ in range(6):
        admitted(buckets, ONE)
    begun = world.time
    world.wait(gap)
    admitted(buckets, ONE)
    world.time = begun
    assert world.drawn() == drawn


def test_the_mean_time_between_requests_is_rounded_down(world: World) -> None:
    buckets = world.environment()
    for _ in range(5):
        admitted(buckets, ONE)
    world.wait(SECOND // 4 - 2)
    admitted(buckets, ONE)
    before = world.drawn()
    admitted(buckets, ONE)
    assert world.drawn() == before + 2


@pytest.mark.parametrize(
    ("rate", "units", "drawn"),
    [
        (Rate(600_000), 3, 7 * 3 + 3),  # as much as in the last second
        (Rate(600), 20, 7 * 20 + 10),  # what flows in within a second
        (Rate(420), 20, 7 * 20 + 6),  # whole units of it
        (Rate(6_000, 600), 60, 7 * 60 + (570 - 6 * 60) // 4),  # a quarter of what is left
    ],
)
def test_no_more_is_drawn_ahead_than_is_used_flows_in_and_can_be_spared(
    world: World, rate: Rate, units: int, drawn: int
) -> None:
    buckets = world.environment()
    for _ in range(7):
        admitted(buckets, Demand(NAME, {"output": rate}, {"output": units}))
    assert world.drawn(rate=rate.per_minute) == drawn


def test_a_very_busy_environment_draws_for_a_thousand_requests_at_most(world: World) -> None:
    buckets = world.environment()
    demand = Demand(NAME, {"output": Rate(600_000)}, {"output": 1})
    drawn = []
    for _ in range(151):
        admitted(buckets, demand)
        drawn.append(world.drawn(rate=600_000))
    assert [drawn[number] for number in (5, 6, 8, 13, 150)] == [6, 8, 8 + 5, 13 + 137, 150 + 1_001]


def test_a_draw_ahead_that_fails_leaves_the_request_what_it_needs(world: World) -> None:
    first, second = world.environment(), world.environment("b")
    demand = replace(ONE, units={"output": 20})
    for _ in range(6):
        admitted(first, demand)
    admitted(second, replace(demand, units={"output": 440}))
    admitted(first, demand)
    assert world.drawn() == 580


def test_a_store_that_fails_time_and_again_is_asked_again(world: World) -> None:
    buckets = world.environment()
    world.store.before = broken
    for _ in range(9):
        with pytest.raises(InternalError):
            buckets.admit([ONE])
    world.store.before = healthy
    admitted(buckets, ONE)
    assert world.drawn() > 1


def test_a_bucket_that_is_drawn_from_ahead_is_flatter_by_what_may_wait(world: World) -> None:
    buckets = world.environment()
    assert refused(buckets, replace(ONE, units={"output": 581}, arrears=False)).most == 580
    assert refused(buckets, replace(STRICT, units={"output": 601}, arrears=False)).most == 600


class Counted(dict[str, Rate]):
    """Rates that count how often a shape is made of them."""

    made = 0

    def items(self) -> Any:
        self.made += 1
        return super().items()


def test_the_shape_of_a_bucket_is_worked_out_once(world: World) -> None:
    rates = Counted({"output": Rate(600)})
    buckets = world.environment()
    for _ in range(3):
        admitted(buckets, replace(ONE, rates=rates))
    assert rates.made == 1


@pytest.mark.parametrize(("rate", "drawn"), [(Rate(60, 1), 1), (Rate(60, 7), 7)])
def test_in_arrears_no_more_is_drawn_than_the_bucket_holds(world: World, rate: Rate, drawn: int) -> None:
    admitted(world.environment(), replace(STRICT, rates={"output": rate}, units={"output": 9}))
    assert world.drawn(rate=60) == drawn


def test_environments_without_a_name_get_one_each(world: World) -> None:
    demand = Demand(NAME, {}, {}, concurrent=2)
    buckets = [Buckets(world.store, world.counters, region="r", now=lambda: world.time) for _ in range(3)]
    admissions = [admitted(each, demand) for each in buckets[:2]]
    refused(buckets[2], demand)
    names = {hold.id.rpartition("-")[0] for each in admissions for _, hold in each.places}
    assert len(names) == 2
    assert all(len(name) == 10 for name in names)


def test_a_place_bears_the_name_of_its_environment(world: World) -> None:
    ((_, hold),) = admitted(world.environment("named"), Demand(NAME, {}, {}, concurrent=1)).places
    assert hold.id.startswith("named-")


def test_the_standing_of_every_limit_is_told_and_of_those_looked_at_when_one_refuses(world: World) -> None:
    other = Demand("limit#o#x", {"requests": Rate(60, 10)}, {"requests": 10}, strict=True)
    buckets = world.environment()
    first, second = Status("output", 600, 599, 0.1), Status("requests", 10, 0, 10.0)
    assert admitted(buckets, STRICT, other).statuses == (first, second)
    limited = refused(buckets, STRICT, other)
    assert limited.statuses == (Status("output", 600, 598, 0.2), second)


def test_what_waits_in_memory_is_left_for_the_next_request(world: World) -> None:
    buckets = world.environment()
    demand = replace(ONE, units={"output": 300})
    admission = admitted(buckets, demand)
    buckets.settle(admission, {"output": 100})
    (status,) = admitted(buckets, replace(demand, units={})).statuses
    # 280 of the 580 that such a bucket holds are left: 289 of 600, and the 200 in memory.
    assert status == Status("output", 600, 289 + 200, 30.0)
    assert isinstance(status.remaining, int)


def test_a_full_bucket_and_one_that_is_never_filled_are_full_at_once(world: World) -> None:
    rates = {"output": Rate(600), "input": Rate(600), "requests": Rate(0, 5)}
    found = admitted(world.environment(), replace(STRICT, rates=rates))
    assert found.statuses[1:] == (Status("input", 600, 600, 0.0), Status("requests", 5, 0, 0.0))


def test_units_without_a_rate_and_none_at_all_are_not_asked_for(world: World) -> None:
    buckets = world.environment()
    assert admitted(buckets, replace(STRICT, units={"output": 0})).statuses == ()
    assert world.store.calls == 0
    assert admitted(buckets, replace(STRICT, units={"output": 1, "input": 7})).drawn[0][1] == {"output": 1}


def test_only_what_memory_lacks_is_drawn(world: World) -> None:
    buckets = world.environment()
    rates = {"output": Rate(600), "input": Rate(600)}
    demand = Demand(NAME, rates, {"output": 300, "input": 100})
    buckets.settle(admitted(buckets, demand), {"output": 100, "input": 70})
    admitted(buckets, demand)
    assert (world.drawn(), world.drawn("input")) == (300 + 100, 100 + 70)


def test_every_unit_used_beyond_is_charged_and_units_of_several_requests_add_up(world: World) -> None:
    buckets = world.environment()
    for _ in range(2):
        for _ in range(2):
            buckets.settle(admitted(buckets, STRICT), {"output": 2})
        buckets.maintain()
    assert world.drawn() == 8


def test_a_charge_for_a_rate_that_a_limit_no_longer_has_is_dropped_without_a_call(world: World) -> None:
    buckets = world.environment()
    buckets.settle(admitted(buckets, STRICT), {"output": 5})
    admitted(buckets, replace(STRICT, rates={"input": Rate(600)}, units={"input": 1}))
    calls = world.store.calls
    assert buckets.maintain() == 0
    assert world.store.calls == calls


def test_every_failed_call_is_told(world: World) -> None:
    buckets = world.environment()
    other = replace(STRICT, name="limit#o#x", concurrent=1)
    admission = admitted(buckets, STRICT, other)
    world.store.before = world.counters.before = broken
    buckets.settle(admission, {"output": 5})
    assert buckets.maintain() == 3


@pytest.mark.parametrize(("gap", "known"), [(600 * SECOND, True), (600 * SECOND + 1, False)])
def test_a_limit_without_requests_is_forgotten_after_ten_minutes(world: World, gap: int, known: bool) -> None:
    buckets = world.environment()
    admitted(buckets, STRICT)
    world.wait(gap)
    buckets.maintain()
    assert bool(admitted(buckets, replace(STRICT, units={})).statuses) is known


def test_a_limit_with_something_to_charge_is_not_forgotten(world: World) -> None:
    buckets = world.environment()
    buckets.settle(admitted(buckets, STRICT), {"output": 9})
    world.wait(601 * SECOND)
    world.store.before = broken
    buckets.maintain()
    world.store.before = healthy
    buckets.maintain()
    assert world.drawn() == 8


def test_what_comes_back_is_as_old_as_when_it_was_drawn(world: World) -> None:
    demand = Demand(NAME, {"output": Rate(6_000)}, {"output": 5_000})
    buckets = world.environment()
    for wait in (0, 3 * SECOND // 2):
        world.wait(wait)
        buckets.settle(admitted(buckets, replace(demand, units={"output": 5_000 - wait // SECOND})), {"output": 0})
    assert world.store.calls == 1
    world.wait(SECOND // 2)
    assert refused(buckets, demand).remaining == 1_000


def test_what_was_spent_is_no_longer_in_memory(world: World) -> None:
    buckets = world.environment()
    admission = admitted(buckets, replace(ONE, units={"output": 500}))
    assert admission.drawn[0][2] == world.time
    assert refused(buckets, replace(ONE, units={"output": 200})).remaining == 80


def test_of_several_shards_the_shortest_wait_is_told(world: World) -> None:
    demand = Demand(NAME, {"output": Rate(60, 20)}, {"output": 6}, strict=True, shards=2)
    first, second = world.environment("b"), world.environment("a")
    admitted(first, replace(demand, units={"output": 9}))
    admitted(second, replace(demand, units={"output": 5}))
    assert list(world.store.items) == [CounterKey(NAME, "r#0"), CounterKey(NAME, "r#1")]
    for buckets in (first, second):
        limited = refused(buckets, demand)
        assert (limited.wait, limited.remaining, limited.most) == (2.0, 5, 10)


def test_a_shard_that_never_has_enough_does_not_hide_one_that_will(world: World) -> None:
    demand = Demand(NAME, {"output": Rate(17 * 60, 17)}, {"output": 1}, strict=True, shards=17)
    for name in "abcdefghijklmnopq":
        buckets = world.environment(name)
        while isinstance(buckets.admit([demand]), Admission):
            pass
        wait = refused(buckets, demand).wait
        assert wait is not None
        assert 0 < wait <= 1.01


@pytest.mark.parametrize(
    ("name", "order"), [("a", [1, 2, 0]), ("b", [2, 0, 1]), ("c", [0, 1, 2]), ("a", [1, 0]), ("b", [0, 1])]
)
def test_an_environment_begins_with_a_shard_of_its_own_and_goes_round(
    world: World, name: str, order: list[int]
) -> None:
    shards = len(order)
    demand = Demand(NAME, {"output": Rate(60, shards)}, {"output": 1}, strict=True, shards=shards)
    buckets = world.environment(name)
    for _ in range(shards):
        admitted(buckets, demand)
    assert [key.part for key in world.store.items] == [f"r#{shard}" for shard in order]


def test_one_request_is_kept_ahead_only_when_they_come_nearer_than_two_seconds(world: World) -> None:
    buckets = world.environment()
    for number in range(5):
        admitted(buckets, ONE)
        buckets.maintain()
        assert world.drawn() == number + 1
    admitted(buckets, ONE)
    buckets.maintain()
    assert world.drawn() == 7


@pytest.mark.parametrize(("gap", "ahead"), [(SECOND // 4 - 1, 1), (SECOND // 4, 0)])
def test_one_is_kept_ahead_when_requests_come_faster_than_it_grows_too_old(world: World, gap: int, ahead: int) -> None:
    buckets = world.environment()
    for _ in range(5):
        admitted(buckets, ONE)
    world.wait(gap)
    admitted(buckets, ONE)
    calls = world.store.calls
    buckets.maintain()
    assert world.store.calls - calls == ahead


@pytest.mark.parametrize(("offset", "calls"), [(0, 0), (1, 1)])
def test_what_will_be_too_old_for_the_next_request_is_drawn_anew(world: World, offset: int, calls: int) -> None:
    # A moment that a float would round up.
    world.time += -world.time % 256 + 255 - (2 * SECOND - 1) % 256
    buckets = world.environment()
    for _ in range(6):
        admitted(buckets, ONE)
    buckets.maintain()
    world.wait(SECOND - 1 + offset)
    before = world.store.calls
    buckets.maintain()
    assert world.store.calls - before == calls


@pytest.mark.parametrize(("units", "ahead"), [(60, True), (61, False)])
def test_nothing_is_kept_ahead_when_less_than_a_quarter_would_be_left(world: World, units: int, ahead: bool) -> None:
    buckets = world.environment()
    demand = replace(ONE, rates={"output": Rate(600, 580)}, units={"output": units})
    for _ in range(6):
        admitted(buckets, demand)
    buckets.maintain()
    assert world.drawn() == units * (7 if ahead else 6)


def test_too_many_at_a_time_are_refused_and_told_whether_a_wait_helps(world: World) -> None:
    demand = Demand(NAME, {}, {}, concurrent=1)
    buckets = world.environment()
    admitted(buckets, demand)
    assert refused(buckets, demand) == Limited(demand, "concurrent", 1, 0, 1, 1.0)
    none = replace(demand, concurrent=0)
    assert refused(buckets, none) == Limited(none, "concurrent", 1, 0, 0, None)


def test_places_are_split_by_the_shares_of_the_regions(world: World) -> None:
    demand = Demand(NAME, {}, {}, concurrent=10, shares={"r": 300, "s": 700})
    buckets = world.environment(regions=("r", "s"))
    for _ in range(3):
        admitted(buckets, demand)
    assert refused(buckets, demand).most == 3


@pytest.mark.parametrize("kinds", [("requests", "input"), ("input", "requests")])
@pytest.mark.parametrize(("most", "wait"), [(60, 59.0), (59, None)])
def test_of_several_rates_the_one_with_the_longest_wait_is_told(
    world: World, kinds: tuple[str, str], most: int, wait: float | None
) -> None:
    rates = {"requests": Rate(60, 10), "input": Rate(60, most)}
    units = {"requests": 1, "input": 60}
    buckets = world.environment()
    demand = Demand(NAME, rates, {"requests": 10, "input": 59}, strict=True, arrears=False)
    admitted(buckets, demand)
    limited = refused(buckets, replace(demand, units={kind: units[kind] for kind in kinds}))
    assert (limited.kind, limited.wait) == ("input", wait)


def test_a_request_for_the_whole_bucket_waits_until_it_is_full(world: World) -> None:
    buckets = world.environment()
    demand = Demand(NAME, {"output": Rate(60, 10)}, {"output": 10}, strict=True, arrears=False)
    admitted(buckets, replace(demand, units={"output": 1}))
    assert refused(buckets, demand).wait == 1.0
