"""Requests of Snowflake's own completion API: checked, read, and written for Snowflake from other dialects."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import openai_chat as chat
from sluice.dialects import snowflake_complete as wire
from sluice.dialects.base import Encoded
from sluice.errors import BadRequest, UnsupportedParameter

PIXEL = "iVBORw0KGgo="
TOOL: dict[str, Any] = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
SPEC: dict[str, Any] = {"tool_spec": {"type": "generic", "name": "look", "input_schema": {"type": "object"}}}
CALL: dict[str, Any] = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"city":"Rome"}'}}
CLAUDE = {"cortex_reasoning": "anthropic"}
GPT = {"cortex_reasoning": "openai"}


def from_chat(body: dict[str, Any], quirks: dict[str, Any] | None = None, strict: bool = False) -> Encoded:
    asked = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], **body}
    return wire.encode_request(chat.decode_request(asked), "claude-1", quirks or {}, strict)


def from_messages(body: dict[str, Any], quirks: dict[str, Any] | None = None) -> Encoded:
    asked = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}], **body}
    return wire.encode_request(messages.decode_request(asked), "claude-1", quirks or {}, False)


WORDS = st.text(max_size=8)
MARK = st.sampled_from([{}, {"cache_control": {"type": "ephemeral"}}])
ITEMS = st.one_of(
    st.builds(lambda text, mark: {"type": "text", "text": text, **mark}, WORDS, MARK),
    st.builds(
        lambda mark: {"type": "image", "details": {"type": "base64", "content": PIXEL, "content_type": "a/b"}, **mark},
        MARK,
    ),
    st.builds(
        lambda given, mark: {
            "type": "tool_use",
            "tool_use": {"tool_use_id": "t1", "name": "look", "input": given},
            **mark,
        },
        st.dictionaries(WORDS, st.integers(), max_size=2),
        MARK,
    ),
    st.builds(
        lambda text, status: {
            "type": "tool_results",
            "tool_results": {
                "tool_use_id": "t1",
                "name": "look",
                "content": [{"type": "text", "text": text}, {"type": "json", "json": {"a": 1}}],
                **status,
            },
        },
        WORDS,
        st.sampled_from([{}, {"status": "error"}, {"status": "success", "result": {"rows": 1}}]),
    ),
    st.just({"type": "anthropic", "thinking": {"thinking": "Hm.", "signature": "Eq=="}}),
    st.just({"type": "openai", "reasoning": {"summary": "Hm.", "encrypted_content": "gA=="}}),
    st.just({"type": "some_future_type", "x": [1]}),
)
MESSAGES = st.builds(
    lambda role, held: {"role": role, **held},
    st.sampled_from(["system", "user", "assistant"]),
    st.one_of(
        st.builds(lambda text: {"content": text}, WORDS),
        st.builds(lambda items: {"content_list": items}, st.lists(ITEMS, min_size=2, max_size=3)),
    ),
)
OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "max_tokens": st.integers(1, 9),
    "temperature": st.floats(0, 2),
    "top_p": st.floats(0, 1),
    "stream": st.booleans(),
    "tools": st.lists(
        st.sampled_from([SPEC, {"tool_spec": {"type": "cortex_analyst_text_to_sql", "name": "analyst"}}]), max_size=2
    ),
    "tool_choice": st.sampled_from(
        [
            {"type": "auto"},
            {"type": "required"},
            {"type": "tool", "name": ["look"]},
            {"type": "tool", "name": ["a", "b"]},
        ]
    ),
    "response_format": st.sampled_from([{"type": "json", "schema": {"type": "object"}}, {"type": "json"}]),
    "guardrails": st.sampled_from([{"enabled": True, "response_when_unsafe": "No."}, {"enabled": False}]),
    "anthropic": st.just({"thinking": {"budget_tokens": 2048}}),
    "openai": st.just({"reasoning": {"effort": "low"}}),
    "provisioned_throughput_id": WORDS,
}


@given(st.lists(MESSAGES, min_size=1, max_size=3), st.fixed_dictionaries({}, optional=OPTIONS))
def test_a_request_says_the_same_after_another_round(turns: list[Any], options: dict[str, Any]) -> None:
    request = wire.decode_request({"model": "m", "messages": turns, **options})
    encoded = wire.encode_request(request, "m", {}, True)
    assert wire.decode_request(json.loads(json.dumps(encoded.body))) == request
    assert encoded.edits == ()


def test_answers_stream_unless_they_are_told_not_to() -> None:
    body = {"model": "m", "messages": [{"content": "Hello"}]}
    assert wire.outline(body, 1).stream
    assert not wire.outline({**body, "stream": False}, 1).stream
    assert wire.outline({**body, "max_output_tokens": 7}, 1).max_output == 7
    assert wire.decode_request(body).messages[0].role == "user"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"model": None}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": ["x"]}, "messages[0]"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content_list": ["x"]}]}, "messages[0].content_list"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"stream": "yes"}, "stream"),
        ({"guardrails": True}, "guardrails"),
        ({"tools": [{"name": "look"}]}, "tools[0].tool_spec"),
    ],
)
def test_a_wrong_parameter_is_named(changes: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        wire.outline({"model": "m", "messages": [{"role": "user", "content": "x"}], **changes}, 1)
    assert refused.value.param == param


def test_guardrails_are_bound_to_the_vendor_that_runs_them() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "guardrails": {"enabled": True}}
    assert list(wire.decode_request(body).bound) == ["guardrails"]
    assert not wire.decode_request({**body, "guardrails": {"enabled": False}}).bound


def test_a_conversation_with_tools_is_written_in_turns() -> None:
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "Let me look.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "Sunny"},
        {"role": "user", "content": "Thanks"},
        {"role": "developer", "content": "In French."},
    ]
    encoded = from_chat({"messages": turns, "tools": [TOOL], "tool_choice": "required", "max_tokens": 50})
    assert encoded.body == {
        "model": "claude-1",
        "messages": [
            {"role": "system", "content": "Be brief.\n\nIn French."},
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content_list": [
                    {"type": "text", "text": "Let me look."},
                    {"type": "tool_use", "tool_use": {"tool_use_id": "c1", "name": "look", "input": {"city": "Rome"}}},
                ],
            },
            {
                "role": "user",
                "content_list": [
                    {
                        "type": "tool_results",
                        "tool_results": {
                            "tool_use_id": "c1",
                            "content": [{"type": "text", "text": "Sunny"}],
                            "name": "look",
                        },
                    },
                    {"type": "text", "text": "Thanks"},
                ],
            },
        ],
        "stream": False,
        "max_tokens": 50,
        "tools": [SPEC],
        "tool_choice": {"type": "required"},
    }
    assert encoded.edits == ("moved:system",)


def test_pictures_and_marks_and_signed_thinking_keep_their_places() -> None:
    turns = [
        {
            "role": "user",
            "content": [
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": PIXEL},
                    "cache_control": {"type": "ephemeral"},
                }
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "Eq=="},
                {"type": "tool_use", "id": "t1", "name": "look", "input": {}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "No", "is_error": True}]},
    ]
    sent: Any = from_messages({"messages": turns}, CLAUDE).body["messages"]
    assert sent[0]["content_list"][0] == {
        "type": "image",
        "details": {"type": "base64", "content": PIXEL, "content_type": "image/png"},
        "cache_control": {"type": "ephemeral"},
    }
    assert sent[1]["content_list"][0] == {"type": "anthropic", "thinking": {"thinking": "Hm.", "signature": "Eq=="}}
    assert sent[2]["content_list"][0]["tool_results"]["status"] == "error"
    elsewhere = from_messages({"messages": turns})
    assert "dropped:reasoning" in elsewhere.edits


@pytest.mark.parametrize(
    ("asked", "quirks", "written"),
    [
        ({"reasoning_effort": "low", "max_tokens": 9000}, CLAUDE, {"anthropic": {"thinking": {"budget_tokens": 2048}}}),
        ({"reasoning_effort": "high"}, GPT, {"openai": {"reasoning": {"effort": "high"}}}),
        ({"reasoning_effort": "minimal"}, GPT, {"openai": {"reasoning": {"effort": "low"}}}),
        ({"reasoning_effort": "low"}, {}, {}),
        ({"reasoning_effort": "low", "max_tokens": 100}, CLAUDE, {}),
        ({"reasoning_effort": "none"}, CLAUDE, {}),
    ],
)
def test_models_are_told_to_think_in_their_makers_way(
    asked: dict[str, Any], quirks: dict[str, Any], written: dict[str, Any]
) -> None:
    body = from_chat(asked, quirks).body
    assert {name: body[name] for name in ("anthropic", "openai") if name in body} == written


def test_an_answer_can_be_held_to_a_schema() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "array"}}}
    assert from_chat({"response_format": wanted}).body["response_format"] == {
        "type": "json",
        "schema": {"type": "array"},
    }
    free = from_chat({"response_format": {"type": "json_object"}}).body["response_format"]
    assert free == {"type": "json", "schema": {"type": "object"}}
    assert "response_format" not in from_chat({"response_format": {"type": "text"}}).body


def test_a_model_that_must_not_call_is_offered_no_tools() -> None:
    encoded = from_chat({"tools": [TOOL], "tool_choice": "none"})
    assert "tools" not in encoded.body
    assert encoded.edits == ("dropped:tools",)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"stop": ["x"]}, "stop"),
        ({"n": 2}, "n"),
        ({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}, "messages"),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}],
                    }
                ]
            },
            "messages",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file_1"}}]}]},
            "messages",
        ),
        ({"tools": [{"type": "custom", "custom": {"name": "patch"}}]}, "tools"),
        ({"tool_choice": {"type": "allowed_tools"}, "tools": [TOOL]}, "tool_choice"),
    ],
)
def test_what_cannot_be_said_is_refused(changes: dict[str, Any], param: str) -> None:
    with pytest.raises(UnsupportedParameter) as refused:
        from_chat(changes)
    assert refused.value.param == param


def test_what_may_be_left_out_is_reported_or_refused_by_a_strict_route() -> None:
    encoded = from_chat({"seed": 1, "top_k": 2, "user": "u", "metadata": {"a": "b"}, "store": True})
    assert set(encoded.edits) == {
        "dropped:seed", "dropped:top_k", "dropped:user", "dropped:metadata", "dropped:store",
    }  # fmt: skip
    with pytest.raises(UnsupportedParameter, match="Cortex complete API cannot take"):
        from_chat({"seed": 1}, strict=True)


def test_a_chat_endpoints_quirks_do_not_hold_here() -> None:
    body = {"model": "m", "messages": [], "max_tokens": 5}
    assert wire.pass_edits(body, {"max_tokens_field": "max_completion_tokens", "drop": ["top_p"]}) == {}
    assert wire.stream_filter(body) is None
