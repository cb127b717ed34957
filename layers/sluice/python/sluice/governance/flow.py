"""The shape of one token bucket, and the tokens that an environment has drawn from buckets and not yet spent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sluice.types.budgets import Rate

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
AGE = 2 * SECOND
"""The longest time that drawn tokens may wait in memory, in nanoseconds."""
FLATTEST = 20
"""Drawing ahead costs at most one part in this many of the burst."""
SHORTEST = SECOND // 4
"""Tokens that must be dropped sooner than that are not worth drawing ahead."""


class Flow(NamedTuple):
    """One bucket: the nanoseconds in which a unit flows in, and how many nanoseconds of flow it holds."""

    per_unit: int
    depth: int

    @property
    def most(self) -> int:
        """The most units that can be drawn at once."""
        return self.depth // self.per_unit

    def left(self, level: int, now: int) -> int:
        """Return the units that can be drawn, by the moment `level` at which the bucket will be full."""
        return max(0, now + self.depth - max(level, now)) // self.per_unit


def flow_of(rate: Rate, part: int, whole: int) -> Flow:
    """Return the bucket that has `part` of `whole` of a rate; rounded so that it never lets through more."""
    if part <= 0 or rate.per_minute <= 0:
        return Flow(MINUTE, 0)
    per_unit = -(-MINUTE * whole // (rate.per_minute * part))
    return Flow(per_unit, rate.capacity * part // whole * per_unit)


def age_of(flows: Mapping[str, Flow]) -> int:
    """Return how long tokens of these buckets may wait in memory; 0 when one of them is too flat for that."""
    longest = min((min(AGE, flow.depth // FLATTEST) for flow in flows.values()), default=0)
    return longest if longest >= SHORTEST else 0


class Ahead:
    """What was drawn and not yet spent, in batches that are dropped at a certain age."""

    __slots__ = ("_batches",)

    def __init__(self) -> None:
        self._batches: list[tuple[int, dict[str, int]]] = []

    def add(self, at: int, units: Mapping[str, int]) -> None:
        """Put in what was drawn at the moment `at`."""
        for moment, batch in self._batches:
            if moment == at:  # what a request did not use goes back to where it came from
                for kind, count in units.items():
                    batch[kind] = batch.get(kind, 0) + count
                return
        self._batches.append((at, dict(units)))
        self._batches.sort(key=_moment)

    def drop(self, now: int, age: int) -> None:
        """Drop what is too old."""
        # A clock that was set back must not make old tokens young.
        self._batches = [batch for batch in self._batches if 0 <= now - batch[0] < age and any(batch[1].values())]

    def fresh(self, now: int, age: int) -> dict[str, int]:
        """Return what is not too old at the moment `now`."""
        left: dict[str, int] = {}
        for at, units in self._batches:
            if now - at < age:
                for kind, count in units.items():
                    left[kind] = left.get(kind, 0) + count
        return left

    def spend(self, units: Mapping[str, int]) -> int | None:
        """Take out as much of these as there is, the oldest first; return when the oldest of it was drawn."""
        oldest = None
        for kind, wanted in units.items():
            missing = wanted
            for at, batch in self._batches:
                taken = min(missing, batch.get(kind, 0))
                if taken:
                    batch[kind] -= taken
                    missing -= taken
                    oldest = at if oldest is None else min(oldest, at)
        return oldest


def _moment(batch: tuple[int, dict[str, int]]) -> int:
    return batch[0]
