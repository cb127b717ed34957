"""The cost ledger in the `ledger` table.

    pk=<team>#<YYYY-MM-DD>#<shard>  sk=<request id>         expires_at=<epoch seconds>  and the entry's record
                                    sk=<request id>~v<n>    the same, costed again: version n, with `before`

The key follows from the request id, so an entry is found by its id alone. An entry is written once and never changed; a
typical one has less than 1 KB, which is one write unit. A later version holds in `before` what the version in front of
it said of money, so whoever adds up versions needs no other item.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sluice.aws.attributes import Item
from sluice.aws.dynamodb import DynamoClient
from sluice.aws.errors import ConditionalCheckFailed
from sluice.aws.ledger_record import from_record, to_record
from sluice.metering.request_ids import partition_of
from sluice.types.ledger import LOST, LedgerEntry

VERSION_MARK = "~v"
_DAY = 86_400
_KEYS = ("pk", "sk", "expires_at", "before")
MONEY = ("cost", "list", "saved", "price")
"""The members of a record that costing again changes."""


class DynamoLedgerStore:
    """Writes and reads entries (`ports.LedgerStore`); they expire `days` days after their request began."""

    def __init__(self, client: DynamoClient, table: str, *, days: int) -> None:
        self._client = client
        self._table = table
        self._days = days

    def put(self, entry: LedgerEntry) -> bool:
        """Write an entry once; False when one with this request id stands already.

        The sweep's guess about a request that seemed lost gives way to the entry of the request itself.
        """
        item, condition = to_item(entry, self._days), "attribute_not_exists(pk)"
        guess = entry.outcome == LOST
        try:
            if guess:
                self._client.put_item(self._table, item, condition=condition)
            else:
                self._client.put_item(
                    self._table,
                    item,
                    condition=f"{condition} OR #outcome = :lost",
                    names={"#outcome": "outcome"},
                    values={":lost": LOST},
                )
        except ConditionalCheckFailed:
            return False
        return True

    def known(self, request_ids: Collection[str]) -> set[str]:
        """Return which of these requests have an entry of their own (the sweep's guess does not count)."""
        keys = [(partition_of(request_id), request_id) for request_id in request_ids]
        found = self._client.batch_get(self._table, keys)
        return {request_id for (_, request_id), item in found.items() if item.get("outcome") != LOST}

    def get(self, request_id: str) -> LedgerEntry | None:
        """Return the entry, found by its id alone; None for an id that no request can have."""
        try:
            partition = partition_of(request_id)
        except ValueError:
            return None
        # Consistent: a caller may ask the moment after the last byte.
        item = self._client.get_item(self._table, (partition, request_id), consistent=True)
        return None if item is None else from_item(item)

    def versions(self, request_id: str) -> tuple[LedgerEntry, ...]:
        """Return the entry and its later versions, oldest first; none for an id that no request can have."""
        try:
            partition = partition_of(request_id)
        except ValueError:
            return ()
        found = self._client.query(self._table, partition, begins_with=request_id, consistent=True)
        same = (item for item in found if item["sk"].partition(VERSION_MARK)[0] == request_id)
        return tuple(sorted(map(from_item, same), key=lambda entry: entry.version))

    def put_version(self, entry: LedgerEntry, before: LedgerEntry) -> bool:
        """Write the next version of an entry, once; False when that version stands already."""
        return self._put_new({**to_item(entry, self._days), "before": money_of(before)})

    def rename_user(self, entry: LedgerEntry, name: str) -> bool:
        """Put `name` in place of an entry's user and take its session away; False when it is somebody else's by now."""
        try:
            self._client.update_item(
                self._table,
                (partition_of(entry.request_id), sort_key(entry)),
                "SET #user = :name REMOVE #session",
                condition="#user = :user",
                names={"#user": "user", "#session": "session"},
                values={":name": name, ":user": to_record(entry)["user"]},
            )
        except ConditionalCheckFailed:
            return False
        return True

    def partition(self, partition: str, after: str = "") -> Iterator[LedgerEntry]:
        """Yield every entry of a ledger partition in order of its sort key, each version apart, from `after` on."""
        for item in self._client.query(self._table, partition, consistent=True, after=after):
            yield from_item(item)

    def _put_new(self, item: Item) -> bool:
        try:
            self._client.put_item(self._table, item, condition="attribute_not_exists(pk)")
        except ConditionalCheckFailed:
            return False
        return True


def to_item(entry: LedgerEntry, days: int) -> Item:
    """Return an entry as an item. Raises ValueError for a request id that leads to no partition."""
    record = to_record(entry)
    request_id = record.pop("id")
    expires = entry.started_ms // 1000 + days * _DAY
    return {"pk": partition_of(request_id), "sk": sort_key(entry), "expires_at": expires, **record}


def sort_key(entry: LedgerEntry) -> str:
    """Return the sort key of an entry, or of a later version of it."""
    return entry.request_id if entry.version == 1 else f"{entry.request_id}{VERSION_MARK}{entry.version}"


def from_item(item: Item) -> LedgerEntry:
    """Return the entry of an item, as it is read or as the table's stream carries it."""
    record = {name: value for name, value in item.items() if name not in _KEYS}
    return from_record({**record, "id": item["sk"].partition(VERSION_MARK)[0]})


def money_of(entry: LedgerEntry) -> Item:
    """Return what an entry says of money, as a later version holds it in `before`."""
    record = to_record(entry)
    return {name: record[name] for name in MONEY if name in record}


def before_of(item: Item) -> LedgerEntry | None:
    """Return the entry that a later version's item stands behind, as far as money goes; None for a first version."""
    if "before" not in item:
        return None
    record = {name: value for name, value in item.items() if name not in (*_KEYS, *MONEY)}
    return from_record({**record, **item["before"], "id": item["sk"].partition(VERSION_MARK)[0]})
