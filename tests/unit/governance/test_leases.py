"""Leases: what is reserved, refused, charged, returned, and how many calls that takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sluice.errors import InternalError
from sluice.governance.lapse import GRACE_SECONDS, lapse
from sluice.governance.lease import Need, Reservation, Short, owed
from sluice.governance.leases import IDLE_SECONDS, LEASE_SECONDS, LONGEST_REQUEST, Leases
from sluice.types.budgets import CounterKey, CounterState
from tests.counters import MemoryCounters

REGION = "eu-central-1"
NAME = "budget#b#search#2026-11"
KEY = CounterKey(NAME, f"{REGION}#0")
OTHER = CounterKey("budget#o#all#2026-11", f"{REGION}#0")
NEED = Need(NAME, 100, 100_000)


class World:
    """One counter store and a clock; environments are made on demand."""

    def __init__(self) -> None:
        self.store = MemoryCounters()
        self.time = 1_000_000.0
        self.made = 0

    def environment(self, **options: object) -> Leases:
        self.made += 1
        settings: dict[str, object] = {"region": REGION, "environment": f"e{self.made}", "now": lambda: self.time}
        return Leases(self.store, **{**settings, **options})  # type: ignore[arg-type]

    def state(self, key: CounterKey = KEY) -> CounterState:
        return self.store.items.get(key, CounterState())


@pytest.fixture
def world() -> World:
    return World()


def reserved(leases: Leases, *needs: Need) -> Reservation:
    found = leases.reserve(needs)
    assert isinstance(found, Reservation), found
    return found


def served(leases: Leases, need: Need, cost: int) -> None:
    leases.settle(reserved(leases, need), cost)
    leases.maintain()


def test_the_worst_case_is_committed_before_the_request_and_the_real_cost_after(world: World) -> None:
    leases = world.environment()
    reservation = reserved(leases, NEED)
    assert world.state().committed == 100
    leases.settle(reservation, 30)
    leases.shutdown()
    assert (world.state().committed, world.state().spent, world.state().holds) == (30, 30, {})


def test_a_request_at_steady_state_makes_no_call_before_its_answer(world: World) -> None:
    leases = world.environment()
    served(leases, NEED, 10)
    during = after = 0
    for _ in range(200):
        world.time += 0.5
        before = world.store.calls
        reservation = reserved(leases, NEED)
        during += world.store.calls - before
        leases.settle(reservation, 10)
        before = world.store.calls
        leases.maintain()
        after += world.store.calls - before
    assert during == 0
    assert after <= 30


def test_two_environments_cannot_both_have_the_last_cent(world: World) -> None:
    need = replace(NEED, cap=150)
    first, second = world.environment(), world.environment()
    reservation = reserved(first, need)
    short = second.reserve([need])
    assert short == Short(need, available=50, committed=100, cap=150)
    first.settle(reservation, 40)
    first.maintain()
    assert isinstance(second.reserve([need]), Reservation)


def test_the_last_unit_of_a_cap_can_be_spent(world: World) -> None:
    leases = world.environment()
    leases.settle(reserved(leases, replace(NEED, amount=100_000)), 100_000)
    leases.shutdown()
    assert world.state().spent == 100_000
    assert isinstance(leases.reserve([replace(NEED, amount=1)]), Short)


def test_all_budgets_are_reserved_from_or_none(world: World) -> None:
    leases = world.environment()
    small = Need(OTHER.name, 100, 99)
    short = leases.reserve([NEED, small])
    assert isinstance(short, Short)
    assert short.need is small
    assert short.available == 99
    leases.shutdown()
    assert world.state().committed == 0


def test_every_budget_is_charged_and_the_holds_that_paid_are_told(world: World) -> None:
    leases = world.environment()
    reservation = reserved(leases, NEED, replace(NEED, name=OTHER.name))
    paid = leases.settle(reservation, 70)
    assert [amount for _, amount in paid] == [70, 70]
    assert [hold for hold, _ in paid] == [*world.state(KEY).holds, *world.state(OTHER).holds]
    assert leases.settle(reservation, 70) == ()


def test_a_request_that_costs_nothing_has_a_hold_and_what_it_costs_all_the_same_is_charged(world: World) -> None:
    leases = world.environment()
    reservation = reserved(leases, replace(NEED, amount=0))
    ((hold, amount),) = reservation.holds
    assert (amount, leases.settle(reservation, 7)) == (0, ((hold, 7),))
    leases.shutdown()
    assert world.state().spent == 7


def test_what_costs_more_than_its_worst_case_is_charged_in_full(world: World) -> None:
    leases = world.environment()
    leases.settle(reserved(leases, NEED), 130)
    leases.shutdown()
    assert world.state().spent == world.state().committed == 130


def test_a_strict_budget_holds_exactly_the_worst_case_of_each_request(world: World) -> None:
    leases = world.environment()
    need = replace(NEED, strict=True)
    for _ in range(3):
        reservation = reserved(leases, need)
        (hold,) = world.state().holds.values()
        assert (hold.amount, hold.slack, hold.kind) == (100, 0, "request")
        leases.settle(reservation, 10)
        leases.maintain()
        assert world.state().holds == {}
    assert world.state().committed == 30


def test_near_the_cap_nothing_is_held_that_no_request_needs(world: World) -> None:
    leases = world.environment()
    served(leases, NEED, 10)
    assert world.state().slack > 0
    leases.settle(reserved(leases, replace(NEED, amount=90_000)), 90_000)
    leases.maintain()
    assert world.state().slack == 0
    assert world.state().committed == 90_010


def test_the_slack_of_all_environments_stays_under_one_fortieth_of_the_cap(world: World) -> None:
    environments = [world.environment() for _ in range(60)]
    for _ in range(3):
        for leases in environments:
            served(leases, NEED, 5)
            assert world.state().slack <= 2_500
    idle = world.state().committed - 60 * 3 * 5
    assert 0 < idle <= 2_500


def test_an_environment_holds_more_when_it_spends_faster(world: World) -> None:
    slow, fast = world.environment(), world.environment()
    for _ in range(60):
        world.time += 1
        served(fast, replace(NEED, cap=10_000_000), 90)
    served(slow, replace(NEED, cap=10_000_000), 90)
    assert sum(fast.held().values()) > 2 * sum(slow.held().values())


def test_an_idle_lease_is_returned_by_the_next_run(world: World) -> None:
    leases = world.environment()
    served(leases, NEED, 10)
    world.time += IDLE_SECONDS + 1
    leases.maintain()
    assert (world.state().committed, world.state().holds) == (10, {})


def test_a_lease_of_a_window_that_is_over_is_returned_and_no_longer_spent_from(world: World) -> None:
    leases = world.environment()
    need = replace(NEED, ends=int(world.time) + 10)
    served(leases, need, 10)
    world.time += 10
    assert isinstance(leases.reserve([need]), Short)
    leases.maintain()
    assert (world.state().committed, world.state().holds) == (10, {})


def test_a_request_that_could_outlive_its_lease_gets_a_new_one(world: World) -> None:
    leases = world.environment()
    served(leases, NEED, 10)
    first = set(world.state().holds)
    world.time += LEASE_SECONDS - LONGEST_REQUEST
    reserved(leases, NEED)
    assert set(world.state().holds) > first
    leases.maintain()
    assert not first & set(world.state().holds)


def test_a_grow_with_a_lost_answer_is_not_spent_from_before_it_is_confirmed(world: World) -> None:
    leases = world.environment()
    need = replace(NEED, strict=True)
    reserved(leases, need)
    world.store.after = lost("grow")
    with pytest.raises(InternalError):
        leases.reserve([need])
    assert world.state().committed == 200
    assert leases.held() == {KEY: 0}
    world.store.after = lambda name: None
    reserved(leases, need)
    assert world.state().committed == 200


def test_a_shrink_with_a_lost_answer_counts_as_done(world: World) -> None:
    leases = world.environment()
    first, second = reserved(leases, NEED), reserved(leases, replace(NEED, strict=True))
    leases.settle(first, 10)
    world.store.after = lost("grow")
    assert leases.maintain() == 1
    assert leases.held() == {KEY: 0}
    world.store.after = lambda name: None
    assert leases.maintain() == 0
    leases.settle(second, 10)
    leases.shutdown()
    assert world.state().committed == world.state().spent == 20


def test_a_take_with_a_lost_answer_is_given_back(world: World) -> None:
    leases = world.environment()
    world.store.after = lost("take")
    with pytest.raises(InternalError):
        leases.reserve([NEED])
    assert world.state().committed == 100
    world.store.after = lambda name: None
    leases.maintain()
    assert (world.state().committed, world.state().holds) == (0, {})


def test_a_lapsed_hold_is_returned_with_what_was_really_spent(world: World) -> None:
    dead = world.environment()
    reservation = reserved(dead, NEED)
    ((hold, _),) = reservation.holds
    world.time += LEASE_SECONDS + GRACE_SECONDS - 1
    assert lapse(world.store, KEY, {hold: 60}.__getitem__, world.time) == ()
    world.time += 2
    assert lapse(world.store, KEY, {hold: 60}.__getitem__, world.time)
    assert lapse(world.store, KEY, {hold: 60}.__getitem__, world.time) == ()
    assert (world.state().committed, world.state().spent, world.state().holds) == (60, 60, {})


def test_an_environment_whose_lease_lapsed_while_it_was_frozen_takes_another(world: World) -> None:
    leases = world.environment()
    served(leases, NEED, 10)
    world.time += LEASE_SECONDS + GRACE_SECONDS + 1
    lapse(world.store, KEY, lambda hold: 10, world.time)
    reserved(leases, NEED)
    leases.maintain()
    assert world.state().committed == 10 + sum(hold.amount for hold in world.state().holds.values())
    assert world.state().spent == 10


def test_a_lease_that_somebody_closed_is_given_up_and_another_is_taken(world: World) -> None:
    leases = world.environment()
    leases.settle(reserved(leases, NEED), 10)
    (hold,) = world.state().holds.values()
    world.store.close(KEY, hold, 10)
    reservation = reserved(leases, replace(NEED, amount=500))
    assert [amount for _, amount in reservation.holds] == [500]
    assert world.state().committed == 10 + sum(hold.amount for hold in world.state().holds.values())
    leases.settle(reservation, 20)
    leases.shutdown()
    assert world.state().committed == world.state().spent == 30


def test_an_environment_asks_for_no_more_slack_than_half_of_what_is_left(world: World) -> None:
    leases = world.environment()
    need = replace(NEED, amount=1_000, cap=120_000)
    served(leases, need, 10)
    assert sum(leases.held().values()) == world.state().slack == 1_500


def test_old_fences_are_forgotten_by_and_by(world: World) -> None:
    leases = world.environment()
    served(leases, replace(NEED, strict=True), 10)
    assert world.state().fences
    lapse(world.store, KEY, lambda hold: 0, world.time)
    assert world.state().fences
    world.time += 7_200
    lapse(world.store, KEY, lambda hold: 0, world.time)
    assert not world.state().fences


def test_shards_share_one_cap_and_the_last_money_is_found_in_all_of_them(world: World) -> None:
    need = replace(NEED, cap=400, amount=90, shards=4)
    environments = [world.environment() for _ in range(4)]
    for leases in environments:
        leases.settle(reserved(leases, need), 90)
        leases.shutdown()
    parts = world.store.parts(NAME)
    assert len(parts) == 4
    assert sum(state.committed for state in parts.values()) == 360
    last = environments[0].reserve([replace(need, amount=40)])
    assert isinstance(last, Reservation)
    assert len(last.holds) == 4
    environments[0].settle(last, 15)
    environments[0].shutdown()
    assert sum(state.spent for state in world.store.parts(NAME).values()) == 375
    assert isinstance(environments[1].reserve([replace(need, amount=26)]), Short)


def test_a_request_that_all_shards_together_cannot_pay_takes_nothing_from_any(world: World) -> None:
    need = replace(NEED, cap=400, amount=90, shards=4)
    for _ in range(4):
        leases = world.environment()
        leases.settle(reserved(leases, need), 90)
        leases.shutdown()
    poor = world.environment()
    before = world.store.calls
    short = poor.reserve([replace(need, amount=41)])
    assert isinstance(short, Short)
    assert short.available == 40
    assert world.store.calls - before == 2, "one refused write and one look at all shards"
    assert sum(state.committed for state in world.store.parts(NAME).values()) == 360


def test_money_spent_in_earlier_sub_windows_is_not_there_in_this_one(world: World) -> None:
    leases, late = world.environment(), world.environment()
    earlier = replace(NEED, name="budget#b#search#r60-0", cap=1_000)
    leases.settle(reserved(leases, replace(earlier, amount=700)), 700)
    now = replace(NEED, name="budget#b#search#r60-60", cap=1_000, before=(earlier.name,))
    assert isinstance(leases.reserve([replace(now, amount=301)]), Short)
    assert isinstance(leases.reserve([replace(now, amount=300)]), Reservation)
    assert isinstance(late.reserve([replace(earlier, amount=1)]), Short), "an earlier sub-window is sealed"


def test_money_that_an_earlier_sub_window_returns_can_be_spent(world: World) -> None:
    leases = world.environment()
    earlier = replace(NEED, name="budget#b#search#r60-0", cap=1_000, amount=700)
    held = reserved(leases, earlier)
    now = replace(NEED, name="budget#b#search#r60-60", cap=1_000, before=(earlier.name,), amount=500)
    assert isinstance(leases.reserve([now]), Short)
    leases.settle(held, 100)
    leases.maintain()
    world.time += 10
    assert isinstance(leases.reserve([now]), Reservation)


def lost(call: str):  # type: ignore[no-untyped-def]
    def fail(name: str) -> None:
        if name == call:
            raise InternalError("the answer was lost")

    return fail


def test_every_hold_owes_its_own_part_of_a_cost_and_a_budget_owes_it_once(world: World) -> None:
    leases = world.environment()
    spread = replace(NEED, name=OTHER.name, shards=3, amount=250, cap=300)
    reservation = reserved(leases, replace(NEED, amount=250), spread)
    assert [len(pieces) for pieces in reservation.pieces] == [1, 3]
    owing = dict(owed(reservation, 180))
    by_counter = [sum(owing.get(piece.lease.hold.id, 0) for piece in pieces) for pieces in reservation.pieces]
    assert by_counter == [180, 180]
    assert all(owing.get(piece.lease.hold.id, 0) <= piece.amount for pieces in reservation.pieces for piece in pieces)
    assert leases.settle(reservation, 180) == tuple(owing.items())
    assert tuple(owed(reservation, 0)) == ()
