"""What the alarms' formulas come to, with figures in place of series: one period, evaluated as CloudWatch does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from infra.observability.alarms import alarms
from infra.observability.model import Alarm
from infra.observability.place import Place
from infra.watch import Watch

PLACE = replace(
    Place("prod", "us-east-1"), others=("us-west-2", "eu-west-1"), invoices=("openai", "bedrock"), exporting=True
)
ALARMS = {alarm.name: alarm for alarm in alarms(PLACE) if isinstance(alarm, Alarm)}
Figures = dict[str, float | None]


@dataclass(frozen=True)
class Point:
    """The value of a series in one period; None where it has no point, and where something is divided by zero."""

    value: float | None

    def _with(self, other: Point | float, how: Callable[[float, float], float]) -> Point:
        right = other.value if isinstance(other, Point) else other
        return Point(None if self.value is None or right is None else how(self.value, right))

    def __add__(self, other: Point | float) -> Point:
        return self._with(other, lambda a, b: a + b)

    def __sub__(self, other: Point | float) -> Point:
        return self._with(other, lambda a, b: a - b)

    def __mul__(self, other: Point | float) -> Point:
        return self._with(other, lambda a, b: a * b)

    __rmul__ = __mul__

    def __truediv__(self, other: Point) -> Point:
        return Point(None) if other.value == 0 else self._with(other, lambda a, b: a / b)

    def __gt__(self, other: Point | float) -> Point:
        return self._with(other, lambda a, b: float(a > b))

    def __ge__(self, other: Point | float) -> Point:
        return self._with(other, lambda a, b: float(a >= b))


def either(condition: Point, if_true: Point | float, if_false: Point | float) -> Point:
    if condition.value is None:
        return Point(None)
    chosen = if_true if condition.value else if_false
    return chosen if isinstance(chosen, Point) else Point(chosen)


def filled(point: Point, value: float) -> Point:
    return Point(value) if point.value is None else point


def largest(points: list[Point]) -> Point:
    return Point(max((point.value for point in points if point.value is not None), default=None))


def result(name: str, **figures: float | None) -> float | None:
    """Return what an alarm's formula gives; series that are not named have no point."""
    alarm = ALARMS[name]
    assert set(figures) <= {series.id for series in alarm.series}
    known: dict[str, object] = {series.id: Point(figures.get(series.id)) for series in alarm.series}
    functions = {
        "IF": either,
        "FILL": filled,
        "MAX": largest,
        "SERVICE_QUOTA": lambda _: Point(1000),
        "__builtins__": {},
    }
    for identity, text in (*alarm.steps, ("result", alarm.formula)):
        known[identity] = eval(text, functions, known)
    found = known["result"]
    assert isinstance(found, Point)
    return found.value


def breaches(name: str, **figures: float | None) -> bool:
    """Whether one period with these figures counts against an alarm."""
    alarm, found = ALARMS[name], result(name, **figures)
    if found is None:
        return alarm.missing == "breaching"
    return found > alarm.threshold or (alarm.comparison == ">=" and found == alarm.threshold)


BURN: dict[str, tuple[Figures, float]] = {
    "all is well": ({"requests": 10_000, "failures": 0}, 0),
    "nobody calls": ({}, 0),
    "the gateway answered 5xx, which API Gateway saw too": ({"requests": 1000, "failures": 20, "fivexx": 20}, 0.02),
    "streams broke after a good status": ({"requests": 1000, "failures": 20, "fivexx": None}, 0.02),
    "environments crashed before they wrote a line": ({"requests": 980, "failures": 0, "fivexx": 20}, 0.02),
    "some of each": ({"requests": 995, "failures": 10, "fivexx": 15}, 0.015),
    "no request gets through to a function": ({"fivexx": 50}, 1),
}


@pytest.mark.parametrize("case", BURN)
@pytest.mark.parametrize("name", [name for name in ALARMS if name.startswith("burn-")])
def test_the_share_of_bad_requests_counts_each_of_them_once(name: str, case: str) -> None:
    figures, share = BURN[case]
    assert result(name, **figures) == pytest.approx(share)
    assert breaches(name, **figures) == (share > ALARMS[name].threshold)


def test_one_failure_of_a_quiet_night_is_no_outage() -> None:
    quiet = {"requests": 19, "failures": 1, "fivexx": 1}
    assert breaches("burn-14x-5m", **quiet)
    assert not breaches("burn-14x-1h", **quiet)
    assert not breaches("burn-1x-3d", requests=400, failures=4)
    assert breaches("burn-1x-3d", requests=400, failures=5)


def test_the_least_number_of_failures_is_a_setting() -> None:
    strict = alarms(replace(PLACE, watch=Watch(least_failures=1)))
    (alarm,) = [each for each in strict if isinstance(each, Alarm) and each.name == "burn-14x-1h"]
    assert alarm.formula == "IF(bad >= 1, bad / every, 0)"


@pytest.mark.parametrize(
    ("name", "figures", "bad"),
    [
        ("provider-failing-openai", {"attempts": 200, "failures": 150}, True),
        ("provider-failing-openai", {"attempts": 200, "failures": 90}, False),
        ("provider-failing-openai", {"attempts": 200}, False),
        ("provider-failing-openai", {"attempts": 6, "failures": 6}, False),
        ("provider-failing-openai", {}, False),
        ("fallbacks-frequent", {"requests": 100, "fallbacks": 30}, True),
        ("fallbacks-frequent", {"requests": 100}, False),
        ("fallbacks-frequent", {"requests": 10, "fallbacks": 10}, False),
        ("functions-throttled", {"t_streaming": 1}, True),
        ("functions-throttled", {"t_streaming": 0, "t_routing": 0}, False),
        ("functions-throttled", {}, False),
        ("concurrency-near-quota", {"claimed": 801, "counted": 700}, True),
        ("concurrency-near-quota", {"claimed": 800, "counted": 700}, False),
        ("tables-throttled", {"usage_writes": 11}, True),
        ("tables-throttled", {"usage_writes": 4, "config_reads": 4}, False),
        ("cold-starts-frequent", {"requests": 1000, "cold": 201}, True),
        ("cold-starts-frequent", {"requests": 150, "cold": 150}, False),
        ("cold-starts-frequent", {"requests": 1000}, False),
        ("settle-failing", {"requests": 100, "failures": 10}, True),
        ("settle-failing", {"failures": 10}, True),
        ("settle-failing", {"requests": 10_000, "failures": 10}, False),
        ("settle-failing", {"requests": 20, "failures": 4}, False),
        ("settle-failing", {"requests": 1000}, False),
        ("jobs-failing", {"e_rollup": 2, "e_reconcile": 1}, True),
        ("jobs-failing", {"e_rollup": 2}, False),
        ("deliveries-failing", {"archives": 5}, True),
        ("deliveries-failing", {"exports": 4}, False),
        ("invoice-drift", {"d_bedrock": 101}, True),
        ("invoice-drift", {"d_openai": 100, "d_bedrock": 3}, False),
        ("invoice-drift", {}, False),
        ("replication-behind", {"r0": 900, "r3": 61_000}, True),
        ("replication-behind", {"r0": 900, "r1": 800, "r2": 700, "r3": 1200}, False),
    ],
)
def test_a_period_counts_against_an_alarm_when_it_should(name: str, figures: Figures, bad: bool) -> None:
    assert breaches(name, **figures) == bad


def test_every_formula_is_tried_here() -> None:
    tried = {"burn", "provider-failing"}
    names = {name for name, alarm in ALARMS.items() if alarm.formula and not name.startswith(tuple(tried))}
    marks = test_a_period_counts_against_an_alarm_when_it_should.pytestmark  # type: ignore[attr-defined]
    assert names <= {case[0] for case in marks[0].args[1]}
