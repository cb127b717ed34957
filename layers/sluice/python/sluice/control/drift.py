"""Compares what a counter says was spent with what the ledger says was spent from its holds, and sets it right.

Both move all the time, so the difference is known between two bounds. Read in this order: what usage has of the
counter's part; the counter with its open holds; what usage has of each of these; and, once the roll-up has passed that
moment, what it has of the part again. What requests spend meanwhile widens the bounds and never moves the difference
out of them; in a quiet moment they meet. It holds for any window and time zone, and for budgets that are younger than
their window: the ids of holds name the part of the counter (`governance.counter_names`).

A counter that says less than the ledger lets too much be spent: it is raised at once, by what is certain. One that says
more may wait for entries that the sweep has yet to put in: it is lowered by what was certain all the time for which
that can take. A correction is numbered, so it happens once however often it is sent, and adds to the sums, so it is
right whatever is spent in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sluice.governance.counter_names import counter_tag
from sluice.ports import CounterStore, Taken
from sluice.types.budgets import CounterKey, CounterState
from sluice.types.clock import Millis, NanoUSD


class HoldBook(Protocol):
    """What usage knows of holds."""

    def hold_spent(self, hold: str) -> NanoUSD:
        """Return what was spent from a hold."""

    def counter_spent(self, tag: str) -> NanoUSD:
        """Return what was spent from all holds of a part of a counter."""


class Doubt(NamedTuple):
    """A counter that said more than the ledger, by `least` at the least, ever `since` (epoch seconds)."""

    least: NanoUSD
    since: float


class Doubts(Protocol):
    """What earlier runs saw."""

    def get(self, key: CounterKey) -> Doubt | None:
        """Return what is remembered of a counter."""

    def put(self, key: CounterKey, doubt: Doubt) -> None:
        """Remember it."""

    def drop(self, key: CounterKey) -> None:
        """Forget it."""


class Drift(NamedTuple):
    """By how much a counter says too much (less than 0: too little) for certain, and by how much it was corrected."""

    key: CounterKey
    certain: NanoUSD
    corrected: NanoUSD = 0


@dataclass(frozen=True)
class _Look:
    key: CounterKey
    state: CounterState
    before: NanoUSD
    held: NanoUSD

    def bounds(self, after: NanoUSD) -> tuple[NanoUSD, NanoUSD]:
        """Return the bounds of the difference; `after` is what usage has of the part by now."""
        said = self.state.spent + self.held
        return said - after, said - self.before


@dataclass(frozen=True)
class Comparison:
    """Compares counters. `patience` is the seconds after which no entry is still to come.

    `settled(at)` waits until the roll-up has passed a moment and tells whether it has.
    """

    counters: CounterStore
    usage: HoldBook
    doubts: Doubts
    patience: float

    def run(
        self, keys: Iterable[CounterKey], *, now: Callable[[], float], settled: Callable[[Millis], bool]
    ) -> list[Drift]:
        """Compare these counters and correct them; return those that differ for certain."""
        looks = [look for look in map(self._look, keys) if look.bounds(look.before) != (0, 0)]
        if not looks:
            return []
        moment = now()
        passed = settled(int(moment * 1000))
        found = [self._judge(look, moment, passed=passed) for look in looks]
        return [drift for drift in found if drift.certain]

    def _look(self, key: CounterKey) -> _Look:
        before = self._counted(key)
        state = self.counters.read(key)
        return _Look(key, state, before, sum(self.usage.hold_spent(hold) for hold in state.holds))

    def _judge(self, look: _Look, moment: float, *, passed: bool) -> Drift:
        low, high = look.bounds(self._counted(look.key))
        if high < 0:
            # A transaction of the roll-up may have been read in part; nobody reads the same one twice.
            look = self._look(look.key)
            high = max(high, look.bounds(look.before)[1])
        if high < 0:
            self.doubts.drop(look.key)
            return Drift(look.key, high, self._correct(look, -high))
        if low <= 0:
            self.doubts.drop(look.key)
            return Drift(look.key, 0)
        if not passed:
            return Drift(look.key, 0)  # what is on its way may explain it
        known = self.doubts.get(look.key) or Doubt(low, moment)
        least = min(known.least, low)
        if moment - known.since < self.patience:
            self.doubts.put(look.key, Doubt(least, known.since))
            return Drift(look.key, low)
        self.doubts.drop(look.key)
        return Drift(look.key, low, self._correct(look, -least))

    def _counted(self, key: CounterKey) -> NanoUSD:
        return self.usage.counter_spent(counter_tag(key.name, key.part))

    def _correct(self, look: _Look, amount: NanoUSD) -> NanoUSD:
        outcome = self.counters.correct(look.key, amount, before=look.state.corrections)
        return amount if isinstance(outcome, Taken) else 0
