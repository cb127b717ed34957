"""Turn samples into a table, a verdict on the targets, a result file and one line of JSON."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.cold_start import Cold
from benchmarks.load import Samples

RESULTS = Path(__file__).with_name("results")
LIMITS = {
    "cpu_ms_per_request": 0.8,
    "cpu_us_per_chunk": 25.0,
    "cold_start_ms": 250.0,
    "memory_mb": 60.0,
}
"""What the function may cost (docs: README, "Figures")."""
_TITLES = {
    "cpu_ms_per_request": "CPU ms a request, same dialect",
    "cpu_us_per_chunk": "CPU us a streamed chunk",
    "cold_start_ms": "cold start ms (median)",
    "memory_mb": "resident MB of an environment",
}
Figures = dict[str, float | None]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of all values lie (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


def figures(samples: Samples, direct: Samples) -> Figures:
    """Return one target's row; latencies are what it adds to `direct`."""
    row: Figures = {"cpu_ms_per_request": _quiet(samples.request_cpu, 1e3)}
    row["cpu_ms_per_request_loaded"] = _quiet(samples.loaded_cpu, 1e3)
    for callers, latencies in samples.latency.items():
        for share in (0.5, 0.95, 0.99):
            name = f"added_p{round(share * 100)}_ms_{callers}"
            base = direct.latency[callers]
            both = bool(latencies and base)
            row[name] = (percentile(latencies, share) - percentile(base, share)) * 1e3 if both else None
    row["cpu_us_per_chunk"] = _quiet(samples.chunk_cpu, 1e6)
    row["burst_cpu_ms"] = _quiet(samples.burst_cpu, 1e3)
    row["burst_added_p50_ms"] = (percentile(samples.burst, 0.5) - percentile(direct.burst, 0.5)) * 1e3
    row["memory_mb"] = samples.memory_mb or None
    return row


def _quiet(values: Sequence[float], scale: float) -> float | None:
    """Return the lower quartile of all rounds: other work on the machine only ever adds."""
    return percentile(values, 0.25) * scale if any(values) else None


def cold_figures(colds: Sequence[Cold]) -> dict[str, float]:
    """Return one row of the cold starts."""
    seconds = [cold.seconds for cold in colds]
    return {
        "median_ms": statistics.median(seconds) * 1e3,
        "p95_ms": percentile(seconds, 0.95) * 1e3,
        "fastest_ms": min(seconds) * 1e3,
        "cpu_ms": statistics.median(cold.cpu for cold in colds) * 1e3,
        "memory_mb": statistics.median(cold.memory_mb for cold in colds),
    }


def table(rows: Mapping[str, Figures]) -> str:
    """Return the table of all targets."""
    heads = ["target", "CPU ms/request", "same, loaded", "added p50 ms 1/8/32", "added p95 ms 1/8/32"]
    heads += ["added p99 ms 1/8/32", "CPU us/chunk", "burst CPU ms", "burst added p50 ms", "RSS MB"]
    lines = []
    for name, row in rows.items():
        cells = [name, _cell(row, "cpu_ms_per_request"), _cell(row, "cpu_ms_per_request_loaded")]
        for share in (50, 95, 99):
            cells.append(" / ".join(_cell(row, f"added_p{share}_ms_{callers}") for callers in (1, 8, 32)))
        cells += [_cell(row, n) for n in ("cpu_us_per_chunk", "burst_cpu_ms", "burst_added_p50_ms", "memory_mb")]
        lines.append(cells)
    return _grid(heads, lines)


def cold_table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Return the table of the cold starts."""
    heads = ["cold start", "median ms", "p95 ms", "fastest ms", "CPU ms", "RSS MB"]
    return _grid(heads, [[name, *(f"{value:.0f}" for value in row.values())] for name, row in rows.items()])


def verdict(reached: Mapping[str, float]) -> str:
    """Return the targets with what was reached."""
    lines = []
    for name, value in reached.items():
        limit = LIMITS[name]
        told = "ok" if value <= limit else f"MISSED by {(value / limit - 1) * 100:.0f} %"
        lines.append([_TITLES[name], f"{value:.3g}", f"{limit:g}", told])
    return _grid(["target for sluice", "reached", "at most", ""], lines)


def ratios(rows: Mapping[str, Figures], name: str = "cpu_ms_per_request") -> dict[str, float]:
    """Return every target's CPU as a multiple of the function's, from this one run."""
    own = rows.get("sluice", {}).get(name)
    return {target: round(row[name] / own, 2) for target, row in rows.items() if own and row[name]}  # type: ignore[operator]


def missed(reached: Mapping[str, float]) -> list[str]:
    """Return the names of the targets that were missed."""
    return [name for name, value in reached.items() if value > LIMITS[name]]


def write(result: Mapping[str, object]) -> Path:
    """Write the result file and return its path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / time.strftime("%Y%m%dT%H%M%SZ.json", time.gmtime())
    machine = {"system": platform.platform(), "cores": os.cpu_count(), "python": platform.python_version()}
    path.write_text(json.dumps({"machine": machine, **result}, indent=1))
    return path


def _cell(row: Figures, name: str) -> str:
    value = row.get(name)
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _grid(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[i]) for line in (heads, *rows)) for i in range(len(heads))]
    ruled = ["-" * width for width in widths]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in (heads, ruled, *rows)
    )
