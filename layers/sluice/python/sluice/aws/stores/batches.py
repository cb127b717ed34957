"""Which message batch belongs to which team, in the `cache` table.

    pk=batch#<team>  sk=<batch id>  expires_at=<epoch seconds>  and the record

The team is a part of the key, so no other team's request can even ask for the item. An expired record is gone at once,
whenever DynamoDB gets round to deleting it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from sluice.aws.attributes import Item
from sluice.aws.dynamodb import DynamoClient
from sluice.aws.stores.standing import from_rows, to_rows
from sluice.types.batches import BatchRecord


class DynamoBatchStore:
    """Keeps records (`ports.BatchStore`). `now` gives epoch seconds."""

    def __init__(self, client: DynamoClient, table: str, now: Callable[[], float] = time.time) -> None:
        self._client = client
        self._table = table
        self._now = now

    def put(self, record: BatchRecord) -> None:
        """Write a record, over an older one of the same batch."""
        item: Item = {
            "pk": _partition(record.team),
            "sk": record.id,
            "expires_at": record.expires_at,
            "provider": record.provider,
            "models": dict(record.models),
            "created_ms": record.created_ms,
            "key": record.key_id,
            "config": record.config_version,
            "tags": [list(tag) for tag in record.tags],
            "session": record.session,
            # The provider's own words may hold what a table does not (fractions).
            "latest": json.dumps(record.latest),
            "holds": to_rows(record.holds),
            "user": record.user,
        }
        self._client.put_item(self._table, item)

    def find(self, team: str, batch_id: str) -> BatchRecord | None:
        """Return the record of a team's batch, None when the team has none of that id."""
        if not batch_id or len(batch_id.encode()) > 1024:  # DynamoDB refuses such a key
            return None
        item = self._client.get_item(self._table, (_partition(team), batch_id), consistent=True)
        return None if item is None or item["expires_at"] <= self._now() else _record(team, item)

    def of_team(self, team: str) -> tuple[BatchRecord, ...]:
        """Return the records of a team, the latest first."""
        now = self._now()
        items = self._client.query(self._table, _partition(team), consistent=True)
        records = [_record(team, item) for item in items if item["expires_at"] > now]
        return tuple(sorted(records, key=lambda record: (record.created_ms, record.id), reverse=True))

    def delete(self, team: str, batch_id: str) -> None:
        """Delete a record; one that is not there is fine."""
        self._client.delete_item(self._table, (_partition(team), batch_id))


def _partition(team: str) -> str:
    return f"batch#{team}"


def _record(team: str, item: Item) -> BatchRecord:
    return BatchRecord(
        team=team,
        id=item["sk"],
        provider=item["provider"],
        models=item["models"],
        created_ms=item["created_ms"],
        key_id=item["key"],
        config_version=item["config"],
        tags=tuple((name, value) for name, value in item["tags"]),
        session=item["session"],
        latest=json.loads(item["latest"]),
        holds=from_rows(item.get("holds", ())),
        user=item.get("user", ""),
    )
