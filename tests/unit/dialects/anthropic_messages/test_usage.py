"""Token counts: disjoint classes, cumulative reports, what is billed but left out on top."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects.anthropic_messages import usage as counts
from sluice.types.usage import Usage

TOKENS = st.integers(min_value=0, max_value=10**7)


def overlaid(*reports: dict[str, Any]) -> Usage | None:
    known: dict[str, object] = {}
    for report in reports:
        counts.overlay(known, report)
    return counts.read(known)


def test_input_excludes_what_the_cache_gave_or_took() -> None:
    raw = {
        "input_tokens": 10,
        "cache_read_input_tokens": 200,
        "cache_creation_input_tokens": 35,
        "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 5},
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 4},
        "server_tool_use": {"web_search_requests": 2},
        "service_tier": "priority",
    }
    usage = counts.read(raw)
    assert usage == Usage(
        input=10,
        cache_read=200,
        cache_write_5m=30,
        cache_write_1h=5,
        output=7,
        reasoning=4,
        search_requests=2,
        service_tier="priority",
    )
    assert usage is not None
    assert usage.prompt == 245


def test_cache_writes_without_a_split_last_five_minutes() -> None:
    assert counts.read({"input_tokens": 1, "cache_creation_input_tokens": 9}) == Usage(input=1, cache_write_5m=9)


def test_a_total_above_its_split_belongs_to_the_kind_that_was_split() -> None:
    raw = {"cache_creation_input_tokens": 9, "cache_creation": {"ephemeral_1h_input_tokens": 4}}
    assert counts.read(raw) == Usage(cache_write_1h=9)


@pytest.mark.parametrize("raw", [None, {}, "x"])
def test_no_usage_is_none_and_not_zero(raw: Any) -> None:
    assert counts.read(raw) is None


@pytest.mark.parametrize("value", [None, "12", -4, True, [], {}, float("inf"), float("nan")])
def test_what_is_no_count_counts_as_zero(value: object) -> None:
    assert counts.read({"input_tokens": value, "output_tokens": 3}) == Usage(output=3)


def test_a_later_report_overwrites_an_earlier_one() -> None:
    start = {"input_tokens": 100, "cache_read_input_tokens": 50, "output_tokens": 1, "service_tier": "standard"}
    usage = overlaid(start, {"input_tokens": 900, "cache_read_input_tokens": 0, "output_tokens": 40})
    assert usage == Usage(input=900, output=40, service_tier="standard")


def test_a_report_of_nothing_but_zeros_erases_nothing() -> None:
    usage = overlaid({"input_tokens": 100, "output_tokens": 5}, {"input_tokens": 0, "output_tokens": 0})
    assert usage == Usage(input=100, output=5)


def test_nulls_erase_nothing() -> None:
    usage = overlaid({"input_tokens": 3, "service_tier": "standard"}, {"input_tokens": None, "service_tier": None})
    assert usage == Usage(input=3, service_tier="standard")


def test_the_split_of_the_start_holds_for_the_total_of_the_end() -> None:
    start = {"input_tokens": 1, "cache_creation_input_tokens": 8, "cache_creation": {"ephemeral_1h_input_tokens": 8}}
    assert overlaid(start, {"input_tokens": 1, "cache_creation_input_tokens": 8}) == Usage(input=1, cache_write_1h=8)


def test_a_split_that_no_longer_fits_its_total_is_forgotten() -> None:
    start = {"input_tokens": 1, "cache_creation_input_tokens": 8, "cache_creation": {"ephemeral_5m_input_tokens": 8}}
    assert overlaid(start, {"input_tokens": 9, "cache_creation_input_tokens": 0}) == Usage(input=9)


def test_compaction_is_billed_although_the_totals_leave_it_out() -> None:
    raw = {
        "input_tokens": 200,
        "output_tokens": 8,
        "iterations": [
            {"type": "compaction", "input_tokens": 55_000, "output_tokens": 120, "cache_read_input_tokens": 7},
            {"type": "message", "input_tokens": 200, "output_tokens": 8},
            {"type": "advisor_message", "model": "other", "input_tokens": 999, "output_tokens": 999},
        ],
    }
    assert counts.read(raw) == Usage(input=55_200, cache_read=7, output=128)


def test_a_cost_the_provider_states_is_kept() -> None:
    usage = counts.read({"input_tokens": 1, "cost": 0.000112})
    assert usage is not None
    assert usage.provider_cost_usd == "0.000112"


@given(st.lists(TOKENS, min_size=7, max_size=7))
def test_what_is_written_is_read_back(numbers: list[int]) -> None:
    fresh, read, five, hour, output, reasoning, searches = numbers
    usage = Usage(fresh, read, five, hour, output, reasoning, search_requests=searches, service_tier="standard")
    assert counts.read(counts.write(usage)) == usage


def test_where_an_answer_was_made_is_kept_where_it_is_told() -> None:
    for told, kept in (("us", "us"), ("global", None), ("not_available", None), (None, None)):
        found = counts.read({"input_tokens": 1, "inference_geo": told})
        assert found is not None
        assert found.inference_geo == kept
        assert counts.write(found).get("inference_geo") == kept
