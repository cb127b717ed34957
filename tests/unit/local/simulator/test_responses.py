"""The simulated Responses API: turns, background answers, look-ups, in the vendor's words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.local.simulator.playback import Reply
from sluice.local.simulator.server import Simulator

KEY = {"authorization": "Bearer sim-x"}
HERE = "/openai/v1/responses"


@pytest.fixture
def simulator() -> Simulator:
    return Simulator(0)


def asked(simulator: Simulator, **body: object) -> tuple[int, dict[str, Any]]:
    reply = simulator.reply("POST", HERE, KEY, json.dumps({"model": "sim-gpt", **body}).encode())
    return reply.status, read(reply)


def read(reply: Reply) -> dict[str, Any]:
    return dict(json.loads(reply.payload))


def at(simulator: Simulator, method: str, place: str, **query: str) -> tuple[int, dict[str, Any]]:
    reply = simulator.reply(method, f"{HERE}/{place}", KEY, b"", query)
    return reply.status, read(reply)


def test_a_turn_follows_the_last(simulator: Simulator) -> None:
    _, one = asked(simulator, input="I am Ada.")
    _, two = asked(simulator, input="Who am I?", previous_response_id=one["id"])
    assert "turn 2" in two["output"][0]["content"][0]["text"]
    status, error = asked(simulator, input="x", previous_response_id="resp_none")
    assert (status, error["error"]["code"]) == (400, "previous_response_not_found")


def test_a_tool_is_called_and_its_result_read(simulator: Simulator) -> None:
    tool = {"type": "function", "name": "get_weather", "parameters": {"type": "object", "properties": {}}}
    _, one = asked(simulator, input="Weather?", tools=[tool], tool_choice="required")
    (call,) = one["output"]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "17 degrees"}
    _, two = asked(simulator, input=[result], tools=[tool], previous_response_id=one["id"])
    assert "17 degrees" in two["output"][0]["content"][0]["text"]


def test_a_stream_says_the_same_as_the_whole_answer(simulator: Simulator) -> None:
    body = {"model": "sim-gpt", "input": "Say hello.", "stream": True, "reasoning": {"effort": "low"}}
    reply = simulator.reply("POST", HERE, KEY, json.dumps(body).encode())
    events = [json.loads(event.payload.split(b"data: ", 1)[1]) for event in reply.events or ()]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    whole = events[-1]["response"]
    assert [item["type"] for item in whole["output"]] == ["reasoning", "message"]
    assert [event["item"] for event in events if event["type"] == "response.output_item.done"] == whole["output"]
    assert at(simulator, "GET", whole["id"]) == (200, whole)


def test_a_background_answer_comes_in_time_unless_it_is_cancelled(simulator: Simulator) -> None:
    _, one = asked(simulator, input="x", background=True)
    _, two = asked(simulator, input="x", background=True)
    assert at(simulator, "POST", f"{two['id']}/cancel")[1]["status"] == "cancelled"
    seen = [one["status"], *(at(simulator, "GET", one["id"])[1]["status"] for _ in range(2))]
    assert seen == ["queued", "in_progress", "completed"]
    assert at(simulator, "GET", two["id"])[1]["status"] == "cancelled"


def test_what_is_not_kept_is_not_found(simulator: Simulator) -> None:
    _, one = asked(simulator, input="x", store=False)
    assert at(simulator, "GET", one["id"])[0] == 404
    _, two = asked(simulator, input="x")
    assert at(simulator, "GET", f"{two['id']}/input_items")[1]["data"][0]["role"] == "user"
    assert at(simulator, "POST", f"{two['id']}/cancel")[0] == 400
    assert at(simulator, "DELETE", two["id"])[1]["deleted"] is True
    assert at(simulator, "GET", two["id"])[0] == 404


def test_tokens_are_counted_and_nothing_is_kept(simulator: Simulator) -> None:
    reply = simulator.reply(
        "POST", f"{HERE}/input_tokens", KEY, json.dumps({"model": "sim-gpt", "input": "x"}).encode()
    )
    assert read(reply)["input_tokens"] > 0


@pytest.mark.parametrize(
    ("body", "param"),
    [({"wrong": 1}, "wrong"), ({"input": 1}, "input"), ({"tools": [{"type": "file_search"}]}, "tools")],
)
def test_what_the_vendor_would_refuse_is_refused(simulator: Simulator, body: dict[str, object], param: str) -> None:
    status, error = asked(simulator, **{"input": "x", **body})
    assert (status, error["error"]["param"]) == (400, param)


def test_a_fault_is_let_loose(simulator: Simulator) -> None:
    assert asked(simulator, input="x [[fault: status=429]]")[0] == 429
