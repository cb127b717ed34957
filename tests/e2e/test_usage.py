"""Usage through the whole local stack: requests, the ledger's stream, the roll-up, both APIs, and the command line."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.emulator import ROOT
from tests.stacks import Stack

pytestmark = pytest.mark.stack
SECONDS = 20.0
MODEL = "simulator/sim-embed"


def get(stack: Stack, path: str, key: str, **query: str) -> Any:
    answer = httpx.get(stack.url + path, params=query, headers={"authorization": f"Bearer {key}"}, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def sluice(stack: Stack, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "SLUICE_URL": stack.url, "SLUICE_ADMIN_KEY": stack.admin_key}
    command = [sys.executable, "-m", "sluice.cli.main", *words]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=True)


def embed(stack: Stack, tag: str) -> tuple[str, int]:
    """Make one request and return its id and its cost."""
    headers = {"authorization": f"Bearer {stack.api_key}", "x-sluice-tags": f"run={tag}"}
    answer = httpx.post(
        f"{stack.url}/v1/embeddings", json={"model": MODEL, "input": "how much is this"}, headers=headers, timeout=30
    )
    assert answer.status_code == 200, answer.text
    return answer.headers["x-request-id"], round(float(answer.headers["x-sluice-cost-usd"]) * 10**9)


def tagged(stack: Stack, tag: str, requests: int, cost: int | None = None) -> Any:
    """Return the usage of one tag once it has so many requests (and that cost)."""
    deadline = time.monotonic() + SECONDS
    while True:
        total = get(stack, "/v1/usage", stack.api_key, tag=f"run={tag}")["total"]
        if total["requests"] == requests and cost in (None, total["cost_nano_usd"]):
            return total
        assert time.monotonic() < deadline, total
        time.sleep(0.1)


def test_every_request_is_in_the_usage_of_its_team_a_moment_later(stack: Stack) -> None:
    costs = [embed(stack, "sum")[1] for _ in range(4)]
    assert tagged(stack, "sum", 4)["cost_nano_usd"] == sum(costs) > 0
    admin = get(stack, "/admin/usage", stack.admin_key, by="model")
    assert MODEL in {group["value"] for group in admin["groups"]}
    shown = sluice(stack, "usage", "--by", "tag").stdout
    assert "run=sum" in shown
    told = json.loads(sluice(stack, "--json", "usage", "--by", "tag", "--only", "run=sum").stdout)
    assert told["total"]["requests"] == 4


def test_history_is_exported_and_costed_again_without_an_overwrite(stack: Stack, tmp_path: Path) -> None:
    request_id, cost = embed(stack, "again")
    tagged(stack, "again", 1)
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps([{"starts": "", "tiers": [{"over": 0, "rates": {"input": 7_000_000_000}}]}]))
    today = datetime.now(UTC).date()
    span = ("--from", str(today - timedelta(days=1)), "--to", str(today + timedelta(days=1)))
    sluice(stack, "ledger", "recost", *span, "--model", MODEL, "--prices", str(prices))
    first, second = get(stack, f"/v1/requests/{request_id}", stack.api_key)["versions"]
    assert (first["version"], first["cost_nano_usd"]) == (1, cost)
    assert (second["version"], second["cost_nano_usd"] % 7_000) == (2, 0)
    assert second["cost_nano_usd"] != cost
    tagged(stack, "again", 1, second["cost_nano_usd"])
    out = tmp_path / "ledger.jsonl.gz"
    sluice(stack, "ledger", "export", *span, "--out", str(out))
    with gzip.open(out, "rt") as file:
        rows = [row for row in map(json.loads, file) if row["ResourceId"] == request_id]
    assert [row["ChargeClass"] for row in rows] == [None, "Correction"]
    assert sum(row["x_CostNanoUSD"] for row in rows) == second["cost_nano_usd"]
