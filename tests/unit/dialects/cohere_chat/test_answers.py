"""Whole answers: read, written, and told to callers of other dialects."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import cohere_chat as wire
from sluice.dialects import openai_chat as chat
from sluice.errors import ProviderError, ProviderGarbled
from sluice.types.chat import Audio, ChatRequest, ChatResponse, Choice, Image, Opaque, Refusal, Text, Thinking, ToolCall
from sluice.types.usage import Usage

ASKED = ChatRequest(model="m", messages=(), include_usage=True)
CALL = {"id": "look_1", "type": "function", "function": {"name": "look", "arguments": '{"city": "Rome"}'}}
ANSWER: dict[str, Any] = {
    "id": "7f",
    "message": {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Grey."}],
        "tool_plan": "I will look.",
        "tool_calls": [CALL],
        "citations": [{"start": 0, "end": 4, "text": "Grey", "sources": [{"type": "document", "id": "d"}]}],
    },
    "finish_reason": "TOOL_CALL",
    "usage": {
        "billed_units": {"input_tokens": 10, "output_tokens": 5},
        "tokens": {"input_tokens": 500, "output_tokens": 8},
        "cached_tokens": 448,
    },
}


def test_an_answer_is_read_in_full() -> None:
    response = wire.decode_response(ANSWER)
    (choice,) = response.choices
    assert choice.parts == (
        Thinking("Hm."),
        Text("Grey."),
        Thinking("I will look.", field="tool_plan"),
        ToolCall("look_1", "look", '{"city": "Rome"}'),
    )
    assert (response.id, choice.stop, response.usage) == ("7f", "tool_calls", Usage(input=10, output=5))


def test_an_answer_is_written_back_as_it_came() -> None:
    assert wire.encode_response(wire.decode_response(ANSWER), ASKED) == ANSWER


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("COMPLETE", "stop"),
        ("MAX_TOKENS", "length"),
        ("STOP_SEQUENCE", "stop_sequence"),
        ("TOOL_CALL", "tool_calls"),
        ("ERROR", "error"),
        ("TIMEOUT", "error"),
        ("NEW_WORD", "unknown"),
        (None, None),
    ],
)
def test_a_reason_to_end_is_read_and_written_back(reason: str | None, stop: str | None) -> None:
    body = {"id": "1", "message": {"role": "assistant", "content": []}, "finish_reason": reason}
    response = wire.decode_response(body)
    assert response.choices[0].stop == stop
    assert wire.encode_response(response, ASKED).get("finish_reason") == reason


def test_a_chat_caller_gets_text_reasoning_calls_and_counts() -> None:
    body: Any = chat.encode_response(wire.decode_response(ANSWER), ASKED)
    message = body["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("Grey.", "Hm.I will look.")
    assert "tool_plan" not in message
    assert message["tool_calls"] == [CALL]
    assert body["choices"][0]["finish_reason"] == "tool_calls"
    assert (body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]) == (10, 5)


def test_pages_that_an_answer_cites_are_told_to_chat_callers_once_each() -> None:
    page = {"title": "Skies", "url": "https://example.com/skies", "text": "Grey."}
    sources = [{"type": "tool", "tool_output": page}, {"type": "document", "document": page}, {"type": "tool"}]
    cited = [
        {"start": 0, "end": 4, "text": "Grey", "sources": sources},
        {"text": "Blue", "sources": [{"document": {"url": "https://example.com/blue"}}]},
        {"text": "Grey", "sources": [{"document": {"url": 7}}]},
    ]
    answer = {**ANSWER, "message": {**ANSWER["message"], "citations": cited}}
    response = wire.decode_response(answer)
    body: Any = chat.encode_response(response, ASKED)
    (annotation,) = body["choices"][0]["message"]["annotations"]
    assert annotation["url_citation"]["url"] == "https://example.com/skies"
    assert annotation["url_citation"]["title"] == "Skies"
    assert wire.encode_response(response, ASKED) == answer


def test_a_messages_caller_gets_text_and_calls() -> None:
    body: Any = messages.encode_response(wire.decode_response(ANSWER), ASKED)
    kinds = [block["type"] for block in body["content"]]
    assert [kind for kind in kinds if kind != "thinking"] == ["text", "tool_use"]
    assert (body["stop_reason"], body["usage"]["input_tokens"]) == ("tool_use", 10)


def test_another_dialects_answer_is_told_in_this_one() -> None:
    parts = (
        Thinking("Hm.", signature="EqQB"),
        Thinking(redacted="secret"),
        Text("Hi"),
        Refusal("No."),
        Image(url="https://example.com/a.png"),
        Audio(audio_id="a", transcript="Spoken."),
        Opaque("openai_chat", {"type": "x"}),
        ToolCall("c", "f", "", extras={"odd": 1}),
    )
    usage = Usage(input=3, cache_read=4, output=5, reasoning=2)
    response = ChatResponse("chatcmpl-1", "gpt", (Choice(parts, "tool_calls"),), usage, dialect="openai_chat")
    assert wire.encode_response(response, ASKED) == {
        "id": "chatcmpl-1",
        "message": {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm."},
                {"type": "text", "text": "Hi"},
                {"type": "text", "text": "No."},
                {"type": "text", "text": "Spoken."},
            ],
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        "finish_reason": "TOOL_CALL",
        "usage": {
            "billed_units": {"input_tokens": 7, "output_tokens": 5},
            "tokens": {"input_tokens": 7, "output_tokens": 5, "reasoning_tokens": 2},
            "cached_tokens": 4,
        },
    }


def test_an_answer_without_choices_or_id_is_still_one() -> None:
    body: Any = wire.encode_response(ChatResponse("", "gpt", ()), ASKED)
    assert body["message"] == {"role": "assistant", "content": []}
    assert len(body["id"]) == 36


def test_an_error_in_an_answer_is_raised() -> None:
    with pytest.raises(ProviderError, match="invalid request"):
        wire.decode_response({"id": "1", "message": "invalid request: no"})
    with pytest.raises(ProviderError, match="broke"):
        wire.decode_response({"id": "1", "finish_reason": "ERROR", "error": "it broke"})


def test_what_is_no_answer_is_garbled() -> None:
    with pytest.raises(ProviderGarbled):
        wire.decode_response(json.loads('{"choices": []}'))
