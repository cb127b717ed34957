"""What a call is charged beside its list price: discounts, margins, surcharges, stated costs.

Rules. Adjustments multiply in basis points, and their product is rounded once, half up; the list price stays as it is,
beside what is charged. A stated cost counts where the provider bills as it states (the quirk `stated_cost`) or where
there is no price; both are kept. A surcharge or batch discount that the price book holds as a price of its own must
not be configured again. Imported with the first configuration that adjusts prices, or answer that states its cost.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sluice.metering.pricing import STATED, UNPRICED, charge, cost, price_of, stated_nano, tier_named
from sluice.types.adjustments import Adjustment, Charge
from sluice.types.catalogue import WHOLE, Model
from sluice.types.clock import Millis, NanoUSD
from sluice.types.ledger import CEILING
from sluice.types.routes import Deployment
from sluice.types.usage import Usage

_PROBE = 10**18
_MATCHED = ("team", "provider", "model", "service_tier")


@dataclass(frozen=True, slots=True)
class Billed:
    """Who and what a charge is for, as adjustments match it. `region` is where the deployment answers."""

    team: str
    region: str = ""


def billed(team: str, deployment: Deployment, own_region: str) -> Billed:
    """Return who pays for a call of a deployment, and where it answers: in the gateway's own region if it has one."""
    regional = "{region}" in deployment.provider.base_url
    return Billed(team, deployment.region or (own_region if regional else ""))


def applying(
    adjustments: Iterable[Adjustment], model: Model, billed: Billed, day: str, service_tier: str | None = None
) -> tuple[Adjustment, ...]:
    """Return the adjustments that hold on an ISO `day`, at most one of each kind, in the order of their kinds' first.

    Of two of one kind that name equally much, the later one applies.
    """
    found: dict[str, Adjustment] = {}
    asked = {
        "team": billed.team,
        "provider": model.provider,
        "model": model.id,
        "service_tier": tier_named(service_tier),
    }
    for each in adjustments:
        if not _matches(each, asked, billed.region) or not _holds(each, day):
            continue
        other = found.get(each.kind)
        if other is None or _named(each) >= _named(other):
            found[each.kind] = each
    return tuple(found.values())


def adjusted(nano: NanoUSD, adjustments: Iterable[Adjustment]) -> NanoUSD:
    """Return an amount with all of some adjustments, rounded half up once. Never below 0; more never becomes less."""
    parts, scale = nano, 1
    for each in adjustments:
        parts *= max(WHOLE + each.basis_points, 0)
        scale *= WHOLE
    return (2 * parts + scale) // (2 * scale)


def charged(
    model: Model,
    usage: Usage,
    wall_ms: Millis,
    billed: Billed,
    *,
    ceiling: Mapping[str, NanoUSD] | None = None,
    adjustments: Iterable[Adjustment] = (),
    quirks: Mapping[str, object] | None = None,
) -> Charge:
    """Return what a call that began at `wall_ms` (epoch milliseconds) costs, by the list and as charged.

    What the provider states is what it bills, discounts included: only margins apply to it. `quirks` are the
    deployment's, where they are not the model's alone.
    """
    if quirks is not None:
        model = replace(model, quirks=quirks)
    when = iso(wall_ms)
    base, version = charge(model, usage, wall_ms, ceiling)
    found = applying(adjustments, model, billed, when[:10], usage.service_tier)
    listed: NanoUSD | None = None if version in (CEILING, UNPRICED) else base
    if version == STATED:
        price = price_of(model, when, usage.service_tier, usage.inference_geo)
        listed = None if price is None else cost(usage, price).nano
        found = tuple(each for each in found if each.kind == "margin")
    elif version == UNPRICED:
        found = ()
    return Charge(
        cost=adjusted(base, found),
        list_cost=listed,
        stated=_stated(usage),
        price_version=version,
        adjustments=tuple(each.id for each in found),
    )


def dearest(
    adjustments: Iterable[Adjustment], model: Model, billed: Billed, day: str, service_tier: str | None = None
) -> tuple[Adjustment, ...]:
    """Return the adjustments under which the same call costs most: the tier asked for, the standard one, or as stated.

    Discounts do not hold where the provider bills as it states, so worst cases do not count on them there.
    """
    given = tuple(adjustments)
    found = [applying(given, model, billed, day, tier) for tier in dict.fromkeys((service_tier, None))]
    if model.quirks.get("stated_cost") is True or not model.prices:
        found += [tuple(each for each in some if each.kind == "margin") for some in found]
    return max(found, key=lambda each: adjusted(_PROBE, each))


def scaled(
    saved: Iterable[tuple[str, NanoUSD]], applied: Iterable[str], adjustments: Iterable[Adjustment]
) -> tuple[tuple[str, NanoUSD], ...]:
    """Return what was saved as the adjustments that were `applied`, by id, make it: a discount saves less."""
    ids = frozenset(applied)
    found = tuple(each for each in adjustments if each.id in ids)
    return tuple((kind, adjusted(nano, found) if nano > 0 else -adjusted(-nano, found)) for kind, nano in saved)


def iso(wall_ms: Millis) -> str:
    """Return epoch milliseconds as an ISO date and minute in UTC, as prices are dated."""
    moment = time.gmtime(wall_ms // 1000)
    return f"{moment.tm_year:04}-{moment.tm_mon:02}-{moment.tm_mday:02}T{moment.tm_hour:02}:{moment.tm_min:02}"


def _matches(each: Adjustment, asked: Mapping[str, str], region: str) -> bool:
    wanted = {name: getattr(each, name) for name in _MATCHED}
    if each.service_tier:
        wanted["service_tier"] = tier_named(each.service_tier)
    return all(wanted[name] in ("", asked[name]) for name in _MATCHED) and region.startswith(each.region)


def _holds(each: Adjustment, day: str) -> bool:
    return each.starts <= day and (not each.ends or day < each.ends)


def _named(each: Adjustment) -> int:
    return sum(bool(getattr(each, name)) for name in (*_MATCHED, "region"))


def _stated(usage: Usage) -> NanoUSD | None:
    if usage.provider_cost_usd is None:
        return None
    try:
        return stated_nano(usage.provider_cost_usd)
    except ValueError:
        return None
