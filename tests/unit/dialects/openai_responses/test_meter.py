"""Usage read from bytes that pass through unchanged."""

from __future__ import annotations

import json
from typing import Any

from sluice.dialects.openai_responses import meter, read_usage
from sluice.dialects.openai_responses.usage import write
from sluice.types.usage import Usage

USAGE = {
    "input_tokens": 30,
    "input_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 5},
    "output_tokens": 9,
    "output_tokens_details": {"reasoning_tokens": 4},
    "total_tokens": 39,
}


def event(kind: str, **members: Any) -> bytes:
    return f"event: {kind}\ndata: ".encode() + json.dumps({"type": kind, **members}).encode() + b"\n\n"


def test_the_last_event_tells_usage_and_end() -> None:
    reading = meter()
    reading.feed(event("response.created", response={"id": "resp_1", "usage": None}))
    reading.feed(event("response.output_text.delta", delta="x" * 400))
    assert (reading.finished, reading.usage, reading.response_id) == (False, None, "resp_1")
    answer = {"id": "resp_1", "usage": USAGE, "service_tier": "flex"}
    reading.feed(event("response.completed", response=answer))
    assert reading.finished
    assert reading.usage == Usage(input=15, cache_read=10, cache_write_5m=5, output=9, reasoning=4, service_tier="flex")


def test_an_incomplete_answer_has_ended_too() -> None:
    reading = meter()
    reading.feed(event("response.incomplete", response={"usage": USAGE}))
    assert reading.finished
    assert reading.usage is not None


def test_text_that_looks_like_the_end_is_not_the_end() -> None:
    reading = meter()
    reading.feed(event("response.output_text.delta", delta='"response.completed"'))
    reading.feed(b'data: {"type":"response.output_text.delta","delta":"\\"response.completed\\""}\n\n')
    assert not reading.finished


def test_a_stream_that_breaks_off_is_estimated_from_its_text() -> None:
    reading = meter()
    for _ in range(10):
        reading.feed(event("response.output_text.delta", delta="word " * 80, item_id="msg_1", output_index=0))
    guess = reading.estimate()
    assert guess.estimated
    assert 500 <= guess.output <= 1_000


def test_a_whole_answer_tells_its_usage() -> None:
    assert read_usage(json.dumps({"usage": USAGE}).encode()) is not None
    assert read_usage(b"not json") is None
    assert read_usage(b"[]") is None
    assert read_usage(b'{"usage": null}') is None


def test_zeros_are_no_report() -> None:
    assert read_usage(b'{"usage": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}}') is None


def test_web_searches_are_counted() -> None:
    output = [{"type": "web_search_call"}, {"type": "web_search_call"}, {"type": "message", "content": []}]
    counted = read_usage(json.dumps({"usage": USAGE, "output": output}).encode())
    stated = read_usage(json.dumps({"usage": USAGE, "tool_usage": {"web_search": {"num_requests": 3}}}).encode())
    assert counted is not None
    assert stated is not None
    assert (counted.search_requests, stated.search_requests) == (2, 3)


def test_the_details_that_clients_demand_are_always_written() -> None:
    for usage in (None, Usage(input=1, output=2)):
        written: Any = write(usage)
        assert written["input_tokens_details"] == {"cached_tokens": 0, "cache_write_tokens": 0}
        assert written["output_tokens_details"] == {"reasoning_tokens": 0}
