"""Whole answers: read, written, and on their way through callers of other dialects and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import gemini as wire
from sluice.dialects import openai_chat as chat
from sluice.dialects.base import ChatDialect
from sluice.errors import ProviderError, ProviderGarbled
from sluice.types.chat import ChatRequest, Image, Opaque, Text, Thinking, ToolCall
from sluice.types.usage import Usage

ASKED = ChatRequest(model="m", messages=(), include_usage=True)
SIGNED: list[dict[str, Any]] = [
    {"text": "Hm.", "thought": True},
    {"text": "Ah.", "thought": True, "thoughtSignature": "dGg/"},
    {"text": "Let me look.", "thoughtSignature": "dGV4dA=="},
    {"functionCall": {"id": "a1", "name": "look", "args": {"x": 1}}, "thoughtSignature": "Y2Fs+A=="},
    {"functionCall": {"name": "look", "args": {"x": 1}}},
    {"text": "", "thoughtSignature": "ZW1wdHk="},
]


def answer(*parts: dict[str, Any], reason: str = "STOP", **members: Any) -> dict[str, Any]:
    candidate = {"content": {"parts": list(parts), "role": "model"}, "finishReason": reason, "index": 0}
    return {"candidates": [candidate], "modelVersion": "gemini-3", "responseId": "r1", **members}


def test_an_answer_is_read_in_full() -> None:
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 3}
    response = wire.decode_response(answer({"text": "Hi"}, usageMetadata=usage, createTime="2026-11-01T00:00:00Z"))
    assert (response.id, response.model, response.dialect) == ("r1", "gemini-3", "gemini")
    assert response.usage == Usage(input=9, output=3)
    assert response.extras == {"createTime": "2026-11-01T00:00:00Z"}
    assert response.choices[0].parts == (Text("Hi"),)
    assert response.choices[0].stop == "stop"


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "error"),
        ("UNEXPECTED_TOOL_CALL", "error"),
        ("SOMETHING_NEW", "unknown"),
    ],
)
def test_why_it_ended_is_told_and_the_wires_own_word_is_kept(reason: str, stop: str) -> None:
    response = wire.decode_response(answer({"text": "x"}, reason=reason))
    assert response.choices[0].stop == stop
    written: Any = wire.encode_response(response, ASKED)
    assert written["candidates"][0]["finishReason"] == reason


def test_enums_may_come_as_numbers() -> None:
    body = answer({"text": "x"})
    body["candidates"][0]["finishReason"] = 2
    assert wire.decode_response(body).choices[0].stop == "length"


def test_calls_make_tool_calls_of_a_plain_stop() -> None:
    call = {"functionCall": {"name": "look", "args": {}}}
    assert wire.decode_response(answer(call)).choices[0].stop == "tool_calls"
    assert wire.decode_response(answer(call, reason="MAX_TOKENS")).choices[0].stop == "length"


def calls(body: dict[str, Any]) -> list[ToolCall]:
    return [part for part in wire.decode_response(body).choices[0].parts if isinstance(part, ToolCall)]


def test_ids_are_given_that_stay_the_same_and_tell_calls_and_answers_apart() -> None:
    call = {"functionCall": {"name": "look", "args": {"x": 1}}}
    first, second = calls(answer(call, call))
    assert (first.id, second.id) == tuple(item.id for item in calls(answer(call, call)))
    assert first.id != second.id
    assert calls(answer(call, responseId="r2"))[0].id != first.id


def test_a_given_id_is_never_sent_to_the_vendor_but_its_own_is() -> None:
    call = {"functionCall": {"name": "look", "args": {}}}
    own = {"functionCall": {"id": "v1", "name": "look", "args": {}}}
    for dialect in (chat, messages):
        contents = sent_back(answer(call, own), dialect)
        assert [part["functionCall"].get("id") for part in contents[1]["parts"]] == [None, "v1"]
        assert [part["functionResponse"].get("id") for part in contents[2]["parts"]] == [None, "v1"]


def sent_back(body: dict[str, Any], dialect: ChatDialect) -> Any:
    """The contents that Gemini gets when a caller of another dialect sends an answer back with its results."""
    told: Any = json.loads(json.dumps(dialect.encode_response(wire.decode_response(body), ASKED)))
    asked: list[Any] = [{"role": "user", "content": "x"}]
    if dialect is chat:
        message = told["choices"][0]["message"]
        ids = [call["id"] for call in message.get("tool_calls") or ()]
        asked += [message, *({"role": "tool", "tool_call_id": call_id, "content": "ok"} for call_id in ids)]
    else:
        ids = [block["id"] for block in told["content"] if block["type"] == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": call_id, "content": "ok"} for call_id in ids]
        asked += [
            {"role": "assistant", "content": told["content"]},
            *([{"role": "user", "content": results}] * bool(ids)),
        ]
    request = dialect.decode_request({"model": "m", "max_tokens": 9, "messages": asked})
    return wire.encode_request(request, "m", {}, False).body["contents"]


def test_signatures_come_back_byte_for_byte_through_a_messages_caller() -> None:
    assert sent_back(answer(*SIGNED), messages)[1]["parts"] == SIGNED[1:]


def test_callers_find_the_text_before_its_signature() -> None:
    told: Any = messages.encode_response(
        wire.decode_response(answer({"text": "Hi", "thoughtSignature": "c2ln"})), ASKED
    )
    assert [block["type"] for block in told["content"]] == ["text", "redacted_thinking"]


def test_signatures_of_calls_come_back_byte_for_byte_through_a_chat_caller() -> None:
    # Callers of Chat Completions get reasoning, text and calls apart, so only their order among each other is known.
    found = sent_back(answer(*SIGNED), chat)[1]["parts"]
    assert [part for part in found if "functionCall" in part] == SIGNED[3:5]
    assert {"text": "Ah.", "thought": True, "thoughtSignature": "dGg/"} in found
    assert {"text": "Let me look.", "thoughtSignature": "dGV4dA=="} in found
    assert {"text": "", "thoughtSignature": "ZW1wdHk="} in found


def test_an_answer_is_written_back_as_it_was() -> None:
    body = answer(
        *SIGNED,
        {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "Y29kZQ=="},
        {"inlineData": {"mimeType": "image/png", "data": "iVBO"}, "thoughtSignature": "cGlj"},
        usageMetadata={"promptTokenCount": 2, "candidatesTokenCount": 3, "totalTokenCount": 5},
    )
    body["candidates"][0].update(groundingMetadata={"webSearchQueries": ["q"]}, safetyRatings=[], avgLogprobs=-0.1)
    body["usageMetadata"]["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": 2}]
    assert wire.encode_response(wire.decode_response(body), ASKED) == body


def test_pictures_code_and_search_are_parts_of_their_own() -> None:
    code = {"codeExecutionResult": {"outcome": "OUTCOME_OK"}}
    response = wire.decode_response(answer({"inlineData": {"mimeType": "image/png", "data": "iVBO"}}, code))
    assert response.choices[0].parts == (Image(data="iVBO", media_type="image/png"), Opaque("gemini", code))


def test_a_blocked_prompt_was_filtered() -> None:
    body = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 4}}
    response = wire.decode_response(body)
    assert (response.choices[0].stop, response.choices[0].parts) == ("content_filter", ())
    written: Any = wire.encode_response(response, ASKED)
    assert written["promptFeedback"] == body["promptFeedback"]
    assert "candidates" not in written


def test_several_candidates_are_several_choices() -> None:
    body = answer({"text": "a"})
    body["candidates"].append({"content": {"parts": [{"text": "b"}]}, "finishReason": "MAX_TOKENS", "index": 1})
    response = wire.decode_response(body)
    assert [(choice.index, choice.stop) for choice in response.choices] == [(0, "stop"), (1, "length")]


def test_an_error_in_an_answer_is_raised_and_what_is_no_answer_is_garbled() -> None:
    with pytest.raises(ProviderError) as failed:
        wire.decode_response({"error": {"code": 503, "status": "UNAVAILABLE", "message": "Busy."}})
    assert failed.value.kind == "overloaded"
    with pytest.raises(ProviderGarbled):
        wire.decode_response({"choices": []})


def test_another_vendors_answer_reaches_a_gemini_caller() -> None:
    told = wire.encode_response(
        chat.decode_response(
            {
                "id": "chatcmpl-1",
                "model": "gpt",
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": "tool_calls",
                        "message": {
                            "role": "assistant",
                            "content": "Look.",
                            "reasoning_content": "Hm.",
                            "tool_calls": [
                                {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
                            ],
                        },
                    }
                ],
                "usage": {
                    "prompt_tokens": 10,
                    "completion_tokens": 5,
                    "prompt_tokens_details": {"cached_tokens": 4},
                    "completion_tokens_details": {"reasoning_tokens": 2},
                },
            }
        ),
        ASKED,
    )
    assert told == {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [
                        {"text": "Hm.", "thought": True},
                        {"text": "Look."},
                        {
                            "functionCall": {"id": "call_1", "name": "f", "args": {"a": 1}},
                            "thoughtSignature": "skip_thought_signature_validator",
                        },
                    ],
                },
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 10,
            "cachedContentTokenCount": 4,
            "candidatesTokenCount": 3,
            "thoughtsTokenCount": 2,
            "totalTokenCount": 15,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 10}],
        },
        "modelVersion": "gpt",
        "responseId": "chatcmpl-1",
    }


def test_a_refusal_is_told_as_text_that_safety_ended() -> None:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "refusal": "No."}}
    told: Any = wire.encode_response(chat.decode_response({"id": "1", "model": "g", "choices": [choice]}), ASKED)
    assert told["candidates"][0]["content"]["parts"] == [{"text": "No."}]
    assert told["candidates"][0]["finishReason"] == "SAFETY"


def test_unsigned_thoughts_stay_thoughts() -> None:
    assert wire.decode_response(answer({"text": "Hm.", "thought": True})).choices[0].parts == (Thinking("Hm."),)
