"""Requests of callers of other dialects, as a Cohere provider gets them."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import cohere_chat as wire
from sluice.dialects import openai_chat as chat
from sluice.dialects.base import Encoded
from sluice.errors import UnsupportedParameter

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
LOOK = {"type": "function", "function": {"name": "look", "parameters": SCHEMA}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": ""}}
PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}}


def from_chat(quirks: dict[str, Any] | None = None, strict: bool = False, **members: Any) -> Encoded:
    body = {"model": "r", "messages": [{"role": "user", "content": "x"}], **members}
    return wire.encode_request(chat.decode_request(body), "command-a", quirks or {}, strict)


def from_messages(quirks: dict[str, Any] | None = None, **members: Any) -> Encoded:
    body = {"model": "r", "max_tokens": 99, "messages": [{"role": "user", "content": "x"}], **members}
    return wire.encode_request(messages.decode_request(body), "command-a", quirks or {}, False)


def test_a_chat_conversation_reaches_cohere() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "high"}}
    encoded = from_chat(
        messages=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Where?"}, picture]},
            {"role": "assistant", "content": "Let me look.", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        ],
        tools=[{"type": "function", "function": {"name": "look", "parameters": SCHEMA, "strict": True}}],
        tool_choice="required",
        max_completion_tokens=500,
        temperature=0.3,
        top_p=0.9,
        stop=["END"],
        seed=7,
        stream=True,
        response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}},
    )
    assert encoded.body == {
        "model": "command-a",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Where?"}, picture]},
            {
                "role": "assistant",
                "content": "Let me look.",
                "tool_calls": [{**CALL, "function": {"name": "look", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        ],
        "tools": [LOOK],
        "strict_tools": True,
        "tool_choice": "REQUIRED",
        "response_format": {"type": "json_object", "json_schema": SCHEMA},
        "max_tokens": 500,
        "temperature": 0.3,
        "p": 0.9,
        "seed": 7,
        "stop_sequences": ["END"],
        "stream": True,
    }
    assert encoded.edits == ()


def test_a_messages_conversation_reaches_cohere() -> None:
    encoded = from_messages(
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        messages=[
            {
                "role": "user",
                "content": [
                    {
                        "type": "document",
                        "title": "Skies",
                        "context": "today",
                        "source": {"type": "text", "media_type": "text/plain", "data": "They are grey."},
                        "citations": {"enabled": True},
                    },
                    {"type": "text", "text": "Where?"},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"},
                    {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"city": "Rome"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": [PNG], "is_error": True},
                    {"type": "text", "text": "Again?"},
                ],
            },
        ],
        tools=[{"name": "look", "input_schema": SCHEMA}],
        tool_choice={"type": "auto", "disable_parallel_tool_use": True},
        top_k=5,
    )
    assert encoded.body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Where?"},
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "toolu_1", "type": "function", "function": {"name": "look", "arguments": '{"city":"Rome"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "toolu_1", "content": "The result follows in the next message."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Result of tool call toolu_1:"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}},
                {"type": "text", "text": "Again?"},
            ],
        },
    ]
    assert encoded.body["documents"] == [{"data": {"title": "Skies", "context": "today", "text": "They are grey."}}]
    assert "citation_options" not in encoded.body
    assert set(encoded.edits) == {
        "dropped:cache_control",
        "moved:documents",
        "dropped:reasoning",
        "moved:tool_result_files",
        "dropped:is_error",
        "dropped:parallel_tool_calls",
    }


def test_documents_are_cited_only_where_the_caller_asked_for_it() -> None:
    document = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Grey."}}
    encoded = from_messages(messages=[{"role": "user", "content": [document, {"type": "text", "text": "x"}]}])
    assert encoded.body["citation_options"] == {"mode": "OFF"}


def test_a_document_in_a_tools_result_stays_there() -> None:
    document = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Grey."}}
    turns = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "look", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [document]}]},
    ]
    sent: Any = from_messages(messages=turns).body["messages"]
    assert sent[2]["content"] == [{"type": "document", "document": {"data": {"text": "Grey."}}}]


def test_unsigned_reasoning_goes_back_as_the_plan_of_its_calls() -> None:
    said = {"role": "assistant", "reasoning_content": "I will look.", "tool_calls": [CALL]}
    turns = [{"role": "user", "content": "x"}, said, {"role": "tool", "tool_call_id": "call_1", "content": "y"}]
    encoded = from_chat(messages=turns)
    assert encoded.body["messages"][1]["tool_plan"] == "I will look."  # type: ignore[index]
    assert encoded.edits == ()
    alone = from_chat(messages=[turns[0], {"role": "assistant", "content": "a", "reasoning_content": "b"}])
    assert alone.body["messages"][1] == {"role": "assistant", "content": "a"}  # type: ignore[index]
    assert alone.edits == ("dropped:reasoning",)


def test_one_forced_tool_is_offered_alone() -> None:
    other = {"type": "function", "function": {"name": "other"}}
    named = {"type": "function", "function": {"name": "look"}}
    encoded = from_chat(tools=[LOOK, other], tool_choice=named)
    assert (encoded.body["tools"], encoded.body["tool_choice"]) == ([LOOK], "REQUIRED")
    assert encoded.edits == ("narrowed:tools",)
    with pytest.raises(UnsupportedParameter, match="not among the tools"):
        from_chat(tools=[other], tool_choice=named)


def test_strict_tools_hold_for_all_or_are_reported() -> None:
    strict = {"type": "function", "function": {"name": "s", "parameters": SCHEMA, "strict": True}}
    assert from_chat(tools=[strict, LOOK]).edits == ("dropped:tools.strict",)
    assert from_chat({"strict_tools": False}, tools=[strict]).edits == ("dropped:tools.strict",)


@pytest.mark.parametrize(
    ("asked", "quirks", "thinking"),
    [
        ({"reasoning_effort": "none"}, {}, {"type": "disabled"}),
        ({"reasoning_effort": "low"}, {}, {"type": "enabled", "token_budget": 2048}),
        ({"reasoning_effort": "high"}, {}, {"type": "enabled"}),
        ({"reasoning": {"max_tokens": 700}}, {}, {"type": "enabled", "token_budget": 700}),
        ({"reasoning": {"exclude": True}}, {}, None),
        ({"reasoning_effort": "none"}, {"thinking_request": "none"}, None),
        ({"reasoning_effort": "low"}, {"thinking_request": "none"}, None),
    ],
)
def test_an_effort_becomes_a_budget(asked: dict[str, Any], quirks: dict[str, Any], thinking: Any) -> None:
    assert from_chat(quirks, **asked).body.get("thinking") == thinking


def test_an_effort_for_a_model_that_cannot_think_is_reported() -> None:
    assert from_chat({"thinking_request": "none"}, reasoning_effort="low").edits == ("dropped:reasoning_effort",)


def test_settings_are_kept_within_the_vendors_limits() -> None:
    encoded = from_chat(
        {"max_output": 100}, top_p=1, presence_penalty=-0.5, frequency_penalty=2, seed=-4, max_tokens=900
    )
    kept = {name: encoded.body.get(name) for name in ("p", "presence_penalty", "frequency_penalty", "max_tokens")}
    assert kept == {"p": 0.99, "presence_penalty": 0, "frequency_penalty": 1, "max_tokens": 100}
    assert "seed" not in encoded.body
    assert set(encoded.edits) == {
        "clamped:top_p",
        "clamped:presence_penalty",
        "clamped:frequency_penalty",
        "clamped:max_tokens",
        "dropped:seed",
    }
    with pytest.raises(UnsupportedParameter, match="presence_penalty"):
        from_chat(strict=True, presence_penalty=-1)


def test_what_only_others_know_is_dropped_and_reported() -> None:
    encoded = from_chat(
        user="u", metadata={"a": "b"}, service_tier="flex", logprobs=True, top_logprobs=3, logit_bias={"1": 2}
    )
    assert encoded.body.keys() == {"model", "messages"}
    assert set(encoded.edits) == {
        "dropped:user",
        "dropped:metadata",
        "dropped:service_tier",
        "dropped:logprobs",
        "dropped:top_logprobs",
        "dropped:logit_bias",
    }


FILE = {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBE"}}
SOUND = {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}}


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"n": 2}, "one answer a request"),
        ({"stop": list("abcdef")}, "at most 5 stop sequences"),
        ({"modalities": ["text", "audio"]}, "text only"),
        ({"messages": [{"role": "user", "content": [FILE]}]}, "application/pdf"),
        ({"messages": [{"role": "user", "content": [SOUND]}]}, "no sound"),
        ({"tools": [{"type": "custom", "custom": {"name": "c"}}]}, "another vendor"),
        ({"tools": [LOOK], "tool_choice": {"type": "allowed_tools", "allowed_tools": {}}}, "choose tools in this way"),
    ],
)
def test_what_would_change_the_answer_is_refused_with_a_reason(members: dict[str, Any], words: str) -> None:
    with pytest.raises(UnsupportedParameter, match=words):
        from_chat(**members)


def test_a_text_document_in_base64_is_read() -> None:
    held = {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,R3JleS4="}}
    encoded = from_chat(messages=[{"role": "user", "content": [held, {"type": "text", "text": "x"}]}])
    assert encoded.body["documents"] == [{"data": {"title": "a.txt", "text": "Grey."}}]


def test_declared_quirks_are_applied() -> None:
    encoded = from_chat({"drop": ["seed"], "defaults": {"safety_mode": "STRICT"}}, seed=3)
    assert (encoded.body["safety_mode"], encoded.edits) == ("STRICT", ("dropped:seed", "default:safety_mode"))
    with pytest.raises(UnsupportedParameter, match="seed"):
        from_chat({"refuse": ["seed"]}, seed=3)
    with pytest.raises(UnsupportedParameter, match="JSON schema"):
        from_chat(
            {"json_schema": False},
            response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}},
        )
