"""How a cap is split among regions and shards, and how unused parts of it move.

Every part of a counter is an item of its own, and a part belongs to one region: only that region writes it, because
replication between regions is last-writer-wins and a conditional write proves nothing about another region's item.

Money moves from part to part in two steps. The giver first commits it for good in its own item and notes there how much
it ever gave to whom; that sum only grows. The receiver counts on what it has seen given, which, however old its copy of
the giver's item is, is never more than what was given. So what all parts together may spend never exceeds the cap,
whatever the delay. The split by `shares` and `shards` stays the same while a window is open
(`sluice.governance.layouts`). The cap may change: where it was lowered below what a giver had given and spent, its
receivers may spend that much less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sluice.ports import CounterStore, Taken
from sluice.types.budgets import CounterKey, CounterState

HUNGRY = 10
"""A region asks for more when less than one part in this many of what it may spend is left."""
LEAST = 200
"""No less than one part in this many of the cap is moved: each move is a write that every region pays for."""


class Part(NamedTuple):
    """A part of a counter and its share of the cap."""

    key: CounterKey
    cap: int


class Split(NamedTuple):
    """How a cap is split: `shares` in parts of a thousand by region (empty: all `regions` alike), then by shards.

    A region has no more than by any of `also`.
    """

    cap: int
    regions: Sequence[str]
    shares: Mapping[str, int]
    shards: int = 1
    also: tuple[Mapping[str, int], ...] = ()

    def of_region(self, region: str) -> int:
        """Return what a region has of the cap; all regions together have no more than the cap."""
        if self.also:
            return min(self._by(shares, region) for shares in (self.shares, *self.also))
        return self._by(self.shares, region)

    def _by(self, shares: Mapping[str, int], region: str) -> int:
        if shares:
            return self.cap * shares.get(region, 0) // 1000
        ordered = sorted(self.regions)
        if region not in ordered:
            return 0
        return evenly(self.cap, len(ordered))[ordered.index(region)]

    def parts(self, name: str, region: str) -> list[Part]:
        """Return the parts of a counter in a region."""
        return [
            Part(CounterKey(name, part_name(region, shard)), cap)
            for shard, cap in enumerate(evenly(self.of_region(region), self.shards))
        ]


def part_name(region: str, shard: int) -> str:
    """Return the name of a part."""
    return f"{region}#{shard}"


def evenly(total: int, count: int) -> list[int]:
    """Split an amount into `count` parts that differ by one at most and sum to it."""
    part, rest = divmod(total, count)
    return [part + (number < rest) for number in range(count)]


def received(states: Mapping[str, CounterState], part: str, split: Split) -> int:
    """Return what the other parts gave to this one, as far as it is known here.

    What a giver has committed beyond what it may, because the cap was lowered since, does not count.
    """
    return sum(
        max(0, state.given[part] - _beyond(states, name, split))
        for name, state in states.items()
        if name != part and state.given.get(part)
    )


def _beyond(states: Mapping[str, CounterState], part: str, split: Split) -> int:
    """Return what a part has committed beyond its share and what it was given."""
    region = part.rpartition("#")[0]
    base = next((each.cap for each in split.parts("", region) if each.key.part == part), 0)
    got = sum(state.given.get(part, 0) for name, state in states.items() if name != part)
    return max(0, states[part].committed - base - got)


def rebalance(store: CounterStore, name: str, split: Split, region: str) -> int:
    """Give what this region does not need to regions that are running short; return how much was given.

    To be called in each region now and then (seconds to minutes). It reads all parts with one query.
    """
    states = store.parts(name)
    free = {each: _free(name, split, each, states) for each in split.regions}
    mine = free.get(region, 0)
    hungry = [each for each in sorted(split.regions) if each != region and _is_hungry(name, split, each, states)]
    moved = 0
    for other in hungry:
        # Half of the difference: both sides end up with the same, and a stale copy of the other side costs little.
        amount = (mine - moved - max(free[other], 0)) // 2
        if amount * LEAST >= split.cap:
            moved += _give(store, split, split.parts(name, region), (part_name(other, 0), amount), states)
    return moved


def _give(
    store: CounterStore,
    split: Split,
    parts: Sequence[Part],
    gift: tuple[str, int],
    states: Mapping[str, CounterState],
) -> int:
    receiver, amount = gift
    given = 0
    for key, base in parts:
        state = states.get(key.part, CounterState())
        cap = base + received(states, key.part, split)
        here = min(amount - given, cap - state.committed)
        if here <= 0:
            continue
        outcome = store.give(key, receiver, here, before=state.given.get(receiver, 0), cap=cap)
        if isinstance(outcome, Taken):
            given += here
    return given


def _free(name: str, split: Split, region: str, states: Mapping[str, CounterState]) -> int:
    return sum(
        base + received(states, key.part, split) - states.get(key.part, CounterState()).committed
        for key, base in split.parts(name, region)
    )


def _is_hungry(name: str, split: Split, region: str, states: Mapping[str, CounterState]) -> bool:
    parts = split.parts(name, region)
    gone = sum(states[key.part].given_away for key, _ in parts if key.part in states)
    entitled = sum(base + received(states, key.part, split) for key, base in parts) - gone
    used = entitled - _free(name, split, region, states)
    # A region that has used nothing has no callers, however little it may spend.
    return used > 0 and _free(name, split, region, states) * HUNGRY < max(entitled, 1)
