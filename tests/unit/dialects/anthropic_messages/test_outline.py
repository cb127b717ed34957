"""The check of requests that pass through."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects import anthropic_messages as wire
from sluice.errors import BadRequest

HELLO = {"role": "user", "content": "Hello"}
CALL = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {}}]}


def result(call: str = "t1", **members: Any) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call, **members}]}


def body(**members: Any) -> dict[str, Any]:
    return {"model": "claude", "max_tokens": 100, "messages": [HELLO], **members}


def refused(**members: Any) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        wire.outline(body(**members), 10)
    return caught.value


def test_outline_tells_what_the_gateway_must_know() -> None:
    outline = wire.outline(body(stream=True), 512)
    assert (outline.model, outline.stream, outline.include_usage) == ("claude", True, True)
    assert (outline.max_output, outline.choices, outline.prompt_bytes) == (100, 1, 512)


def test_a_missing_model_is_named() -> None:
    assert refused(model="").param == "model"


@pytest.mark.parametrize("value", [None, -1, 1.5, "100", True])
def test_max_tokens_must_be_a_whole_number(value: object) -> None:
    error = refused(max_tokens=value)
    assert error.param == "max_tokens"
    assert "max_tokens" in error.message


def test_max_tokens_of_zero_fills_the_cache_and_is_allowed() -> None:
    assert wire.outline(body(max_tokens=0), 1).max_output == 0


@pytest.mark.parametrize("value", [None, [], {}, "Hello"])
def test_messages_must_be_a_list_that_is_not_empty(value: object) -> None:
    assert refused(messages=value).param == "messages"


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ("Hello", "messages.0"),
        ({"role": "tool", "content": "x"}, "messages.0.role"),
        ({"role": "user", "content": None}, "messages.0.content"),
        ({"role": "user", "content": ["Hello"]}, "messages.0.content.0"),
        ({"role": "user", "content": [{"text": "no type"}]}, "messages.0.content.0"),
        ({"role": "user", "content": [{"type": "text"}]}, "messages.0.content.0.text"),
    ],
)
def test_a_malformed_message_is_named_by_its_place(message: object, param: str) -> None:
    assert refused(messages=[message]).param == param


def test_a_wrong_role_is_told_where_instructions_go() -> None:
    assert "system parameter" in refused(messages=[{"role": "developer", "content": "x"}]).message


def test_system_messages_between_turns_are_allowed() -> None:
    messages = [HELLO, {"role": "system", "content": "Be brief."}]
    assert wire.outline(body(messages=messages), 1).model == "claude"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stream", "yes"),
        ("temperature", "hot"),
        ("top_p", True),
        ("top_k", "5"),
        ("stop_sequences", "END"),
        ("stop_sequences", [1]),
        ("tools", {}),
        ("metadata", []),
        ("thinking", "on"),
        ("tool_choice", "auto"),
        ("output_config", 1),
        ("system", 5),
    ],
)
def test_a_member_of_the_wrong_type_is_named(name: str, value: object) -> None:
    assert refused(**{name: value}).param == name


def test_a_tool_needs_a_name() -> None:
    assert refused(tools=[{"input_schema": {"type": "object"}}]).param == "tools.0.name"


def test_a_server_tool_needs_none_of_a_functions_members() -> None:
    tools = [{"type": "web_search_20250305", "name": "web_search", "max_uses": 1}, {"type": "mcp_toolset"}]
    assert wire.outline(body(tools=tools), 1).model == "claude"


def test_members_nobody_knows_yet_pass() -> None:
    blocks = [{"type": "hologram", "source": 1}]
    outline = wire.outline(body(shiny=True, messages=[{"role": "user", "content": blocks}]), 1)
    assert outline.model == "claude"


def test_a_tool_result_without_any_call_is_refused_with_the_remedy() -> None:
    error = refused(messages=[HELLO, result()])
    assert error.param == "messages.1.content.0.tool_use_id"
    assert "send that assistant message too" in error.message


def test_a_tool_result_after_its_call_is_accepted() -> None:
    assert wire.outline(body(messages=[HELLO, CALL, result(content="sunny")]), 1).model == "claude"


def test_a_second_result_without_a_second_call_is_refused() -> None:
    error = refused(messages=[HELLO, CALL, result(), result("t2")])
    assert "'t2'" in error.message


def test_a_result_with_a_wrong_id_is_left_to_the_provider_while_a_call_waits() -> None:
    assert wire.outline(body(messages=[HELLO, CALL, result("other")]), 1).model == "claude"


def test_results_of_server_tools_may_be_answered_as_well() -> None:
    call = {"role": "assistant", "content": [{"type": "mcp_tool_use", "id": "m1", "name": "x", "input": {}}]}
    assert wire.outline(body(messages=[HELLO, call, result("m1")]), 1).model == "claude"


def test_a_tool_result_must_name_its_call() -> None:
    error = refused(messages=[HELLO, CALL, {"role": "user", "content": [{"type": "tool_result"}]}])
    assert error.param == "messages.2.content.0.tool_use_id"
