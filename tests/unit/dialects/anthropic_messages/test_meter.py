"""The meter of streams that pass through."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects import anthropic_messages as wire
from sluice.types.usage import Usage


def event(name: str, **members: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **members})}\n\n".encode()


START = event(
    "message_start", message={"id": "msg_1", "usage": {"input_tokens": 20, "output_tokens": 1, "service_tier": "batch"}}
)
END = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 33})
STOP = event("message_stop")


def text(words: str) -> bytes:
    return event("content_block_delta", index=0, delta={"type": "text_delta", "text": words})


def test_usage_comes_in_pieces() -> None:
    meter = wire.meter()
    assert meter.usage is None
    meter.feed(START)
    assert meter.usage == Usage(input=20, output=1, service_tier="batch")
    assert meter.finished is False
    meter.feed(text("Hello"))
    meter.feed(END)
    assert meter.usage == Usage(input=20, output=33, service_tier="batch")
    assert meter.finished


def test_several_events_in_one_block_are_read() -> None:
    meter = wire.meter()
    meter.feed(START + text("a") + END + STOP)
    assert meter.usage == Usage(input=20, output=33, service_tier="batch")


def test_the_end_alone_finishes() -> None:
    meter = wire.meter()
    meter.feed(STOP)
    assert meter.finished


def test_a_delta_without_a_reason_does_not_finish() -> None:
    meter = wire.meter()
    meter.feed(event("message_delta", delta={"stop_reason": None}, usage={"output_tokens": 3}))
    assert not meter.finished


def test_text_that_names_an_event_is_only_text() -> None:
    meter = wire.meter()
    meter.feed(START)
    meter.feed(text('the "message_stop" event, "type": "message_stop"'))
    assert not meter.finished
    assert meter.usage == Usage(input=20, output=1, service_tier="batch")


@pytest.mark.parametrize(
    "block", [b"event: message_delta\ndata: {cut\n\n", b'data: ["message_"]\n\n', b'data: {"message_": 1}\n\n']
)
def test_broken_events_are_passed_over(block: bytes) -> None:
    meter = wire.meter()
    meter.feed(block)
    assert meter.usage is None


def test_an_estimate_counts_what_was_forwarded_and_keeps_the_reported_input() -> None:
    meter = wire.meter()
    meter.feed(START)
    for _ in range(10):
        meter.feed(text("forty letters of text in every event....."))
    guess = meter.estimate()
    assert guess.estimated
    assert guess.input == 20
    assert 80 <= guess.output <= 160


def test_an_estimate_is_the_same_however_the_events_were_cut() -> None:
    words = [text(word) for word in ("1", ",", " 2", ",", " 3")]
    apart, together = wire.meter(), wire.meter()
    for block in (START, *words):
        apart.feed(block)
    together.feed(START + b"".join(words))
    assert together.estimate().output == apart.estimate().output == 2


def test_an_estimate_counts_thinking_and_arguments_too_and_takes_anything() -> None:
    meter = wire.meter()
    for delta in ({"thinking": "a" * 40}, {"partial_json": '{"a":1}'}, {"text": 5}, None, "x"):
        meter.feed(event("content_block_delta", index=0, delta=delta))
    meter.feed(b"data: {cut\n\n" + b"data: 5\n\n")
    assert meter.estimate().output == 12


def test_a_long_stream_is_estimated_from_its_beginning() -> None:
    meter = wire.meter()
    block = text("a" * 400_000)
    for _ in range(20):
        meter.feed(block)
    assert 1_900_000 <= meter.estimate().output <= 2_100_000


def test_usage_of_a_whole_answer_is_read() -> None:
    assert wire.read_usage(b'{"usage":{"input_tokens":4,"output_tokens":5},"content":[]}') == Usage(input=4, output=5)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"<html>", b'{"usage":null}', b'{"usage":5}'])
def test_an_answer_without_usage_has_none(body: bytes) -> None:
    assert wire.read_usage(body) is None
