"""Budget counters, to look at: sums over the parts of a counter, and which counters a budget has.

    pk=<counter name>                           sk=<region>#<shard>  committed, spent, slack; g#<part> given away
    pk=counters#budget#<id>#<window id>         sk=<value>           one item for each value that has a counter

Reading never changes anything, and what other regions wrote is seen as far as it was replicated.
"""

from __future__ import annotations

from collections.abc import Iterator

from sluice.aws.attributes import Item
from sluice.aws.dynamodb import DynamoClient
from sluice.control.budget_status import Totals
from sluice.governance.counter_names import listing_partition

_GIVEN = "g#"


class DynamoCounterReader:
    """Reads counters (`control.budget_status.CounterReader`)."""

    def __init__(self, client: DynamoClient, table: str) -> None:
        self._client = client
        self._table = table

    def totals(self, name: str) -> Totals:
        """Return a counter's sums; one that nobody has written is empty."""
        committed = spent = slack = 0
        for item in self._client.query(self._table, name):
            # What a part gave away counts there as committed, and raises the cap of the part that may spend it.
            committed += item.get("committed", 0) - _given(item)
            spent += item.get("spent", 0)
            slack += item.get("slack", 0)
        return Totals(committed, spent, slack)

    def listed(self, budget_id: str, window: str) -> Iterator[str]:
        """Yield the values, as they stand in names, that have a counter in a window."""
        for item in self._client.query(self._table, listing_partition(budget_id, window)):
            yield item["sk"]


def _given(item: Item) -> int:
    return sum(amount for name, amount in item.items() if name.startswith(_GIVEN))
