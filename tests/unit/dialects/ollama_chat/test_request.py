"""Requests of Ollama callers: read in full, written back the same, and told to providers of other dialects."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import ollama_chat as wire
from sluice.dialects import openai_chat as chat
from sluice.errors import BadRequest
from sluice.types.chat import Image, OutputFormat, Reasoning, Text, Thinking, ToolCall, ToolResult

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CALL = {"function": {"index": 0, "name": "look", "arguments": {"city": "Rome"}}}
FULL: dict[str, Any] = {
    "model": "qwen3",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Where?", "images": ["iVBORw0KGgo=", "/9j/AA=="]},
        {"role": "assistant", "content": "Hm", "thinking": "I look.", "tool_calls": [CALL, {**CALL, "id": "call_2"}]},
        {"role": "tool", "content": "grey", "tool_name": "look"},
        {"role": "tool", "content": "blue", "tool_name": "look", "tool_call_id": "call_2"},
        {"role": "user", "content": "So?", "odd": 1},
    ],
    "stream": True,
    "tools": [{"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": SCHEMA}}],
    "format": SCHEMA,
    "think": "high",
    "options": {
        "num_predict": 100,
        "temperature": 0.3,
        "top_p": 0.9,
        "top_k": 5,
        "seed": 7,
        "stop": ["END"],
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "num_ctx": 8192,
        "min_p": 0.1,
    },
    "keep_alive": "5m",
    "logprobs": True,
    "top_logprobs": 2,
}


def ask(*turns: dict[str, Any], **members: Any) -> Any:
    return wire.decode_request({"model": "m", "messages": list(turns) or [{"role": "user", "content": "x"}], **members})


def test_every_member_finds_its_canonical_form() -> None:
    request = wire.decode_request(FULL)
    assert request.messages[1].parts == (
        Text("Where?"),
        Image(data="iVBORw0KGgo=", media_type="image/png"),
        Image(data="/9j/AA==", media_type="image/jpeg"),
    )
    thinking, text, first, second = request.messages[2].parts
    assert (thinking, text) == (Thinking("I look."), Text("Hm"))
    assert isinstance(first, ToolCall)
    assert isinstance(second, ToolCall)
    assert (first.name, first.arguments, second.id) == ("look", '{"city":"Rome"}', "call_2")
    results = [part for message in request.messages[3:5] for part in message.parts]
    assert all(isinstance(result, ToolResult) for result in results)
    assert [result.call_id for result in results if isinstance(result, ToolResult)] == [first.id, "call_2"]
    assert request.output_format == OutputFormat("json_schema", schema=SCHEMA)
    assert request.reasoning == Reasoning("high", enabled=True)
    assert (request.max_tokens, request.stop, request.seed, request.top_k) == (100, ("END",), 7, 5)
    assert (request.logprobs, request.top_logprobs, request.stream) == (True, 2, True)
    assert request.extras == {"options": {"num_ctx": 8192, "min_p": 0.1}, "keep_alive": "5m"}


def test_a_request_is_written_back_as_it_came() -> None:
    encoded = wire.encode_request(wire.decode_request(FULL), "qwen3", {}, True)
    assert encoded.body == FULL
    assert encoded.edits == ()


@pytest.mark.parametrize(
    "members",
    [
        {"stream": False},
        {"think": True},
        {"think": False},
        {"think": "none"},
        {"think": "deepest"},
        {"format": "json"},
        {"format": ""},
        {"format": "xml"},
        {"options": {"num_predict": -1, "stop": "END"}},
        {"options": {}},
        {"tools": [{"type": "web_search"}, {"type": "function", "function": {"name": "f", "odd": 1}, "more": 2}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": '{"a":1}'}}]}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "odd"}}]}]},
        {"messages": [{"role": "tool", "content": "x", "tool_name": "unknown", "images": ["iVBO"]}]},
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "developer", "content": "x"}]},
    ],
)
def test_what_is_read_is_read_again_after_it_was_written(members: dict[str, Any]) -> None:
    request = wire.decode_request({"model": "m", "messages": [{"role": "user", "content": "x"}], **members})
    assert wire.decode_request(wire.encode_request(request, "m", {}, True).body) == request


def test_ids_of_calls_without_one_are_stable_distinct_and_never_sent_back() -> None:
    turn = {"role": "assistant", "content": "", "tool_calls": [CALL, CALL]}
    ids = [[part.id for message in ask(turn, turn).messages for part in message.parts] for _ in range(2)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 4
    written: Any = wire.encode_request(ask(turn, turn), "m", {}, True).body["messages"]
    assert all("id" not in call for message in written for call in message["tool_calls"])


def test_results_without_an_id_answer_the_calls_of_their_tool_in_order() -> None:
    other = {"function": {"name": "wait", "arguments": {}}}
    turn = {"role": "assistant", "content": "", "tool_calls": [CALL, other, CALL]}
    results = [
        {"role": "tool", "content": "x", **named} for named in ({"tool_name": "wait"}, {}, {"tool_name": "look"})
    ]
    request = ask(turn, *results, {"role": "tool", "content": "late"})
    calls = [part.id for part in request.messages[0].parts]
    answered = [message.parts[0].call_id for message in request.messages[1:]]
    assert answered[:3] == [calls[1], calls[0], calls[2]]
    assert answered[3] not in calls


def test_a_role_that_no_other_dialect_has_is_refused_in_translation_only() -> None:
    body = {"model": "m", "messages": [{"role": "control", "content": "thinking"}]}
    assert wire.outline(body, 1).model == "m"
    with pytest.raises(BadRequest, match="'control'"):
        wire.decode_request(body)


def test_a_chat_provider_hears_the_whole_conversation() -> None:
    encoded = chat.encode_request(wire.decode_request(FULL), "gpt", {}, False)
    body: Any = encoded.body
    assert body["messages"][1]["content"][1]["image_url"]["url"] == "data:image/png;base64,iVBORw0KGgo="
    calls = body["messages"][2]["tool_calls"]
    assert [call["function"]["arguments"] for call in calls] == ['{"city":"Rome"}'] * 2
    assert [message.get("tool_call_id") for message in body["messages"][3:5]] == [call["id"] for call in calls]
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert (body["max_tokens"], body["stop"], body["reasoning_effort"]) == (100, ["END"], "high")
    assert {"dropped:keep_alive", "dropped:options"} <= set(encoded.edits)


def test_a_messages_provider_hears_the_whole_conversation() -> None:
    turns: Any = messages.encode_request(wire.decode_request(FULL), "claude", {}, False).body["messages"]
    assert [block["type"] for block in turns[0]["content"]] == ["text", "image", "image"]
    uses = [block for block in turns[1]["content"] if block["type"] == "tool_use"]
    results = [block for block in turns[2]["content"] if block["type"] == "tool_result"]
    assert [result["tool_use_id"] for result in results] == [use["id"] for use in uses]
    assert [result["content"] for result in results] == ["grey", "blue"]
