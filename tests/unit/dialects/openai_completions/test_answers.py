"""Answers and streams of the legacy completions API, read from providers and written for callers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects import openai_chat as chat
from sluice.dialects import openai_completions as wire
from sluice.errors import ProviderError, ProviderGarbled
from sluice.types.chat import ChatRequest, ChatResponse, Choice, Message, Refusal, Text, Thinking
from sluice.types.stream import (
    End,
    Finish,
    Idle,
    PartStart,
    PartStop,
    Start,
    StreamFailed,
    TextDelta,
    UsageReport,
)
from sluice.types.usage import Usage

ASKED = ChatRequest("m", (Message("user", (Text("Say: "),)),))
ECHOING = ChatRequest("m", (Message("user", (Text("Say: "),)),), echo=True, include_usage=True)
LEGACY = {
    "tokens": ["Hi", "!"],
    "token_logprobs": [-0.5, -1.0],
    "top_logprobs": [{"Hi": -0.5, "Ho": -2.0}, {"!": -1.0}],
    "text_offset": [0, 2],
}
ANSWER = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 7,
    "model": "m",
    "choices": [{"text": "Hi!", "index": 0, "logprobs": LEGACY, "finish_reason": "length"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
STREAM = (
    b'data: {"id":"cmpl-1","object":"text_completion","created":7,"model":"m","choices":[{"text":"Hi","index":0,'
    b'"logprobs":null,"finish_reason":null}],"usage":null}\n\n'
    b'data: {"id":"cmpl-1","object":"text_completion","created":7,"model":"m","choices":[{"text":"!","index":0,'
    b'"logprobs":null,"finish_reason":"length"}],"usage":null}\n\n'
    b'data: {"id":"cmpl-1","object":"text_completion","created":7,"model":"m","choices":[{"text":"","index":0,'
    b'"logprobs":null,"finish_reason":"length"}],"usage":null}\n\n'
    b'data: {"id":"cmpl-1","object":"text_completion","created":7,"model":"m","choices":[],"usage":{"prompt_tokens":3,'
    b'"completion_tokens":2,"total_tokens":5}}\n\n'
    b"data: [DONE]\n\n"
)


def chunks(*events: Any, request: ChatRequest = ASKED) -> list[dict[str, Any]]:
    written = b"".join(wire.encode_stream(events, request))
    return [json.loads(line[5:]) for line in written.splitlines() if line.startswith(b"data: {")]


def test_an_answer_keeps_its_probabilities_through_both_forms() -> None:
    response = wire.decode_response(ANSWER)
    assert response.usage == Usage(input=3, output=2)
    assert response.choices[0].stop == "length"
    assert wire.encode_response(response, ASKED)["choices"] == ANSWER["choices"]


def test_a_chat_answer_becomes_text_behind_the_prompt_that_was_to_be_echoed() -> None:
    content = [{"token": "Hi", "logprob": -0.5, "bytes": None, "top_logprobs": []}]
    answer = ChatResponse(
        "chatcmpl-1",
        "gpt",
        (Choice((Thinking("Hm."), Text("Hi")), "tool_calls", logprobs={"content": content}), Choice((), "stop", 1)),
        Usage(input=1, output=2),
        created=5,
        dialect="openai_chat",
    )
    written = wire.encode_response(answer, ECHOING)
    choices: Any = written["choices"]
    assert (written["id"], written["object"], written["created"]) == ("cmpl-chatcmpl-1", "text_completion", 5)
    assert [choice["text"] for choice in choices] == ["Say: Hi", "Say: "]
    assert choices[0]["logprobs"]["text_offset"] == [5]
    assert choices[0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("stop", "word"),
    [
        ("stop", "stop"),
        ("stop_sequence", "stop"),
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("refusal", "content_filter"),
        ("error", "error"),
        (None, "stop"),
    ],
)
def test_every_end_has_its_word(stop: Any, word: str) -> None:
    answer = ChatResponse("a", "m", (Choice((Refusal("No."),), stop),), dialect="anthropic_messages")
    choice: Any = wire.encode_response(answer, ASKED)["choices"]
    assert (choice[0]["text"], choice[0]["finish_reason"]) == ("No.", word)


def test_an_error_in_a_200_answer_is_raised() -> None:
    with pytest.raises(ProviderError, match="overloaded"):
        wire.decode_response({"error": {"message": "overloaded", "type": "server_error"}})


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"choices": [{"message": {"content": "Hi"}}]}])
def test_an_answer_without_text_is_garbled(body: dict[str, Any]) -> None:
    with pytest.raises(ProviderGarbled):
        wire.decode_response(body)


def test_a_stream_that_says_its_end_twice_ends_once() -> None:
    assert list(wire.decode_stream([STREAM])) == [
        Start("cmpl-1", "m", 7),
        PartStart(0, "text"),
        TextDelta(0, "Hi"),
        TextDelta(0, "!"),
        PartStop(0),
        Finish("length"),
        UsageReport(Usage(input=3, output=2)),
        End(),
    ]


def test_a_stream_may_be_cut_at_any_byte() -> None:
    whole = list(wire.decode_stream([STREAM]))
    for at in range(1, len(STREAM)):
        assert list(wire.decode_stream([STREAM[:at], STREAM[at:]])) == whole


def test_a_stream_that_breaks_off_is_reported() -> None:
    told = list(wire.decode_stream([STREAM[:160]]))
    assert isinstance(told[-1], StreamFailed)


def test_a_whole_answer_in_the_place_of_a_stream_is_told_as_one() -> None:
    told = list(wire.decode_stream([json.dumps(ANSWER).encode()]))
    assert [type(event).__name__ for event in told] == [
        "Start", "PartStart", "TextDelta", "PartStop", "Finish", "UsageReport", "End",
    ]  # fmt: skip


def test_a_chat_stream_is_written_as_text_with_the_prompt_first() -> None:
    events = (
        Start("msg_1", "claude"),
        PartStart(0, "thinking"),
        TextDelta(0, "Hm."),
        PartStart(1, "text"),
        TextDelta(1, "Hi"),
        Idle(),
        Finish("stop"),
        UsageReport(Usage(input=1, output=2)),
        End(),
    )
    written = chunks(*events, request=ECHOING)
    assert [chunk["choices"][0]["text"] for chunk in written[:3]] == ["Say: ", "Hi", ""]
    assert written[2]["choices"][0]["finish_reason"] == "stop"
    assert (written[3]["choices"], written[3]["usage"]["total_tokens"]) == ([], 3)
    assert len(chunks(*events)) == 2, "neither echo nor usage was asked for"
    assert b": keep-alive" in b"".join(wire.encode_stream(events, ASKED))


def test_an_error_ends_a_stream_without_done() -> None:
    written = b"".join(wire.encode_stream([Start("a", "m"), StreamFailed(ProviderGarbled("cut"))], ASKED))
    assert b"[DONE]" not in written
    assert b'"error"' in written
    assert wire.stream_error(written) is not None


def test_the_meter_reads_usage_and_estimates_without_it() -> None:
    meter = wire.meter()
    meter.feed(STREAM)
    assert (meter.usage, meter.finished) == (Usage(input=3, output=2), True)
    silent = wire.meter()
    silent.feed(b'data: {"choices":[{"text":"four letters","index":0}]}\n\n')
    assert (silent.usage, silent.estimate()) == (None, Usage(output=3, estimated=True))


def test_the_usage_chunk_is_swallowed_where_it_was_not_asked_for() -> None:
    swallow = wire.stream_filter({"model": "m", "prompt": "x", "stream": True})
    assert swallow is not None
    passed = swallow(STREAM)
    assert passed.count(b"data: ") == 4
    assert b"prompt_tokens" not in passed


def test_probabilities_of_a_completions_stream_reach_a_chat_caller_in_the_chats_form() -> None:
    event = {"id": "a", "choices": [{"text": "Hi!", "index": 0, "logprobs": LEGACY, "finish_reason": "stop"}]}
    told = wire.decode_stream([b"data: " + json.dumps(event).encode() + b"\n\ndata: [DONE]\n\n"])
    written = b"".join(chat.encode_stream(told, ASKED))
    delta = next(json.loads(line[5:]) for line in written.splitlines() if b'"content":"Hi!"' in line)
    assert [entry["token"] for entry in delta["choices"][0]["logprobs"]["content"]] == ["Hi", "!"]
