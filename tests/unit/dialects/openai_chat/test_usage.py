"""Token counts under all the names that providers give them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects.openai_chat import usage as counts
from sluice.types.usage import Usage


def read(reported: dict[str, Any], quirks: dict[str, Any] | None = None, **around: Any) -> Usage:
    found = counts.read({"usage": reported, **around}, quirks or {})
    assert found is not None
    return found


def test_openais_details_are_taken_apart() -> None:
    found = read(
        {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "total_tokens": 150,
            "prompt_tokens_details": {
                "cached_tokens": 30,
                "audio_tokens": 7,
                "cache_write_tokens": 20,
                "image_tokens": 3,
            },
            "completion_tokens_details": {"reasoning_tokens": 40, "audio_tokens": 4},
        },
        service_tier="flex",
    )
    assert found == Usage(
        input=50, cache_read=30, cache_write_5m=20, output=50, reasoning=40, audio_input=7, audio_output=4,
        image_input=3, service_tier="flex",
    )  # fmt: skip
    assert (found.prompt, found.total) == (100, 150)


@pytest.mark.parametrize(
    "cached",
    [
        {"prompt_cache_hit_tokens": 30, "prompt_cache_miss_tokens": 70},
        {"cached_tokens": 30},
        {"num_cached_tokens": 30},
        {"cache_read_input_tokens": 30},
        {"prompt_tokens_details": {"cached_tokens": 30}, "prompt_cache_hit_tokens": 30},
        {"input_tokens_details": {"cached_tokens": 30}},
    ],
)
def test_cached_tokens_are_found_under_every_name(cached: dict[str, Any]) -> None:
    found = read({"prompt_tokens": 100, "completion_tokens": 1, **cached})
    assert (found.input, found.cache_read) == (70, 30)


def test_more_cached_tokens_than_prompt_tokens_do_not_change_the_prompt() -> None:
    found = read({"prompt_tokens": 7, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 161}})
    assert (found.prompt, found.cache_read, found.input) == (7, 7, 0)


def test_cache_writes_are_split_by_how_long_they_last() -> None:
    spans = {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 5, "ephemeral_24h_input_tokens": 2}
    found = read(
        {"prompt_tokens": 50, "completion_tokens": 1, "cache_creation_input_tokens": 17, "cache_creation": spans}
    )
    assert (found.input, found.cache_write_5m, found.cache_write_1h) == (33, 10, 7)


def test_reasoning_outside_of_completion_is_seen_in_the_total() -> None:
    reported = {
        "prompt_tokens": 12,
        "completion_tokens": 2,
        "total_tokens": 354,
        "completion_tokens_details": {"reasoning_tokens": 340},
    }
    found = read(reported)
    assert (found.output, found.reasoning) == (342, 340)
    assert read(reported, {"reasoning_outside_completion": True}) == found


def test_a_declared_provider_counts_reasoning_outside_even_if_its_total_does_not() -> None:
    reported = {
        "prompt_tokens": 61,
        "completion_tokens": 10,
        "total_tokens": 71,
        "completion_tokens_details": {"reasoning_tokens": 96},
    }
    assert read(reported, {"reasoning_outside_completion": True}).output == 106
    assert (read(reported).output, read(reported).reasoning) == (10, 10)


def test_a_declared_provider_that_names_no_reasoning_shows_it_in_the_total() -> None:
    reported = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 40}
    found = read(reported, {"reasoning_outside_completion": True})
    assert (found.output, found.reasoning) == (30, 25)
    assert read(reported).output == 5


def test_sound_outside_of_the_prompt_is_seen_in_the_total() -> None:
    reported = {
        "prompt_tokens": 11,
        "completion_tokens": 15,
        "total_tokens": 401,
        "prompt_tokens_details": {"audio_tokens": 375, "cached_tokens": 9},
    }
    found = read(reported)
    assert (found.prompt, found.audio_input, found.output, found.total) == (386, 375, 15, 401)


@pytest.mark.parametrize(
    ("reported", "around", "cost"),
    [
        ({"cost": 0.00128275}, {}, "0.00128275"),
        ({"cost": 4.5e-05}, {}, "0.000045"),
        ({"cost": "0.01"}, {}, "0.01"),
        ({"cost": 0}, {}, "0"),
        ({"cost": {"total_cost": 0.006, "request_cost": 0.005}}, {}, "0.006"),
        ({"cost": 0.001, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.02}}, {}, "0.021"),
        ({"cost_in_usd_ticks": 8702400}, {}, "0.00087024"),
        ({"estimated_cost": 0.5}, {}, "0.5"),
        ({}, {"cost": {"usd": 0.25, "diem": 1}}, "0.25"),
        ({}, {}, None),
        ({"cost": -1}, {}, None),
        ({"cost": "free"}, {}, None),
    ],
)
def test_a_cost_the_provider_states_is_a_decimal_string(
    reported: dict[str, Any], around: dict[str, Any], cost: str | None
) -> None:
    found = read({"prompt_tokens": 1, "completion_tokens": 1, **reported}, **around)
    assert found.provider_cost_usd == cost


def test_usage_is_found_where_groq_and_others_put_it() -> None:
    groq = counts.read({"x_groq": {"usage": {"prompt_tokens": 3, "completion_tokens": 4}}})
    assert groq is not None
    assert groq.total == 7
    assert read({"input_tokens": 3, "output_tokens": 4}).total == 7
    assert read({"prompt_tokens": 3, "completion_tokens": 4, "service_tier": "standard"}).service_tier == "standard"
    searched = {"prompt_tokens": 3, "completion_tokens": 4, "server_tool_use_details": {"web_search_requests": 2}}
    assert read(searched).search_requests == 2


@pytest.mark.parametrize(
    "body", [{}, {"usage": None}, {"usage": {}}, {"usage": []}, {"x_groq": {"id": "x"}}, {"usage": {"cost": 1}}]
)
def test_no_usage_is_none(body: dict[str, Any]) -> None:
    assert counts.read(body) is None


def test_odd_figures_count_as_nothing() -> None:
    odd = {"prompt_tokens": "5", "completion_tokens": True, "total_tokens": -3, "prompt_tokens_details": [1]}
    assert read(odd) == Usage(input=5)
    assert read({"prompt_tokens": float("nan"), "completion_tokens": 2}) == Usage(output=2)


def test_a_later_report_replaces_an_earlier_one_unless_it_counts_nothing() -> None:
    first, second = Usage(input=100, output=1), Usage(input=20, cache_read=80, output=9)
    assert counts.newer(first, second) == second
    assert counts.newer(first, Usage()) == first
    assert counts.newer(first, None) == first
    assert counts.newer(None, Usage()) == Usage()


@given(st.floats(min_value=0, max_value=1e14, allow_nan=False))
def test_decimals_are_exact_and_without_exponent(value: float) -> None:
    text = counts.decimal(value)
    assert "e" not in text
    assert float(text) == value


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    number = st.integers(0, 10**6)
    fresh, output = draw(number), draw(number)
    cost = draw(st.none() | st.floats(0, 100, allow_nan=False))
    return Usage(
        input=fresh,
        cache_read=draw(number),
        cache_write_5m=draw(number),
        cache_write_1h=draw(number),
        output=output,
        reasoning=draw(st.integers(0, output)),
        audio_input=draw(st.integers(0, fresh)),
        audio_output=draw(st.integers(0, output)),
        image_input=draw(st.integers(0, fresh)),
        search_requests=draw(st.integers(0, 9)),
        provider_cost_usd=None if cost is None else counts.decimal(cost),
    )


@given(usages())
def test_what_is_written_is_read_again(usage: Usage) -> None:
    assert counts.read({"usage": counts.write(usage)}) == usage


def test_the_context_of_a_search_is_kept() -> None:
    found = counts.read({"usage": {"prompt_tokens": 7, "completion_tokens": 1, "search_context_size": "low"}})
    assert found is not None
    assert found.search_context == "low"
    assert counts.write(found)["search_context_size"] == "low"
