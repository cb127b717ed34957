"""Answers of other dialects are kept by the gateway: turns follow each other to any provider."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.types.http import Response
from tests.fakes import OTHER_KEY, Gateway, ScriptedTransport
from tests.unit.stored_responses.answers import (
    CLAUDE,
    OPENAI,
    PATH,
    gateway,
    last_event,
    native,
    numbers,
    said,
    told,
)

ASK: dict[str, Any] = {"model": CLAUDE, "input": "I am Ada.", "instructions": "Be brief."}


def first(at: Gateway, **more: object) -> dict[str, Any]:
    response, body = at.ask(PATH, {**ASK, **more})
    assert response.status == 200, body
    return dict(json.loads(body))


def sent(at: Gateway) -> dict[str, Any]:
    assert isinstance(at.transport, ScriptedTransport)
    return at.transport.sent()


def texts(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    found = []
    for message in messages:
        content = message["content"]
        found.append((message["role"], content if isinstance(content, str) else content[0]["text"]))
    return found


def refused(answer: tuple[Response, bytes]) -> tuple[int, dict[str, Any]]:
    response, body = answer
    return response.status, json.loads(body)["error"]


def test_the_next_turn_brings_the_whole_conversation_but_not_the_instructions() -> None:
    at = gateway(said("Hello Ada."))
    one = first(at)
    assert (one["store"], one["previous_response_id"]) == (True, None)
    assert one["id"].startswith("resp_")
    two = first(at, input="Who am I?", instructions=None, previous_response_id=one["id"])
    assert texts(sent(at)["messages"]) == [("user", "I am Ada."), ("assistant", "Hello Ada."), ("user", "Who am I?")]
    assert "system" not in sent(at)
    assert two["previous_response_id"] == one["id"]
    first(at, input=[{"role": "user", "content": "And now?"}], previous_response_id=two["id"])
    assert [role for role, _ in texts(sent(at)["messages"])] == ["user", "assistant", "user", "assistant", "user"]
    assert at.ledger.entries.keys()
    assert all("dropped" not in " ".join(entry.edits) for entry in at.ledger.entries.values())


def test_a_stream_is_stored_before_its_last_event_leaves() -> None:
    at = gateway(told("Hello Ada."))
    response = at.call(PATH, {**ASK, "stream": True})
    assert not isinstance(response.body, bytes)
    for block in response.body:
        if b"response.completed" in block:
            break
    identity = at.responses.only.id
    _, body = at.ask(PATH, {**ASK, "stream": True, "input": "Who am I?", "previous_response_id": identity})
    end = last_event(body)
    assert (end["type"], end["response"]["store"]) == ("response.completed", True)
    assert end["response"]["previous_response_id"] == identity
    assert numbers(body) == list(range(len(numbers(body))))
    assert ("assistant", "Hello Ada.") in texts(sent(at)["messages"])


def test_the_next_turn_may_go_to_a_provider_of_another_dialect() -> None:
    at = gateway(said("Hello Ada."), native())
    one = first(at)
    two = first(at, model=OPENAI, input="Who am I?", previous_response_id=one["id"])
    body = sent(at)
    assert "previous_response_id" not in body
    assert [item["role"] for item in body["input"]] == ["user", "assistant", "user"]
    assert "id" not in body["input"][1]
    assert at.responses.kept["search", two["id"]].native


def test_a_tool_round_trip_needs_the_result_alone() -> None:
    use = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}}
    at = gateway(said("", content=[use], stop_reason="tool_use"), said("Done."))
    tool = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}
    one = first(at, tools=[tool])
    call = next(item for item in one["output"] if item["type"] == "function_call")
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "17"}
    first(at, tools=[tool], input=[result], previous_response_id=one["id"])
    blocks = [block for message in sent(at)["messages"] for block in message["content"] if isinstance(block, dict)]
    assert [block["type"] for block in blocks][-2:] == ["tool_use", "tool_result"]
    assert blocks[-1]["tool_use_id"] == blocks[-2]["id"]


def test_signed_thinking_travels_with_the_conversation() -> None:
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    at = gateway(said("", content=[thinking, {"type": "text", "text": "Hi"}]), said("Done."))
    one = first(at, reasoning={"effort": "low"}, max_output_tokens=9000)
    first(at, reasoning={"effort": "low"}, max_output_tokens=9000, previous_response_id=one["id"])
    assert sent(at)["messages"][1]["content"][0] == thinking


def test_a_reference_to_an_item_of_an_earlier_answer_is_resolved() -> None:
    at = gateway(said("Hello Ada."))
    one = first(at)
    reference = {"type": "item_reference", "id": one["output"][0]["id"]}
    first(at, input=[{"role": "user", "content": "I am Ada."}, reference, {"role": "user", "content": "Who am I?"}])
    assert texts(sent(at)["messages"])[1] == ("assistant", "Hello Ada.")
    status, error = refused(at.ask(PATH, {**ASK, "input": [{"type": "item_reference", "id": "msg_" + "0" * 36}]}))
    assert (status, error["param"]) == (400, "input[0]")


def test_another_team_does_not_find_it() -> None:
    at = gateway(said("Hello Ada."))
    one = first(at)
    status, error = refused(at.ask(PATH, {**ASK, "previous_response_id": one["id"]}, key=OTHER_KEY))
    assert status == 400
    assert error["message"] == f"Previous response with id '{one['id']}' not found."
    assert (error["param"], error["code"]) == ("previous_response_id", "previous_response_not_found")
    reference = [{"type": "item_reference", "id": one["output"][0]["id"]}]
    assert refused(at.ask(PATH, {**ASK, "input": reference}, key=OTHER_KEY))[0] == 400


@pytest.mark.parametrize("stream", [True, False])
def test_store_false_keeps_nothing(stream: bool) -> None:
    at = gateway(told("Hi") if stream else said("Hi"))
    _, body = at.ask(PATH, {**ASK, "store": False, "stream": stream})
    answer = last_event(body)["response"] if stream else json.loads(body)
    assert answer["store"] is False
    assert at.responses.kept == {}
    assert "store" not in sent(at)


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_could_not_be_stored_is_given_and_says_so(stream: bool) -> None:
    at = gateway(told("Hi") if stream else said("Hi"))
    at.responses.broken = True
    response, body = at.ask(PATH, {**ASK, "stream": stream})
    answer = last_event(body)["response"] if stream else json.loads(body)
    assert (response.status, answer["store"], answer["status"]) == (200, False, "completed")
    assert sum("response_not_stored" in line for line in at.lines.written) == 1
    assert at.ledger.only.outcome == "ok"
    assert not any("Ada" in line for line in at.lines.written)


def test_reasoning_that_can_be_sent_back_is_asked_for_and_given() -> None:
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    at = gateway(said("", content=[thinking, {"type": "text", "text": "Hi"}]))
    asked = {"effort": "low"}
    one = first(at, store=False, include=["reasoning.encrypted_content"], reasoning=asked, max_output_tokens=9000)
    assert one["output"][0]["encrypted_content"]
    assert at.ledger.only.edits == ()


def test_a_broken_stream_is_not_stored() -> None:
    whole = told("Hi")
    assert whole.parts is not None
    whole.parts = whole.parts[:3]
    at = gateway(whole)
    _, body = at.ask(PATH, {**ASK, "stream": True})
    assert last_event(body)["type"] == "response.failed"
    assert at.responses.kept == {}


def test_a_deleted_turn_is_gone_from_those_that_follow_it() -> None:
    at = gateway(said("Hello Ada."), said("Well."))
    one = first(at)
    two = first(at, input="Go on.", previous_response_id=one["id"])
    at.ask(f"{PATH}/{one['id']}", None, method="DELETE")
    status, error = refused(at.ask(PATH, {**ASK, "previous_response_id": two["id"]}))
    assert (status, error["code"]) == (400, "previous_response_not_found")
    assert one["id"] in error["message"]
    assert "Send the whole conversation" in error["message"]
    assert b"Go on." in at.responses.only.content
    assert b"Ada" not in at.responses.only.content


def test_an_id_that_is_none_is_told_so() -> None:
    at = gateway(said("x"))
    for bad in ("resp 1", "", "../x", 7):
        status, error = refused(at.ask(PATH, {**ASK, "previous_response_id": bad}))
        assert (status, error["param"]) == (400, "previous_response_id")


def test_where_storing_is_off_nothing_is_kept_and_the_remedy_is_named() -> None:
    at = gateway(said("Hi"), stored_responses=False)
    assert first(at)["store"] is False
    assert at.responses.kept == {}
    status, error = refused(at.ask(PATH, {**ASK, "previous_response_id": "resp_1"}))
    assert (status, error["param"], error["code"]) == (400, "previous_response_id", "responses_not_stored")
    assert "Send the whole conversation as input" in error["message"]
    status, error = refused(at.ask(PATH, {**ASK, "background": True}))
    assert (status, error["param"]) == (400, "background")
