"""Bedrock-shaped requests, as providers of other dialects get them."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects import anthropic_messages, bedrock_converse, openai_chat
from sluice.errors import BadRequest
from sluice.types.chat import ChatRequest


def turn(*blocks: dict[str, Any], role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": list(blocks)}


HI = turn({"text": "Hi"})


def decoded(body: dict[str, Any]) -> ChatRequest:
    return bedrock_converse.decode_request({"model": "m", "messages": [HI], **body})


def to_messages(body: dict[str, Any]) -> Any:
    return anthropic_messages.encode_request(decoded(body), "claude", {}, False)


def to_chat(body: dict[str, Any]) -> Any:
    return openai_chat.encode_request(decoded(body), "gpt", {}, False)


def test_everything_said_in_converse_reaches_claude() -> None:
    used = {"toolUse": {"toolUseId": "t1", "name": "look", "input": {"city": "Rome"}}}
    result = {"toolResult": {"toolUseId": "t1", "status": "error", "content": [{"json": {"a": 1}}, {"text": "b"}]}}
    encoded = to_messages(
        {
            "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default"}}],
            "messages": [
                HI,
                turn(
                    {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "EqQB"}}},
                    {"reasoningContent": {"redactedContent": "RW13aw=="}},
                    used,
                    role="assistant",
                ),
                turn(result, {"image": {"format": "png", "source": {"bytes": "iVBORw=="}}}),
            ],
            "toolConfig": {
                "tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}],
                "toolChoice": {"tool": {"name": "look"}},
            },
            "inferenceConfig": {"maxTokens": 99, "temperature": 0.5, "stopSequences": ["x"]},
        }
    )
    body = encoded.body
    assert body["system"][0] == {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}
    assert body["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"},
        {"type": "redacted_thinking", "data": "Emwk"},
        {"type": "tool_use", "id": "t1", "name": "look", "input": {"city": "Rome"}},
    ]
    answered, image = body["messages"][2]["content"]
    assert (answered["is_error"], [part["text"] for part in answered["content"]]) == (True, ['{"a":1}', "b"])
    assert image["source"]["media_type"] == "image/png"
    assert body["tool_choice"] == {"type": "tool", "name": "look"}
    assert (body["max_tokens"], body["temperature"], body["stop_sequences"]) == (99, 0.5, ["x"])
    assert encoded.edits == ()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, {"type": "enabled", "budget_tokens": 2000}),
        ({"reasoning_config": {"type": "enabled", "budget_tokens": 2000}}, {"type": "enabled", "budget_tokens": 2000}),
        ({"thinking": {"type": "disabled"}}, {"type": "disabled"}),
        (
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}},
            {"type": "enabled", "budget_tokens": 2048},
        ),
    ],
)
def test_thinking_is_read_wherever_models_look_for_it(fields: dict[str, Any], expected: Any) -> None:
    encoded = to_messages({"additionalModelRequestFields": fields, "inferenceConfig": {"maxTokens": 8000}})
    assert encoded.body["thinking"] == expected


@pytest.mark.parametrize(
    "body",
    [
        {"outputConfig": {"effort": "high"}},
        {"additionalModelRequestFields": {"reasoning_effort": "high"}},
        {"additionalModelRequestFields": {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}},
    ],
)
def test_effort_is_read_wherever_models_look_for_it(body: dict[str, Any]) -> None:
    assert to_chat(body).body["reasoning_effort"] == "high"


def test_structured_output_reaches_other_vendors() -> None:
    schema = '{"type":"object","properties":{},"additionalProperties":false}'
    form = {"type": "json_schema", "structure": {"jsonSchema": {"schema": schema, "name": "City"}}}
    body = to_chat({"outputConfig": {"textFormat": form}}).body
    assert body["response_format"]["json_schema"]["name"] == "City"
    assert body["response_format"]["json_schema"]["schema"]["additionalProperties"] is False


def test_guarded_text_is_prompt_all_the_same() -> None:
    guarded = {"guardContent": {"text": {"text": "The fact.", "qualifiers": ["grounding_source"]}}}
    body = to_chat({"messages": [turn(guarded, {"text": "Is it?"})]}).body
    assert "The fact." in str(body["messages"][0]["content"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("guardrailConfig", {"guardrailIdentifier": "g", "guardrailVersion": "1"}),
        ("promptVariables", {"a": {"text": "b"}}),
    ],
)
def test_what_only_bedrock_keeps_binds_the_request_to_it(name: str, value: object) -> None:
    assert list(decoded({name: value}).bound) == [name]


def test_a_server_tool_of_the_vendor_is_no_call_for_the_caller() -> None:
    used = {"toolUse": {"toolUseId": "t", "name": "nova_grounding", "input": {}, "type": "server_tool_use"}}
    answer = {"output": {"message": {"content": [used, {"text": "Hi"}]}}, "stopReason": "end_turn"}
    response = bedrock_converse.decode_response(answer)
    asked = decoded({})
    assert "tool_calls" not in str(openai_chat.encode_response(response, asked))


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": ""}, "modelId"),
        ({"messages": []}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": ["Hi"]}, "messages.0"),
        ({"messages": [{"role": "tool", "content": []}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": "Hi"}]}, "messages.0.content"),
        ({"system": "Be brief."}, "system"),
        ({"inferenceConfig": []}, "inferenceConfig"),
        ({"inferenceConfig": {"maxTokens": "9"}}, "inferenceConfig.maxTokens"),
        ({"inferenceConfig": {"maxTokens": 0}}, "inferenceConfig.maxTokens"),
        ({"toolConfig": {"tools": {}}}, "toolConfig.tools"),
        ({"toolConfig": {"tools": ["x"]}}, "toolConfig.tools.0"),
        ({"toolConfig": {"tools": [{"toolSpec": {}}]}}, "toolConfig.tools.0.toolSpec.name"),
    ],
)
def test_what_no_provider_could_serve_is_refused_with_its_place(body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as raised:
        bedrock_converse.outline({"model": "m", "messages": [HI], **body}, 1)
    assert raised.value.param == param


def test_a_stored_prompt_needs_no_messages() -> None:
    outline = bedrock_converse.outline({"model": "m", "promptVariables": {}}, 1)
    assert (outline.model, outline.stream, outline.max_output) == ("m", False, None)


def test_reasoning_that_the_gateway_sealed_does_not_go_to_bedrock() -> None:
    sealed = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "sluice1.abc"}}}
    secret = {"reasoningContent": {"redactedContent": "c2x1aWNlMS5hYmM="}}
    kept = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "EqQB"}}}
    messages = [HI, turn(sealed, secret, kept, role="assistant"), turn(sealed, role="assistant"), HI]
    edits = bedrock_converse.pass_edits({"model": "m", "messages": messages}, {})
    assert edits["messages"] == [HI, turn(kept, role="assistant"), HI]
