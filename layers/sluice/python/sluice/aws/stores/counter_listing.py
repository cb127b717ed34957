"""The list of a budget's counters, in the `usage` table.

    pk=counters#budget#<id>#<window id>   sk=<value>   expires_at

Every region writes the same items with nothing in them, so it does not matter which write of two wins.
"""

from __future__ import annotations

from sluice.aws.dynamodb import DynamoClient
from sluice.governance.counter_names import listing


class DynamoCounterListing:
    """Writes the list."""

    def __init__(self, client: DynamoClient, table: str) -> None:
        self._client = client
        self._table = table

    def add(self, name: str, keep_until: int) -> None:
        """List a budget's counter by its name, until `keep_until` (epoch seconds)."""
        self._client.update_item(self._table, listing(name), "SET expires_at = :keep", values={":keep": keep_until})
