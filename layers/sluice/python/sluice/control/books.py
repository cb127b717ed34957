"""Compares the three books, ledger, usage and counters, and brings them together again; the ledger is always right.

* A hold that lapsed is closed with what the roll-up says was spent from it, once everything that the ledger held at its
  end (and a grace time later, when the sweep has put in what was missing) is rolled up. What had been set aside for a
  batch or a background answer that nobody ever charged is told: its provider was paid, and nobody knows how much.
* A day's usage is compared with the sum of its entries. The cells are read first, then the ledger; then fences are put
  into the ledger's stream, and a cell is corrected only after the roll-up has met them and its journals are in the
  cells, and only if it still is as it was read. So nothing that is still on its way through the stream can count twice.
* What counters say was spent is compared with what the ledger says was spent from their holds (`control.drift`).

Every step may be repeated, run beside itself, and be killed at any point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import NamedTuple, Protocol

from sluice.governance.counter_names import ORGANISATION, escaped, listed_places, listing_partition, places_counter
from sluice.governance.lapse import GRACE_SECONDS, is_standing, lapse
from sluice.governance.windows import window_at
from sluice.metering.request_ids import SHARDS
from sluice.metering.rollup import ALL, Cell, Cells, Columns, add, entry_cells, without_zeros
from sluice.ports import CounterStore
from sluice.types.budgets import Budget, CounterKey, Limit, Scope
from sluice.types.clock import Millis, NanoUSD
from sluice.types.ledger import LedgerEntry

_HOLDS = "usage#hold#"


class UsageBook(Protocol):
    """The usage of one region."""

    def cells(self, partition: str, prefix: str = "") -> Iterator[tuple[Cell, dict[str, int]]]:
        """Yield the cells of a partition."""

    def read(self, cells: Iterable[Cell]) -> Mapping[Cell, Columns]:
        """Return those cells that exist."""

    def replace(self, cell: Cell, seen: Columns, columns: Columns) -> bool:
        """Set a cell if it still is as it was seen."""

    def hold_spent(self, hold: str) -> NanoUSD:
        """Return what was spent from a hold."""

    def put_fences(self, at_ms: Millis) -> None:
        """Put marks into the ledger's stream."""

    def counter_spent(self, tag: str) -> NanoUSD:
        """Return what was spent from all holds of a part of a counter."""

    def passed(self) -> Millis:
        """Return up to when the ledger is rolled up."""

    def merge_all(self, now_ms: Millis) -> None:
        """Add all that is rolled up to the cells themselves."""


class LedgerBook(Protocol):
    """The ledger of one region."""

    def partition(self, partition: str, after: str = "") -> Iterator[LedgerEntry]:
        """Yield the entries of a partition, later versions behind the first."""


@dataclass(frozen=True)
class Repair:
    """What a comparison of one day came to. `off` is the money by which the organisation's usage was wrong."""

    cells: int
    wrong: int
    corrected: int
    off: NanoUSD


class Returned(NamedTuple):
    """How many holds were returned, and what was set aside for work that was never charged (nano-USD)."""

    holds: int
    uncharged: NanoUSD


def close_lapsed(
    counters: CounterStore, keys: Iterable[CounterKey], usage: UsageBook, *, now: float, grace: int
) -> Returned:
    """Close lapsed holds of these counters with what was really spent. Times are in seconds.

    A hold has lapsed when the roll-up has passed its end by `grace`.
    """
    reached = min(usage.passed() / 1000 - grace, now)
    if reached <= 0:
        return Returned(0, 0)
    closed = [each for key in keys for each in lapse(counters, key, usage.hold_spent, reached + GRACE_SECONDS)]
    uncharged = sum(hold.amount for hold, spent in closed if is_standing(hold) and not spent)
    return Returned(len(closed), uncharged)


def counter_names(
    budgets: Iterable[Budget], listed: Callable[[str], Iterable[str]], now: float
) -> Iterator[tuple[Budget, str]]:
    """Yield the counters of budgets in their windows of now and before that.

    `listed` returns the values that a listing partition (`governance.counter_names`) names.
    """
    for budget in budgets:
        current = window_at(budget.window, now)
        earlier = current.before or (window_at(budget.window, current.start - 1).id,)
        for window in (current.id, *earlier):
            partition = listing_partition(budget.id, window)
            for value in _counted_values(budget.scope, partial(listed, partition)):
                yield budget, f"budget#{budget.id}#{value}#{window}"


def place_names(limits: Iterable[Limit], listed: Callable[[str], Iterable[str]]) -> Iterator[str]:
    """Yield the counters of limits on requests at the same time; `listed` as in `counter_names`."""
    for limit in limits:
        if limit.concurrent is None:
            continue
        for value in _counted_values(limit.scope, partial(listed, listed_places(limit.id))):
            yield places_counter(f"limit#{limit.id}#{value}")


def close_places(counters: CounterStore, keys: Iterable[CounterKey], now: float) -> int:
    """Return the places of requests that must be over, in epoch seconds; return how many."""
    return sum(len(lapse(counters, key, lambda _: 0, now)) for key in keys)


def repair_day(
    day: str,
    teams: Iterable[str],
    ledger: LedgerBook,
    usage: UsageBook,
    *,
    region: str,
    now_ms: Callable[[], Millis],
    settled: Callable[[Millis], bool],
) -> Repair:
    """Compare the usage of a UTC day with its entries and correct it.

    `settled(at)` waits until the roll-up has passed that moment; False: it has not, so the next run must try again.
    """
    names = tuple(teams)
    seen: Cells = {}
    for scope in ("organisation#", *(f"team#{team}" for team in names)):
        found = usage.cells(f"usage#{scope}#{day}")
        seen.update((cell, columns) for cell, columns in found if cell[1].split("#", 3)[2] == region)
    expected: Cells = {}
    for team in names:
        for shard in range(SHARDS):
            add(expected, partition_cells(ledger.partition(f"{team}#{day}#{shard}"), region))
    read_at = now_ms()
    expected = without_zeros(expected)
    holds = [cell for cell in expected if cell[0].startswith(_HOLDS)]
    seen.update({cell: dict(columns) for cell, columns in usage.read(holds).items()})
    seen = without_zeros(seen)
    wrong = [cell for cell in {**seen, **expected} if seen.get(cell) != expected.get(cell)]
    whole = (f"usage#organisation##{day}", f"{ALL}#d#{region}#")
    off = seen.get(whole, {}).get("cost", 0) - expected.get(whole, {}).get("cost", 0)
    if not wrong:
        return Repair(len(expected), 0, 0, off)
    usage.put_fences(read_at)
    if not settled(read_at):
        return Repair(len(expected), len(wrong), 0, off)
    # What is only written down to be added would count a second time in a cell that is corrected before.
    usage.merge_all(now_ms())
    corrected = sum(usage.replace(cell, seen.get(cell, {}), expected.get(cell, {})) for cell in wrong)
    return Repair(len(expected), len(wrong), corrected, off)


def partition_cells(entries: Iterable[LedgerEntry], region: str) -> Cells:
    """Return the cells of a ledger partition: of each request its latest version, with the holds of its first."""
    cells: Cells = {}
    for _, versions in groupby(entries, key=lambda entry: entry.request_id):
        first, *later = sorted(versions, key=lambda entry: entry.version)
        add(cells, entry_cells(first, region))
        if later:
            add(cells, _usage_only(entry_cells(first, region)), -1)
            add(cells, _usage_only(entry_cells(later[-1], region)))
    return cells


def _usage_only(cells: Cells) -> Cells:
    return {cell: columns for cell, columns in cells.items() if not cell[0].startswith(_HOLDS)}


def _counted_values(scope: Scope, listed: Callable[[], Iterable[str]]) -> Iterable[str]:
    """Return the values of a scope that have counters, as they stand in names."""
    if scope.kind == "organisation":
        return (ORGANISATION,)
    if scope.value == "*":
        return listed()
    return (escaped(f"{scope.name}={scope.value}" if scope.kind == "tag" else scope.value),)
