"""Message batches with the official Anthropic SDK through the running gateway."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import pytest

from tests.e2e import ledger
from tests.stacks import Stack

pytestmark = pytest.mark.stack

PATIENCE = 30.0


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=stack.url, api_key=stack.api_key, max_retries=0) as opened:
        yield opened


def request(custom_id: str, question: str, model: str = "simulator/sim-claude") -> Any:
    params = {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": question}]}
    return {"custom_id": custom_id, "params": params}


def ended(client: anthropic.Anthropic, batch_id: str) -> Any:
    until = time.monotonic() + PATIENCE
    while (batch := client.messages.batches.retrieve(batch_id)).processing_status != "ended":
        assert time.monotonic() < until, "the batch did not end"
        time.sleep(0.1)
    return batch


def test_a_batch_is_created_followed_read_and_charged_once(stack: Stack, client: anthropic.Anthropic) -> None:
    made = client.messages.batches.create(
        requests=[request("one", "say one"), request("two", "say two", "simulator/sim-claude-thinking")]
    )
    assert made.request_counts.processing == 2
    batch = ended(client, made.id)
    assert batch.request_counts.succeeded == 2
    assert made.id in [each.id for each in client.messages.batches.list(limit=50)]
    results = {line.custom_id: line.result for line in client.messages.batches.results(made.id)}
    assert {custom_id: result.type for custom_id, result in results.items()} == {"one": "succeeded", "two": "succeeded"}
    usages = {name: result.message.usage for name, result in results.items() if result.type == "succeeded"}
    request_id = client.messages.batches.with_raw_response.results(made.id).headers["x-request-id"]
    entry = ledger.entry_of(stack, request_id)
    assert entry["usage"]["output"] == sum(usage.output_tokens for usage in usages.values())
    assert entry["usage"]["service_tier"] == "batch"
    assert entry["reasons"] == [f"batch {made.id}: 2 succeeded"]
    models = (("one", "sim-claude"), ("two", "sim-claude-thinking"))
    prices = [(usages[name], ledger.PRICES[model]) for name, model in models]
    assert entry["cost_nano_usd"] == sum(u.input_tokens * p["input"] + u.output_tokens * p["output"] for u, p in prices)
    assert client.messages.batches.delete(made.id).type == "message_batch_deleted"
    with pytest.raises(anthropic.NotFoundError):
        client.messages.batches.retrieve(made.id)


def test_a_batch_that_is_refused_says_where_it_is_wrong(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match=r"requests\.1\.custom_id"):
        client.messages.batches.create(requests=[request("same", "a"), request("same", "b")])


def test_another_teams_batch_cannot_be_seen(stack: Stack, client: anthropic.Anthropic) -> None:
    made = client.messages.batches.create(requests=[request("one", "say one")])
    asked = {"team": "strangers", "name": "batches"}
    headers = {"authorization": f"Bearer {stack.admin_key}"}
    key = httpx.post(f"{stack.url}/admin/keys", json=asked, headers=headers, timeout=30).json()["key"]
    with anthropic.Anthropic(base_url=stack.url, api_key=key, max_retries=0) as stranger:
        for act in (stranger.messages.batches.retrieve, stranger.messages.batches.cancel):
            with pytest.raises(anthropic.NotFoundError):
                act(made.id)
        assert list(stranger.messages.batches.list()) == []
