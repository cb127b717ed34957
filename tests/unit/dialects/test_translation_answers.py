"""Whole answers and errors of both chat dialects against each other."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import openai_chat as chat
from sluice.errors import BudgetExceeded, GatewayError
from sluice.types.chat import ChatResponse, Choice, Part, Refusal, Text, Thinking, ToolCall
from tests.unit.dialects.both_ways import (
    ASKED_CHAT,
    ASKED_MESSAGES,
    CLAUDE_ANSWER,
    GPT_ANSWER,
    SCHEMA,
    from_claude,
    from_gpt,
    to_chat,
    to_messages,
    user,
)


def test_claudes_answer_reaches_a_chat_caller() -> None:
    body = from_claude()
    choice = body["choices"][0]
    assert (body["object"], body["model"], choice["finish_reason"]) == ("chat.completion", "claude", "tool_calls")
    assert choice["message"]["content"] == "Let me look."
    assert choice["message"]["reasoning_content"] == "Hm."
    assert [call["function"] for call in choice["message"]["tool_calls"]] == [
        {"name": "look", "arguments": '{"city":"Rome"}'},
        {"name": "look", "arguments": "{}"},
    ]
    usage = body["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (240, 40, 280)
    assert usage["prompt_tokens_details"]["cached_tokens"] == 200
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 15


def test_gpts_answer_reaches_a_messages_caller() -> None:
    body = from_gpt()
    assert (body["type"], body["role"], body["stop_reason"]) == ("message", "assistant", "tool_use")
    thinking, text, first, second = body["content"]
    assert (thinking["thinking"], text["text"]) == ("Hm.", "Let me look.")
    assert (first["input"], second["input"]) == ({"city": "Rome"}, {})
    usage = body["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (40, 200, 40)
    assert usage["output_tokens_details"]["thinking_tokens"] == 15


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("refusal", "content_filter"),
        ("model_context_window_exceeded", "length"),
    ],
)
def test_claudes_reasons_to_stop(reason: str, finish: str) -> None:
    body = from_claude(content=[{"type": "text", "text": "x"}], stop_reason=reason)
    assert body["choices"][0]["finish_reason"] == finish


@pytest.mark.parametrize(
    ("finish", "reason"),
    [("stop", "end_turn"), ("length", "max_tokens"), ("content_filter", "refusal"), ("", "end_turn")],
)
def test_gpts_reasons_to_stop(finish: str, reason: str) -> None:
    assert from_gpt({"content": "x"}, finish)["stop_reason"] == reason


def test_gpts_refusal_reaches_a_messages_caller() -> None:
    body = from_gpt({"content": None, "refusal": "I cannot help with that."})
    assert body["content"] == [{"type": "text", "text": "I cannot help with that."}]
    assert body["stop_reason"] == "refusal"


def test_the_emulated_answer_reaches_a_chat_caller_as_content() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}
    sent: Any = to_messages(
        {"max_tokens": 9, "messages": [user("x")], "response_format": wanted}, {"json_schema": False}
    ).body
    call = {"type": "tool_use", "id": "t", "name": sent["tool_choice"]["name"], "input": {"city": "Rome"}}
    choice = from_claude(content=[call], stop_reason="tool_use")["choices"][0]
    assert json.loads(choice["message"]["content"]) == {"city": "Rome"}
    assert choice["finish_reason"] == "stop"
    assert not choice["message"].get("tool_calls")


def test_claudes_thinking_comes_back_to_it_to_the_byte_through_a_chat_caller() -> None:
    said = from_claude()["choices"][0]["message"]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "sunny"} for call in said["tool_calls"]]
    sent: Any = to_messages({"max_tokens": 9, "messages": [user("x"), said, *results]}).body
    assert sent["messages"][1]["content"] == CLAUDE_ANSWER["content"]


def test_anothers_thinking_does_not_reach_claude_through_a_chat_caller() -> None:
    said = GPT_ANSWER["choices"][0]["message"]  # type: ignore[index]
    results = [{"role": "tool", "tool_call_id": f"call_{n}", "content": "sunny"} for n in (1, 2)]
    encoded = to_messages({"max_tokens": 9, "messages": [user("x"), said, *results]})
    turns: Any = encoded.body["messages"]
    assert [block["type"] for block in turns[1]["content"]] == ["text", "tool_use", "tool_use"]
    assert "dropped:reasoning" in encoded.edits


def test_anothers_thinking_comes_back_to_it_through_a_messages_caller() -> None:
    details = [{"type": "reasoning.text", "text": "Hm.", "signature": "c2ln", "format": "google-gemini-v1", "index": 0}]
    said = from_gpt({"content": "Yes.", "reasoning": "Hm.", "reasoning_details": details})
    sent: Any = to_chat(
        {"messages": [user("x"), {"role": "assistant", "content": said["content"]}, user("y")]},
        {"reasoning_field": "reasoning_details"},
    ).body
    assert sent["messages"][1]["reasoning_details"] == details


def test_unsigned_thinking_comes_back_where_the_provider_wants_it() -> None:
    said = from_gpt()
    results = [{"type": "tool_result", "tool_use_id": f"call_{n}", "content": "sunny"} for n in (1, 2)]
    sent: Any = to_chat(
        {"messages": [user("x"), {"role": "assistant", "content": said["content"]}, user(results)]},
        {"reasoning_field": "reasoning_content"},
    ).body
    assert sent["messages"][1]["reasoning_content"] == "Hm."
    assert "reasoning_details" not in sent["messages"][1]


# --- errors ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "chat_type", "messages_type"),
    [
        (429, "rate_limit_error", "rate_limit_error", "rate_limit_error"),
        (529, "overloaded_error", "overloaded_error", "overloaded_error"),
        (400, "invalid_request_error", "invalid_request_error", "invalid_request_error"),
    ],
)
def test_claudes_errors_in_both_envelopes(status: int, kind: str, chat_type: str, messages_type: str) -> None:
    body = json.dumps({"type": "error", "error": {"type": kind, "message": "No."}}).encode()
    error = messages.decode_error(status, {"retry-after": "3"}, body)
    there: Any = chat.encode_error(error, "req_1")
    here: Any = messages.encode_error(error, "req_1")
    assert (there["error"]["message"], there["error"]["type"]) == ("No.", chat_type)
    assert (here["error"]["message"], here["error"]["type"]) == ("No.", messages_type)


@pytest.mark.parametrize(
    ("status", "error", "messages_type"),
    [
        (429, {"message": "Quota.", "type": "insufficient_quota", "code": "insufficient_quota"}, "billing_error"),
        (429, {"message": "Rate limit reached.", "type": "tokens", "code": "rate_limit_exceeded"}, "rate_limit_error"),
        (500, {"message": "Oops.", "type": "server_error"}, "api_error"),
        (404, {"message": "No model.", "code": "model_not_found"}, "not_found_error"),
    ],
)
def test_gpts_errors_in_the_messages_envelope(status: int, error: dict[str, Any], messages_type: str) -> None:
    read = chat.decode_error(status, {}, json.dumps({"error": error}).encode())
    written: Any = messages.encode_error(read, "req_1")
    assert (written["type"], written["error"]["type"], written["error"]["message"]) == (
        "error",
        messages_type,
        error["message"],
    )


def test_the_gateways_own_refusal_in_both_envelopes() -> None:
    refusal: GatewayError = BudgetExceeded("Budget 'search' is spent.")
    there: Any = chat.encode_error(refusal, "req_1")
    here: Any = messages.encode_error(refusal, "req_1")
    assert there["error"]["code"] == here["error"]["code"] == "budget_exceeded"
    assert there["error"]["message"] == here["error"]["message"]


# --- any answer, both ways -------------------------------------------------------------------------------------

PARTS = st.lists(
    st.builds(Text, st.text("abc ä", min_size=1).map(lambda text: "x" + text))
    | st.builds(ToolCall, st.text("abc019", min_size=1), st.just("look"), st.just('{"a":1}')),
    min_size=1,
    max_size=4,
).map(tuple)


@given(PARTS, st.sampled_from(["length", "tool_calls"]))
def test_an_answer_says_the_same_in_both_dialects(parts: tuple[Part, ...], stop: Any) -> None:
    response = ChatResponse("id", "m", (Choice(parts, stop),), dialect="openai_chat")
    there = messages.decode_response(json.loads(json.dumps(messages.encode_response(response, ASKED_MESSAGES))))
    assert [part for part in there.choices[0].parts if not isinstance(part, Thinking | Refusal)] == list(parts)
    assert there.choices[0].stop == stop
    back: Any = chat.encode_response(there, ASKED_CHAT)
    said = back["choices"][0]["message"]
    assert (said["content"] or "") == "".join(part.text for part in parts if isinstance(part, Text))
    assert [made["id"] for made in said.get("tool_calls") or ()] == [
        part.id for part in parts if isinstance(part, ToolCall)
    ]
