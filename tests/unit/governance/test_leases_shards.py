"""Leases of several shards to the unit: which one pays first, how much, and what happens when others are faster."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from sluice.governance.lease import Need, Reservation, Short
from sluice.governance.leases import Leases
from sluice.types.budgets import CounterKey, CounterState
from tests.counters import MemoryCounters

NAME = "budget#b#all#2026-11"
NEED = Need(NAME, 100, 100_000)


class Store(MemoryCounters):
    """Lets something happen after the first look at all shards."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], object] | None = None

    def read_all(self, keys: Iterable[CounterKey]) -> dict[CounterKey, CounterState]:
        found = super().read_all(keys)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return found


class World:
    def __init__(self) -> None:
        self.store = Store()
        self.time = 1_000_000.0

    def environment(self, name: str = "b", **options: object) -> Leases:
        given: dict[str, object] = {"region": "eu", "environment": name, "now": lambda: self.time}
        return Leases(self.store, **{**given, **options})  # type: ignore[arg-type]

    def state(self, shard: int = 0) -> CounterState:
        return self.store.items.get(CounterKey(NAME, f"eu#{shard}"), CounterState())


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


def amounts(reservation: Reservation) -> list[int]:
    return [amount for _, amount in reservation.holds]


def test_the_shard_with_the_largest_part_pays_first(world: World) -> None:
    reservation = reserved(world.environment(), replace(NEED, cap=401, amount=300, shards=2))
    assert amounts(reservation) == [201, 99]


def test_the_last_single_units_of_two_shards_pay_together(world: World) -> None:
    rival, leases = world.environment("a"), world.environment()
    need = replace(NEED, cap=202, shards=2)
    reserved(rival, need)
    reservation = reserved(leases, replace(need, amount=102))
    assert amounts(reservation) == [101, 1]
    leases.maintain()
    assert [world.state(shard).committed for shard in (0, 1)] == [101, 101]


@pytest.mark.parametrize(("left", "paid"), [(1, [150, 1, 149]), (0, [150, 150])])
def test_what_others_take_meanwhile_is_paid_by_the_next_shard(world: World, left: int, paid: list[int]) -> None:
    leases, rival = world.environment("c"), world.environment("a")
    need = replace(NEED, cap=450, shards=3)
    world.store.meanwhile = lambda: rival.reserve([replace(need, amount=150 - left)])
    assert amounts(reserved(leases, replace(need, amount=300))) == paid
    assert [len(world.state(shard).holds) for shard in range(3)] == [1, 1 + left, 1]


@pytest.mark.parametrize("amount", [300, 201])
def test_a_request_that_others_were_faster_than_leaves_nothing_reserved(world: World, amount: int) -> None:
    leases, rival = world.environment(), world.environment("a")
    need = replace(NEED, cap=400, shards=2)
    world.store.meanwhile = lambda: rival.reserve([replace(need, amount=200)])
    wanted = replace(need, amount=amount)
    assert short(leases, wanted) == Short(wanted, 200, 400, 400)
    leases.shutdown()
    assert [world.state(shard).committed for shard in (0, 1)] == [0, 200]


@pytest.mark.parametrize(("room", "amount", "paid"), [(50, 300, [200, 50, 50]), (0, 250, [200, 50])])
def test_a_shard_pays_what_its_lease_has_when_the_rest_is_gone(
    world: World, room: int, amount: int, paid: list[int]
) -> None:
    leases, need = world.environment("d"), replace(NEED, cap=800, shards=4)
    leases.settle(reserved(leases, replace(need, amount=250)), 0)
    reserved(leases, replace(need, amount=200))
    if not room:
        reserved(leases, replace(need, amount=50))
    reserved(world.environment("c"), replace(need, amount=140))
    world.store.meanwhile = lambda: world.environment("a").reserve([replace(need, amount=150)])
    assert amounts(reserved(leases, replace(need, amount=amount))) == paid


def test_leases_in_memory_are_used_from_the_own_shard_on(world: World) -> None:
    leases = world.environment("a")
    need = replace(NEED, cap=600, shards=3)
    leases.settle(reserved(leases, replace(need, amount=600)), 0)
    shards = []
    for _ in range(3):
        ((hold, _),) = reserved(leases, replace(need, amount=200)).holds
        shards.append(next(shard for shard in range(3) if hold in world.state(shard).holds))
    assert shards == [1, 2, 0]


@pytest.mark.parametrize(("name", "shards", "home"), [("a", 2, 1), ("b", 2, 0), ("a", 3, 1), ("b", 3, 2), ("c", 3, 0)])
def test_an_environment_begins_with_a_shard_of_its_own(world: World, name: str, shards: int, home: int) -> None:
    reserved(world.environment(name), replace(NEED, shards=shards))
    assert list(world.store.items) == [CounterKey(NAME, f"eu#{home}")]
