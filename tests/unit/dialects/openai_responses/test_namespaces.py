"""Grouped tools and tools that a vendor runs itself, asked of models of other dialects."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects import openai_responses as wire
from sluice.dialects.openai_responses.namespaces import NAME_LIMIT, qualified
from sluice.types.chat import ToolCall
from sluice.types.routes import Route, RouteTarget
from tests.fakes import Gateway, Scripted, ScriptedTransport, configuration, custom, events

PARAMETERS = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
GROUP: dict[str, Any] = {
    "type": "namespace",
    "name": "agents",
    "description": "Tools for agents",
    "tools": [
        {"type": "function", "name": "close", "description": "Close one", "parameters": PARAMETERS, "strict": False},
        {"type": "custom", "name": "note", "description": "Write a note"},
    ],
}
PLAIN: dict[str, Any] = {"type": "function", "name": "look", "parameters": PARAMETERS, "strict": False}
SEARCH = {"type": "web_search", "external_web_access": False}
ASK: dict[str, Any] = {"model": "openai/test-gpt", "input": "Close agent 7", "tools": [PLAIN, GROUP, SEARCH]}


CHAT = configuration(
    models={"openai/test-gpt": custom("openai/test-gpt", dialects=("openai_chat",))},
    routes={"strict": Route("strict", (RouteTarget("openai/test-gpt"),), strict_parameters=True)},
)


def answer(name: str, arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    message = {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function", "function": function}]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


def asked(body: dict[str, Any], answered: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], str]:
    transport = ScriptedTransport(Scripted(body=json.dumps(answered).encode()))
    response, raw = Gateway(transport, live=CHAT).ask("/v1/responses", body)
    assert response.status == 200, raw
    return dict(transport.sent()), json.loads(raw), response.headers.get("x-sluice-edits", "")


def test_grouped_functions_are_offered_one_by_one_and_called_back_in_their_group() -> None:
    sent, body, edits = asked(ASK, answer("agents__close", '{"id":"7"}'))
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["look", "agents__close", "agents__note"]
    assert sent["tools"][1]["function"]["parameters"] == PARAMETERS
    (call,) = body["output"]
    assert (call["type"], call["namespace"], call["name"]) == ("function_call", "agents", "close")
    assert call["arguments"] == '{"id":"7"}'
    assert edits == "dropped:tools.web_search"


def test_a_free_text_tool_of_a_group_is_called_with_text() -> None:
    _, body, _ = asked(ASK, answer("agents__note", '{"input":"done"}'))
    (call,) = body["output"]
    assert (call["type"], call["namespace"], call["name"]) == ("custom_tool_call", "agents", "note")
    assert call["input"] == "done"


def test_a_call_stands_in_its_group_in_a_stream_too() -> None:
    delta = {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "agents__close"}}]}
    more = {"tool_calls": [{"index": 0, "function": {"arguments": '{"id":"7"}'}}]}
    chunks = [
        {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [{"index": 0, "delta": each}]}
        for each in (delta, more)
    ]
    chunks.append({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    told = [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks]
    transport = ScriptedTransport(events(*told, b"data: [DONE]\n\n"))
    _, raw = Gateway(transport, live=CHAT).ask("/v1/responses", {**ASK, "stream": True})
    heard = [json.loads(line[6:]) for line in raw.decode().splitlines() if line.startswith("data: {")]
    items = [each["item"] for each in heard if each["type"].startswith("response.output_item")]
    assert {(item["namespace"], item["name"]) for item in items} == {("agents", "close")}
    assert heard[-1]["response"]["output"][0]["namespace"] == "agents"


def test_an_earlier_call_is_told_under_the_name_that_the_model_knows() -> None:
    call = {"type": "function_call", "call_id": "c1", "namespace": "agents", "name": "close", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "c1", "output": "closed"}
    turns = [{"role": "user", "content": "Close it"}, call, result]
    sent, _, _ = asked({**ASK, "input": turns}, answer("look", "{}"))
    assert sent["messages"][1]["tool_calls"][0]["function"]["name"] == "agents__close"


def test_the_same_dialect_keeps_groups_and_calls_as_they_are() -> None:
    call = {"type": "function_call", "call_id": "c1", "namespace": "agents", "name": "close", "arguments": "{}"}
    request = wire.decode_request({**ASK, "input": [{"role": "user", "content": "x"}, call]})
    written = wire.encode_request(request, "m", {}, True).body
    assert written["tools"] == [PLAIN, GROUP, SEARCH]
    (part,) = [part for message in request.messages for part in message.parts if isinstance(part, ToolCall)]
    assert (part.name, part.extras["namespace"]) == ("close", "agents")


def test_a_long_name_stays_within_what_vendors_take_and_apart_from_others() -> None:
    names = {qualified("n" * 60, f"{'x' * 30}{number}") for number in range(50)}
    assert len(names) == 50
    assert {len(name) for name in names} == {NAME_LIMIT}


@pytest.mark.parametrize("changes", [{"tools": [SEARCH]}, {"tool_choice": "required"}], ids=["alone", "forced"])
def test_a_vendors_own_tool_is_refused_where_the_request_cannot_do_without_it(changes: dict[str, Any]) -> None:
    transport = ScriptedTransport(Scripted())
    response, raw = Gateway(transport, live=CHAT).ask("/v1/responses", {**ASK, **changes})
    assert (response.status, json.loads(raw)["error"]["param"]) == (400, "tools")
    assert not transport.calls


def test_a_strict_route_leaves_no_tool_out() -> None:
    transport = ScriptedTransport(Scripted())
    gateway = Gateway(transport, live=CHAT)
    assert gateway.ask("/v1/responses", {**ASK, "model": "strict"})[0].status == 400
    assert not transport.calls
