"""The nightly export: yesterday's ledger as gzip JSONL in S3, one object for each team, with FOCUS 1.2 columns.

    focus/day=<YYYY-MM-DD>/region=<region>/<team>.jsonl.gz

That is a layout which Athena, BigQuery and DuckDB read as it is. An object is put whole, and one that stands is passed
over: the job runs several times a night, and each run goes on where the last one ended. An event
{"sluice": "export", "days": ["2026-11-22"], "again": true} replaces what stands, after costing again.

The objects outlive the ledger and are read by many, so `x_User` holds the label of an end user and never the name: rows
of one user still belong together, and an erasure has nothing to take out here.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from sluice.aws.stores.keys import TEAMS
from sluice.aws.stores.ledger import DynamoLedgerStore
from sluice.control.focus import rows
from sluice.metering.request_ids import SHARDS
from sluice.ports import LineSink
from sluice.settings import EXPORT_PREFIX, Settings
from sluice.types.ledger import LedgerEntry
from sluice.types.tenancy import label

LEAST_MS = 60_000
"""No team is begun with less time left; the next run does."""
_DAY = 86_400
_ABSENT = ("403", "404", "NoSuchKey", "NotFound")
"""What S3 says of an object that is not there; without the right to list a bucket it says 403."""


class Bucket(Protocol):
    """What is needed of boto3's S3 client."""

    def head_object(self, *, Bucket: str, Key: str) -> Any:  # noqa: N803 - boto3's names
        """Raise where there is no such object."""

    def upload_file(self, Filename: str, Bucket: str, Key: str) -> None:  # noqa: N803 - boto3's names
        """Put a file, whole or not at all."""


@dataclass(frozen=True)
class Export:
    """One region's ledger and the bucket that it goes to."""

    settings: Settings
    ledger: DynamoLedgerStore
    teams: Callable[[], Iterable[str]]
    bucket: Bucket
    lines: LineSink
    now: Callable[[], float] = time.time

    def run(self, event: object, left_ms: Callable[[], int]) -> dict[str, int]:
        """Put what is missing; return how many objects were written, stood already, and are left."""
        asked = event if isinstance(event, Mapping) and event.get("sluice") == "export" else {}
        days = asked.get("days") or (time.strftime("%Y-%m-%d", time.gmtime(self.now() - _DAY)),)
        written = stood = left = 0
        for day in days:
            for team in self.teams():
                if left_ms() < LEAST_MS:
                    left += 1
                elif not asked.get("again") and self._stands(key_of(day, self.settings.region, team)):
                    stood += 1
                else:
                    written += self._put(str(day), team)
        found = {"written": written, "stood": stood, "left": left}
        self.lines.write(json.dumps({"kind": "export", "days": list(days), **found}))
        return found

    def _put(self, day: str, team: str) -> int:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "rows.jsonl.gz"
            with gzip.open(path, "wt", encoding="utf-8") as file:
                for shard in range(SHARDS):
                    entries = nameless(self.ledger.partition(f"{team}#{day}#{shard}"))
                    for row in rows(entries, f"sluice-{self.settings.stage}"):
                        file.write(json.dumps(row, ensure_ascii=False) + "\n")
            key = key_of(day, self.settings.region, team)
            self.bucket.upload_file(str(path), self.settings.export_bucket, key)
        return 1

    def _stands(self, key: str) -> bool:
        try:
            self.bucket.head_object(Bucket=self.settings.export_bucket, Key=key)
        except Exception as error:
            answer = getattr(error, "response", {})
            if answer.get("Error", {}).get("Code") in _ABSENT:
                return False
            raise
        return True


def nameless(entries: Iterable[LedgerEntry]) -> Iterator[LedgerEntry]:
    """Yield the entries with the label of each end user in place of the name."""
    for entry in entries:
        yield replace(entry, user=label(entry.user)) if entry.user else entry


def key_of(day: str, region: str, team: str) -> str:
    """Return the key of a team's object of one day."""
    return f"{EXPORT_PREFIX}day={day}/region={region}/{team}.jsonl.gz"


def export_handler(settings: Settings | None = None) -> Callable[[object, Any], dict[str, int]]:
    """Return the handler of the nightly job."""
    import boto3

    from sluice.aws.entry import adapters
    from sluice.aws.stdout import StdoutLines

    aws = adapters(settings)
    told = aws.settings
    export = Export(
        settings=told,
        ledger=aws.ledger,
        teams=lambda: [item["sk"] for item in aws.dynamo.query(told.table("config"), TEAMS)],
        bucket=boto3.client("s3", region_name=told.region, endpoint_url=told.endpoint_url),
        lines=StdoutLines(),
    )
    return lambda event, context: export.run(event, context.get_remaining_time_in_millis)
