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
