"""Metrics are declared in one place, which infrastructure may read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from sluice import metrics

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "layers/sluice/python/sluice"
READ_BY_INFRA = {"sluice.settings", "sluice.endpoints", "sluice.metrics"}
STATISTICS = {"Sum", "Average", "Minimum", "Maximum", "SampleCount", "p50", "p90", "p95", "p99"}
UNITS = {"Count", "Milliseconds", "Microseconds", "Seconds", "Percent", "None"}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (
                f"{node.module}.{alias.name}" if node.module == "sluice" else node.module for alias in node.names
            )


def test_the_declaration_imports_nothing_of_sluice() -> None:
    assert not [name for name in imported(PACKAGE / "metrics.py") if name.startswith("sluice")]


def test_infrastructure_reads_settings_endpoints_and_metrics_alone() -> None:
    # The rehearsal of a deployment plays AWS with parts of the local stack, and operators with the command line.
    rehearsal = (ROOT / "infra/drill", ROOT / "infra/deploy_local.py")
    paths = [
        path for path in (ROOT / "infra").rglob("*.py") if not any(path.is_relative_to(each) for each in rehearsal)
    ]
    found = {name for path in paths for name in imported(path) if name.split(".")[0] == "sluice"}
    assert not found - READ_BY_INFRA


def test_a_region_has_at_most_100_series_with_every_metric_and_every_value_of_its_dimensions() -> None:
    every = [(name, *sorted(dimensions.items())) for name, dimensions in metrics.series()]
    assert len(every) == len(set(every)) <= metrics.SERIES_LIMIT == 100


def test_each_metric_says_what_cloudwatch_and_people_need() -> None:
    names = [metric.name for metric in metrics.METRICS]
    assert len(names) == len(set(names)) > 30
    for metric in metrics.METRICS:
        assert metric.unit in UNITS, metric.name
        assert metric.statistics, metric.name
        assert set(metric.statistics) <= STATISTICS, metric.name
        assert metric.meaning.endswith("."), metric.name
        for dimensions in metric.by:
            assert dimensions.values, metric.name
            assert all(len(values) == len(dimensions.names) for values in dimensions.values), metric.name


def test_no_dimension_names_a_tenant() -> None:
    names = {name for metric in metrics.METRICS for dimensions in metric.by for name in dimensions.names}
    assert names == {"Provider", "Family", "Operation"}


def constants() -> dict[str, str]:
    """Return each metric's name in the code, by what CloudWatch calls it."""
    return {each.name: name for name, each in vars(metrics).items() if isinstance(each, metrics.Metric)}


def used(path: Path) -> Iterator[str]:
    """Yield the names that a module takes from the declaration."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "metrics":
            yield node.attr
        elif isinstance(node, ast.ImportFrom) and node.module == "sluice.metrics":
            yield from (alias.name for alias in node.names)


def emitting() -> list[Path]:
    return [path for path in PACKAGE.rglob("*.py") if path.name != "metrics.py" and "local" not in path.parts]


def test_nothing_undeclared_is_emitted_for_one_module_alone_writes_blocks_of_metrics() -> None:
    writers = [
        str(path.relative_to(PACKAGE))
        for folder in (PACKAGE, ROOT / "functions", ROOT / "layers/runtime")
        for path in folder.rglob("*.py")
        if "CloudWatchMetrics" in path.read_text(encoding="utf-8") and "local" not in path.parts
    ]
    assert writers == ["aws/emf.py"]


def test_nothing_declared_is_never_emitted() -> None:
    taken = {name for path in emitting() for name in used(path)}
    assert not {name for name in constants().values() if name not in taken}
