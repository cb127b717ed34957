"""Tells when a budget's counter passes a threshold, or is forecast to: once for each threshold and window.

Of several thresholds that were passed since the last look, the highest is told. A mark is claimed before a message is
published and confirmed afterwards; a claim that was never confirmed is taken over after `CLAIM_SECONDS`. So a job that
dies in between loses no alert, and in that case only one may come twice.

A look at very many counters ends in time: the order changes every minute, so each is looked at again and again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sluice.control.budget_schema import dollars
from sluice.control.budget_status import CounterReader, Known, Totals, counter_names, foreseen, totals_of
from sluice.control.forecasts import Forecast, Sample, kept
from sluice.governance.counter_names import counted
from sluice.governance.windows import Current, window_at
from sluice.types.budgets import Budget
from sluice.types.routes import Configuration

CLAIM_SECONDS = 180
FORECAST = "forecast"
KEPT_SECONDS = 8 * 86_400
"""How long notes outlive their window, which is longer than a window's last requests run."""


@dataclass(frozen=True)
class Record:
    """What was noted of a counter: earlier samples, and the marks that were told or claimed."""

    samples: tuple[Sample, ...] = ()
    told: frozenset[str] = frozenset()


class AlertStore(Protocol):
    """Notes on counters."""

    def record(self, counter: str) -> Record:
        """Return what was noted of a counter."""

    def note(self, counter: str, samples: Sequence[Sample], keep_until: int) -> None:
        """Replace a counter's samples."""

    def claim(self, counter: str, mark: str, now: int, keep_until: int) -> bool:
        """Claim a mark; False when it was told, or claimed by another one less than `CLAIM_SECONDS` ago."""

    def confirm(self, counter: str, mark: str) -> None:
        """Note that a claimed mark was told."""


class Alert(NamedTuple):
    """One message. `threshold` is per cent of the amount, None for a forecast."""

    budget: Budget
    value: str
    counter: str
    window: Current
    totals: Totals
    forecast: Forecast
    threshold: int | None

    @property
    def mark(self) -> str:
        """What makes it the same message."""
        return FORECAST if self.threshold is None else str(self.threshold)


class Round(NamedTuple):
    """What one look found."""

    looked: int
    alerts: tuple[Alert, ...]
    unread: int = 0
    failed: int = 0
    fullest: float = 0.0
    """Per cent of its amount that the fullest budget has used."""


@dataclass(frozen=True)
class Alerting:
    """The use case. `publish` delivers an alert or raises; `in_time` tells whether there is time for another look."""

    counters: CounterReader
    store: AlertStore
    publish: Callable[[Alert], None]
    report: Callable[[str, Exception], None]
    known: Known
    in_time: Callable[[], bool]

    def look(self, configuration: Configuration, now: int) -> Round:
        """Look at every counter of every budget; `now` in epoch seconds. A failure at one leaves the others alone."""
        wanted = self._wanted(configuration, now)
        alerts: list[Alert] = []
        failed, fullest = 0, 0.0
        for looked, (budget, window, name) in enumerate(wanted):
            if not self.in_time():
                return Round(looked, tuple(alerts), len(wanted) - looked, failed, fullest)
            try:
                used, told = self._look_at(budget, window, name, now)
                fullest, alerts = max(fullest, used), alerts + told
            except Exception as error:
                failed += 1
                self.report(name, error)
        return Round(len(wanted), tuple(alerts), 0, failed, fullest)

    def _wanted(self, configuration: Configuration, now: int) -> list[tuple[Budget, Current, str]]:
        def known(kind: str) -> Iterable[str]:
            return configuration.routes if kind == "route" else self.known(kind)

        found = []
        for budget in configuration.budgets.values():
            window = window_at(budget.window, now)
            found += [(budget, window, name) for name in counter_names(budget, window, self.counters, known)]
        minute = now // 60
        return sorted(found, key=lambda each: hashlib.sha256(f"{minute}{each[2]}".encode()).digest())

    def _look_at(self, budget: Budget, window: Current, name: str, now: int) -> tuple[float, list[Alert]]:
        totals = totals_of(name, window, self.counters)
        if totals.used <= 0:
            return 0.0, []
        # What counts in a rolling window is the same money from one sub-window to the next.
        series = name if not window.before else name.removesuffix(window.id) + "rolling"
        record = self.store.record(series)
        keep_until = window.end + KEPT_SECONDS + budget.window.seconds
        if not window.before:
            samples = kept(record.samples, Sample(now, totals.used), window.end - window.start)
            if samples != list(record.samples):
                self.store.note(series, samples, keep_until)
        foresight = foreseen(totals, window, now, record.samples)
        told = []
        for threshold in due(budget, totals, foresight):
            alert = Alert(budget, counted(name).value, name, window, totals, foresight, threshold)
            mark = alert.mark if not window.before else f"{alert.mark}@{now // budget.window.seconds}"
            if mark in record.told or not self.store.claim(series, mark, now, keep_until):
                continue
            self.publish(alert)
            self.store.confirm(series, mark)
            told.append(alert)
        return totals.used * 100 / max(budget.amount, 1), told


def due(budget: Budget, totals: Totals, foresight: Forecast) -> list[int | None]:
    """Return the highest threshold that is passed, and None for a forecast beyond the amount."""
    passed = max((each for each in budget.thresholds if totals.used * 100 >= budget.amount * each), default=None)
    found: list[int | None] = [] if passed is None else [passed]
    if totals.used < budget.amount < (foresight.highest or 0):
        found.append(None)
    return found


def subject(alert: Alert, stage: str) -> str:
    """Return one line of at most 100 printable ASCII characters."""
    amount = dollars(alert.budget.amount)
    what = "is forecast to exceed" if alert.threshold is None else f"has used {alert.threshold} % of"
    line = f"Sluice {stage}: budget {alert.budget.id} {what} ${amount}"
    return line[:100]


def message(alert: Alert, stage: str) -> str:
    """Return the alert in words, for people."""
    budget, window = alert.budget, alert.window
    whom = f"{budget.scope.kind} {alert.value}" if budget.scope.kind != "organisation" else "the organisation"
    foreseen_words = [
        f"{words} ${dollars(amount)}"
        for words, amount in (
            ("at the window's average pace", alert.forecast.linear),
            ("at the recent pace", alert.forecast.recent),
        )
        if amount is not None
    ]
    lines = [
        f"Budget {budget.id} of stage {stage}, for {whom}, window {window.id}:",
        f"used ${dollars(alert.totals.used)} of ${dollars(budget.amount)}, of which "
        f"${dollars(alert.totals.spent)} are spent and the rest is set aside for requests under way.",
    ]
    if foreseen_words:
        lines.append(f"By the end of the window it will be {' or '.join(foreseen_words)}.")
    if budget.hard:
        cap = dollars(budget.amount + budget.grace)
        lines.append(f"The cap is hard: requests are refused once ${cap} are used.")
    lines.append(f"See 'sluice budgets status {budget.id}'.")
    return "\n".join(lines)


def alert_card(alert: Alert) -> dict[str, object]:
    """Return the alert as a log line and a program read it; money in nano-USD."""
    return {
        "kind": "alert",
        "budget": alert.budget.id,
        "scope": alert.budget.scope.kind,
        "value": alert.value,
        "window": alert.window.id,
        "alert": FORECAST if alert.threshold is None else "threshold",
        "threshold": alert.threshold,
        "amount": alert.budget.amount,
        "used": alert.totals.used,
        "spent": alert.totals.spent,
        "forecast_linear": alert.forecast.linear,
        "forecast_recent": alert.forecast.recent,
    }
