"""The load generator for deployed gateways, against the running stack and against nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.deployed import main, percentiles
from tests.stacks import Stack

pytestmark = pytest.mark.stack


def test_steps_are_taken_and_told(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("SLUICE_API_KEY", stack.api_key)
    out = tmp_path / "steps.jsonl"
    assert main(["--url", stack.url, "--callers", "1,3", "--requests", "6", "--out", str(out)]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["requests"], last["failed"]) == (24, 0)
    steps = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(step["callers"], step["stream"]) for step in steps] == [(1, False), (1, True), (3, False), (3, True)]
    assert all(step["statuses"] == {"200": 6} and step["first_ms"]["p50"] > 0 for step in steps)
    assert all(step["overhead_ms"] for step in steps)


def test_it_stops_where_too_many_requests_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLUICE_API_KEY", "sk-sluice-" + "b" * 44)
    # Nothing listens on the discard port.
    assert main(["--url", "http://127.0.0.1:9", "--callers", "1,2", "--requests", "2"]) == 1
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["requests"], last["failed"]) == (4, 4)


@pytest.mark.parametrize("arguments", [["--callers", "501"], ["--requests", "20001"], ["--requests", "0"]])
def test_load_is_bounded(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_API_KEY", "sk-sluice-" + "b" * 44)
    with pytest.raises(SystemExit):
        main(["--url", "http://127.0.0.1:9", *arguments])


def test_percentiles_are_of_what_was_measured() -> None:
    assert percentiles([]) == {}
    assert percentiles([1.0]) == {"p50": 1.0, "p95": 1.0, "p99": 1.0}
    assert percentiles([float(number) for number in range(100)]) == {"p50": 50.0, "p95": 95.0, "p99": 99.0}
