"""The lists in CloudFormation's and CloudWatch's own words: properties of alarms, the body of the dashboard.

`names` gives the deployed name of a function, table, queue or API. Formats: CloudFormation template reference
(AWS::CloudWatch::Alarm, CompositeAlarm) and CloudWatch's "Dashboard body structure and syntax", 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from infra.observability.model import (
    COLUMNS,
    Alarm,
    AlarmPanel,
    Composite,
    Deployed,
    Formula,
    Heading,
    Query,
    QueryTable,
    Series,
    Tile,
    Widget,
)

Names = Callable[[Deployed], str]
Body = dict[str, Any]
COMPARISONS = {
    ">": "GreaterThanThreshold",
    ">=": "GreaterThanOrEqualToThreshold",
    "above the band": "GreaterThanUpperThreshold",
}
VIEWS = {"line": "timeSeries", "area": "timeSeries", "number": "singleValue", "gauge": "gauge"}
BAND_ID, RESULT_ID = "band", "result"


def alarm_name(prefix: str, name: str) -> str:
    """Return an alarm's full name; those of other regions are the same."""
    return f"{prefix}-{name}"


def description(alarm: Alarm | Composite, runbooks_url: str) -> str:
    """Return what whoever is told reads first; CloudWatch renders it as Markdown."""
    return f"{alarm.says}\n\nRunbook: {runbooks_url}{alarm.runbook}.md"


def alarm_properties(alarm: Alarm, namespace: str, names: Names) -> Body:
    """Return how an alarm is evaluated, without its name, description and actions."""
    found: Body = {
        "EvaluationPeriods": alarm.periods,
        "DatapointsToAlarm": alarm.points,
        "ComparisonOperator": COMPARISONS[alarm.comparison],
        "TreatMissingData": alarm.missing,
    }
    if alarm.band:
        return found | {"ThresholdMetricId": BAND_ID, "Metrics": _band_queries(alarm, namespace, names)}
    if alarm.formula:
        return found | {"Threshold": alarm.threshold, "Metrics": _queries(alarm, namespace, names)}
    (only,) = alarm.series
    statistic = {"Statistic" if only.statistic[0].isupper() else "ExtendedStatistic": only.statistic}
    measured = {"Period": alarm.period, "Threshold": alarm.threshold}
    return found | measured | statistic | _metric(only, namespace, names)


def rule(prefix: str, composite: Composite) -> str:
    """Return a composite alarm's rule over the names of its parts."""
    joined = (
        " AND ".join(f'ALARM("{alarm_name(prefix, name)}")' for name in together) for together in composite.any_of
    )
    return " OR ".join(f"({each})" for each in joined)


def dashboard_body(
    rows: Sequence[Sequence[Tile]],
    *,
    region: str,
    namespace: str,
    names: Names,
    alarm_arns: Sequence[str],
    queries: Mapping[str, str],
) -> Body:
    """Return a dashboard's body; `queries` are the texts of saved queries with their sources, by name."""

    def properties(tile: Tile) -> tuple[str, Body]:
        if isinstance(tile, Heading):
            return "text", {"markdown": tile.text, "background": "transparent"}
        if isinstance(tile, AlarmPanel):
            return "alarm", {"title": tile.title, "alarms": list(alarm_arns)}
        if isinstance(tile, QueryTable):
            return "log", {"title": tile.title, "region": region, "view": "table", "query": queries[tile.query]}
        return "metric", _widget(tile, region, namespace, names)

    widgets = []
    for tile, left, top, width in placed(rows):
        kind, described = properties(tile)
        place = {"x": left, "y": top, "width": width, "height": tile.height}
        widgets.append({"type": kind, **place, "properties": described})
    return {"start": "-PT12H", "periodOverride": "inherit", "widgets": widgets}


def placed(rows: Sequence[Sequence[Tile]]) -> Iterator[tuple[Tile, int, int, int]]:
    """Yield each tile with its left edge, its top and its width on the dashboard's grid."""
    top = 0
    for row in rows:
        left = 0
        for tile in row:
            width = COLUMNS if isinstance(tile, Heading) else tile.width
            yield tile, left, top, width
            left += width
        top += max(tile.height for tile in row)


def sourced(query: Query, log_groups: Sequence[str]) -> str:
    """Return a saved query's text as a dashboard wants it, with its log groups in front."""
    return "".join(f"SOURCE '{group}' | " for group in log_groups) + query.text


def _metric(series: Series, namespace: str, names: Names) -> Body:
    return {
        "Namespace": series.namespace or namespace,
        "MetricName": series.name,
        "Dimensions": [{"Name": name, "Value": _value(value, names)} for name, value in series.dimensions],
    }


def _value(value: str | Deployed, names: Names) -> str:
    return names(value) if isinstance(value, Deployed) else value


def _queries(alarm: Alarm, namespace: str, names: Names) -> list[Body]:
    steps = [{"Id": name, "Expression": text, "ReturnData": False} for name, text in alarm.steps]
    result = {"Id": RESULT_ID, "Expression": alarm.formula, "Label": alarm.unit or alarm.name, "ReturnData": True}
    return [*(_stat(series, alarm.period, namespace, names) for series in alarm.series), *steps, result]


def _band_queries(alarm: Alarm, namespace: str, names: Names) -> list[Body]:
    (only,) = alarm.series
    band = f"ANOMALY_DETECTION_BAND({only.id}, {alarm.band:g})"
    watched = _stat(only, alarm.period, namespace, names) | {"ReturnData": True}
    return [watched, {"Id": BAND_ID, "Expression": band, "Label": "expected", "ReturnData": True}]


def _stat(series: Series, period: int, namespace: str, names: Names) -> Body:
    measured = {"Metric": _metric(series, namespace, names), "Period": period, "Stat": series.statistic}
    return {"Id": series.id, "MetricStat": measured, "ReturnData": False}


def _widget(widget: Widget, region: str, namespace: str, names: Names) -> Body:
    left: Body = {"min": 0, "showUnits": False}
    if widget.unit:
        left["label"] = widget.unit
    if widget.most is not None:
        left["max"] = widget.most
    found: Body = {
        "title": widget.title,
        "region": region,
        "view": VIEWS[widget.chart],
        "stacked": widget.chart == "area",
        "period": widget.period,
        "metrics": [_row(each, namespace, names) for each in widget.series],
        "yAxis": {"left": left, "right": {"min": 0, "showUnits": False}},
    }
    if widget.chart == "number":
        found["sparkline"] = True
    if widget.lines:
        found["annotations"] = {"horizontal": [{"label": each.label, "value": each.value} for each in widget.lines]}
    return found


def _row(series: Series | Formula, namespace: str, names: Names) -> list[Any]:
    options: Body = {}
    for name, value in (("id", series.id), ("label", series.label)):
        if value:
            options[name] = value
    if series.hidden:
        options["visible"] = False
    if series.right:
        options["yAxis"] = "right"
    if series.period:
        options["period"] = series.period
    if isinstance(series, Formula):
        return [options | {"expression": series.text}]
    dimensions = [part for name, value in series.dimensions for part in (name, _value(value, names))]
    return [series.namespace or namespace, series.name, *dimensions, options | {"stat": series.statistic}]
