"""Budgets on the local stack: set on the command line, held at the gateway, shown, and told of in the log."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.test_cli import sluice
from tests.stacks import Stack, missing, running

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of this module's own, since its configuration changes; it looks for alerts every second."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    with running(tmp_path_factory.mktemp("budgets"), SLUICE_ALERT_SECONDS="1") as started:
        # Before the first request, so that no environment holds a configuration without them.
        for line in (
            "budgets set team --scope team:demo --amount 0.0003 --window month --threshold 10 --min-output 40",
            "budgets set each-user --scope user --amount 1 --window day --time-zone Asia/Tokyo --no-hard",
        ):
            made = sluice(started, *line.split())
            assert made.returncode == 0, made.stderr
        yield started


def ask(stack: Stack, user: str) -> httpx.Response:
    body = {"model": "simulator/sim-fast", "max_tokens": 60, "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"authorization": f"Bearer {stack.api_key}", "x-sluice-user": user}
    return httpx.post(f"{stack.url}/v1/chat/completions", json=body, headers=headers, timeout=60)


def until(condition: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} seconds for {what}"
        time.sleep(0.1)
    return found


def told(stack: Stack) -> list[dict[str, Any]]:
    log = stack.logs / "alerts.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [line for line in lines if line.get("kind") == "alert"]


def test_a_hard_budget_ends_in_refusals_and_is_seen_on_the_command_line_and_in_the_log(own: Stack) -> None:
    answers = [ask(own, f"user-{number % 2}") for number in range(20)]
    served = [answer for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code == 402]
    assert len(served) + len(refused) == 20
    assert served
    assert refused
    assert "Budget 'team'" in refused[0].json()["error"]["message"]
    assert refused[0].headers["x-should-retry"] == "false"
    spent = sum(int(answer.headers["x-sluice-cost-usd"].replace(".", "")) for answer in served)
    assert 0 < spent <= 300_000

    status = json.loads(sluice(own, "--json", "budgets", "status", "team").stdout)["data"][0]["data"]
    assert [line["value"] for line in status] == ["demo"]
    assert spent <= status[0]["committed"] <= 300_000

    def users() -> bool:
        listed = json.loads(sluice(own, "--json", "budgets", "status", "each-user").stdout)["data"][0]["data"]
        return sorted(line["value"] for line in listed) == ["user-0", "user-1"]

    until(users, "every user's counter to be listed")
    (alert,) = until(lambda: [line for line in told(own) if line["alert"] == "threshold"], "the alert")
    assert (alert["budget"], alert["threshold"], alert["value"]) == ("team", 10, "demo")
