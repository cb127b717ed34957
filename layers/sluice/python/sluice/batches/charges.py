"""What a batch cost, as one ledger entry whose id follows from the batch."""

from __future__ import annotations

from hashlib import sha256

from sluice.batches.plans import NAME, OPERATION, priced_by
from sluice.dialects.anthropic_batches import ResultMeter
from sluice.metering.pricing import charge
from sluice.metering.request_ids import new as new_request_id
from sluice.routing.router import Router
from sluice.types.batches import BatchRecord
from sluice.types.ledger import LedgerEntry
from sluice.types.routes import Configuration, Deployment


def entry_of(
    record: BatchRecord, meter: ResultMeter, router: Router, configuration: Configuration, *, region: str
) -> LedgerEntry:
    """Return the entry of a batch whose results were all read.

    Each request is charged for itself, since the length of its own prompt decides on its price; the rates are those
    for batches on the day the batch was created.
    """
    costs: dict[str, int] = {}
    versions: list[str] = []
    found: dict[str, Deployment] = {}
    for model, usage in meter.charged:
        if model not in found:
            found[model] = priced_by(model, record, router, configuration)
        nano, version = charge(found[model].model, usage, record.created_ms, configuration.unpriced_ceiling)
        name = found[model].name
        costs[name] = costs.get(name, 0) + nano
        if version not in versions:
            versions.append(version)
    models = "+".join(sorted(set(record.models.values())))
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(meter.kinds.items()))
    unread = (f"{meter.unread} results could not be read",) if meter.unread else ()
    if record.holds:
        from sluice.governance.standing import paid_from

        paid = paid_from(record.holds, costs)
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
        cost=sum(costs.values()),
        price_version="+".join(versions),
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
    )


def request_id_of(record: BatchRecord) -> str:
    """Return the request id under which a batch is charged: the same each time, in the partition of its creation."""
    digest = sha256(f"{record.provider}/{record.id}".encode()).digest()
    return new_request_id(record.created_ms, record.team, lambda size: digest[:size])
