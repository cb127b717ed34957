"""Whole answers, read and written."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects import anthropic_messages as wire
from sluice.errors import ProviderError, ProviderGarbled
from sluice.types.chat import (
    Audio,
    ChatRequest,
    ChatResponse,
    Choice,
    Image,
    Opaque,
    Refusal,
    Text,
    Thinking,
    ToolCall,
)
from sluice.types.usage import Usage

ASKED = ChatRequest(model="m", messages=())
USAGE = {
    "input_tokens": 4,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 5,
}


def answer(*blocks: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": list(blocks),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": USAGE,
        **members,
    }


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def foreign(*parts: Any, stop: Any = "stop", **members: Any) -> Any:
    response = ChatResponse("chatcmpl-1", "gpt", (Choice(tuple(parts), stop, **members),), dialect="openai_chat")
    return wire.encode_response(response, ASKED)


def test_a_plain_answer() -> None:
    response = wire.decode_response(answer(text("Hi")))
    assert response == ChatResponse(
        "msg_1", "claude", (Choice((Text("Hi"),), "stop"),), Usage(input=4, output=5), dialect="anthropic_messages"
    )
    assert wire.encode_response(response, ASKED) == answer(text("Hi"))


def test_everything_an_answer_may_hold_comes_back() -> None:
    blocks = [
        {"type": "thinking", "thinking": "Hm.", "signature": "s1g"},
        {"type": "redacted_thinking", "data": "Emwk"},
        {"type": "text", "text": "It rains.", "citations": [{"type": "char_location", "cited_text": "rain"}]},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
        {
            "type": "tool_use",
            "id": "toolu_1",
            "name": "look",
            "input": {"a": [1, {"b": None}]},
            "caller": {"type": "x"},
        },
    ]
    body = answer(*blocks, stop_reason="tool_use", container={"id": "container_1"}, context_management={"edits": []})
    response = wire.decode_response(body)
    assert [type(part) for part in response.choices[0].parts] == [Thinking, Thinking, Text, Opaque, ToolCall]
    assert wire.encode_response(response, ASKED) == body


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("stop_sequence", "stop_sequence"),
        ("tool_use", "tool_calls"),
        ("pause_turn", "pause"),
        ("refusal", "refusal"),
        ("compaction", "unknown"),
    ],
)
def test_reasons_to_stop_are_read_and_written(reason: str, stop: str) -> None:
    response = wire.decode_response(answer(text("x"), stop_reason=reason))
    assert response.choices[0].stop == stop
    assert wire.encode_response(response, ASKED)["stop_reason"] == reason


def test_the_stop_sequence_is_told() -> None:
    response = wire.decode_response(answer(text("x"), stop_reason="stop_sequence", stop_sequence="END"))
    assert response.choices[0].stop_sequence == "END"
    assert wire.encode_response(response, ASKED)["stop_sequence"] == "END"


def test_an_error_in_a_good_answer_is_raised() -> None:
    with pytest.raises(ProviderError) as caught:
        wire.decode_response({"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}})
    assert (caught.value.kind, caught.value.provider_status) == ("overloaded", 529)


def test_another_shape_of_error_is_raised_too() -> None:
    with pytest.raises(ProviderError) as caught:
        wire.decode_response({"error": {"message": "Filtered", "code": "content_filter"}})
    assert caught.value.kind == "content_filter"


@pytest.mark.parametrize("body", [{}, {"content": None}, {"choices": []}])
def test_an_answer_of_another_dialect_is_garbled(body: dict[str, Any]) -> None:
    with pytest.raises(ProviderGarbled):
        wire.decode_response(body)


def test_missing_members_are_tolerated() -> None:
    response = wire.decode_response({"content": [text("x"), "odd", {"type": "text"}]})
    assert (response.id, response.model, response.usage) == ("", "", None)
    assert response.choices[0].stop is None
    assert wire.encode_response(response, ASKED)["stop_reason"] == "end_turn"


def test_content_given_as_a_string_is_text() -> None:
    assert wire.decode_response(answer() | {"content": "Hi"}).choices[0].parts == (Text("Hi"),)


def test_the_emulated_answer_is_text_again() -> None:
    call = {"type": "tool_use", "id": "t", "name": "structured_answer", "input": {"city": "Rome"}}
    choice = wire.decode_response(answer(call, stop_reason="tool_use")).choices[0]
    assert (choice.parts, choice.stop) == ((Text('{"city":"Rome"}'),), "stop")


def test_other_calls_beside_the_emulated_answer_stay_calls() -> None:
    calls = [{"type": "tool_use", "id": name, "name": name, "input": {}} for name in ("look", "structured_answer")]
    choice = wire.decode_response(answer(*calls, stop_reason="tool_use")).choices[0]
    assert (choice.parts, choice.stop) == ((ToolCall("look", "look", "{}"), Text("{}")), "tool_calls")


# --- answers of other dialects -----------------------------------------------------------------------------------


def test_calls_are_the_reason_to_stop_whatever_the_provider_says() -> None:
    body = foreign(ToolCall("call_1", "look", '{"a":1}'), stop="stop")
    assert body["stop_reason"] == "tool_use"
    assert body["content"] == [{"type": "tool_use", "id": "call_1", "name": "look", "input": {"a": 1}}]


def test_calls_that_were_cut_off_are_still_cut_off() -> None:
    body = foreign(ToolCall("call_1", "look", '{"a":'), stop="length")
    assert body["stop_reason"] == "max_tokens"
    assert body["content"][0]["input"] == {"invalid_arguments": '{"a":'}


def test_a_call_without_arguments_has_an_empty_input() -> None:
    assert foreign(ToolCall("call_1", "look", ""))["content"][0]["input"] == {}


def test_ids_are_made_such_that_clients_can_send_them_to_the_vendor() -> None:
    identity = foreign(ToolCall("functions.look:0", "look", ""))["content"][0]["id"]
    assert identity.startswith("functions_look_0_")


def test_unsigned_thinking_says_so_in_its_signature() -> None:
    body = foreign(Thinking("Hm.", field="reasoning_content"), Text("Yes"))
    assert body["content"][0] == {"type": "thinking", "thinking": "Hm.", "signature": "sluice1.unsigned"}
    assert wire.decode_response(body).choices[0].parts == (Thinking("Hm."), Text("Yes"))


def test_thinking_without_content_is_left_out() -> None:
    assert foreign(Thinking(details=({"type": "reasoning.encrypted"},)), Text("Yes"))["content"] == [text("Yes")]


def test_a_refusal_is_text_with_a_reason() -> None:
    body = foreign(Refusal("I will not."))
    assert (body["content"], body["stop_reason"]) == ([text("I will not.")], "refusal")
    assert body["stop_details"] == {"type": "refusal", "category": None, "explanation": "I will not."}


def test_a_filtered_answer_is_a_refusal() -> None:
    assert foreign(Text("I"), stop="content_filter")["stop_reason"] == "refusal"


def test_what_these_answers_never_hold_is_left_out() -> None:
    parts = (Image(url="https://example.com/a.png"), Opaque("openai_chat", {}), Text(" "), Audio(transcript="Hello"))
    assert foreign(*parts)["content"] == [text("Hello")]


def test_usage_is_written_in_this_dialects_classes() -> None:
    response = ChatResponse(
        "id",
        "gpt",
        (Choice((Text("x"),), "stop"),),
        Usage(input=3, cache_read=9, cache_write_1h=2, output=8, reasoning=5),
    )
    assert wire.encode_response(response, ASKED)["usage"] == {
        "input_tokens": 3,
        "cache_creation_input_tokens": 2,
        "cache_read_input_tokens": 9,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 2},
        "output_tokens": 8,
        "output_tokens_details": {"thinking_tokens": 5},
    }


def test_an_answer_without_id_or_choices_gets_what_clients_need() -> None:
    body: Any = wire.encode_response(ChatResponse("", "gpt", ()), ASKED)
    assert body["id"].startswith("msg_")
    assert (body["content"], body["stop_reason"], body["usage"]["output_tokens"]) == ([], "end_turn", 0)
