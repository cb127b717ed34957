"""Leases to the unit: how large each hold is, which calls are made for it, and what a refusal says."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from sluice.errors import InternalError
from sluice.governance.lease import Need, Reservation, Short
from sluice.governance.leases import IDLE_SECONDS, LEASE_SECONDS, LONGEST_REQUEST, Leases
from sluice.ports import Refused, Taken
from sluice.types.budgets import CounterKey, CounterState, Hold
from tests.counters import MemoryCounters

NAME = "budget#b#all#2026-11"
KEY = CounterKey(NAME, "eu#0")
NEED = Need(NAME, 100, 100_000)


class Store(MemoryCounters):
    """Notes until when counters are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[int] = []

    def take(self, key: CounterKey, hold: Hold, *, cap: int, slack_cap: int, keep_until: int = 0) -> Taken | Refused:
        self.kept.append(keep_until)
        return super().take(key, hold, cap=cap, slack_cap=slack_cap, keep_until=keep_until)


class World:
    def __init__(self) -> None:
        self.store = Store()
        self.time = 1_000_000.0

    def environment(self, name: str = "b", **options: object) -> Leases:
        given: dict[str, object] = {"region": "eu", "environment": name, "now": lambda: self.time}
        return Leases(self.store, **{**given, **options})  # type: ignore[arg-type]

    def state(self) -> CounterState:
        return self.store.items.get(KEY, CounterState())

    def calls(self, action: Callable[[], object]) -> int:
        before = self.store.calls
        action()
        return self.store.calls - before


@pytest.fixture
def world() -> World:
    return World()


def reserved(leases: Leases, *needs: Need) -> Reservation:
    found = leases.reserve(needs)
    assert isinstance(found, Reservation), found
    return found


def short(leases: Leases, need: Need) -> Short:
    found = leases.reserve([need])
    assert isinstance(found, Short), found
    return found


def served(leases: Leases, need: Need, cost: int) -> None:
    leases.settle(reserved(leases, need), cost)
    leases.maintain()


def broken(name: str) -> None:
    raise InternalError("no answer")


def healthy(name: str) -> None:
    return None


def test_environments_without_a_name_get_one_of_ten_letters_each(world: World) -> None:
    names = {Leases(world.store, region="eu").environment for _ in range(2)}
    assert len(names) == 2
    assert all(re.fullmatch("[a-z2-7]{10}", name) for name in names)
    assert world.environment("named").environment == "named"


def test_a_hold_tells_its_environment_moment_and_counter(world: World) -> None:
    ids = [reserved(world.environment(), replace(NEED, name=name)).holds[0][0] for name in (NAME, "budget#o#all#x")]
    ids += [reserved(world.environment(region="us"), NEED).holds[0][0]]
    assert all(re.fullmatch(r"b\.[^-]+-1000000000", each) for each in ids)
    assert len(set(ids)) == 3


@pytest.mark.parametrize(("options", "seconds"), [({}, 30.0), ({"rebalance_seconds": 5.0}, 5.0)])
def test_other_regions_are_helped_now_and_then(world: World, options: dict[str, float], seconds: float) -> None:
    leases = world.environment("b", regions=("eu", "us"), **options)
    us = CounterKey(NAME, "us#0")
    given = []
    for wait, spent in ((0.0, 50_000), (seconds - 0.5, 75_000), (0.5, 75_000)):
        world.time += wait
        world.store.items[us] = CounterState(committed=spent, spent=spent)
        served(leases, replace(NEED, strict=True), 0)
        leases.reserve([replace(NEED, strict=True)])
        leases.maintain()
        given.append(sum(world.state().given.values()))
    assert 0 < given[0] == given[1] < given[2]


def test_what_a_region_has_committed_is_told_as_it_was_last_seen(world: World) -> None:
    leases = world.environment()
    assert leases.committed(NAME) == 0
    reserved(leases, NEED, replace(NEED, name="budget#o#all#x", amount=7))
    assert (leases.committed(NAME), leases.committed("budget#o#all#x")) == (100, 7)


def test_a_window_that_is_over_is_refused_without_a_call(world: World) -> None:
    need = replace(NEED, ends=1_000_000)
    assert world.environment().reserve([need]) == Short(need, 0, 0, 0)
    assert world.store.calls == 0


def test_a_refusal_takes_one_call_and_one_look_at_other_regions_a_second(world: World) -> None:
    leases = world.environment(regions=("eu", "us"))
    need = replace(NEED, amount=60_000)
    assert [world.calls(lambda: short(leases, need)) for _ in range(3)] == [2, 1, 1]
    assert world.calls(lambda: short(world.environment(), replace(NEED, amount=100_001))) == 1


def test_what_fits_exactly_into_a_lease_takes_no_call(world: World) -> None:
    leases = world.environment()
    leases.settle(reserved(leases, NEED), 0)
    assert world.calls(lambda: reserved(leases, NEED)) == 0
    leases.maintain()
    assert world.state().holds


def test_a_lowered_cap_leaves_what_is_spent_and_under_way(world: World) -> None:
    leases = world.environment()
    served(leases, NEED, 30)
    reserved(leases, NEED)
    short(leases, replace(NEED, cap=120, amount=99))
    assert world.state().committed == 130


@pytest.mark.parametrize(("room", "calls"), [(0, 1), (1, 2)])
def test_under_a_lowered_cap_only_a_lease_with_room_is_returned(world: World, room: int, calls: int) -> None:
    leases = world.environment()
    leases.settle(reserved(leases, NEED), 100 - room)
    assert world.calls(lambda: short(leases, replace(NEED, cap=99))) == calls
    assert world.state().committed == 100 - room


def test_earlier_sub_windows_are_looked_at_once_for_several_requests(world: World) -> None:
    need = replace(NEED, before=("budget#b#all#before",), strict=True)
    leases = world.environment()
    assert [world.calls(lambda: reserved(leases, need)) for _ in range(3)] == [3, 1, 1]


def test_what_fits_exactly_into_a_lease_needs_no_look_at_earlier_sub_windows(world: World) -> None:
    leases, need = world.environment(), replace(NEED, before=("budget#b#all#before",))
    leases.settle(reserved(leases, need), 0)
    world.time += 30
    assert world.calls(lambda: reserved(leases, need)) == 0


@pytest.mark.parametrize(("amount", "calls"), [(100, 1), (50, 1), (150, 2)])
def test_a_change_whose_answer_was_lost_is_confirmed_before_more_is_asked_for(
    world: World, amount: int, calls: int
) -> None:
    leases = world.environment()
    need = replace(NEED, strict=True)
    reserved(leases, need)
    world.store.after = broken
    with pytest.raises(InternalError):
        leases.reserve([need])
    world.store.after = healthy
    assert world.calls(lambda: reserved(leases, replace(need, amount=amount))) == calls
    assert world.state().committed == 100 + max(100, amount)


def test_a_change_that_never_arrived_is_sent_once_more(world: World) -> None:
    leases = world.environment()
    need = replace(NEED, strict=True)
    reserved(leases, need)
    world.store.before = broken
    with pytest.raises(InternalError):
        leases.reserve([need])
    world.store.before = healthy
    assert world.calls(lambda: reserved(leases, need)) == 1
    assert world.state().committed == 200


def test_what_is_held_ahead_is_noted_in_the_first_hold_and_in_every_change(world: World) -> None:
    leases = world.environment()
    need = replace(NEED, keep_until=77)
    served(leases, need, 10)
    (hold,) = world.state().holds.values()
    assert (hold.kind, hold.revision, hold.slack, hold.amount) == ("lease", 1, 200, 210)
    reserved(leases, replace(need, amount=300))
    (hold,) = world.state().holds.values()
    assert (hold.kind, hold.revision, hold.slack, hold.amount) == ("lease", 2, 200, 510)
    assert leases.held() == {KEY: 200}
    world.time += LEASE_SECONDS - LONGEST_REQUEST
    reserved(leases, need)
    (hold,) = (each for each in world.state().holds.values() if each.revision == 0)
    assert (hold.kind, hold.slack, hold.amount) == ("lease", 600, 700)
    assert leases.held() == {KEY: 600}
    assert world.store.kept == [77, 77]


def test_the_last_money_is_had_without_anything_ahead(world: World) -> None:
    leases, rival = world.environment(), world.environment("a")
    served(leases, NEED, 10)
    room = leases.held()[KEY]
    reserved(rival, replace(NEED, amount=100_000 - world.state().committed - 50))
    reserved(leases, replace(NEED, amount=room + 50))
    assert world.state().committed == 100_000


@pytest.mark.parametrize("amount", [1, 100])
def test_a_sealed_counter_has_nothing_left_and_is_asked_once(world: World, amount: int) -> None:
    world.store.seal(KEY)
    need = replace(NEED, amount=amount)
    calls = world.store.calls
    assert short(world.environment(), need) == Short(need, 0, 0, 100_000)
    assert world.store.calls == calls + 1


def test_a_refusal_counts_what_its_own_lease_has_left(world: World) -> None:
    leases = world.environment()
    leases.settle(reserved(leases, NEED), 40)
    found = short(leases, replace(NEED, amount=100_000))
    assert (found.available, found.committed) == (99_960, 100)


@pytest.mark.parametrize(("idle", "kept"), [(IDLE_SECONDS, True), (IDLE_SECONDS + 0.5, False)])
def test_a_lease_is_idle_after_a_minute(world: World, idle: float, kept: bool) -> None:
    leases = world.environment()
    served(leases, NEED, 10)
    world.time += idle
    leases.maintain()
    assert bool(world.state().holds) is kept


@pytest.mark.parametrize(("room", "calls"), [(0, 0), (1, 1), (60, 1)])
def test_a_lease_that_is_over_returns_its_room_and_keeps_what_is_under_way(world: World, room: int, calls: int) -> None:
    leases, need = world.environment(), replace(NEED, strict=True)
    first = reserved(leases, need)
    reserved(leases, need)
    leases.settle(first, 100 - room)
    world.time += LEASE_SECONDS - LONGEST_REQUEST
    assert world.calls(leases.maintain) == calls
    (hold,) = world.state().holds.values()
    assert (hold.amount, hold.slack) == (200 - room, 0)
    assert world.calls(leases.maintain) == 0


def test_a_lease_of_the_right_size_is_left_alone(world: World) -> None:
    leases = world.environment()
    served(leases, NEED, 10)
    assert leases.held() == {KEY: 200}
    assert world.calls(leases.maintain) == 0


def test_room_that_cannot_be_noted_as_slack_is_returned(world: World) -> None:
    leases, rival = world.environment(), world.environment("a")
    need = replace(NEED, cap=16_000)
    served(rival, need, 10)
    first = reserved(leases, need)
    world.store.items[KEY] = replace(world.state(), slack=400)
    leases.settle(first, 10)
    leases.maintain()
    assert world.state().committed == 10 + 210
    assert leases.held() == {KEY: 0}


@pytest.mark.parametrize(("spent", "slack"), [(89_799, 200), (89_899, 200), (89_900, 0)])
def test_from_nine_tenths_on_nothing_is_held_ahead(world: World, spent: int, slack: int) -> None:
    world.store.items[KEY] = CounterState(committed=spent, spent=spent)
    leases = world.environment()
    leases.settle(reserved(leases, NEED), 100)
    leases.maintain()
    assert world.state().slack == slack


@pytest.mark.parametrize(("noted", "slack"), [(0, 125), (2_298, 101), (2_300, 100), (2_301, 0), (2_300 - 1, 100)])
def test_one_environment_holds_half_of_what_may_be_held_ahead_or_nothing(world: World, noted: int, slack: int) -> None:
    world.store.items[KEY] = CounterState(slack=noted)
    leases = world.environment()
    need = NEED if noted else replace(NEED, cap=10_000)
    served(leases, need, 10)
    assert world.state().slack - noted == slack
    assert all(isinstance(hold.slack, int) for hold in world.state().holds.values())


def test_what_an_environment_holds_itself_does_not_lessen_what_it_may_hold(world: World) -> None:
    leases, need = world.environment(), replace(NEED, cap=10_000)
    served(leases, need, 10)
    leases.maintain()
    assert leases.held() == {KEY: 125}
    reserved(leases, replace(need, amount=200))
    (hold,) = world.state().holds.values()
    assert (hold.amount, hold.slack) == (10 + 200 + 125, 125)


def test_a_new_lease_holds_half_of_what_others_left(world: World) -> None:
    world.store.items[KEY] = CounterState(slack=2_299)
    leases = world.environment()
    served(leases, NEED, 10)
    leases.shutdown()
    reserved(leases, NEED)
    assert [hold.slack for hold in world.state().holds.values()] == [100]


def test_room_that_is_noted_stays_when_there_is_no_more(world: World) -> None:
    leases, rival = world.environment(), world.environment("a")
    served(leases, NEED, 10)
    reserved(leases, replace(NEED, amount=300))
    reserved(rival, replace(NEED, amount=100_000 - world.state().committed))
    assert world.calls(leases.maintain) == 1
    assert leases.held() == {KEY: 200}


def test_every_failed_step_is_told(world: World) -> None:
    leases = world.environment()
    for name in (NAME, "budget#o#all#x"):
        leases.settle(reserved(leases, replace(NEED, name=name)), 10)
    world.store.before = broken
    assert leases.maintain() == 2


def test_a_closed_lease_that_is_not_the_current_one_is_no_longer_tended(world: World) -> None:
    leases = world.environment()
    reservation = reserved(leases, NEED)
    world.time += LEASE_SECONDS - LONGEST_REQUEST
    reserved(leases, NEED)
    leases.settle(reservation, 10)
    leases.maintain()
    assert len(world.state().holds) == 1
    assert world.calls(leases.maintain) == 0


def test_of_a_thousand_counters_only_those_with_leases_are_remembered(world: World) -> None:
    leases = world.environment()
    for number in range(499):
        served(leases, replace(NEED, name=f"{NAME}#{number}", strict=True), 1)
    served(leases, NEED, 10)
    assert leases.committed(f"{NAME}#0") == 0
    assert leases.committed(NAME) == 210
    assert world.calls(leases.maintain) == 0
    assert world.calls(lambda: reserved(leases, NEED)) == 0


def test_below_a_thousand_everything_is_remembered(world: World) -> None:
    leases = world.environment()
    for number in range(499):
        served(leases, replace(NEED, name=f"{NAME}#{number}", strict=True), 1)
    assert leases.committed(f"{NAME}#0") == 1
