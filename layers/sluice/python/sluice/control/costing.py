"""Costs history again at corrected prices: each entry whose cost changes gets a new version, and none is overwritten.

A version is known by the fingerprint of the prices, so the same correction, begun again after a kill, writes nothing
twice. Roll-ups count the difference; what was charged to budgets at the time stays as it is. A request of which nothing
more was heard ("lost") keeps its estimate: its own entry may still take its place.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from sluice.errors import BadRequest
from sluice.metering.adjusting import adjusted, scaled
from sluice.metering.pricing import STATED, cost, price_of
from sluice.metering.savings import BATCH, PROMPT_CACHE, savings
from sluice.routing.configuration import canonical_json, parse
from sluice.routing.list_prices import in_dollars
from sluice.types.adjustments import Adjustment
from sluice.types.catalogue import Model
from sluice.types.clock import NanoUSD
from sluice.types.ledger import LOST, LedgerEntry
from sluice.types.routes import Configuration

_STORED = ("hit", "semantic")


class VersionedLedger(Protocol):
    """What costing again needs of the ledger."""

    def versions(self, request_id: str) -> tuple[LedgerEntry, ...]:
        """Return an entry and its later versions."""

    def put_version(self, entry: LedgerEntry, before: LedgerEntry) -> bool:
        """Write the next version, once."""


@dataclass(frozen=True, slots=True)
class Correction:
    """Prices of one model (`provider/model`), and their fingerprint as the price version of what they cost."""

    deployment: str
    model: Model
    version: str
    adjustments: tuple[Adjustment, ...] = ()
    """Those of the live configuration: an entry's own, known by their ids, are applied again."""


@dataclass(frozen=True, slots=True)
class Recosted:
    """What a page came to: entries looked at, versions written, and the money by which they differ."""

    seen: int
    written: int
    difference: NanoUSD
    unknown: int = 0
    """Entries left as they are, since they were adjusted by something that the configuration has no longer."""


def correction(
    deployment: str,
    prices: object,
    live: Configuration | None = None,
    quirks: Mapping[str, object] | None = None,
) -> Correction:
    """Return the correction that a list of prices, as a configuration's custom model has them, means.

    `live` is the configuration whose units and adjustments hold; `quirks` are the model's own.

    Raises BadRequest.
    """
    document: dict[str, object] = {"models": {deployment: {"prices": prices}}}
    live = live or Configuration("")
    if live.units:
        document["units"] = dict(live.units)
    digest = hashlib.sha256(canonical_json(document).encode()).hexdigest()
    try:
        model = in_dollars(parse(document, digest).models[deployment], live.units)
    except (ValueError, KeyError, TypeError) as error:
        raise BadRequest(f"The prices of {deployment!r} cannot be read: {error}", param="prices") from None
    if not model.prices:
        raise BadRequest(f"The prices of {deployment!r} are in a unit that the configuration has no rate for.")
    return Correction(deployment, replace(model, quirks=quirks or {}), f"recost#{digest[:12]}", live.adjustments)


def recost(entries: Iterable[LedgerEntry], ledger: VersionedLedger, corrected: Correction) -> Recosted:
    """Write a new version of each entry of the model whose cost changes."""
    seen = written = difference = unknown = 0
    known = {each.id for each in corrected.adjustments}
    for entry in entries:
        if entry.version != 1 or entry.deployment != corrected.deployment or entry.outcome == LOST:
            continue
        seen += 1
        if not known.issuperset(entry.adjustments):
            unknown += 1
            continue
        last = ledger.versions(entry.request_id)[-1]
        following = _costed(last, corrected)
        if following is not None and ledger.put_version(following, last):
            written += 1
            difference += following.cost - last.cost
    return Recosted(seen, written, difference, unknown)


def _costed(last: LedgerEntry, corrected: Correction) -> LedgerEntry | None:
    """Return the next version, None where the prices change nothing or have been applied."""
    moment = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(last.started_ms / 1000))
    price = price_of(corrected.model, moment, last.usage.service_tier, last.usage.inference_geo)
    if price is None or last.price_version in (corrected.version, STATED) or last.cache in _STORED:
        return None  # what the provider stated is what it billed; a stored answer cost nothing
    listed = cost(last.usage, price).nano
    applied = tuple(each for each in corrected.adjustments if each.id in last.adjustments)
    nano = adjusted(listed, applied)
    if nano == last.cost:
        return None
    saved = scaled(savings(corrected.model, last.usage, last.started_ms), last.adjustments, applied)
    other = tuple((kind, amount) for kind, amount in last.saved if kind not in (PROMPT_CACHE, BATCH))
    return replace(
        last,
        version=last.version + 1,
        cost=nano,
        list_cost=listed if listed != nano else None,
        price_version=corrected.version,
        saved=(*other, *saved),
    )
