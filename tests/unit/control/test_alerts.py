"""Alerts: once for each threshold and window, none lost, the right words."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from sluice.control.alerts import CLAIM_SECONDS, Alert, Alerting, alert_card, message, subject
from sluice.control.budget_status import Totals
from sluice.control.forecasts import DAY, HOUR, Sample
from sluice.types.budgets import Budget, Scope, Window
from tests.unit.control.budgets import NOW, USD, Books, budget, configuration

COUNTER = "budget#search#search#2026-11"


@dataclass
class Job:
    """The job with everything around it in memory."""

    books: Books = field(default_factory=Books)
    sent: list[Alert] = field(default_factory=list)
    broken: bool = False
    failures: list[str] = field(default_factory=list)
    looks: int = 10_000

    def publish(self, alert: Alert) -> None:
        if self.broken:
            raise ConnectionError("the topic is out of reach")
        self.sent.append(alert)

    def run(self, *budgets: Budget, now: int = NOW, **known: list[str]) -> list[tuple[str, int | None]]:
        """Look once; return value and threshold of what was sent."""
        before = len(self.sent)

        def in_time() -> bool:
            self.looks -= 1
            return self.looks >= 0

        alerting = Alerting(
            counters=self.books,
            store=self.books,
            publish=self.publish,
            report=lambda name, _: self.failures.append(name),
            known=lambda kind: known.get(kind, ()),
            in_time=in_time,
        )
        self.round = alerting.look(configuration(*budgets), now)
        return [(alert.value, alert.threshold) for alert in self.sent[before:]]

    def use(self, cents: int, name: str = COUNTER, slack: int = 0) -> None:
        amount = cents * USD // 100
        self.books.counters[name] = Totals(amount + slack, amount, slack)


@pytest.mark.parametrize(
    ("cents", "threshold"),
    [(4999, None), (5000, 50), (7999, 50), (8000, 80), (9999, 80), (10_000, 100), (25_000, 100)],
)
def test_the_highest_threshold_that_was_passed_is_told(cents: int, threshold: int | None) -> None:
    job = Job()
    job.use(cents)
    only_thresholds = budget(window=Window("day"))
    job.books.counters["budget#search#search#2026-11-15"] = job.books.counters[COUNTER]
    told = job.run(only_thresholds, now=NOW + 60)
    assert told == ([] if threshold is None else [("search", threshold)])


def test_each_threshold_is_told_once_in_a_window() -> None:
    job = Job()
    told = []
    for minute, cents in enumerate((1000, 4200, 4300, 4400, 8100, 8200, 10_000, 10_000)):
        job.use(cents, slack=7 * USD)
        told += job.run(budget(thresholds=(42, 80, 100)), now=NOW + 20 * DAY // 2 + minute * 60)
    assert [threshold for _, threshold in told if threshold] == [42, 80, 100]


def test_the_next_window_is_told_again() -> None:
    job = Job()
    daily = budget(window=Window("day"))
    for day in ("15", "16"):
        job.use(6000, f"budget#search#search#2026-11-{day}")
    assert job.run(daily, now=NOW + 60) == [("search", 50)]
    assert job.run(daily, now=NOW + 120) == []
    assert job.run(daily, now=NOW + DAY) == [("search", 50)]


def test_slack_that_environments_keep_is_not_used_money() -> None:
    job = Job()
    job.books.counters[COUNTER] = Totals(committed=60 * USD, spent=10 * USD, slack=20 * USD)
    assert job.run(budget(thresholds=(40, 41))) == [("search", 40)]


def test_a_forecast_beyond_the_amount_is_told_once_beside_thresholds() -> None:
    job = Job()
    job.use(5500)
    assert job.run(budget()) == [("search", 50), ("search", None)]
    job.use(5600)
    assert job.run(budget(), now=NOW + 60) == []


def test_a_recent_rush_is_told_although_the_average_is_low() -> None:
    job = Job()
    job.use(100)
    assert job.run(budget(), now=NOW) == []
    job.use(1000)
    assert job.run(budget(), now=NOW + HOUR) == [], "an hour of a month is no pace"
    assert job.run(budget(), now=NOW + 13 * HOUR) == [("search", None)]
    assert job.sent[-1].forecast.linear == 20_630_372_492
    assert job.sent[-1].forecast.recent is not None


def test_a_slow_month_is_not_told() -> None:
    job = Job()
    for hour in range(0, 16 * 24, 6):
        job.use(hour * 10 // 12)
        assert job.run(budget(), now=NOW + hour * HOUR) == []
    assert len(job.books.noted[COUNTER]) <= 15


def test_a_message_that_could_not_be_sent_is_sent_later() -> None:
    job = Job(broken=True)
    job.use(4200)
    assert job.run(budget(thresholds=(42,))) == []
    assert (job.failures, job.round.failed) == ([COUNTER], 1)
    job.broken = False
    assert job.run(budget(thresholds=(42,)), now=NOW + 60) == [], "another job may be sending it"
    assert job.run(budget(thresholds=(42,)), now=NOW + CLAIM_SECONDS) == [("search", 42)]
    assert job.run(budget(thresholds=(42,)), now=NOW + 9 * CLAIM_SECONDS) == []


def test_every_value_of_a_scope_has_its_own_alerts() -> None:
    job = Job()
    each = budget("each", scope=Scope("team"), thresholds=(50,), window=Window("week"))
    job.use(6000, "budget#each#ads#2026-W46")
    job.use(100, "budget#each#search#2026-W46")
    job.use(5000, "budget#each#a%23b#2026-W46")
    assert sorted(job.run(each, team=["ads", "idle"])) == [("a#b", 50), ("ads", 50)]
    assert job.round.looked == 4


def test_a_failure_at_one_counter_leaves_the_others_alone() -> None:
    job = Job()

    class Torn(Books):
        def totals(self, name: str) -> Totals:
            if "#broken#" in name:
                raise ConnectionError
            return super().totals(name)

    job.books = Torn()
    job.use(5000)
    broken = budget("broken", scope=Scope("team", "x"))
    assert ("search", 50) in job.run(broken, budget(thresholds=(50,)))
    assert job.failures == ["budget#broken#x#2026-11"]


def test_what_there_was_no_time_for_is_looked_at_in_another_minute() -> None:
    job = Job()
    each = budget("each", scope=Scope("user"), thresholds=(50,), window=Window("week"))
    for number in range(20):
        job.use(6000, f"budget#each#u{number}#2026-W46")
    told: set[str] = set()
    for minute in range(40):
        job.looks = 5
        told |= {value for value, _ in job.run(each, now=NOW + 60 * minute)}
        assert (job.round.looked, job.round.unread) == (5, 15)
    assert len(told) == 20


def test_a_rolling_window_counts_all_its_sub_windows_and_is_told_once() -> None:
    job = Job()
    rolling = budget(window=Window("rolling", seconds=12 * HOUR), thresholds=(50,))
    for back in range(3):
        job.use(2000, f"budget#search#search#r3600-{NOW - back * HOUR}")
    assert job.run(rolling) == [("search", 50)]
    assert job.run(rolling, now=NOW + HOUR) == []
    assert job.run(rolling, now=NOW + 20 * HOUR) == []


def test_an_unused_budget_is_quiet_even_when_it_has_no_money() -> None:
    assert Job().run(budget(amount=0), budget("other")) == []


def test_a_round_says_how_full_the_fullest_budget_is() -> None:
    job = Job()
    assert (job.run(budget()), job.round.fullest) == ([], 0.0)
    job.use(2500, slack=500)
    job.run(budget())
    assert job.round.fullest == 25.0


def test_a_message_tells_what_is_used_what_is_left_and_what_to_do() -> None:
    job = Job()
    job.use(8123)
    job.books.noted[COUNTER] = [Sample(NOW - DAY, 80 * USD)]
    job.run(budget(grace=5 * USD))
    alert = job.sent[0]
    text = message(alert, "prod")
    assert "Budget search of stage prod, for team search, window 2026-11:" in text
    assert "used $81.23 of $100.00" in text
    assert "at the window's average pace $174.064285714 or at the recent pace $100.91" in text
    assert "refused once $105.00 are used" in text
    assert subject(alert, "prod") == "Sluice prod: budget search has used 80 % of $100.00"
    assert alert_card(alert)["threshold"] == 80
    foreseen = alert._replace(threshold=None)
    assert subject(foreseen, "prod") == "Sluice prod: budget search is forecast to exceed $100.00"
    assert (alert_card(foreseen)["alert"], foreseen.mark) == ("forecast", "forecast")


def test_a_subject_fits_into_what_sns_takes() -> None:
    job = Job()
    long = budget("x" * 64, scope=Scope("organisation"), amount=123_456_789_123_456_789)
    job.books.counters[f"budget#{'x' * 64}#organisation#2026-11"] = Totals(10**18, 10**18)
    job.run(long)
    line = subject(job.sent[0], "pr-abcdefghijklmnop")
    assert len(line) <= 100
    assert line.isascii()
    assert line.isprintable()
    assert "for the organisation" in message(job.sent[0], "prod")
