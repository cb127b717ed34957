"""What is wrong with prices, adjustments and units beyond their form, and what is only doubtful.

Complaints refuse a document; doubts are told with a published version.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Protocol

from sluice.types.adjustments import Adjustment
from sluice.types.catalogue import Model, Provider
from sluice.types.routes import Configuration


class Catalogue(Protocol):
    """What is asked of the provider registry."""

    def provider(self, name: str) -> Provider | None:
        """Return one provider."""

    def resolve(self, name: str) -> list[tuple[Provider, Model]]:
        """Return who offers a model."""


def price_complaints(configuration: Configuration, catalogue: Catalogue, today: str = "") -> Iterator[str]:
    """Yield what makes a price or an adjustment useless; `today` is an ISO date, by default the real one."""
    today = today or time.strftime("%Y-%m-%d", time.gmtime())
    for name, model in configuration.models.items():
        yield from _prices(f"models.{name}.prices", model, configuration, today)
    for each in configuration.adjustments:
        where = f"adjustments.{each.id}"
        if each.provider and catalogue.provider(each.provider) is None:
            yield f"{where}.provider: the catalogue has no provider {each.provider!r}"
        elif each.model and not _offered(each, configuration, catalogue):
            whose = f"{each.provider!r} offers no" if each.provider else "no provider offers a"
            yield f"{where}.model: {whose} model {each.model!r}; name it as its provider does, without the provider"


def price_doubts(configuration: Configuration) -> Iterator[str]:
    """Yield what is allowed and probably not meant."""
    for each in configuration.adjustments:
        if not each.basis_points:
            yield f"adjustments.{each.id}: changes nothing; it is 0 per cent"
        if each.kind == "discount" and each.basis_points <= -10_000:
            yield f"adjustments.{each.id}: takes all of the price off, so budgets never fill"
    yield from _twice(configuration.adjustments)
    used = {price.unit for model in configuration.models.values() for price in model.prices}
    for unit in sorted(set(configuration.units) - used):
        yield f"units.{unit}: no model of this configuration is priced in it"


def _prices(where: str, model: Model, configuration: Configuration, today: str) -> Iterator[str]:
    missing = sorted({price.unit for price in model.prices if price.unit and price.unit not in configuration.units})
    for unit in missing:
        yield f"{where}: they are in {unit!r}; state what one costs in units.{unit}"
    standing = [price for price in model.prices if not price.service_tiers and price.starts <= today]
    if model.prices and not standing:
        yield f"{where}: none holds today, {today}; state the standard price that does"


def _offered(each: Adjustment, configuration: Configuration, catalogue: Catalogue) -> bool:
    own = (model for model in configuration.models.values() if each.provider in ("", model.provider))
    if any(model.id == each.model for model in own):
        return True
    provider = catalogue.provider(each.provider) if each.provider else None
    if provider is None:
        return bool(catalogue.resolve(each.model))
    settings = configuration.providers.get(provider.name)
    if provider.any_model or (settings is not None and settings.any_model):
        return True
    return any(found.id == each.model for _, found in catalogue.resolve(f"{provider.name}/{each.model}"))


def _twice(adjustments: Iterable[Adjustment]) -> Iterator[str]:
    first: dict[tuple[str, ...], str] = {}
    for each in adjustments:
        of = (each.kind, each.team, each.provider, each.model, each.region, each.service_tier, each.starts, each.ends)
        other = first.setdefault(of, each.id)
        if other != each.id:
            yield f"adjustments.{each.id}: applies to the same as adjustments.{other}; the later of the two holds"
