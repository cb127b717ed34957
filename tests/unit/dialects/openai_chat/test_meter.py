"""The side meter reads usage and the end from bytes that have passed."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest

from sluice.dialects import openai_chat
from sluice.types.usage import Usage


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **members: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + json.dumps({"id": "c", "choices": choices, **members}).encode() + b"\n\n"


USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def test_usage_and_the_end_are_seen() -> None:
    meter = openai_chat.meter()
    meter.feed(chunk({"content": "Hi"}, usage=None))
    assert (meter.usage, meter.finished) == (None, False)
    meter.feed(chunk({}, "stop", usage=None))
    assert meter.finished
    meter.feed(chunk(usage=USAGE) + b"data: [DONE]\n\n")
    assert meter.usage == Usage(input=10, output=5)


def test_the_last_of_cumulative_reports_holds() -> None:
    meter = openai_chat.meter()
    for output in range(5):
        meter.feed(chunk({"content": "x"}, usage={**USAGE, "completion_tokens": output}))
    assert meter.usage == Usage(input=10, output=4)
    meter.feed(chunk(usage={"prompt_tokens": 0, "completion_tokens": 0}))
    assert meter.usage == Usage(input=10, output=4)


def test_usage_on_a_choice_chunk_and_groqs_own_are_seen() -> None:
    meter = openai_chat.meter()
    meter.feed(chunk({}, "stop", x_groq={"usage": USAGE}))
    assert meter.usage == Usage(input=10, output=5)


def test_quirks_reach_the_figures() -> None:
    outside = {**USAGE, "completion_tokens_details": {"reasoning_tokens": 7}}
    meter = openai_chat.meter({"reasoning_outside_completion": True})
    meter.feed(chunk(usage=outside))
    assert meter.usage == Usage(input=10, output=12, reasoning=7)
    body = json.dumps({"usage": outside}).encode()
    assert openai_chat.read_usage(body, {"reasoning_outside_completion": True}) == meter.usage


@pytest.mark.parametrize("end", [b"data: [DONE]\n\n", b"data: [DONE] \r\n\r\n", b"data:[DONE]"])
def test_done_is_an_end(end: bytes) -> None:
    meter = openai_chat.meter()
    meter.feed(chunk({"content": "x"}, "") + end)
    assert meter.finished


def test_words_in_the_text_are_not_mistaken() -> None:
    meter = openai_chat.meter()
    meter.feed(chunk({"content": '"usage": {"prompt_tokens": 1}, "finish_reason": "stop" [DONE]'}, None))
    assert (meter.usage, meter.finished) == (None, False)


def test_an_estimate_counts_all_that_the_model_wrote() -> None:
    meter = openai_chat.meter()
    meter.feed(chunk({"role": "assistant", "content": "abcd" * 10}))
    meter.feed(chunk({"reasoning_content": "abcd" * 5}))
    meter.feed(chunk({"tool_calls": [{"index": 0, "function": {"name": "abcd", "arguments": "abcd"}}]}))
    meter.feed(chunk({"content": [{"type": "thinking", "thinking": [{"text": "abcd"}]}]}))
    assert meter.estimate() == Usage(output=18, estimated=True)


def test_an_estimate_counts_letters_beyond_ascii_as_more() -> None:
    meter = openai_chat.meter()
    meter.feed(chunk({"content": "東京東京東京"}))
    assert meter.estimate().output == 4


def test_an_estimate_of_a_long_stream_is_projected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("sluice.dialects.openai_chat.meter"), "KEEP_LIMIT", 1)
    meter = openai_chat.meter()
    for _ in range(10):
        meter.feed(chunk({"content": "abcd" * 10}))
    assert meter.estimate().output == 100


def test_nothing_is_estimated_from_nothing() -> None:
    assert openai_chat.meter().estimate() == Usage(estimated=True)


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b"{}", b'{"usage":null}'])
def test_a_body_without_usage_has_none(body: bytes) -> None:
    assert openai_chat.read_usage(body) is None


def test_white_space_before_a_body_is_no_hindrance() -> None:
    assert openai_chat.read_usage(b"\n   \n" + json.dumps({"usage": USAGE}).encode()) == Usage(input=10, output=5)
