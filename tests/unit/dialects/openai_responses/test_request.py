"""Requests of this dialect in canonical form, and what declared quirks make of them on the way to a provider."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import openai_chat as chat
from sluice.dialects import openai_responses as wire
from sluice.dialects.quirks import check
from sluice.errors import BadRequest, UnsupportedParameter
from sluice.types.chat import Message, Reasoning, Text, Thinking, ToolCall, ToolResult
from tests.unit.dialects.openai_responses.tellings import SCHEMA, asked

SAID: dict[str, Any] = {"messages": [{"role": "user", "content": "x"}]}
LOOK = {"type": "function", "function": {"name": "look", "parameters": SCHEMA, "strict": True}}


def decoded(*items: dict[str, Any], **members: Any) -> Any:
    return wire.decode_request({"model": "m", "input": list(items), **members})


def test_what_the_assistant_did_in_one_go_is_one_message() -> None:
    request = decoded(
        {"role": "user", "content": "Look."},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {
            "type": "message",
            "role": "assistant",
            "id": "msg_1",
            "content": [{"type": "output_text", "text": "I look."}],
        },
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "sun"},
        {"type": "function_call_output", "call_id": "c2", "output": "snow"},
    )
    assert [message.role for message in request.messages] == ["user", "assistant", "tool", "tool"]
    parts = request.messages[1].parts
    assert [type(part) for part in parts] == [Thinking, Text, ToolCall, ToolCall]
    assert request.messages[2].parts == (ToolResult("c1", (Text("sun"),)),)


def test_instructions_are_the_first_system_message_and_go_back_where_they_stood() -> None:
    request = decoded({"role": "system", "content": "Twice."}, instructions="Be brief.")
    assert [message.parts for message in request.messages] == [(Text("Be brief."),), (Text("Twice."),)]
    body: Any = wire.encode_request(request, "m", {}, True).body
    assert body["instructions"] == "Be brief."
    assert [item["role"] for item in body["input"]] == ["system"]


def test_a_string_is_one_user_message() -> None:
    assert wire.decode_request({"model": "m", "input": "Hi"}).messages == (Message("user", (Text("Hi"),)),)


def test_an_unknown_role_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadRequest, match="'user', 'assistant', 'system' or 'developer'") as raised:
        decoded({"role": "critic", "content": "x"})
    assert raised.value.param == "input[0].role"


@pytest.mark.parametrize(
    ("part", "words"),
    [({"type": "input_image"}, "image_url"), ({"type": "input_file", "filename": "a"}, "file_data")],
)
def test_a_part_without_content_is_refused(part: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequest, match=words) as raised:
        decoded({"role": "user", "content": [part]})
    assert raised.value.param == "input[0].content[0]"


def test_effort_is_canonical_and_the_rest_of_reasoning_is_kept() -> None:
    request = decoded(reasoning={"effort": "high", "summary": "detailed"})
    assert request.reasoning == Reasoning(effort="high")
    assert wire.encode_request(request, "m", {}, True).body["reasoning"] == {"effort": "high", "summary": "detailed"}


@pytest.mark.parametrize(
    ("quirks", "effort", "sent"),
    [
        ({}, "xhigh", {"effort": "high"}),
        ({"reasoning_efforts": ["none", "low", "xhigh"]}, "none", {"effort": "none"}),
        ({}, "none", None),
    ],
)
def test_the_nearest_effort_that_the_provider_takes_is_sent(quirks: dict[str, Any], effort: str, sent: Any) -> None:
    encoded = asked(chat, {**SAID, "reasoning_effort": effort}, quirks)
    assert encoded.body.get("reasoning") == sent


def test_declared_quirks_shape_a_translated_request() -> None:
    quirks = {
        "strict_tools": False,
        "tool_choice_required": "any",
        "drop": ["store"],
        "defaults": {"truncation": "auto"},
        "min_output_tokens": 16,
    }
    assert check(quirks) == []
    encoded = asked(chat, {**SAID, "tools": [LOOK], "tool_choice": "required", "max_tokens": 400}, quirks)
    body: Any = encoded.body
    assert "strict" not in body["tools"][0]
    assert (body["tool_choice"], body["truncation"], body["max_output_tokens"]) == ("any", "auto", 400)
    assert "store" not in body
    assert encoded.edits == ("dropped:store", "default:truncation")


def test_a_schema_is_refused_where_the_model_cannot_be_held_to_it() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}
    with pytest.raises(UnsupportedParameter) as raised:
        asked(chat, {**SAID, "response_format": wanted}, {"json_schema": False})
    assert raised.value.param == "text.format"
    body: Any = asked(chat, {**SAID, "response_format": wanted}).body
    assert body["text"]["format"] == {"type": "json_schema", "name": "a", "schema": SCHEMA}


def test_a_cache_mark_is_written_where_the_provider_takes_one() -> None:
    block = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
    said = {"messages": [{"role": "user", "content": [block]}]}
    assert "dropped:cache_control" in asked(messages, said).edits
    body: Any = asked(messages, said, {"prompt_cache_breakpoint": True}).body
    assert body["input"][0]["content"][0]["prompt_cache_breakpoint"] == {"mode": "explicit"}


def test_anothers_file_id_and_server_tool_are_refused() -> None:
    image = {"type": "image", "source": {"type": "file", "file_id": "file_1"}}
    for body in (
        {"messages": [{"role": "user", "content": [image]}]},
        {**SAID, "tools": [{"type": "web_search_20250305", "name": "web_search"}]},
    ):
        with pytest.raises(UnsupportedParameter):
            asked(messages, body)
