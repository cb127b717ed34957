"""Requests of both chat dialects against each other: what a caller asks in one, a provider hears in the other."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import openai_chat as chat
from sluice.errors import BadRequest, UnsupportedParameter
from sluice.types.chat import ChatRequest, Part, Text, ToolCall, ToolResult
from tests.unit.dialects.both_ways import (
    SCHEMA,
    to_chat,
    to_messages,
    user,
)

PNG = "iVBORw0KGgo="


def heard(request: ChatRequest) -> list[Any]:
    """What a conversation holds, in order, without the form of its turns."""
    found: list[Any] = []
    for message in request.messages:
        for part in message.parts:
            found.extend(_heard("assistant" if message.role == "assistant" else "", part))
    return found


def _heard(speaker: str, part: Part) -> Iterable[Any]:
    if isinstance(part, Text):
        yield speaker, part.text
    elif isinstance(part, ToolCall):
        yield part.id, part.name, json.loads(part.arguments or "{}")
    elif isinstance(part, ToolResult):
        yield part.call_id, "".join(inner.text for inner in part.parts if isinstance(inner, Text))
    else:
        yield part


# --- requests: Chat Completions -> Messages --------------------------------------------------------------------


def test_a_whole_conversation_reaches_claude() -> None:
    tool = {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": SCHEMA}}
    calls = [
        {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"city": "Rome"}'}},
        {"id": "call_2", "type": "function", "function": {"name": "look", "arguments": '{"city": "Oslo"}'}},
    ]
    encoded = to_messages(
        {
            "max_completion_tokens": 500,
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "developer", "content": [{"type": "text", "text": "Use tools."}]},
                user(
                    [
                        {"type": "text", "text": "Where is it sunny?"},
                        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                        {"type": "image_url", "image_url": {"url": "https://example.com/sky.png"}},
                        {
                            "type": "file",
                            "file": {"filename": "w.pdf", "file_data": "data:application/pdf;base64,JVBE"},
                        },
                    ]
                ),
                {"role": "assistant", "content": None, "tool_calls": calls},
                {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
                {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "snow"}]},
                user("So?"),
            ],
            "tools": [tool],
            "tool_choice": "required",
            "parallel_tool_calls": False,
            "stop": "END",
            "temperature": 0.3,
            "user": "u1",
            "stream": True,
        }
    )
    assert encoded.body == {
        "model": "claude",
        "max_tokens": 500,
        "system": [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Use tools."}],
        "messages": [
            user(
                [
                    {"type": "text", "text": "Where is it sunny?"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                    {"type": "image", "source": {"type": "url", "url": "https://example.com/sky.png"}},
                    {
                        "type": "document",
                        "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
                        "title": "w.pdf",
                    },
                ]
            ),
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "call_1", "name": "look", "input": {"city": "Rome"}},
                    {"type": "tool_use", "id": "call_2", "name": "look", "input": {"city": "Oslo"}},
                ],
            },
            user(
                [
                    {"type": "tool_result", "tool_use_id": "call_1", "content": "sunny"},
                    {"type": "tool_result", "tool_use_id": "call_2", "content": "snow"},
                    {"type": "text", "text": "So?"},
                ]
            ),
        ],
        "tools": [{"name": "look", "description": "Looks.", "input_schema": SCHEMA}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "stop_sequences": ["END"],
        "temperature": 0.3,
        "metadata": {"user_id": "u1"},
        "stream": True,
    }
    assert encoded.edits == ()


def test_the_old_functions_reach_claude_too() -> None:
    encoded = to_messages(
        {
            "max_tokens": 9,
            "messages": [
                user("x"),
                {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": "{}"}},
                {"role": "function", "name": "look", "content": "sunny"},
            ],
            "functions": [{"name": "look", "parameters": {"type": "object", "properties": {}}}],
            "function_call": {"name": "look"},
        }
    )
    turns: Any = encoded.body["messages"]
    assert turns[2]["content"][0]["tool_use_id"] == turns[1]["content"][0]["id"]
    assert encoded.body["tool_choice"] == {"type": "tool", "name": "look"}


def test_structured_output_reaches_claude() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}}
    encoded = to_messages({"max_tokens": 9, "messages": [user("x")], "response_format": wanted})
    assert encoded.body["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    assert encoded.edits == ()


@pytest.mark.parametrize(
    ("member", "thinking"),
    [
        ({"reasoning_effort": "high"}, {"type": "enabled", "budget_tokens": 8000}),
        ({"reasoning": {"max_tokens": 2000}}, {"type": "enabled", "budget_tokens": 2000}),
        ({"thinking": {"type": "enabled", "budget_tokens": 3000}}, {"type": "enabled", "budget_tokens": 3000}),
        ({"reasoning_effort": "none"}, {"type": "disabled"}),
    ],
)
def test_the_wish_to_think_reaches_claude(member: dict[str, Any], thinking: dict[str, Any]) -> None:
    body = {"max_tokens": 10_000, "messages": [user("x")], **member}
    assert to_messages(body).body["thinking"] == thinking


def test_what_claude_cannot_do_is_reported_or_refused() -> None:
    body = {
        "max_tokens": 9,
        "messages": [user("x")],
        "seed": 7,
        "logit_bias": {"5": 1},
        "temperature": 1.5,
        "presence_penalty": 1,
        "logprobs": True,
        "store": True,
    }
    edits = set(to_messages(body).edits)
    assert edits == {
        "dropped:seed",
        "dropped:logit_bias",
        "clamped:temperature",
        "dropped:presence_penalty",
        "dropped:logprobs",
        "dropped:store",
    }
    with pytest.raises(UnsupportedParameter):
        to_messages(body, strict=True)
    with pytest.raises(UnsupportedParameter) as caught:
        to_messages({**body, "n": 2})
    assert caught.value.param == "n"


def test_a_tool_message_without_its_call_is_refused_either_way() -> None:
    orphan = {"messages": [user("x"), {"role": "tool", "tool_call_id": "call_9", "content": "y"}]}
    with pytest.raises(BadRequest):
        to_messages({"max_tokens": 9, **orphan})
    with pytest.raises(BadRequest):
        to_chat({"messages": [user([{"type": "tool_result", "tool_use_id": "call_9", "content": "y"}])]})


# --- requests: Messages -> Chat Completions --------------------------------------------------------------------


def test_a_whole_conversation_reaches_gpt() -> None:
    encoded = to_chat(
        {
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                user(
                    [
                        {"type": "text", "text": "Where is it sunny?"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                        {"type": "image", "source": {"type": "url", "url": "https://example.com/sky.png"}},
                        {
                            "type": "document",
                            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
                            "title": "w.pdf",
                        },
                    ]
                ),
                {
                    "role": "assistant",
                    "content": [
                        {"type": "text", "text": "Let me look."},
                        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"city": "Rome"}},
                        {"type": "tool_use", "id": "toolu_2", "name": "look", "input": {}},
                    ],
                },
                user(
                    [
                        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"},
                        {
                            "type": "tool_result",
                            "tool_use_id": "toolu_2",
                            "content": [{"type": "text", "text": "snow"}],
                        },
                        {"type": "text", "text": "So?"},
                    ]
                ),
            ],
            "tools": [{"name": "look", "description": "Looks.", "input_schema": SCHEMA}],
            "tool_choice": {"type": "tool", "name": "look", "disable_parallel_tool_use": True},
            "stop_sequences": ["END"],
            "temperature": 0.3,
            "metadata": {"user_id": "u1"},
            "stream": True,
        }
    )
    body: Any = encoded.body
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        user(
            [
                {"type": "text", "text": "Where is it sunny?"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                {"type": "image_url", "image_url": {"url": "https://example.com/sky.png"}},
                {"type": "file", "file": {"filename": "w.pdf", "file_data": "data:application/pdf;base64,JVBE"}},
            ]
        ),
        {
            "role": "assistant",
            "content": "Let me look.",
            "tool_calls": [
                {"id": "toolu_1", "type": "function", "function": {"name": "look", "arguments": '{"city":"Rome"}'}},
                {"id": "toolu_2", "type": "function", "function": {"name": "look", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "toolu_1", "content": "sunny"},
        {"role": "tool", "tool_call_id": "toolu_2", "content": "snow"},
        user("So?"),
    ]
    assert body["tools"] == [
        {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": SCHEMA}}
    ]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "look"}}
    assert body["parallel_tool_calls"] is False
    assert (body["stop"], body["temperature"], body["user"], body["max_tokens"]) == (["END"], 0.3, "u1", 99)
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})


def test_structured_output_reaches_gpt() -> None:
    config = {"format": {"type": "json_schema", "schema": SCHEMA}}
    body: Any = to_chat({"messages": [user("x")], "output_config": config}).body
    assert body["response_format"]["type"] == "json_schema"
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA


@pytest.mark.parametrize(
    ("member", "effort"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 20_000}}, "high"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, "low"),
        ({"output_config": {"effort": "medium"}}, "medium"),
    ],
)
def test_the_wish_to_think_reaches_gpt(member: dict[str, Any], effort: str) -> None:
    assert to_chat({"messages": [user("x")], **member}).body["reasoning_effort"] == effort


def test_pictures_in_a_result_reach_gpt_as_the_users() -> None:
    content = [
        {"type": "text", "text": "a map"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
    ]
    turns = [
        user("x"),
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "draw", "input": {}}]},
        user([{"type": "tool_result", "tool_use_id": "t", "content": content}]),
    ]
    encoded = to_chat({"messages": turns})
    sent = json.dumps(encoded.body["messages"])
    assert f"data:image/png;base64,{PNG}" in sent
    assert '"role": "tool"' in sent


def test_documents_of_text_and_search_results_reach_gpt_as_text() -> None:
    blocks = [
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Rivers flow."}},
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "Seas rest."}]}},
        {
            "type": "search_result",
            "source": "https://example.com",
            "title": "Lakes",
            "content": [{"type": "text", "text": "Lakes lie."}],
        },
    ]
    sent = json.dumps(to_chat({"messages": [user(blocks)]}).body["messages"])
    for words in ("Rivers flow.", "Seas rest.", "Lakes lie."):
        assert words in sent


@pytest.mark.parametrize(
    "member",
    [
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"messages": [user([{"type": "image", "source": {"type": "file", "file_id": "file_1"}}])]},
    ],
)
def test_what_gpt_cannot_do_without_changing_the_meaning_is_refused(member: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedParameter):
        to_chat({"messages": [user("x")], **member})


def test_what_gpt_cannot_do_otherwise_is_reported() -> None:
    encoded = to_chat({"messages": [user("x")], "top_k": 5, "container": "c", "mcp_servers": []})
    assert {"dropped:top_k", "dropped:container", "dropped:mcp_servers"} <= set(encoded.edits)


TURNS = st.lists(
    st.tuples(
        st.text("abc äß\U0001f600", min_size=1).map(lambda text: "x" + text.strip()),
        st.lists(st.dictionaries(st.text("ab", max_size=3), st.integers(), max_size=2), max_size=3),
    ),
    min_size=1,
    max_size=4,
)


def conversation(turns: list[tuple[str, list[dict[str, int]]]]) -> list[dict[str, Any]]:
    """A Chat Completions conversation: each turn a question, its calls, their results and an answer."""
    found: list[dict[str, Any]] = [{"role": "system", "content": "Be brief."}]
    for number, (text, inputs) in enumerate(turns):
        found.append(user(text))
        calls = [
            {
                "id": f"call_{number}_{at}",
                "type": "function",
                "function": {"name": "look", "arguments": json.dumps(given)},
            }
            for at, given in enumerate(inputs)
        ]
        if calls:
            found.append({"role": "assistant", "content": None, "tool_calls": calls})
            found += [{"role": "tool", "tool_call_id": call["id"], "content": f"r{call['id']}"} for call in calls]
        found.append({"role": "assistant", "content": f"a{number}"})
    return [*found, user("end")]


@given(TURNS)
def test_a_conversation_says_the_same_in_both_dialects(turns: list[tuple[str, list[dict[str, int]]]]) -> None:
    asked = chat.decode_request({"model": "m", "max_tokens": 9, "messages": conversation(turns)})
    there = messages.encode_request(asked, "m", {}, True)
    heard_there = messages.decode_request(json.loads(json.dumps(there.body)))
    assert heard(heard_there) == heard(asked)
    back = chat.encode_request(heard_there, "m", {}, True)
    assert heard(chat.decode_request(json.loads(json.dumps(back.body)))) == heard(asked)
