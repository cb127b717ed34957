"""What the gateway reads of a request and an answer that pass through, and the quirks it applies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects import ollama_chat as wire
from sluice.dialects.base import REMOVED
from sluice.errors import BadRequest, UnsupportedParameter
from sluice.types.usage import Usage

ASK: dict[str, Any] = {"model": "qwen3", "messages": [{"role": "user", "content": "Hi"}]}
LINE = b'{"model":"qwen3","message":{"role":"assistant","content":"Hi"},"done":false}\n'
LAST = b'{"model":"qwen3","message":{"content":""},"done":true,"prompt_eval_count":9,"eval_count":2}\n'


def test_a_request_is_outlined_and_streams_unless_told_otherwise() -> None:
    seen = wire.outline({**ASK, "options": {"num_predict": 64.0}}, 321)
    assert (seen.model, seen.stream, seen.max_output, seen.choices, seen.prompt_bytes) == ("qwen3", True, 64, 1, 321)
    assert wire.outline({**ASK, "stream": None}, 1).stream is True
    assert wire.outline({**ASK, "stream": False}, 1).stream is False


@pytest.mark.parametrize("bound", [-1, -2, 0, None])
def test_no_bound_on_output_is_none(bound: int | None) -> None:
    assert wire.outline({**ASK, "options": {"num_predict": bound}}, 1).max_output is None


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": " "}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": "x", "images": [{"url": "u"}]}]}, "messages[0].images"),
        ({"stream": "no"}, "stream"),
        ({"options": [1]}, "options"),
        ({"options": {"num_predict": "9"}}, "options.num_predict"),
        ({"tools": {}}, "tools"),
    ],
)
def test_what_no_host_could_serve_is_refused_by_name(change: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        wire.outline({**ASK, **change}, 1)
    assert refused.value.param == param


def test_a_request_passes_untouched_but_for_declared_quirks() -> None:
    body = {**ASK, "keep_alive": "5m", "think": True}
    assert wire.pass_edits(body, {}) == {}
    quirks = {"drop": ["keep_alive"], "defaults": {"think": False, "truncate": False}}
    assert wire.pass_edits(body, quirks) == {"keep_alive": REMOVED, "truncate": False}
    with pytest.raises(UnsupportedParameter, match="think"):
        wire.pass_edits(body, {"refuse": ["think"]})
    assert wire.stream_filter(body) is None


def test_usage_is_read_from_the_line_that_is_done() -> None:
    meter = wire.meter()
    meter.feed(LINE + LINE)
    assert (meter.usage, meter.finished) == (None, False)
    assert meter.estimate() == Usage(output=2, estimated=True)
    meter.feed(LAST)
    assert (meter.usage, meter.finished) == (Usage(input=9, output=2), True)


def test_an_end_without_counts_is_an_end() -> None:
    meter = wire.meter()
    meter.feed(b'{"done": true}\n')
    assert (meter.usage, meter.finished) == (None, True)


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        ({"eval_count": 3}, Usage(output=3)),
        ({"prompt_eval_count": 5, "eval_count": 3}, Usage(input=5, output=3)),
        ({"prompt_eval_count": True, "eval_count": -1}, Usage()),
        ({"total_duration": 5}, None),
    ],
)
def test_usage_of_a_whole_answer(answer: dict[str, Any], usage: Usage | None) -> None:
    assert wire.read_usage(json.dumps(answer).encode()) == usage


def test_usage_of_what_is_no_answer_is_none() -> None:
    assert wire.read_usage(b"[") is None
    assert wire.read_usage(b"[]") is None


def test_the_line_that_keeps_a_stream_open_can_be_parsed_and_says_nothing() -> None:
    kept = json.loads(wire.keep_alive())
    assert (kept["done"], kept["message"]["content"]) == (False, "")
    assert wire.framing().begun(wire.keep_alive())
    assert wire.STREAM_TYPE == "application/x-ndjson"
