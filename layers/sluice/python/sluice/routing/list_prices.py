"""List prices that depend on more than the model: on the host's own unit, and on where a deployment is called.

Imported with the first model that needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sluice.types.catalogue import Model, Price

_ANY = "*"


def in_dollars(model: Model, units: Mapping[str, int]) -> Model:
    """Return a model with its prices in nano-USD; those in a unit that the configuration has no rate for are left out.

    `units` are nano-USD for one of each unit.
    """
    prices = tuple(_converted(price, units) for price in model.prices if not price.unit or price.unit in units)
    return replace(model, prices=prices)


def surcharged(model: Model, surcharges: Mapping[str, int], base_url: str, region: str | None) -> Model:
    """Return a model at the prices of the place where it is called; itself where no surcharge is for that place.

    `surcharges` are basis points by place, as the quirk `regional_surcharge` states them.
    """
    host, _, path = base_url.partition("://")[2].partition("/")
    place = region or path.partition("locations/")[2].partition("/")[0]
    points = surcharges.get(place or host.partition(".")[0])
    if points is None and place not in ("", "global"):
        points = surcharges.get(_ANY)
    if not points:
        return model
    mark = place or host.partition(".")[0]
    return replace(model, prices=tuple(price.raised(points, mark) for price in model.prices))


def _converted(price: Price, units: Mapping[str, int]) -> Price:
    return price.in_dollars(units[price.unit]) if price.unit else price
