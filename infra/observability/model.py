"""The words of the lists: series, formulas, widgets, alarms and queries, without any of CloudFormation's.

Names of functions, tables and queues are known at deployment only (`Deployed`); everything else stands here as it will
in CloudWatch, so the same lists give templates, the picture of the dashboard and the documentation's tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from sluice.metrics import Metric

Severity = Literal["page", "ticket", "part"]
"""Who is told: somebody at once, somebody in the morning, nobody because a composite alarm does."""
Missing = Literal["breaching", "notBreaching", "ignore", "missing"]
Comparison = Literal[">", ">=", "above the band"]
Chart = Literal["line", "area", "number", "gauge"]

MINUTE, HOUR, DAY = 60, 3600, 86_400
COLUMNS = 24
"""Width of a CloudWatch dashboard."""


class Deployed(NamedTuple):
    """A name that only a deployment knows."""

    kind: Literal["function", "table", "queue", "api"]
    name: str


@dataclass(frozen=True, slots=True)
class Series:
    """One series of points. `namespace` "" is the stage's own, for metrics that `sluice.metrics` declares.

    `id` is for formulas; a hidden series is only there for them. `period` 0 is the widget's.
    """

    namespace: str
    name: str
    statistic: str
    dimensions: tuple[tuple[str, str | Deployed], ...] = ()
    label: str = ""
    id: str = ""
    hidden: bool = False
    right: bool = False
    period: int = 0


@dataclass(frozen=True, slots=True)
class Formula:
    """Metric math over the ids of a widget's series."""

    text: str
    label: str
    id: str = ""
    hidden: bool = False
    right: bool = False
    period: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A horizontal line in a chart: what must not be passed."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Widget:
    """A chart or a row of numbers. `unit` is what its axis says; `series` are series and formulas in drawing order."""

    title: str
    series: tuple[Series | Formula, ...]
    width: int = 8
    height: int = 6
    chart: Chart = "line"
    period: int = 5 * MINUTE
    unit: str = ""
    lines: tuple[Line, ...] = ()
    most: float | None = None
    """Upper end of the axis; none for as it comes."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A line of text over the whole width."""

    text: str
    height: int = 1


@dataclass(frozen=True, slots=True)
class AlarmPanel:
    """The state of every alarm that tells somebody."""

    title: str
    width: int = 24
    height: int = 4


@dataclass(frozen=True, slots=True)
class QueryTable:
    """The rows of a saved query."""

    title: str
    query: str
    width: int = 12
    height: int = 6


Tile = Widget | Heading | AlarmPanel | QueryTable


@dataclass(frozen=True, slots=True)
class Alarm:
    """One metric alarm: `points` of the last `periods` periods of `formula` (or of its only series) breach.

    `steps` are formulas (id, text) that `formula` and later steps refer to; they cost nothing. `says` is one sentence
    for whoever is told. `missing` is what a period without data counts as, `because` why; with "missing", they are also
    told when there is no data any more, but not while there has never been any.
    """

    name: str
    severity: Severity
    runbook: str
    says: str
    series: tuple[Series, ...]
    comparison: Comparison
    threshold: float
    period: int
    because: str
    missing: Missing = "notBreaching"
    formula: str = ""
    steps: tuple[tuple[str, str], ...] = ()
    periods: int = 1
    points: int = 1
    unit: str = ""
    band: float = 0
    """Width of the band of expected values, in standard deviations, for "above the band"."""


@dataclass(frozen=True, slots=True)
class Composite:
    """Alarms joined: it fires when all alarms of one of `any_of` do."""

    name: str
    severity: Severity
    runbook: str
    says: str
    any_of: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A saved query of Logs Insights over the log groups of `groups` (names of functions)."""

    name: str
    says: str
    text: str
    groups: tuple[str, ...]


def own(
    metric: Metric,
    statistic: str = "",
    *,
    label: str = "",
    id: str = "",  # noqa: A002 - CloudWatch's word
    hidden: bool = False,
    right: bool = False,
    **dimensions: str,
) -> Series:
    """Return a series of the stage's own metrics. Raises ValueError where `metric` is not declared that way."""
    wanted = tuple(dimensions.items())
    if not any(tuple(zip(each.names, values, strict=True)) == wanted for each in metric.by for values in each.values):
        raise ValueError(f"{metric.name} is not emitted with the dimensions {wanted}.")
    return Series(
        namespace="",
        name=metric.name,
        statistic=statistic or metric.statistics[0],
        dimensions=wanted,
        label=label,
        id=id,
        hidden=hidden,
        right=right,
    )
