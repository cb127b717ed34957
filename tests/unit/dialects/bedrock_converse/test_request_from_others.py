"""Requests of other dialects, as Amazon Bedrock gets them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects import anthropic_messages, bedrock_converse, openai_chat
from sluice.dialects.base import Encoded
from sluice.errors import BadRequest, UnsupportedParameter
from tests.unit.dialects.both_ways import SCHEMA, user

TOOL = {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": SCHEMA}}
PNG = "iVBORw0KGgo="
CLAUDE = {"thinking_fields": "budget", "top_k_field": "top_k"}


def chat(body: dict[str, Any], quirks: dict[str, Any] | None = None, strict: bool = False) -> Encoded:
    request = openai_chat.decode_request({"model": "r", "messages": [user("Hi")], **body})
    return bedrock_converse.encode_request(request, "m", quirks or {}, strict)


def messages(body: dict[str, Any], quirks: dict[str, Any] | None = None) -> Encoded:
    request = anthropic_messages.decode_request({"model": "r", "max_tokens": 4000, "messages": [user("Hi")], **body})
    return bedrock_converse.encode_request(request, "m", quirks or {}, False)


def call(identity: str, arguments: str = "{}") -> dict[str, Any]:
    return {"id": identity, "type": "function", "function": {"name": "look", "arguments": arguments}}


def test_instructions_text_and_sampling_have_their_places() -> None:
    encoded = chat(
        {
            "messages": [{"role": "system", "content": "Be brief."}, user("Hi")],
            "max_tokens": 50, "temperature": 0.5, "top_p": 0.9, "stop": ["END", " "],
        }
    )  # fmt: skip
    assert encoded.body == {
        "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
        "system": [{"text": "Be brief."}],
        "inferenceConfig": {"maxTokens": 50, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]},
        "additionalModelResponseFieldPaths": ["/stop_sequence", "/delta/stop_sequence"],
    }
    assert encoded.edits == ("dropped:stop",)


def test_tools_calls_and_results_stand_in_alternating_turns() -> None:
    encoded = chat(
        {
            "tools": [TOOL],
            "tool_choice": "required",
            "messages": [
                user("Weather?"),
                {
                    "role": "assistant",
                    "content": "Let me look.",
                    "tool_calls": [call("a b", '{"city":"Rome"}'), call("c")],
                },
                {"role": "tool", "tool_call_id": "a b", "content": "21"},
                {"role": "tool", "tool_call_id": "c", "content": ""},
                user("And?"),
            ],
        }
    )
    body: Any = encoded.body
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    text, first, second = body["messages"][1]["content"]
    assert (text, first["toolUse"]["input"], second["toolUse"]["toolUseId"]) == (
        {"text": "Let me look."}, {"city": "Rome"}, "c",
    )  # fmt: skip
    wire_id = first["toolUse"]["toolUseId"]
    assert wire_id.startswith("a_b_")
    assert body["messages"][2]["content"] == [
        {"toolResult": {"toolUseId": wire_id, "content": [{"text": "21"}]}},
        {"toolResult": {"toolUseId": "c", "content": [{"text": "(no output)"}]}},
        {"text": "And?"},
    ]
    assert body["toolConfig"] == {
        "tools": [{"toolSpec": {"name": "look", "description": "Looks.", "inputSchema": {"json": SCHEMA}}}],
        "toolChoice": {"any": {}},
    }


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", None),
        ("required", {"any": {}}),
        ({"type": "function", "function": {"name": "look"}}, {"tool": {"name": "look"}}),
    ],
)
def test_a_tool_choice_has_its_word(choice: Any, expected: Any) -> None:
    body: Any = chat({"tools": [TOOL], "tool_choice": choice}).body
    assert body["toolConfig"].get("toolChoice") == expected


def test_a_call_that_cannot_be_forced_is_asked_for_in_words() -> None:
    quirks = {"forced_tools": False, "json_schema": False}
    named = {"type": "function", "function": {"name": "look"}}
    encoded: Any = chat({"tools": [TOOL], "tool_choice": named}, quirks)
    assert "toolChoice" not in encoded.body["toolConfig"]
    assert "look" in encoded.body["system"][0]["text"]
    assert encoded.edits == ("emulated:tool_choice",)
    form = {"type": "json_schema", "json_schema": {"name": "City", "schema": SCHEMA}}
    shaped: Any = chat({"response_format": form}, quirks)
    assert "structured_answer" in shaped.body["system"][0]["text"]
    assert "toolChoice" not in shaped.body["toolConfig"]
    assert "system" not in chat({"tools": [TOOL]}, quirks).body
    with pytest.raises(UnsupportedParameter, match="tool_choice"):
        chat({"tools": [TOOL], "tool_choice": "required"}, quirks, strict=True)


def test_forbidden_tools_are_left_out_or_forbidden_in_words() -> None:
    without = chat({"tools": [TOOL], "tool_choice": "none"})
    assert ("toolConfig" in without.body, without.edits) == (False, ("dropped:tools",))
    history = [
        user("x"),
        {"role": "assistant", "tool_calls": [call("a")]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
    ]
    encoded: Any = chat({"tools": [TOOL], "tool_choice": "none", "messages": history})
    assert encoded.edits == ("emulated:tool_choice",)
    assert "toolChoice" not in encoded.body["toolConfig"]
    assert "tool" in encoded.body["system"][0]["text"]


def test_tools_that_earlier_turns_called_are_declared() -> None:
    history = [
        user("x"),
        {"role": "assistant", "tool_calls": [call("a")]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
    ]
    encoded: Any = chat({"messages": history})
    assert encoded.body["toolConfig"]["tools"][0]["toolSpec"]["name"] == "look"
    assert encoded.edits == ("added:tools", "emulated:tool_choice")


def test_a_result_without_its_call_is_refused() -> None:
    with pytest.raises(BadRequest, match="nobody"):
        chat({"messages": [user("x"), {"role": "assistant", "tool_calls": [call("a")]},
                           {"role": "tool", "tool_call_id": "nobody", "content": "1"}]})  # fmt: skip


def test_pictures_and_documents_are_sent_with_formats_and_names_the_vendor_takes() -> None:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{PNG}", "detail": "low"}}
    pdf = {
        "type": "file",
        "file": {"filename": "my_report.v2.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
    }
    encoded: Any = chat({"messages": [user([picture, pdf, pdf])]})
    image, first, second, text = encoded.body["messages"][0]["content"]
    assert image == {"image": {"format": "png", "source": {"bytes": PNG}}}
    assert first == {"document": {"format": "pdf", "name": "my report v2 pdf", "source": {"bytes": "JVBERi0="}}}
    assert second["document"]["name"] == "my report v2 pdf (2)"
    assert list(text) == ["text"]
    assert encoded.edits == ("dropped:image_url.detail", "added:messages.text")


def test_a_text_document_is_sent_as_bytes_with_its_context() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "Hello"}
    block = {"type": "document", "source": source, "title": "A", "context": "C", "citations": {"enabled": True}}
    encoded: Any = messages({"messages": [user([block, {"type": "text", "text": "Read."}])]})
    assert encoded.body["messages"][0]["content"][0] == {
        "document": {
            "format": "txt", "name": "A", "source": {"bytes": "SGVsbG8="}, "context": "C",
            "citations": {"enabled": True},
        }
    }  # fmt: skip


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "image_url", "image_url": {"url": f"data:image/tiff;base64,{PNG}"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": {"filename": "a.zip", "file_data": "data:application/zip;base64,QQ=="}},
    ],
)
def test_what_the_vendor_cannot_read_is_refused_with_a_remedy(part: Any) -> None:
    with pytest.raises(UnsupportedParameter, match=r"base64|not |convert"):
        chat({"messages": [user([part])]})


def test_a_picture_in_s3_is_named_by_its_address() -> None:
    part = {"type": "image_url", "image_url": {"url": "s3://bucket/a.png"}}
    body: Any = chat({"messages": [user([part])]}).body
    assert body["messages"][0]["content"][0]["image"]["source"] == {"s3Location": {"uri": "s3://bucket/a.png"}}


def test_cache_marks_become_cache_points() -> None:
    marked = {"type": "text", "text": "Long.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    tool = {"name": "look", "input_schema": SCHEMA, "cache_control": {"type": "ephemeral"}}
    asked = {"system": [marked], "messages": [user([marked])], "tools": [tool]}
    body: Any = messages(asked).body
    point = {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert body["system"] == [{"text": "Long."}, point]
    assert body["messages"][0]["content"] == [{"text": "Long."}, point]
    assert body["toolConfig"]["tools"][1] == {"cachePoint": {"type": "default"}}
    without: Any = messages(asked, {"cache_points": False})
    assert "cachePoint" not in json.dumps(without.body)
    assert without.edits == ("dropped:cache_control",)


def test_claudes_thinking_comes_back_signed_and_other_reasoning_is_left_out() -> None:
    thought = [
        {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"},
        {"type": "redacted_thinking", "data": "Emwk"},
        {"type": "thinking", "thinking": "Hm.", "signature": "sluice1.e30="},
        {"type": "text", "text": "Hi"},
    ]
    encoded: Any = messages({"messages": [user("x"), {"role": "assistant", "content": thought}, user("y")]})
    assert encoded.body["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "EqQB"}}},
        {"reasoningContent": {"redactedContent": "RW13aw=="}},
        {"text": "Hi"},
    ]
    assert encoded.edits == ("dropped:reasoning",)


@pytest.mark.parametrize(
    ("style", "effort", "expected"),
    [
        ("budget", "medium", {"thinking": {"type": "enabled", "budget_tokens": 6400}}),
        ("adaptive", "xhigh", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}}),
        ("adaptive", "minimal", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
        ("reasoning_config", "high", {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}),
        ("reasoning_effort", "medium", {"reasoning_effort": "medium"}),
        ("reasoning_effort", "none", {"reasoning_effort": "low"}),
        ("budget", "none", None),
        (None, "high", None),
    ],
)
def test_effort_is_written_where_the_model_looks_for_it(style: str | None, effort: str, expected: Any) -> None:
    quirks = {"thinking_fields": style} if style else {}
    encoded: Any = chat({"reasoning_effort": effort, "max_completion_tokens": 8000}, quirks)
    assert encoded.body.get("additionalModelRequestFields") == expected
    assert ("dropped:reasoning_effort" in encoded.edits) == (style is None)


def test_a_thinking_budget_fits_into_the_bound_and_excludes_sampling() -> None:
    thinking = {"type": "enabled", "budget_tokens": 3000}
    encoded: Any = messages({"thinking": thinking, "temperature": 1.0, "top_k": 5}, CLAUDE)
    assert encoded.body["additionalModelRequestFields"] == {"thinking": thinking}
    assert encoded.body["inferenceConfig"] == {"maxTokens": 4000}
    assert encoded.edits == ("dropped:top_k",)
    little: Any = messages({"thinking": thinking, "max_tokens": 900}, CLAUDE)
    assert "additionalModelRequestFields" not in little.body


def test_a_forced_tool_wins_over_claudes_thinking() -> None:
    encoded: Any = chat({"tools": [TOOL], "tool_choice": "required", "reasoning_effort": "high"}, CLAUDE)
    assert "additionalModelRequestFields" not in encoded.body
    assert encoded.edits == ("dropped:reasoning_effort",)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("top_k", {"top_k": 9}),
        ("inferenceConfig.topK", {"inferenceConfig": {"topK": 9}}),
        ("k", {"k": 9}),
        (None, None),
    ],
)
def test_top_k_is_a_parameter_of_the_model(field: str | None, expected: Any) -> None:
    encoded: Any = messages({"top_k": 9}, {"top_k_field": field} if field else {})
    assert encoded.body.get("additionalModelRequestFields") == expected
    assert ("dropped:top_k" in encoded.edits) == (field is None)


def test_structured_output_is_the_apis_own() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "City", "schema": {"type": "object", "properties": {}}}}
    encoded: Any = chat({"response_format": form})
    definition = encoded.body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
    assert definition["name"] == "City"
    assert json.loads(definition["schema"])["additionalProperties"] is False
    assert encoded.edits == ("closed:response_format.schema",)


@pytest.mark.parametrize(("tools", "choice"), [([], {"tool": {"name": "structured_answer"}}), ([TOOL], {"any": {}})])
def test_structured_output_is_a_tool_where_the_model_has_none(tools: list[Any], choice: Any) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "City", "schema": SCHEMA}}
    encoded: Any = chat({"response_format": form, **({"tools": tools} if tools else {})}, {"json_schema": False})
    assert encoded.body["toolConfig"]["toolChoice"] == choice
    assert encoded.body["toolConfig"]["tools"][-1]["toolSpec"]["inputSchema"] == {"json": SCHEMA}
    answer = {
        "output": {
            "message": {
                "content": [{"toolUse": {"toolUseId": "t", "name": "structured_answer", "input": {"city": "Rome"}}}]
            }
        },
        "stopReason": "tool_use",
    }
    response = bedrock_converse.decode_response(answer)
    assert response.choices[0].stop == "stop"
    (part,) = response.choices[0].parts
    assert getattr(part, "text", None) == '{"city":"Rome"}'


def test_free_json_is_asked_for_in_words() -> None:
    encoded: Any = chat({"response_format": {"type": "json_object"}})
    assert "JSON" in encoded.body["system"][0]["text"]
    assert encoded.edits == ("emulated:response_format",)


def test_tiers_and_labels_have_their_places_and_the_rest_is_reported() -> None:
    encoded: Any = chat(
        {"service_tier": "flex", "metadata": {"team": "a b"}, "seed": 1, "user": "u", "logit_bias": {"1": 1}, "n": 1}
    )
    assert encoded.body["serviceTier"] == {"type": "flex"}
    assert encoded.body["requestMetadata"] == {"team": "a b"}
    assert set(encoded.edits) == {"dropped:seed", "dropped:user", "dropped:logit_bias"}
    odd: Any = chat({"metadata": {"team": "é"}, "service_tier": "scale"})
    assert set(odd.edits) == {"dropped:metadata", "dropped:service_tier"}


@pytest.mark.parametrize(
    "body", [{"n": 2}, {"modalities": ["text", "audio"], "audio": {"voice": "a", "format": "mp3"}}]
)
def test_what_would_change_the_answer_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedParameter):
        chat(body)


@pytest.mark.parametrize("body", [{"seed": 1}, {"top_k": 1}, {"temperature": 1.5}, {"service_tier": "scale"}])
def test_a_strict_route_refuses_what_would_be_dropped(body: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedParameter, match=r"Leave it out|leave it out"):
        chat(body, strict=True)


def test_declared_quirks_are_kept() -> None:
    quirks = {
        "drop": ["stopSequences"],
        "refuse": ["toolChoice"],
        "defaults": {"performanceConfig": {"latency": "standard"}},
    }
    encoded: Any = chat({"stop": ["x"], "max_tokens": 5}, quirks)
    assert encoded.body["inferenceConfig"] == {"maxTokens": 5}
    assert encoded.body["performanceConfig"] == {"latency": "standard"}
    with pytest.raises(UnsupportedParameter, match="toolChoice"):
        chat({"tools": [TOOL], "tool_choice": "required"}, quirks)
    clamped: Any = chat({"max_tokens": 500}, {"max_output": 100})
    assert (clamped.body["inferenceConfig"], clamped.edits) == ({"maxTokens": 100}, ("clamped:max_tokens",))


def test_an_answer_to_be_continued_begins_with_a_users_turn() -> None:
    encoded: Any = messages({"messages": [{"role": "assistant", "content": "Once"}, user("go")]})
    assert [turn["role"] for turn in encoded.body["messages"]] == ["user", "assistant", "user"]
    lone: Any = chat({"messages": [{"role": "system", "content": "Hi"}]})
    assert lone.body == {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
