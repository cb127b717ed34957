"""Whole answers: Bedrock's for callers of other dialects, and other vendors' in Converse's form."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects import anthropic_messages, bedrock_converse, openai_chat
from sluice.types.usage import Usage
from tests.unit.dialects.both_ways import ASKED_CHAT, ASKED_MESSAGES, CLAUDE_ANSWER, GPT_ANSWER

ANSWER: dict[str, Any] = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "EqQB"}}},
                {"reasoningContent": {"redactedContent": "RW13aw=="}},
                {"text": "Let me look."},
                {"citationsContent": {"content": [{"text": "Cited."}], "citations": [{"title": "A"}]}},
                {"toolUse": {"toolUseId": "t1", "name": "look", "input": {"city": "Rome"}}},
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": {
        "inputTokens": 10, "outputTokens": 40, "totalTokens": 280, "cacheReadInputTokens": 200,
        "cacheWriteInputTokens": 30,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 10}, {"ttl": "5m", "inputTokens": 20}],
    },
    "metrics": {"latencyMs": 7},
    "trace": {"guardrail": {"actionReason": "none"}},
    "serviceTier": {"type": "priority"},
}  # fmt: skip


def test_an_answer_is_told_to_callers_of_other_dialects() -> None:
    response = bedrock_converse.decode_response(ANSWER)
    claude: Any = anthropic_messages.encode_response(response, ASKED_MESSAGES)
    assert [block["type"] for block in claude["content"]] == [
        "thinking", "redacted_thinking", "text", "text", "tool_use",
    ]  # fmt: skip
    assert claude["content"][0]["signature"] == "EqQB"
    assert claude["content"][1]["data"] == "Emwk"
    assert claude["stop_reason"] == "tool_use"
    assert claude["usage"]["cache_creation"] == {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10}
    gpt: Any = openai_chat.encode_response(response, ASKED_CHAT)
    assert gpt["choices"][0]["message"]["content"] == "Let me look.Cited."
    assert gpt["choices"][0]["finish_reason"] == "tool_calls"
    assert gpt["usage"]["prompt_tokens"] == 240


def test_an_answer_is_written_back_the_same() -> None:
    response = bedrock_converse.decode_response(ANSWER)
    assert bedrock_converse.encode_response(response, ASKED_CHAT) == {
        **ANSWER,
        "usage": {**ANSWER["usage"]},
    }
    assert response.usage == Usage(10, 200, 20, 10, 40, service_tier="priority")


@pytest.mark.parametrize("foreign", ["claude", "gpt"])
def test_other_vendors_answers_are_told_in_converse(foreign: str) -> None:
    if foreign == "claude":
        response = anthropic_messages.decode_response(CLAUDE_ANSWER)
    else:
        response = openai_chat.decode_response(GPT_ANSWER)
    body: Any = bedrock_converse.encode_response(response, ASKED_CHAT)
    again = bedrock_converse.decode_response(body)
    calls = [block["toolUse"] for block in body["output"]["message"]["content"] if "toolUse" in block]
    assert [call["input"] for call in calls] == [{"city": "Rome"}, {}]
    assert (body["stopReason"], body["usage"]["totalTokens"], body["metrics"]) == ("tool_use", 280, {"latencyMs": 0})
    assert again.usage is not None
    assert response.usage is not None
    assert (again.usage.prompt, again.usage.output) == (response.usage.prompt, response.usage.output)


@pytest.mark.parametrize(
    ("finish", "message", "expected"),
    [
        ("stop", {"content": "Hi"}, "end_turn"),
        ("length", {"content": "Hi"}, "max_tokens"),
        ("content_filter", {"content": "Hi"}, "content_filtered"),
        ("stop", {"content": None, "refusal": "No."}, "content_filtered"),
    ],
)
def test_every_reason_to_stop_has_its_word(finish: str, message: dict[str, Any], expected: str) -> None:
    choices = [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}]
    response = openai_chat.decode_response({**GPT_ANSWER, "choices": choices})
    body: Any = bedrock_converse.encode_response(response, ASKED_CHAT)
    assert body["stopReason"] == expected
    assert body["output"]["message"]["content"][0]["text"] in ("Hi", "No.")


@pytest.mark.parametrize(
    ("word", "stop"),
    [
        ("guardrail_intervened", "content_filter"), ("model_context_window_exceeded", "length"),
        ("malformed_tool_use", "error"), ("something_new", "unknown"),
    ],
)  # fmt: skip
def test_a_reason_with_no_word_of_its_own_elsewhere_comes_back_as_it_was(word: str, stop: str) -> None:
    response = bedrock_converse.decode_response({**ANSWER, "stopReason": word})
    assert response.choices[0].stop == stop
    assert bedrock_converse.encode_response(response, ASKED_CHAT)["stopReason"] == word


@pytest.mark.parametrize("fields", [{"stop_sequence": "END"}, {"delta": {"stop_sequence": "END"}}])
def test_the_sequence_that_ended_an_answer_is_told_to_a_claude_caller(fields: dict[str, Any]) -> None:
    body = {**ANSWER, "stopReason": "stop_sequence", "additionalModelResponseFields": fields}
    response = bedrock_converse.decode_response(body)
    claude = anthropic_messages.encode_response(response, ASKED_MESSAGES)
    assert (claude["stop_reason"], claude["stop_sequence"]) == ("stop_sequence", "END")
    assert bedrock_converse.encode_response(response, ASKED_CHAT)["additionalModelResponseFields"] == fields


def test_older_names_of_cached_tokens_are_read() -> None:
    usage = {"inputTokens": 1, "outputTokens": 2, "cacheReadInputTokenCount": 3, "cacheWriteInputTokenCount": 4}
    response = bedrock_converse.decode_response({**ANSWER, "usage": usage, "serviceTier": None})
    assert response.usage == Usage(1, 3, 4, 0, 2)
    assert bedrock_converse.decode_response({**ANSWER, "usage": None}).usage is None


def test_encrypted_reasoning_that_is_no_text_survives() -> None:
    content = [{"reasoningContent": {"redactedContent": "//8A"}}]
    body = {**ANSWER, "output": {"message": {"role": "assistant", "content": content}}}
    response = bedrock_converse.decode_response(body)
    assert bedrock_converse.encode_response(response, ASKED_CHAT)["output"] == body["output"]
    request = {
        "model": "m",
        "messages": [{"role": "user", "content": [{"text": "x"}]}, {"role": "assistant", "content": content}],
    }
    again = bedrock_converse.encode_request(bedrock_converse.decode_request(request), "m", {}, False)
    assert again.body["messages"] == request["messages"]
