"""The most that a planned request can cost, and the most output that an amount pays for.

Rules. A hold is this figure, so no usage within `Bounds` may ever be charged more (`pricing.charge` at the same
moment). Every prompt token is taken at the dearest class that it could be billed in; cache writes of one hour only if
the request asks for them. Each price tier that the prompt can reach counts, at the longest prompt of that tier, because
a longer one may be cheaper by another component. The tier of service asked for counts, and the standard one, to which
providers fall back; a provider whose account defaults to a dearer one must have it asked for by name. A model without a
price costs the ceiling's rates; what a provider states by itself has no bound.

Attempts. Providers do not bill refusals and errors, so a plan costs at worst its dearest deployment once. An attempt
that was given up while it was being answered (a timeout, a hedge) may be billed as well: `billed` is how many of all
attempts may be, at most, and the dearest of them are added up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sluice.metering.adjusting import adjusted, iso
from sluice.metering.families import family_of
from sluice.metering.pricing import (
    PARTS,
    PER_HOUR_MS,
    PER_MILLION,
    PER_SECOND_MS,
    ceiling_price,
    price_of,
    rate_of,
)
from sluice.types.adjustments import Adjustment
from sluice.types.catalogue import Model, Price, PriceTier
from sluice.types.clock import Millis, NanoUSD

if TYPE_CHECKING:
    from sluice.metering.bounds import InputBound

DEFAULT_OUTPUT = 32_768
"""Tokens that an answer may have where neither the request nor the model's record bounds it."""
SPILL = 16
"""Tokens by which single answers exceed their bound: hosts raise bounds under 16, or count the mark at the end."""
_TEXT = ("input", "cache_read", "cache_write_5m")
_WITH_LONG_CACHE = (*_TEXT, "cache_write_1h")


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that one request can use. Units as in `Usage`.

    `prompt` holds `audio_input` and `image_input`, and `output`, of all choices together, holds reasoning,
    `audio_output` and `image_output`. `long_cache` tells whether cache writes may be of one hour; `service_tier` is
    what was asked for.
    """

    prompt: int
    output: int
    audio_input: int = 0
    image_input: int = 0
    long_cache: bool = False
    audio_output: int = 0
    image_output: int = 0
    searches: int = 0
    images: int = 0
    images_sent: int = 0
    audio_ms: int = 0
    characters: int = 0
    provider_ms: int = 0
    service_tier: str | None = None
    beyond: int = 0
    """Output tokens that come on top of `output` whatever the bound asked for."""
    geo: str | None = None
    """Where the request asks that it be worked on; None: anywhere the provider's account prefers."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One deployment of a plan: its model, what the request can use there, and what adjusts its prices.

    `attempts` is how often it may be called.
    """

    model: Model
    bounds: Bounds
    adjustments: tuple[Adjustment, ...] = ()
    attempts: int = 1


def chat_bounds(
    found: InputBound,
    model: Model,
    *,
    output: int,
    allowance: int = 0,
    searches: int = 0,
    service_tier: str | None = None,
    beyond: int = 0,
    geo: str | None = None,
) -> Bounds:
    """Return the bounds of a chat request.

    `output` and `beyond` are what `output_bound` and `output_beyond` tell, `allowance` the tokens that were declared
    for what `found.open` names.
    """
    tokens = found.tokens + (allowance if found.open else 0)
    return Bounds(
        prompt=tokens,
        output=output,
        audio_input=found.audio,
        image_input=found.pictures,
        long_cache=found.long_cache,
        audio_output=output if "audio" in model.outputs else 0,
        image_output=output if "image" in model.outputs else 0,
        searches=searches,
        audio_ms=found.audio_ms,
        service_tier=service_tier,
        beyond=beyond,
        geo=geo,
    )


def output_bound(asked: int | None, choices: int, model: Model, default: int = DEFAULT_OUTPUT) -> int:
    """Return the most output tokens of all choices: the caller's bound, else the model's, else `default`, for each."""
    each = asked if asked is not None else model.max_output if model.max_output is not None else default
    return each * max(choices, 1)


def output_beyond(asked: int | None, choices: int, model: Model, default: int = DEFAULT_OUTPUT) -> int:
    """Return how many output tokens of all choices the caller's bound does not hold.

    Thinking that its model's family does not count against the bound may be as long as the model's own bound.
    """
    thought = 0
    if asked is not None and family_of(model.id).thinks_beyond:
        thought = model.max_output if model.max_output is not None else default
    return (SPILL + thought) * max(choices, 1)


def worst_of(candidate: Candidate, wall_ms: Millis, ceiling: Mapping[str, NanoUSD] | None = None) -> NanoUSD:
    """Return the most that one answer of a candidate can cost, in nano-USD; 0 without a price and a ceiling."""
    dearest = 0
    for price in _prices(candidate, wall_ms, ceiling):
        for tier, prompt in _reached(price, candidate.bounds.prompt):
            dearest = max(dearest, _dearest(replace(candidate.bounds, prompt=prompt), tier.rates))
    return adjusted(dearest, candidate.adjustments)


def worst_case(
    candidates: Sequence[Candidate],
    wall_ms: Millis,
    *,
    ceiling: Mapping[str, NanoUSD] | None = None,
    billed: int = 1,
) -> NanoUSD:
    """Return the most that a plan can cost, in nano-USD, when up to `billed` of its attempts are billed."""
    costs = [worst for each in candidates for worst in [worst_of(each, wall_ms, ceiling)] * max(each.attempts, 1)]
    costs.sort(reverse=True)
    return sum(costs[: max(billed, 1)])


def largest_output(
    candidates: Sequence[Candidate],
    amount: NanoUSD,
    wall_ms: Millis,
    *,
    choices: int = 1,
    ceiling: Mapping[str, NanoUSD] | None = None,
    billed: int = 1,
) -> int | None:
    """Return the largest bound on each choice's output whose worst case is within `amount`, None if 0 is not.

    At most the largest that the candidates have. Exact: one token more would not fit.
    """

    def fits(each: int) -> bool:
        lowered = [bounded(candidate, each * choices) for candidate in candidates]
        return worst_case(lowered, wall_ms, ceiling=ceiling, billed=billed) <= amount

    choices = max(choices, 1)
    if not fits(0):
        return None
    low, high = 0, -(-max((each.bounds.output for each in candidates), default=0) // choices)
    if fits(high):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low


def bounded(candidate: Candidate, output: int) -> Candidate:
    """Return a candidate whose output is at most `output` tokens."""
    bounds = candidate.bounds
    most = min(bounds.output, output)
    return replace(
        candidate,
        bounds=replace(
            bounds,
            output=most,
            audio_output=min(bounds.audio_output, most),
            image_output=min(bounds.image_output, most),
        ),
    )


def _prices(candidate: Candidate, wall_ms: Millis, ceiling: Mapping[str, NanoUSD] | None) -> list[Price]:
    when, asked = iso(wall_ms), candidate.bounds.service_tier
    surcharges = candidate.model.quirks.get("geo_surcharge")
    geos: tuple[str | None, ...] = (candidate.bounds.geo,)
    if isinstance(surcharges, Mapping) and candidate.bounds.geo is None:
        geos = (None, *surcharges)
    found = [price_of(candidate.model, when, tier, geo) for tier in dict.fromkeys((asked, None)) for geo in geos]
    prices = [price for price in found if price is not None]
    if len(prices) < len(found) and ceiling:
        prices.append(ceiling_price(ceiling))
    return prices


def _reached(price: Price, prompt: int) -> Iterator[tuple[PriceTier, int]]:
    """Yield the tiers that a prompt of up to `prompt` tokens can fall into, each with its longest such prompt."""
    for place, tier in enumerate(price.tiers):
        if place == 0 or prompt > tier.over:
            later = price.tiers[place + 1 :]
            yield tier, min(prompt, later[0].over) if later else prompt


def _dearest(bounds: Bounds, rates: Mapping[str, NanoUSD]) -> NanoUSD:
    """Return what no usage within the bounds costs more than, at one tier's rates."""
    text = max(rate_of(rates, name) for name in (_WITH_LONG_CACHE if bounds.long_cache else _TEXT))
    heard = max(rate_of(rates, name) for name in ("audio_input", "cache_read_audio"))
    tokens = bounds.prompt * text
    tokens += min(bounds.audio_input, bounds.prompt) * max(heard - text, 0)
    tokens += min(bounds.image_input, bounds.prompt) * max(rate_of(rates, "image_input") - text, 0)
    written = max(rate_of(rates, "output"), rate_of(rates, "reasoning"))
    tokens += (bounds.output + bounds.beyond) * written
    tokens += min(bounds.audio_output, bounds.output) * max(rate_of(rates, "audio_output") - written, 0)
    tokens += min(bounds.image_output, bounds.output) * max(rate_of(rates, "image_output") - written, 0)
    parts = (tokens + bounds.characters * rates.get("character", 0)) * PER_MILLION
    parts += bounds.provider_ms * rates.get("second", 0) * PER_SECOND_MS
    parts += bounds.audio_ms * rates.get("audio_hour", 0) * PER_HOUR_MS
    pieces = _dearest_of(rates, "request") + bounds.searches * rates.get("search", 0)
    pieces += bounds.images_sent * rates.get("image_sent", 0) + bounds.images * _dearest_of(rates, "image")
    return (parts + PARTS // 2) // PARTS + pieces


def _dearest_of(rates: Mapping[str, NanoUSD], kind: str) -> NanoUSD:
    """Return the dearest price of a picture or a request: what decides between them is told by the answer only."""
    return max((rate for name, rate in rates.items() if name == kind or name.startswith(f"{kind}/")), default=0)
