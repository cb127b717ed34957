"""Requests of callers of other dialects, as an Ollama host gets them."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import ollama_chat as wire
from sluice.dialects import openai_chat as chat
from sluice.dialects.base import Encoded
from sluice.errors import UnsupportedParameter

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
LOOK = {"type": "function", "function": {"name": "look", "parameters": SCHEMA}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"city": "Rome"}'}}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO", "detail": "high"}}


def from_chat(quirks: dict[str, Any] | None = None, strict: bool = False, **members: Any) -> Encoded:
    body = {"model": "r", "messages": [{"role": "user", "content": "x"}], **members}
    return wire.encode_request(chat.decode_request(body), "qwen3", quirks or {}, strict)


def from_messages(**members: Any) -> Encoded:
    body = {"model": "r", "max_tokens": 99, "messages": [{"role": "user", "content": "x"}], **members}
    return wire.encode_request(messages.decode_request(body), "qwen3", {}, False)


def test_a_chat_conversation_reaches_ollama() -> None:
    encoded = from_chat(
        messages=[
            {"role": "developer", "content": "Be brief."},
            {
                "role": "user",
                "content": [{"type": "text", "text": "Where?"}, PICTURE, {"type": "text", "text": "And?"}],
            },
            {"role": "assistant", "content": None, "reasoning_content": "Hm.", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        ],
        tools=[LOOK],
        max_completion_tokens=500,
        temperature=0.3,
        top_p=0.9,
        stop=["END"],
        seed=7,
        response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}},
    )
    assert encoded.body == {
        "model": "qwen3",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Where?\nAnd?", "images": ["iVBO"]},
            {
                "role": "assistant",
                "content": "",
                "thinking": "Hm.",
                "tool_calls": [
                    {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": {"city": "Rome"}}}
                ],
            },
            {"role": "tool", "content": "sunny", "tool_name": "look", "tool_call_id": "call_1"},
        ],
        "stream": False,
        "tools": [LOOK],
        "format": SCHEMA,
        "options": {"num_predict": 500, "temperature": 0.3, "top_p": 0.9, "seed": 7, "stop": ["END"]},
    }
    assert encoded.edits == ("dropped:image_url.detail",)


def test_a_messages_conversation_reaches_ollama() -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}}
    encoded = from_messages(
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        messages=[
            {
                "role": "user",
                "content": [
                    {
                        "type": "document",
                        "title": "Skies",
                        "source": {"type": "text", "media_type": "text/plain", "data": "Grey."},
                    }
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"},
                    {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": [picture], "is_error": True},
                    {"type": "text", "text": "Again?"},
                ],
            },
        ],
        thinking={"type": "enabled", "budget_tokens": 2000},
        tool_choice={"type": "none"},
        tools=[{"name": "look", "input_schema": SCHEMA}],
        top_k=5,
        stream=True,
    )
    assert encoded.body == {
        "model": "qwen3",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Skies\nGrey."},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": "toolu_1", "type": "function", "function": {"name": "look", "arguments": {}}}],
            },
            {
                "role": "tool",
                "content": "The result follows in the next message.",
                "tool_name": "look",
                "tool_call_id": "toolu_1",
            },
            {"role": "user", "content": "Result of tool call toolu_1:\nAgain?", "images": ["iVBO"]},
        ],
        "stream": True,
        "think": True,
        "options": {"num_predict": 99, "top_k": 5},
    }
    assert set(encoded.edits) == {
        "dropped:cache_control",
        "dropped:reasoning",
        "moved:tool_result_files",
        "dropped:is_error",
        "narrowed:tools",
        "dropped:reasoning_budget",
    }


@pytest.mark.parametrize(
    ("asked", "quirks", "think", "edits"),
    [
        ({"reasoning_effort": "none"}, {}, False, ()),
        ({"reasoning_effort": "low"}, {}, True, ("clamped:reasoning_effort",)),
        ({"reasoning_effort": "high"}, {"reasoning_efforts": ["low", "medium", "high"]}, "high", ()),
        (
            {"reasoning_effort": "max"},
            {"reasoning_efforts": ["low", "medium", "high"]},
            "high",
            ("clamped:reasoning_effort",),
        ),
        ({"reasoning": {"max_tokens": 700}}, {"reasoning_efforts": ["low"]}, "low", ("renamed:reasoning_budget",)),
        ({"reasoning": {"max_tokens": 700}}, {}, True, ("dropped:reasoning_budget",)),
        ({"reasoning": {"exclude": True}}, {}, None, ()),
    ],
)
def test_an_effort_becomes_a_level_where_levels_are_declared(
    asked: dict[str, Any], quirks: dict[str, Any], think: Any, edits: tuple[str, ...]
) -> None:
    encoded = from_chat(quirks, **asked)
    assert (encoded.body.get("think"), encoded.edits) == (think, edits)


def test_json_without_a_schema_and_plain_text() -> None:
    assert from_chat(response_format={"type": "json_object"}).body["format"] == "json"
    assert "format" not in from_chat(response_format={"type": "text"}).body


def test_arguments_that_are_no_object_are_wrapped_and_reported() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "[1"}}
    turns = [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [call]}]
    encoded = from_chat(messages=turns)
    sent: Any = encoded.body["messages"]
    assert sent[1]["tool_calls"][0]["function"]["arguments"] == {"invalid_arguments": "[1"}
    assert encoded.edits == ("wrapped:tool_calls.arguments",)


def test_what_only_others_know_is_dropped_and_reported() -> None:
    strict = {"type": "function", "function": {"name": "f", "strict": True}}
    encoded = from_chat(
        {"max_output": 100},
        tools=[strict],
        parallel_tool_calls=False,
        user="u",
        metadata={"a": "b"},
        service_tier="flex",
        logprobs=True,
        top_logprobs=3,
        max_tokens=900,
        store=True,
    )
    assert encoded.body["options"] == {"num_predict": 100}
    assert encoded.body["tools"] == [
        {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    ]
    assert set(encoded.edits) == {
        "dropped:tools.strict",
        "dropped:parallel_tool_calls",
        "clamped:max_tokens",
        "dropped:user",
        "dropped:metadata",
        "dropped:service_tier",
        "dropped:logprobs",
        "dropped:top_logprobs",
        "dropped:store",
    }
    with pytest.raises(UnsupportedParameter, match="store"):
        from_chat(strict=True, store=True)


FILE = {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBE"}}
SOUND = {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}}
FAR = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"n": 2}, "one answer a request"),
        ({"tools": [LOOK], "tool_choice": "required"}, "made to call a tool"),
        ({"tools": [LOOK], "tool_choice": {"type": "function", "function": {"name": "look"}}}, "made to call a tool"),
        ({"modalities": ["text", "audio"]}, "text only"),
        ({"messages": [{"role": "user", "content": [FILE]}]}, "application/pdf"),
        ({"messages": [{"role": "user", "content": [SOUND]}]}, "no sound"),
        ({"messages": [{"role": "user", "content": [FAR]}]}, "send the picture in base64"),
        ({"tools": [{"type": "custom", "custom": {"name": "c"}}]}, "another vendor"),
    ],
)
def test_what_would_change_the_answer_is_refused_with_a_reason(members: dict[str, Any], words: str) -> None:
    with pytest.raises(UnsupportedParameter, match=words):
        from_chat(**members)


def test_declared_quirks_are_applied() -> None:
    encoded = from_chat({"drop": ["options"], "defaults": {"keep_alive": "1h"}}, seed=3)
    assert (encoded.body["keep_alive"], encoded.edits) == ("1h", ("dropped:options", "default:keep_alive"))
    with pytest.raises(UnsupportedParameter, match="options"):
        from_chat({"refuse": ["options"]}, seed=3)
    with pytest.raises(UnsupportedParameter, match="JSON schema"):
        from_chat(
            {"json_schema": False},
            response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}},
        )
