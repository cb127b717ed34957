"""Writing requests for providers, with their quirks, also those that came in another dialect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from sluice.dialects.openai_chat import encode_request
from sluice.errors import UnsupportedParameter
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
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

FOREIGN = ChatRequest("route", (Message("user", (Text("Hello"),)),), dialect="anthropic_messages")
NATIVE = replace(FOREIGN, dialect="openai_chat")


def write(request: ChatRequest, quirks: Mapping[str, object] | None = None, strict: bool = False) -> dict[str, Any]:
    return encode_request(request, "gpt", quirks or {}, strict).body


def edits(request: ChatRequest, quirks: Mapping[str, object] | None = None) -> tuple[str, ...]:
    return encode_request(request, "gpt", quirks or {}, False).edits


def messages(*given: Message, quirks: Mapping[str, object] | None = None, base: ChatRequest = FOREIGN) -> Any:
    return write(replace(base, messages=given), quirks)["messages"]


def said(*parts: Part, quirks: Mapping[str, object] | None = None, base: ChatRequest = FOREIGN) -> Any:
    return messages(Message("assistant", parts), quirks=quirks, base=base)[0]


def test_a_plain_request_stays_plain() -> None:
    assert write(FOREIGN) == {"model": "gpt", "messages": [{"role": "user", "content": "Hello"}]}


def test_settings_are_written() -> None:
    request = replace(
        NATIVE, max_tokens=9, temperature=0.5, top_p=0.9, seed=1, n=2, presence_penalty=0.1, frequency_penalty=0.2,
        logprobs=True, top_logprobs=3, user="u", stop=("a",), metadata={"k": "v"}, service_tier="flex", top_k=4,
        extras={"logit_bias": {"1": 2}},
    )  # fmt: skip
    body = write(request)
    assert {name: body[name] for name in body if name not in ("model", "messages")} == {
        "max_tokens": 9, "temperature": 0.5, "top_p": 0.9, "seed": 1, "n": 2, "presence_penalty": 0.1,
        "frequency_penalty": 0.2, "logprobs": True, "top_logprobs": 3, "user": "u", "stop": ["a"],
        "metadata": {"k": "v"}, "service_tier": "flex", "top_k": 4, "logit_bias": {"1": 2},
    }  # fmt: skip


def test_a_stream_is_always_asked_for_usage() -> None:
    body = write(replace(FOREIGN, stream=True))
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})
    assert "stream_options" not in write(replace(FOREIGN, stream=True), {"stream_options": False})


def test_the_bound_on_output_is_named_by_the_quirk() -> None:
    request = replace(FOREIGN, max_tokens=9)
    assert write(request)["max_tokens"] == 9
    body = write(request, {"max_tokens_field": "max_completion_tokens"})
    assert (body["max_completion_tokens"], "max_tokens" in body) == (9, False)


def test_declared_quirks_hold_for_translated_requests_too() -> None:
    request = replace(FOREIGN, seed=5, temperature=1.0, messages=(Message("developer", (Text("x"),)),))
    quirks = {"rename": {"seed": "random_seed"}, "drop": ["temperature"], "developer_role": False}
    encoded = encode_request(request, "gpt", quirks, False)
    assert encoded.body == {"model": "gpt", "messages": [{"role": "system", "content": "x"}], "random_seed": 5}
    assert encoded.edits == ("renamed:seed", "dropped:temperature")


def test_parallel_results_become_messages_behind_their_calls() -> None:
    turn = Message(
        "user",
        (
            ToolResult("a", (Text("one"),)),
            ToolResult("b", (Text("two"), Text("three")), is_error=True),
            Text("And now?"),
        ),
    )
    assert messages(turn) == [
        {"role": "tool", "tool_call_id": "a", "content": "one"},
        {
            "role": "tool",
            "tool_call_id": "b",
            "content": [{"type": "text", "text": "two"}, {"type": "text", "text": "three"}],
        },
        {"role": "user", "content": "And now?"},
    ]
    assert edits(replace(FOREIGN, messages=(turn,))) == ("dropped:is_error",)


def test_a_turn_of_results_alone_adds_no_user_message() -> None:
    assert [m["role"] for m in messages(Message("user", (ToolResult("a", ()),)))] == ["tool"]


def test_a_picture_in_a_result_follows_as_user_content() -> None:
    turn = Message("tool", (ToolResult("a", (Image(data="AAAA", media_type="image/png"),)),))
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    tool, user = messages(turn)
    assert (tool["role"], user["role"]) == ("tool", "user")
    assert user["content"] == [{"type": "text", "text": "Result of tool call a:"}, picture]
    assert tool["content"]
    assert messages(turn, quirks={"tool_images": True}) == [{"role": "tool", "tool_call_id": "a", "content": [picture]}]


def test_calls_are_written_with_arguments_that_parse() -> None:
    written = said(
        Text("Look."), ToolCall("a", "f", '{"x":1}'), ToolCall("b", "g", ""), ToolCall("c", "h", "q", custom=True)
    )
    assert written == {
        "role": "assistant",
        "content": "Look.",
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
            {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            {"id": "c", "type": "custom", "custom": {"name": "h", "input": "q"}},
        ],
    }
    assert said(ToolCall("a", "f", "{}"))["content"] is None


def test_call_ids_are_mapped_alike_in_calls_and_results() -> None:
    written = messages(
        Message("assistant", (ToolCall("toolu_1", "f", "{}"),)),
        Message("user", (ToolResult("toolu_1", (Text("x"),)),)),
        quirks={"tool_id_length": 9},
    )
    assert written[0]["tool_calls"][0]["id"] == written[1]["tool_call_id"]
    assert len(written[1]["tool_call_id"]) == 9


def test_cache_marks_are_written_only_where_they_are_taken() -> None:
    request = replace(
        FOREIGN,
        messages=(
            Message("system", (Text("x", CacheMark("1h")),)),
            Message("user", (ToolResult("a", (Text("y"),), cache=CacheMark()),)),
        ),
        tools=(Tool("f", cache=CacheMark()),),
    )
    marked = write(request, {"cache_control": True})
    assert marked["messages"][0]["content"] == [
        {"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    ]
    assert marked["messages"][1]["cache_control"] == {"type": "ephemeral"}
    assert marked["tools"][0]["cache_control"] == {"type": "ephemeral"}
    assert "cache_control" not in str(write(request))
    assert edits(request) == ("dropped:cache_control",)
    assert write(request, {"prompt_cache_breakpoint": True})["messages"][0]["content"] == [
        {"type": "text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}}
    ]


THOUGHT = Thinking("Hm.", signature="sig")


def test_reasoning_of_another_dialect_is_left_out_unless_a_field_is_declared() -> None:
    assert said(THOUGHT, Text("Yes")) == {"role": "assistant", "content": "Yes"}
    assert said(THOUGHT, Text("Yes"), quirks={"reasoning_field": "reasoning_content"})["reasoning_content"] == "Hm."
    entry = {
        "type": "reasoning.text",
        "text": "Hm.",
        "signature": "sig",
        "format": "anthropic-claude-v1",
        "index": 0,
    }
    written = said(THOUGHT, Text("Yes"), quirks={"reasoning_field": "reasoning_details"})
    assert written == {"role": "assistant", "content": "Yes", "reasoning_details": [entry]}
    assert said(THOUGHT, Text("Yes"), quirks={"reasoning_field": "content"})["content"] == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
        {"type": "text", "text": "Yes"},
    ]


def test_encrypted_reasoning_goes_back_as_an_entry() -> None:
    written = said(Thinking(redacted="xyz"), quirks={"reasoning_field": "reasoning_details"})
    assert written["reasoning_details"] == [
        {"type": "reasoning.encrypted", "data": "xyz", "format": "anthropic-claude-v1", "index": 0}
    ]


def test_reasoning_of_this_dialect_goes_back_where_it_came_from() -> None:
    details = ({"type": "reasoning.text", "text": "Hm.", "id": "r1"},)
    thought = Thinking("Hm.", details=details, field="reasoning")
    written = said(thought, Text("Yes"), base=NATIVE)
    assert (written["reasoning"], written["reasoning_details"]) == ("Hm.", list(details))
    assert "reasoning" not in said(thought, base=NATIVE, quirks={"reasoning_field": ""})


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        (ToolChoice("auto"), {"tool_choice": "auto"}),
        (ToolChoice("none"), {"tool_choice": "none"}),
        (ToolChoice("required", parallel=False), {"tool_choice": "required", "parallel_tool_calls": False}),
        (ToolChoice("named", "f"), {"tool_choice": {"type": "function", "function": {"name": "f"}}}),
        (ToolChoice(parallel=False), {"parallel_tool_calls": False}),
    ],
)
def test_choices_of_tools_are_written(choice: ToolChoice, written: dict[str, Any]) -> None:
    body = write(replace(FOREIGN, tools=(Tool("f"),), tool_choice=choice))
    assert {name: body[name] for name in body if "tool_c" in name} == written


def test_the_word_that_forces_a_call_is_declared() -> None:
    request = replace(FOREIGN, tools=(Tool("f"),), tool_choice=ToolChoice("required", parallel=True))
    body = write(request, {"tool_choice_required": "any", "parallel_tool_calls": False})
    assert (body["tool_choice"], "parallel_tool_calls" in body) == ("any", False)


def test_tools_are_written() -> None:
    tool = Tool("f", "d", {"type": "object"}, True)
    function = {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
    assert write(replace(FOREIGN, tools=(tool,)))["tools"] == [{"type": "function", "function": function}]
    body = write(replace(FOREIGN, tools=(tool,)), {"strict_tools": False})
    assert "strict" not in body["tools"][0]["function"]


@pytest.mark.parametrize(
    ("reasoning", "quirks", "written"),
    [
        (Reasoning("high"), {}, {"reasoning_effort": "high"}),
        (Reasoning(budget=31999), {}, {"reasoning_effort": "high"}),
        (Reasoning(budget=8000), {}, {"reasoning_effort": "medium"}),
        (Reasoning(budget=1024), {}, {"reasoning_effort": "low"}),
        (Reasoning("max"), {}, {"reasoning_effort": "high"}),
        (Reasoning("xhigh"), {"reasoning_efforts": ["low", "xhigh"]}, {"reasoning_effort": "xhigh"}),
        (Reasoning("minimal"), {"reasoning_efforts": ["none", "low"]}, {"reasoning_effort": "low"}),
        (Reasoning("high"), {"reasoning_efforts": ["none", "default"]}, {"reasoning_effort": "default"}),
        (Reasoning(enabled=False), {}, {}),
        (Reasoning(enabled=False), {"reasoning_efforts": ["none", "low"]}, {"reasoning_effort": "none"}),
        (Reasoning(adaptive=True), {}, {}),
        (Reasoning("high"), {"reasoning_request": "none"}, {}),
        (Reasoning("high"), {"reasoning_request": "object"}, {"reasoning": {"effort": "high"}}),
        (
            Reasoning(budget=9, display="omitted"),
            {"reasoning_request": "object"},
            {"reasoning": {"max_tokens": 9, "exclude": True}},
        ),
        (Reasoning(adaptive=True), {"reasoning_request": "object"}, {"reasoning": {"enabled": True}}),
        (Reasoning(enabled=False), {"reasoning_request": "object"}, {"reasoning": {"enabled": False}}),
        (Reasoning(budget=9), {"reasoning_request": "thinking"}, {"thinking": {"type": "enabled"}}),
        (Reasoning(enabled=False), {"reasoning_request": "thinking"}, {"thinking": {"type": "disabled"}}),
        (
            Reasoning("max"),
            {"reasoning_request": "thinking", "reasoning_efforts": ["low", "high"]},
            {"thinking": {"type": "enabled"}, "reasoning_effort": "high"},
        ),
        (
            Reasoning("low"),
            {"reasoning_request": "enable_thinking"},
            {"enable_thinking": True, "thinking_budget": 2048},
        ),
        (Reasoning(enabled=False), {"reasoning_request": "enable_thinking"}, {"enable_thinking": False}),
    ],
)
def test_reasoning_is_asked_for_in_the_way_a_provider_knows(
    reasoning: Reasoning, quirks: dict[str, Any], written: dict[str, Any]
) -> None:
    body = write(replace(FOREIGN, reasoning=reasoning), quirks)
    assert {name: body[name] for name in body if name not in ("model", "messages")} == written


def test_a_callers_own_effort_word_is_not_second_guessed() -> None:
    assert write(replace(NATIVE, reasoning=Reasoning("xhigh")))["reasoning_effort"] == "xhigh"


def test_structured_output_is_written() -> None:
    wanted = OutputFormat("json_schema", schema={"type": "object"}, strict=True)
    assert write(replace(FOREIGN, output_format=wanted))["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
    }
    assert write(replace(FOREIGN, output_format=OutputFormat("json_object")))["response_format"] == {
        "type": "json_object"
    }


@pytest.mark.parametrize(
    ("document", "part"),
    [
        (Document(text="Words", name="Title"), {"type": "text", "text": "Title\n\nWords"}),
        (Document(text="Words"), {"type": "text", "text": "Words"}),
        (
            Document(data="AAAA", media_type="application/pdf"),
            {"type": "file", "file": {"filename": "document.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
        ),
    ],
)
def test_documents_are_written(document: Document, part: dict[str, Any]) -> None:
    content = messages(Message("user", (document, Text("?"))))[0]["content"]
    assert content[0] == part


def test_a_document_by_url_is_written_where_a_provider_takes_it() -> None:
    message = Message("user", (Document(url="https://x.test/a.pdf"), Text("?")))
    content = messages(message, quirks={"file_urls": True})[0]["content"]
    assert content[0] == {"type": "file", "file": {"file_data": "https://x.test/a.pdf"}}


@pytest.mark.parametrize(
    ("change", "quirks", "param"),
    [
        ({"tools": (Tool("s", opaque=Opaque("anthropic_messages", {})),)}, {}, "tools"),
        ({"tool_choice": ToolChoice(opaque=Opaque("other", {}))}, {}, "tool_choice"),
        ({"messages": (Message("user", (Document(url="https://x.test"),)),)}, {}, "messages"),
        ({"messages": (Message("user", (Document(file_id="file_1"),)),)}, {}, "messages"),
        ({"messages": (Message("user", (Image(file_id="file_1"),)),)}, {}, "messages"),
        ({"messages": (Message("user", (Document(data="A"),)),)}, {"file_parts": False}, "messages"),
        ({"output_format": OutputFormat("json_schema", schema={})}, {"json_schema": False}, "response_format"),
        ({"stop": ("a", "b", "c")}, {"max_stop": 2}, "stop"),
        ({"extras": {"mcp_servers": [{"url": "x"}]}}, {}, "mcp_servers"),
        ({"seed": 1}, {"refuse": ["seed"]}, "seed"),
    ],
)
def test_what_would_change_the_meaning_is_refused(change: dict[str, Any], quirks: dict[str, Any], param: str) -> None:
    with pytest.raises(UnsupportedParameter) as refused:
        write(replace(FOREIGN, **change), quirks)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("change", "edit"),
    [
        ({"top_k": 5}, "dropped:top_k"),
        ({"extras": {"context_management": {}}}, "dropped:context_management"),
        ({"service_tier": "priority"}, "dropped:service_tier"),
        ({"messages": (Message("assistant", (Opaque("other", {"type": "web"}), Text("x"))),)}, "dropped:messages.web"),
        ({"reasoning": Reasoning("high")}, "dropped:reasoning"),
    ],
)
def test_what_can_be_left_out_is_reported_or_refused_when_strict(change: dict[str, Any], edit: str) -> None:
    quirks = {"reasoning_request": "none"}
    request = replace(FOREIGN, **change)
    assert edits(request, quirks) == (edit,)
    with pytest.raises(UnsupportedParameter) as refused:
        write(request, quirks, strict=True)
    assert refused.value.param == edit.partition(":")[2]


def test_hints_of_another_dialect_are_left_out_without_a_refusal() -> None:
    request = replace(
        FOREIGN, metadata={"user_id": "u"}, messages=(Message("assistant", (THOUGHT, Audio(audio_id="a"))),)
    )
    encoded = encode_request(request, "gpt", {}, True)
    assert encoded.edits == ("dropped:reasoning", "dropped:messages.audio", "dropped:metadata")


def test_service_tiers_are_translated_where_they_mean_the_same() -> None:
    assert write(replace(FOREIGN, service_tier="standard_only"))["service_tier"] == "default"
    assert write(replace(FOREIGN, service_tier="auto"))["service_tier"] == "auto"


def test_top_k_is_written_where_it_is_taken() -> None:
    assert write(replace(FOREIGN, top_k=5), {"top_k": True})["top_k"] == 5
