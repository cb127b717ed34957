"""Requests of the Responses dialect against both other chat dialects, and state that only its vendor keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import openai_chat as chat
from sluice.dialects import openai_responses as responses
from sluice.dialects import translates
from sluice.dialects.base import ChatDialect
from sluice.errors import UnsupportedParameter
from tests.unit.dialects.openai_responses.tellings import OTHERS, PDF, PNG, SCHEMA, asked, told

CONVERSATION: list[dict[str, Any]] = [
    {"role": "developer", "content": "Use tools."},
    {
        "type": "message",
        "role": "user",
        "content": [
            {"type": "input_text", "text": "Where is it sunny?"},
            {"type": "input_image", "image_url": PNG, "detail": "low"},
            {"type": "input_image", "image_url": "https://example.com/sky.png"},
            {"type": "input_file", "filename": "w.pdf", "file_data": PDF},
        ],
    },
    {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": '{"city":"Rome"}', "id": "fc_1"},
    {"type": "function_call", "call_id": "call_2", "name": "look", "arguments": '{"city":"Oslo"}', "id": "fc_2"},
    {"type": "function_call_output", "call_id": "call_1", "output": "sunny"},
    {"type": "function_call_output", "call_id": "call_2", "output": [{"type": "input_text", "text": "snow"}]},
    {"type": "message", "role": "assistant", "id": "msg_1", "content": [{"type": "output_text", "text": "Rome."}]},
    {"role": "user", "content": "Sure?"},
]
LOOK = {"type": "function", "name": "look", "description": "Looks.", "parameters": SCHEMA, "strict": True}


def test_responses_are_translated_both_ways() -> None:
    for other in ("openai_chat", "anthropic_messages"):
        assert translates("openai_responses", other)
        assert translates(other, "openai_responses")


# --- requests: Responses -> others -----------------------------------------------------------------------------


def test_a_whole_conversation_reaches_a_chat_completions_provider() -> None:
    body = told(
        chat,
        {
            "instructions": "Be brief.",
            "input": CONVERSATION,
            "tools": [LOOK],
            "tool_choice": "required",
            "parallel_tool_calls": False,
            "max_output_tokens": 50,
            "temperature": 0.5,
            "text": {"format": {"type": "json_schema", "name": "city", "schema": SCHEMA, "strict": True}},
            "reasoning": {"effort": "high"},
        },
    ).body
    sent: Any = body["messages"]
    assert [message["role"] for message in sent] == [
        "system", "developer", "user", "assistant", "tool", "tool", "assistant", "user",
    ]  # fmt: skip
    assert sent[0]["content"] == "Be brief."
    assert [part["type"] for part in sent[2]["content"]] == ["text", "image_url", "image_url", "file"]
    assert sent[2]["content"][1]["image_url"] == {"url": PNG, "detail": "low"}
    assert sent[2]["content"][3]["file"] == {"filename": "w.pdf", "file_data": PDF}
    assert [(call["id"], call["function"]["arguments"]) for call in sent[3]["tool_calls"]] == [
        ("call_1", '{"city":"Rome"}'),
        ("call_2", '{"city":"Oslo"}'),
    ]
    assert [(message["tool_call_id"], message["content"]) for message in sent[4:6]] == [
        ("call_1", "sunny"),
        ("call_2", "snow"),
    ]
    assert sent[6]["content"] == "Rome."
    assert body["tools"][0]["function"]["name"] == "look"  # type: ignore[index]
    assert body["tool_choice"] == "required"
    assert body["parallel_tool_calls"] is False
    assert (body["max_tokens"], body["temperature"], body["reasoning_effort"]) == (50, 0.5, "high")
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA  # type: ignore[index]


def test_a_whole_conversation_reaches_claude() -> None:
    body = told(messages, {"instructions": "Be brief.", "input": CONVERSATION, "tools": [LOOK]}).body
    sent: Any = body["messages"]
    assert [turn["role"] for turn in sent] == ["user", "assistant", "user", "assistant", "user"]
    assert [block["text"] for block in body["system"]] == ["Be brief.", "Use tools."]  # type: ignore[attr-defined]
    assert [block["type"] for block in sent[0]["content"]] == ["text", "image", "image", "document"]
    assert [(block["id"], block["input"]) for block in sent[1]["content"]] == [
        ("call_1", {"city": "Rome"}),
        ("call_2", {"city": "Oslo"}),
    ]
    assert [(block["tool_use_id"], block["content"]) for block in sent[2]["content"]] == [
        ("call_1", "sunny"),
        ("call_2", "snow"),
    ]


@pytest.mark.parametrize("dialect", OTHERS)
def test_a_free_text_tool_becomes_a_function_with_one_text_argument(dialect: ChatDialect) -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: WORD"}
    tool = {"type": "custom", "name": "patch", "description": "Patches.", "format": grammar}
    items = [
        {"role": "user", "content": "Patch it."},
        {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": "*** Begin"},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "done"},
    ]
    choice = {"type": "custom", "name": "patch"}
    body: Any = told(dialect, {"input": items, "tools": [tool], "tool_choice": choice}).body
    if dialect is chat:
        function, call = body["tools"][0]["function"], body["messages"][1]["tool_calls"][0]["function"]
        schema, arguments = function["parameters"], json.loads(call["arguments"])
        assert body["tool_choice"] == {"type": "function", "function": {"name": "patch"}}
    else:
        function, call = body["tools"][0], body["messages"][1]["content"][0]
        schema, arguments = function["input_schema"], call["input"]
        assert body["tool_choice"] == {"type": "tool", "name": "patch"}
    assert "start: WORD" in schema["properties"]["input"]["description"]
    assert schema["required"] == ["input"]
    assert arguments == {"input": "*** Begin"}


@pytest.mark.parametrize("dialect", OTHERS)
def test_allowed_tools_are_the_only_ones_another_dialect_hears_of(dialect: ChatDialect) -> None:
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "look"}]}
    hide = {**LOOK, "name": "hide"}
    body: Any = told(dialect, {"tools": [LOOK, hide], "tool_choice": allowed}).body
    assert len(body["tools"]) == 1
    assert "look" in json.dumps(body["tools"])
    assert body["tool_choice"] in ("required", {"type": "any"})


@pytest.mark.parametrize("dialect", OTHERS)
def test_a_tool_that_the_vendor_runs_is_refused_elsewhere(dialect: ChatDialect) -> None:
    with pytest.raises(UnsupportedParameter) as raised:
        told(dialect, {"tools": [{"type": "web_search"}]})
    assert raised.value.param == "tools"


@pytest.mark.parametrize("dialect", OTHERS)
def test_what_only_this_dialect_knows_is_reported_and_refused_on_strict_routes(dialect: ChatDialect) -> None:
    body = {"truncation": "auto", "include": ["web_search_call.action.sources"], "prompt_cache_key": "k"}
    edits = told(dialect, body).edits
    assert {"dropped:truncation", "dropped:include", "dropped:prompt_cache_key"} <= set(edits)
    with pytest.raises(UnsupportedParameter):
        told(dialect, body, strict=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("previous_response_id", "resp_1"),
        ("conversation", "conv_1"),
        ("background", True),
        ("prompt", {"id": "pmpt_1"}),
        ("input", [{"type": "item_reference", "id": "msg_1"}]),
        ("input", [{"id": "msg_1"}]),
        ("input", [{"type": "compaction", "encrypted_content": "x"}]),
    ],
)
def test_stored_state_binds_a_request_to_its_vendor_and_passes_there(name: str, value: Any) -> None:
    body = {"model": "m", "input": "x", name: value}
    request = responses.decode_request(body)
    (bound, reason), *_ = request.bound.items()
    assert bound.startswith(name)
    assert "send" in reason
    assert responses.pass_edits(body, {}) == {}
    assert responses.decode_request(responses.encode_request(request, "m", {}, True).body) == request


# --- requests: others -> Responses -----------------------------------------------------------------------------


def test_a_chat_completions_request_reaches_a_responses_provider() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"city": "Rome"}'}}
    function = {"name": "look", "description": "Looks.", "parameters": SCHEMA}
    encoded = asked(
        chat,
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "Where?"},
                        {"type": "image_url", "image_url": {"url": PNG}},
                        {"type": "file", "file": {"filename": "w.pdf", "file_data": PDF}},
                    ],
                },
                {"role": "assistant", "content": "I look.", "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
            ],
            "tools": [{"type": "function", "function": function}],
            "tool_choice": {"type": "function", "function": {"name": "look"}},
            "max_completion_tokens": 5,
            "reasoning_effort": "minimal",
            "verbosity": "low",
            "prompt_cache_key": "k",
            "stop": ["END"],
            "seed": 1,
            "logprobs": True,
            "top_logprobs": 2,
            "metadata": {"a": "b"},
        },
        {"min_output_tokens": 16},
    )
    body: Any = encoded.body
    assert [(item["type"], item.get("role")) for item in body["input"]] == [
        ("message", "system"),
        ("message", "user"),
        ("message", "assistant"),
        ("function_call", None),
        ("function_call_output", None),
    ]
    assert [part["type"] for part in body["input"][1]["content"]] == ["input_text", "input_image", "input_file"]
    assert body["input"][1]["content"][1]["image_url"] == PNG
    assert body["input"][1]["content"][2] == {"type": "input_file", "filename": "w.pdf", "file_data": PDF}
    assert body["input"][2]["content"] == [{"type": "output_text", "text": "I look.", "annotations": []}]
    assert body["input"][3] == {
        "type": "function_call",
        "call_id": "call_1",
        "name": "look",
        "arguments": '{"city": "Rome"}',
    }
    assert body["input"][4] == {"type": "function_call_output", "call_id": "call_1", "output": "sunny"}
    assert body["tools"] == [{"type": "function", **function, "strict": False}]
    assert body["tool_choice"] == {"type": "function", "name": "look"}
    assert body["text"] == {"verbosity": "low"}
    assert body["reasoning"] == {"effort": "low"}
    assert body["include"] == ["message.output_text.logprobs", "reasoning.encrypted_content"]
    assert (body["max_output_tokens"], body["store"], body["top_logprobs"]) == (16, False, 2)
    assert (body["prompt_cache_key"], body["metadata"]) == ("k", {"a": "b"})
    assert set(encoded.edits) == {
        "changed:max_output_tokens=16",
        "clamped:reasoning_effort",
        "dropped:stop",
        "dropped:seed",
    }


def test_a_free_text_tool_of_chat_completions_stays_one() -> None:
    grammar = {"syntax": "lark", "definition": "start: WORD"}
    custom = {"name": "patch", "format": {"type": "grammar", "grammar": grammar}}
    call = {"id": "c1", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}}
    body: Any = asked(
        chat,
        {
            "messages": [
                {"role": "user", "content": "x"},
                {"role": "assistant", "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "c1", "content": "done"},
            ],
            "tools": [{"type": "custom", "custom": custom}],
        },
    ).body
    assert body["tools"] == [{"type": "custom", "name": "patch", "format": {"type": "grammar", **grammar}}]
    assert body["input"][1] == {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": "*** Begin"}
    assert body["input"][2]["type"] == "custom_tool_call_output"


def test_a_messages_request_reaches_a_responses_provider() -> None:
    encoded = asked(
        messages,
        {
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "Where?"},
                        {"type": "document", "source": {"type": "url", "url": "https://example.com/w.pdf"}},
                    ],
                },
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"},
                        {"type": "text", "text": "I look."},
                        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"city": "Rome"}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "toolu_1",
                            "is_error": True,
                            "content": [
                                {"type": "text", "text": "A picture:"},
                                {
                                    "type": "image",
                                    "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
                                },
                            ],
                        },
                        {"type": "text", "text": "Well?"},
                    ],
                },
            ],
            "tools": [{"name": "look", "input_schema": SCHEMA}],
            "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
            "thinking": {"type": "enabled", "budget_tokens": 9000},
            "top_k": 5,
        },
    )
    body: Any = encoded.body
    assert [item["type"] for item in body["input"]] == [
        "message", "message", "message", "function_call", "function_call_output", "message",
    ]  # fmt: skip
    assert body["input"][1]["content"][1] == {"type": "input_file", "file_url": "https://example.com/w.pdf"}
    assert body["input"][4]["output"][1]["image_url"] == PNG
    assert (body["tool_choice"], body["parallel_tool_calls"]) == ("required", False)
    assert body["reasoning"] == {"effort": "high", "summary": "auto"}
    assert {"dropped:reasoning", "dropped:is_error", "dropped:top_k", "dropped:cache_control"} <= set(encoded.edits)


def test_several_answers_and_sound_are_refused() -> None:
    said = {"messages": [{"role": "user", "content": "x"}]}
    sound = {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}}
    for body in (
        {**said, "n": 2},
        {**said, "modalities": ["text", "audio"]},
        {"messages": [{"role": "user", "content": [sound]}]},
    ):
        with pytest.raises(UnsupportedParameter):
            asked(chat, body)


def test_top_logprobs_alone_ask_for_log_probabilities() -> None:
    body = told(chat, {"top_logprobs": 2}).body
    assert (body["logprobs"], body["top_logprobs"]) == (True, 2)
    assert "logprobs" not in told(chat, {"top_logprobs": 0, "include": []}).body
