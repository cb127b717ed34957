"""Usage in the `usage` table: the cells of the roll-up, its checkpoints, and how far it has come.

    pk=usage#...                 sk=...               the cells (`metering.rollup`), columns as numbers
    pk=usage#journal#<region>    sk=...               what is to be added to them (`aws.stores.journals`)
    pk=rollup#<ledger pk>        sk=<region>          reached: the last stream record that is in the cells
    pk=rollup#fence              sk=<region>#<n>      at: epoch ms; what the ledger held then is in the cells

A fence is an item that the reconcile job writes into the ledger's table, `FENCES` of them in partitions of their own,
so that they lie in as many of the stream's shards as there are. When the roll-up meets one, everything in front of it
is in the cells.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping

from sluice.aws.attributes import Item
from sluice.aws.dynamodb import DynamoClient, Write, update
from sluice.aws.errors import ConditionalCheckFailed, TransactionCancelled
from sluice.aws.stores.journals import Journals, Pending
from sluice.metering.rollup import (
    COLUMNS,
    Cell,
    Columns,
    Pack,
    counter_partition,
    expires,
    hold_partition,
    without_zeros,
)
from sluice.types.clock import Millis, NanoUSD

FENCES = 8
FENCE_MARK = "fence#"
"""What the partition keys of fences begin with, in the ledger's table."""
_FENCE_PARTITION = "rollup#fence"
_CHECKPOINT_SECONDS = 400 * 86_400
_DAY = 86_400
_VIEW_TRIES = 5
_FRESH_SECONDS = 1.0
_NUMBERS = frozenset((*COLUMNS, "spent"))


class Overtaken(Exception):
    """Another consumer has moved a checkpoint since it was read; nothing was written."""


class DynamoUsageStore:
    """Reads and writes usage of one region."""

    def __init__(self, client: DynamoClient, table: str, *, region: str, ledger_table: str = "") -> None:
        self._client = client
        self._table = table
        self._region = region
        self._ledger = ledger_table
        self._journals = Journals(client, table, region)
        self._pending: Pending | None = None
        self._read_at = 0.0

    def checkpoints(self, partitions: Iterable[str]) -> dict[str, str]:
        """Return the checkpoints of those ledger partitions that have one."""
        keys = [(f"rollup#{partition}", self._region) for partition in partitions]
        found = self._client.batch_get(self._table, keys, consistent=True)
        return {pk.removeprefix("rollup#"): item["reached"] for (pk, _), item in found.items()}

    def apply(self, pack: Pack, now_ms: Millis) -> None:
        """Write a pack, whole or not at all. Raises Overtaken, AwsError."""
        kept = now_ms // 1000 + _CHECKPOINT_SECONDS
        writes = [self._moved(partition, *each, kept) for partition, each in pack.checkpoints.items()]
        writes += [self._added(cell, columns) for cell, columns in without_zeros(pack.direct()).items()]
        journal = without_zeros(pack.journal())
        if journal:
            writes.append(self._journals.written(journal, now_ms))
        self._pending = None
        try:
            self._client.transact_write(writes)
        except TransactionCancelled as error:
            if error.failed_condition() is None:
                raise
            raise Overtaken from error

    def merge(self, now_ms: Millis, *, older_ms: int = 0, groups: int = 1) -> int:
        """Add journals up into cells (`aws.stores.journals`); return how many cells were written."""
        self._pending = None
        return self._journals.merge(now_ms, older_ms=older_ms, groups=groups)

    def merge_all(self, now_ms: Millis) -> None:
        """Add every journal that is there now to its cells. Raises Unmerged."""
        self._pending = None
        self._journals.merge_all(now_ms)

    def cells(self, partition: str, prefix: str = "") -> Iterator[tuple[Cell, dict[str, int]]]:
        """Yield the cells of a partition whose sort keys begin with `prefix`, of every region.

        What this region's journals hold is in them; the other regions' is not before it is merged there. Journals are
        read at most once a second, and again when a cell is ahead of them.
        """
        for _ in range(_VIEW_TRIES):
            pending = self._known()
            rows = {
                (item["pk"], item["sk"]): item
                for item in self._client.query(self._table, partition, begins_with=prefix, consistent=True)
            }
            mine = [item.get("merged", 0) for cell, item in rows.items() if self._is_mine(cell)]
            if max(mine, default=0) <= pending.number:
                break
            self._pending = None
        else:
            pending = Pending()  # groups follow each other faster than they can be read: cells alone, a little late
        for cell in dict.fromkeys((*rows, *pending.within(partition, prefix))):
            item = rows.get(cell, {})
            columns = _columns(item)
            for name, value in pending.of(cell, item.get("merged", 0)).items():
                columns[name] = columns.get(name, 0) + value
            if item or any(columns.values()):
                yield cell, columns

    def _known(self) -> Pending:
        now = time.monotonic()
        if self._pending is None or now - self._read_at > _FRESH_SECONDS:
            self._pending, self._read_at = self._journals.pending(), now
        return self._pending

    def _is_mine(self, cell: Cell) -> bool:
        return cell[1].split("#", 3)[2:3] == [self._region]

    def read(self, cells: Iterable[Cell]) -> dict[Cell, dict[str, int]]:
        """Return those of the cells that exist."""
        found = self._client.batch_get(self._table, cells, consistent=True)
        return {cell: _columns(item) for cell, item in found.items()}

    def hold_spent(self, hold: str) -> NanoUSD:
        """Return what the roll-up knows to be spent from a hold."""
        return sum(columns.get("spent", 0) for _, columns in self.cells(hold_partition(hold)))

    def counter_spent(self, tag: str) -> NanoUSD:
        """Return what the roll-up knows to be spent from all holds of a part of a counter."""
        return sum(columns.get("spent", 0) for _, columns in self.cells(counter_partition(tag)))

    def replace(self, cell: Cell, seen: Columns, columns: Columns) -> bool:
        """Set a cell to `columns` if it still is as it was `seen`; False when it has changed meanwhile."""
        names = sorted({*seen, *columns})
        labels = {f"#n{at}": name for at, name in enumerate(names)}
        values: dict[str, object] = {":x": expires(cell)}
        conditions, sets = [], ["expires_at = :x"]
        for at, name in enumerate(names):
            values[f":v{at}"] = columns.get(name, 0)
            sets.append(f"#n{at} = :v{at}")
            if seen.get(name):
                values[f":o{at}"] = seen[name]
                conditions.append(f"#n{at} = :o{at}")
            else:
                values[":zero"] = 0
                conditions.append(f"(attribute_not_exists(#n{at}) OR #n{at} = :zero)")
        try:
            self._client.update_item(
                self._table,
                cell,
                "SET " + ", ".join(sets),
                condition=" AND ".join(conditions),
                names=labels,
                values=values,
            )
        except ConditionalCheckFailed:
            return False
        return True

    def drop_empty(self, cell: Cell) -> bool:
        """Delete a cell whose columns are all 0; False when they are not, or it was written since it was read."""
        item = self._client.get_item(self._table, cell, consistent=True)
        if item is None or any(_columns(item).values()):
            return False
        condition, values = "merged = :merged", {":merged": item.get("merged")}
        if "merged" not in item:
            condition, values = "attribute_not_exists(merged)", {}
        try:
            self._client.delete_item(self._table, cell, condition=condition, values=values)
        except ConditionalCheckFailed:
            return False
        return True

    def put_fences(self, at_ms: Millis) -> None:
        """Write a fence into every fence partition of the ledger's table."""
        for number in range(FENCES):
            item = {
                "pk": f"{FENCE_MARK}{self._region}#{number}",
                "sk": "fence",
                "at": at_ms,
                "expires_at": at_ms // 1000 + _DAY,
            }
            self._client.put_item(self._ledger, item)

    def pass_fence(self, number: str, at_ms: Millis) -> None:
        """Note that everything in front of a fence is in the cells; an older fence changes nothing."""
        try:
            self._client.update_item(
                self._table,
                (_FENCE_PARTITION, f"{self._region}#{number}"),
                "SET #at = :at",
                condition="attribute_not_exists(#at) OR #at < :at",
                names={"#at": "at"},
                values={":at": at_ms},
            )
        except ConditionalCheckFailed:
            return

    def passed(self) -> Millis:
        """Return the moment up to which the ledger is in the cells; 0 while some fence was never met."""
        found = self._client.query(self._table, _FENCE_PARTITION, begins_with=f"{self._region}#", consistent=True)
        moments = [int(item["at"]) for item in found]
        return min(moments) if len(moments) >= FENCES else 0

    def _moved(self, partition: str, seen: str, sequence: str, kept: int) -> Write:
        values: dict[str, object] = {":new": sequence, ":x": kept}
        if seen:
            condition, values[":seen"] = "reached = :seen", seen
        else:
            condition = "attribute_not_exists(reached)"
        key = (f"rollup#{partition}", self._region)
        expression = "SET reached = :new, expires_at = :x"
        return update(self._table, key, expression, condition=condition, values=values)

    def _added(self, cell: Cell, columns: Mapping[str, int]) -> Write:
        labels = {f"#n{at}": name for at, name in enumerate(columns)}
        values: dict[str, object] = {f":v{at}": value for at, value in enumerate(columns.values())}
        added = ", ".join(f"#n{at} :v{at}" for at in range(len(columns)))
        expression = f"ADD {added} SET expires_at = :x"
        return update(self._table, cell, expression, names=labels, values={**values, ":x": expires(cell)})


def _columns(item: Item) -> dict[str, int]:
    return {name: int(value) for name, value in item.items() if name in _NUMBERS}
