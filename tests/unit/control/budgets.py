"""Budgets, counters and notes in memory, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sluice.control.alerts import CLAIM_SECONDS, Record
from sluice.control.budget_status import Counters, Totals
from sluice.control.forecasts import Sample
from sluice.types.budgets import Budget, Scope, Window
from sluice.types.routes import Configuration

USD = 1_000_000_000
NOW = 1_794_700_800  # 2026-11-15 00:00:00 UTC: 14 of 30 days of the month are over


def budget(name: str = "search", **changes: object) -> Budget:
    """Return a budget of $100 a month for one team, but for `changes`."""
    members: dict[str, object] = {"scope": Scope("team", "search"), "amount": 100 * USD, "window": Window("month")}
    return Budget(name, **{**members, **changes})  # type: ignore[arg-type]


def configuration(*budgets: Budget) -> Configuration:
    return Configuration("v", budgets={each.id: each for each in budgets})


class Books:
    """Counters (`CounterReader`), notes (`AlertStore`, `Samples`)."""

    def __init__(self) -> None:
        self.counters: dict[str, Totals] = {}
        self.noted: dict[str, list[Sample]] = {}
        self.marks: dict[tuple[str, str], tuple[int, bool]] = {}

    def counters_of(self, **known: Iterable[str]) -> Counters:
        return Counters(self, self, lambda kind: known.get(kind, ()))

    def totals(self, name: str) -> Totals:
        return self.counters.get(name, Totals())

    def listed(self, budget_id: str, window: str) -> Iterable[str]:
        for name in self.counters:
            _, owner, value, which = name.split("#")
            if (owner, which) == (budget_id, window):
                yield value

    def samples(self, counter: str) -> Sequence[Sample]:
        return self.noted.get(counter, [])

    def record(self, counter: str) -> Record:
        told = frozenset(mark for (name, mark), (_, sent) in self.marks.items() if name == counter and sent)
        return Record(tuple(self.samples(counter)), told)

    def note(self, counter: str, samples: Sequence[Sample], keep_until: int) -> None:
        self.noted[counter] = list(samples)

    def claim(self, counter: str, mark: str, now: int, keep_until: int) -> bool:
        at, sent = self.marks.get((counter, mark), (0, False))
        if sent or at > now - CLAIM_SECONDS:
            return False
        self.marks[counter, mark] = (now, False)
        return True

    def confirm(self, counter: str, mark: str) -> None:
        self.marks[counter, mark] = (self.marks[counter, mark][0], True)
