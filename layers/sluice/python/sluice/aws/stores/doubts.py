"""What the reconcile job remembers of counters that said more than the ledger, in the `usage` table.

pk=drift#<counter name>  sk=<region>#<shard>  least=<nano-USD>  since=<epoch seconds>  expires_at
"""

from __future__ import annotations

from sluice.aws.dynamodb import DynamoClient, Key
from sluice.control.drift import Doubt
from sluice.types.budgets import CounterKey

_KEPT_SECONDS = 7 * 86_400


class DynamoDoubts:
    """Keeps them (`control.drift.Doubts`)."""

    def __init__(self, client: DynamoClient, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, key: CounterKey) -> Doubt | None:
        """Return what is remembered of a counter."""
        item = self._client.get_item(self._table, _key(key), consistent=True)
        return None if item is None else Doubt(item["least"], float(item["since"]))

    def put(self, key: CounterKey, doubt: Doubt) -> None:
        """Remember it."""
        since = int(doubt.since)
        values = {":least": doubt.least, ":since": since, ":keep": since + _KEPT_SECONDS}
        change = "SET least = :least, since = :since, expires_at = :keep"
        self._client.update_item(self._table, _key(key), change, values=values)

    def drop(self, key: CounterKey) -> None:
        """Forget it."""
        if self.get(key) is not None:
            self._client.delete_item(self._table, _key(key))


def _key(key: CounterKey) -> Key:
    return f"drift#{key.name}", key.part
