"""What the gateway itself keeps: read, told again, listed, deleted."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from sluice.errors import ProviderUnreachable
from tests.fakes import OTHER_KEY, Gateway
from tests.unit.stored_responses.answers import CLAUDE, PATH, gateway, last_event, numbers, said, told

ITEMS = [
    {"role": "user", "content": "one"},
    {"type": "message", "id": "msg_mine", "role": "assistant", "content": "two"},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": "x"},
    {"role": "user", "content": [{"type": "input_text", "text": "five"}]},
]


def made(at: Gateway, **more: object) -> dict[str, Any]:
    body = {"model": CLAUDE, "input": "Hello", "tools": [{"type": "function", "name": "f", "parameters": {}}], **more}
    response, read = at.ask(PATH, body)
    assert response.status == 200, read
    return dict(json.loads(read))


def got(at: Gateway, path: str, **options: str) -> tuple[int, dict[str, Any]]:
    response, body = at.ask(path, None, **{"method": "GET", **options})
    return response.status, json.loads(body)


def test_an_answer_is_read_as_it_was_given() -> None:
    at = gateway(said("Hi"))
    one = made(at)
    assert got(at, f"{PATH}/{one['id']}") == (200, one)
    entry = list(at.ledger.entries.values())[-1]
    assert (entry.operation, entry.cost, entry.outcome) == ("response_retrieve", 0, "ok")


def test_the_end_of_a_stream_is_what_is_read() -> None:
    at = gateway(told("Hi"))
    _, body = at.ask(PATH, {"model": CLAUDE, "input": "Hello", "stream": True})
    end = last_event(body)["response"]
    assert got(at, f"{PATH}/{end['id']}") == (200, end)


def test_an_answer_is_told_again_in_numbered_events() -> None:
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    use = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}}
    at = gateway(said("", content=[thinking, {"type": "text", "text": "Hi"}, use], stop_reason="tool_use"))
    one = made(at)
    response, body = at.ask(f"{PATH}/{one['id']}?stream=true", None, method="GET")
    assert response.headers["content-type"].startswith("text/event-stream")
    assert numbers(body) == list(range(len(numbers(body))))
    assert last_event(body) == {
        "type": "response.completed",
        "sequence_number": numbers(body)[-1],
        "response": one,
    }
    done = [
        json.loads(line[6:])
        for line in body.split(b"\n")
        if b'"response.output_item.done"' in line and line[:1] == b"d"
    ]
    assert [event["item"] for event in done] == one["output"]


@pytest.mark.parametrize(("after", "first"), [(0, 1), (3, 4), (5000, 5001)])
def test_a_stream_goes_on_behind_a_number_and_always_ends(after: int, first: int) -> None:
    at = gateway(said("Hi"))
    one = made(at)
    _, body = at.ask(f"{PATH}/{one['id']}?stream=true&starting_after={after}", None, method="GET")
    assert numbers(body)[0] == first
    assert last_event(body)["response"] == one


def test_a_number_that_is_none_is_refused() -> None:
    at = gateway(said("Hi"))
    status, body = got(at, f"{PATH}/{made(at)['id']}?stream=true&starting_after=x")
    assert (status, body["error"]["param"]) == (400, "starting_after")


def test_input_items_are_listed_in_pages() -> None:
    at = gateway(said("Hi"))
    here = f"{PATH}/{made(at, input=ITEMS)['id']}/input_items"
    _, whole = got(at, here + "?order=asc")
    assert (whole["object"], whole["has_more"]) == ("list", False)
    assert [item["type"] for item in whole["data"]] == [
        "message",
        "message",
        "function_call",
        "function_call_output",
        "message",
    ]
    assert whole["data"][0]["content"] == [{"type": "input_text", "text": "one"}]
    assert whole["data"][1]["content"] == [{"type": "output_text", "text": "two"}]
    ids = [item["id"] for item in whole["data"]]
    assert (len(set(ids)), ids[1]) == (5, "msg_mine")
    _, latest = got(at, here + "?limit=2")
    assert ([item["id"] for item in latest["data"]], latest["has_more"]) == ([ids[4], ids[3]], True)
    assert (latest["first_id"], latest["last_id"]) == (ids[4], ids[3])
    _, rest = got(at, f"{here}?after={latest['last_id']}")
    assert [item["id"] for item in rest["data"]] == [ids[2], ids[1], ids[0]]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "order=up", "after=no"])
def test_a_page_that_cannot_be_is_refused(query: str) -> None:
    at = gateway(said("Hi"))
    status, body = got(at, f"{PATH}/{made(at)['id']}/input_items?{query}")
    assert (status, body["error"]["param"]) == (400, query.partition("=")[0])


def test_a_deleted_answer_is_gone_at_once() -> None:
    at = gateway(said("Hi"))
    here = f"{PATH}/{made(at)['id']}"
    status, body = got(at, here, method="DELETE")
    assert (status, body["object"], body["deleted"]) == (200, "response.deleted", True)
    assert at.responses.kept == {}
    assert got(at, here)[0] == 404
    assert got(at, here, method="DELETE")[0] == 404


def test_an_answer_of_the_gateways_own_is_never_in_the_background() -> None:
    at = gateway(said("Hi"))
    status, body = got(at, f"{PATH}/{made(at)['id']}/cancel", method="POST")
    assert (status, body["error"]["message"]) == (400, "Cannot cancel a synchronous response.")


@pytest.mark.parametrize(("end", "method"), [("", "GET"), ("", "DELETE"), ("/cancel", "POST"), ("/input_items", "GET")])
def test_for_another_team_there_is_no_such_answer(end: str, method: str) -> None:
    at = gateway(said("Hi"))
    here = f"{PATH}/{made(at)['id']}{end}"
    status, body = got(at, here, method=method, key=OTHER_KEY)
    assert (status, body["error"]["code"]) == (404, "response_not_found")
    assert at.responses.kept
    assert got(at, here, method=method, key="")[0] == 401


def test_a_stream_that_breaks_is_numbered_to_its_end() -> None:
    broken = told("Hi")
    assert broken.parts is not None
    broken.parts = [*broken.parts[:3], ProviderUnreachable("gone")]
    at = gateway(broken)
    _, body = at.ask(PATH, {"model": CLAUDE, "input": "Hello", "stream": True})
    assert numbers(body) == list(range(len(numbers(body))))
    end = last_event(body)
    assert (end["type"], end["response"]["store"]) == ("response.failed", False)
    assert end["response"]["output"][0]["content"][0]["text"] == "Hi"
    assert at.ledger.only.outcome == "failed"


def test_composing_the_gateway_loads_none_of_it() -> None:
    script = "import sys, sluice.wiring; print([m for m in sys.modules if 'stored' in m])"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
