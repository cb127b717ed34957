"""Answers, streams and reasoning of the Responses dialect against both other chat dialects."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import gemini
from sluice.dialects import openai_chat as chat
from sluice.dialects import openai_responses as responses
from sluice.dialects.base import ChatDialect
from sluice.errors import ProviderError
from sluice.types.stream import End, Finish, Start, StreamEvent, UsageReport
from sluice.types.usage import Usage
from tests.unit.dialects.openai_responses.tellings import (
    ASKED,
    CLAUDE,
    GPT,
    OTHERS,
    asked,
    events_of,
    gathered,
    streamed,
    told,
    whole,
)

# --- answers ---------------------------------------------------------------------------------------------------


def test_claudes_answer_reaches_a_responses_caller() -> None:
    answer = whole(messages, CLAUDE, responses)
    assert [item["type"] for item in answer["output"]] == ["reasoning", "reasoning", "message", "function_call"]
    assert answer["output"][0]["summary"] == [{"type": "summary_text", "text": "Hm."}]
    assert answer["output"][2]["content"][0]["text"] == "I look."
    assert (answer["output"][3]["call_id"], answer["output"][3]["arguments"]) == ("toolu_1", '{"city":"Rome"}')
    assert answer["status"] == "completed"
    assert answer["usage"]["input_tokens"] == 210
    assert answer["usage"]["input_tokens_details"]["cached_tokens"] == 200
    assert answer["usage"]["output_tokens_details"]["reasoning_tokens"] == 0


def test_a_responses_answer_reaches_the_callers_of_other_dialects() -> None:
    claude = whole(responses, GPT, messages)
    assert [block["type"] for block in claude["content"]] == ["thinking", "text", "tool_use"]
    assert (claude["stop_reason"], claude["usage"]["input_tokens"]) == ("tool_use", 10)
    completion = whole(responses, GPT, chat)
    message = completion["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("I look.", "Hm.")
    assert message["tool_calls"][0]["id"] == "call_1"
    assert completion["choices"][0]["finish_reason"] == "tool_calls"
    assert completion["usage"]["completion_tokens_details"]["reasoning_tokens"] == 15


@pytest.mark.parametrize(
    ("stop", "status", "reason"),
    [
        ("end_turn", "completed", None),
        ("max_tokens", "incomplete", "max_output_tokens"),
        ("refusal", "incomplete", "content_filter"),
        ("stop_sequence", "completed", None),
    ],
)
def test_the_stop_reason_becomes_a_status(stop: str, status: str, reason: str | None) -> None:
    body = {**CLAUDE, "content": [{"type": "text", "text": "So."}], "stop_reason": stop}
    answer = whole(messages, body, responses)
    assert answer["status"] == status
    assert (answer["incomplete_details"] or {}).get("reason") == reason


def test_the_call_of_a_function_that_stands_for_a_free_text_tool_is_a_call_of_that_tool() -> None:
    request = responses.decode_request(
        {"model": "m", "input": "x", "tools": [{"type": "custom", "name": "look"}], "stream": True}
    )
    block = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"input": "*** Begin"}}
    claude = messages.decode_response({**CLAUDE, "content": [block]})
    item: Any = responses.encode_response(claude, request)["output"][0]  # type: ignore[index]
    assert (item["type"], item["input"]) == ("custom_tool_call", "*** Begin")

    stream = b"".join(
        messages.encode_stream(messages.decode_stream([json.dumps({**CLAUDE, "content": [block]}).encode()]), request)
    )
    events = list(events_of(b"".join(responses.encode_stream(messages.decode_stream([stream]), request))))
    deltas = [event["delta"] for event in events if event["type"] == "response.custom_tool_call_input.delta"]
    assert deltas == ["*** Begin"]
    assert events[-1]["response"]["output"][0]["input"] == "*** Begin"


# --- reasoning that must find its way back ------------------------------------------------------------------------


def test_claudes_thinking_comes_back_to_claude_through_a_responses_caller() -> None:
    answer = whole(messages, CLAUDE, responses)
    back: Any = told(messages, {"input": [*answer["output"], {"role": "user", "content": "So?"}]}).body
    assert back["messages"][0]["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "EqQB+/="},
        {"type": "redacted_thinking", "data": "Emwk"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"city": "Rome"}},
    ]


def test_thinking_of_another_vendor_never_reaches_openai() -> None:
    items = [*whole(messages, CLAUDE, responses)["output"], {"role": "user", "content": "So?"}]
    passed: Any = responses.pass_edits({"model": "m", "input": items}, {})["input"]
    assert [item.get("type") for item in passed] == ["message", "function_call", None]


def test_openais_reasoning_comes_back_to_openai_through_a_messages_caller() -> None:
    content = whole(responses, GPT, messages)["content"]
    body: Any = asked(
        messages, {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": content}]}
    ).body
    assert body["input"][1] == GPT["output"][0]


def test_openais_reasoning_comes_back_to_openai_through_a_chat_completions_caller() -> None:
    message = whole(responses, GPT, chat)["choices"][0]["message"]
    body: Any = asked(chat, {"messages": [{"role": "user", "content": "x"}, message]}).body
    assert body["input"][1] == GPT["output"][0]


def test_openais_reasoning_comes_back_to_openai_through_streams() -> None:
    provider = b"".join(
        responses.encode_stream(responses.decode_stream([json.dumps(GPT).encode()]), ASKED["openai_responses"])
    )
    claude = whole(messages, json.loads(json.dumps(gathered(streamed(responses, provider, messages)))), messages)
    body: Any = asked(
        messages, {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": claude["content"]}]}
    ).body
    assert body["input"][1] == GPT["output"][0]


def test_unsigned_reasoning_goes_back_where_the_provider_takes_it() -> None:
    body = {
        "id": "c",
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "Yes.", "reasoning_content": "Hm."}}],
    }
    items = [{"role": "user", "content": "x"}, *whole(chat, body, responses)["output"]]
    back: Any = told(chat, {"input": items}, {"reasoning_field": "reasoning_content"}).body
    assert (back["messages"][1]["content"], back["messages"][1]["reasoning_content"]) == ("Yes.", "Hm.")
    passed: Any = responses.pass_edits({"model": "m", "input": items}, {})["input"]
    assert [item.get("type") for item in passed] == [None, "message"]


def test_readable_reasoning_goes_to_providers_that_take_it() -> None:
    message = {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."}
    said = {"messages": [{"role": "user", "content": "x"}, message]}
    assert "dropped:reasoning" in asked(chat, said).edits
    body: Any = asked(chat, said, {"reasoning_items": "text"}).body
    assert body["input"][1]["content"] == [{"type": "reasoning_text", "text": "Hm."}]


# --- streams ---------------------------------------------------------------------------------------------------


def _claude_stream() -> bytes:
    return b"".join(
        messages.encode_stream(messages.decode_stream([json.dumps(CLAUDE).encode()]), ASKED["anthropic_messages"])
    )


def test_claudes_stream_reaches_a_responses_caller_in_the_order_that_clients_expect() -> None:
    events = list(events_of(streamed(messages, _claude_stream(), responses)))
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    kinds = [event["type"].removeprefix("response.") for event in events]
    assert kinds == [
        "created", "in_progress",
        "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta",
        "reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done",
        "output_item.added", "output_item.done",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.done", "content_part.done",
        "output_item.done",
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
        "completed",
    ]  # fmt: skip
    final = events[-1]["response"]
    assert final["output"] == whole(messages, CLAUDE, responses)["output"]
    assert final["usage"]["input_tokens_details"]["cached_tokens"] == 200


def test_a_responses_stream_reaches_the_callers_of_other_dialects() -> None:
    provider = b"".join(
        responses.encode_stream(responses.decode_stream([json.dumps(GPT).encode()]), ASKED["openai_responses"])
    )
    claude = gathered(streamed(responses, provider, messages))
    assert [block["type"] for block in claude["content"]] == ["thinking", "text", "tool_use"]
    assert claude["content"][2]["input"] == {"city": "Rome"}
    assert claude["stop_reason"] == "tool_use"
    chunks = list(events_of(streamed(responses, provider, chat)))
    said = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    assert said == "I look."
    assert chunks[-1]["usage"]["prompt_tokens_details"]["cached_tokens"] == 200


def test_silence_becomes_a_comment_and_a_break_becomes_response_failed() -> None:
    begun = _claude_stream().partition(b"event: content_block_stop")[0]
    source = messages.decode_stream([begun, b""])
    body = b"".join(responses.encode_stream(source, ASKED["openai_responses"]))
    assert b": keep-alive\n\n" in body
    events = list(events_of(body))
    assert [event["type"] for event in events[-2:]] == ["error", "response.failed"]
    assert events[-1]["response"]["error"]["message"] == events[-2]["message"]
    assert events[-1]["response"]["id"] == "msg_1"
    assert [event["sequence_number"] for event in events] == list(range(len(events)))


@pytest.mark.parametrize("status", [400, 401, 404, 413, 429, 500, 503])
@pytest.mark.parametrize("dialect", OTHERS)
def test_a_providers_error_keeps_its_status_and_words_in_every_envelope(dialect: ChatDialect, status: int) -> None:
    body = json.dumps(
        {"error": {"message": "No such luck.", "type": "some_error", "code": "c", "param": None}}
    ).encode()
    error = responses.decode_error(status, {}, body)
    assert isinstance(error, ProviderError)
    assert error.http_status == status
    assert "No such luck." in json.dumps(dialect.encode_error(error, "req_1"))
    back = dialect.decode_error(status, {}, body)
    said: Any = responses.encode_error(back, "req_1")["error"]
    assert said["message"] == "No such luck."
    assert set(said) == {"message", "type", "param", "code"}


def test_an_error_inside_a_responses_stream_is_an_error_in_every_dialect() -> None:
    failed = {
        "type": "response.failed",
        "response": {"id": "r", "status": "failed", "error": {"code": "rate_limit_exceeded", "message": "Slow down."}},
    }
    body = b"event: response.failed\ndata: " + json.dumps(failed).encode() + b"\n\n"
    for dialect in (chat, messages, responses):
        assert b"Slow down." in streamed(responses, body, dialect)
    error = responses.stream_error(body)
    assert error is not None
    assert (error.kind, error.may_retry) == ("rate_limit", True)


def test_geminis_signatures_come_back_to_gemini_through_a_responses_caller() -> None:
    call = {"functionCall": {"name": "look", "args": {"city": "Rome"}}, "thoughtSignature": "U0lH"}
    body = {
        "candidates": [{"content": {"role": "model", "parts": [call]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7},
    }
    output = whole(gemini, body, responses)["output"]
    result = {"type": "function_call_output", "call_id": output[-1]["call_id"], "output": "sunny"}
    back: Any = told(gemini, {"input": [{"role": "user", "content": "x"}, *output, result]}).body
    assert back["contents"][1]["parts"] == [call]


def test_the_latest_report_of_usage_holds() -> None:
    reports = [UsageReport(Usage(input=5)), UsageReport(Usage(input=4, output=2)), UsageReport(Usage())]
    sent: list[StreamEvent] = [Start("r", "m"), Finish("stop"), *reports, End()]
    *_, last = events_of(b"".join(responses.encode_stream(iter(sent), ASKED["openai_responses"])))
    usage = last["response"]["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (4, 2)
