"""Requests of the dialect, read into the canonical form and written back."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects import anthropic_messages as wire
from sluice.errors import BadRequest
from sluice.types.chat import (
    CacheMark,
    ChatRequest,
    Document,
    Image,
    Message,
    Opaque,
    OutputFormat,
    Reasoning,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

HELLO = {"role": "user", "content": "Hello"}


def body(**members: Any) -> dict[str, Any]:
    return {"model": "claude", "max_tokens": 100, "messages": [HELLO], **members}


def decoded(**members: Any) -> ChatRequest:
    return wire.decode_request(body(**members))


def again(request: ChatRequest) -> dict[str, Any]:
    encoded = wire.encode_request(request, request.model, {}, True)
    assert encoded.edits == ()
    return encoded.body


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def only_part(block: dict[str, Any]) -> Any:
    """Return the part of one block, once it was seen to be written back as it came."""
    request = decoded(messages=[user(block, {"type": "text", "text": "?"})])
    assert again(request)["messages"][0]["content"][0] == block
    return request.messages[0].parts[0]


def test_the_plainest_request() -> None:
    request = decoded()
    assert request == ChatRequest(
        model="claude",
        messages=(Message("user", (Text("Hello"),)),),
        max_tokens=100,
        include_usage=True,
        dialect="anthropic_messages",
    )
    assert again(request) == body()


def test_instructions_come_first_as_a_system_message() -> None:
    request = decoded(system="Be brief.")
    assert request.messages[0] == Message("system", (Text("Be brief."),))
    assert again(request)["system"] == "Be brief."


def test_instructions_in_blocks_keep_their_cache_marks() -> None:
    system = [
        {"type": "text", "text": "Long manual", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "text", "text": "Short note", "cache_control": {"type": "ephemeral"}},
    ]
    request = decoded(system=system)
    assert request.messages[0].parts == (Text("Long manual", CacheMark("1h")), Text("Short note", CacheMark()))
    assert again(request)["system"] == system


def test_system_messages_between_turns_keep_their_place() -> None:
    messages = [HELLO, {"role": "system", "content": "Now in French."}]
    request = decoded(system="Be brief.", messages=messages)
    assert [message.role for message in request.messages] == ["system", "user", "system"]
    assert again(request) == body(system="Be brief.", messages=messages)


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}},
            Image(data="iVBO", media_type="image/png"),
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
            Image(url="https://example.com/a.png"),
        ),
        ({"type": "image", "source": {"type": "file", "file_id": "file_1"}}, Image(file_id="file_1")),
        (
            {
                "type": "image",
                "source": {"type": "url", "url": "https://example.com/a.png"},
                "transformations": {"oversized_image": "error"},
                "cache_control": {"type": "ephemeral"},
            },
            Image(
                url="https://example.com/a.png",
                cache=CacheMark(),
                extras={"transformations": {"oversized_image": "error"}},
            ),
        ),
        (
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}},
            Document(data="JVBE", media_type="application/pdf"),
        ),
        (
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "Once"},
                "title": "Tale",
                "context": "A story",
                "citations": {"enabled": True},
            },
            Document(text="Once", media_type="text/plain", name="Tale", context="A story", citations=True),
        ),
        (
            {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
            Document(url="https://example.com/a.pdf"),
        ),
        ({"type": "document", "source": {"type": "file", "file_id": "file_1"}}, Document(file_id="file_1")),
    ],
)
def test_pictures_and_documents(block: dict[str, Any], part: object) -> None:
    assert only_part(block) == part


def test_a_document_of_blocks_is_also_readable_as_text() -> None:
    source = {"type": "content", "content": [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}]}
    part = only_part({"type": "document", "source": source})
    assert (part.text, part.extras) == ("One.\nTwo.", {"source": source})


def test_a_search_result_is_readable_as_a_document() -> None:
    block = {
        "type": "search_result",
        "source": "https://example.com",
        "title": "Rivers",
        "content": [{"type": "text", "text": "They flow."}],
        "citations": {"enabled": True},
    }
    part = only_part(block)
    assert (part.text, part.name, part.context, part.citations) == (
        "They flow.",
        "Rivers",
        "https://example.com",
        True,
    )


@pytest.mark.parametrize(
    "block",
    [
        {"type": "container_upload", "file_id": "file_1"},
        {"type": "image", "source": {"type": "hologram"}},
        {"type": "image"},
        {"type": "document", "source": {"type": "base64"}},
        {"type": "tool_use", "name": "nameless"},
    ],
)
def test_a_block_without_a_canonical_form_is_kept_as_it_is(block: dict[str, Any]) -> None:
    assert only_part(block) == Opaque("anthropic_messages", block)


def test_calls_and_their_results() -> None:
    messages = [
        HELLO,
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Let me look."},
                {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"where": "outside"}},
                {
                    "type": "tool_use",
                    "id": "toolu_2",
                    "name": "listen",
                    "input": {},
                    "caller": {"type": "direct"},
                    "cache_control": {"type": "ephemeral"},
                },
            ],
        },
        user(
            {"type": "tool_result", "tool_use_id": "toolu_1", "content": "rain"},
            {
                "type": "tool_result",
                "tool_use_id": "toolu_2",
                "is_error": True,
                "content": [
                    {"type": "text", "text": "no sound"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}},
                ],
            },
        ),
    ]
    request = decoded(messages=messages)
    assert request.messages[1].parts == (
        Text("Let me look."),
        ToolCall("toolu_1", "look", '{"where":"outside"}'),
        ToolCall("toolu_2", "listen", "{}", CacheMark(), extras={"caller": {"type": "direct"}}),
    )
    assert request.messages[2].parts == (
        ToolResult("toolu_1", (Text("rain"),)),
        ToolResult("toolu_2", (Text("no sound"), Image("iVBO", "image/png")), is_error=True),
    )
    assert again(request)["messages"] == messages


def test_thinking_keeps_its_signature_to_the_byte() -> None:
    signature = "EqQBCgIYAhIkO+/9=\u00fc"
    blocks = [
        {"type": "thinking", "thinking": "Hm.\n ", "signature": signature},
        {"type": "redacted_thinking", "data": "Emwk=="},
        {"type": "text", "text": "Yes."},
    ]
    request = decoded(messages=[HELLO, {"role": "assistant", "content": blocks}, HELLO])
    assert request.messages[1].parts[:2] == (Thinking("Hm.\n ", signature), Thinking(redacted="Emwk=="))
    assert again(request)["messages"][1]["content"] == blocks


def test_server_tools_and_their_results_are_kept() -> None:
    blocks = [
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "rain"}},
        {
            "type": "web_search_tool_result",
            "tool_use_id": "srvtoolu_1",
            "content": [{"type": "web_search_result", "encrypted_content": "xyz", "url": "https://example.com"}],
        },
        {
            "type": "text",
            "text": "It rains.",
            "citations": [{"type": "web_search_result_location", "encrypted_index": "ab", "cited_text": "rain"}],
        },
    ]
    messages = [HELLO, {"role": "assistant", "content": blocks}]
    request = decoded(messages=messages)
    assert [type(part) for part in request.messages[1].parts] == [Opaque, Opaque, Text]
    assert again(request)["messages"] == messages


def test_tools_of_both_kinds() -> None:
    schema = {"type": "object", "properties": {"where": {"type": "string"}}, "required": ["where"]}
    tools = [
        {
            "name": "look",
            "description": "Looks.",
            "input_schema": schema,
            "strict": True,
            "cache_control": {"type": "ephemeral"},
            "defer_loading": True,
        },
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
    ]
    request = decoded(tools=tools)
    assert request.tools == (
        Tool("look", "Looks.", schema, True, CacheMark(), extras={"defer_loading": True}),
        Tool("web_search", opaque=Opaque("anthropic_messages", tools[1])),
    )
    assert again(request)["tools"] == tools


@pytest.mark.parametrize(
    ("choice", "canonical"),
    [
        ({"type": "auto"}, ToolChoice("auto")),
        ({"type": "any", "disable_parallel_tool_use": True}, ToolChoice("required", parallel=False)),
        (
            {"type": "tool", "name": "look", "disable_parallel_tool_use": False},
            ToolChoice("named", "look", parallel=True),
        ),
        ({"type": "none"}, ToolChoice("none")),
        ({"type": "sometimes"}, ToolChoice(opaque=Opaque("anthropic_messages", {"type": "sometimes"}))),
    ],
)
def test_tool_choices(choice: dict[str, Any], canonical: ToolChoice) -> None:
    request = decoded(tools=[{"name": "look"}], tool_choice=choice)
    assert request.tool_choice == canonical
    assert again(request)["tool_choice"] == choice


@pytest.mark.parametrize(
    ("members", "reasoning"),
    [
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2048, "display": "omitted"}},
            Reasoning(budget=2048, enabled=True, display="omitted"),
        ),
        ({"thinking": {"type": "adaptive"}}, Reasoning(adaptive=True, enabled=True)),
        ({"thinking": {"type": "disabled"}}, Reasoning(enabled=False)),
        ({"thinking": {"type": "between_tools"}}, Reasoning(enabled=True)),
        ({"output_config": {"effort": "xhigh"}}, Reasoning(effort="xhigh")),
        (
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low", "task_budget": {"total": 9}}},
            Reasoning(effort="low", adaptive=True, enabled=True),
        ),
    ],
)
def test_thinking_in_all_its_forms(members: dict[str, Any], reasoning: Reasoning) -> None:
    request = decoded(**members)
    assert request.reasoning == reasoning
    assert again(request) == body(**members)


def test_an_effort_nobody_knows_yet_is_kept() -> None:
    request = decoded(output_config={"effort": "heroic"})
    assert request.reasoning is None
    assert again(request)["output_config"] == {"effort": "heroic"}


def test_structured_output() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    config = {"format": {"type": "json_schema", "schema": schema}, "effort": "low"}
    request = decoded(output_config=config)
    assert request.output_format == OutputFormat("json_schema", schema=schema)
    assert again(request)["output_config"] == config


def test_structured_output_where_the_first_beta_had_it() -> None:
    schema = {"type": "object", "additionalProperties": False}
    request = decoded(output_format={"type": "json_schema", "schema": schema})
    assert request.output_format == OutputFormat("json_schema", schema=schema)


def test_a_format_nobody_knows_yet_is_kept() -> None:
    config = {"format": {"type": "grammar", "text": "S"}}
    assert again(decoded(output_config=config))["output_config"] == config


def test_settings_are_read_and_written() -> None:
    members = {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "stop_sequences": ["END", " "],
        "stream": True,
        "metadata": {"user_id": '{"device":"a"}', "label": "x"},
        "service_tier": "standard_only",
    }
    request = decoded(**members)
    assert (request.temperature, request.top_p, request.top_k) == (0.5, 0.9, 40)
    assert (request.stop, request.stream, request.user) == (("END", " "), True, '{"device":"a"}')
    assert request.service_tier == "standard_only"
    assert again(request) == body(**members)


def test_members_without_a_canonical_form_survive() -> None:
    members = {
        "container": "container_1",
        "mcp_servers": [{"type": "url", "url": "https://example.com"}],
        "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]},
        "cache_control": {"type": "ephemeral"},
        "shiny": {"new": 1},
    }
    assert again(decoded(**members)) == body(**members)


def test_the_model_is_the_providers_own() -> None:
    encoded = wire.encode_request(decoded(), "claude-upstream", {}, False)
    assert encoded.body["model"] == "claude-upstream"


def test_a_bad_request_is_named_before_it_is_translated() -> None:
    with pytest.raises(BadRequest) as caught:
        wire.decode_request({"model": "claude", "messages": [HELLO]})
    assert caught.value.param == "max_tokens"
