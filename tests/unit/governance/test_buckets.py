"""Rate limits: what is admitted in any window, how long to wait, how many calls it takes, and what headers say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.errors import InternalError
from sluice.governance.buckets import Admission, Buckets, Demand, Limited, Status
from sluice.governance.flow import SECOND
from sluice.governance.rate_headers import anthropic_headers, duration, openai_headers, retry_headers
from sluice.types.budgets import CounterKey, Rate
from tests.counters import MemoryBuckets, MemoryCounters

REGION = "r"
RATES = {"requests": Rate(6_000), "input": Rate(600_000)}
DEMAND = Demand("limit#l#search", RATES, {"requests": 1, "input": 50})
BUSY = replace(DEMAND, rates={"requests": Rate(600_000), "input": Rate(60_000_000)})
PLACES = CounterKey("limit#l#search#concurrent", f"{REGION}#0")


class World:
    def __init__(self) -> None:
        self.store = MemoryBuckets()
        self.counters = MemoryCounters()
        self.time = 1_000_000 * SECOND
        self.made = 0

    def environment(self, **options: object) -> Buckets:
        self.made += 1
        given: dict[str, object] = {"region": REGION, "environment": f"e{self.made}", "now": lambda: self.time}
        return Buckets(self.store, self.counters, **{**given, **options})  # type: ignore[arg-type]

    def wait(self, seconds: float) -> None:
        self.time += int(seconds * SECOND)


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


def test_a_burst_is_admitted_at_once_and_then_what_flows_in(world: World) -> None:
    demand = Demand("limit#l#x", {"requests": Rate(60, 10)}, {"requests": 1}, strict=True)
    buckets = world.environment()
    for _ in range(10):
        admitted(buckets, demand)
    limited = refused(buckets, demand)
    assert (limited.kind, limited.needed, limited.remaining, limited.wait) == ("requests", 1, 0, 1.0)
    world.wait(0.999)
    refused(buckets, demand)
    world.wait(0.001)
    admitted(buckets, demand)


def test_a_request_larger_than_the_burst_is_told_that_no_wait_helps(world: World) -> None:
    demand = replace(DEMAND, units={"input": 600_001}, strict=True, arrears=False)
    limited = refused(world.environment(), demand)
    assert (limited.wait, limited.most) == (None, 600_000)


def test_a_request_larger_than_the_burst_can_pay_the_rest_in_arrears(world: World) -> None:
    demand = Demand("limit#l#x", {"output": Rate(600)}, {"output": 900}, strict=True)
    buckets = world.environment()
    buckets.settle(admitted(buckets, demand), {})
    buckets.maintain()
    assert refused(buckets, replace(demand, units={"output": 1})).wait == pytest.approx(30.1)
    world.wait(90)
    buckets.settle(admitted(buckets, demand), {"output": 600})
    buckets.maintain()
    assert refused(buckets, replace(demand, units={"output": 1})).wait == pytest.approx(0.1)


def test_all_limits_admit_a_request_or_none_is_charged(world: World) -> None:
    other = Demand("limit#o#x", {"requests": Rate(60, 1)}, {"requests": 1}, strict=True)
    buckets = world.environment()
    admitted(buckets, other)
    calls = world.store.calls
    assert refused(buckets, BUSY, other).demand is other
    admitted(buckets, BUSY)
    assert world.store.calls == calls + 2, "what the refused request had drawn serves the next one"


def test_a_busy_environment_makes_no_call_before_an_answer(world: World) -> None:
    buckets = world.environment()
    during = 0
    for number in range(100):
        before = world.store.calls
        admission = admitted(buckets, BUSY)
        during += world.store.calls - before if number >= 10 else 0
        world.wait(0.2)
        buckets.settle(admission, {})
        buckets.maintain()
        world.wait(0.2)
    assert during == 0
    assert world.store.calls < 100


def test_tokens_that_waited_too_long_are_dropped(world: World) -> None:
    buckets = world.environment()
    for _ in range(10):
        buckets.settle(admitted(buckets, BUSY), {})
        buckets.maintain()
        world.wait(0.1)
    calls = world.store.calls
    world.wait(2)
    admitted(buckets, BUSY)
    assert world.store.calls > calls


def test_what_a_request_used_beyond_its_demand_is_charged_later(world: World) -> None:
    demand = Demand("limit#l#x", {"output": Rate(600)}, {"output": 100}, strict=True)
    buckets = world.environment()
    buckets.settle(admitted(buckets, demand), {"output": 600})
    buckets.maintain()
    assert refused(buckets, demand).wait == 10.0


def test_a_failed_charge_is_made_by_the_next_run(world: World) -> None:
    demand = Demand("limit#l#x", {"output": Rate(600)}, {"output": 100}, strict=True)
    buckets = world.environment()
    buckets.settle(admitted(buckets, demand), {"output": 600})
    world.store.before = broken
    assert buckets.maintain() == 1
    world.store.before = lambda name: None
    assert buckets.maintain() == 0
    refused(buckets, demand)


def test_what_a_request_used_less_of_serves_the_next_one_while_it_is_fresh(world: World) -> None:
    demand = Demand("limit#l#x", {"output": Rate(6_000)}, {"output": 5_000})
    buckets = world.environment()
    admission = admitted(buckets, demand)
    world.wait(0.5)
    buckets.settle(admission, {"output": 100})
    calls = world.store.calls
    admitted(buckets, replace(demand, units={"output": 4_000}))
    assert world.store.calls == calls
    world.wait(2)
    refused(buckets, demand)


def test_shards_split_a_rate_and_lend_each_other(world: World) -> None:
    demand = Demand("limit#l#x", {"requests": Rate(60, 12)}, {"requests": 1}, strict=True, shards=3)
    buckets = world.environment()
    for _ in range(12):
        admitted(buckets, demand)
    refused(buckets, demand)
    assert len(world.store.items) == 3


def test_regions_share_a_rate(world: World) -> None:
    demand = Demand("limit#l#x", {"requests": Rate(60, 10)}, {"requests": 1}, strict=True, shares={"r": 700, "s": 300})
    here, there = world.environment(regions=("r", "s")), world.environment(region="s", regions=("r", "s"))
    assert [sum(isinstance(each.admit([demand]), Admission) for _ in range(20)) for each in (here, there)] == [7, 3]


def test_only_so_many_requests_are_served_at_the_same_time(world: World) -> None:
    demand = Demand("limit#l#search", {}, {}, concurrent=2)
    first, second = world.environment(), world.environment()
    admission = admitted(first, demand)
    admitted(second, demand)
    limited = refused(first, demand)
    assert (limited.kind, limited.most, limited.wait) == ("concurrent", 2, 1.0)
    first.settle(admission, {})
    admitted(second, demand)


def test_a_place_that_was_never_returned_is_free_when_its_request_must_be_over(world: World) -> None:
    demand = Demand("limit#l#search", {}, {}, concurrent=1)
    admitted(world.environment(longest=60), demand)
    buckets = world.environment()
    world.wait(60)
    refused(buckets, demand)
    world.wait(10)
    admitted(buckets, demand)
    assert world.counters.items[PLACES].committed == 1


def test_a_place_whose_return_failed_is_returned_by_the_next_run(world: World) -> None:
    demand = Demand("limit#l#search", {}, {}, concurrent=1)
    buckets = world.environment()
    admission = admitted(buckets, demand)
    world.counters.before = broken
    buckets.settle(admission, {})
    assert buckets.maintain() == 1
    world.counters.before = lambda name: None
    assert buckets.maintain() == 0
    admitted(buckets, demand)


STEPS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from([0, 1, 10, 100, 400, 900, 2_100]),
        st.integers(1, 40),
        st.sampled_from(["keep", "less", "tend", "dead"]),
    ),
    max_size=120,
)


@settings(max_examples=150, deadline=None)
@given(steps=STEPS, burst=st.sampled_from([40, 100, 400]), shards=st.sampled_from([1, 2]))
def test_no_window_ever_admits_more_than_the_burst_and_what_flows_in(
    steps: list[tuple[int, int, int, str]], burst: int, shards: int
) -> None:
    world = World()
    rate = Rate(1_200, burst)
    environments = [world.environment() for _ in range(4)]
    events: list[tuple[int, int]] = []
    for pick, wait, units, fate in steps:
        world.wait(wait / 1000)
        demand = Demand("limit#l#x", {"output": rate}, {"output": units}, shards=shards, arrears=False)
        admission = environments[pick].admit([demand])
        if fate == "dead":
            environments[pick] = world.environment()
        if isinstance(admission, Admission):
            used = units // 2 if fate == "less" else units
            events.append((world.time, used))
            if fate != "dead":
                environments[pick].settle(admission, {"output": used})
        if fate == "tend":
            environments[pick].maintain()
    assert worst_excess(events, rate) <= 0


def worst_excess(events: list[tuple[int, int]], rate: Rate) -> float:
    """Return by how many units the worst window is over the burst and what flows in meanwhile."""
    worst = 0.0
    for first in range(len(events)):
        total = 0
        for at, units in events[first:]:
            total += units
            flow = rate.per_minute * (at - events[first][0]) / (60 * SECOND)
            worst = max(worst, total - rate.capacity - flow)
    return worst


def test_openai_callers_read_their_limits() -> None:
    statuses = [Status("requests", 60, 59, 1.0), Status("input", 1_000, 500, 360.0), Status("output", 100, 10, 0.012)]
    assert openai_headers(statuses) == {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-limit-tokens": "100",
        "x-ratelimit-remaining-tokens": "10",
        "x-ratelimit-reset-tokens": "12ms",
    }


def test_anthropic_callers_read_their_limits() -> None:
    statuses = [Status("requests", 60, 59, 0.5), Status("requests", 10, 1, 30.0), Status("input", 1_000, 500, 0.0)]
    assert anthropic_headers(statuses, 1_700_000_000.0) == {
        "anthropic-ratelimit-requests-limit": "10",
        "anthropic-ratelimit-requests-remaining": "1",
        "anthropic-ratelimit-requests-reset": "2023-11-14T22:13:50Z",
        "anthropic-ratelimit-input-tokens-limit": "1000",
        "anthropic-ratelimit-input-tokens-remaining": "500",
        "anthropic-ratelimit-input-tokens-reset": "2023-11-14T22:13:20Z",
        "anthropic-ratelimit-tokens-limit": "1000",
        "anthropic-ratelimit-tokens-remaining": "500",
        "anthropic-ratelimit-tokens-reset": "2023-11-14T22:13:20Z",
    }


def test_an_answer_tells_how_the_limits_stand(world: World) -> None:
    buckets = world.environment()
    demand = Demand("limit#l#x", {"requests": Rate(60, 10)}, {"requests": 4}, strict=True)
    assert admitted(buckets, demand).statuses == (Status("requests", 10, 6, 4.0),)
    assert refused(buckets, replace(demand, units={"requests": 7})).statuses == (Status("requests", 10, 6, 4.0),)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0ms"), (0.0115, "12ms"), (1, "1s"), (1.5, "1.5s"), (60, "1m0s"), (360, "6m0s"), (3_605, "1h0m5s")],
)
def test_lengths_of_time_are_written_as_openai_writes_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_callers_are_told_when_to_try_again() -> None:
    assert retry_headers(0.0004) == {"retry-after": "1", "retry-after-ms": "1"}
    assert retry_headers(1.25) == {"retry-after": "2", "retry-after-ms": "1250"}
    assert retry_headers(None) == {"x-should-retry": "false"}


def broken(name: str) -> None:
    raise InternalError("no answer")
