"""The lists themselves: what they name exists, and what exists is on them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from infra.observability.alarms import alarms, provider_alarm, told
from infra.observability.model import (
    COLUMNS,
    DAY,
    HOUR,
    Alarm,
    Composite,
    Formula,
    Heading,
    QueryTable,
    Series,
    Tile,
    Widget,
    own,
)
from infra.observability.objective import BURNS, window_name
from infra.observability.place import Place
from infra.observability.properties import alarm_properties, placed
from infra.observability.queries import QUERIES
from infra.observability.widgets import rows, titles
from infra.watch import InvalidWatch, Watch
from sluice import metrics

ALONE = Place("prod", "us-east-1")
EVERYTHING = replace(
    ALONE,
    others=("us-west-2", "eu-west-1"),
    invoices=metrics.INVOICED,
    exporting=True,
    jobs=("alerts", "export", "invoices", "reconcile", "rollup"),
    watch=Watch(cost_per_hour_usd=100),
)
PLACES = pytest.mark.parametrize("place", [ALONE, EVERYTHING], ids=["one region", "everything"])


def metric_alarms(place: Place) -> list[Alarm]:
    return [alarm for alarm in alarms(place) if isinstance(alarm, Alarm)]


def tiles(place: Place) -> list[Tile]:
    return [tile for row in rows(place) for tile in row]


def drawn(place: Place) -> list[Series]:
    found = [each for tile in tiles(place) if isinstance(tile, Widget) for each in tile.series]
    return [each for each in found if isinstance(each, Series)]


@PLACES
def test_every_own_metric_that_is_drawn_or_alarmed_on_is_declared_with_those_dimensions(place: Place) -> None:
    declared = [(name, tuple(dimensions.items())) for name, dimensions in metrics.series()]
    used = [*drawn(place), *(series for alarm in metric_alarms(place) for series in alarm.series)]
    own_series = [(each.name, each.dimensions) for each in used if not each.namespace]
    assert len(own_series) > 100
    assert not [each for each in own_series if each not in declared]


def test_every_declared_metric_is_drawn() -> None:
    seen = {series.name for series in drawn(EVERYTHING) if not series.namespace}
    # Cells of usage that were wrong and those that were corrected are figures behind the drift, in dollars.
    assert {metric.name for metric in metrics.METRICS} - seen == {"UsageCellsWrong", "UsageCellsCorrected"}


def test_a_series_that_is_not_emitted_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="Requests is not emitted with"):
        own(metrics.REQUESTS, Provider="openai")


@PLACES
def test_ids_in_formulas_are_defined_once_in_front_of_them(place: Place) -> None:
    for tile in tiles(place):
        if isinstance(tile, Widget):
            known: set[str] = set()
            for each in tile.series:
                if isinstance(each, Formula):
                    assert names_in(each.text) <= known, tile.title
                assert each.id not in known, tile.title
                known |= {each.id} - {""}
    for alarm in metric_alarms(place):
        known = {series.id for series in alarm.series}
        assert len(known) == len(alarm.series)
        for name, text in (*alarm.steps, ("result", alarm.formula)):
            assert names_in(text) <= known, alarm.name
            assert name not in known, alarm.name
            known.add(name)


def names_in(formula: str) -> set[str]:
    """Return the ids that a formula names: words in small letters; functions are written in capitals."""
    words = "".join(char if char.isalnum() or char == "_" else " " for char in formula).split()
    return {word for word in words if word[0].islower()}


@PLACES
def test_alarms_keep_to_what_cloudwatch_takes(place: Place) -> None:
    for alarm in metric_alarms(place):
        window = alarm.period * alarm.periods
        assert alarm.period % 60 == 0, alarm.name
        assert 1 <= alarm.points <= alarm.periods, alarm.name
        # PutMetricAlarm: a week at most, and a day where the period is shorter than an hour.
        assert window <= (7 * DAY if alarm.period >= HOUR else DAY), alarm.name
        # Metric math in alarms: ten metrics at most.
        assert 1 <= len(alarm.series) <= 10, alarm.name
        assert len(alarm.series) == 1 or alarm.formula, alarm.name
        assert all(series.id[:1].islower() for series in alarm.series if alarm.formula), alarm.name


@PLACES
def test_alarms_have_names_of_their_own_and_a_reason_for_what_silence_means(place: Place) -> None:
    names = [alarm.name for alarm in alarms(place)]
    assert len(names) == len(set(names)) > 30
    for alarm in alarms(place):
        assert alarm.says.endswith("."), alarm.name
        assert len(alarm.says) < 160, alarm.name
        if isinstance(alarm, Alarm):
            assert alarm.because.endswith("."), alarm.name


def test_only_the_sweeps_own_report_is_missed_when_it_does_not_come() -> None:
    missed = {alarm.name: alarm.missing for alarm in metric_alarms(EVERYTHING) if alarm.missing != "notBreaching"}
    assert missed == {"rollup-behind": "missing"}


@pytest.mark.parametrize(
    ("rate", "long", "short", "budget"),
    [(14.4, HOUR, HOUR / 12, 0.02), (6, 6 * HOUR, HOUR / 2, 0.05), (1, 3 * DAY, 6 * HOUR, 0.1)],
)
def test_burn_rates_use_up_the_stated_part_of_a_months_budget(
    rate: float, long: int, short: float, budget: float
) -> None:
    (burn,) = [each for each in BURNS if each.rate == rate]
    assert (burn.long[1], burn.short[1]) == (long, short)
    assert rate * long / (30 * DAY) == pytest.approx(budget) == burn.share / 100


def test_thresholds_of_burn_rates_follow_the_objective() -> None:
    for objective, expected in ((99.9, 0.0144), (99.0, 0.144)):
        place = replace(ALONE, watch=Watch(objective_percent=objective))
        found = {alarm.name: alarm.threshold for alarm in metric_alarms(place)}
        assert found["burn-14x-1h"] == found["burn-14x-5m"] == pytest.approx(expected)
        assert found["burn-1x-3d"] == pytest.approx(expected / 14.4)


def test_both_windows_of_a_burn_rate_must_agree_and_any_rate_is_enough() -> None:
    joined = {alarm.name: alarm.any_of for alarm in alarms(ALONE) if isinstance(alarm, Composite)}
    assert joined == {
        "error-budget-burning": (("burn-14x-1h", "burn-14x-5m"), ("burn-6x-6h", "burn-6x-30m")),
        "error-budget-leaking": (("burn-1x-3d", "burn-1x-6h"),),
        "cost-unusual": (("cost-above-band", "cost-worth-a-look"),),
    }
    parts = {name for any_of in joined.values() for together in any_of for name in together}
    assert parts == {alarm.name for alarm in alarms(ALONE) if alarm.severity == "part"}
    windows = {window_name(burn, window[0]) for burn in BURNS for window in (burn.long, burn.short)}
    assert parts == windows | {"cost-above-band", "cost-worth-a-look"}


def test_each_watched_provider_has_an_alarm() -> None:
    names = {alarm.name for alarm in told(replace(ALONE, watch=Watch(providers=("openai", "azure_openai"))))}
    assert {name for name in names if name.startswith("provider-failing")} == {
        "provider-failing-openai",
        "provider-failing-azure-openai",
    }
    assert provider_alarm("other") in {alarm.name for alarm in told(ALONE)}


def test_alarms_exist_where_there_is_something_to_watch() -> None:
    here, everywhere = ({alarm.name for alarm in alarms(place)} for place in (ALONE, EVERYTHING))
    assert everywhere - here == {
        "cost-over-limit",
        "deliveries-failing",
        "deliveries-late",
        "invoice-drift",
        "replication-behind",
    }
    assert here <= everywhere


def test_every_queue_and_every_job_that_is_deployed_is_watched() -> None:
    place = replace(ALONE, jobs=("rotation", "rollup"), queues=("rotation-left", "rollup-left"))
    found = {alarm.name: alarm for alarm in metric_alarms(place)}
    assert {"rotation-left-waiting", "rotation-left-old", "rollup-left-waiting", "rollup-left-old"} <= set(found)
    assert found["jobs-failing"].formula == "FILL(e_rotation, 0) + FILL(e_rollup, 0)"


@PLACES
def test_rows_fill_the_dashboard_without_overlap(place: Place) -> None:
    cells: set[tuple[int, int]] = set()
    for tile, left, top, width in placed(rows(place)):
        here = {(x, y) for x in range(left, left + width) for y in range(top, top + tile.height)}
        assert left + width <= COLUMNS
        assert not here & cells
        cells |= here
    height = 1 + max(y for _, y in cells)
    assert len(cells) == COLUMNS * height


@PLACES
def test_titles_tell_charts_apart_and_tables_show_saved_queries(place: Place) -> None:
    assert len(titles(place)) == len(set(titles(place)))
    shown = {tile.query for tile in tiles(place) if isinstance(tile, QueryTable)}
    assert shown <= {query.name for query in QUERIES}
    assert shown


def test_sections_have_headings_and_charts_between_them() -> None:
    kinds = [isinstance(row[0], Heading) for row in rows(ALONE)]
    assert kinds[0]
    assert not kinds[-1]
    assert not [1 for above, below in pairwise(kinds) if above and below]


def test_a_plain_alarm_names_its_metric_and_a_percentile_is_an_extended_statistic() -> None:
    found = {alarm.name: alarm_properties(alarm, "Sluice/prod", str) for alarm in metric_alarms(ALONE)}
    slow, behind = found["first-byte-slow"], found["rollup-behind"]
    assert (slow["Namespace"], slow["MetricName"], slow["ExtendedStatistic"]) == ("Sluice/prod", "FirstByte", "p99")
    assert (behind["Statistic"], behind["Period"], behind["Threshold"]) == ("Maximum", 300, 900)
    assert (behind["DatapointsToAlarm"], behind["EvaluationPeriods"]) == (4, 6)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("page_emails", ("oncall",)),
        ("ticket_emails", ("a b@example.com",)),
        ("runbooks_url", "https://example.com/runbooks"),
        ("objective_percent", 100),
        ("least_failures", 0),
        ("first_byte_p99_ms", 0),
        ("overhead_p99_ms", 900_001),
        ("concurrency_percent", 101),
        ("cold_start_percent", 0),
        ("providers", ("openai", "openai")),
        ("providers", ("acme",)),
        ("cost_per_hour_usd", -1),
        ("unusual_cost_usd", -1),
        ("drift_usd", 0),
        ("rotation_days", 0),
    ],
)
def test_a_threshold_that_could_never_fire_is_refused_by_name(setting: str, value: object) -> None:
    with pytest.raises(InvalidWatch, match=setting):
        replace(Watch(), **{setting: value})
