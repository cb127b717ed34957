"""Writes the tables of docs/observability.md out of `sluice.metrics`: `python -m infra.metrics_page [--check]`.

It fills what stands between `<!-- metrics -->` and `<!-- end -->`. `--check` writes nothing and fails where something
would change.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from sluice import metrics

PAGE = Path(__file__).resolve().parents[1] / "docs/observability.md"
BLOCK = re.compile(r"(<!-- metrics -->\n).*?(<!-- end -->)", re.DOTALL)


def table() -> str:
    """Return the metrics as a Markdown table, and what they come to."""
    return "\n".join(_lines()) + "\n"


def page(text: str) -> str:
    """Return a page with its table as the declaration has it."""
    return BLOCK.sub(lambda found: f"{found[1]}{table()}{found[2]}", text)


def main(arguments: list[str]) -> int:
    """Write or check the page; return the exit code."""
    before = PAGE.read_text(encoding="utf-8")
    after = page(before)
    if arguments == ["--check"]:
        return int(before != after)
    PAGE.write_text(after, encoding="utf-8")
    return 0


def _lines() -> Iterator[str]:
    yield "| metric | unit | by | draw | meaning |"
    yield "|---|---|---|---|---|"
    for metric in metrics.METRICS:
        apart = ", ".join(" + ".join(each.names) or "total" for each in metric.by)
        rare = "\\*" if metric.rare else ""
        drawn = ", ".join(metric.statistics)
        yield f"| `{metric.name}`{rare} | {metric.unit} | {apart} | {drawn} | {metric.meaning} |"
    yield ""
    yield "\\* Emitted only when it happened: where there are no points, the value is 0."
    yield ""
    count = len(list(metrics.series()))
    parts = {each.by: 0 for each in metrics.METRICS}
    for metric in metrics.METRICS:
        parts[metric.by] += sum(len(each.values) for each in metric.by)
    yield f"Series that can exist in a region: **{count}** of at most {metrics.SERIES_LIMIT}, reckoned so:"
    yield ""
    for by, total in parts.items():
        apart = " and ".join(" + ".join(each.names) or "total" for each in by)
        several = sum(1 for metric in metrics.METRICS if metric.by == by)
        noun = "metrics" if several > 1 else "metric"
        values = " + ".join(str(len(each.values)) for each in by)
        factor = f"({values})" if len(by) > 1 else values
        yield f"- {several} {noun} by {apart}: {several} x {factor} = {total}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
