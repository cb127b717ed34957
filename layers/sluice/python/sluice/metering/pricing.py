"""What a call cost, in whole nano-dollars.

Rates are nano-USD per million tokens (or characters) and per hour of sound; every part is reckoned exactly, in
fractions of 1/`PARTS` nano-USD, and only the sum is rounded: half up, once.

Rules. The tier is chosen by the whole prompt, cached tokens included, and holds for the whole call. What has no rate of
its own is charged as what it is a kind of: a one-hour cache write as a five-minute one, cache traffic and audio or
image input as plain input, reasoning, audio and image output as plain output. Sound that is charged by time is not
charged by tokens as well. A picture costs the rate of its quality and size, else of one of them, else of any picture. A
request's own fee is that of the context that its search was given, else that of any request. A service tier without
rates of its own costs the standard rates. Where a price depends on the time of day, a date alone gets the dearest hour.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sluice.types.catalogue import Model, Price, PriceTier
from sluice.types.clock import Millis, NanoUSD
from sluice.types.ledger import CEILING
from sluice.types.usage import Usage

UNPRICED = "unpriced"
STATED = "stated"
PARTS = 18_000_000
"""The least common multiple of a million and of the milliseconds of an hour."""
PER_MILLION, PER_HOUR_MS, PER_SECOND_MS = PARTS // 1_000_000, PARTS // 3_600_000, PARTS // 1_000
_FALLBACK = {
    "cache_write_1h": "cache_write_5m",
    "cache_write_5m": "input",
    "cache_read": "input",
    "cache_read_audio": "cache_read",
    "audio_input": "input",
    "image_input": "input",
    "reasoning": "output",
    "audio_output": "output",
    "image_output": "output",
}
_STANDARD_TIERS = (None, "", "auto", "default", "standard", "on_demand")
_LONGEST_NUMBER = 60
_MONTHS = (0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4)


@dataclass(frozen=True, slots=True)
class Cost:
    """A call's cost in nano-USD. `breakdown` splits it by component and adds up to it exactly."""

    nano: NanoUSD
    breakdown: Mapping[str, NanoUSD]
    price_version: str


def tier_named(service_tier: str | None) -> str:
    """Return a tier of service by one name: the standard one has many."""
    return "standard" if service_tier is None or service_tier in _STANDARD_TIERS else service_tier


def price_of(model: Model, when: str, service_tier: str | None = None, geo: str | None = None) -> Price | None:
    """Return the price in force at `when` (ISO date, or date and UTC time), None for an unpriced model.

    `geo` is where the provider says that it worked; the quirk `geo_surcharge` says what that adds.
    """
    found = _in_force(model.prices, when, service_tier)
    if geo and found is not None:
        surcharges = model.quirks.get("geo_surcharge")
        if isinstance(surcharges, Mapping) and geo in surcharges:
            return found.raised(surcharges[geo], geo)
    return found


def _in_force(prices: tuple[Price, ...], when: str, service_tier: str | None) -> Price | None:
    if len(prices) == 1 and not prices[0].starts:
        return prices[0]
    day = when[:10]
    started = [price for price in prices if price.starts <= day]
    special = [price for price in started if service_tier in price.service_tiers]
    if not special or service_tier in _STANDARD_TIERS:
        special = [price for price in started if not price.service_tiers]
    if not special:
        return None
    newest = max(price.starts for price in special)
    return _at_hour([price for price in special if price.starts == newest], day, when[11:16])


def cost(usage: Usage, price: Price) -> Cost:
    """Return what `usage` costs at `price`."""
    rates = _tier(price, usage.prompt).rates
    exact = cumulated = 0
    breakdown: dict[str, NanoUSD] = {}
    for component, parts in _parts(usage, rates):
        exact += parts
        rounded = (exact + PARTS // 2) // PARTS
        breakdown[component] = rounded - cumulated
        cumulated = rounded
    pieces = (("search", usage.search_requests), ("image_sent", usage.images_sent), (_fee(usage, rates), 1))
    for component, count in (*pieces, (_picture(usage, rates), usage.images)):
        each = rates.get(component)
        if each and count:
            breakdown[component] = each * count
            cumulated += each * count
    return Cost(cumulated, breakdown, price.version)


def cost_at_ceiling(usage: Usage, rates: Mapping[str, NanoUSD]) -> Cost:
    """Return what `usage` of an unpriced model is charged at the declared ceiling `rates` (as in `PriceTier`)."""
    return cost(usage, ceiling_price(rates))


def ceiling_price(rates: Mapping[str, NanoUSD]) -> Price:
    """Return the declared ceiling `rates` (as in `PriceTier`) as a price that holds always."""
    return Price(starts="", tiers=(PriceTier(0, rates),), version=CEILING)


def charge(
    model: Model, usage: Usage, wall_ms: Millis, ceiling: Mapping[str, NanoUSD] | None = None
) -> tuple[NanoUSD, str]:
    """Return nano-USD and the price version for a call that began at `wall_ms` (epoch milliseconds).

    A model without a price, or with the quirk `stated_cost`, is charged what the provider states; without a price and
    such a statement the `ceiling` rates, or else 0 and "unpriced" (the router refuses such a model beforehand).
    """
    moment = time.gmtime(wall_ms / 1000)
    when = f"{moment.tm_year:04}-{moment.tm_mon:02}-{moment.tm_mday:02}T{moment.tm_hour:02}:{moment.tm_min:02}"
    price = price_of(model, when, usage.service_tier, usage.inference_geo)
    if usage.provider_cost_usd is not None and (price is None or model.quirks.get("stated_cost") is True):
        try:
            return stated_nano(usage.provider_cost_usd), STATED
        except ValueError:
            pass  # what cannot be read is as good as not stated
    if price is not None:
        found = cost(usage, price)
        return found.nano, found.price_version
    if ceiling:
        return cost_at_ceiling(usage, ceiling).nano, CEILING
    return 0, UNPRICED


def stated_nano(text: str) -> NanoUSD:
    """Return a provider's decimal string in USD as nano-USD, rounded half up.

    Raises ValueError for what is not a plain non-negative decimal number (an exponent is allowed).
    """
    mantissa, marked, exponent = text.strip().lower().partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = whole + fraction
    size = exponent[1:] if exponent[:1] in ("+", "-") else exponent
    if not (digits + size).isascii() or not digits.isdigit() or (marked and not size.isdigit()):
        raise ValueError("not a decimal number of dollars")
    power = (int(exponent) if marked else 0) - len(fraction) + 9
    if len(digits) > _LONGEST_NUMBER or abs(power) > _LONGEST_NUMBER:
        raise ValueError("a number of dollars out of any range")
    if power >= 0:
        return int(digits) * int(10**power)
    unit = int(10**-power)
    return (int(digits) + unit // 2) // unit


def _at_hour(prices: list[Price], day: str, clock: str) -> Price:
    if len(prices) == 1:
        return prices[0]
    prices = [price for price in prices if not price.days or weekday(day) in price.days] or prices[:1]
    if not clock:
        return max(prices, key=lambda price: sum(price.tiers[0].rates.values()))
    for price in prices:
        if any(start <= clock < end for start, end in price.hours):
            return price
    return next((price for price in prices if not price.hours), prices[0])


def weekday(day: str) -> int:
    """Return the day of the week of an ISO date, 0 for Monday (T. Sakamoto's method, for Gregorian dates)."""
    year, month, number = int(day[:4]), int(day[5:7]), int(day[8:])
    year -= month < 3
    return (year + year // 4 - year // 100 + year // 400 + _MONTHS[month - 1] + number + 6) % 7


def _tier(price: Price, prompt: int) -> PriceTier:
    found = price.tiers[0]
    for tier in price.tiers:
        if prompt > tier.over:
            found = tier
    return found


def rate_of(rates: Mapping[str, NanoUSD], component: str) -> NanoUSD:
    """Return the rate of a component, or of what it is charged as; 0 where neither has one."""
    name: str | None = component
    while name is not None:
        rate = rates.get(name)
        if rate is not None:
            return rate
        name = _FALLBACK.get(name)
    return 0


def _parts(usage: Usage, rates: Mapping[str, NanoUSD]) -> Iterator[tuple[str, int]]:
    """Yield what each component comes to, in `PARTS` of a nano-dollar."""
    timed = usage.audio_ms > 0 and "audio_hour" in rates
    for component, count in _counts(usage):
        if not (timed and component == "audio_input"):
            yield component, count * rate_of(rates, component) * PER_MILLION
    if usage.characters and "character" in rates:
        yield "character", usage.characters * rates["character"] * PER_MILLION
    if usage.provider_ms and "second" in rates:
        yield "second", usage.provider_ms * rates["second"] * PER_SECOND_MS
    if timed:
        yield "audio_hour", usage.audio_ms * rates["audio_hour"] * PER_HOUR_MS


def _fee(usage: Usage, rates: Mapping[str, NanoUSD]) -> str:
    """Return the component of a request's own fee, which may depend on how much a search was given."""
    component = f"request/{usage.search_context}"
    return component if component in rates else "request"


def _picture(usage: Usage, rates: Mapping[str, NanoUSD]) -> str:
    """Return the component that a picture is charged by."""
    size, quality = usage.image_size, usage.image_quality
    for component in (f"image/{quality}/{size}", f"image/{size}", f"image/{quality}"):
        if component in rates:
            return component
    return "image"


def _counts(usage: Usage) -> Iterator[tuple[str, int]]:
    """Yield the components with tokens in them, disjoint. Subsets larger than their whole are cut to it."""
    audio = min(usage.audio_input, usage.input)
    image = min(usage.image_input, usage.input - audio)
    spoken = min(usage.audio_output, usage.output)
    drawn = min(usage.image_output, usage.output - spoken)
    heard_before = min(usage.cache_read_audio, usage.cache_read)
    thought = min(usage.reasoning, usage.output - spoken - drawn)
    counts = (
        ("input", usage.input - audio - image),
        ("audio_input", audio),
        ("image_input", image),
        ("cache_read", usage.cache_read - heard_before),
        ("cache_read_audio", heard_before),
        ("cache_write_5m", usage.cache_write_5m),
        ("cache_write_1h", usage.cache_write_1h),
        ("output", usage.output - spoken - drawn - thought),
        ("audio_output", spoken),
        ("image_output", drawn),
        ("reasoning", thought),
    )
    return ((component, count) for component, count in counts if count > 0)
