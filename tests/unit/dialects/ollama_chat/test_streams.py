"""Streams: read however they are cut, written as lines, and through other dialects and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import ollama_chat as wire
from sluice.dialects import openai_chat as chat
from sluice.errors import ProviderGarbled, ProviderUnreachable
from sluice.types.chat import ChatRequest
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
MOMENT = "2026-08-04T19:59:11.820116Z"


def line(message: dict[str, Any] | None = None, **members: Any) -> bytes:
    body = {"model": "qwen3", "created_at": MOMENT, "message": {"role": "assistant", **(message or {"content": ""})}}
    return json.dumps({**body, "done": False, **members}, ensure_ascii=False).encode() + b"\n"


def call(name: str, **arguments: Any) -> bytes:
    return line({"content": "", "tool_calls": [{"function": {"name": name, "arguments": arguments}}]})


LAST = line(done=True, done_reason="stop", total_duration=9, prompt_eval_count=9, eval_count=4)
TEXT = line({"content": "", "thinking": "Hm…"}) + line({"content": "Gr"}) + line({"content": "ey é."}) + LAST
CALLS = line({"content": "Look: "}) + call("look", city="Rome") + call("look", city="Rome") + call("wait") + LAST


def decoded(body: bytes) -> list[StreamEvent]:
    return list(wire.decode_stream([body]))


def pieces(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


def test_thinking_and_text_are_told_in_order() -> None:
    found = decoded(TEXT)
    assert isinstance(found[0], Start)
    assert (found[0].model, found[0].created) == ("qwen3", 1785873551)
    assert found[1:] == [
        PartStart(0, "thinking"),
        TextDelta(0, "Hm…"),
        PartStop(0),
        PartStart(1, "text"),
        TextDelta(1, "Gr"),
        TextDelta(1, "ey é."),
        PartStop(1),
        OpaqueDelta(2, "ollama_chat", {"total_duration": 9}),
        Finish("stop"),
        UsageReport(Usage(input=9, output=4)),
        End(),
    ]


def test_calls_come_whole_and_end_the_answer_for_callers() -> None:
    found = decoded(CALLS)
    starts = [each for each in found if isinstance(each, PartStart) and each.kind == "tool_call"]
    assert [each.name for each in starts] == ["look", "look", "wait"]
    assert [each.fragment for each in found if isinstance(each, ArgumentsDelta)] == ['{"city":"Rome"}'] * 2 + ["{}"]
    assert Finish("tool_calls") in found


def test_calls_of_one_answer_never_share_an_id() -> None:
    found = decoded(CALLS)
    ids = [each.id for each in found if isinstance(each, PartStart) and each.kind == "tool_call"]
    assert len(set(ids)) == 3


@pytest.mark.parametrize("body", [TEXT, CALLS, TEXT.replace(b"\n", b"\r\n"), TEXT[:-1]])
@pytest.mark.parametrize("size", [1, 2, 7, 64, 100_000])
def test_a_stream_says_the_same_however_it_is_cut(body: bytes, size: int) -> None:
    assert list(wire.decode_stream(pieces(body, size))) == decoded(body)


@pytest.mark.parametrize("body", [TEXT, CALLS], ids=["text", "calls"])
def test_what_is_written_says_the_same(body: bytes) -> None:
    written = b"".join(wire.encode_stream(decoded(body), ASKED))
    again = decoded(written)
    assert [type(each) for each in again] == [type(each) for each in decoded(body)]
    assert again[-4:] == decoded(body)[-4:]


def test_silence_is_passed_on() -> None:
    assert [type(each) for each in wire.decode_stream([b"", TEXT])][:2] == [Idle, Start]
    assert next(iter(wire.encode_stream([Idle()], ASKED))) == wire.keep_alive()


@pytest.mark.parametrize("at", [0, 5, len(TEXT) // 2])
def test_a_stream_that_is_cut_off_says_so(at: int) -> None:
    last = decoded(TEXT[:at])[-1]
    assert isinstance(last, StreamFailed)
    assert isinstance(last.error, ProviderGarbled)


def test_a_connection_that_breaks_after_the_end_breaks_nothing() -> None:
    def chunks(body: bytes) -> Iterator[bytes]:
        yield body
        raise ProviderUnreachable("reset")

    assert isinstance(list(wire.decode_stream(chunks(TEXT)))[-1], End)
    failed = list(wire.decode_stream(chunks(line({"content": "Hi"}))))
    assert isinstance(failed[-2], PartStop)
    assert isinstance(failed[-1], StreamFailed)


def test_an_error_line_in_the_middle_fails_the_stream() -> None:
    last = decoded(line({"content": "Hi"}) + b'{"error":"model runner has unexpectedly stopped"}\n' + LAST)[-1]
    assert isinstance(last, StreamFailed)
    assert last.error.message == "model runner has unexpectedly stopped"


def test_odd_lines_are_skipped_and_a_picture_is_kept() -> None:
    odd = b'[1]\nnope\n{}\n{"model":"x"}\n'
    found = decoded(odd + line({"content": "Hi", "images": ["iVBO"]}) + LAST)
    assert PartStart(1, "opaque", payload={"images": ["iVBO"]}, dialect="ollama_chat") in found
    assert b'"images":["iVBO"]' in b"".join(wire.encode_stream(found, ASKED))


def test_a_chat_caller_gets_the_stream() -> None:
    body = b"".join(chat.encode_stream(decoded(CALLS), ASKED)).decode()
    chunks = [json.loads(each[6:]) for each in body.splitlines() if each.startswith("data: {")]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "Look: "
    names = [made["function"].get("name") for delta in deltas for made in delta.get("tool_calls", ())]
    assert [name for name in names if name] == ["look", "look", "wait"]
    assert chunks[-1]["usage"]["total_tokens"] == 13


@pytest.mark.parametrize("size", [1, 50, 100_000])
def test_streams_of_others_reach_an_ollama_caller(size: int) -> None:
    for other in (chat, messages):
        for body in (TEXT, CALLS):
            told = b"".join(other.encode_stream(decoded(body), ASKED))
            back = b"".join(wire.encode_stream(other.decode_stream(pieces(told, size)), ASKED))
            found = [json.loads(each) for each in back.splitlines()]
            assert "".join(each["message"]["content"] for each in found) == _text(decoded(body), "text")
            assert "".join(each["message"].get("thinking", "") for each in found) == _text(decoded(body), "thinking")
            calls = [made["function"] for each in found for made in each["message"].get("tool_calls", ())]
            assert [each["name"] for each in calls] == (["look", "look", "wait"] if body == CALLS else [])
            assert [each["index"] for each in calls] == list(range(len(calls)))
            assert all(isinstance(each["arguments"], dict) for each in calls)
            assert [each["done"] for each in found] == [False] * (len(found) - 1) + [True]
            assert (found[-1]["prompt_eval_count"], found[-1]["eval_count"]) == (9, 4)


def _text(events: list[StreamEvent], kind: str) -> str:
    kinds = {each.part: each.kind for each in events if isinstance(each, PartStart)}
    return "".join(each.text for each in events if isinstance(each, TextDelta) and kinds[each.part] == kind)


def test_a_stream_without_an_end_ends_with_an_error_line() -> None:
    written = b"".join(wire.encode_stream([Start("a", "m"), PartStart(0, "text"), TextDelta(0, "Hi")], ASKED))
    assert json.loads(written.splitlines()[-1])["error"]
    failure = StreamFailed(ProviderUnreachable("gone"))
    written = b"".join(wire.encode_stream([Start("a", "m"), failure, End()], ASKED))
    assert [json.loads(each)["error"] for each in written.splitlines()] == ["gone"]


def test_one_answer_of_several_is_told() -> None:
    second: list[StreamEvent] = [
        PartStart(0, "text", choice=1),
        TextDelta(0, "other", choice=1),
        Finish("stop", choice=1),
    ]
    written = b"".join(wire.encode_stream([Start("a", "m"), *second, Finish("length"), End()], ASKED))
    (last,) = [json.loads(each) for each in written.splitlines()]
    assert last["done_reason"] == "length"
