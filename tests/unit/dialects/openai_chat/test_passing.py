"""What is changed on a request that stays in this dialect, and which bytes of its stream are held back."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects.base import REMOVED
from sluice.dialects.openai_chat import pass_edits, stream_error, stream_filter
from sluice.errors import UnsupportedParameter

CHUNK = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}],"usage":null}\n\n'
USAGE = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}\n\n'
DONE = b"data: [DONE]\n\n"


def body(**members: Any) -> dict[str, Any]:
    return {"model": "gpt", "messages": [{"role": "user", "content": "Hello"}], **members}


def test_a_whole_answer_needs_no_edit() -> None:
    assert pass_edits(body(max_tokens=5, seed=1), {}) == {}


@pytest.mark.parametrize("options", [None, {}, {"include_usage": False}])
def test_a_stream_is_asked_for_usage(options: dict[str, Any] | None) -> None:
    assert pass_edits(body(stream=True, stream_options=options), {}) == {"stream_options": {"include_usage": True}}


def test_other_stream_options_are_kept() -> None:
    edits = pass_edits(body(stream=True, stream_options={"include_obfuscation": False}), {})
    assert edits == {"stream_options": {"include_obfuscation": False, "include_usage": True}}


def test_a_stream_that_asks_for_usage_itself_needs_no_edit() -> None:
    assert pass_edits(body(stream=True, stream_options={"include_usage": True}), {}) == {}


def test_stream_options_are_taken_away_where_a_provider_rejects_them() -> None:
    quirks = {"stream_options": False}
    assert pass_edits(body(stream=True, stream_options={"include_usage": True}), quirks) == {"stream_options": REMOVED}
    assert pass_edits(body(stream=True), quirks) == {}


def test_the_bound_on_output_gets_the_name_the_provider_knows() -> None:
    quirks = {"max_tokens_field": "max_completion_tokens"}
    assert pass_edits(body(max_tokens=5), quirks) == {"max_tokens": REMOVED, "max_completion_tokens": 5}
    assert pass_edits(body(max_tokens=5, max_completion_tokens=6), quirks) == {"max_tokens": REMOVED}
    assert pass_edits(body(max_completion_tokens=6), quirks) == {}
    assert pass_edits(body(max_completion_tokens=6), {"max_tokens_field": "max_tokens"}) == {
        "max_completion_tokens": REMOVED,
        "max_tokens": 6,
    }


def test_declared_members_are_renamed_dropped_and_set() -> None:
    quirks = {
        "rename": {"seed": "random_seed"},
        "drop": ["logit_bias", "absent"],
        "defaults": {"safe_prompt": True, "user": "x"},
        "parallel_tool_calls": False,
    }
    edits = pass_edits(body(seed=3, logit_bias={}, user="me", parallel_tool_calls=True), quirks)
    assert edits == {
        "seed": REMOVED,
        "random_seed": 3,
        "logit_bias": REMOVED,
        "parallel_tool_calls": REMOVED,
        "safe_prompt": True,
    }


def test_a_member_that_may_not_be_left_out_is_refused() -> None:
    with pytest.raises(UnsupportedParameter) as refused:
        pass_edits(body(logprobs=True), {"refuse": ["logprobs"]})
    assert refused.value.param == "logprobs"
    assert pass_edits(body(logprobs=None), {"refuse": ["logprobs"]}) == {}


def test_messages_are_rewritten_only_where_a_quirk_needs_it() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    picture = {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}
    given = body(
        messages=[
            {"role": "developer", "content": parts},
            {"role": "user", "content": [*parts, picture]},
            {"role": "assistant", "tool_calls": [{"id": "call_abc", "function": {"name": "f"}}, "odd"]},
            {"role": "tool", "tool_call_id": "call_abc", "content": "x"},
        ]
    )
    quirks = {"developer_role": False, "content_parts": False, "tool_id_length": 9}
    messages: Any = pass_edits(given, quirks)["messages"]
    assert messages[0] == {"role": "system", "content": "a\nb"}
    assert messages[1] == given["messages"][1]
    identity = messages[2]["tool_calls"][0]["id"]
    assert len(identity) == 9
    assert identity.isalnum()
    assert messages[3]["tool_call_id"] == identity
    assert given["messages"][0]["role"] == "developer"
    assert pass_edits(body(), quirks) == {}


def test_ids_of_the_right_form_stay() -> None:
    messages = [{"role": "tool", "tool_call_id": "aB3dE6gH9", "content": "x"}]
    assert pass_edits(body(messages=messages), {"tool_id_length": 9}) == {}


def test_strict_is_taken_from_tools_where_a_provider_rejects_it() -> None:
    tools = [{"type": "function", "function": {"name": "f", "strict": True}}, {"type": "x"}]
    edits = pass_edits(body(tools=tools), {"strict_tools": False})
    assert edits == {"tools": [{"type": "function", "function": {"name": "f"}}, {"type": "x"}]}


def swallow(block: bytes, **members: Any) -> bytes:
    held_back = stream_filter(body(stream=True, **members))
    assert held_back is not None
    return held_back(block)


def test_the_usage_chunk_nobody_asked_for_is_held_back() -> None:
    assert swallow(CHUNK + USAGE + DONE) == CHUNK + DONE
    assert swallow(USAGE) == b""


@pytest.mark.parametrize(
    "asked", [{"stream_options": {"include_usage": True}}, {"usage": {"include": True}}], ids=["openai", "openrouter"]
)
def test_a_caller_who_asked_gets_every_byte(asked: dict[str, Any]) -> None:
    assert stream_filter(body(stream=True, **asked)) is None


@pytest.mark.parametrize(
    "block",
    [
        CHUNK,
        b": keep-alive\n\n" + CHUNK,
        DONE,
        b'data: {"choices":[],"prompt_filter_results":[]}\n\n',
        b'data: {"choices":[],"usage":null}\r\n\r\n',
        b'data: {"choices":[{"delta":{}}],"usage":{"prompt_tokens":1}}\n\n',
        b'data: { "choices" : [ {"delta":{"tool_calls":[]}} ], "usage" : {"prompt_tokens":1}}\n\n',
        b'data: {"choices":[],"usage":{},"error":{"message":"x"}}\n\n',
        b'data: {"choices":[],"usage":{broken\n\n',
        b'data: {"choices":[{"delta":{"content":"\\"usage\\":{}"}}]}\n\n',
    ],
)
def test_all_other_events_pass_byte_for_byte(block: bytes) -> None:
    assert swallow(block) == block


def test_comments_and_line_ends_around_the_usage_chunk_stay() -> None:
    crlf = USAGE.replace(b"\n", b"\r\n")
    assert swallow(b": a comment\r\n" + crlf + CHUNK) == b": a comment\r\n" + CHUNK


def test_a_usage_chunk_at_the_end_without_a_blank_line_is_held_back() -> None:
    assert swallow(CHUNK + USAGE.rstrip()) == CHUNK


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (b'data: {"error":{"message":"Overloaded","type":"overloaded_error"}}\n\n', "overloaded"),
        (b'event: error\ndata: {"message":"Rate limit reached"}\n\n', "rate_limit"),
        (b'data: {"object":"error","message":"no","code":400}\n\n', "bad_request"),
        (b'data: {"code":429,"message":"Too many requests"}\n\n', "rate_limit"),
        (b'data: {"choices":[{"delta":{},"error":{"code":502,"message":"x"}}]}\n\n', "server"),
    ],
)
def test_errors_inside_a_stream_are_seen(event: bytes, kind: str) -> None:
    error = stream_error(b": comment\n\n" + event)
    assert error is not None
    assert error.kind == kind


def test_an_error_behind_other_events_is_seen() -> None:
    error = stream_error(CHUNK + b'data: {"error":{"message":"x","code":503}}\n\n')
    assert error is not None
    assert error.provider_status == 503


@pytest.mark.parametrize(
    "event",
    [
        CHUNK,
        USAGE,
        DONE,
        b": error\n\n",
        b'data: {"choices":[{"delta":{"content":"{\\"error\\": 1}"}}],"error":null}\n\n',
        b"data: {broken\n\n",
    ],
)
def test_ordinary_events_are_no_errors(event: bytes) -> None:
    assert stream_error(event) is None
