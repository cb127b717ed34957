"""What is refused before a request is passed on, and what passes."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects.openai_chat import outline
from sluice.errors import BadRequest

USER = {"role": "user", "content": "Hello"}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}


def body(**members: Any) -> dict[str, Any]:
    return {"model": "gpt", "messages": [USER], **members}


def test_the_outline_holds_what_the_gateway_must_know() -> None:
    found = outline(
        body(stream=True, stream_options={"include_usage": True}, max_tokens=5, max_completion_tokens=7, n=3), 123
    )
    assert (found.model, found.stream, found.include_usage) == ("gpt", True, True)
    assert (found.max_output, found.choices, found.prompt_bytes) == (7, 3, 123)


def test_a_plain_request_has_no_bound_and_one_answer() -> None:
    found = outline(body(), 10)
    assert (found.stream, found.include_usage, found.max_output, found.choices) == (False, False, None, 1)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": None}, "model"),
        ({"model": " "}, "model"),
        ({"model": 5}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": {"role": "user"}}, "messages"),
        ({"messages": ["Hello"]}, "messages[0]"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "assistant", "tool_calls": {}}]}, "messages[0].tool_calls"),
        ({"messages": [USER, {"role": "tool", "content": "x"}]}, "messages[1].tool_call_id"),
        ({"messages": [USER, {"role": "tool", "tool_call_id": "call_1", "content": "x"}]}, "messages[1].tool_call_id"),
        ({"stream": "yes"}, "stream"),
        ({"stream": 1}, "stream"),
        ({"stream_options": True}, "stream_options"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "10"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_completion_tokens": 1.5}, "max_completion_tokens"),
        ({"n": 0}, "n"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": False}, "top_p"),
        ({"seed": "x"}, "seed"),
        ({"stop": 5}, "stop"),
        ({"stop": ["a", 5]}, "stop"),
        ({"tools": {}}, "tools"),
        ({"tools": ["look"]}, "tools[0]"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {"name": ""}}]}, "tools[0].function.name"),
        ({"tools": [{"function": {"name": "a", "parameters": "x"}}]}, "tools[0].function.parameters"),
        ({"functions": [{"description": "x"}]}, "functions[0].function.name"),
        ({"tool_choice": 3}, "tool_choice"),
        ({"response_format": "json"}, "response_format"),
        ({"metadata": ["x"]}, "metadata"),
        ({"user": 5}, "user"),
        ({"logprobs": "true"}, "logprobs"),
    ],
)
def test_what_is_wrong_is_named_with_a_remedy(members: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        outline(body(**members), 1)
    assert refused.value.param == param
    assert refused.value.message.startswith(param)
    assert len(refused.value.message) > len(param) + 15


def test_a_long_wrong_value_is_not_repeated() -> None:
    with pytest.raises(BadRequest) as refused:
        outline(body(temperature="a secret prompt " * 10), 1)
    assert "secret" not in refused.value.message


@pytest.mark.parametrize(
    "members",
    [
        {"made_up": {"deep": [1]}, "provider": {"order": ["x"]}},
        {"max_tokens": None, "stop": None, "tools": None, "n": None, "stream": None, "temperature": None},
        {"max_tokens": 10.0, "temperature": 0, "stop": "x", "seed": -1},
        {"tools": [{"type": "custom", "custom": {"name": "x"}}, {"type": "openrouter:web_search"}]},
        {"messages": [{"role": "assistant", "content": None, "tool_calls": None}, USER]},
        {"messages": [USER, {"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "call_1"}]},
        {"messages": [USER, {"role": "assistant", "tool_calls": [{"function": {}}]}, {"role": "tool", "content": ""}]},
        {"messages": [{"role": "function", "name": "f", "content": "x"}, {"role": "developer", "content": []}]},
        {"metadata": [], "logit_bias": [], "tools": [{"function": {"name": "f", "parameters": []}}]},
        {"messages": [{"role": "user", "content": None}]},
        {"tool_choice": {"type": "allowed_tools"}, "response_format": {"type": "grammar"}},
    ],
)
def test_unknown_and_optional_members_pass(members: dict[str, Any]) -> None:
    assert outline(body(**members), 1).model == "gpt"
