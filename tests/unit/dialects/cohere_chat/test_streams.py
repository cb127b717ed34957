"""Streams: read however they are cut, written as events, and through other dialects and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import cohere_chat as wire
from sluice.dialects import openai_chat as chat
from sluice.errors import ProviderError, ProviderGarbled, ProviderUnreachable
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

ASKED = ChatRequest(model="m", messages=(), include_usage=True)
CITED = {"start": 0, "end": 4, "text": "Grey", "sources": [], "type": "TEXT_CONTENT"}
COUNTS = {
    "billed_units": {"input_tokens": 9, "output_tokens": 4},
    "tokens": {"input_tokens": 500, "output_tokens": 6},
    "cached_tokens": 480,
}


def event(kind: str, message: dict[str, Any] | None = None, **members: Any) -> bytes:
    data = {"type": kind, **members, **({} if message is None else {"delta": {"message": message}})}
    return f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def content(text: str, index: int = 0, kind: str = "text") -> bytes:
    return event("content-delta", {"content": {kind: text}}, index=index)


def call(fragment: str, index: int = 0) -> bytes:
    return event("tool-call-delta", {"tool_calls": {"function": {"arguments": fragment}}}, index=index)


def begun(name: str, index: int = 0, **members: Any) -> bytes:
    said = {"id": f"{name}_{index}", "type": "function", "function": {"name": name, "arguments": ""}, **members}
    return event("tool-call-start", {"tool_calls": said}, index=index)


def ended(reason: str, **members: Any) -> bytes:
    return event("message-end", delta={"finish_reason": reason, "usage": COUNTS, **members})


START = event("message-start", {"role": "assistant", "content": []}, id="7f")
DONE = b"data: [DONE]\n\n"
TEXT = b"".join(
    (
        START,
        event("content-start", {"content": {"type": "thinking", "thinking": ""}}, index=0),
        content("Hm…", 0, "thinking"),
        event("content-end", index=0),
        event("content-start", {"content": {"type": "text", "text": ""}}, index=1),
        content("Gr", 1),
        content("ey é.", 1),
        event("citation-start", {"citations": CITED}, index=0),
        event("citation-end", index=0),
        event("content-end", index=1),
        ended("COMPLETE"),
        DONE,
    )
)
CALLS = b"".join(
    (
        START,
        event("tool-plan-delta", {"tool_plan": "I will "}),
        event("tool-plan-delta", {"tool_plan": "look."}),
        begun("look", 0),
        call('{"city":'),
        call(' "Rome"}'),
        event("tool-call-end", index=0),
        begun("wait", 1),
        call("{}", 1),
        event("tool-call-end", index=1),
        ended("TOOL_CALL"),
        DONE,
    )
)


def decoded(body: bytes) -> list[StreamEvent]:
    return list(wire.decode_stream([body]))


def pieces(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


def test_text_thinking_and_citations_are_told_in_order() -> None:
    assert decoded(TEXT) == [
        Start("7f", ""),
        PartStart(0, "thinking"),
        TextDelta(0, "Hm…"),
        PartStop(0),
        PartStart(1, "text"),
        TextDelta(1, "Gr"),
        TextDelta(1, "ey é."),
        OpaqueDelta(1, "cohere_chat", {"citation": CITED, "index": 0}),
        PartStop(1),
        OpaqueDelta(2, "cohere_chat", {"usage": COUNTS}),
        Finish("stop"),
        UsageReport(Usage(input=9, output=4)),
        End(),
    ]


def test_a_plan_is_thinking_and_calls_grow_by_fragments() -> None:
    assert decoded(CALLS)[1:-4] == [
        PartStart(0, "thinking", field="tool_plan"),
        TextDelta(0, "I will "),
        TextDelta(0, "look."),
        PartStop(0),
        PartStart(1, "tool_call", "look_0", "look"),
        ArgumentsDelta(1, '{"city":'),
        ArgumentsDelta(1, ' "Rome"}'),
        PartStop(1),
        PartStart(2, "tool_call", "wait_1", "wait"),
        ArgumentsDelta(2, "{}"),
        PartStop(2),
    ]


@pytest.mark.parametrize("body", [TEXT, CALLS, TEXT.replace(b"\n", b"\r\n")], ids=["text", "calls", "crlf"])
@pytest.mark.parametrize("size", [1, 2, 7, 64, 100_000])
def test_a_stream_says_the_same_however_it_is_cut(body: bytes, size: int) -> None:
    assert list(wire.decode_stream(pieces(body, size))) == decoded(body)


@pytest.mark.parametrize("body", [TEXT, CALLS], ids=["text", "calls"])
def test_what_is_written_is_read_again(body: bytes) -> None:
    assert decoded(b"".join(wire.encode_stream(decoded(body), ASKED))) == decoded(body)


def test_silence_is_passed_on() -> None:
    assert list(wire.decode_stream([b"", START, b"", CALLS[len(START) :]]))[:3] == [Idle(), Start("7f", ""), Idle()]


@pytest.mark.parametrize("at", [5, len(START), len(TEXT) // 2])
def test_a_stream_that_is_cut_off_says_so(at: int) -> None:
    last = decoded(TEXT[:at])[-1]
    assert isinstance(last, StreamFailed)
    assert isinstance(last.error, ProviderGarbled)


def test_a_connection_that_breaks_after_the_end_breaks_nothing() -> None:
    def chunks(body: bytes) -> Iterator[bytes]:
        yield body
        raise ProviderUnreachable("reset")

    assert isinstance(list(wire.decode_stream(chunks(TEXT)))[-1], End)
    failed = list(wire.decode_stream(chunks(START + content("Hi"))))
    assert isinstance(failed[-2], PartStop)
    assert isinstance(failed[-1], StreamFailed)
    assert isinstance(failed[-1].error, ProviderUnreachable)


def test_an_error_at_the_end_fails_the_stream() -> None:
    body = START + content("Hi") + ended("ERROR", error="invalid tool generation", error_type="INVALID_TOOL_GENERATION")
    last = decoded(body + DONE)[-1]
    assert isinstance(last, StreamFailed)
    assert isinstance(last.error, ProviderError)
    assert last.error.provider_type == "INVALID_TOOL_GENERATION"


def test_a_whole_answer_or_error_in_place_of_a_stream_is_read() -> None:
    answer = {"id": "7f", "message": {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}}
    found = decoded(json.dumps({**answer, "finish_reason": "COMPLETE"}).encode())
    assert TextDelta(0, "Hi") in found
    assert isinstance(found[-1], End)
    for body in (b'{"message":"no such model"}', b'{"oops', b"{}"):
        assert isinstance(decoded(body)[-1], StreamFailed)


def test_odd_events_are_skipped() -> None:
    odd = b"data: [1]\n\ndata: nope\n\ndata: {}\n\n" + event("new-event", {"content": 3}) + call("{}", 9)
    found = decoded(START + odd + content("Hi") + event("tool-call-end", index=5) + ended("COMPLETE"))
    assert [type(each) for each in found] == [
        Start,
        PartStart,
        TextDelta,
        PartStop,
        OpaqueDelta,
        Finish,
        UsageReport,
        End,
    ]


def test_calls_that_nobody_ended_are_ended() -> None:
    found = decoded(START + begun("look", 0) + call("{}") + begun("look", 0) + ended("TOOL_CALL"))
    assert [each.part for each in found if isinstance(each, PartStop)] == [0, 1]


def lines(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in body.decode().splitlines() if line.startswith("data: {")]


def test_a_chat_caller_gets_the_stream() -> None:
    chunks = lines(b"".join(chat.encode_stream(decoded(CALLS), ASKED)))
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == "I will look."
    assert not any("tool_plan" in delta for delta in deltas)
    calls = [made for delta in deltas for made in delta.get("tool_calls", ())]
    assert [made["function"]["name"] for made in calls if made.get("id")] == ["look", "wait"]
    assert chunks[-1]["usage"]["prompt_tokens"] == 9


@pytest.mark.parametrize("size", [1, 50, 100_000])
def test_streams_of_others_reach_a_cohere_caller(size: int) -> None:
    for other in (chat, messages):
        for body in (TEXT, CALLS):
            told = b"".join(other.encode_stream(decoded(body), ASKED))
            back = b"".join(wire.encode_stream(other.decode_stream(pieces(told, size)), ASKED))
            assert back.endswith(DONE)
            found = decoded(back)
            assert _said(found) == _said(decoded(body))
            assert [each for each in found if isinstance(each, UsageReport | Finish)] == [
                each for each in decoded(body) if isinstance(each, UsageReport | Finish)
            ]


def _said(found: list[StreamEvent]) -> list[Any]:
    text = "".join(each.text for each in found if isinstance(each, TextDelta))
    calls = [(each.id, each.name) for each in found if isinstance(each, PartStart) and each.kind == "tool_call"]
    return [text, calls, "".join(each.fragment for each in found if isinstance(each, ArgumentsDelta))]


def test_events_are_numbered_as_the_vendor_numbers_them() -> None:
    source: list[StreamEvent] = [
        Start("", "gpt"),
        PartStart(0, "thinking"),
        SignatureDelta(0, "EqQB"),
        PartStop(0),
        PartStart(1, "text"),
        TextDelta(1, "Hi"),
        PartStop(1),
        PartStart(2, "tool_call", "c1", "f"),
        PartStart(3, "tool_call", "c2", "g"),
        ArgumentsDelta(3, "{}"),
        PartStop(2),
        PartStop(3),
        PartStart(0, "text", choice=1),
        TextDelta(0, "other", choice=1),
        Finish("tool_calls"),
        Idle(),
        End(),
    ]
    written = list(wire.encode_stream(source, ASKED))
    found = lines(b"".join(written))
    assert [(each["type"], each.get("index")) for each in found] == [
        ("message-start", None),
        ("content-start", 0),
        ("content-delta", 0),
        ("content-end", 0),
        ("tool-call-start", 0),
        ("tool-call-start", 1),
        ("tool-call-delta", 1),
        ("tool-call-delta", 0),
        ("tool-call-end", 0),
        ("tool-call-end", 1),
        ("message-end", None),
    ]
    assert found[7]["delta"]["message"]["tool_calls"]["function"]["arguments"] == "{}"
    assert "usage" not in found[-1]["delta"]
    assert wire.keep_alive() in written


def test_a_stream_without_an_end_ends_with_an_error() -> None:
    (last,) = [each for each in lines(b"".join(wire.encode_stream([Start("a", "m")], ASKED))) if "error" in str(each)]
    assert last["delta"]["finish_reason"] == "ERROR"
    failure = StreamFailed(ProviderUnreachable("gone"))
    written = b"".join(wire.encode_stream([Start("a", "m"), failure, End()], ASKED))
    assert lines(written)[-1]["delta"]["error"] == "gone"
    assert written.count(b"message-end") == 2  # its name and its type
