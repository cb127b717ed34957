"""Answers, streams and errors of Snowflake's own completion API, read from it and written for its callers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects import openai_chat as chat
from sluice.dialects import snowflake_complete as wire
from sluice.errors import NotFound, ProviderError, ProviderGarbled
from sluice.types.chat import ChatRequest, ChatResponse, Choice, Refusal, Text, Thinking, ToolCall
from sluice.types.stream import (
    ArgumentsDelta,
    End,
    Finish,
    Idle,
    PartStart,
    PartStop,
    SignatureDelta,
    Start,
    StreamFailed,
    TextDelta,
    UsageReport,
)
from sluice.types.usage import Usage

ASKED = ChatRequest("m", (), include_usage=True)
CALL = {"type": "tool_use", "tool_use": {"tool_use_id": "t1", "name": "look", "input": {"city": "Rome"}}}
ANSWER: dict[str, Any] = {
    "id": "a1",
    "created": 7,
    "model": "claude-1",
    "choices": [
        {"message": {"content": "Let me look.", "content_list": [{"type": "text", "text": "Let me look."}, CALL]}}
    ],
    "usage": {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "guard_tokens": 2,
        "total_tokens": 17,
        "cache_read_input_tokens": 3,
        "cache_write_input_tokens": 1,
    },
}
USAGE = Usage(input=6, cache_read=3, cache_write_5m=1, output=5)


def line(delta: dict[str, Any], usage: dict[str, Any] | None = None, **more: Any) -> bytes:
    chunk = {"id": "a1", "model": "claude-1", "choices": [{"delta": delta, **more}], "usage": usage or {}}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


STREAM = b"".join(
    (
        line({"type": "anthropic", "thinking": {"thinking": "Hm."}}),
        line({"type": "anthropic", "thinking": {"signature": "Eq=="}}),
        line(
            {
                "type": "text",
                "content": "Let me",
                "content_list": [{"type": "text", "text": "Let me"}],
                "text": "Let me",
            }
        ),
        line({"type": "text", "content": " look.", "text": " look."}),
        line({"type": "tool_use", "tool_use_id": "t1", "name": "look", "text": ""}),
        line({"type": "tool_use", "input": '{"city":', "text": ""}),
        line({"type": "tool_use", "input": '"Rome"}', "text": ""}),
        line({"type": "tool_use", "tool_use_id": "t2", "name": "look"}),
        line({"type": "tool_use", "input": "{}"}, {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}),
    )
)
TOLD = [
    Start("a1", "claude-1"),
    PartStart(0, "thinking", field="anthropic"),
    TextDelta(0, "Hm."),
    SignatureDelta(0, "Eq=="),
    PartStop(0),
    PartStart(1, "text"),
    TextDelta(1, "Let me"),
    TextDelta(1, " look."),
    PartStop(1),
    PartStart(2, "tool_call", id="t1", name="look"),
    ArgumentsDelta(2, '{"city":'),
    ArgumentsDelta(2, '"Rome"}'),
    PartStop(2),
    PartStart(3, "tool_call", id="t2", name="look"),
    ArgumentsDelta(3, "{}"),
    PartStop(3),
    Finish("tool_calls"),
    UsageReport(Usage(input=10, output=5)),
    End(),
]


def test_an_answer_with_a_call_is_read_in_full_and_written_back() -> None:
    response = wire.decode_response(ANSWER)
    (choice,) = response.choices
    assert choice.parts == (Text("Let me look."), ToolCall("t1", "look", '{"city":"Rome"}'))
    assert (choice.stop, response.usage) == ("tool_calls", USAGE)
    assert wire.read_usage(json.dumps(ANSWER).encode()) == USAGE
    written = wire.encode_response(response, ASKED)
    assert written["choices"] == [{**ANSWER["choices"][0], "finish_reason": "tool_calls"}]
    assert wire.decode_response(written) == response


@pytest.mark.parametrize(
    ("body", "stop"),
    [
        ({"choices": [{"message": {"content": "Hi"}}], "finish_reason": "length"}, "length"),
        ({"choices": [{"message": {"content": "Hi"}, "finish_reason": "content_filter"}]}, "content_filter"),
        ({"choices": [{"message": {"content": "Hi"}}]}, "stop"),
    ],
)
def test_the_reason_is_read_beside_the_choices_and_in_them(body: dict[str, Any], stop: str) -> None:
    response = wire.decode_response(body)
    assert (response.choices[0].parts, response.choices[0].stop) == ((Text("Hi"),), stop)


def test_another_models_answer_is_written_with_its_text_twice() -> None:
    parts = (Thinking("Hm.", signature="Eq=="), Text("Hi"), Refusal("!"), ToolCall("c", "f", "x", custom=True))
    answer = ChatResponse("a", "gpt", (Choice(parts, "stop"),), USAGE, created=5, dialect="openai_chat")
    (choice,) = wire.encode_response(answer, ASKED)["choices"]  # type: ignore[misc]
    assert choice["message"]["content"] == "Hi!"
    assert [item["type"] for item in choice["message"]["content_list"]] == ["anthropic", "text", "text", "tool_use"]
    assert choice["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("body", [{"choices": []}, {"choices": None, "usage": {}}])
def test_an_answer_without_choices_is_garbled(body: dict[str, Any]) -> None:
    with pytest.raises(ProviderGarbled):
        wire.decode_response(body)


def test_an_error_keeps_the_vendors_words_and_code() -> None:
    body = {"code": "003001", "message": "This account is not allowed.", "request_id": "r", "error_code": "003001"}
    error = wire.decode_error(403, {}, json.dumps(body).encode())
    assert (error.kind, error.message, error.error_code) == ("permission", "This account is not allowed.", "003001")
    with pytest.raises(ProviderError, match="not allowed"):
        wire.decode_response(body)
    told = wire.encode_error(NotFound("No such model.", code="model_not_found"), "req_1")
    assert told == {
        "message": "No such model.",
        "code": "model_not_found",
        "request_id": "req_1",
        "error_code": "model_not_found",
    }
    event = wire.stream_error_bytes(NotFound("No such model."), "req_1")
    assert wire.stream_error(event) is not None


def test_a_stream_is_read_in_full_wherever_it_is_cut() -> None:
    assert list(wire.decode_stream([STREAM])) == TOLD
    for at in range(1, len(STREAM), 7):
        assert list(wire.decode_stream([STREAM[:at], STREAM[at:]])) == TOLD


def test_a_stream_that_breaks_off_is_reported() -> None:
    told = list(wire.decode_stream([line({"type": "text", "content": "Hi"})]))
    assert isinstance(told[-1], StreamFailed)


def test_reasoning_of_other_makers_comes_in_its_own_form() -> None:
    stream = line({"type": "openai", "reasoning": {"encrypted_content": "gA=="}}) + line(
        {"type": "openai", "reasoning": {"summary": "Hm."}}, finish_reason="length"
    )
    told = list(wire.decode_stream([stream]))
    assert told[1:4] == [PartStart(0, "thinking", payload="gA==", field="openai"), TextDelta(0, "Hm."), PartStop(0)]
    assert told[4] == Finish("length")


def test_a_stream_says_the_same_after_another_round() -> None:
    written = b"".join(wire.encode_stream(TOLD, ASKED))
    again = [event for event in wire.decode_stream([written]) if not isinstance(event, Start)]
    joined = [event for event in TOLD[1:] if not isinstance(event, ArgumentsDelta)]
    assert [event for event in again if not isinstance(event, ArgumentsDelta)] == joined
    arguments = "".join(event.fragment for event in again if isinstance(event, ArgumentsDelta))
    assert arguments == '{"city":"Rome"}{}'


def test_fragments_of_two_calls_never_mix() -> None:
    events = [
        Start("a", "m"),
        PartStart(0, "tool_call", id="x", name="f"),
        PartStart(1, "tool_call", id="y", name="g"),
        ArgumentsDelta(0, '{"a"'),
        ArgumentsDelta(1, '{"b"'),
        ArgumentsDelta(0, ":1}"),
        ArgumentsDelta(1, ":2}"),
        PartStop(0),
        PartStop(1),
        Finish("tool_calls"),
        End(),
    ]
    response = list(wire.decode_stream([b"".join(wire.encode_stream(events, ASKED))]))
    assert [event.fragment for event in response if isinstance(event, ArgumentsDelta)] == ['{"a":1}', '{"b":2}']


def test_a_chat_caller_reads_the_stream_as_its_own() -> None:
    written = b"".join(chat.encode_stream(wire.decode_stream([STREAM]), ASKED))
    chunks = [json.loads(each[5:]) for each in written.splitlines() if each.startswith(b"data: {")]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "Let me look."
    assert chunks[-1]["usage"]["prompt_tokens"] == 10


def test_a_silent_provider_and_an_error_are_told() -> None:
    written = list(wire.encode_stream([Start("a", "m"), Idle(), StreamFailed(ProviderGarbled("cut"))], ASKED))
    assert written[0].startswith(b":")
    assert b'"message":"cut"' in written[1]


def test_the_meter_reads_the_last_usage() -> None:
    meter = wire.meter()
    meter.feed(line({"type": "text", "content": "four"}, {"prompt_tokens": 10, "completion_tokens": 1}))
    meter.feed(STREAM)
    assert meter.usage == Usage(input=10, output=5)
    silent = wire.meter()
    silent.feed(line({"type": "text", "content": "four letters"}))
    assert (silent.usage, silent.estimate()) == (None, Usage(output=3, estimated=True))
