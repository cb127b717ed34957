"""The usage and ledger commands against a scripted admin API."""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sluice.cli import ledger, usage


class Cut(Exception):
    """The connection broke."""


class Session:
    """Answers the admin API's calls from memory; `breaks_at` is the number of the call that fails."""

    def __init__(self, breaks_at: int = 0) -> None:
        self.calls: list[tuple[str, Mapping[str, str], Any]] = []
        self.told: list[tuple[Any, str]] = []
        self._breaks_at = breaks_at

    def call(self, method: str, path: str, body: object = None, query: Mapping[str, str] | None = None) -> Any:
        self.calls.append((path, query or {}, body))
        if len(self.calls) == self._breaks_at:
            raise Cut
        if path == "/admin/ledger/partitions":
            return {"data": ["p0", "p1", "p2"]}
        if path == "/admin/ledger/rows":
            assert query is not None
            partition, after = query["partition"], query.get("after")
            if partition == "p1":
                return {"data": [], "next": None}
            return {"data": [{"id": f"{partition}{after or ''}"}], "next": None if after else "x"}
        if path == "/admin/ledger/recost":
            assert isinstance(body, dict)
            return {"seen": 2, "written": 1, "difference": -5, "unknown": 1, "next": None if body["after"] else "y"}
        assert query is not None
        return usage_answer(query)

    def show(self, content: object, text: str) -> None:
        self.told.append((content, text))


def usage_answer(query: Mapping[str, str]) -> Any:
    columns = dict.fromkeys(("requests", "errors", "input", "cache_read", "output", "saved_nano_usd"), 1)
    row = {**columns, "cost_usd": "0.000000005", "list_cost_nano_usd": 7_000}
    return {
        "from": "2026-11-01T00:00:00Z",
        "to": "2026-12-01T00:00:00Z",
        "by": query.get("by"),
        "interval": query.get("interval"),
        "total": row,
        "groups": [{"value": "openai/a", **row}],
        "series": [{"start": "2026-11-01T00:00:00Z", "value": "openai/a", **row}],
        "forecast": {"cost_usd": "0.000000010", "until": "2026-12-01T00:00:00Z"},
    }


def run(session: Session, *words: str) -> list[str]:
    parser = argparse.ArgumentParser()
    groups = parser.add_subparsers()
    progress: list[str] = []

    def table(head: Any, rows: Any) -> str:
        return "\n".join(" | ".join(map(str, row)) for row in (head, *rows))

    usage.add_commands(groups, table)
    ledger.add_commands(groups, RuntimeError, progress.append)
    chosen = parser.parse_args(words)
    chosen.command(session, chosen)
    return progress


def test_usage_is_a_table_with_a_total_and_a_forecast() -> None:
    session = Session()
    run(session, "usage", "--by", "model", "--from", "2026-11-01")
    text = session.told[0][1]
    assert "openai/a | 1 | 1 | 1 | 1 | 1 | 0.000000005 | 0.000007" in text
    assert "all | 1" in text
    assert "At this pace 0.000000010 USD" in text
    assert session.calls[0][1] == {"from": "2026-11-01", "by": "model"}


def test_usage_over_time_has_a_row_for_each_moment() -> None:
    session = Session()
    run(session, "usage", "--by", "model", "--only", "openai/a", "--interval", "day")
    assert "2026-11-01T00:00:00Z | openai/a | 1" in session.told[0][1]
    assert session.calls[0][1]["model"] == "openai/a"


def rows_of(path: Path) -> list[str]:
    with gzip.open(path, "rt") as file:
        return [json.loads(line)["id"] for line in file]


def test_an_export_holds_every_row_of_every_partition(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl.gz"
    session = Session()
    progress = run(session, "ledger", "export", "--from", "2026-11-01", "--to", "2026-11-02", "--out", str(out))
    assert rows_of(out) == ["p0", "p0x", "p2", "p2x"]
    assert progress[-1] == "3/3 partitions, 4 rows"
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl.gz"]
    assert session.told[0][0]["rows"] == 4


@pytest.mark.parametrize("breaks_at", range(2, 7))
def test_an_export_that_broke_off_anywhere_goes_on(tmp_path: Path, breaks_at: int) -> None:
    out = tmp_path / "out.jsonl.gz"
    words = ("ledger", "export", "--from", "2026-11-01", "--to", "2026-11-02", "--out", str(out))
    with pytest.raises(Cut):
        run(Session(breaks_at), *words)
    with out.open("ab") as file:
        file.write(b"half a partition")
    (tmp_path / "out.jsonl.gz.state").exists() or out.unlink()
    run(Session(), *words)
    assert rows_of(out) == ["p0", "p0x", "p2", "p2x"]


def test_an_export_never_writes_into_another_ones_file(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl.gz"
    out.write_bytes(b"precious")
    with pytest.raises(RuntimeError, match="exists"):
        run(Session(), "ledger", "export", "--from", "2026-11-01", "--to", "2026-11-02", "--out", str(out))
    assert out.read_bytes() == b"precious"


def test_history_is_costed_again_page_by_page(tmp_path: Path) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text('[{"starts": "", "tiers": []}]')
    session = Session()
    span = ("--from", "2026-11-01", "--to", "2026-11-02")
    progress = run(session, "ledger", "recost", *span, "--model", "openai/a", "--prices", str(prices))
    assert session.told[0][0] == {"seen": 12, "written": 6, "difference_nano_usd": -30, "unknown": 6}
    assert "6 were adjusted by what the configuration has no longer" in session.told[0][1]
    assert progress[-1] == "3/3 partitions, 12 entries, 6 new versions"
    assert session.calls[1][2]["prices"] == [{"starts": "", "tiers": []}]
