"""Whole answers: read, written, and told to callers of other dialects."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import ollama_chat as wire
from sluice.dialects import openai_chat as chat
from sluice.errors import ProviderGarbled
from sluice.types.chat import Audio, ChatRequest, ChatResponse, Choice, Image, Opaque, Refusal, Text, Thinking, ToolCall
from sluice.types.usage import Usage

ASKED = ChatRequest(model="m", messages=(), include_usage=True)
ANSWER: dict[str, Any] = {
    "model": "qwen3",
    "created_at": "2026-08-04T19:59:11.820116Z",
    "message": {
        "role": "assistant",
        "content": "Grey.",
        "thinking": "Hm.",
        "tool_calls": [{"id": "call_1", "function": {"index": 0, "name": "look", "arguments": {"city": "Rome"}}}],
    },
    "done": True,
    "done_reason": "stop",
    "total_duration": 9,
    "load_duration": 1,
    "prompt_eval_count": 10,
    "prompt_eval_duration": 3,
    "eval_count": 5,
    "eval_duration": 4,
}


def test_an_answer_is_read_in_full() -> None:
    response = wire.decode_response(ANSWER)
    (choice,) = response.choices
    assert choice.parts == (
        Thinking("Hm."),
        Text("Grey."),
        ToolCall("call_1", "look", '{"city":"Rome"}', extras={"function": {"index": 0}}),
    )
    assert (choice.stop, response.usage, response.created) == ("tool_calls", Usage(input=10, output=5), 1785873551)
    assert response.id == wire.decode_response(ANSWER).id != ""


def test_an_answer_is_written_back_as_it_came() -> None:
    assert wire.encode_response(wire.decode_response(ANSWER), ASKED) == ANSWER


@pytest.mark.parametrize(
    ("ended", "stop"),
    [
        ({"done": True, "done_reason": "stop"}, "stop"),
        ({"done": True, "done_reason": "length"}, "length"),
        ({"done": True, "done_reason": "load"}, "stop"),
        ({"done": True, "done_reason": "new_word"}, "unknown"),
        ({"done": False}, None),
    ],
)
def test_a_reason_to_end_is_read_and_written_back(ended: dict[str, Any], stop: str | None) -> None:
    body = {"model": "m", "message": {"role": "assistant", "content": "x"}, **ended}
    response = wire.decode_response(body)
    assert response.choices[0].stop == stop
    assert wire.encode_response(response, ASKED) == body


def test_an_older_host_gives_no_reason() -> None:
    assert wire.decode_response({"message": {"content": "x"}, "done": True}).choices[0].stop == "stop"


def test_a_chat_caller_gets_text_reasoning_calls_and_counts() -> None:
    body: Any = chat.encode_response(wire.decode_response(ANSWER), ASKED)
    message = body["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("Grey.", "Hm.")
    assert message["tool_calls"][0]["function"] == {"name": "look", "arguments": '{"city":"Rome"}'}
    assert (body["choices"][0]["finish_reason"], body["created"]) == ("tool_calls", 1785873551)
    assert (body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]) == (10, 5)


def test_a_messages_caller_gets_text_and_calls() -> None:
    body: Any = messages.encode_response(wire.decode_response(ANSWER), ASKED)
    assert [block["type"] for block in body["content"] if block["type"] != "thinking"] == ["text", "tool_use"]
    assert (body["stop_reason"], body["usage"]["input_tokens"]) == ("tool_use", 10)


def test_another_dialects_answer_is_told_in_this_one() -> None:
    parts = (
        Thinking("Hm.", signature="EqQB"),
        Text("Hi. "),
        Refusal("No. "),
        Image(data="iVBO"),
        Image(url="https://example.com/a.png"),
        Audio(audio_id="a", transcript="Spoken."),
        Opaque("openai_chat", {"type": "x"}),
        ToolCall("c1", "f", "", extras={"odd": 1}),
        ToolCall("c2", "g", "[1]"),
    )
    usage = Usage(input=3, cache_read=4, output=5)
    response = ChatResponse("chatcmpl-1", "gpt", (Choice(parts, "tool_calls"),), usage, 1785873551, "openai_chat")
    assert wire.encode_response(response, ASKED) == {
        "model": "gpt",
        "created_at": "2026-08-04T19:59:11Z",
        "message": {
            "role": "assistant",
            "content": "Hi. No. Spoken.",
            "thinking": "Hm.",
            "images": ["iVBO"],
            "tool_calls": [
                {"id": "c1", "function": {"index": 0, "name": "f", "arguments": {}}},
                {"id": "c2", "function": {"index": 1, "name": "g", "arguments": {"invalid_arguments": "[1]"}}},
            ],
        },
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 7,
        "eval_count": 5,
    }


def test_an_answer_without_choices_or_model_is_still_one() -> None:
    body: Any = wire.encode_response(ChatResponse("", "", ()), ASKED)
    assert (body["model"], body["message"], body["done"]) == ("m", {"role": "assistant", "content": ""}, True)


@pytest.mark.parametrize("body", [{}, {"choices": [], "object": "chat.completion"}, {"message": {"content": "x"}}])
def test_what_is_no_answer_is_garbled(body: dict[str, Any]) -> None:
    with pytest.raises(ProviderGarbled):
        wire.decode_response(body)
