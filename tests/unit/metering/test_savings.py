"""What prompt caches, batches and routing save, net of what writing to a cache costs."""

from __future__ import annotations

from sluice.metering.savings import routing, savings
from sluice.types.catalogue import Model, Price, PriceTier
from sluice.types.usage import Usage

RATES = {"input": 1_000_000, "cache_read": 100_000, "cache_write_5m": 1_250_000, "output": 5_000_000}
HALF = {name: rate // 2 for name, rate in RATES.items()}
MODEL = Model(
    "m", "acme", prices=(Price("", (PriceTier(0, RATES),)), Price("", (PriceTier(0, HALF),), service_tiers=("batch",)))
)


def test_reading_from_a_cache_saves_what_the_input_would_have_cost_more() -> None:
    assert savings(MODEL, Usage(input=5, cache_read=100, output=3), 0) == (("prompt_cache", 90),)


def test_the_premium_for_writing_is_taken_off_and_may_be_more_than_was_saved() -> None:
    assert savings(MODEL, Usage(cache_read=100, cache_write_5m=40), 0) == (("prompt_cache", 80),)
    assert savings(MODEL, Usage(cache_write_5m=40), 0) == (("prompt_cache", -10),)


def test_a_batch_saves_what_the_standard_price_is_above_its_own() -> None:
    assert savings(MODEL, Usage(input=100, service_tier="batch"), 0) == (("batch", 50),)


def test_nothing_is_saved_without_cache_or_price() -> None:
    assert savings(MODEL, Usage(input=100, output=3), 0) == ()
    assert savings(Model("m", "acme"), Usage(cache_read=100), 0) == ()


def test_a_cheaper_model_saves_the_difference_and_a_dearer_one_loses_it() -> None:
    cheap = Model("small", "acme", prices=(Price("", (PriceTier(0, HALF),)),))
    used = Usage(input=1_000, output=100)
    assert routing(MODEL, cheap, used, 0) == (("routing", 750),)
    assert routing(cheap, MODEL, used, 0) == (("routing", -750),)
    assert routing(MODEL, MODEL, used, 0) == ()
    assert routing(Model("new", "acme"), cheap, used, 0) == ()
    assert routing(MODEL, Model("new", "acme"), used, 0) == ()


def test_savings_are_reckoned_at_the_price_of_the_place_that_worked() -> None:
    dear = Model("m", "acme", prices=MODEL.prices, quirks={"geo_surcharge": {"us": 10_000}})
    assert savings(dear, Usage(input=5, cache_read=100, inference_geo="us"), 0) == (("prompt_cache", 180),)
    assert savings(dear, Usage(input=100, service_tier="batch", inference_geo="us"), 0) == (("batch", 100),)


def test_what_is_kept_for_an_hour_was_no_plain_input_either() -> None:
    dearer = Model("m", "acme", prices=(Price("", (PriceTier(0, {**RATES, "cache_write_1h": 2_000_000}),)),))
    assert savings(dearer, Usage(cache_write_1h=40), 0) == (("prompt_cache", -40),)
    reading = Model("m", "acme", prices=(Price("", (PriceTier(0, {"input": 7_000_000, "cache_read": 5_000_000}),)),))
    assert savings(reading, Usage(cache_read=1), 0) == (("prompt_cache", 2),)


NOON = 1_795_435_200_000
"""2026-11-23T12:00Z."""


def test_savings_are_reckoned_at_the_prices_of_the_minute_the_tier_and_the_place() -> None:
    minute = Price("", (PriceTier(0, {"input": 3_000_000}),), hours=(("12:00", "12:01"),))
    flex = Price("2026-11-23", (PriceTier(0, {"input": 10_000_000}),), service_tiers=("flex",))
    plain = Price("", (PriceTier(0, {"input": 1_000_000}),))
    asked = Model("m", "acme", prices=(plain, minute, flex), quirks={"geo_surcharge": {"us": 10_000}})
    free = Model("free", "acme", prices=(Price("", (PriceTier(0, {"input": 0}),)),))

    def saved(wall_ms: int, **used: str) -> int:
        ((_, nano),) = routing(asked, free, Usage(input=10, **used), wall_ms)  # type: ignore[arg-type]
        return nano

    assert [saved(NOON + late) for late in (-1, 0, 59_999, 60_000)] == [10, 30, 30, 10]
    assert saved(NOON, service_tier="flex") == 100
    assert saved(NOON - 86_400_000, service_tier="flex") == 30
    assert saved(NOON, inference_geo="us") == 60
