"""What the simulator refuses in the OpenAI dialect, and how it reads what it accepts."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.local.simulator.conftest import Post

PATH = "/openai/v1/chat/completions"
HELLO = [{"role": "user", "content": "Hello"}]
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
CALLED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
}
OPEN_OBJECT = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", 64, 48) + b"rest"


def schema_format(schema: Any, **more: Any) -> Any:
    return {"type": "json_schema", "json_schema": {"name": "thing", "schema": schema, **more}}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"messages": []}, "empty array"),
    ({"messages": "Hello"}, "Invalid type for 'messages'"),
    ({"messages": [{"role": "narrator", "content": "x"}]}, "Supported values are"),
    ({"messages": [{"role": "user", "content": None}]}, "got null"),
    ({"messages": [{"role": "user", "content": []}]}, "empty array"),
    ({"messages": [{"role": "user", "content": 7}]}, "a string or an array"),
    ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "Invalid value for"),
    ({"messages": [{"role": "tool", "tool_call_id": "x", "content": "y"}]}, "must be a response to a preceding"),
    ({"messages": [*HELLO, CALLED]}, "did not have response messages: call_1"),
    ({"messages": [*HELLO, CALLED, *HELLO]}, "did not have response messages: call_1"),
    ({"temperature": 3}, "is not from 0 to 2"),
    ({"temperature": "hot"}, "expected a number"),
    ({"max_tokens": 0}, "is not from 1"),
    ({"max_tokens": True}, "expected an integer"),
    ({"max_tokens": 5, "max_completion_tokens": 5}, "only one of"),
    ({"n": 99}, "is not from 1 to 16"),
    ({"stop": ["a", "b", "c", "d", "e"]}, "at most 4"),
    ({"stream_options": {"include_usage": True}}, "only allowed when 'stream' is enabled"),
    ({"top_logprobs": 2}, "only allowed when 'logprobs' is enabled"),
    ({"reasoning_effort": "enormous"}, "Supported values are"),
    ({"frobnicate": 1}, "Unrecognized request argument supplied: frobnicate"),
    ({"functions": []}, "use 'tools'"),
    ({"modalities": ["audio"]}, "text only"),
    ({"tool_choice": "required"}, "only allowed when 'tools' are specified"),
    ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "other"}}}, "'other' not found"),
    ({"tools": [{"type": "function", "function": {"name": "no spaces"}}]}, "must match"),
    ({"tools": [{"type": "function", "function": {"name": "x", "parameters": {"type": "array"}}}]}, "not 'array'"),
    ({"tools": [{"type": "function", "function": {"name": "x", "parameters": OPEN_OBJECT, "strict": True}}]}, "false"),
    ({"response_format": {"type": "json_object"}}, "must contain the word 'json'"),
    ({"response_format": {"type": "json_schema"}}, "Missing required parameter"),
    ({"response_format": schema_format(OPEN_OBJECT, strict=True)}, "'additionalProperties' is required"),
    (
        {"response_format": schema_format({**OPEN_OBJECT, "additionalProperties": False, "required": []}, strict=True)},
        "Missing 'a'",
    ),
]


@pytest.mark.parametrize(("members", "told"), REFUSED)
def test_wrong_requests_get_400_and_a_reason(post: Post, members: dict[str, Any], told: str) -> None:
    reply = post(PATH, {"model": "sim-fast", "messages": HELLO, **members})
    assert reply.status == 400
    error = reply.body["error"]
    assert told in error["message"]
    assert error["type"] == "invalid_request_error"


def test_bodies_that_are_no_json_object_get_400(post: Post) -> None:
    assert post(PATH, b"{").status == 400
    assert post(PATH, []).status == 400
    assert post(PATH, {"messages": HELLO}).status == 400


def test_wrong_key_path_method_and_model_have_their_own_statuses(post: Post) -> None:
    body = {"model": "sim-fast", "messages": HELLO}
    assert post(PATH, body, key="sk-real").status == 401
    assert post("/openai/v1/nothing", body).status == 404
    assert post("/elsewhere", body).status == 404
    assert post("/openai/v1/models", body).status == 405
    assert post(PATH, {**body, "model": "sim-embed"}).status == 404
    unknown = post(PATH, {**body, "model": "gpt-none"})
    assert (unknown.status, unknown.body["error"]["code"]) == (404, "model_not_found")


def test_prompt_longer_than_the_context_is_refused(post: Post) -> None:
    reply = post(PATH, {"model": "sim-fast", "messages": [{"role": "user", "content": "ab " * 200_001}]})
    assert (reply.status, reply.body["error"]["code"]) == (400, "context_length_exceeded")


def test_answers_depend_on_the_request_alone(chat: Callable[..., Any]) -> None:
    assert chat("Hello") == chat("Hello")
    assert chat("Hello")["id"] != chat("Good bye")["id"]


def test_max_tokens_cuts_the_answer(chat: Callable[..., Any]) -> None:
    answer = chat("count to 100", max_completion_tokens=5)
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["choices"][0]["message"]["content"] == "1, 2, 3"
    assert answer["usage"]["completion_tokens"] == 5


def test_max_tokens_cuts_tool_arguments_too(chat: Callable[..., Any]) -> None:
    tool = {"name": "look", "parameters": {"type": "object", "properties": {"query": {"type": "string"}}}}
    answer = chat(
        "look for a needle in the haystack",
        tools=[{"type": "function", "function": tool}],
        tool_choice="required",
        max_tokens=8,
    )
    assert answer["choices"][0]["finish_reason"] == "length"
    arguments = answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
    with pytest.raises(json.JSONDecodeError):
        json.loads(arguments)


def test_stop_sequence_ends_the_text(chat: Callable[..., Any]) -> None:
    choice = chat("count to 9", stop=["7", " 4"])["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("1, 2, 3,", "stop")


def test_images_documents_and_sound_are_acknowledged_with_type_and_size(chat: Callable[..., Any]) -> None:
    encoded = base64.b64encode(PNG).decode()
    text = chat(
        [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded}"}},
                    {"type": "image_url", "image_url": {"url": "https://example.com/cat.jpg"}},
                    {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{encoded}", "filename": "a"}},
                    {"type": "input_audio", "input_audio": {"data": encoded, "format": "wav"}},
                ],
            }
        ]
    )["choices"][0]["message"]["content"]
    assert f"an image (image/png, 64x48 pixels, {len(PNG)} bytes)" in text
    assert "an image (at https://example.com/cat.jpg)" in text
    assert "a document (application/pdf" in text
    assert "an audio clip (audio/wav" in text


def test_image_that_is_not_base64_is_refused(post: Post) -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,!!!"}}
    reply = post(PATH, {"model": "sim-fast", "messages": [{"role": "user", "content": [part]}]})
    assert "not valid base64" in reply.body["error"]["message"]


def test_tool_choice_forces_a_call_and_none_forbids_it(chat: Callable[..., Any]) -> None:
    other = {"type": "function", "function": {"name": "other", "parameters": {"type": "object"}}}
    forced = chat("Hi", tools=[TOOL, other], tool_choice={"type": "function", "function": {"name": "other"}})
    assert forced["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "other"
    assert forced["choices"][0]["finish_reason"] == "tool_calls"
    free = chat("Please look", tools=[TOOL], tool_choice="none")
    assert "tool_calls" not in free["choices"][0]["message"]


def test_question_about_something_else_calls_no_tool(chat: Callable[..., Any]) -> None:
    assert chat("Tell me a story", tools=[TOOL])["choices"][0]["finish_reason"] == "stop"


def test_description_calls_a_tool_whose_name_says_nothing(chat: Callable[..., Any]) -> None:
    tool = {"name": "f17", "description": "Convert amounts between currencies", "parameters": {"type": "object"}}
    asked = "convert these amounts to other currencies"
    assert chat(asked, tools=[{"type": "function", "function": tool}])["choices"][0]["message"]["tool_calls"]


def test_parallel_calls_can_be_switched_off(chat: Callable[..., Any]) -> None:
    tool = {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
    offered = [{"type": "function", "function": tool}]
    answer = chat("weather in Oslo, Bergen and Narvik", tools=offered)
    assert len(answer["choices"][0]["message"]["tool_calls"]) == 3
    single = chat("weather in Oslo, Bergen and Narvik", tools=offered, parallel_tool_calls=False)
    assert len(single["choices"][0]["message"]["tool_calls"]) == 1


def test_forced_caller_gets_the_closing_tool_after_its_results(chat: Callable[..., Any]) -> None:
    closing = {"type": "function", "function": {"name": "final_answer", "parameters": {"type": "object"}}}
    result = {"role": "tool", "tool_call_id": "call_1", "content": "42"}
    answer = chat([*HELLO, CALLED, result], tools=[TOOL, closing], tool_choice="required")
    assert answer["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "final_answer"


def test_free_text_tool_gets_text(chat: Callable[..., Any]) -> None:
    tool = {"type": "custom", "custom": {"name": "shell", "description": "Run a command"}}
    message = chat('use the shell to run "ls -l"', tools=[tool])["choices"][0]["message"]
    assert message["tool_calls"][0]["custom"] == {"name": "shell", "input": "ls -l"}


def test_automatic_cache_reads_whole_blocks_of_a_long_conversation(chat: Callable[..., Any]) -> None:
    long = {"role": "user", "content": "ab " * 1500}
    turns = [long, {"role": "assistant", "content": "Yes."}, *HELLO]
    assert chat([long])["usage"]["prompt_tokens_details"]["cached_tokens"] == 0
    assert chat(turns)["usage"]["prompt_tokens_details"]["cached_tokens"] == 1408


def test_cache_control_reads_and_writes_in_this_dialect_too(chat: Callable[..., Any]) -> None:
    part = {"type": "text", "text": "ab " * 100, "cache_control": {"type": "ephemeral"}}
    first = chat([{"role": "system", "content": [part]}, *HELLO])["usage"]["prompt_tokens_details"]
    assert (first["cached_tokens"], first["cache_write_tokens"]) == (0, 105)
    turns = [{"role": "system", "content": [part]}, *HELLO, {"role": "assistant", "content": "Yes."}, *HELLO]
    second = chat(turns)["usage"]["prompt_tokens_details"]
    assert (second["cached_tokens"], second["cache_write_tokens"]) == (105, 0)


def test_reasoning_effort_sets_how_much_is_thought(chat: Callable[..., Any]) -> None:
    def thought(**members: Any) -> int:
        usage = chat("Why?", **members)["usage"]
        return int(usage["completion_tokens_details"]["reasoning_tokens"])

    assert thought() == 0
    assert thought(reasoning_effort="low") == 32
    assert thought(reasoning={"effort": "high"}) == 128
    assert thought(model="sim-reasoner") == 64
    assert thought(model="sim-reasoner", reasoning_effort="none") == 0


def test_json_object_is_json(chat: Callable[..., Any]) -> None:
    answer = chat("Answer in JSON", response_format={"type": "json_object"})
    assert json.loads(answer["choices"][0]["message"]["content"])["answer"] == "simulated"


def test_token_ids_are_embedded_as_openai_does(post: Post) -> None:
    body = post("/openai/v1/embeddings", {"model": "sim-embed", "input": [[1, 2, 3], [4]]}).body
    assert [len(item["embedding"]) for item in body["data"]] == [256, 256]
    assert body["usage"]["prompt_tokens"] == 4


@pytest.mark.parametrize(
    "members",
    [{}, {"input": []}, {"input": ""}, {"input": [1.5]}, {"input": "x", "dimensions": 0}, {"input": "x", "n": 1}],
)
def test_wrong_embedding_requests_get_400(post: Post, members: dict[str, Any]) -> None:
    assert post("/openai/v1/embeddings", {"model": "sim-embed", **members}).status == 400
