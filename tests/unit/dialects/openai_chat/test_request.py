"""Reading requests into the canonical form."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects.openai_chat import decode_request
from sluice.errors import BadRequest
from sluice.types.chat import (
    Audio,
    CacheMark,
    Document,
    Image,
    Message,
    Opaque,
    OutputFormat,
    Reasoning,
    Refusal,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

USER = {"role": "user", "content": "Hello"}


def read(*messages: dict[str, Any], **members: Any) -> Any:
    return decode_request({"model": "gpt", "messages": list(messages) or [USER], **members})


def parts(content: Any) -> tuple[Any, ...]:
    found: tuple[Any, ...] = read({"role": "user", "content": content}).messages[0].parts
    return found


def test_settings_are_read() -> None:
    request = read(
        max_completion_tokens=9, temperature=0.5, top_p=0.9, top_k=3, stop="END", seed=1, n=2, presence_penalty=0.1,
        frequency_penalty=0.2, logprobs=True, top_logprobs=4, stream=True, user="u", metadata={"a": "b"},
        service_tier="flex", stream_options={"include_usage": True, "include_obfuscation": False}, logit_bias={"5": 1},
    )  # fmt: skip
    assert (request.max_tokens, request.temperature, request.top_p, request.top_k) == (9, 0.5, 0.9, 3)
    assert (request.stop, request.seed, request.n) == (("END",), 1, 2)
    assert (request.presence_penalty, request.frequency_penalty) == (0.1, 0.2)
    assert (request.logprobs, request.top_logprobs, request.stream, request.include_usage) == (True, 4, True, True)
    assert (request.user, request.metadata, request.service_tier) == ("u", {"a": "b"}, "flex")
    assert request.extras == {"logit_bias": {"5": 1}, "stream_options": {"include_obfuscation": False}}
    assert request.dialect == "openai_chat"


def test_text_parts_and_cache_marks_are_read() -> None:
    assert parts("Hello") == (Text("Hello"),)
    assert parts("") == ()
    marked = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    breakpoint_ = {"type": "text", "text": "b", "prompt_cache_breakpoint": {"mode": "explicit"}}
    assert parts([marked, breakpoint_]) == (Text("a", CacheMark("1h")), Text("b", CacheMark()))


@pytest.mark.parametrize(
    ("part", "image"),
    [
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
            Image(data="AAAA", media_type="image/png", detail="low"),
        ),
        ({"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}, Image(url="https://x.test/a.png")),
        ({"type": "image_url", "image_url": "https://x.test/a.png"}, Image(url="https://x.test/a.png")),
        (
            {"type": "image_url", "image_url": {"url": "data:image/svg+xml,<svg/>"}},
            Image(url="data:image/svg+xml,<svg/>"),
        ),
        ({"type": "input_image", "file_id": "file-1"}, Image(file_id="file-1")),
    ],
)
def test_pictures_are_read(part: dict[str, Any], image: Image) -> None:
    assert parts([part]) == (image,)


@pytest.mark.parametrize(
    ("part", "document"),
    [
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
            Document(data="AAAA", media_type="application/pdf", name="a.pdf"),
        ),
        ({"type": "file", "file": {"file_data": "AAAA"}}, Document(data="AAAA")),
        ({"type": "file", "file": {"file_data": "https://x.test/a.pdf"}}, Document(url="https://x.test/a.pdf")),
        ({"type": "file", "file": {"file_id": "file-1"}}, Document(file_id="file-1")),
        (
            {"type": "document_url", "document_url": "https://x.test/a.pdf", "document_name": "a"},
            Document(url="https://x.test/a.pdf", name="a", extras={"type": "document_url"}),
        ),
        (
            {"type": "document_url", "document_url": "data:application/pdf;base64,AAAA"},
            Document(data="AAAA", media_type="application/pdf", extras={"type": "document_url"}),
        ),
    ],
)
def test_documents_are_read(part: dict[str, Any], document: Document) -> None:
    assert parts([part]) == (document,)


def test_sound_refusals_and_unknown_parts_are_read() -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    video = {"type": "video_url", "video_url": {"url": "https://x.test/a.mp4"}}
    assert parts([sound, {"type": "input_audio", "input_audio": "AAAA"}, video]) == (
        Audio(data="AAAA", format="wav"),
        Audio(data="AAAA"),
        Opaque("openai_chat", video),
    )
    assert parts([{"type": "refusal", "refusal": "No."}]) == (Refusal("No."),)


def test_calls_and_their_results_are_read() -> None:
    request = read(
        USER,
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
                {"id": "b", "function": {"name": "g", "arguments": {"y": 2}}},
                {"id": "c", "type": "custom", "custom": {"name": "h", "input": "free text"}},
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "one"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "two"}], "cache_control": {}},
        {"role": "tool", "tool_call_id": "c", "content": ""},
    )
    assert request.messages[1].parts == (
        ToolCall("a", "f", '{"x": 1}'),
        ToolCall("b", "g", '{"y":2}'),
        ToolCall("c", "h", "free text", custom=True),
    )
    assert [message.parts[0] for message in request.messages[2:]] == [
        ToolResult("a", (Text("one"),)),
        ToolResult("b", (Text("two"),), cache=CacheMark()),
        ToolResult("c", ()),
    ]


def test_the_old_functions_form_becomes_tools() -> None:
    request = read(
        USER,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "done"},
        functions=[{"name": "f", "parameters": {"type": "object"}}],
        function_call={"name": "f"},
    )
    call = request.messages[1].parts[0]
    assert (call.name, call.arguments) == ("f", "{}")
    assert request.messages[2] == Message("tool", (ToolResult(call.id, (Text("done"),)),))
    assert request.tools == (Tool("f", parameters={"type": "object"}),)
    assert request.tool_choice == ToolChoice("named", "f")


@pytest.mark.parametrize(
    ("members", "thought"),
    [
        ({"reasoning_content": "Hm."}, Thinking("Hm.", field="reasoning_content")),
        ({"reasoning": "Hm."}, Thinking("Hm.", field="reasoning")),
        ({"reasoning": "", "reasoning_content": "Hm."}, Thinking("Hm.", field="reasoning_content")),
        (
            {"reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
            Thinking("Hm.", details=({"type": "reasoning.text", "text": "Hm."},), field="reasoning_details"),
        ),
    ],
)
def test_earlier_reasoning_keeps_the_name_it_came_in(members: dict[str, Any], thought: Thinking) -> None:
    message = read({"role": "assistant", "content": "Yes", **members}).messages[0]
    assert message.parts == (thought, Text("Yes"))


def test_claudes_signatures_are_taken_from_reasoning_details() -> None:
    entry = {"type": "reasoning.text", "text": "Hm.", "signature": "sig", "format": "anthropic-claude-v1", "index": 0}
    secret = {"type": "reasoning.encrypted", "data": "xyz", "format": "anthropic-claude-v1", "index": 1}
    message = read({"role": "assistant", "reasoning": "Hm.", "reasoning_details": [entry, secret]}).messages[0]
    assert message.parts == (
        Thinking("Hm.", signature="sig", details=(entry,), field="reasoning"),
        Thinking("", redacted="xyz", details=(secret,), field="reasoning"),
    )


def test_mistrals_thinking_parts_are_read() -> None:
    block = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}], "closed": True}
    message = read({"role": "assistant", "content": [block, {"type": "text", "text": "Yes"}]}).messages[0]
    assert message.parts == (Thinking("Hm.", details=(block,), field="content"), Text("Yes"))


def test_an_assistants_refusal_sound_and_own_members_are_kept() -> None:
    message = read(
        {"role": "assistant", "refusal": "No.", "audio": {"id": "a1"}, "prefix": True, "name": "x"}
    ).messages[0]
    assert message == Message("assistant", (Refusal("No."), Audio(audio_id="a1")), name="x", extras={"prefix": True})


def test_tools_and_choices_are_read() -> None:
    schema = {"type": "object"}
    function = {"name": "f", "description": "d", "parameters": schema, "strict": True}
    searching = {"type": "openrouter:web_search", "parameters": {}}
    free = {"type": "custom", "custom": {"name": "c"}}
    request = read(
        tools=[{"type": "function", "function": function, "cache_control": {"type": "ephemeral"}}, searching, free]
    )
    assert request.tools == (
        Tool("f", "d", schema, True, CacheMark()),
        Tool("openrouter:web_search", opaque=Opaque("openai_chat", searching)),
        Tool("c", opaque=Opaque("openai_chat", free)),
    )


@pytest.mark.parametrize(
    ("members", "choice"),
    [
        ({}, None),
        ({"tool_choice": None}, None),
        ({"tool_choice": "auto"}, ToolChoice("auto")),
        ({"tool_choice": "none"}, ToolChoice("none")),
        ({"tool_choice": "required"}, ToolChoice("required")),
        ({"tool_choice": "any"}, ToolChoice("required")),
        ({"tool_choice": "f"}, ToolChoice("named", "f")),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, ToolChoice("named", "f")),
        (
            {"tool_choice": {"type": "allowed_tools"}},
            ToolChoice(opaque=Opaque("openai_chat", {"type": "allowed_tools"})),
        ),
        ({"parallel_tool_calls": False}, ToolChoice(parallel=False)),
        ({"tool_choice": "auto", "parallel_tool_calls": True}, ToolChoice("auto", parallel=True)),
    ],
)
def test_choices_of_tools_are_read(members: dict[str, Any], choice: ToolChoice | None) -> None:
    assert read(**members).tool_choice == choice


@pytest.mark.parametrize(
    ("wanted", "read_as"),
    [
        ({"type": "text"}, OutputFormat("text")),
        ({"type": "json_object"}, OutputFormat("json_object")),
        ({"type": "json_object", "schema": {"type": "object"}}, OutputFormat("json_schema", schema={"type": "object"})),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": True, "description": "d"}},
            OutputFormat("json_schema", "n", {}, True, "d"),
        ),
    ],
)
def test_formats_of_the_answer_are_read(wanted: dict[str, Any], read_as: OutputFormat) -> None:
    assert read(response_format=wanted).output_format == read_as


def test_an_unknown_format_is_kept_for_its_own_dialect() -> None:
    request = read(response_format={"type": "regex", "pattern": "a+"})
    assert request.output_format is None
    assert request.extras == {"response_format": {"type": "regex", "pattern": "a+"}}


@pytest.mark.parametrize(
    ("members", "reasoning"),
    [
        ({"reasoning_effort": "high"}, Reasoning("high")),
        ({"reasoning": {"effort": "low"}}, Reasoning("low")),
        ({"reasoning": {"max_tokens": 500, "exclude": True}}, Reasoning(budget=500, display="omitted")),
        ({"reasoning": {"enabled": True}}, Reasoning(enabled=True)),
        ({"include_reasoning": False}, Reasoning(display="omitted")),
        ({"thinking": {"type": "enabled", "budget_tokens": 9}}, Reasoning(enabled=True, budget=9)),
        ({"thinking": {"type": "disabled"}}, Reasoning(enabled=False)),
        ({"thinking": {"type": "adaptive"}}, Reasoning(adaptive=True)),
        ({"enable_thinking": False}, Reasoning(enabled=False)),
        ({"enable_thinking": True, "thinking_budget": 7}, Reasoning(enabled=True, budget=7)),
        ({"reasoning": {}}, None),
    ],
)
def test_every_way_to_ask_for_reasoning_is_read(members: dict[str, Any], reasoning: Reasoning | None) -> None:
    assert read(**members).reasoning == reasoning


def test_an_unknown_effort_is_kept_for_its_own_dialect() -> None:
    request = read(reasoning_effort="default")
    assert (request.reasoning, request.extras) == (None, {"reasoning_effort": "default"})


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"type": "text", "text": 5}, "messages[0].content[0].text"),
        ({"type": "image_url", "image_url": {}}, "messages[0].content[0].image_url.url"),
        ({"type": "input_audio", "input_audio": {}}, "messages[0].content[0].input_audio"),
        ({"type": "file", "file": {}}, "messages[0].content[0].file"),
        ({"type": "document_url"}, "messages[0].content[0].document_url"),
    ],
)
def test_a_broken_part_is_refused_by_its_place(part: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parts([part])
    assert param in refused.value.message


def test_a_call_without_a_function_is_refused() -> None:
    with pytest.raises(BadRequest) as refused:
        read(USER, {"role": "assistant", "tool_calls": [{"id": "a"}]})
    assert refused.value.param == "messages[1].tool_calls[0]"
