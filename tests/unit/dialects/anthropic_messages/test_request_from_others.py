"""Requests of another dialect, written for a Messages provider: what is changed is reported or refused."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects import anthropic_messages as wire
from sluice.errors import BadRequest, UnsupportedParameter
from sluice.types.chat import (
    Audio,
    CacheMark,
    ChatRequest,
    Document,
    Image,
    Message,
    Opaque,
    OutputFormat,
    Part,
    Reasoning,
    Refusal,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

LOOK = Tool("look", "Looks.", {"type": "object", "properties": {}})
SCHEMA = {"type": "object", "properties": {"at": {"type": "object", "properties": {}}}, "required": ["at"]}


def user(*parts: Part) -> Message:
    return Message("user", parts)


def request(*messages: Message, **members: Any) -> ChatRequest:
    turns = messages or (user(Text("Hello")),)
    members = {"max_tokens": 4000, "dialect": "openai_chat", **members}
    return ChatRequest(model="m", messages=turns, **members)


def encode(
    asked: ChatRequest, quirks: dict[str, Any] | None = None, strict: bool = False
) -> tuple[dict[str, Any], Any]:
    encoded = wire.encode_request(asked, "claude", quirks or {}, strict)
    return encoded.body, encoded.edits


def refused(asked: ChatRequest, quirks: dict[str, Any] | None = None, strict: bool = False) -> UnsupportedParameter:
    with pytest.raises(UnsupportedParameter) as caught:
        encode(asked, quirks, strict)
    return caught.value


def turns_of(*messages: Message) -> Any:
    return encode(request(*messages))[0]["messages"]


# --- max_tokens ------------------------------------------------------------------------------------------------


def test_max_tokens_is_required_there_so_it_is_defaulted_and_reported() -> None:
    body, edits = encode(request(max_tokens=None))
    assert (body["max_tokens"], edits) == (4096, ("defaulted:max_tokens",))


def test_the_models_own_maximum_is_the_better_default() -> None:
    assert encode(request(max_tokens=None), {"max_output": 64000})[0]["max_tokens"] == 64000


def test_more_than_the_model_can_write_is_clamped() -> None:
    body, edits = encode(request(max_tokens=100_000), {"max_output": 8192})
    assert (body["max_tokens"], edits) == (8192, ("clamped:max_tokens",))


# --- turns -----------------------------------------------------------------------------------------------------


def test_instructions_are_gathered_into_system() -> None:
    body, edits = encode(
        request(
            Message("system", (Text("Be brief."),)),
            Message("developer", (Text("Be kind.", CacheMark("1h")),)),
            user(Text("Hello")),
        )
    )
    assert body["system"] == [
        {"type": "text", "text": "Be brief."},
        {"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ]
    assert body["messages"] == [{"role": "user", "content": "Hello"}]
    assert edits == ()


def test_later_instructions_move_to_the_front_and_that_is_reported() -> None:
    asked = request(user(Text("Hello")), Message("system", (Text("In French."),)))
    body, edits = encode(asked)
    assert (body["system"], body["messages"]) == ("In French.", [{"role": "user", "content": "Hello"}])
    assert edits == ("moved:system",)


def test_later_instructions_keep_their_place_where_the_model_takes_them() -> None:
    asked = request(user(Text("Hello")), Message("system", (Text("In French."),)))
    body, edits = encode(asked, {"system_turns": True})
    assert body["messages"][1] == {"role": "system", "content": "In French."}
    assert "system" not in body
    assert edits == ()


def test_instructions_that_no_answer_follows_cannot_keep_their_place() -> None:
    asked = request(user(Text("Hello")), Message("system", (Text("In French."),)), user(Text("Go on")))
    body, edits = encode(asked, {"system_turns": True})
    assert body["system"] == "In French."
    assert [turn["role"] for turn in body["messages"]] == ["user"]
    assert edits == ("moved:system",)


def test_a_lone_system_message_becomes_the_users() -> None:
    body, edits = encode(request(Message("system", (Text("Tell a joke."),))))
    assert body["messages"] == [{"role": "user", "content": "Tell a joke."}]
    assert "system" not in body
    assert edits == ("moved:system",)


def test_turns_of_one_role_are_merged() -> None:
    turns = turns_of(
        user(Text("One")), user(Text("Two")), Message("assistant", (Text("A"),)), Message("assistant", (Text("B"),))
    )
    assert [turn["role"] for turn in turns] == ["user", "assistant"]
    assert [block["text"] for block in turns[0]["content"]] == ["One", "Two"]


def test_blank_texts_are_left_out() -> None:
    turns = turns_of(user(Text("")), user(Text("  \n")), user(Text("Hello"), Text("")))
    assert turns == [{"role": "user", "content": "Hello"}]


def test_a_conversation_of_blanks_is_refused() -> None:
    with pytest.raises(BadRequest) as caught:
        encode(request(user(Text(" "))))
    assert caught.value.param == "messages"


def test_an_answer_to_be_continued_does_not_end_in_white_space() -> None:
    body, edits = encode(request(user(Text("Hello")), Message("assistant", (Text("I say: "),))))
    assert body["messages"][1]["content"] == "I say:"
    assert edits == ("trimmed:messages",)


def test_results_of_parallel_calls_are_one_user_turn_and_come_first() -> None:
    turns = turns_of(
        user(Text("Hello")),
        Message("assistant", (ToolCall("a", "look", '{"x":1}'), ToolCall("b", "look", ""))),
        Message("tool", (ToolResult("a", (Text("1"),)),)),
        user(Text("Quick!")),
        Message("tool", (ToolResult("b", (Text("2"), Image(url="https://example.com/p.png"))),)),
    )
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert [block["input"] for block in turns[1]["content"]] == [{"x": 1}, {}]
    assert [block["type"] for block in turns[2]["content"]] == ["tool_result", "tool_result", "text"]
    assert turns[2]["content"][0] == {"type": "tool_result", "tool_use_id": "a", "content": "1"}
    assert turns[2]["content"][1]["content"][1]["type"] == "image"


def test_a_result_without_a_call_is_refused() -> None:
    with pytest.raises(BadRequest) as caught:
        encode(request(user(Text("Hello")), Message("tool", (ToolResult("ghost", (Text("boo"),)),))))
    assert "'ghost'" in caught.value.message


@given(st.lists(st.text(max_size=12), min_size=1, max_size=6))
def test_ids_are_cleaned_kept_apart_and_still_match(ids: list[str]) -> None:
    asked = [user(Text("Hello"))]
    for identity in ids:
        asked += [
            Message("assistant", (ToolCall(identity, "look", "{}"),)),
            Message("tool", (ToolResult(identity, (Text("ok"),)),)),
        ]
    turns = turns_of(*asked)
    calls = [turn["content"][0]["id"] for turn in turns if turn["role"] == "assistant"]
    results = [turn["content"][0]["tool_use_id"] for turn in turns[2::2]]
    assert calls == results
    assert len(set(calls)) == len(ids)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", call) for call in calls)
    assert turns_of(*asked) == turns


def test_an_id_that_is_fine_is_left_alone() -> None:
    turns = turns_of(user(Text("x")), Message("assistant", (ToolCall("call_1-A", "look", "{}"),)))
    assert turns[1]["content"][0]["id"] == "call_1-A"


@pytest.mark.parametrize("arguments", ["[1]", "{cut", "5", '{"a": NaN}', "[" * 100_000])
def test_arguments_that_are_no_object_are_wrapped_and_reported(arguments: str) -> None:
    asked = request(user(Text("x")), Message("assistant", (ToolCall("a", "look", arguments),)))
    body, edits = encode(asked)
    assert body["messages"][1]["content"][0]["input"] == {"invalid_arguments": arguments}
    assert edits == ("wrapped:tool_calls.arguments",)


def test_a_free_text_call_becomes_an_input() -> None:
    turns = turns_of(user(Text("x")), Message("assistant", (ToolCall("a", "run", "ls -l", custom=True),)))
    assert turns[1]["content"][0]["input"] == {"input": "ls -l"}


def test_a_cache_mark_on_a_message_is_one_on_its_last_part() -> None:
    marked = Message("user", (Text("Long"), Text("Short")), extras={"cache_control": {"type": "ephemeral"}})
    body, edits = encode(request(marked))
    assert [block.get("cache_control") for block in body["messages"][0]["content"]] == [None, {"type": "ephemeral"}]
    assert edits == ()


def test_names_of_speakers_are_dropped_and_reported() -> None:
    asked = request(Message("user", (Text("Hi"),), name="Ann", extras={"weight": 1}))
    assert encode(asked)[1] == ("dropped:messages.name", "dropped:messages.weight")


# --- parts -----------------------------------------------------------------------------------------------------


def block_of(part: Part) -> tuple[dict[str, Any], Any]:
    body, edits = encode(request(user(part, Text("?"))))
    return body["messages"][0]["content"][0], edits


def test_a_picture_without_a_type_is_told_by_its_first_bytes() -> None:
    assert block_of(Image(data="/9j/4AAQ"))[0]["source"]["media_type"] == "image/jpeg"


def test_the_hint_of_detail_is_dropped() -> None:
    assert block_of(Image(url="https://example.com/a.png", detail="high"))[1] == ("dropped:image_url.detail",)


def test_a_pdf_is_a_document() -> None:
    block, _ = block_of(Document(data="JVBE", media_type="application/pdf", name="a.pdf"))
    assert block == {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
        "title": "a.pdf",
    }


def test_a_text_file_is_read_out() -> None:
    block, _ = block_of(Document(data="w5xiZXI=", media_type="text/markdown"))
    assert block["source"] == {"type": "text", "media_type": "text/plain", "data": "Über"}


@pytest.mark.parametrize(
    "part",
    [
        Audio(data="UklG", format="wav"),
        Image(file_id="file-1"),
        Document(file_id="file-1"),
        Document(data="UEsD", media_type="application/vnd.ms-excel"),
        Document(data="/w==", media_type="text/plain"),
    ],
)
def test_what_the_model_could_not_read_is_refused(part: Part) -> None:
    assert refused(request(user(part))).param == "messages"


def test_sound_with_a_transcript_is_read_out() -> None:
    block, edits = block_of(Audio(audio_id="a", transcript="Good day"))
    assert (block["text"], edits) == ("Good day", ("transcribed:messages.audio",))


def test_another_dialects_own_block_is_dropped_and_reported() -> None:
    asked = request(user(Opaque("openai_chat", {"type": "hologram"}), Text("?")))
    assert encode(asked)[1] == ("dropped:messages.hologram",)
    assert refused(asked, strict=True).param == "messages.hologram"


@pytest.mark.parametrize(
    "thinking",
    [Thinking("Hm."), Thinking("Hm.", "sluice1.e30="), Thinking(redacted="sluice1.e30=")],
)
def test_thinking_the_vendor_did_not_sign_is_dropped(thinking: Thinking) -> None:
    asked = request(user(Text("x")), Message("assistant", (thinking, Text("Yes."))))
    body, edits = encode(asked)
    assert body["messages"][1]["content"] == "Yes."
    assert edits == ("dropped:reasoning",)


def test_thinking_the_vendor_signed_is_sent_back() -> None:
    details = ({"format": "anthropic-claude-v1", "signature": "sig"},)
    asked = request(user(Text("x")), Message("assistant", (Thinking("Hm.", "sig", details=details), Text("Yes."))))
    assert encode(asked)[0]["messages"][1]["content"][0] == {
        "type": "thinking",
        "thinking": "Hm.",
        "signature": "sig",
    }


def test_a_refusal_is_repeated_as_text() -> None:
    assert turns_of(user(Text("x")), Message("assistant", (Refusal("No."),)))[1]["content"] == "No."


# --- tools -----------------------------------------------------------------------------------------------------


def test_a_function_becomes_a_tool_with_an_object_schema() -> None:
    body, _ = encode(request(tools=(Tool("a"), Tool("b", "B.", {"properties": {}}), LOOK)))
    assert body["tools"] == [
        {"name": "a", "input_schema": {"type": "object"}},
        {"name": "b", "description": "B.", "input_schema": {"properties": {}, "type": "object"}},
        {"name": "look", "description": "Looks.", "input_schema": {"type": "object", "properties": {}}},
    ]


def test_strict_tools_stay_strict_unless_the_model_cannot() -> None:
    asked = request(tools=(replace(LOOK, strict=True),))
    assert encode(asked)[0]["tools"][0]["strict"] is True
    body, edits = encode(asked, {"strict_tools": False})
    assert "strict" not in body["tools"][0]
    assert edits == ("dropped:tools.strict",)


def test_another_dialects_own_tool_is_refused() -> None:
    asked = request(tools=(LOOK, Tool("shell", opaque=Opaque("openai_chat", {"type": "custom"}))))
    error = refused(asked)
    assert error.param == "tools"
    assert "'shell'" in error.message


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        (ToolChoice("auto"), {"type": "auto"}),
        (ToolChoice("required", parallel=True), {"type": "any", "disable_parallel_tool_use": False}),
        (ToolChoice("named", "look"), {"type": "tool", "name": "look"}),
        (ToolChoice("none", parallel=False), {"type": "none"}),
        (ToolChoice(parallel=False), {"type": "auto", "disable_parallel_tool_use": True}),
    ],
)
def test_tool_choices(choice: ToolChoice, wanted: dict[str, Any]) -> None:
    assert encode(request(tools=(LOOK,), tool_choice=choice))[0]["tool_choice"] == wanted


@pytest.mark.parametrize(("tools", "choice"), [((), ToolChoice("auto")), ((LOOK,), ToolChoice())])
def test_a_choice_of_nothing_is_left_out(tools: tuple[Tool, ...], choice: ToolChoice) -> None:
    assert "tool_choice" not in encode(request(tools=tools, tool_choice=choice))[0]


def test_another_dialects_own_choice_is_refused() -> None:
    choice = ToolChoice(opaque=Opaque("openai_chat", {"type": "allowed_tools"}))
    assert refused(request(tools=(LOOK,), tool_choice=choice)).param == "tool_choice"


# --- structured output -----------------------------------------------------------------------------------------


def test_a_schema_becomes_the_output_format_with_closed_objects() -> None:
    body, edits = encode(request(output_format=OutputFormat("json_schema", "answer", SCHEMA)))
    schema = body["output_config"]["format"]["schema"]
    assert body["output_config"]["format"]["type"] == "json_schema"
    assert schema["additionalProperties"] is False
    assert schema["properties"]["at"]["additionalProperties"] is False
    assert edits == ("closed:response_format.schema",)


def test_words_in_a_schema_that_look_like_schemas_are_left_alone() -> None:
    schema = {"type": "object", "additionalProperties": False, "properties": {"a": {"enum": [{"type": "object"}]}}}
    body, edits = encode(request(output_format=OutputFormat("json_schema", "answer", schema)))
    assert body["output_config"]["format"]["schema"] == schema
    assert edits == ()


def test_without_output_formats_the_answer_is_a_forced_tool() -> None:
    output = OutputFormat("json_schema", "answer", {"type": "object", "additionalProperties": False})
    body, edits = encode(request(output_format=output), {"json_schema": False}, strict=True)
    assert [tool["name"] for tool in body["tools"]] == ["structured_answer"]
    assert body["tool_choice"] == {"type": "tool", "name": "structured_answer"}
    assert edits == ("emulated:response_format",)


def test_the_answer_tool_leaves_room_for_the_callers_tools() -> None:
    output = OutputFormat("json_schema", "answer", {"type": "object", "additionalProperties": False})
    body, _ = encode(request(output_format=output, tools=(LOOK,)), {"json_schema": False})
    assert [tool["name"] for tool in body["tools"]] == ["look", "structured_answer"]
    assert body["tool_choice"] == {"type": "any"}


def test_free_json_is_asked_for_in_words() -> None:
    body, edits = encode(request(output_format=OutputFormat("json_object")))
    assert "JSON object" in body["system"]
    assert edits == ("emulated:response_format",)
    assert refused(request(output_format=OutputFormat("json_object")), strict=True).param == "response_format"


def test_plain_text_is_no_format() -> None:
    assert "output_config" not in encode(request(output_format=OutputFormat("text")))[0]


# --- thinking --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("effort", "budget"), [("minimal", 1024), ("low", 1024), ("medium", 2000), ("high", 3200)])
def test_an_effort_is_a_share_of_max_tokens(effort: Any, budget: int) -> None:
    body, edits = encode(request(reasoning=Reasoning(effort=effort)))
    assert body["thinking"] == {"type": "enabled", "budget_tokens": budget}
    assert edits == ()


def test_a_budget_stays_below_max_tokens() -> None:
    body, edits = encode(request(reasoning=Reasoning(budget=9000)))
    assert body["thinking"]["budget_tokens"] == 3999
    assert edits == ("clamped:reasoning_budget",)


def test_a_short_answer_leaves_no_room_to_think() -> None:
    asked = request(max_tokens=1024, reasoning=Reasoning(effort="high"))
    body, edits = encode(asked)
    assert "thinking" not in body
    assert edits == ("dropped:reasoning_effort",)
    assert refused(asked, strict=True).param == "reasoning_effort"


@pytest.mark.parametrize("reasoning", [Reasoning(effort="none"), Reasoning(enabled=False)])
def test_thinking_can_be_turned_off(reasoning: Reasoning) -> None:
    assert encode(request(reasoning=reasoning))[0]["thinking"] == {"type": "disabled"}


def test_a_wish_to_hide_thinking_does_not_turn_it_on() -> None:
    body, edits = encode(request(reasoning=Reasoning(display="omitted")))
    assert "thinking" not in body
    assert edits == ("dropped:reasoning.exclude",)


@pytest.mark.parametrize(
    ("reasoning", "efforts", "effort"),
    [
        (Reasoning(effort="minimal"), None, "low"),
        (Reasoning(effort="high"), None, "high"),
        (Reasoning(effort="xhigh"), ["low", "medium", "high"], "high"),
        (Reasoning(budget=3000), None, "high"),
    ],
)
def test_newer_models_are_told_an_effort(reasoning: Reasoning, efforts: Any, effort: str) -> None:
    quirks = {"thinking_request": "adaptive"} | ({"reasoning_efforts": efforts} if efforts else {})
    body, _ = encode(request(reasoning=reasoning), quirks)
    assert body["thinking"] == {"type": "adaptive"}
    assert body["output_config"] == {"effort": effort}


def test_effort_and_format_share_their_place() -> None:
    output = OutputFormat("json_schema", "answer", {"type": "object", "additionalProperties": False})
    asked = request(reasoning=Reasoning(effort="low"), output_format=output)
    body, _ = encode(asked, {"thinking_request": "adaptive"})
    assert set(body["output_config"]) == {"format", "effort"}


def test_a_model_that_cannot_be_told_is_not_told() -> None:
    body, edits = encode(request(reasoning=Reasoning(effort="low")), {"thinking_request": "none"})
    assert "thinking" not in body
    assert edits == ("dropped:reasoning_effort",)


def test_a_forced_tool_wins_over_thinking() -> None:
    asked = request(tools=(LOOK,), tool_choice=ToolChoice("required"), reasoning=Reasoning(effort="high"))
    body, edits = encode(asked)
    assert "thinking" not in body
    assert edits == ("dropped:reasoning_effort",)


def test_a_turn_begun_without_thinking_goes_on_without() -> None:
    messages = (
        user(Text("x")),
        Message("assistant", (ToolCall("a", "look", "{}"),)),
        Message("tool", (ToolResult("a", (Text("1"),)),)),
    )
    body, _ = encode(request(*messages, tools=(LOOK,), reasoning=Reasoning(effort="high")))
    assert "thinking" not in body


def test_thinking_excludes_sampling() -> None:
    asked = request(reasoning=Reasoning(effort="high"), temperature=0.2, top_p=0.5, top_k=3)
    body, edits = encode(asked)
    assert not {"temperature", "top_p", "top_k"} & body.keys()
    assert edits == ("dropped:temperature", "dropped:top_p", "dropped:top_k")


# --- settings --------------------------------------------------------------------------------------------------


def test_temperature_ends_at_one() -> None:
    body, edits = encode(request(temperature=1.7))
    assert (body["temperature"], edits) == (1.0, ("clamped:temperature",))


def test_temperature_excludes_top_p() -> None:
    body, edits = encode(request(temperature=0.5, top_p=0.4))
    assert ("top_p" in body, edits) == (False, ("dropped:top_p",))
    assert encode(request(temperature=0.5, top_p=1))[1] == ()


def test_several_answers_are_refused() -> None:
    assert refused(request(n=2)).param == "n"
    assert encode(request(n=1))[1] == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [("seed", 0), ("presence_penalty", 0.5), ("frequency_penalty", 1), ("logprobs", True), ("top_logprobs", 3)],
)
def test_settings_the_vendor_lacks_are_dropped_and_reported(name: str, value: object) -> None:
    asked = request(**{name: value})
    body, edits = encode(asked)
    assert name not in body
    assert edits == (f"dropped:{name}",)
    assert refused(asked, strict=True).param == name


def test_neutral_settings_are_dropped_in_silence() -> None:
    asked = request(presence_penalty=0, frequency_penalty=0.0, logprobs=False, top_logprobs=0)
    assert encode(asked, strict=True)[1] == ()


def test_blank_stop_sequences_are_dropped() -> None:
    body, edits = encode(request(stop=("END", "\n\n")))
    assert (body["stop_sequences"], edits) == (["END"], ("dropped:stop",))


def test_the_user_becomes_metadata() -> None:
    body, edits = encode(request(user="u1", metadata={"job": "x"}, stream=True))
    assert (body["metadata"], body["stream"], edits) == ({"user_id": "u1"}, True, ("dropped:metadata",))


@pytest.mark.parametrize(("tier", "wire_tier"), [("auto", "auto"), ("default", "standard_only")])
def test_service_tiers_both_know(tier: str, wire_tier: str) -> None:
    assert encode(request(service_tier=tier))[0]["service_tier"] == wire_tier


def test_a_service_tier_only_one_knows_is_dropped() -> None:
    assert encode(request(service_tier="flex"))[1] == ("dropped:service_tier",)


def test_members_of_another_dialect_are_dropped_and_reported() -> None:
    body, edits = encode(request(extras={"logit_bias": {"1": 2}, "modalities": ["text"]}))
    assert ("logit_bias" in body, edits) == (False, ("dropped:logit_bias",))


@pytest.mark.parametrize(("name", "value"), [("modalities", ["text", "audio"]), ("audio", {"voice": "a"})])
def test_an_answer_in_sound_is_refused(name: str, value: object) -> None:
    assert refused(request(extras={name: value})).param == name


def test_quirks_drop_refuse_and_default_members() -> None:
    quirks = {"drop": ["top_k"], "defaults": {"speed": "standard"}}
    body, edits = encode(request(top_k=4), quirks)
    assert (body["speed"], "top_k" in body, edits) == ("standard", False, ("dropped:top_k",))
    assert refused(request(top_k=4), {"refuse": ["top_k"]}).param == "top_k"
