"""What a call saved against the same call without the provider's prompt cache, and without its batch discount.

Reckoned at the very price that the call was charged at, in nano-USD: reading from the cache saves, writing to it costs
a premium first, so the sum may be negative.
"""

from __future__ import annotations

import time
from dataclasses import replace

from sluice.metering.pricing import cost, price_of
from sluice.types.catalogue import Model
from sluice.types.clock import Millis, NanoUSD
from sluice.types.usage import Usage

BATCH = "batch"


def savings(model: Model, usage: Usage, wall_ms: Millis) -> tuple[tuple[str, NanoUSD], ...]:
    """Return (kind, nano-USD) for what was saved or, below 0, lost; empty for a model without a price."""
    moment = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(wall_ms / 1000))
    price = price_of(model, moment, usage.service_tier)
    if price is None:
        return ()
    charged = cost(usage, price).nano
    saved: list[tuple[str, NanoUSD]] = []
    if usage.prompt != usage.input:
        uncached = replace(usage, input=usage.prompt, cache_read=0, cache_write_5m=0, cache_write_1h=0)
        saved.append(("prompt_cache", cost(uncached, price).nano - charged))
    if BATCH in price.service_tiers:
        standard = price_of(model, moment)
        if standard is not None:
            saved.append((BATCH, cost(usage, standard).nano - charged))
    return tuple((kind, nano) for kind, nano in saved if nano)
