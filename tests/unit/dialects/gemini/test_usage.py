"""Token counts: what the prompt includes, where thoughts stand, which report of a stream holds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects.gemini import usage as counts
from sluice.dialects.gemini.meter import StreamMeter, read_usage
from sluice.types.usage import Usage

FULL = {
    "promptTokenCount": 1000,
    "cachedContentTokenCount": 600,
    "toolUsePromptTokenCount": 50,
    "candidatesTokenCount": 30,
    "thoughtsTokenCount": 70,
    "totalTokenCount": 1150,
    "promptTokensDetails": [
        {"modality": "TEXT", "tokenCount": 200},
        {"modality": "AUDIO", "tokenCount": 300},
        {"modality": "IMAGE", "tokenCount": 500},
    ],
    "cacheTokensDetails": [{"modality": "IMAGE", "tokenCount": 400}, {"modality": "AUDIO", "tokenCount": 200}],
    "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 20}],
    "serviceTier": "STANDARD",
}


def test_the_cache_is_inside_the_prompt_and_thoughts_are_outside_the_candidates() -> None:
    assert counts.read(FULL) == Usage(
        input=450,
        cache_read=600,
        cache_read_audio=200,
        output=100,
        reasoning=70,
        audio_input=100,
        audio_output=20,
        image_input=100,
        service_tier="standard",
    )


def test_snake_case_numbers_in_strings_and_enums_in_numbers_are_understood() -> None:
    raw: dict[str, Any] = {
        "prompt_token_count": "12",
        "candidates_token_count": 3,
        "prompt_tokens_details": [{"modality": 4, "token_count": 5}],
        "traffic_type": 1,
    }
    assert counts.read(raw) == Usage(input=12, output=3, audio_input=5)


@pytest.mark.parametrize(("traffic", "tier"), [("ON_DEMAND", None), ("ON_DEMAND_FLEX", "flex")])
def test_the_kind_of_traffic_tells_the_tier_where_the_price_depends_on_it(traffic: str, tier: str | None) -> None:
    usage = counts.read({"promptTokenCount": 1, "trafficType": traffic})
    assert usage is not None
    assert usage.service_tier == tier


@pytest.mark.parametrize("raw", [None, {}, {"trafficType": "ON_DEMAND"}, "x", []])
def test_a_report_without_counts_is_none(raw: Any) -> None:
    assert counts.read(raw) is None


def test_details_never_exceed_the_figure_they_are_details_of() -> None:
    usage = counts.read({"promptTokenCount": 5, "cachedContentTokenCount": 9, "promptTokensDetails": [
        {"modality": "AUDIO", "tokenCount": 50}]})  # fmt: skip
    assert usage == Usage(input=0, cache_read=5)


TOKENS = st.integers(0, 10**6)


@given(TOKENS, TOKENS, TOKENS, TOKENS, TOKENS, TOKENS)
def test_written_usage_is_read_back(fresh: int, cached: int, said: int, thought: int, sound: int, seen: int) -> None:
    usage = Usage(
        input=fresh + sound + seen,
        cache_read=cached,
        output=said + thought,
        reasoning=thought,
        audio_input=sound,
        image_input=seen,
        service_tier="flex",
    )
    assert counts.read(counts.write(usage)) == usage


def chunk(text: str, **usage: int) -> bytes:
    counted = ",".join(f'"{name}":{value}' for name, value in usage.items())
    said = '{"candidates":[{"content":{"parts":[{"text":"' + text + '"}]}}]'
    return f'data: {said},"responseId":"r1","usageMetadata":{{{counted}}}}}\r\n\r\n'.encode()


def test_the_meter_takes_the_last_report_that_counts() -> None:
    meter = StreamMeter()
    meter.feed(chunk("a", promptTokenCount=9))
    meter.feed(chunk("b", promptTokenCount=8, candidatesTokenCount=2))
    meter.feed(chunk("c", trafficType=1))
    assert meter.usage == Usage(input=8, output=2)
    assert (meter.response_id, meter.finished) == ("r1", False)
    meter.feed(b'data: {"candidates":[{"finishReason":"STOP"}]}\n\n')
    assert meter.finished


def test_the_end_is_not_seen_in_what_the_model_wrote_about_it() -> None:
    meter = StreamMeter()
    meter.feed(chunk('\\"finishReason\\": \\"STOP\\"'))
    assert not meter.finished


def test_the_meter_reads_an_array_that_is_cut_anywhere() -> None:
    body = b'[{"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":2},"responseId":"r"}\n,{"candidates":[]}]'
    meter = StreamMeter()
    for place in range(len(body)):
        meter.feed(body[place : place + 1])
    assert meter.usage == read_usage(body) == Usage(input=4, output=2)


def test_searches_that_grounded_an_answer_are_counted_wherever_they_stand_in_a_stream() -> None:
    grounded = (
        b'{"candidates":[{"groundingMetadata":{"webSearchQueries":["a","b"]}}],"usageMetadata":{"promptTokenCount":4}}'
    )
    meter = StreamMeter()
    meter.feed(b"data: " + grounded + b"\n\n")
    meter.feed(chunk("x", promptTokenCount=4, candidatesTokenCount=2))
    meter.feed(b"data: " + grounded + b"\n\n")
    meter.feed(chunk("x", promptTokenCount=4, candidatesTokenCount=3))
    assert meter.usage == Usage(input=4, output=3, search_requests=2)
    assert read_usage(grounded) == Usage(input=4, search_requests=2)


def test_a_search_told_last_does_not_bring_back_an_older_report() -> None:
    last = b'{"candidates":[{"groundingMetadata":{"webSearchQueries":["a"]}}],"usageMetadata":{"promptTokenCount":7}}'
    meter = StreamMeter()
    meter.feed(chunk("x", promptTokenCount=4))
    meter.feed(chunk("x", promptTokenCount=5))
    meter.feed(b"data: " + last + b"\n\n")
    assert meter.usage == Usage(input=7, search_requests=1)


def test_a_guess_counts_what_was_reported_or_else_the_bytes() -> None:
    meter = StreamMeter()
    meter.feed(chunk("a" * 4000, promptTokenCount=9))
    guess = meter.estimate()
    assert (guess.input, guess.estimated) == (9, True)
    assert 800 < guess.output < 1100
    meter.feed(chunk("b", promptTokenCount=9, candidatesTokenCount=77))
    assert (meter.estimate().output, meter.estimate().estimated) == (77, True)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b"<html>"])
def test_a_body_without_usage_has_none(body: bytes) -> None:
    assert read_usage(body) is None
