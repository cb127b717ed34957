"""A run compares what is due, takes up what an earlier one left, and lets no vendor stop another."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pytest

from sluice.control.invoices.job import LOOK_BACK_DAYS, Books, Outcome, State, due, is_final, run
from sluice.control.invoices.ledger import EntrySums
from sluice.control.invoices.names import Key, plain
from sluice.control.invoices.statements import Figures, Line, Statement, VendorFailed, nano
from sluice.types.usage import Usage
from tests.unit.aws.entries import NOON, typical

TODAY = date(2026, 11, 23)  # of NOON
DAY = date(2026, 11, 20)


@dataclass
class Memory:
    """Outcomes in memory; a failure leaves a comparison that stands."""

    kept: dict[tuple[str, date], Outcome] = field(default_factory=dict)

    def state(self, provider: str, day: date) -> State | None:
        found = self.kept.get((provider, day))
        return found.state if found else None

    def save(self, outcome: Outcome) -> None:
        if outcome.state != "failed" or self.state(outcome.provider, outcome.day) in (None, "failed"):
            self.kept[outcome.provider, outcome.day] = outcome


@dataclass
class Vendor:
    """A vendor that says $1 for every day, or fails on some."""

    provider: str = "openai"
    lag_hours: int = 24
    failing: dict[date, Exception] = field(default_factory=dict)
    asked: list[date] = field(default_factory=list)

    def key(self, name: str) -> Key:
        return plain(name)

    def statement(self, day: date) -> Statement:
        self.asked.append(day)
        if day in self.failing:
            raise self.failing[day]
        return Statement(self.provider, day, (Line("m", Figures(10**9, 10, 5, 1)),))


class Sums:
    """A ledger that says $1 for every day."""

    def sums(self, provider: str, day: date) -> tuple[Line, ...]:
        return (Line("m", Figures(10**9, 10, 5, 1)),)


def books(results: Memory, now_ms: int = NOON, **changes: object) -> Books:
    values: dict[str, object] = {"sums": Sums(), "results": results, "now_ms": lambda: now_ms}
    return Books(**{**values, **changes})  # type: ignore[arg-type]


def test_every_day_that_is_final_is_compared_once() -> None:
    results, vendor = Memory(), Vendor()
    outcomes = run([vendor], books(results))
    assert vendor.asked == [TODAY - timedelta(days=back) for back in range(LOOK_BACK_DAYS, 1, -1)]
    assert {outcome.state for outcome in outcomes} == {"final"}
    assert run([vendor], books(results)) == []
    assert len(vendor.asked) == LOOK_BACK_DAYS - 1


@pytest.mark.parametrize(
    ("moment", "lag", "final"),
    [
        ("2026-11-21T23:59:59.999+00:00", 24, False),
        ("2026-11-22T00:00:00+00:00", 24, True),
        ("2026-11-22T01:00:00+02:00", 24, False),
        ("2026-11-23T23:59:00+00:00", 72, False),
        ("2026-11-24T00:00:00+00:00", 72, True),
    ],
)
def test_a_day_is_final_when_its_lag_has_passed_since_its_utc_end(moment: str, lag: int, final: bool) -> None:
    assert is_final(DAY, lag, int(datetime.fromisoformat(moment).timestamp() * 1000)) == final


def test_each_vendor_has_its_own_lag() -> None:
    assert due(Vendor(lag_hours=24), Memory(), NOON)[-1] == date(2026, 11, 21)
    assert due(Vendor(lag_hours=72), Memory(), NOON)[-1] == date(2026, 11, 19)


def test_a_failing_vendor_stops_at_its_failure_and_the_others_go_on() -> None:
    results = Memory()
    bad = Vendor("openai", failing={DAY: VendorFailed("openai", "busy", "answered 429.")})
    good = Vendor("anthropic")
    outcomes = run([bad, good], books(results))
    assert bad.asked[-1] == DAY
    assert results.kept["openai", DAY].failure == "openai: answered 429."
    assert good.asked[-1] == date(2026, 11, 21)
    assert [outcome.state for outcome in outcomes].count("failed") == 1


def test_what_a_vendor_surprises_with_is_told_by_its_type_alone() -> None:
    results = Memory()
    run([Vendor(failing={DAY: ValueError("sk-admin-secret")})], books(results))
    outcome = results.kept["openai", DAY]
    assert (outcome.kind, outcome.state) == ("unexpected", "failed")
    assert "ValueError" in outcome.failure
    assert "secret" not in repr(outcome)


def test_the_next_run_takes_up_a_day_that_failed_and_what_came_after_it() -> None:
    results = Memory()
    vendor = Vendor(failing={DAY: VendorFailed("openai", "unreachable", "no answer.")})
    run([vendor], books(results))
    vendor.failing, vendor.asked = {}, []
    run([vendor], books(results))
    assert vendor.asked == [DAY, date(2026, 11, 21)]
    assert results.state("openai", DAY) == "final"


def test_a_run_that_has_no_time_left_begins_no_further_day() -> None:
    results, vendor = Memory(), Vendor()
    left = iter([600_000, 300_000, 89_999])
    run([vendor], books(results, left_ms=lambda: next(left)))
    assert len(vendor.asked) == 2
    run([vendor], books(results))
    assert len(set(vendor.asked)) == len(vendor.asked) == LOOK_BACK_DAYS - 1


def test_a_day_that_is_asked_for_is_compared_again_and_marked_while_it_is_not_final() -> None:
    results, vendor = Memory(), Vendor()
    (first,) = run([vendor], books(results), [TODAY - timedelta(days=1)])
    assert first.state == "provisional"
    assert TODAY - timedelta(days=1) in due(vendor, results, NOON + 24 * 3_600_000)
    run([vendor], books(results), [DAY])
    (again,) = run([vendor], books(results), [DAY])
    assert results.kept["openai", DAY] == again


def test_a_failure_leaves_a_comparison_that_stands() -> None:
    results, vendor = Memory(), Vendor()
    run([vendor], books(results), [DAY])
    vendor.failing = {DAY: VendorFailed("openai", "busy", "answered 429.")}
    run([vendor], books(results), [DAY])
    assert results.state("openai", DAY) == "final"


def test_outcomes_are_told_after_they_are_written() -> None:
    results = Memory()
    seen: list[bool] = []
    told = lambda outcome: seen.append((outcome.provider, outcome.day) in results.kept)  # noqa: E731
    run([Vendor()], books(results, told=told), [DAY])
    assert seen == [True]


def test_traffic_that_bypasses_the_gateway_shows_as_what_only_the_vendor_knows() -> None:
    class Less:
        def sums(self, provider: str, day: date) -> tuple[Line, ...]:
            return (Line("m", Figures(6 * 10**8, 6, 3, 1)),)

    (outcome,) = run([Vendor()], books(Memory(), sums=Less()), [DAY])
    assert outcome.comparison is not None
    assert outcome.comparison.total.drift_bp == -4000


def test_entries_are_summed_by_the_utc_day_on_which_they_began() -> None:
    midnight = NOON + 12 * 3_600_000
    entries = [
        typical(started_ms=NOON),
        typical(started_ms=midnight - 1, duration_ms=5000),
        typical(started_ms=midnight),
        typical(started_ms=NOON, cache="hit", cost=0),
        typical(started_ms=NOON, provider="openai"),
        typical(started_ms=NOON, model="other", usage=Usage(input=1, output=2), cost=3),
    ]
    sums = EntrySums(entries).sums("anthropic", TODAY)
    assert sums == (
        Line("claude-sonnet-4-5", Figures(69_000_000, 63_400, 1600, 2)),
        Line("other", Figures(3, 1, 2, 1)),
    )
    assert len(EntrySums(entries).sums("anthropic", TODAY + timedelta(days=1))) == 1
    assert EntrySums(entries).sums("anthropic", DAY) == ()


@pytest.mark.parametrize(
    ("dollars", "expected"), [("0.0000000005", 1), ("0.00000000049", 0), ("-0.0000000005", -1), ("1e3", 10**12)]
)
def test_dollars_are_rounded_half_up_to_the_nano(dollars: str, expected: int) -> None:
    from decimal import Decimal

    assert nano(Decimal(dollars)) == expected
