"""A call costs what its tokens cost at the price in force, to the nano-dollar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sluice.metering.pricing import charge, cost, cost_at_ceiling, price_of, stated_nano, tier_named, weekday
from sluice.types.catalogue import Model, Price, PriceTier
from sluice.types.usage import Usage

NOON_2026_11_23 = 1_795_435_200_000
COUNTS = st.integers(0, 10**7)
USAGES = st.builds(
    Usage,
    input=COUNTS,
    cache_read=COUNTS,
    cache_write_5m=COUNTS,
    cache_write_1h=COUNTS,
    output=COUNTS,
    reasoning=COUNTS,
    audio_input=COUNTS,
    audio_output=COUNTS,
    image_input=COUNTS,
    search_requests=st.integers(0, 50),
)
RATES = st.dictionaries(
    st.sampled_from(
        [
            "input",
            "cache_read",
            "cache_write_5m",
            "cache_write_1h",
            "output",
            "reasoning",
            "audio_input",
            "audio_output",
            "image_input",
            "request",
            "search",
        ]
    ),
    st.integers(0, 10**11),
    min_size=1,
)


def price(rates: Mapping[str, int], starts: str = "", *, over: Mapping[int, Mapping[str, int]] | None = None) -> Price:
    tiers = (PriceTier(0, rates), *(PriceTier(start, more) for start, more in (over or {}).items()))
    return Price(starts, tiers, version="list#1")


def model(*prices: Price) -> Model:
    return Model("m", "p", prices=prices)


def spent(usage: Usage, **rates: int) -> int:
    return cost(usage, price(rates)).nano


def test_input_and_output_cost_their_rates() -> None:
    usage = Usage(input=1000, output=500)
    assert spent(usage, input=3_000_000_000, output=15_000_000_000) == 3_000_000 + 7_500_000


def test_the_sum_is_rounded_once_and_half_up() -> None:
    assert spent(Usage(input=1), input=499_999) == 0
    assert spent(Usage(input=1), input=500_000) == 1
    assert spent(Usage(input=1, output=1), input=250_000, output=250_000) == 1
    assert spent(Usage(input=1, output=1), input=500_000, output=500_000) == 1


def test_each_cache_class_costs_its_own_rate() -> None:
    usage = Usage(input=10**6, cache_read=10**6, cache_write_5m=10**6, cache_write_1h=10**6)
    assert spent(usage, input=1000, cache_read=100, cache_write_5m=1250, cache_write_1h=2000) == 4350


@pytest.mark.parametrize(
    ("usage", "rates", "nano"),
    [
        (Usage(cache_read=10**6), {"input": 7}, 7),
        (Usage(cache_write_5m=10**6), {"input": 7}, 7),
        (Usage(cache_write_1h=10**6), {"input": 7, "cache_write_5m": 9}, 9),
        (Usage(cache_write_1h=10**6), {"input": 7}, 7),
        (Usage(input=10**6, audio_input=10**6), {"input": 7}, 7),
        (Usage(input=10**6, image_input=10**6), {"input": 7}, 7),
        (Usage(output=10**6, reasoning=10**6), {"output": 7}, 7),
        (Usage(output=10**6, audio_output=10**6), {"output": 7}, 7),
        (Usage(output=10**6), {"input": 7}, 0),
    ],
)
def test_what_has_no_rate_of_its_own_is_charged_as_what_it_is(usage: Usage, rates: dict[str, int], nano: int) -> None:
    assert spent(usage, **rates) == nano


def test_audio_images_and_reasoning_are_parts_of_input_and_output() -> None:
    usage = Usage(input=3 * 10**6, audio_input=10**6, image_input=10**6, output=3 * 10**6, audio_output=10**6)
    assert spent(usage, input=1, audio_input=10, image_input=100, output=1000, audio_output=10_000) == 12_111
    thought = Usage(output=3 * 10**6, reasoning=2 * 10**6)
    assert spent(thought, output=10) == 30
    assert spent(thought, output=10, reasoning=1) == 12


def test_a_part_larger_than_its_whole_is_cut_to_it() -> None:
    assert spent(Usage(input=10**6, audio_input=5 * 10**6), input=1, audio_input=10) == 10
    assert spent(Usage(output=10**6, reasoning=5 * 10**6), output=10) == 10


def test_searches_and_requests_are_charged_by_piece() -> None:
    usage = Usage(input=10**6, search_requests=3)
    assert spent(usage, input=1, search=10_000_000, request=5) == 1 + 30_000_000 + 5


def test_sound_is_charged_by_the_millisecond_at_an_hourly_rate() -> None:
    # 3.7 s at $0.36 an hour, which is $0.0001 a second.
    assert cost(Usage(audio_ms=3_700), price({"audio_hour": 360_000_000})).nano == 370_000
    # A third of a nano-dollar: 30 ms at $0.04 an hour; two of them and a token's half make one after rounding once.
    assert cost(Usage(audio_ms=30), price({"audio_hour": 40_000_000})).nano == 333
    assert cost(Usage(audio_ms=60, input=1), price({"audio_hour": 40_000_000, "input": 500_000})).nano == 667


def test_sound_that_is_charged_by_time_is_not_charged_by_tokens_as_well() -> None:
    heard = Usage(input=378, audio_input=375, output=11, audio_ms=3_000)
    rates = {"audio_hour": 3_600_000, "input": 1_000_000, "output": 1_000_000}
    assert cost(heard, price(rates)).breakdown == {"input": 3, "output": 11, "audio_hour": 3_000}
    assert cost(heard, price({"input": 1_000_000, "output": 1_000_000})).nano == 378 + 11


def test_spoken_text_is_charged_by_the_character_where_a_price_says_so() -> None:
    spoken = Usage(characters=11, input=3, output=14, audio_output=14)
    assert cost(spoken, price({"character": 15_000_000_000})).nano == 165_000
    assert cost(spoken, price({"input": 600_000_000, "output": 12_000_000_000})).nano == 1_800 + 168_000


def test_drawn_tokens_have_their_own_rate_and_cost_plain_output_otherwise() -> None:
    drawn = Usage(input=221, image_input=194, output=415, image_output=272)
    rates = {"input": 5_000_000, "image_input": 8_000_000, "output": 10_000_000, "image_output": 32_000_000}
    assert cost(drawn, price(rates)).nano == 27 * 5 + 194 * 8 + 143 * 10 + 272 * 32
    assert cost(drawn, price({"input": 5_000_000, "output": 40_000_000})).nano == 221 * 5 + 415 * 40


@pytest.mark.parametrize(
    ("size", "quality", "each"),
    [
        ("1024x1024", "hd", 80),
        ("1792x1024", "hd", 70),
        ("1024x1024", "low", 40),
        ("512x512", "hd", 70),
        ("512x512", "low", 20),
        (None, None, 20),
    ],
)
def test_a_picture_costs_what_its_quality_and_size_cost(size: str | None, quality: str | None, each: int) -> None:
    rates = {"image": 20, "image/hd": 70, "image/1024x1024": 40, "image/hd/1024x1024": 80, "image_sent": 3}
    found = cost(Usage(images=2, image_size=size, image_quality=quality, images_sent=4), price(rates))
    assert found.nano == 2 * each + 12
    assert sum(found.breakdown.values()) == found.nano


def test_the_tier_follows_the_whole_prompt_and_holds_for_the_whole_call() -> None:
    tiered = price({"input": 10, "output": 100}, over={200_000: {"input": 20, "output": 150}})
    at_the_edge = Usage(input=100_000, cache_read=100_000, output=10**6)
    beyond = Usage(input=100_001, cache_read=100_000, output=10**6)
    assert cost(at_the_edge, tiered).nano == 100 + 2
    assert cost(beyond, tiered).nano == 150 + 4


@given(USAGES, RATES)
def test_the_breakdown_adds_up_to_the_cost(usage: Usage, rates: dict[str, int]) -> None:
    found = cost(usage, price(rates))
    assert sum(found.breakdown.values()) == found.nano
    assert all(part >= 0 for part in found.breakdown.values())


@given(USAGES, RATES)
def test_the_cost_is_exact_to_half_a_nano_dollar(usage: Usage, rates: dict[str, int]) -> None:
    found = cost(usage, price(rates))
    exact = Fraction(cost(usage, price({name: rate * 10**6 for name, rate in rates.items()})).nano, 10**6)
    assert abs(found.nano - exact) <= Fraction(1, 2)


@given(USAGES, USAGES, RATES)
def test_more_usage_never_costs_less(one: Usage, other: Usage, rates: dict[str, int]) -> None:
    flat = {"input": rates.get("input", 0), "output": rates.get("output", 0)}
    assert cost(one.merged(other), price(flat)).nano >= max(cost(one, price(flat)).nano, cost(other, price(flat)).nano)


def test_the_newest_price_that_has_started_holds() -> None:
    old, new = price({"input": 5}), price({"input": 3}, "2026-03-13")
    priced = model(old, new)
    assert price_of(priced, "2026-03-12") is old
    assert price_of(priced, "2026-03-13") is new
    assert price_of(priced, "2027-01-01T10:00") is new
    assert price_of(model(new), "2026-03-12") is None


def test_an_unpriced_model_has_no_price() -> None:
    assert price_of(model(), "2026-11-23") is None


def test_a_service_tier_has_its_own_price_and_otherwise_the_standard_one() -> None:
    standard = price({"input": 10})
    flex = Price("2026-10-12", (PriceTier(0, {"input": 5}),), service_tiers=("flex",))
    fast = Price("", (PriceTier(0, {"input": 20}),), service_tiers=("fast", "priority"))
    priced = model(standard, flex, fast)
    assert price_of(priced, "2026-11-23", "flex") is flex
    assert price_of(priced, "2026-10-11", "flex") is standard
    assert price_of(priced, "2026-11-23", "priority") is fast
    for tier in (None, "default", "standard", "auto", "something new"):
        assert price_of(priced, "2026-11-23", tier) is standard


def test_the_standard_tier_has_one_name() -> None:
    assert {tier_named(name) for name in (None, "", "auto", "default", "standard", "on_demand")} == {"standard"}
    assert tier_named("flex") == "flex"


def test_a_price_that_depends_on_the_hour_is_chosen_by_the_clock() -> None:
    cheap = price({"input": 1})
    peak = Price("", (PriceTier(0, {"input": 2}),), hours=(("01:00", "04:00"), ("06:00", "10:00")))
    priced = model(cheap, peak)
    for clock, expected in (("00:59", cheap), ("01:00", peak), ("03:59", peak), ("04:00", cheap), ("06:30", peak)):
        assert price_of(priced, f"2026-11-23T{clock}:30Z") is expected
    assert price_of(priced, "2026-11-23") is peak


def test_hours_may_be_those_of_some_days_of_the_week() -> None:
    cheap = price({"input": 1})
    peak = Price("", (PriceTier(0, {"input": 2}),), hours=(("01:00", "04:00"),), days=(0, 4))
    priced = model(cheap, peak)
    # 2026-11-23 is a Monday.
    for day, expected in (("23", peak), ("24", cheap), ("27", peak), ("28", cheap), ("29", cheap), ("30", peak)):
        assert price_of(priced, f"2026-11-{day}T02:00") is expected
        assert price_of(priced, f"2026-11-{day}T05:00") is cheap
        assert price_of(priced, f"2026-11-{day}") is expected
    alone = (replace(peak, hours=(("01:00", "02:00"),)), replace(peak, hours=(("03:00", "04:00"),)))
    for clock in ("02:00", "03:30"):
        assert price_of(model(*alone), f"2026-11-24T{clock}") is alone[0], "no day without a price"


@given(st.dates())
@example(date(2000, 1, 1))
@example(date(2026, 2, 28))
@example(date(2026, 3, 1))
@example(date(2400, 12, 31))
def test_the_day_of_the_week_is_known_without_a_calendar(day: date) -> None:
    assert weekday(day.isoformat()) == day.weekday()


def test_a_charge_is_made_at_the_price_of_its_minute() -> None:
    peak = Price("", (PriceTier(0, {"input": 2}),), hours=(("12:00", "12:01"),), version="list#peak")
    priced = model(price({"input": 1}), peak)
    usage = Usage(input=10**6)
    assert charge(priced, usage, NOON_2026_11_23) == (2, "list#peak")
    assert charge(priced, usage, NOON_2026_11_23 + 60_000) == (1, "list#1")


def test_a_charge_follows_the_service_tier_that_the_provider_reported() -> None:
    flex = Price("", (PriceTier(0, {"input": 1}),), service_tiers=("flex",), version="list#flex")
    assert charge(model(price({"input": 2}), flex), Usage(input=10**6, service_tier="flex"), 0) == (1, "list#flex")


def test_an_unpriced_model_is_charged_at_the_ceiling() -> None:
    usage = Usage(input=10**6, output=10**6)
    rates = {"input": 10, "output": 100}
    assert cost_at_ceiling(usage, rates).nano == 110
    assert charge(model(), usage, NOON_2026_11_23, rates) == (110, "ceiling")
    assert charge(model(), usage, NOON_2026_11_23) == (0, "unpriced")
    assert charge(model(), usage, NOON_2026_11_23, {}) == (0, "unpriced")


def test_a_stated_cost_counts_where_there_is_no_price() -> None:
    usage = Usage(input=10**6, provider_cost_usd="0.00000001")
    assert charge(model(), usage, 0, {"input": 7}) == (10, "stated")
    assert charge(model(price({"input": 3})), usage, 0) == (3, "list#1")
    assert charge(model(), Usage(input=10**6, provider_cost_usd="free!"), 0, {"input": 7}) == (7, "ceiling")


def test_a_stated_cost_counts_before_the_list_where_the_provider_bills_as_it_states() -> None:
    listed = Model("m", "p", prices=(price({"image": 50}),), quirks={"stated_cost": True})
    assert charge(listed, Usage(images=1, provider_cost_usd="0.00000007"), 0) == (70, "stated")
    assert charge(listed, Usage(images=1), 0) == (50, "list#1")
    assert charge(listed, Usage(images=1, provider_cost_usd="free!"), 0) == (50, "list#1")


@given(st.decimals(min_value=0, max_value=10**9, places=14))
def test_a_stated_cost_is_read_as_decimal_does(amount: Decimal) -> None:
    expected = int((amount * 10**9).to_integral_value(ROUND_HALF_UP))
    assert stated_nano(f"{amount:f}") == expected
    assert stated_nano(f"{amount:E}") == expected


@pytest.mark.parametrize(
    ("text", "nano"),
    [("0", 0), ("1", 10**9), ("0.0000000005", 1), ("1.25e-05", 12_500), ("2E+1", 20 * 10**9), (" .5 ", 5 * 10**8)],
)
def test_the_spellings_of_a_json_number_are_read(text: str, nano: int) -> None:
    assert stated_nano(text) == nano


@pytest.mark.parametrize(
    "text", ["", "-1", "1e", "e5", "NaN", "Infinity", "1,000", "0x10", "1e99", "٣", "1e1.5", "1e+-5"]
)
def test_a_stated_cost_that_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        stated_nano(text)


def test_cached_sound_costs_its_own_rate_else_that_of_cached_text() -> None:
    heard = Usage(input=10, cache_read=100, cache_read_audio=40)
    own = price({"input": 1_000_000, "cache_read": 100_000, "cache_read_audio": 300_000})
    assert cost(heard, own).breakdown == {"input": 10, "cache_read": 6, "cache_read_audio": 12}
    assert cost(heard, price({"input": 1_000_000, "cache_read": 100_000})).nano == 10 + 10
    assert cost(Usage(cache_read=5, cache_read_audio=9), own).nano == 2, "no more of it than there was"


def test_seconds_of_work_are_charged_to_the_millisecond() -> None:
    assert cost(Usage(provider_ms=1_500), price({"second": 2_000_000})).nano == 3_000_000
    assert cost(Usage(provider_ms=1), price({"second": 499})).nano == 0
    assert cost(Usage(provider_ms=1_500, input=1), price({"input": 1_000_000})).nano == 1


def test_a_request_costs_what_the_context_of_its_search_costs() -> None:
    fees = price({"request": 7, "request/low": 5, "request/high": 12})
    for context, nano in (("low", 5), ("high", 12), ("medium", 7), (None, 7)):
        found = cost(Usage(search_context=context), fees)
        assert (found.nano, sum(found.breakdown.values())) == (nano, nano)


def test_a_place_that_is_dearer_raises_the_price_of_each_token_and_of_nothing_else() -> None:
    rates = {"input": 1_005, "cache_read": 100, "output": 5_000, "search": 10, "request": 7, "image/hd": 3, "second": 9}
    listed = Model("m", "p", prices=(price(rates, over={5: {"input": 20}}),), quirks={"geo_surcharge": {"us": 1_000}})
    found = price_of(listed, "2026-11-23", None, "us")
    assert found is not None
    raised = {"input": 1_106, "cache_read": 110, "output": 5_500}  # 1105.5 is rounded up
    assert found.tiers[0].rates == {**rates, **raised}
    assert found.tiers[1] == PriceTier(5, {"input": 22})
    assert found.version == "list#1+us"
    for geo in ("eu", "global", None):
        assert price_of(listed, "2026-11-23", None, geo) is listed.prices[0]
    assert price_of(model(price(rates)), "2026-11-23", None, "us") == price(rates)


def test_a_charge_is_made_at_the_price_of_the_place_that_worked() -> None:
    listed = Model("m", "p", prices=(price({"input": 100}),), quirks={"geo_surcharge": {"us": 1_000}})
    assert charge(listed, Usage(input=10**6, inference_geo="us"), 0) == (110, "list#1+us")
    assert charge(Model("m", "p", quirks=listed.quirks), Usage(input=10**6, inference_geo="us"), 0)[1] == "unpriced"
