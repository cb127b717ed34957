"""A hard budget and a rate limit on the whole stack: real environments, each with leases of its own, and one table."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.stacks import Stack, missing, running

pytestmark = pytest.mark.stack

CAP = 600_000
"""Nano-USD: what about thirty answers cost."""
BUDGETS = {
    "budgets": {"demo": {"scope": {"kind": "team", "value": "demo"}, "amount": CAP, "window": {"kind": "month"}}},
    "limits": {"each-user": {"scope": {"kind": "user"}, "requests": {"per_minute": 60, "burst": 3}, "strict": True}},
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Any:
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    home = tmp_path_factory.mktemp("budgets")
    with running(home) as first:
        _publish(first)
    with running(home) as again:  # environments that start now know the new configuration
        yield again


def _publish(stack: Stack) -> None:
    headers = {"authorization": f"Bearer {stack.admin_key}"}
    with httpx.Client(base_url=stack.url, headers=headers, timeout=30) as client:
        live = client.get("/admin/configuration").json()
        version = client.post("/admin/configuration/versions", json={**live.get("document", {}), **BUDGETS}).json()
        done = client.post(f"/admin/configuration/versions/{version['version']}/promote")
        assert done.status_code == 200, done.text


def ask(stack: Stack, number: int, **changes: Any) -> httpx.Response:
    body = {
        "model": "simulator/sim-fast",
        "max_tokens": 30,
        "user": f"user-{number}",
        "stream": number % 2 == 0,
        "messages": [{"role": "user", "content": f"Hello {number}"}],
        **changes,
    }
    headers = {"authorization": f"Bearer {stack.api_key}"}
    return httpx.post(f"{stack.url}/v1/chat/completions", json=body, headers=headers, timeout=60)


def entries(stack: Stack, answers: list[httpx.Response]) -> list[dict[str, Any]]:
    headers = {"authorization": f"Bearer {stack.api_key}"}
    found = []
    for answer in answers:
        for _ in range(100):
            entry = httpx.get(f"{stack.url}/v1/requests/{answer.headers['x-request-id']}", headers=headers)
            if entry.status_code == 200:
                found.append(entry.json())
                break
    return found


def test_a_limit_for_each_end_user_says_when_to_come_back(stack: Stack) -> None:
    answers = [ask(stack, 0, user="hasty", stream=False) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0].headers["x-ratelimit-limit-requests"] == "3"
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert answers[-1].json()["error"]["type"] == "rate_limit_error"


def test_many_environments_together_never_spend_more_than_the_cap(stack: Stack) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: ask(stack, number), range(80)))
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 402}
    refusal = next(answer for answer in answers if answer.status_code == 402)
    assert refusal.headers["x-should-retry"] == "false"
    assert "Budget 'demo' has $" in json.loads(refusal.text)["error"]["message"]
    found = entries(stack, answers)
    assert len(found) == len(answers)
    spent = sum(entry["cost_nano_usd"] for entry in found)
    assert spent <= CAP
    assert spent > CAP // 2
    paid = [entry for entry in found if entry["cost_nano_usd"]]
    assert all(sum(nano for _, nano in entry["holds"]) == entry["cost_nano_usd"] for entry in paid)
