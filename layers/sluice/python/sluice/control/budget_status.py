"""How budgets stand: what each of their counters has spent, has set aside, has left, and will have spent.

`used` is what is spent and what requests under way may cost at worst; it leaves out the slack that environments keep in
advance. It is what alerts look at, since it is when `used` meets the cap that requests are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sluice.control.budget_schema import dollars
from sluice.control.forecasts import Forecast, Sample, forecast
from sluice.governance.counter_names import ORGANISATION, budget_counter, counted, escaped
from sluice.governance.windows import Current, window_at
from sluice.types.budgets import Budget, Scope
from sluice.types.clock import NanoUSD
from sluice.types.routes import Configuration

SHOWN = 1000
"""Counters of one budget that its status lists: those that used most."""


class Totals(NamedTuple):
    """A counter over all its regions and shards; `committed` includes `spent` and what open holds set aside."""

    committed: NanoUSD = 0
    spent: NanoUSD = 0
    slack: NanoUSD = 0

    @property
    def used(self) -> NanoUSD:
        """What is spent and what requests under way may cost."""
        return self.committed - self.slack


class CounterReader(Protocol):
    """Counters, to look at."""

    def totals(self, name: str) -> Totals:
        """Return a counter's sums over all its parts."""

    def listed(self, budget_id: str, window: str) -> Iterable[str]:
        """Return the values, as they stand in names, that have a counter in a window."""


class Samples(Protocol):
    """What counters had used at earlier moments."""

    def samples(self, counter: str) -> Sequence[Sample]:
        """Return a counter's samples, oldest first."""


Known = Callable[[str], Iterable[str]]
"""Scope kind -> values that exist whether they have counters or not."""


class Counters(NamedTuple):
    """What the status of budgets is read from."""

    reader: CounterReader
    samples: Samples
    known: Known


@dataclass(frozen=True)
class CounterStatus:
    """One counter of a budget now."""

    budget: Budget
    name: str
    window: Current
    totals: Totals
    forecast: Forecast

    @property
    def value(self) -> str:
        """What is counted."""
        return counted(self.name).value

    @property
    def remaining(self) -> NanoUSD:
        """What requests may still set aside, a hard budget's grace included."""
        return max(self.budget.amount + self.budget.grace - self.totals.committed, 0)


def counter_names(budget: Budget, window: Current, counters: CounterReader, known: Known) -> Iterator[str]:
    """Yield the names of a budget's counters in a window, each once."""
    if budget.scope.value != "*" or budget.scope.kind == "organisation":
        yield budget_counter(budget.id, value_of(budget.scope), window.id)
        return
    rows = {*counters.listed(budget.id, window.id), *map(escaped, known(budget.scope.kind))}
    for window_before in window.before:
        rows |= set(counters.listed(budget.id, window_before))
    for row in sorted(rows):
        yield f"budget#{budget.id}#{row}#{window.id}"


def value_of(scope: Scope) -> str:
    """Return the value under which a scope with one value is counted."""
    if scope.kind == "organisation":
        return ORGANISATION
    return f"{scope.name}={scope.value}" if scope.kind == "tag" else scope.value


def totals_of(name: str, window: Current, counters: CounterReader) -> Totals:
    """Return what a counter has in its window; of a rolling one, with the sub-windows before that count with it."""
    rest = name.removesuffix(window.id)
    parts = [counters.totals(name), *(counters.totals(rest + before) for before in window.before)]
    return Totals(*map(sum, zip(*parts, strict=True)))


def status(
    budget: Budget,
    configuration: Configuration,
    counters: Counters,
    *,
    now: int,
) -> list[CounterStatus]:
    """Return how each counter of a budget stands, the most used first; `now` in epoch seconds."""
    window = window_at(budget.window, now)

    def values(kind: str) -> Iterable[str]:
        return configuration.routes if kind == "route" else counters.known(kind)

    found = []
    for name in counter_names(budget, window, counters.reader, values):
        totals = totals_of(name, window, counters.reader)
        history = () if window.before else counters.samples.samples(name)
        found.append(CounterStatus(budget, name, window, totals, foreseen(totals, window, now, history)))
    return sorted(found, key=lambda each: (-each.totals.used, each.name))


def foreseen(totals: Totals, window: Current, now: int, samples: Sequence[Sample]) -> Forecast:
    """Return the forecast of a counter; a rolling window never ends, so it has none."""
    if window.before:
        return Forecast()
    return forecast(Sample(now, totals.used), window.start, window.end, samples)


def status_card(found: CounterStatus) -> dict[str, object]:
    """Return a counter as the API shows it; money in nano-USD, and in US dollars as text."""
    money: dict[str, NanoUSD | None] = {
        "amount": found.budget.amount,
        "spent": found.totals.spent,
        "committed": found.totals.committed,
        "used": found.totals.used,
        "remaining": found.remaining,
        "forecast_linear": found.forecast.linear,
        "forecast_recent": found.forecast.recent,
    }
    shown = {f"{name}_usd": None if amount is None else dollars(amount) for name, amount in money.items()}
    return {
        "value": found.value,
        "counter": found.name,
        "window": {"id": found.window.id, "start": found.window.start, "end": found.window.end},
        "used_percent": None if not found.budget.amount else found.totals.used * 100 // found.budget.amount,
        **money,
        **shown,
    }
