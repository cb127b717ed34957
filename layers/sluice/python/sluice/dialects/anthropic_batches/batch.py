"""The object that describes a batch, and pages of such objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from sluice.dialects.base import JsonObject
from sluice.errors import ProviderGarbled
from sluice.types.chat import Json

STATUSES = ("in_progress", "canceling", "ended")
_TIMES = ("created_at", "expires_at", "ended_at", "cancel_initiated_at", "archived_at")


@dataclass(frozen=True, slots=True)
class Counts:
    """The requests of a batch by what became of them; all are `processing` until the whole batch has ended."""

    processing: int = 0
    succeeded: int = 0
    errored: int = 0
    canceled: int = 0
    expired: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch. Times are RFC 3339 texts, or None for what has not happened; `extras` are members not known here."""

    id: str
    processing_status: str
    counts: Counts
    created_at: str
    expires_at: str
    ended_at: str | None = None
    cancel_initiated_at: str | None = None
    archived_at: str | None = None
    results_url: str | None = None
    extras: Mapping[str, Json] = field(default_factory=dict)


_KNOWN = frozenset({"id", "type", "processing_status", "request_counts", "results_url", *_TIMES})


def decode_batch(body: JsonObject) -> Batch:
    """Return the batch that a provider describes. Raises ProviderGarbled."""
    identity, status, counts = body.get("id"), body.get("processing_status"), body.get("request_counts")
    if not isinstance(identity, str) or not identity or status not in STATUSES or not isinstance(counts, Mapping):
        raise ProviderGarbled("The provider's answer does not describe a message batch.")
    times = {name: value for name in _TIMES if isinstance(value := body.get(name), str)}
    url = body.get("results_url")
    return Batch(
        id=identity,
        processing_status=str(status),
        counts=Counts(**{spec.name: _count(counts.get(spec.name)) for spec in fields(Counts)}),
        created_at=times.pop("created_at", ""),
        expires_at=times.pop("expires_at", ""),
        results_url=url if isinstance(url, str) else None,
        extras={name: value for name, value in body.items() if name not in _KNOWN},
        **times,
    )


def encode_batch(batch: Batch) -> dict[str, Json]:
    """Return the object that describes a batch."""
    counts = {spec.name: getattr(batch.counts, spec.name) for spec in fields(Counts)}
    return {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": batch.processing_status,
        "request_counts": counts,
        "ended_at": batch.ended_at,
        "created_at": batch.created_at,
        "expires_at": batch.expires_at,
        "archived_at": batch.archived_at,
        "cancel_initiated_at": batch.cancel_initiated_at,
        "results_url": batch.results_url,
        **batch.extras,
    }


def decode_page(body: JsonObject) -> tuple[Batch, ...]:
    """Return the batches of one page. Raises ProviderGarbled."""
    items = body.get("data")
    if not isinstance(items, list):
        raise ProviderGarbled("The provider's answer is not a page of message batches.")
    return tuple(decode_batch(item) for item in items if isinstance(item, Mapping))


def encode_page(batches: Sequence[Batch], has_more: bool) -> dict[str, Json]:
    """Return a page, whose ends are the cursors of the pages beside it."""
    return {
        "data": [encode_batch(batch) for batch in batches],
        "has_more": has_more,
        "first_id": batches[0].id if batches else None,
        "last_id": batches[-1].id if batches else None,
    }


def encode_deleted(batch_id: str) -> dict[str, Json]:
    """Return what says that a batch was deleted."""
    return {"id": batch_id, "type": "message_batch_deleted"}


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
