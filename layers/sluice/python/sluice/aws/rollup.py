"""The consumer of the ledger's stream: records in, journals and checkpoints out, and now and then journals into cells.

A batch that could only be written in part is answered with the first record that is not in the cells; Lambda comes back
with everything from there on (Lambda guide, "Configuring partial batch response with DynamoDB and Lambda", 2026-11),
and what is in the cells already is behind its checkpoint. A record that cannot be read is told in the log and passed
over: it would hold up its shard for a day, and the reconcile job finds what is missing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sluice.aws.attributes import unmarshal_item
from sluice.aws.errors import AwsError
from sluice.aws.stores.ledger import before_of, from_item
from sluice.aws.stores.usage import FENCE_MARK, DynamoUsageStore, Overtaken
from sluice.metering.request_ids import parse
from sluice.metering.rollup import Change, packs, padded
from sluice.ports import LineSink, Transport
from sluice.settings import Settings
from sluice.types.ledger import LedgerEntry

MERGE_MS = 60_000
"""How old a journal gets before the next batch adds it, and all others, to the cells. The reconcile job does so too."""
TRIES = 4
"""How often a batch begins again because another consumer was at the same partitions."""
ATTEMPTS = 8
"""Tries of one write: shards that add to the organisation's cells at the same time get into each other's way."""
Event = Mapping[str, Any]


def rollup_handler(
    settings: Settings | None = None, transport: Transport | None = None
) -> Callable[[Event, object], dict[str, Any]]:
    """Return the handler of the ledger's stream."""
    from sluice.aws.credentials import credentials_from
    from sluice.aws.dynamodb import DynamoClient
    from sluice.aws.stdout import StdoutLines
    from sluice.providers.transport import HttpTransport

    told = settings or Settings.from_environment()
    transport = transport or HttpTransport(trusted=True)
    credentials = credentials_from(told, transport)
    client = DynamoClient(transport, credentials, region=told.region, endpoint_url=told.endpoint_url, attempts=ATTEMPTS)
    usage = DynamoUsageStore(client, told.table("usage"), region=told.region)
    consumer = Consumer(usage, told.region, StdoutLines(), lambda: int(time.time() * 1000))
    return lambda event, _: consumer.consume(event.get("Records") or ())


class Consumer:
    """Adds batches of stream records to the usage of one region."""

    def __init__(
        self,
        usage: DynamoUsageStore,
        region: str,
        lines: LineSink,
        now_ms: Callable[[], int],
        merge_ms: int = MERGE_MS,
    ) -> None:
        self._merge_ms = merge_ms
        self._looked_ms = 0
        self._usage = usage
        self._region = region
        self._lines = lines
        self._now_ms = now_ms

    def consume(self, records: Iterable[Event]) -> dict[str, Any]:
        """Write a batch and return Lambda's partial batch response."""
        changes: list[Change] = []
        numbers: list[str] = []
        fences: dict[str, int] = {}
        for record in records:
            found = self._read(record, fences)
            if found is not None:
                changes.append(found)
                numbers.append(str(record["dynamodb"]["SequenceNumber"]))
        first = self._write(changes)
        if first is not None:
            return {"batchItemFailures": [{"itemIdentifier": numbers[first]}]}
        for number, at_ms in fences.items():
            self._usage.pass_fence(number, at_ms)
        self._merge()
        return {"batchItemFailures": []}

    def _write(self, changes: list[Change]) -> int | None:
        """Write what is not in the cells yet; return the position of the first change that could not be, or None."""
        done: set[int] = set()
        for _ in range(TRIES):
            try:
                seen = self._usage.checkpoints({change.partition for change in changes})
                for pack in packs(changes, seen, self._region):
                    self._usage.apply(pack, self._now_ms())
                    done.update(pack.changes)
            except Overtaken:
                continue
            except AwsError as error:
                self._tell("rollup_failed", error, f"{len(changes) - len(done)} records are left for the next try")
                return self._first_left(changes, done)
            return None
        return self._first_left(changes, done)

    def _merge(self) -> None:
        now = self._now_ms()
        if now - self._looked_ms < self._merge_ms:
            return  # to look means to read all journals
        self._looked_ms = now
        try:
            self._usage.merge(now, older_ms=self._merge_ms, groups=1)
        except AwsError as error:
            # The batch stands; the next one, or the reconcile job, goes on where this one ended.
            self._tell("rollup_unmerged", error, "")

    def _first_left(self, changes: list[Change], done: set[int]) -> int | None:
        """Return the first change that is not known to be in the cells."""
        return next((at for at in range(len(changes)) if at not in done), None)

    def _read(self, record: Event, fences: dict[str, int]) -> Change | None:
        """Return the change of a stream record, None for what is none; a fence is put into `fences`."""
        try:
            image = record["dynamodb"].get("NewImage")
            if record["eventName"] == "REMOVE" or image is None:
                return None  # expired entries stay in the sums
            item = unmarshal_item(image)
            if item["pk"].startswith(FENCE_MARK):
                fences[item["pk"].rpartition("#")[2]] = item["at"]
                return None
            sequence = padded(str(record["dynamodb"]["SequenceNumber"]))
            old = record["dynamodb"].get("OldImage")
            if record["eventName"] == "MODIFY" and old is None:
                raise ValueError("the stream carries no old images")
            entry = from_item(item)
            parse(entry.request_id)
            return Change(item["pk"], sequence, entry, before_of(item), _undone(old))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self._tell("rollup_unreadable", error, str((record.get("dynamodb") or {}).get("SequenceNumber", ""))[:40])
            return None

    def _tell(self, event: str, error: BaseException, detail: str) -> None:
        reason = getattr(error, "detail", "") or getattr(error, "aws_code", "")
        line = {"kind": "fault", "event": event, "error": type(error).__name__, "reason": reason, "detail": detail}
        self._lines.write(json.dumps(line))


def _undone(old: Mapping[str, Any] | None) -> tuple[LedgerEntry, LedgerEntry | None] | None:
    """Return what an item was that was changed, and what that had taken the place of; None for a new item."""
    if old is None:
        return None
    item = unmarshal_item(old)
    return from_item(item), before_of(item)
