"""What the benchmark says of its samples."""

from __future__ import annotations

import pytest

from benchmarks import report
from benchmarks.cold_start import Cold
from benchmarks.load import Samples


def samples(latency: list[float], **changes: object) -> Samples:
    made = Samples(latency={1: latency, 8: latency, 32: latency}, burst=latency)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_percentile_is_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [report.percentile(values, share) for share in (0.5, 0.95, 0.99)] == [50, 95, 99]
    assert report.percentile([7.0], 0.99) == 7


def test_latency_of_a_target_is_what_it_adds() -> None:
    row = report.figures(samples([0.003, 0.004, 0.005]), samples([0.001, 0.002, 0.003]))
    assert row["added_p50_ms_1"] == pytest.approx(2)
    assert row["cpu_ms_per_request"] is None


def test_one_disturbed_round_does_not_move_the_cpu_figure() -> None:
    row = report.figures(samples([0.001], request_cpu=[0.0005, 0.0006, 0.0007, 0.1]), samples([0.001]))
    assert row["cpu_ms_per_request"] == pytest.approx(0.5)


def test_missed_targets_are_named_with_how_much() -> None:
    reached = {"cpu_ms_per_request": 1.2, "memory_mb": 60.0}
    assert report.missed(reached) == ["cpu_ms_per_request"]
    assert "MISSED by 50 %" in report.verdict(reached)


def test_cold_start_is_told_in_milliseconds() -> None:
    row = report.cold_figures([Cold(0.1, 0.08, 20.0), Cold(0.2, 0.09, 20.0), Cold(0.3, 0.1, 20.0)])
    assert row["median_ms"] == pytest.approx(200)
    assert row["fastest_ms"] == pytest.approx(100)


def test_table_keeps_its_columns_when_figures_are_missing() -> None:
    table = report.table({"direct": report.figures(samples([0.001]), samples([0.001]))})
    assert len({line.count("|") for line in table.splitlines()}) == 1
