"""Requests of the other dialects, as a Gemini provider gets them."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import gemini
from sluice.dialects import openai_chat as chat
from sluice.dialects.base import Encoded
from sluice.errors import BadRequest, UnsupportedParameter
from sluice.types.chat import ChatRequest, Message, Text, ToolCall, ToolResult

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PLACEHOLDER = "skip_thought_signature_validator"


def from_chat(quirks: dict[str, Any] | None = None, strict: bool = False, **body: Any) -> Encoded:
    asked = chat.decode_request({"model": "r", "messages": [{"role": "user", "content": "Hi"}], **body})
    return gemini.encode_request(asked, "gemini-3-flash", quirks or {}, strict)


def from_messages(quirks: dict[str, Any] | None = None, strict: bool = False, **body: Any) -> Encoded:
    whole = {"model": "r", "max_tokens": 99, "messages": [{"role": "user", "content": "Hi"}], **body}
    return gemini.encode_request(messages.decode_request(whole), "gemini-3-flash", quirks or {}, strict)


def config(encoded: Encoded) -> Any:
    return encoded.body.get("generationConfig")


def test_a_whole_chat_reaches_gemini() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"city": "Rome"}'}}
    second = {"id": "call_2", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    encoded = from_chat(
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": "Use tools."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Where?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
                    {"type": "image_url", "image_url": {"url": "https://example.com/sky.jpg?x=1"}},
                    {"type": "file", "file": {"filename": "w.pdf", "file_data": "data:application/pdf;base64,JVBE"}},
                    {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
                ],
            },
            {"role": "assistant", "content": "Let me look.", "tool_calls": [call, second]},
            {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
            {"role": "tool", "tool_call_id": "call_2", "content": '{"sky": "grey"}'},
            {"role": "user", "content": "So?"},
        ],
        tools=[{"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": SCHEMA}}],
        tool_choice={"type": "function", "function": {"name": "look"}},
        max_completion_tokens=500,
        temperature=0.3,
        top_p=0.9,
        stop=["END"],
        seed=7,
        n=2,
        stream=True,
        response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}},
    )
    assert encoded.body == {
        "systemInstruction": {"parts": [{"text": "Be brief."}, {"text": "Use tools."}]},
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"text": "Where?"},
                    {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}},
                    {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://example.com/sky.jpg?x=1"}},
                    {"inlineData": {"mimeType": "application/pdf", "data": "JVBE"}},
                    {"inlineData": {"mimeType": "audio/wav", "data": "UklG"}},
                ],
            },
            {
                "role": "model",
                "parts": [
                    {"text": "Let me look."},
                    {
                        "functionCall": {"id": "call_1", "name": "look", "args": {"city": "Rome"}},
                        "thoughtSignature": PLACEHOLDER,
                    },
                    {"functionCall": {"id": "call_2", "name": "look", "args": {}}},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"id": "call_1", "name": "look", "response": {"output": "sunny"}}},
                    {"functionResponse": {"id": "call_2", "name": "look", "response": {"sky": "grey"}}},
                ],
            },
            {"role": "user", "parts": [{"text": "So?"}]},
        ],
        "tools": [
            {"functionDeclarations": [{"name": "look", "description": "Looks.", "parametersJsonSchema": SCHEMA}]}
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["look"]}},
        "generationConfig": {
            "maxOutputTokens": 500,
            "temperature": 0.3,
            "topP": 0.9,
            "seed": 7,
            "candidateCount": 2,
            "stopSequences": ["END"],
            "responseMimeType": "application/json",
            "responseJsonSchema": SCHEMA,
        },
    }
    assert encoded.edits == ()


def test_a_messages_conversation_reaches_gemini() -> None:
    encoded = from_messages(
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        messages=[
            {"role": "user", "content": "Where?"},
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
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": "rain", "is_error": True},
                    {"type": "text", "text": "Again?"},
                ],
            },
        ],
        tools=[{"name": "look", "input_schema": SCHEMA}],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        thinking={"type": "enabled", "budget_tokens": 2000},
        top_k=5,
    )
    assert encoded.body["contents"] == [
        {"role": "user", "parts": [{"text": "Where?"}]},
        {
            "role": "model",
            "parts": [
                {
                    "functionCall": {"id": "toolu_1", "name": "look", "args": {"city": "Rome"}},
                    "thoughtSignature": PLACEHOLDER,
                }
            ],
        },
        {
            "role": "user",
            "parts": [{"functionResponse": {"id": "toolu_1", "name": "look", "response": {"error": "rain"}}}],
        },
        {"role": "user", "parts": [{"text": "Again?"}]},
    ]
    assert config(encoded) == {
        "maxOutputTokens": 99,
        "topK": 5,
        "thinkingConfig": {"thinkingBudget": 98, "includeThoughts": True},
    }
    assert encoded.edits == (
        "dropped:cache_control",
        "dropped:reasoning",
        "dropped:parallel_tool_calls",
        "clamped:reasoning_budget",
    )


def test_a_provider_that_wants_no_signatures_gets_no_placeholder() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    turns = [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [call]}]
    contents: Any = from_chat({"signed_calls": False}, messages=turns).body["contents"]
    assert contents[1]["parts"] == [{"functionCall": {"id": "c", "name": "f", "args": {}}}]


@pytest.mark.parametrize(
    ("quirks", "effort", "thinking"),
    [
        ({}, "low", {"thinkingBudget": 2048, "includeThoughts": True}),
        ({}, "none", {"thinkingBudget": 0}),
        ({"least_thinking": 128}, "none", {"thinkingBudget": 128}),
        ({"most_thinking": 9000}, "high", {"thinkingBudget": 9000, "includeThoughts": True}),
        ({"thinking_config": "level"}, "medium", {"thinkingLevel": "low", "includeThoughts": True}),
        (
            {"thinking_config": "level", "reasoning_efforts": ["minimal", "low", "medium", "high"]},
            "medium",
            {"thinkingLevel": "medium", "includeThoughts": True},
        ),
        ({"thinking_config": "level", "reasoning_efforts": ["minimal", "low"]}, "none", {"thinkingLevel": "minimal"}),
    ],
)
def test_an_effort_becomes_what_the_model_takes(quirks: dict[str, Any], effort: str, thinking: dict[str, Any]) -> None:
    assert config(from_chat(quirks, reasoning_effort=effort)) == {"thinkingConfig": thinking}


def test_a_model_that_cannot_be_told_to_think_drops_the_effort_or_refuses_it() -> None:
    quirks = {"thinking_config": "none"}
    assert from_chat(quirks, reasoning_effort="low").edits == ("dropped:reasoning_effort",)
    with pytest.raises(UnsupportedParameter, match="reasoning_effort"):
        from_chat(quirks, strict=True, reasoning_effort="low")


def test_a_budget_becomes_a_level() -> None:
    encoded = from_messages({"thinking_config": "level"}, thinking={"type": "enabled", "budget_tokens": 16000})
    assert config(encoded)["thinkingConfig"]["thinkingLevel"] == "high"
    assert encoded.edits == ("renamed:reasoning_budget",)


def test_schemas_are_reduced_to_the_openapi_subset_where_only_that_is_taken() -> None:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"a": {"$ref": "#/$defs/A"}, "n": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
        "$defs": {"A": {"type": "string", "enum": ["x", "y"]}},
    }
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    tools: Any = from_chat({"openapi_schemas": True}, tools=[tool]).body["tools"]
    assert tools[0]["functionDeclarations"][0]["parameters"] == {
        "type": "OBJECT",
        "properties": {"a": {"type": "STRING", "enum": ["x", "y"]}, "n": {"type": "INTEGER", "nullable": True}},
    }


def test_pictures_in_a_result_follow_it_or_stand_in_it_where_the_model_takes_them() -> None:
    turns = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "draw", "input": {}}]},
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "t",
                    "content": [
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}}
                    ],
                }
            ],
        },
    ]
    picture = {"inlineData": {"mimeType": "image/png", "data": "iVBO"}}
    apart: Any = from_messages(messages=turns)
    assert apart.body["contents"][3]["parts"] == [{"text": "Result of tool call t:"}, picture]
    assert apart.edits == ("moved:tool_result_files",)
    inside: Any = from_messages({"tool_images": True}, messages=turns)
    assert inside.body["contents"][2]["parts"][0]["functionResponse"]["parts"] == [picture]


def test_pictures_are_asked_for_with_modalities_and_sound_is_refused() -> None:
    assert config(from_chat(modalities=["text", "image"])) == {"responseModalities": ["TEXT", "IMAGE"]}
    with pytest.raises(UnsupportedParameter, match="sound"):
        from_chat(modalities=["text", "audio"], audio={"voice": "v", "format": "wav"})


@pytest.mark.parametrize(
    ("body", "edit"),
    [
        ({"logit_bias": {"1": 2}}, "dropped:logit_bias"),
        ({"parallel_tool_calls": False, "tools": [{"type": "function", "function": {"name": "f"}}]},
         "dropped:parallel_tool_calls"),
    ],
)  # fmt: skip
def test_what_gemini_lacks_is_dropped_and_reported_or_refused(body: dict[str, Any], edit: str) -> None:
    body = {**body, **({"tool_choice": "auto"} if "tools" in body else {})}
    assert from_chat(**body).edits == (edit,)
    with pytest.raises(UnsupportedParameter):
        from_chat(strict=True, **body)


def test_a_tool_that_another_vendor_runs_is_refused() -> None:
    with pytest.raises(UnsupportedParameter, match="web_search"):
        from_messages(tools=[{"type": "web_search_20250305", "name": "web_search"}])


def test_a_result_without_its_call_is_refused() -> None:
    asked = ChatRequest(model="m", messages=(Message("tool", (ToolResult("c", (Text("x"),)),)),))
    with pytest.raises(BadRequest, match="no earlier assistant message"):
        gemini.encode_request(asked, "m", {}, False)


def test_a_signature_of_googles_compatible_endpoint_goes_with_its_call() -> None:
    extras = {"extra_content": {"google": {"thought_signature": "c2ln"}}}
    turns = (Message("user", (Text("x"),)), Message("assistant", (ToolCall("c", "f", "{}", extras=extras),)))
    asked = ChatRequest(model="m", messages=turns, dialect="openai_chat")
    contents: Any = gemini.encode_request(asked, "m", {}, False).body["contents"]
    assert contents[1]["parts"] == [{"functionCall": {"id": "c", "name": "f", "args": {}}, "thoughtSignature": "c2ln"}]


def test_a_lone_instruction_is_spoken_by_the_user() -> None:
    encoded = from_chat(messages=[{"role": "system", "content": "Write."}])
    assert encoded.body == {"contents": [{"role": "user", "parts": [{"text": "Write."}]}]}


def test_too_many_stop_sequences_are_refused() -> None:
    with pytest.raises(UnsupportedParameter, match="at most 5"):
        from_messages(stop_sequences=list("abcdef"))


def test_arguments_that_are_no_object_are_kept_under_one_member() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{broken"}}
    turns = [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [call]}]
    encoded: Any = from_chat(messages=turns)
    assert encoded.body["contents"][1]["parts"][0]["functionCall"]["args"] == {"invalid_arguments": "{broken"}
    assert encoded.edits == ("wrapped:tool_calls.arguments",)
