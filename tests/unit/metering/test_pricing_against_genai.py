"""Every generated price gives the cost that genai-prices itself works out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from genai_prices.data import providers as known_providers
from genai_prices.types import ConditionalPrice, ModelInfo, TieredPrices
from genai_prices.types import Provider as KnownProvider
from genai_prices.types import Usage as KnownUsage

from sluice.metering.pricing import cost, price_of
from sluice.providers.registry import BUNDLED, Registry
from sluice.types.catalogue import Model
from sluice.types.usage import Usage

VENDORS = ("anthropic", "deepseek", "groq", "mistral", "openai", "openrouter", "together")
USAGES = (
    Usage(input=1234, output=567),
    Usage(input=7, cache_read=30_001, cache_write_5m=4_003, cache_write_1h=1_009, output=3, search_requests=2),
    Usage(input=290_011, cache_read=10_007, output=4_001, reasoning=3_001),
    Usage(input=9_001, audio_input=4_001, output=3_001, audio_output=1_001),
    Usage(input=9_001, image_input=4_001, output=3_001),
    Usage(input=9_001, output=3_001, image_output=2_001),
)
HEARD = (Usage(audio_ms=3_700), Usage(audio_ms=1), Usage(audio_ms=86_399_999))
SPOKEN = (Usage(characters=1), Usage(characters=4_096))
TIERS: dict[str, Mapping[str, str]] = {
    "": {},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "batch": {"processing": "batch"},
    "fast": {"speed": "fast", "service_tier": "fast"},
}


def theirs(usage: Usage) -> KnownUsage:
    counts = {
        "input_tokens": usage.prompt,
        "cache_read_tokens": usage.cache_read,
        "cache_write_tokens": usage.cache_write_5m + usage.cache_write_1h,
        "cache_write_1h_tokens": usage.cache_write_1h,
        "output_tokens": usage.output,
        "output_reasoning_tokens": usage.reasoning,
        "input_audio_tokens": usage.audio_input + usage.cache_read_audio,
        **({"cache_audio_read_tokens": usage.cache_read_audio} if usage.cache_read_audio else {}),
        "output_audio_tokens": usage.audio_output,
        "input_image_tokens": usage.image_input,
        "output_image_tokens": usage.image_output,
        "web_searches": usage.search_requests,
    }
    return KnownUsage(**{name: count for name, count in counts.items() if count or name.startswith(("in", "out"))})


def moments(model: Model) -> Iterator[datetime]:
    """The day before and the day of every change of price, at hours on both sides of every daily one."""
    days = {datetime(2026, 11, 23, tzinfo=UTC)}
    for price in model.prices:
        if price.starts:
            start = datetime.fromisoformat(price.starts).replace(tzinfo=UTC)
            days |= {start, start - timedelta(days=1)}
    hours = (0, 2, 5, 8, 12, 20) if any(price.hours for price in model.prices) else (12,)
    # Which days of the week have peak hours is the vendor's word; genai-prices takes them for every day.
    weekdays = {day for price in model.prices for day in price.days} or set(range(7))
    days = {day for day in days if day.weekday() in weekdays}
    return (day.replace(hour=hour, minute=15) for day in sorted(days) for hour in hours)


def rounding(known: ModelInfo, usage: Usage) -> Decimal:
    """The nano-dollars by which costs may differ because a rate is not a whole number of nano-dollars."""
    rates = (
        rate
        for price in (known.prices if isinstance(known.prices, list) else [ConditionalPrice(prices=known.prices)])
        for value in price.prices.__dict__.values()
        if value is not None
        for rate in ([value.base, *(t.price for t in value.tiers)] if isinstance(value, TieredPrices) else [value])
    )
    if all((rate * 10**9) % 1 == 0 for rate in rates):
        return Decimal(0)
    return Decimal(usage.total) / 10**6 / 2 + 1


@pytest.mark.parametrize("vendor", VENDORS)
def test_costs_equal_those_of_genai_prices_to_the_nano_dollar(vendor: str) -> None:
    known = next(provider for provider in known_providers if provider.id == vendor)
    provider = Registry().provider(vendor)
    assert provider is not None
    outcome: Counter[str] = Counter()
    declared = json.loads((Path(BUNDLED) / f"{vendor}.json").read_text(encoding="utf-8"))["generated"].get("extra", {})
    for model in provider.models.values():
        if model.prices and model.id not in declared:
            compare(known, model, outcome)
    assert outcome["equal"] > 100
    assert outcome["rounded"] <= outcome["equal"] // 20, "only rates below a nano-dollar a million tokens may round"


def compare(known: KnownProvider, model: Model, outcome: Counter[str]) -> None:
    source = known.find_model(model.id) or next(m for m in known.models if m.id in (model.id, original(model)))
    for moment in moments(model):
        for tier, context in TIERS.items():
            price = price_of(model, moment.isoformat(), tier)
            assert price is not None
            for usage in USAGES:
                calculated = source.calc_price(
                    theirs(usage), known, genai_request_timestamp=moment, price_context=context
                ).total_price
                expected = int((calculated * 10**9).to_integral_value(ROUND_HALF_UP))
                difference = abs(cost(usage, price).nano - expected)
                assert difference <= rounding(source, usage), (model.id, moment, tier, usage)
                outcome["rounded" if difference else "equal"] += 1


def original(model: Model) -> str:
    """What genai-prices calls a model that the catalogue gives its vendor's name."""
    head = json.loads((Path(BUNDLED) / f"{model.provider}.json").read_text(encoding="utf-8"))
    renamed = {new: old for old, new in head["generated"].get("rename", {}).items()}
    return str(renamed.get(model.id, model.id))


def heard_or_spoken(model: Model) -> Iterator[tuple[Usage, KnownUsage]]:
    """The usages that a model's units fit, ours and theirs; they know which provider charges ten seconds at least."""
    rates = model.prices[-1].tiers[0].rates if model.prices else {}
    least = model.quirks.get("least_audio_ms", 0)
    for usage in HEARD if "audio_hour" in rates else ():
        seconds = Decimal(usage.audio_ms) / 1000
        billed = Usage(audio_ms=max(usage.audio_ms, int(str(least))))
        yield billed, KnownUsage(audio_seconds=seconds, input_audio_seconds=seconds)
    for usage in SPOKEN if "character" in rates else ():
        yield usage, KnownUsage(input_characters=usage.characters)


@pytest.mark.parametrize("vendor", ["openai", "groq", "mistral"])
def test_sound_and_characters_cost_what_genai_prices_says(vendor: str) -> None:
    known = next(provider for provider in known_providers if provider.id == vendor)
    provider = Registry().provider(vendor)
    assert provider is not None
    compared = 0
    for model in provider.models.values():
        source, price = known.find_model(model.id), price_of(model, "2026-11-23")
        for ours, same in heard_or_spoken(model):
            assert source is not None
            assert price is not None
            expected = source.calc_price(same, known).total_price * 10**9
            assert cost(ours, price).nano == int(expected.to_integral_value(ROUND_HALF_UP)), (model.id, ours)
            compared += 1
    assert compared >= 6


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_other_name_of_a_model_is_priced_like_genai_prices_does(vendor: str) -> None:
    known = next(provider for provider in known_providers if provider.id == vendor)
    registry = Registry()
    provider = registry.provider(vendor)
    assert provider is not None
    for model in provider.models.values():
        source = known.find_model(model.id)
        for alias in model.aliases:
            found = known.find_model(alias)
            assert found in (source, None), alias
            ((_, called),) = registry.resolve(f"{vendor}/{alias}")
            assert (called.id, called.prices) == (alias, model.prices)


def test_cached_sound_costs_what_genai_prices_says() -> None:
    known = next(provider for provider in known_providers if provider.id == "google")
    provider = Registry().provider("gemini")
    assert provider is not None
    usage = Usage(input=9_001, audio_input=4_001, cache_read=5_003, cache_read_audio=3_001, output=7)
    compared = 0
    for model in provider.models.values():
        if any("cache_read_audio" in price.tiers[0].rates for price in model.prices):
            (source,) = [m for m in known.models if m.id == model.id]
            price = price_of(model, "2026-11-23")
            assert price is not None
            moment = datetime(2026, 11, 23, 12, tzinfo=UTC)
            calculated = source.calc_price(theirs(usage), known, genai_request_timestamp=moment).total_price
            assert cost(usage, price).nano == int((calculated * 10**9).to_integral_value(ROUND_HALF_UP)), model.id
            compared += 1
    assert compared >= 5
