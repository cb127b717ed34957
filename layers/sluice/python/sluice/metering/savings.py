"""What a call saved: against the same call without the provider's prompt cache, without its batch discount, or made by
the model that was asked for.

Reckoned at list prices of the moment of the call, in nano-USD: reading from the cache saves, writing to it costs a
premium first, so the sum may be negative. The other model is taken to have used as many tokens.
"""

from __future__ import annotations

import time
from dataclasses import replace

from sluice.metering.pricing import cost, price_of
from sluice.types.catalogue import Model
from sluice.types.clock import Millis, NanoUSD
from sluice.types.usage import Usage

BATCH, CACHE, ROUTING, PROMPT_CACHE = "batch", "cache", "routing", "prompt_cache"


def savings(model: Model, usage: Usage, wall_ms: Millis) -> tuple[tuple[str, NanoUSD], ...]:
    """Return (kind, nano-USD) for what was saved or, below 0, lost; empty for a model without a price."""
    moment = _minute(wall_ms)
    price = price_of(model, moment, usage.service_tier, usage.inference_geo)
    if price is None:
        return ()
    charged = cost(usage, price).nano
    saved: list[tuple[str, NanoUSD]] = []
    if usage.prompt != usage.input:
        uncached = replace(usage, input=usage.prompt, cache_read=0, cache_write_5m=0, cache_write_1h=0)
        saved.append((PROMPT_CACHE, cost(uncached, price).nano - charged))
    if BATCH in price.service_tiers:
        standard = price_of(model, moment, None, usage.inference_geo)
        if standard is not None:
            saved.append((BATCH, cost(usage, standard).nano - charged))
    return tuple((kind, nano) for kind, nano in saved if nano)


def routing(asked: Model, served: Model, usage: Usage, wall_ms: Millis) -> tuple[tuple[str, NanoUSD], ...]:
    """Return ("routing", nano-USD) for what the model that served saved against the one that was asked for."""
    moment = _minute(wall_ms)
    other, own = (price_of(model, moment, usage.service_tier, usage.inference_geo) for model in (asked, served))
    if other is None or own is None:
        return ()
    saved = cost(usage, other).nano - cost(usage, own).nano
    return ((ROUTING, saved),) if saved else ()


def _minute(wall_ms: Millis) -> str:
    return time.strftime("%Y-%m-%dT%H:%M", time.gmtime(wall_ms / 1000))
