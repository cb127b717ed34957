"""The audit log in the `audit` table, which is only ever added to.

    pk=audit#<region>#<day>  sk=<number, 10 digits>   one record: its canonical text and its hash
    pk=days#<region>         sk=<day>                 which days have records

Each region writes its own chain. A change and its record are one transaction, so there is neither without the other;
the number after the last one is taken by whoever is first, and others try again. The function's role can put and query,
but neither update nor delete.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from sluice.aws.dynamodb import DynamoClient, Write, put
from sluice.aws.errors import Throttled, TransactionCancelled
from sluice.control.audit import Link, hash_of, record
from sluice.routing.configuration import canonical_json
from sluice.types.audit import Change

TRIES = 10
NEW = "attribute_not_exists(pk)"


class Head(NamedTuple):
    """The last record of a chain: its day, number and hash; "" and 0 before the first."""

    day: str
    number: int
    hash: str


class DynamoAuditStore:
    """Adds to this region's chain and reads those of all regions. `tell` is given a line for each record."""

    def __init__(
        self,
        client: DynamoClient,
        table: str,
        *,
        region: str,
        now: Callable[[], float] = time.time,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self._client = client
        self._table = table
        self._region = region
        self._now = now
        self._tell = tell

    def commit(self, writes: Sequence[Write], change: Change) -> None:
        """Do the writes of a change together with its record, or neither.

        Raises:
            TransactionCancelled: a condition of `writes` does not hold; positions are theirs.
            Throttled: others kept adding records in between.
        """
        for _ in range(TRIES):
            made = self._next(change)
            try:
                self._client.transact_write([*writes, *self._puts(made)])
            except TransactionCancelled as cancelled:
                failed = cancelled.failed_condition()
                if failed is None or failed < len(writes):
                    raise
                continue  # somebody else took the number
            if self._tell is not None:
                names = ("region", "day", "number", "action", "subject")
                self._tell(json.dumps({"kind": "audit", **{n: made[n] for n in names}, "hash": hash_of(made)}))
            return
        raise Throttled("dynamodb", "TransactWriteItems", f"The audit log was added to by others {TRIES} times over.")

    def record(self, change: Change) -> None:
        """Record a change that is about to be made elsewhere."""
        self.commit((), change)

    def days(self, region: str) -> list[str]:
        """Return the days (UTC) with records of a region, the oldest first."""
        return [item["sk"] for item in self._client.query(self._table, f"days#{region}", consistent=True)]

    def records(self, region: str, day: str, *, after: int = 0, before: int = 0) -> Iterator[dict[str, Any]]:
        """Yield a day's records with their hashes: upwards behind number `after`, or downwards below `before`."""
        bounds = {"before": f"{before:010d}"} if before else {"after": f"{after:010d}"}
        found = self._client.query(
            self._table, _chain(region, day), backwards=before > 0, consistent=True, limit=None, **bounds
        )
        for item in found:
            yield {**json.loads(item["record"]), "hash": item["hash"]}

    def head(self) -> Head:
        """Return the last record of this region's chain."""
        for day in self._client.query(self._table, f"days#{self._region}", backwards=True, limit=1, consistent=True):
            chain = _chain(self._region, day["sk"])
            for item in self._client.query(self._table, chain, backwards=True, limit=1, consistent=True):
                return Head(day["sk"], int(item["sk"]), item["hash"])
        return Head("", 0, "")

    def _next(self, change: Change) -> dict[str, object]:
        head, moment = self.head(), self._now()
        # Never back to an earlier day, should the clock be set back.
        day = max(time.strftime("%Y-%m-%d", time.gmtime(moment)), head.day)
        number = head.number + 1 if day == head.day else 1
        return record(change, Link(self._region, day, number, head.hash), int(moment * 1000))

    def _puts(self, made: dict[str, object]) -> list[Write]:
        day, number = str(made["day"]), int(str(made["number"]))
        item = {
            "pk": _chain(self._region, day),
            "sk": f"{number:010d}",
            "record": canonical_json(made),
            "hash": hash_of(made),
        }
        writes = [put(self._table, item, condition=NEW)]
        if number == 1:
            writes.append(put(self._table, {"pk": f"days#{self._region}", "sk": day}, condition=NEW))
        return writes


def _chain(region: str, day: str) -> str:
    return f"audit#{region}#{day}"
