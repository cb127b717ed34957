"""Whole answers, read and written."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects.openai_chat import decode_response, encode_response
from sluice.errors import ProviderError, ProviderGarbled
from sluice.types.chat import (
    Audio,
    ChatRequest,
    ChatResponse,
    Choice,
    Image,
    Refusal,
    Text,
    Thinking,
    ToolCall,
)
from sluice.types.usage import Usage

ASKED = ChatRequest("gpt", ())


def answer(message: dict[str, Any], finish: Any = "stop", **members: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 5,
        "model": "gpt",
        "choices": [choice],
        **members,
    }


def only(message: dict[str, Any], finish: Any = "stop") -> Choice:
    return decode_response(answer(message, finish)).choices[0]


def written(*parts: Any, stop: Any = "stop", dialect: str = "anthropic_messages") -> dict[str, Any]:
    response = ChatResponse("msg_1", "claude", (Choice(parts, stop),), Usage(input=3, output=2), dialect=dialect)
    return encode_response(response, ASKED)


def test_a_plain_answer_is_read() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    response = decode_response(
        answer({"content": "Hi", "refusal": None}, usage=usage, service_tier="flex", system_fingerprint="fp")
    )
    assert response == ChatResponse(
        "chatcmpl-1",
        "gpt",
        (Choice((Text("Hi"),), "stop"),),
        Usage(input=3, output=2, service_tier="flex"),
        5,
        "openai_chat",
        {"system_fingerprint": "fp"},
    )


@pytest.mark.parametrize(
    ("finish", "calls", "stop"),
    [
        ("stop", False, "stop"),
        ("stop", True, "tool_calls"),
        ("", False, "stop"),
        ("", True, "tool_calls"),
        (None, False, "stop"),
        (None, True, "tool_calls"),
        ("tool_calls", True, "tool_calls"),
        ("function_call", True, "tool_calls"),
        ("length", False, "length"),
        ("length", True, "length"),
        ("model_length", False, "length"),
        ("content_filter", True, "content_filter"),
        ("error", False, "error"),
        ("something_new", False, "unknown"),
        ({"odd": 1}, False, "unknown"),
    ],
)
def test_finish_reasons_are_corrected_by_what_was_said(finish: Any, calls: bool, stop: str) -> None:
    made = [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    assert only({"content": "", **({"tool_calls": made} if calls else {})}, finish).stop == stop


def test_calls_without_ids_or_with_objects_are_read() -> None:
    first = {"id": "", "type": "function", "function": {"name": "f", "arguments": {"x": 1}}}
    second = {"type": "function", "function": {"name": "g", "arguments": None}}
    empty = {"id": "z", "function": {"name": "", "arguments": ""}}
    calls: Any = only({"tool_calls": [first, second, empty, "odd"]}).parts
    assert [(call.name, call.arguments) for call in calls] == [("f", '{"x":1}'), ("g", "")]
    assert all(call.id.startswith("call_") for call in calls)
    assert calls[0].id != calls[1].id
    assert only({"tool_calls": [first, second]}).parts == calls


def test_an_empty_object_of_another_form_is_no_content() -> None:
    choice = only(
        {
            "content": "Hi",
            "function_call": {"name": "", "arguments": ""},
            "refusal": "",
            "audio": {"id": "", "data": ""},
            "tool_calls": None,
        }
    )
    assert choice.parts == (Text("Hi"),)


def test_the_old_function_call_is_read() -> None:
    parts: Any = only({"content": None, "function_call": {"name": "f", "arguments": "{}"}}, "function_call").parts
    assert (parts[0].name, parts[0].arguments) == ("f", "{}")


def test_refusals_sound_and_pictures_are_read() -> None:
    sound = {"id": "a", "data": "AAAA", "expires_at": 9, "transcript": "Hi"}
    drawn = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}, {"type": "image_url"}]
    choice = only({"content": None, "refusal": "No.", "audio": sound, "images": drawn})
    assert choice.parts == (
        Refusal("No."),
        Audio("AAAA", None, "a", "Hi", 9),
        Image(data="AAAA", media_type="image/png"),
    )
    assert choice.stop == "refusal"


def test_what_only_this_dialect_says_is_kept() -> None:
    raw = answer({"content": "Hi", "annotations": [{"type": "url_citation"}], "name": None}, citations=["x"])
    raw["choices"][0] |= {"logprobs": {"content": []}, "native_finish_reason": "STOP"}
    choice = decode_response(raw).choices[0]
    assert choice.logprobs == {"content": []}
    assert choice.extras == {"native_finish_reason": "STOP", "message": {"annotations": [{"type": "url_citation"}]}}
    again = encode_response(decode_response(raw), ASKED)
    assert again["citations"] == ["x"]
    message: Any = again["choices"][0]["message"]  # type: ignore[index]
    assert message["annotations"] == [{"type": "url_citation"}]


def test_mistrals_content_parts_survive() -> None:
    content = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}], "closed": True},
        {"type": "text", "text": "Yes"},
    ]
    assert only({"content": content}).parts == (Thinking("Hm.", details=(content[0],), field="content"), Text("Yes"))
    again: Any = encode_response(decode_response(answer({"content": content})), ASKED)
    assert again["choices"][0]["message"]["content"] == content


def test_several_choices_keep_their_numbers() -> None:
    raw = answer({"content": "a"})
    raw["choices"].append({"message": {"content": "b"}, "finish_reason": "length"})
    assert [(choice.index, choice.stop) for choice in decode_response(raw).choices] == [(0, "stop"), (1, "length")]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": {"message": "x", "code": 429}}, "rate_limit"),
        ({"error": "x", "choices": []}, "server"),
        ({"object": "error", "message": "Invalid", "code": 400}, "bad_request"),
        ({"detail": "Too many requests"}, "rate_limit"),
        ({"choices": None, "base_resp": {"status_code": 1004, "status_msg": "x"}}, "server"),
        ({"choices": [{"error": {"message": "Token limit reached", "code": 400}, "message": {}}]}, "too_large"),
    ],
)
def test_an_error_in_a_200_answer_is_raised(body: dict[str, Any], kind: str) -> None:
    with pytest.raises(ProviderError) as raised:
        decode_response(body)
    assert raised.value.kind == kind


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"choices": "x", "usage": {}}, {"pages": []}])
def test_what_is_no_answer_is_garbled(body: dict[str, Any]) -> None:
    with pytest.raises(ProviderGarbled):
        decode_response(body)


def test_claudes_answer_is_written() -> None:
    body = written(Text("Look. "), Text("Now."), ToolCall("toolu_1", "f", ""), stop="tool_calls")
    assert body["id"] == "chatcmpl-msg_1"
    assert body["object"] == "chat.completion"
    assert isinstance(body["created"], int)
    assert body["created"] > 0
    assert body["choices"] == [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Look. Now.",
                "refusal": None,
                "tool_calls": [{"id": "toolu_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            "logprobs": None,
            "finish_reason": "tool_calls",
        }
    ]
    assert body["usage"]["total_tokens"] == 5


@pytest.mark.parametrize(
    ("stop", "word"),
    [
        ("stop", "stop"),
        ("stop_sequence", "stop"),
        ("length", "length"),
        ("refusal", "content_filter"),
        ("content_filter", "content_filter"),
        ("pause", "stop"),
        ("unknown", "stop"),
        ("error", "error"),
        (None, "stop"),
    ],
)
def test_stop_reasons_of_other_dialects_get_words_that_clients_know(stop: Any, word: str) -> None:
    assert written(Text("x"), stop=stop)["choices"][0]["finish_reason"] == word


def test_thinking_with_a_signature_can_be_sent_back() -> None:
    message = written(Thinking("Hm.", signature="sig"), Thinking(redacted="xyz"), Text("Yes"))["choices"][0]["message"]
    assert message["reasoning_content"] == "Hm."
    shape = {"format": "anthropic-claude-v1"}
    assert message["reasoning_details"] == [
        {"type": "reasoning.text", "text": "Hm.", "signature": "sig", **shape, "index": 0},
        {"type": "reasoning.encrypted", "data": "xyz", **shape, "index": 1},
    ]


def test_a_foreign_signature_is_sealed_with_its_entry_and_comes_back_whole() -> None:
    entry = {"type": "reasoning.text", "text": "Hm.", "signature": "sig", "format": "google-gemini-v1", "id": "r"}
    thought: Any = only({"content": "x", "reasoning": "Hm.", "reasoning_details": [entry]}).parts[0]
    returned = Thinking(thought.text, signature=thought.signature)  # all that a Messages caller can keep
    message = written(returned)["choices"][0]["message"]
    assert message["reasoning_details"] == [entry]


def test_web_citations_become_annotations() -> None:
    cited = Text("Rain.", citations=({"type": "web_search_result_location", "url": "https://x.test", "title": "X"}, {}))
    message = written(cited)["choices"][0]["message"]
    citation = {"url": "https://x.test", "title": "X", "start_index": 0, "end_index": 5}
    assert message["annotations"] == [{"type": "url_citation", "url_citation": citation}]


def test_an_answer_without_text_has_null_content() -> None:
    assert written(ToolCall("a", "f", "{}"))["choices"][0]["message"]["content"] is None
