"""Canonical events, written as a Messages stream."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sluice.dialects import anthropic_messages as wire
from sluice.errors import ProviderUnreachable
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

ASKED = ChatRequest(model="asked", messages=())
DONE = [Finish("stop"), UsageReport(Usage(input=3, cache_read=2, output=5)), End()]


def written(events: Iterable[StreamEvent]) -> bytes:
    return b"".join(wire.encode_stream(events, ASKED))


def encoded(*events: StreamEvent) -> list[dict[str, Any]]:
    found = []
    for block in written(events).decode().split("\n\n")[:-1]:
        name, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        found.append(event)
    return found


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def test_a_text_in_the_order_clients_expect() -> None:
    start, opened, first, second, closed, delta, stop = encoded(
        Start("id1", "gpt"), PartStart(0, "text"), TextDelta(0, "Hel"), TextDelta(0, "lo"), PartStop(0), *DONE
    )
    assert start["message"] == {
        "id": "id1",
        "type": "message",
        "role": "assistant",
        "model": "gpt",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 0,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": 0,
        },
    }
    assert opened == {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    assert first["delta"] == {"type": "text_delta", "text": "Hel"}
    assert second["index"] == 0
    assert closed == {"type": "content_block_stop", "index": 0}
    assert delta["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert (delta["usage"]["input_tokens"], delta["usage"]["cache_read_input_tokens"]) == (3, 2)
    assert delta["usage"]["output_tokens"] == 5
    assert stop == {"type": "message_stop"}


def test_each_item_is_whole_events_as_they_come() -> None:
    items = list(wire.encode_stream([Start("i", "m"), PartStart(0, "text"), TextDelta(0, "x")], ASKED))
    assert len(items) == 4
    assert all(item.endswith(b"\n\n") for item in items)


def test_there_is_no_done_line() -> None:
    assert b"[DONE]" not in written([Start("i", "m"), *DONE])


def test_interleaved_calls_are_written_one_after_the_other() -> None:
    events = encoded(
        Start("i", "m"),
        PartStart(0, "tool_call", "a", "look"),
        ArgumentsDelta(0, '{"x":'),
        PartStart(1, "tool_call", "b", "look"),
        ArgumentsDelta(1, '{"y":'),
        ArgumentsDelta(0, "1}"),
        ArgumentsDelta(1, "2}"),
        PartStart(2, "tool_call", "c", "look"),
        PartStop(1),
        PartStop(0),
        ArgumentsDelta(2, "{}"),
        *DONE,
    )
    flow = [(event["type"], event["index"]) for event in events if "index" in event]
    assert flow == [
        ("content_block_start", 0),
        ("content_block_delta", 0),
        ("content_block_delta", 0),
        ("content_block_stop", 0),
        ("content_block_start", 1),
        ("content_block_delta", 1),
        ("content_block_delta", 1),
        ("content_block_stop", 1),
        ("content_block_start", 2),
        ("content_block_delta", 2),
        ("content_block_stop", 2),
    ]
    fragments = [event["delta"]["partial_json"] for event in events if event["type"] == "content_block_delta"]
    assert fragments == ['{"x":', "1}", '{"y":', "2}", "{}"]
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


def test_parts_nobody_closed_are_closed_at_the_finish() -> None:
    events = encoded(
        Start("i", "m"), PartStart(0, "text"), PartStart(1, "tool_call", "a", "look"), ArgumentsDelta(1, "{}"), *DONE
    )
    assert kinds(events)[1:6] == [
        "content_block_start",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
    ]


def test_thinking_with_its_signature() -> None:
    events = encoded(
        Start("i", "m"),
        PartStart(0, "thinking"),
        TextDelta(0, "Hm."),
        SignatureDelta(0, "s1g"),
        PartStop(0),
        PartStart(1, "thinking", payload="Emwk"),
        PartStop(1),
        *DONE,
    )
    assert events[1]["content_block"] == {"type": "thinking", "thinking": "", "signature": ""}
    assert events[2]["delta"] == {"type": "thinking_delta", "thinking": "Hm."}
    assert events[3]["delta"] == {"type": "signature_delta", "signature": "s1g"}
    assert events[5]["content_block"] == {"type": "redacted_thinking", "data": "Emwk"}


def test_thinking_nobody_signed_says_so_before_it_ends() -> None:
    events = encoded(Start("i", "m"), PartStart(0, "thinking"), TextDelta(0, "Hm."), PartStop(0), *DONE)
    assert events[3]["delta"] == {"type": "signature_delta", "signature": "sluice1.unsigned"}


def test_a_redacted_block_holds_nothing_else() -> None:
    events = encoded(Start("i", "m"), PartStart(0, "thinking", payload="Emwk"), TextDelta(0, "A summary"), *DONE)
    assert "content_block_delta" not in kinds(events)


def test_half_a_surrogate_pair_stays_an_escape() -> None:
    events = [Start("i", "m"), PartStart(0, "text"), TextDelta(0, "\ud83d"), TextDelta(0, "\ude00"), *DONE]
    assert b'"text":"\\ud83d"' in written(events)


def test_a_refusal_is_text_with_a_reason() -> None:
    events = encoded(Start("i", "m"), PartStart(0, "refusal"), TextDelta(0, "No."), PartStop(0), *DONE)
    assert events[2]["delta"] == {"type": "text_delta", "text": "No."}
    assert events[-2]["delta"]["stop_reason"] == "refusal"
    assert events[-2]["delta"]["stop_details"]["explanation"] == "No."


def test_own_blocks_come_back_and_others_are_left_out() -> None:
    block = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    fragment = {"type": "input_json_delta", "partial_json": "{}"}
    events = encoded(
        Start("i", "m"),
        PartStart(0, "opaque", payload={"type": "annotation"}, dialect="openai_chat"),
        OpaqueDelta(0, "openai_chat", {"a": 1}),
        PartStop(0),
        PartStart(1, "opaque", payload=block, dialect="anthropic_messages"),
        OpaqueDelta(1, "anthropic_messages", fragment),
        OpaqueDelta(1, "openai_chat", fragment),
        PartStop(1),
        PartStart(2, "audio"),
        *DONE,
    )
    assert kinds(events)[1:4] == ["content_block_start", "content_block_delta", "content_block_stop"]
    assert (events[1]["index"], events[1]["content_block"], events[2]["delta"]) == (0, block, fragment)
    assert kinds(events)[4:] == ["message_delta", "message_stop"]


def test_a_calls_own_members_come_back() -> None:
    extras = {"caller": {"type": "direct"}}
    events = encoded(
        Start("i", "m"), PartStart(0, "tool_call", "t", "look", extras, dialect="anthropic_messages"), *DONE
    )
    assert events[1]["content_block"]["caller"] == {"type": "direct"}


def test_usage_that_comes_before_the_finish_is_not_lost() -> None:
    events = encoded(Start("i", "m"), UsageReport(Usage(input=1, output=9)), Finish("length"), End())
    assert (events[-2]["usage"]["output_tokens"], events[-2]["delta"]["stop_reason"]) == (9, "max_tokens")


def test_a_finish_without_an_end_is_still_an_end() -> None:
    assert kinds(encoded(Start("i", "m"), Finish("stop")))[-1] == "message_stop"


def test_an_end_without_a_finish_is_an_end_of_turn() -> None:
    events = encoded(Start("i", "m"), PartStart(0, "text"), TextDelta(0, "x"), End())
    assert kinds(events)[-3:] == ["content_block_stop", "message_delta", "message_stop"]


def test_a_stream_that_just_stops_ends_with_an_error() -> None:
    events = encoded(Start("i", "m"), PartStart(0, "text"), TextDelta(0, "Hel"))
    assert kinds(events)[-1] == "error"
    assert events[-1]["error"]["type"] == "api_error"


def test_a_failure_is_the_last_event() -> None:
    events = encoded(
        Start("i", "m"), PartStart(0, "text"), StreamFailed(ProviderUnreachable("Cut.")), TextDelta(0, "x"), *DONE
    )
    assert kinds(events) == ["message_start", "content_block_start", "error"]
    assert events[-1]["error"]["message"] == "Cut."


def test_silence_is_broken_by_a_ping() -> None:
    assert kinds(encoded(Start("i", "m"), Idle(), *DONE)) == ["message_start", "ping", "message_delta", "message_stop"]


def test_only_the_first_choice_is_written() -> None:
    events = encoded(
        Start("i", "m"), PartStart(0, "text"), PartStart(0, "text", choice=1), TextDelta(0, "x", choice=1), *DONE
    )
    assert kinds(events).count("content_block_start") == 1
    assert "content_block_delta" not in kinds(events)


def test_missing_ids_and_models_are_filled_in() -> None:
    start = encoded(PartStart(0, "tool_call", "", "look"), *DONE)
    assert start[0]["message"]["id"].startswith("msg_")
    assert start[0]["message"]["model"] == "asked"
    assert start[1]["content_block"]["id"].startswith("call_")


def test_the_own_word_for_the_stop_comes_back() -> None:
    extras = {
        "stop_reason": "model_context_window_exceeded",
        "context_management": {"edits": []},
        "container": {"id": 1},
    }
    events = encoded(Start("i", "m"), Finish("length", extras=extras))
    assert events[-2]["delta"] == {
        "stop_reason": "model_context_window_exceeded",
        "stop_sequence": None,
        "container": {"id": 1},
    }
    assert events[-2]["context_management"] == {"edits": []}
