"""Writing streams for callers, event by event."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sluice.dialects.openai_chat import encode_stream
from sluice.errors import ProviderTimeout
from sluice.types.chat import ChatRequest
from sluice.types.stream import (
    ArgumentsDelta,
    End,
    Finish,
    Idle,
    OpaqueDelta,
    PartStart,
    PartStop,
    SignatureDelta,
    Start,
    StreamEvent,
    StreamFailed,
    TextDelta,
    UsageReport,
)
from sluice.types.usage import Usage

ASKED = ChatRequest("route", (), stream=True)
START = Start("msg_1", "claude", 5)


def chunks(events: Iterable[StreamEvent], asked: ChatRequest = ASKED) -> list[dict[str, Any]]:
    return [
        json.loads(line[6:])
        for line in b"".join(encode_stream(events, asked)).split(b"\n")
        if line.startswith(b"data: {")
    ]


def deltas(*events: StreamEvent) -> list[dict[str, Any]]:
    return [choice["delta"] for chunk in chunks([START, *events])[1:] for choice in chunk["choices"]]


def test_the_role_comes_first_and_done_last() -> None:
    written = list(encode_stream([START, Finish("stop"), UsageReport(Usage(input=1)), End()], ASKED))
    first = json.loads(written[0][6:])
    assert first == {
        "id": "chatcmpl-msg_1",
        "object": "chat.completion.chunk",
        "created": 5,
        "model": "claude",
        "choices": [
            {"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}
        ],
    }
    assert written[-1] == b"data: [DONE]\n\n"
    assert b"usage" not in b"".join(written)
    assert all(block.endswith(b"\n\n") for block in written)


def test_usage_comes_without_choices_when_it_was_asked_for() -> None:
    usage = Usage(input=1, output=2, service_tier="flex")
    last = chunks([START, Finish("stop"), UsageReport(usage), End()], replace(ASKED, include_usage=True))[-1]
    assert last["choices"] == []
    assert (last["usage"]["total_tokens"], last["service_tier"], last["id"]) == (3, "flex", "chatcmpl-msg_1")


def test_a_native_id_stays_and_a_missing_date_is_now() -> None:
    written = chunks([Start("chatcmpl-9", "gpt")])[0]
    assert written["id"] == "chatcmpl-9"
    assert written["created"] > 1_700_000_000
    assert chunks([Start("c", "")])[0]["model"] == "route"


def test_text_and_refusals_are_written() -> None:
    assert deltas(
        PartStart(0, "text"), TextDelta(0, "Hi"), TextDelta(0, ""), PartStop(0),
        PartStart(1, "refusal"), TextDelta(1, "No."), PartStop(1), Finish("refusal"),
    ) == [{"content": "Hi"}, {"refusal": "No."}, {}]  # fmt: skip


def test_a_calls_name_comes_before_its_arguments() -> None:
    assert deltas(
        PartStart(0, "text"), TextDelta(0, "Hi"), PartStop(0),
        PartStart(1, "tool_call", "a", "f"), ArgumentsDelta(1, '{"x"'), ArgumentsDelta(1, ""), ArgumentsDelta(1, ":1}"),
        PartStop(1),
        PartStart(2, "tool_call", "b", "g"), PartStop(2),
        PartStart(3, "tool_call", "c", "h", custom=True), ArgumentsDelta(3, "words"), PartStop(3),
    )[1:] == [
        {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"x"'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]},
        {"tool_calls": [{"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": ""}}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]},
        {"tool_calls": [{"index": 2, "id": "c", "type": "custom", "custom": {"name": "h", "input": ""}}]},
        {"tool_calls": [{"index": 2, "custom": {"input": "words"}}]},
    ]  # fmt: skip


def test_claudes_thinking_is_written_with_a_signature_to_send_back() -> None:
    entry = {
        "type": "reasoning.text",
        "text": "Hm. Yes.",
        "signature": "sig",
        "format": "anthropic-claude-v1",
        "index": 0,
    }
    secret = {"type": "reasoning.encrypted", "data": "xyz", "format": "anthropic-claude-v1", "index": 1}
    assert deltas(
        PartStart(0, "thinking"), TextDelta(0, "Hm. "), TextDelta(0, "Yes."), SignatureDelta(0, "sig"), PartStop(0),
        PartStart(1, "thinking", payload="xyz"), PartStop(1),
    ) == [
        {"reasoning_content": "Hm. "},
        {"reasoning_content": "Yes."},
        {"reasoning_details": [entry]},
        {"reasoning_details": [secret]},
    ]  # fmt: skip


def test_reasoning_keeps_the_member_it_came_in() -> None:
    details = {"reasoning_details": [{"type": "reasoning.text", "text": "Hm.", "signature": "s"}]}
    assert deltas(
        PartStart(0, "thinking", field="reasoning"), TextDelta(0, "Hm."), OpaqueDelta(0, "openai_chat", details),
        SignatureDelta(0, "sealed"), PartStop(0),
        PartStart(1, "thinking", field="content"), TextDelta(1, "Ah."), PartStop(1),
        PartStart(2, "thinking", field="reasoning_details"), TextDelta(2, "Oh."),
        OpaqueDelta(2, "openai_chat", details), PartStop(2),
    ) == [
        {"reasoning": "Hm."},
        details,
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Ah."}]}]},
        details,
    ]  # fmt: skip


def test_what_only_another_dialect_understands_is_left_out() -> None:
    assert deltas(
        PartStart(0, "opaque", payload={"type": "server_tool_use"}, dialect="anthropic_messages"),
        OpaqueDelta(0, "anthropic_messages", {"x": 1}),
        ArgumentsDelta(7, "{}"),
        PartStop(0),
        PartStart(1, "audio"),
        OpaqueDelta(1, "openai_chat", {"audio": {"id": "a"}}),
    ) == [{"audio": {"id": "a"}}]


def test_the_finish_reason_tells_of_calls() -> None:
    finished = chunks([START, PartStart(0, "tool_call", "a", "f"), PartStop(0), Finish("stop")])[-1]
    assert finished["choices"][0]["finish_reason"] == "tool_calls"
    assert chunks([START, Finish("refusal")])[-1]["choices"][0]["finish_reason"] == "content_filter"


def test_every_choice_gets_its_role() -> None:
    written = chunks([START, PartStart(0, "text", choice=1), TextDelta(0, "b", 1, {"content": []})])[-1]
    assert written["choices"] == [
        {"index": 1, "delta": {"role": "assistant", "content": "b"}, "logprobs": {"content": []}, "finish_reason": None}
    ]


def test_an_error_ends_the_stream_without_done() -> None:
    failed = StreamFailed(ProviderTimeout("Silent for 60 s.", phase="idle"))
    written = list(encode_stream([START, failed, End()], ASKED))
    assert json.loads(written[-1][6:]) == {
        "error": {"message": "Silent for 60 s.", "type": "api_error", "param": None, "code": "provider_timeout"}
    }
    assert len(written) == 2


def test_silence_is_filled_with_comments() -> None:
    assert list(encode_stream([Idle(), START, Idle()], ASKED))[::2] == [b": keep-alive\n\n"] * 2


def test_half_of_a_surrogate_pair_is_escaped() -> None:
    written = b"".join(encode_stream([START, PartStart(0, "text"), TextDelta(0, "\ud83d"), TextDelta(0, "é")], ASKED))
    assert b"\\ud83d" in written
    assert "é".encode() in written
