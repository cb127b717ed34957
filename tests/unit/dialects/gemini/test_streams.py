"""Streams: read in each framing, written as events, and through other dialects and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import gemini as wire
from sluice.dialects import openai_chat as chat
from sluice.dialects.gemini.json_array import as_array
from sluice.errors import ProviderError, ProviderGarbled, ProviderUnreachable
from sluice.types.chat import ChatRequest, ToolCall
from sluice.types.stream import (
    ArgumentsDelta,
    End,
    Finish,
    Idle,
    OpaqueDelta,
    PartStart,
    PartStop,
    Start,
    StreamEvent,
    StreamFailed,
    TextDelta,
    UsageReport,
)
from sluice.types.usage import Usage

ASKED = ChatRequest(model="m", messages=(), include_usage=True)


def chunk(*parts: dict[str, Any], reason: str | None = None, index: int = 0, **members: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": index}
    if reason:
        candidate["finishReason"] = reason
    return {"candidates": [candidate], "modelVersion": "gemini-3", "responseId": "r1", **members}


def sse(*chunks: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(item, ensure_ascii=False).encode() + b"\r\n\r\n" for item in chunks)


def array(*chunks: dict[str, Any]) -> bytes:
    return b"[" + b"\n,\r\n".join(json.dumps(item, indent=1, ensure_ascii=False).encode() for item in chunks) + b"\n]\n"


def usage(prompt: int, output: int) -> dict[str, Any]:
    return {"usageMetadata": {"promptTokenCount": prompt, "candidatesTokenCount": output}}


def decoded(body: bytes) -> list[StreamEvent]:
    return list(wire.decode_stream([body]))


HELLO = (
    chunk({"text": "Hel"}, **usage(9, 1)),
    chunk({"text": "lö {"}, **usage(9, 2)),
    chunk({"text": ""}, reason="STOP", **usage(9, 4)),
)
HEARD: list[StreamEvent] = [
    Start("r1", "gemini-3", usage=Usage(input=9, output=1)),
    PartStart(0, "text"),
    TextDelta(0, "Hel"),
    TextDelta(0, "lö {"),
    PartStop(0),
    Finish("stop"),
    UsageReport(Usage(input=9, output=4)),
    End(),
]


@pytest.mark.parametrize("body", [sse(*HELLO), array(*HELLO), b"\xef\xbb\xbf\n" + sse(*HELLO).replace(b"\r", b"")])
def test_a_stream_is_read_in_each_framing_however_it_is_cut(body: bytes) -> None:
    assert decoded(body) == HEARD
    assert list(wire.decode_stream([body[place : place + 1] for place in range(len(body))])) == HEARD


def test_events_that_no_blank_line_separates_are_read() -> None:
    assert decoded(sse(*HELLO).replace(b"\r\n\r\n", b"\n")) == HEARD


def test_a_whole_answer_where_a_stream_was_promised_is_read() -> None:
    body = chunk({"text": "Hi"}, reason="STOP", **usage(1, 2))
    assert decoded(json.dumps(body, indent=2).encode())[2:5] == [TextDelta(0, "Hi"), PartStop(0), Finish("stop")]


def test_a_call_comes_whole_with_the_id_that_the_whole_answer_has() -> None:
    call = {"functionCall": {"name": "look", "args": {"x": 1}}}
    body = chunk({"text": "a"}, call, call, reason="STOP")
    ids = [part.id for part in wire.decode_response(body).choices[0].parts if isinstance(part, ToolCall)]
    events = decoded(sse(chunk({"text": "a"}, call), chunk(call), chunk(reason="STOP")))
    assert events[4:] == [
        PartStart(1, "tool_call", ids[0], "look"),
        ArgumentsDelta(1, '{"x":1}'),
        PartStop(1),
        PartStart(2, "tool_call", ids[1], "look"),
        ArgumentsDelta(2, '{"x":1}'),
        PartStop(2),
        Finish("tool_calls"),
        End(),
    ]


def partial(path: str, more: bool = False, **value: Any) -> dict[str, Any]:
    piece = {"jsonPath": path, **value, **({"willContinue": True} if more else {})}
    return chunk({"functionCall": {"partialArgs": [piece], "willContinue": True}})


def test_arguments_in_pieces_are_put_together() -> None:
    events = decoded(
        sse(
            chunk({"functionCall": {"name": "plan", "willContinue": True}}),
            partial("$.city", more=True, stringValue="Ro"),
            partial("$.city", more=True, stringValue="me"),
            partial("$.city", stringValue=""),
            partial("$.days[1].warm", boolValue=True),
            partial("$['a b'][0]", numberValue=0.5),
            partial("$.none", nullValue=None),
            chunk({"functionCall": {}}),
            chunk({"functionCall": {"name": "rest"}}, reason="STOP"),
        )
    )
    texts = [json.loads(event.fragment) for event in events if isinstance(event, ArgumentsDelta)]
    assert texts == [{"city": "Rome", "days": [None, {"warm": True}], "a b": [0.5], "none": None}, {}]


def test_what_follows_the_finish_reason_still_counts() -> None:
    grounded = {"candidates": [{"groundingMetadata": {"webSearchQueries": ["q"]}, "index": 0}], **usage(9, 5)}
    events = decoded(sse(*HELLO, grounded))
    assert events[-4:] == [
        OpaqueDelta(1, "gemini", {"candidate": {"groundingMetadata": {"webSearchQueries": ["q"]}}, "answer": {}}),
        Finish("stop"),
        UsageReport(Usage(input=9, output=5, search_requests=1)),
        End(),
    ]


def test_candidates_are_choices() -> None:
    events = decoded(
        sse(chunk({"text": "a"}), chunk({"text": "b"}, index=1, reason="MAX_TOKENS"), chunk(reason="STOP"))
    )
    assert [(event.choice, event.stop) for event in events if isinstance(event, Finish)] == [(0, "stop"), (1, "length")]


def test_a_blocked_prompt_was_filtered() -> None:
    events = decoded(sse({"promptFeedback": {"blockReason": "SAFETY"}, **usage(4, 0)}))
    assert Finish("content_filter") in events
    assert events[-2:] == [UsageReport(Usage(input=4)), End()]


@pytest.mark.parametrize("frame", [sse, array])
def test_an_error_in_a_stream_ends_it_with_the_usage_so_far(frame: Any) -> None:
    error = {"error": {"code": 503, "message": "Busy.", "status": "UNAVAILABLE"}}
    *_, reported, failed = decoded(frame(HELLO[0], error, HELLO[1]))
    assert reported == UsageReport(Usage(input=9, output=1))
    assert isinstance(failed, StreamFailed)
    assert isinstance(failed.error, ProviderError)
    assert (failed.error.kind, failed.error.message) == ("overloaded", "Busy.")


@pytest.mark.parametrize("body", [b"", b"<html>", sse(*HELLO[:2]), array(*HELLO[:2])])
def test_a_stream_that_breaks_off_fails(body: bytes) -> None:
    last = list(wire.decode_stream([body] if body else []))[-1]
    assert isinstance(last, StreamFailed)
    assert isinstance(last.error, ProviderGarbled)


def test_a_connection_lost_after_the_end_was_told_costs_nothing() -> None:
    def cut(*chunks: dict[str, Any]) -> Iterator[bytes]:
        yield sse(*chunks)
        raise ProviderUnreachable("Reset.")

    assert list(wire.decode_stream(cut(*HELLO))) == HEARD
    with pytest.raises(ProviderUnreachable):
        list(wire.decode_stream(cut(*HELLO[:2])))


def test_silence_keeps_the_caller_alive_with_an_empty_chunk() -> None:
    assert Idle() in wire.decode_stream([sse(HELLO[0]), b"", sse(*HELLO[1:])])
    assert next(iter(wire.encode_stream([Idle()], ASKED))) == wire.keep_alive()


def written(*events: StreamEvent) -> list[Any]:
    body = b"".join(wire.encode_stream(events, ASKED))
    return [json.loads(line[6:]) for line in body.decode().splitlines() if line]


def test_events_become_chunks_and_the_last_one_says_why_and_how_much() -> None:
    first, second, last = written(*HEARD)
    assert first == chunk({"text": "Hel"})
    assert second["candidates"][0]["content"]["parts"] == [{"text": "lö {"}]
    assert last["candidates"][0]["finishReason"] == "STOP"
    assert last["usageMetadata"]["candidatesTokenCount"] == 4


def test_a_call_in_fragments_is_written_whole_and_may_be_sent_to_gemini() -> None:
    told = written(
        Start("x", "gpt"),
        PartStart(0, "tool_call", "call_1", "look"),
        PartStart(1, "tool_call", "call_2", "look"),
        ArgumentsDelta(0, '{"a"'),
        ArgumentsDelta(1, "{}"),
        ArgumentsDelta(0, ":1}"),
        PartStop(0),
        Finish("tool_calls"),
        End(),
    )
    parts = [part for item in told[:-1] for part in item["candidates"][0]["content"]["parts"]]
    assert parts == [
        {
            "functionCall": {"id": "call_1", "name": "look", "args": {"a": 1}},
            "thoughtSignature": "skip_thought_signature_validator",
        },
        {"functionCall": {"id": "call_2", "name": "look", "args": {}}},
    ]


def test_a_stream_without_an_end_ends_with_an_error() -> None:
    assert written(Start("x", "gpt"), PartStart(0, "text"), TextDelta(0, "Hi"))[-1]["error"]["code"] == 502
    failed = written(Start("x", "gpt"), StreamFailed(ProviderGarbled("Odd.")))
    assert [item["error"]["message"] for item in failed] == ["Odd."]


def test_a_caller_that_asks_for_no_events_gets_one_array() -> None:
    body = b"".join(as_array([sse(*HELLO)[:50], sse(*HELLO)[50:], b": silence\n\n"]))
    assert json.loads(body) == list(HELLO)
    assert decoded(body) == HEARD
    assert next(iter(as_array(sse(item) for item in HELLO))).startswith(b"[{")
    assert b"".join(as_array([])) == b"[]"


def test_signed_text_is_a_part_of_its_own() -> None:
    events = decoded(sse(chunk({"text": "a"}), chunk({"text": "b", "thoughtSignature": "c2ln"}), chunk({"text": "c"})))
    assert [event.kind for event in events if isinstance(event, PartStart)] == ["text", "text", "thinking", "text"]


SIGNED = (
    chunk({"text": "Hm.", "thought": True}),
    chunk({"text": "", "thought": True, "thoughtSignature": "dGg/"}),
    chunk({"text": "Look."}),
    chunk({"functionCall": {"name": "look", "args": {}}, "thoughtSignature": "Y2Fs+A=="}),
    chunk({"text": "", "thoughtSignature": "ZW1wdHk="}, reason="STOP"),
)


def test_signatures_survive_a_stream_in_the_same_dialect() -> None:
    body = b"".join(wire.encode_stream(decoded(sse(*SIGNED)), ASKED))
    again = list(wire.decode_stream([body]))
    assert again == decoded(sse(*SIGNED))


def test_signatures_reach_callers_of_other_dialects_where_they_send_them_back_from() -> None:
    events = decoded(sse(*SIGNED))
    told = b"".join(messages.encode_stream(events, ASKED)).decode()
    assert told.count('"type":"redacted_thinking"') == 2
    told = b"".join(chat.encode_stream(events, ASKED)).decode()
    assert told.count('"reasoning_details"') == 3
    assert '"format":"google-gemini-v1"' in told
