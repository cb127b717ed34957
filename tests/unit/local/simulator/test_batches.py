"""The simulator's message batches: worked off in their own time, canceled, listed, deleted, and strict."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import pytest

from sluice.local.simulator.batches import Batches
from sluice.local.simulator.conversation import Refused
from sluice.local.simulator.server import Simulator

KEY = {"x-api-key": "sim-test", "anthropic-version": "2023-06-01"}
PARAMS: Any = {"model": "sim-claude", "max_tokens": 50, "messages": [{"role": "user", "content": "say hi"}]}


def requests(*ids: str, **changes: Any) -> bytes:
    return json.dumps({"requests": [{"custom_id": each, "params": {**PARAMS, **changes}} for each in ids]}).encode()


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def batches(clock: Clock) -> Batches:
    return Batches(lambda params: (200, {"usage": {}, "model": params["model"]}), 1.0, clock)


def test_a_batch_ends_in_its_own_time(batches: Batches, clock: Clock) -> None:
    made = batches.reply("POST", "", {}, requests("a", "b")).body
    assert (made["processing_status"], made["request_counts"]["processing"]) == ("in_progress", 2)
    place = f"/{made['id']}"
    assert batches.reply("GET", place, {}, b"").body["results_url"] is None
    with pytest.raises(Refused) as early:
        batches.reply("GET", f"{place}/results", {}, b"")
    assert early.value.status == 404
    clock.at += 2
    ended = batches.reply("GET", place, {}, b"").body
    assert (ended["processing_status"], ended["request_counts"]["succeeded"]) == ("ended", 2)
    lines = batches.reply("GET", f"{place}/results", {}, b"").payload.splitlines()
    assert [json.loads(line)["result"]["message"]["usage"] for line in lines] == [{"service_tier": "batch"}] * 2


def test_what_is_canceled_in_time_is_not_answered(batches: Batches, clock: Clock) -> None:
    made = batches.reply("POST", "", {}, requests("a")).body
    place = f"/{made['id']}"
    with pytest.raises(Refused):
        batches.reply("DELETE", place, {}, b"")
    assert batches.reply("POST", f"{place}/cancel", {}, b"").body["processing_status"] == "canceling"
    ended = batches.reply("GET", place, {}, b"").body
    assert (ended["processing_status"], ended["request_counts"]["canceled"]) == ("ended", 1)
    assert batches.reply("DELETE", place, {}, b"").body["type"] == "message_batch_deleted"
    with pytest.raises(Refused):
        batches.reply("GET", place, {}, b"")


def test_batches_are_listed_in_pages_the_latest_first(batches: Batches) -> None:
    ids = [batches.reply("POST", "", {}, requests("a")).body["id"] for _ in range(3)][::-1]
    first = batches.reply("GET", "", {"limit": "2"}, b"").body
    assert ([each["id"] for each in first["data"]], first["has_more"]) == (ids[:2], True)
    rest = batches.reply("GET", "", {"limit": "2", "after_id": first["last_id"]}, b"").body
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == (ids[2:], False)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"requests":[]}',
        b'{"requests":[1]}',
        requests("a", "a"),
        requests("a" * 65),
        requests("a b"),
        requests("a", stream=True),
    ],
)
def test_a_wrong_batch_is_refused(batches: Batches, body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        batches.reply("POST", "", {}, body)
    assert refused.value.status == 400


def test_a_request_that_is_wrong_by_itself_ends_as_errored() -> None:
    simulator = Simulator(pace=0)
    path = "/anthropic/v1/messages/batches"
    body = {
        "requests": [
            {"custom_id": "good", "params": PARAMS},
            {"custom_id": "bad", "params": {**PARAMS, "model": "nothing"}},
            {"custom_id": "told", "params": {**PARAMS, "messages": [{"role": "user", "content": "[[status=529]]"}]}},
        ]
    }
    made = json.loads(simulator.reply("POST", path, KEY, json.dumps(body).encode()).payload)
    lines = simulator.reply("GET", f"{path}/{made['id']}/results", KEY, b"").payload.splitlines()
    results = {line["custom_id"]: line["result"] for line in map(json.loads, lines)}
    assert results["good"]["message"]["usage"]["service_tier"] == "batch"
    assert results["bad"]["error"]["error"]["type"] == "not_found_error"


def test_the_vendors_sdk_runs_a_batch(simulator_url: str) -> None:
    with anthropic.Anthropic(api_key="sim-test", base_url=f"{simulator_url}/anthropic", max_retries=0) as client:
        made = client.messages.batches.create(requests=[{"custom_id": "a", "params": PARAMS}])
        assert client.messages.batches.retrieve(made.id).processing_status == "ended"
        assert made.id in [batch.id for batch in client.messages.batches.list(limit=5)]
        (line,) = client.messages.batches.results(made.id)
        assert line.result.type == "succeeded"
        assert client.messages.batches.delete(made.id).id == made.id
