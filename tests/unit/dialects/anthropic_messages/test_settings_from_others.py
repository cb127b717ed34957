"""Tools, formats, thinking and settings of another dialect, written for a Messages provider."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sluice.types.chat import (
    Message,
    Opaque,
    OutputFormat,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from tests.unit.dialects.anthropic_messages.foreign import LOOK, encode, refused, request, user

SCHEMA = {"type": "object", "properties": {"at": {"type": "object", "properties": {}}}, "required": ["at"]}


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


@pytest.mark.parametrize(
    ("effort", "budget", "told"),
    [
        ("minimal", 1024, ("clamped:reasoning_effort",)),
        ("low", 2048, ()),
        ("medium", 3200, ()),
        ("high", 3200, ()),
    ],
)
def test_an_effort_grants_a_budget_that_leaves_room_for_the_answer(effort: Any, budget: int, told: Any) -> None:
    body, edits = encode(request(reasoning=Reasoning(effort=effort)))
    assert body["thinking"] == {"type": "enabled", "budget_tokens": budget}
    assert edits == told


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
        (Reasoning(budget=3000), None, "medium"),
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
    assert (body["speed"], "top_k" in body, edits) == ("standard", False, ("dropped:top_k", "default:speed"))
    assert refused(request(top_k=4), {"refuse": ["top_k"]}).param == "top_k"
