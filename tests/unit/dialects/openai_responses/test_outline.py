"""What the gateway checks and reads of a Responses request that passes through."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects.openai_responses import outline
from sluice.errors import BadRequest


def test_the_outline_says_what_the_gateway_must_know() -> None:
    seen = outline({"model": "m", "input": "x", "stream": True, "max_output_tokens": 7}, 42)
    assert (seen.model, seen.stream, seen.include_usage, seen.max_output) == ("m", True, True, 7)
    assert (seen.choices, seen.prompt_bytes) == (1, 42)
    assert outline({"model": "m", "input": []}, 1).max_output is None


@pytest.mark.parametrize(
    "body",
    [
        {"input": [{"role": "user", "content": "x"}]},
        {"input": [{"type": "some_future_item", "x": 1}], "tools": [{"type": "some_future_tool"}]},
        {"previous_response_id": "resp_1"},
        {"prompt": {"id": "pmpt_1"}},
        {"input": [{"id": "msg_1"}]},
        {"input": "x", "future": True, "tool_choice": {"type": "future"}, "text": {"format": {"type": "future"}}},
        {"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]},
    ],
)
def test_what_the_gateway_does_not_rely_on_passes(body: dict[str, Any]) -> None:
    assert outline({"model": "m", **body}, 1).model == "m"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": " "}, "model"),
        ({}, "input"),
        ({"input": 5}, "input"),
        ({"input": ["x"]}, "input[0]"),
        ({"input": [{"type": 5}]}, "input[0].type"),
        ({"input": [{"type": "message", "content": "x"}]}, "input[0]"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": ["x"]}]}, "input[0].content"),
        ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}, "input[0].call_id"),
        ({"input": [{"type": "custom_tool_call", "call_id": "c", "name": "f"}]}, "input[0].input"),
        ({"input": [{"type": "function_call_output", "call_id": "c"}]}, "input[0].output"),
        ({"input": "x", "stream": "yes"}, "stream"),
        ({"input": "x", "temperature": "hot"}, "temperature"),
        ({"input": "x", "max_output_tokens": 0}, "max_output_tokens"),
        ({"input": "x", "max_output_tokens": 1.5}, "max_output_tokens"),
        ({"input": "x", "reasoning": "high"}, "reasoning"),
        ({"input": "x", "include": "all"}, "include"),
        ({"input": "x", "tools": {}}, "tools"),
        ({"input": "x", "tools": ["look"]}, "tools[0]"),
        ({"input": "x", "tools": [{"type": "function", "function": {"name": "look"}}]}, "tools[0].name"),
    ],
)
def test_what_no_provider_can_serve_is_refused_by_name(body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as raised:
        outline({"model": "m", **body}, 1)
    assert raised.value.param == param
    assert raised.value.message.endswith(".")
