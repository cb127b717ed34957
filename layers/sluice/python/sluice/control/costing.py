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
from sluice.metering.pricing import cost, price_of
from sluice.metering.savings import savings
from sluice.routing.configuration import canonical_json, parse
from sluice.types.catalogue import Model
from sluice.types.clock import NanoUSD
from sluice.types.ledger import LOST, LedgerEntry


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


@dataclass(frozen=True, slots=True)
class Recosted:
    """What a page came to: entries looked at, versions written, and the money by which they differ."""

    seen: int
    written: int
    difference: NanoUSD


def correction(deployment: str, prices: object) -> Correction:
    """Return the correction that a list of prices, as a configuration's custom model has them, means.

    Raises BadRequest.
    """
    document: Mapping[str, object] = {"models": {deployment: {"prices": prices}}}
    digest = hashlib.sha256(canonical_json(document).encode()).hexdigest()
    try:
        model = parse(document, digest).models[deployment]
    except (ValueError, KeyError, TypeError) as error:
        raise BadRequest(f"The prices of {deployment!r} cannot be read: {error}", param="prices") from None
    return Correction(deployment, model, f"recost#{digest[:12]}")


def recost(entries: Iterable[LedgerEntry], ledger: VersionedLedger, corrected: Correction) -> Recosted:
    """Write a new version of each entry of the model whose cost changes."""
    seen = written = difference = 0
    for entry in entries:
        if entry.version != 1 or entry.deployment != corrected.deployment or entry.outcome == LOST:
            continue
        seen += 1
        last = ledger.versions(entry.request_id)[-1]
        following = _costed(last, corrected)
        if following is not None and ledger.put_version(following, last):
            written += 1
            difference += following.cost - last.cost
    return Recosted(seen, written, difference)


def _costed(last: LedgerEntry, corrected: Correction) -> LedgerEntry | None:
    """Return the next version, None where the prices change nothing or have been applied."""
    moment = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(last.started_ms / 1000))
    price = price_of(corrected.model, moment, last.usage.service_tier)
    if price is None or last.price_version == corrected.version:
        return None
    nano = cost(last.usage, price).nano
    if nano == last.cost:
        return None
    other = tuple((kind, saved) for kind, saved in last.saved if kind not in ("prompt_cache", "batch"))
    return replace(
        last,
        version=last.version + 1,
        cost=nano,
        list_cost=None,
        price_version=corrected.version,
        saved=(*other, *savings(corrected.model, last.usage, last.started_ms)),
    )
