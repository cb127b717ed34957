"""Requests of Cohere callers: read in full, written back the same, and told to providers of other dialects."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import cohere_chat as wire
from sluice.dialects import openai_chat as chat
from sluice.errors import UnsupportedParameter
from sluice.types.chat import Document, Image, OutputFormat, Reasoning, Text, Thinking, ToolCall, ToolChoice, ToolResult

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CALL = {"id": "look_1", "type": "function", "function": {"name": "look", "arguments": '{"city": "Rome"}'}}
FULL: dict[str, Any] = {
    "model": "command-a",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Where?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
            ],
        },
        {"role": "assistant", "tool_plan": "I will look.", "tool_calls": [CALL]},
        {
            "role": "tool",
            "tool_call_id": "look_1",
            "content": [{"type": "document", "document": {"id": "d", "data": {"sky": "grey", "wind": 3}}}],
        },
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Grey."}],
            "citations": [{"start": 0, "end": 4, "text": "Grey"}],
        },
        {"role": "user", "content": "So?"},
    ],
    "documents": ["plain", {"id": "doc-1", "data": {"title": "Skies", "text": "They are grey."}}],
    "citation_options": {"mode": "FAST"},
    "tools": [{"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": SCHEMA}}],
    "strict_tools": True,
    "tool_choice": "REQUIRED",
    "response_format": {"type": "json_object", "json_schema": SCHEMA},
    "thinking": {"type": "enabled", "token_budget": 512},
    "safety_mode": "STRICT",
    "max_tokens": 100,
    "temperature": 0.3,
    "p": 0.9,
    "k": 5,
    "seed": 7,
    "stop_sequences": ["END"],
    "frequency_penalty": 0.1,
    "presence_penalty": 0.2,
    "logprobs": True,
    "priority": 3,
    "stream": True,
}


def ask(**members: Any) -> Any:
    return wire.decode_request({"model": "m", "messages": [{"role": "user", "content": "x"}], **members})


def test_every_member_finds_its_canonical_form() -> None:
    request = wire.decode_request(FULL)
    assert [message.role for message in request.messages] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
        "user",
    ]
    assert request.messages[1].parts == (
        Text("Where?"),
        Image(data="iVBORw0KGgo=", media_type="image/png", detail="low"),
        Image(url="https://example.com/a.png"),
    )
    assert request.messages[2].parts == (
        Thinking("I will look.", field="tool_plan"),
        ToolCall("look_1", "look", '{"city": "Rome"}'),
    )
    (result,) = request.messages[3].parts
    assert isinstance(result, ToolResult)
    assert (result.call_id, result.parts) == ("look_1", (Text("sky: grey\nwind: 3"),))
    assert request.messages[4].parts == (Thinking("Hm."), Text("Grey."))
    plain, titled, _ = request.messages[5].parts
    assert isinstance(plain, Document)
    assert isinstance(titled, Document)
    assert (plain.text, plain.citations, titled.name, titled.text) == ("plain", True, "Skies", "They are grey.")
    assert request.tool_choice == ToolChoice("required")
    assert request.tools[0].strict is True
    assert request.output_format == OutputFormat("json_schema", schema=SCHEMA)
    assert request.reasoning == Reasoning(budget=512, enabled=True)
    assert (request.top_p, request.top_k, request.stop, request.stream) == (0.9, 5, ("END",), True)
    assert request.extras.keys() == {"citation_options", "safety_mode", "priority"}


def test_a_request_is_written_back_as_it_came() -> None:
    encoded = wire.encode_request(wire.decode_request(FULL), "command-a", {}, True)
    assert encoded.body == FULL
    assert encoded.edits == ()


@pytest.mark.parametrize(
    "members",
    [
        {"tool_choice": "NONE", "tools": FULL["tools"]},
        {"tool_choice": "SOMETIMES"},
        {"strict_tools": True},
        {"strict_tools": False, "tools": FULL["tools"]},
        {"tools": [{"type": "web_search", "depth": 2}]},
        {"tools": [{"type": "function", "function": {"name": "f", "odd": 1}, "more": 2}]},
        {"response_format": {"type": "text"}},
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "grammar", "grammar": "x"}},
        {"thinking": {"type": "disabled"}},
        {"thinking": {"type": "disabled", "token_budget": 3}},
        {"thinking": {"type": "adaptive"}},
        {"messages": [{"role": "system", "content": "x"}], "documents": ["d"]},
        {"messages": [{"role": "user", "content": [{"type": "video", "video": {"url": "u"}}]}]},
        {"messages": [{"role": "user", "content": "x", "odd": 1}]},
        {"messages": [{"role": "assistant", "content": "", "tool_calls": [{**CALL, "odd": 1}]}]},
        {"messages": [{"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "a"}]}]},
        {"messages": [{"role": "tool", "tool_call_id": "c", "content": ""}]},
        {
            "documents": [{"data": "text"}, {"id": "n"}, 5, {"data": {"snippet": "s"}}],
            "citation_options": {"mode": "off"},
        },
    ],
)
def test_what_is_read_is_read_again_after_it_was_written(members: dict[str, Any]) -> None:
    request = ask(**members)
    assert wire.decode_request(wire.encode_request(request, "m", {}, True).body) == request


def test_documents_nobody_may_cite_are_marked_so() -> None:
    (document, _) = ask(documents=["x"], citation_options={"mode": "OFF"}).messages[0].parts
    assert document.citations is False


def test_a_schema_under_its_older_name_is_read_too() -> None:
    request = ask(response_format={"type": "json_object", "schema": SCHEMA})
    assert request.output_format == OutputFormat("json_schema", schema=SCHEMA)


def test_a_messages_provider_hears_the_whole_conversation() -> None:
    request = wire.decode_request({**FULL, "tool_choice": "NONE", "thinking": {"type": "disabled"}})
    encoded = messages.encode_request(request, "claude", {}, False)
    turns: Any = encoded.body["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user", "assistant", "user"]
    assert turns[1]["content"] == [{"type": "tool_use", "id": "look_1", "name": "look", "input": {"city": "Rome"}}]
    assert turns[2]["content"] == [{"type": "tool_result", "tool_use_id": "look_1", "content": "sky: grey\nwind: 3"}]
    documents = turns[4]["content"][:2]
    assert [document["source"]["data"] for document in documents] == ["plain", "They are grey."]
    assert documents[1]["title"] == "Skies"
    assert all(document["citations"] == {"enabled": True} for document in documents)
    assert encoded.body["tools"][0]["strict"] is True  # type: ignore[index]
    assert {"dropped:reasoning", "dropped:safety_mode", "dropped:priority", "dropped:seed"} <= set(encoded.edits)


def test_a_chat_provider_hears_the_whole_conversation() -> None:
    body: Any = chat.encode_request(wire.decode_request(FULL), "gpt", {}, False).body
    assert body["messages"][2]["tool_calls"][0]["function"] == CALL["function"]
    assert body["messages"][3] == {"role": "tool", "tool_call_id": "look_1", "content": "sky: grey\nwind: 3"}
    assert [part["text"] for part in body["messages"][5]["content"]] == ["plain", "Skies\n\nThey are grey.", "So?"]
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert (body["top_p"], body["stop"], body["tool_choice"]) == (0.9, ["END"], "required")


def test_a_strict_route_refuses_what_the_provider_cannot_be_told() -> None:
    with pytest.raises(UnsupportedParameter) as refused:
        chat.encode_request(ask(safety_mode="STRICT"), "gpt", {}, True)
    assert refused.value.param == "safety_mode"
