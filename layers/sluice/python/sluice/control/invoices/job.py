"""The nightly run: every provider's days that are final by now and were not compared as such before.

Each day is compared and written on its own, its summary last, so a run that ends early is taken up by the next one,
and a day that is run again says the same. A vendor that fails is left for this run, the others are not; the failure is
written where the comparison would stand, so that nobody takes silence for agreement.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal, Protocol

from sluice.control.invoices.matching import Comparison, compare
from sluice.control.invoices.names import Key
from sluice.control.invoices.statements import LedgerSums, Statement, VendorFailed, bounds, day_of
from sluice.types.clock import Millis

LOOK_BACK_DAYS = 10
"""Days that a run looks back: a vendor may be out for a week before one of its days is missed."""
SPARE_MS = 90_000
"""What must be left of a function's time to begin another day."""

State = Literal["final", "provisional", "failed"]


class Vendor(Protocol):
    """One vendor's billing API. `lag_hours` is how long after a day's end its figures are taken as final."""

    provider: str
    lag_hours: int

    def statement(self, day: date) -> Statement:
        """Return the day's figures. Raises VendorFailed."""

    def key(self, name: str) -> Key:
        """Return what a model's name means here."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one provider's day: a comparison, or the failure that stood in its way."""

    provider: str
    day: date
    state: State
    checked_ms: Millis
    comparison: Comparison | None = None
    failure: str = ""
    kind: str = ""


class InvoiceResults(Protocol):
    """Where outcomes are kept."""

    def state(self, provider: str, day: date) -> State | None:
        """Return what is written of a day, None when nothing is."""

    def save(self, outcome: Outcome) -> None:
        """Write an outcome over an older one of the same day; a failure leaves a comparison that stands."""


@dataclass(frozen=True)
class Books:
    """What a run works with. `renamed` maps provider -> vendor's name -> ledger's; `now_ms` gives epoch milliseconds.

    `left_ms` says how much time a run has left; `told` hears of every outcome once it is written.
    """

    sums: LedgerSums
    results: InvoiceResults
    now_ms: Callable[[], Millis]
    renamed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    left_ms: Callable[[], int] = lambda: 10 * SPARE_MS
    told: Callable[[Outcome], None] = lambda _: None


def run(vendors: Iterable[Vendor], books: Books, days: Collection[date] | None = None) -> list[Outcome]:
    """Compare what is due, or exactly `days` (a day that is not final yet is marked so); return the outcomes."""
    outcomes = []
    for vendor in vendors:
        for outcome in _of_vendor(vendor, books, days):
            books.results.save(outcome)
            books.told(outcome)
            outcomes.append(outcome)
    return outcomes


def is_final(day: date, lag_hours: int, now_ms: Millis) -> bool:
    """Whether a vendor's figures of a day are final at a moment."""
    return bounds(day)[1] + timedelta(hours=lag_hours) <= bounds(day_of(0))[0] + timedelta(milliseconds=now_ms)


def due(vendor: Vendor, results: InvoiceResults, now_ms: Millis) -> list[date]:
    """Return the days that are final by now and have no final comparison, the oldest first."""
    today = day_of(now_ms)
    recent = [today - timedelta(days=back) for back in range(LOOK_BACK_DAYS, 0, -1)]
    final = [day for day in recent if is_final(day, vendor.lag_hours, now_ms)]
    return [day for day in final if results.state(vendor.provider, day) != "final"]


def _of_vendor(vendor: Vendor, books: Books, days: Collection[date] | None) -> Iterator[Outcome]:
    for day in sorted(days) if days is not None else due(vendor, books.results, books.now_ms()):
        if books.left_ms() < SPARE_MS:
            return
        outcome = _checked(vendor, books, day)
        yield outcome
        if outcome.state == "failed":
            return


def _checked(vendor: Vendor, books: Books, day: date) -> Outcome:
    now = books.now_ms()
    try:
        statement = vendor.statement(day)
    except VendorFailed as failure:
        return Outcome(vendor.provider, day, "failed", now, failure=str(failure), kind=failure.kind)
    except Exception as error:  # one vendor's surprise must not cost the others their night; its text may hold anything
        told = f"{vendor.provider}: {type(error).__name__} while its figures were read."
        return Outcome(vendor.provider, day, "failed", now, failure=told, kind="unexpected")
    ours = books.sums.sums(vendor.provider, day)
    comparison = compare(ours, statement, key=vendor.key, renamed=books.renamed.get(vendor.provider))
    state: State = "final" if is_final(day, vendor.lag_hours, now) else "provisional"
    return Outcome(vendor.provider, day, state, now, comparison)
