"""What the simulator refuses in the Anthropic dialect, and how it reads what it accepts."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.local.simulator.conftest import Post

PATH = "/anthropic/v1/messages"
HELLO = [{"role": "user", "content": "Hello"}]
TOOL = {"name": "look", "input_schema": {"type": "object", "properties": {}}}
USED = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {}}]}
THINKING = {"type": "enabled", "budget_tokens": 1024}
MARK = {"cache_control": {"type": "ephemeral"}}


def result(identity: str, content: Any = "42", **more: Any) -> Any:
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": identity, "content": content, **more}]}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"max_tokens": None}, "max_tokens"),
    ({"max_tokens": 0}, "greater than or equal to 1"),
    ({"max_tokens": 10**6}, "maximum allowed number of output tokens"),
    ({"messages": []}, "at least one message is required"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
    ({"messages": [{"role": "user", "content": ""}]}, "must have non-empty content"),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]}, "must be non-empty"),
    ({"messages": [{"role": "user"}]}, "content: Field required"),
    ({"messages": [{"role": "user", "content": [{"type": "thinking", "thinking": "x"}]}]}, "messages.0.content.0"),
    ({"messages": [*HELLO, USED]}, "without `tool_result` blocks"),
    ({"messages": [*HELLO, USED, *HELLO]}, "without `tool_result` blocks"),
    ({"messages": [*HELLO, result("t9")]}, "unexpected `tool_use_id`"),
    ({"messages": [*HELLO, USED, result("t9")]}, "without `tool_result` blocks"),
    ({"system": [{"type": "text", "text": ""}]}, "non-empty"),
    ({"system": 7}, "system"),
    ({"temperature": 1.5}, "is not from 0 to 1"),
    ({"stop_sequences": ["  "]}, "non-whitespace"),
    ({"frobnicate": 1}, "frobnicate: Extra inputs are not permitted"),
    ({"tools": [{"name": "x"}]}, "input_schema: Field required"),
    ({"tools": [{"name": "x", "input_schema": {"type": "array"}}]}, "should be 'object'"),
    ({"tools": [{"name": "no spaces", "input_schema": {"type": "object"}}]}, "pattern"),
    ({"tool_choice": {"type": "any"}}, "while providing tools"),
    ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "other"}}, "'other' not found"),
    ({"thinking": {"type": "enabled", "budget_tokens": 10}}, "greater than or equal to 1024"),
    ({"thinking": {"type": "enabled", "budget_tokens": 5000}}, "must be greater than `thinking.budget_tokens`"),
    ({"thinking": THINKING, "temperature": 0.5}, "may only be set to 1"),
    ({"thinking": THINKING, "tools": [TOOL], "tool_choice": {"type": "any"}}, "forces tool use"),
    ({"thinking": THINKING, "messages": [*HELLO, USED, result("t1")]}, "Expected `thinking`"),
    ({"output_config": {"format": {"type": "json_object"}}}, "output_config.format.type"),
    ({"output_config": {"effort": "enormous"}}, "output_config.effort"),
    ({"system": [{"type": "text", "text": "x", **MARK}] * 5}, "maximum of 4 blocks"),
    ({"system": [{"type": "text", "text": "x", "cache_control": {"type": "forever"}}]}, "cache_control.type"),
]


@pytest.mark.parametrize(("members", "told"), REFUSED)
def test_wrong_requests_get_400_and_a_reason(post: Post, members: dict[str, Any], told: str) -> None:
    reply = post(PATH, {"model": "sim-claude", "max_tokens": 2000, "messages": HELLO, **members})
    assert reply.status == 400
    assert reply.body["type"] == "error"
    assert told in reply.body["error"]["message"]
    assert reply.body["error"]["type"] == "invalid_request_error"


def test_missing_max_tokens_and_model_are_refused(post: Post) -> None:
    assert (
        post(PATH, {"model": "sim-claude", "messages": HELLO}).body["error"]["message"] == "max_tokens: Field required"
    )
    assert post(PATH, {"max_tokens": 5, "messages": HELLO}).status == 400


def test_key_may_come_either_way_and_must_be_a_simulated_one(post: Post) -> None:
    body = {"model": "sim-claude", "max_tokens": 5, "messages": HELLO}
    assert post(PATH, body, key="", x_api_key="sim-key").status == 200
    assert post(PATH, body).status == 200
    refused = post(PATH, body, key="sk-ant-real")
    assert (refused.status, refused.body["error"]["type"]) == (401, "authentication_error")


def test_any_version_is_accepted_but_none_is_not(post: Post) -> None:
    body = {"model": "sim-claude", "max_tokens": 5, "messages": HELLO}
    assert post(PATH, body, anthropic_version="2026-10-21").status == 200
    assert post(PATH, body, anthropic_version="2023-06-01", anthropic_beta="a,b").status == 200


def test_max_tokens_and_stop_sequences_have_their_own_stop_reasons(messages: Callable[..., Any]) -> None:
    assert messages("count to 100", max_tokens=5)["stop_reason"] == "max_tokens"
    stopped = messages("count to 9", stop_sequences=[" 4"])
    assert (stopped["stop_reason"], stopped["stop_sequence"]) == ("stop_sequence", " 4")
    assert stopped["content"][0]["text"] == "1, 2, 3,"


def test_text_stands_before_the_calls_unless_a_call_is_forced(messages: Callable[..., Any]) -> None:
    free = messages("take a look", tools=[TOOL])
    assert [block["type"] for block in free["content"]] == ["text", "tool_use"]
    forced = messages("Hello", tools=[TOOL], tool_choice={"type": "any", "disable_parallel_tool_use": True})
    assert [block["type"] for block in forced["content"]] == ["tool_use"]


def test_failed_tool_is_reported_as_failed(messages: Callable[..., Any]) -> None:
    turns = [*HELLO, USED, result("t1", [{"type": "text", "text": "no such file"}], is_error=True)]
    assert messages(turns, tools=[TOOL])["content"][0]["text"] == "The tool look failed with: no such file"


def test_images_and_documents_are_acknowledged_with_type_and_size(messages: Callable[..., Any]) -> None:
    gif = base64.b64encode(b"GIF89a" + bytes([16, 0, 9, 0])).decode()
    content = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": gif}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "some notes"}},
        {"type": "document", "source": {"type": "file", "file_id": "file_9"}},
        {"type": "text", "text": "What are these?"},
    ]
    text = messages([{"role": "user", "content": content}])["content"][0]["text"]
    assert "an image (image/gif, 16x9 pixels, 10 bytes)" in text
    assert "a document (text/plain, 10 bytes)" in text
    assert "a document (at file_9)" in text


def test_system_messages_among_the_turns_are_read(messages: Callable[..., Any]) -> None:
    turns = [{"role": "system", "content": "Be brief."}, *HELLO]
    assert "Hello" in messages(turns)["content"][0]["text"]


def test_server_tools_are_accepted_and_not_called(messages: Callable[..., Any]) -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    assert messages("search the web", tools=[search])["stop_reason"] == "end_turn"


def test_structured_output_follows_the_schema(messages: Callable[..., Any]) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}, "n": {"type": "integer", "minimum": 3}}}
    answer = messages("The 5 parks of Berlin", output_config={"format": {"type": "json_schema", "schema": schema}})
    assert json.loads(answer["content"][0]["text"]) == {"city": "Berlin", "n": 5}


def test_one_hour_cache_is_counted_apart(messages: Callable[..., Any]) -> None:
    block = {"type": "text", "text": "ab " * 40, "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    usage = messages(HELLO, system=[block])["usage"]
    assert usage["cache_creation"] == {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 41}


def test_turn_that_moves_its_cache_mark_reads_what_the_last_turn_wrote(messages: Callable[..., Any]) -> None:
    first = [{"role": "user", "content": [{"type": "text", "text": "ab " * 40, **MARK}]}]
    written = messages(first)["usage"]["cache_creation_input_tokens"]
    said = {"role": "assistant", "content": "Yes."}
    second = [*first, said, {"role": "user", "content": [{"type": "text", "text": "cd " * 20, **MARK}]}]
    usage = messages(second)["usage"]
    assert usage["cache_read_input_tokens"] == written
    assert usage["cache_creation_input_tokens"] > 20


def test_earlier_thinking_is_not_part_of_the_prompt(messages: Callable[..., Any]) -> None:
    thought = messages("Why?", thinking=THINKING)["content"]
    turns = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": thought}, *HELLO]
    bare = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": thought[1:]}, *HELLO]
    assert messages(turns)["usage"]["input_tokens"] == messages(bare)["usage"]["input_tokens"]
