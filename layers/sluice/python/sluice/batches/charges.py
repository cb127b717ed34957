"""What a batch cost, as one ledger entry whose id follows from the batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

from sluice.batches.plans import NAME, OPERATION, priced_by
from sluice.dialects.anthropic_batches import ResultMeter
from sluice.metering.adjusting import billed, charged, scaled
from sluice.metering.request_ids import new as new_request_id
from sluice.metering.savings import savings
from sluice.routing.router import Router
from sluice.types.batches import BatchRecord
from sluice.types.ledger import LedgerEntry
from sluice.types.routes import Configuration, Deployment
from sluice.types.usage import Usage


def entry_of(
    record: BatchRecord, meter: ResultMeter, router: Router, configuration: Configuration, *, region: str
) -> LedgerEntry:
    """Return the entry of a batch whose results were all read.

    Each request is charged for itself, since the length of its own prompt decides on its price; the rates are those
    for batches on the day the batch was created.
    """
    bill = _Bill(record, configuration, region)
    found: dict[str, Deployment] = {}
    for model, usage in meter.charged:
        if model not in found:
            found[model] = priced_by(model, record, router, configuration)
        bill.add(found[model], usage)
    models = "+".join(sorted(set(record.models.values())))
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(meter.kinds.items()))
    unread = (f"{meter.unread} results could not be read",) if meter.unread else ()
    if record.holds:
        from sluice.governance.standing import paid_from

        paid = paid_from(record.holds, bill.costs)
    else:
        paid = ()
    return LedgerEntry(
        request_id=request_id_of(record),
        team=record.team,
        key_id=record.key_id,
        operation=OPERATION,
        dialect=NAME,
        requested_model=f"{record.provider}/{models}",
        deployment=f"{record.provider}/{models}",
        provider=record.provider,
        model=models,
        status=200,
        outcome="ok",
        usage=meter.usage,
        cost=sum(bill.costs.values()),
        price_version="+".join(bill.versions),
        config_version=record.config_version,
        stream=False,
        started_ms=record.created_ms,
        duration_ms=0,
        first_byte_ms=None,
        overhead_us=0,
        tags=record.tags,
        session=record.session,
        region=region,
        holds=paid,
        user=record.user,
        reasons=(f"batch {record.id}: {told or 'no results'}", *unread),
        list_cost=bill.listed if bill.listed != sum(bill.costs.values()) else None,
        saved=tuple(bill.saved.items()),
        adjustments=tuple(bill.adjustments),
    )


@dataclass
class _Bill:
    """What the results of a batch come to; the sets keep their order."""

    record: BatchRecord
    configuration: Configuration
    region: str
    costs: dict[str, int] = field(default_factory=dict)
    listed: int = 0
    versions: dict[str, None] = field(default_factory=dict)
    saved: dict[str, int] = field(default_factory=dict)
    adjustments: dict[str, None] = field(default_factory=dict)

    def add(self, deployment: Deployment, usage: Usage) -> None:
        """Add one result, which is charged for itself."""
        at, changes = self.record.created_ms, self.configuration.adjustments
        found = charged(
            deployment.model,
            usage,
            at,
            billed(self.record.team, deployment, self.region),
            ceiling=self.configuration.unpriced_ceiling,
            adjustments=changes,
            quirks={**deployment.provider.quirks, **deployment.model.quirks},
        )
        self.costs[deployment.name] = self.costs.get(deployment.name, 0) + found.cost
        self.listed += found.cost if found.list_cost is None else found.list_cost
        self.versions[found.price_version] = None
        self.adjustments.update(dict.fromkeys(found.adjustments))
        for kind, nano in scaled(savings(deployment.model, usage, at), found.adjustments, changes):
            self.saved[kind] = self.saved.get(kind, 0) + nano


def request_id_of(record: BatchRecord) -> str:
    """Return the request id under which a batch is charged: the same each time, in the partition of its creation."""
    digest = sha256(f"{record.provider}/{record.id}".encode()).digest()
    return new_request_id(record.created_ms, record.team, lambda size: digest[:size])
