"""Gemini requests, as providers of the other dialects get them."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import gemini
from sluice.dialects import openai_chat as chat
from sluice.dialects.base import Encoded
from sluice.errors import UnsupportedParameter

HELLO = {"role": "user", "parts": [{"text": "Hi"}]}


def to_chat(*contents: dict[str, Any], strict: bool = False, **members: Any) -> Encoded:
    asked = gemini.decode_request({"model": "m", "contents": list(contents) or [HELLO], **members})
    return chat.encode_request(asked, "gpt", {}, strict)


def to_messages(*contents: dict[str, Any], strict: bool = False, **members: Any) -> Encoded:
    asked = gemini.decode_request({"model": "m", "contents": list(contents) or [HELLO], **members})
    return messages.encode_request(asked, "claude", {}, strict)


TURNS = (
    {"role": "user", "parts": [{"text": "Where?"}, {"inlineData": {"mimeType": "image/png", "data": "iVBO"}}]},
    {
        "role": "model",
        "parts": [
            {"functionCall": {"name": "look", "args": {"city": "Rome"}}, "thoughtSignature": "c2ln"},
            {"functionCall": {"name": "look", "args": {"city": "Oslo"}}},
        ],
    },
    {
        "role": "user",
        "parts": [
            {"functionResponse": {"name": "look", "response": {"output": "sun"}}},
            {"functionResponse": {"name": "look", "response": {"snow": True}}},
        ],
    },
)
TOOLS = [{"functionDeclarations": [{"name": "look", "parameters": {"type": "OBJECT", "properties": {
    "city": {"type": "STRING"}}}}]}]  # fmt: skip
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


def test_a_conversation_without_ids_reaches_openai_with_ids_that_match() -> None:
    encoded: Any = to_chat(*TURNS, tools=TOOLS, systemInstruction={"parts": [{"text": "Be brief."}]})
    system, asked, called, first, second = encoded.body["messages"]
    assert system == {"role": "system", "content": "Be brief."}
    assert asked["content"][1] == {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}
    ids = [call["id"] for call in called["tool_calls"]]
    assert [call["function"]["arguments"] for call in called["tool_calls"]] == ['{"city":"Rome"}', '{"city":"Oslo"}']
    assert len(set(ids)) == 2
    assert [first, second] == [
        {"role": "tool", "tool_call_id": ids[0], "content": "sun"},
        {"role": "tool", "tool_call_id": ids[1], "content": '{"snow":true}'},
    ]
    assert encoded.body["tools"][0]["function"] == {"name": "look", "parameters": SCHEMA}
    assert encoded.edits == ("dropped:reasoning",)


def test_a_conversation_without_ids_reaches_claude_with_ids_that_match() -> None:
    encoded: Any = to_messages(*TURNS, tools=TOOLS, toolConfig={"functionCallingConfig": {"mode": "ANY"}})
    calls, results = encoded.body["messages"][1]["content"], encoded.body["messages"][2]["content"]
    assert [result["tool_use_id"] for result in results] == [call["id"] for call in calls]
    assert [result["content"] for result in results] == ["sun", '{"snow":true}']
    assert encoded.body["tools"] == [{"name": "look", "input_schema": SCHEMA}]
    assert encoded.body["tool_choice"] == {"type": "any"}


def test_settings_are_told_in_the_others_words() -> None:
    config = {
        "maxOutputTokens": 9,
        "temperature": 0.5,
        "topP": 0.9,
        "stopSequences": ["END"],
        "seed": 7,
        "candidateCount": 2,
        "responseMimeType": "application/json",
        "responseSchema": TOOLS[0]["functionDeclarations"][0]["parameters"],
        "thinkingConfig": {"thinkingLevel": "HIGH"},
        "responseModalities": ["TEXT"],
    }
    encoded = to_chat(generationConfig=config, strict=True)
    assert encoded.body == {
        "model": "gpt",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["END"],
        "seed": 7,
        "n": 2,
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}},
        "reasoning_effort": "high",
    }
    assert encoded.edits == ()


def test_what_only_gemini_has_is_dropped_and_reported_or_refused() -> None:
    config = {"mediaResolution": "LOW"}
    settings: dict[str, Any] = {"safetySettings": [], "cachedContent": "c", "generationConfig": config}
    assert set(to_chat(**settings).edits) == {
        "dropped:safetySettings",
        "dropped:cachedContent",
        "dropped:generationConfig",
    }
    with pytest.raises(UnsupportedParameter):
        to_messages(strict=True, **settings)


def test_pictures_cannot_be_asked_of_a_model_that_only_writes() -> None:
    with pytest.raises(UnsupportedParameter, match="text"):
        to_messages(generationConfig={"responseModalities": ["TEXT", "IMAGE"]})


@pytest.mark.parametrize("tool", [{"googleSearch": {}}, {"codeExecution": {}}])
def test_a_tool_that_google_runs_is_refused(tool: dict[str, Any]) -> None:
    for send in (to_chat, to_messages):
        with pytest.raises(UnsupportedParameter, match=next(iter(tool))):
            send(tools=[tool])


def test_a_file_that_only_google_can_read_is_refused() -> None:
    file = {"role": "user", "parts": [{"fileData": {"mimeType": "image/png", "fileUri": "gs://b/a.png"}}]}
    for send in (to_chat, to_messages):
        with pytest.raises(UnsupportedParameter, match="file id"):
            send(file)


def test_claudes_own_thinking_comes_back_to_claude_signed() -> None:
    answer = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "tool_use",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "EqQB+/="},
            {"type": "redacted_thinking", "data": "Emwk"},
            {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}},
        ],
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }  # fmt: skip
    asked = gemini.decode_request({"model": "m", "contents": [HELLO]})
    told: Any = gemini.encode_response(messages.decode_response(answer), asked)
    turn = told["candidates"][0]["content"]
    result = {"functionResponse": {"id": "toolu_1", "name": "look", "response": {"output": "x"}}}
    encoded: Any = to_messages(HELLO, turn, {"role": "user", "parts": [result]})
    assert encoded.body["messages"][1]["content"] == answer["content"]
