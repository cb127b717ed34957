"""The service level objective and its burn-rate alarms.

A request is bad when the service failed it: the gateway answered 5xx or broke a stream (`Failures`), or API Gateway
answered 5xx although no line was written (a crash, a time-out, a throttled function). Both metrics see the 5xx that the
gateway itself answers, so the larger one counts, and what only API Gateway saw is added to the requests. Requests
without a valid key are not counted, so that a scan of the API cannot hide failures.

A burn rate of 1 uses the error budget up in exactly 30 days. Each rate is looked at over a long window, so that it
means something, and a short one, so that the alarm ends soon after the trouble does (Site Reliability Workbook, chapter
5, "Alerting on SLOs"): 14.4 for an hour is 2 % of the budget, 6 for six hours 5 %, 1 for three days 10 %. A few failed
requests of a quiet night are no outage: the long windows ask for a least number of them.
"""

from __future__ import annotations

from typing import NamedTuple

from infra.observability.aws_series import api
from infra.observability.model import DAY, HOUR, MINUTE, Alarm, Composite, Formula, Series, Severity, own
from infra.watch import Watch
from sluice import metrics


class Burn(NamedTuple):
    """One pair of windows (name, seconds), and how many budgets a month they stand for."""

    rate: float
    long: tuple[str, int]
    short: tuple[str, int]
    share: int
    """Per cent of the month's budget that is gone when the long window's alarm fires."""


BURNS = (
    Burn(14.4, ("1h", HOUR), ("5m", 5 * MINUTE), 2),
    Burn(6, ("6h", 6 * HOUR), ("30m", 30 * MINUTE), 5),
    Burn(1, ("3d", 3 * DAY), ("6h", 6 * HOUR), 10),
)
FAST, SLOW, LEAK = BURNS
WITHOUT_DATA = "No requests burn no budget; that requests should come is for a health check to say."


def outcome_series() -> tuple[Series, ...]:
    """Return the series that the formulas below read."""
    return (
        own(metrics.REQUESTS, id="requests", hidden=True),
        own(metrics.FAILURES, id="failures", hidden=True),
        api("5XXError", "Sum", id="fivexx", hidden="yes"),
    )


STEPS = (
    ("failed", "FILL(failures, 0)"),
    ("cut", "FILL(fivexx, 0)"),
    ("bad", "IF(failed > cut, failed, cut)"),
    ("every", "FILL(requests, 0) + bad - failed"),
)
"""Id and text of the formulas over `outcome_series` that give the bad requests and all of them."""


def outcomes() -> tuple[Series | Formula, ...]:
    """Return what a widget needs to draw with `bad` and `every`, nothing of it visible."""
    return (*outcome_series(), *(Formula(text, name, id=name, hidden=True) for name, text in STEPS))


def share_formula(least: int = 1) -> str:
    """Return the share of bad requests, 0 where there are fewer than `least` bad ones."""
    return f"IF(bad >= {least}, bad / every, 0)"


def burn_alarms(watch: Watch) -> tuple[Alarm | Composite, ...]:
    """Return the six alarms on windows, and the two that tell somebody."""
    windows = [
        _window(watch, burn, name, seconds, least)
        for burn in BURNS
        for (name, seconds), least in ((burn.long, watch.least_failures), (burn.short, 1))
    ]
    joined = (
        _joined(
            "error-budget-burning", "page", "Requests fail so fast that the error budget will not last.", FAST, SLOW
        ),
        _joined("error-budget-leaking", "ticket", "Requests fail steadily, more than the objective allows.", LEAK),
    )
    return (*windows, *joined)


def window_name(burn: Burn, window: str) -> str:
    """Return the name of one window's alarm, such as `burn-14x-1h`."""
    return f"burn-{burn.rate:.0f}x-{window}"


def _joined(name: str, severity: Severity, says: str, *burns: Burn) -> Composite:
    pairs = tuple((window_name(burn, burn.long[0]), window_name(burn, burn.short[0])) for burn in burns)
    return Composite(name, severity, name, says, pairs)


def _window(watch: Watch, burn: Burn, window: str, seconds: int, least: int) -> Alarm:
    name = "error-budget-leaking" if burn is LEAK else "error-budget-burning"
    return Alarm(
        name=window_name(burn, window),
        severity="part",
        runbook=name,
        says=f"Over {window}, requests failed {burn.rate:g} times as often as the objective allows.",
        series=outcome_series(),
        formula=share_formula(least),
        steps=STEPS,
        comparison=">",
        threshold=round(burn.rate * watch.error_share, 9),
        period=seconds,
        because=WITHOUT_DATA,
        unit="share of requests",
    )
