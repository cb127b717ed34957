"""What InvokeModel used: from headers, from the metrics of a stream, from the bodies of the model families."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from sluice.dialects import bedrock_count_tokens, bedrock_invoke, eventstream
from sluice.errors import BadRequest
from sluice.types.usage import Usage

HEADERS = {
    "x-amzn-bedrock-input-token-count": "3",
    "x-amzn-bedrock-output-token-count": "40",
    "x-amzn-bedrock-cache-read-input-token-count": "9",
    "x-amzn-bedrock-cache-write-input-token-count": "4",
}
METRICS = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 3, "outputTokenCount": 40}}


def chunk(event: Any) -> bytes:
    told = base64.b64encode(json.dumps(event).encode()).decode()
    return eventstream.event("chunk", json.dumps({"bytes": told, "p": "abc"}).encode())


def counted(body: Any, headers: dict[str, str] | None = None) -> Usage | None:
    return bedrock_invoke.answer_usage(json.dumps(body).encode(), headers or {}, {})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"usage": {"input_tokens": 3, "output_tokens": 40, "cache_read_input_tokens": 9,
                    "cache_creation": {"ephemeral_1h_input_tokens": 4}, "cache_creation_input_tokens": 4}},
         Usage(3, 9, 0, 4, 40)),
        ({"usage": {"inputTokens": 3, "outputTokens": 40, "cacheReadInputTokenCount": 9}}, Usage(3, 9, output=40)),
        ({"usage": {"prompt_tokens": 3, "completion_tokens": 40}}, Usage(3, output=40)),
        ({"prompt_token_count": 3, "generation_token_count": 40}, Usage(3, output=40)),
        ({"inputTextTokenCount": 3, "results": [{"tokenCount": 40}]}, Usage(3, output=40)),
        ({"inputTextTokenCount": 3, "embedding": [0.1]}, Usage(3)),
        ({"meta": {"billed_units": {"input_tokens": 3, "output_tokens": 40}}}, Usage(3, output=40)),
        ({"outputs": [{"text": "Hi"}]}, None),
        ([], None),
    ],
)  # fmt: skip
def test_every_family_counts_in_its_own_words(body: Any, expected: Usage | None) -> None:
    assert counted(body) == expected
    assert bedrock_invoke.read_usage(json.dumps(body).encode()) == expected


def test_headers_count_for_families_that_do_not() -> None:
    assert counted({"outputs": []}, HEADERS) == Usage(3, 9, 4, 0, 40)
    assert bedrock_invoke.answer_usage(b"not json", HEADERS, {}) == Usage(3, 9, 4, 0, 40)


def test_the_body_says_how_long_the_cache_holds_and_the_headers_what_is_charged() -> None:
    body = {"usage": {"input_tokens": 3, "output_tokens": 41, "cache_read_input_tokens": 9,
                      "cache_creation_input_tokens": 4,
                      "cache_creation": {"ephemeral_1h_input_tokens": 4, "ephemeral_5m_input_tokens": 0}}}  # fmt: skip
    assert counted(body, HEADERS) == Usage(3, 9, 0, 4, 40)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([{"message": {"usage": {"input_tokens": 3, "output_tokens": 1, "cache_read_input_tokens": 9}}},
          {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 39}},
          {"type": "message_stop", **METRICS}], Usage(3, 9, output=40)),
        ([{"generation": "a", "prompt_token_count": 3, "generation_token_count": 1, "stop_reason": None},
          {"generation": "b", "prompt_token_count": None, "generation_token_count": 40, "stop_reason": "stop"}],
         Usage(3, output=40)),
        ([{"messageStart": {}}, {"messageStop": {"stopReason": "end_turn"}},
          {"metadata": {"usage": {"inputTokens": 3, "outputTokens": 40}}, **METRICS}], Usage(3, output=40)),
        ([{"outputText": "a", "inputTextTokenCount": 3, "totalOutputTextTokenCount": 40, "completionReason": "FINISH"}],
         Usage(3, output=40)),
        ([{"outputs": [{"text": "a", "stop_reason": None}]}, {"outputs": [], **METRICS}], Usage(3, output=40)),
        ([{"is_finished": True, "finish_reason": "COMPLETE", **METRICS}], Usage(3, output=40)),
    ],
)  # fmt: skip
def test_the_last_chunk_of_a_stream_counts(events: list[Any], expected: Usage) -> None:
    meter = bedrock_invoke.meter()
    for event in events:
        meter.feed(chunk(event))
    assert (meter.usage, meter.finished) == (expected, True)
    assert meter.estimate().output == 40


def test_a_stream_that_breaks_is_estimated_from_its_text() -> None:
    meter = bedrock_invoke.meter()
    meter.feed(
        chunk({"generation": "x" * 400, "prompt_token_count": 3, "generation_token_count": 1, "stop_reason": None})
    )
    meter.feed(eventstream.exception("modelStreamErrorException", b'{"message":"gone"}'))
    meter.feed(eventstream.event("chunk", b'{"bytes":7}'))
    assert (meter.finished, meter.estimate().estimated) == (False, True)
    assert 100 <= meter.estimate().output < 150


@pytest.mark.parametrize(
    ("body", "bound"),
    [
        ({"max_tokens": 5}, 5),
        ({"max_gen_len": 5}, 5),
        ({"inferenceConfig": {"maxTokens": 5}}, 5),
        ({"inferenceConfig": {"max_new_tokens": 5}}, 5),
        ({"textGenerationConfig": {"maxTokenCount": 5}}, 5),
        ({"max_tokens_to_sample": 5}, 5),
        ({"max_completion_tokens": 5}, 5),
        ({"max_tokens": "5", "textGenerationConfig": []}, None),
    ],
)
def test_the_bound_is_found_wherever_the_family_has_it(body: dict[str, Any], bound: int | None) -> None:
    outline = bedrock_invoke.outline({**body, "model": "m", "stream": True}, 7)
    assert (outline.max_output, outline.stream, outline.prompt_bytes) == (bound, True, 7)
    assert bedrock_invoke.pass_edits(body, {"drop": ["max_tokens"]}) == {}


@pytest.mark.parametrize("dialect", [bedrock_invoke, bedrock_count_tokens])
def test_a_model_is_needed(dialect: Any) -> None:
    with pytest.raises(BadRequest, match="path"):
        dialect.outline({"input": {"converse": {}}}, 1)


@pytest.mark.parametrize("asked", [None, {}, {"converse": "Hi"}, []])
def test_a_count_needs_something_to_count(asked: Any) -> None:
    with pytest.raises(BadRequest, match="converse"):
        bedrock_count_tokens.outline({"model": "m", "input": asked}, 1)


def test_a_count_is_free() -> None:
    assert bedrock_count_tokens.read_usage(b'{"inputTokens":7}') == Usage()
    assert bedrock_count_tokens.stream_filter({}) is None
    assert bedrock_count_tokens.meter().usage is None
