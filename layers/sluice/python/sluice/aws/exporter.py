"""The second consumer of the ledger's stream: records in, telemetry out to the stage's targets.

A batch that a target did not take whole is answered with its first record, so Lambda comes back with all of it, waits
longer each time, and puts it into the dead-letter queue once it is too old. Entries that were costed again are passed
over: targets have the request itself.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sluice import metrics
from sluice.aws.attributes import unmarshal_item
from sluice.aws.emf import metric_line
from sluice.aws.errors import AwsError
from sluice.aws.ledger_record import to_record
from sluice.aws.s3 import S3Bucket
from sluice.aws.stores.ledger import from_item
from sluice.ports import LineSink, Transport
from sluice.settings import ENTRIES_PREFIX, Settings, metric_namespace
from sluice.telemetry.exporting import Exporter, Feed, Later, Target
from sluice.telemetry.genai import Value
from sluice.telemetry.options import HELD_AS, TargetOptions, options_from
from sluice.types.ledger import LedgerEntry
from sluice.types.residency import Fence

MARGIN_SECONDS = 5.0
"""Kept back from the function's deadline, so that it can answer."""
Event = Mapping[str, Any]


def exporter_handler(
    settings: Settings | None = None, transport: Transport | None = None, *, lines: LineSink | None = None
) -> Callable[[Event, Any], dict[str, Any]]:
    """Return the handler of the ledger's stream. `transport` goes to targets and to AWS alike; None: one for each."""
    from sluice.aws.entry import adapters
    from sluice.aws.stdout import StdoutLines
    from sluice.providers.transport import HttpTransport
    from sluice.telemetry.targets import target_of

    aws = adapters(settings, transport)
    told, sink = aws.settings, lines or StdoutLines()
    outward = transport or HttpTransport()

    def held(name: str) -> Mapping[str, str]:
        return aws.secrets.provider_keys().get(HELD_AS + name, {})

    def made(options: TargetOptions) -> Target:
        if options.kind == "s3":
            inward = transport or HttpTransport(trusted=True)
            bucket = S3Bucket(
                inward, aws.role, bucket=told.archive_bucket, region=told.region, endpoint_url=told.endpoint_url
            )
            return S3Target(bucket, told.region)
        return target_of(options, outward, lambda: held(options.name), resource=resource_of(told), loopback=told.local)

    feeds = [Feed(options, made(options)) for options in options_from(told.exporters)]

    def fences() -> Sequence[Fence]:
        # Read for every batch: a fence that was just put up holds at once. Without an answer nothing is delivered.
        version = aws.configurations.current_version()
        return () if version is None else held_configuration(version).residency

    held_configuration = lru_cache(maxsize=2)(aws.configurations.load)
    return Consumer(feeds, sink, metric_namespace(told.stage), refresh=aws.secrets.renew, fences=fences).handle


class Consumer:
    """Reads stream records and hands their entries to the targets."""

    def __init__(
        self,
        feeds: Sequence[Feed],
        lines: LineSink,
        namespace: str,
        *,
        refresh: Callable[[], None] = lambda: None,
        fences: Callable[[], Sequence[Fence]] = tuple,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._feeds = feeds
        self._lines = lines
        self._namespace = namespace
        self._refresh = refresh
        self._fences = fences
        self._now = now
        self._sleep = sleep

    def handle(self, event: Event, context: Any) -> dict[str, Any]:
        """Deliver one batch and return Lambda's partial batch response."""
        records = list(event.get("Records") or ())
        entries = [entry for entry in map(self._entry, records) if entry is not None]
        if not entries:
            return {"batchItemFailures": []}
        self._refresh()
        ends = self._now() + context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
        fences = self._fences()
        found = Exporter(
            self._feeds,
            self._tell,
            lambda: ends - self._now(),
            self._sleep,
            fenced=lambda team: any(fence.concerns(team) for fence in fences),
        ).deliver(entries)
        oldest = min(entry.started_ms + entry.duration_ms for entry in entries)
        now = self._now()
        figures = [(metrics.EXPORTED, found.delivered), (metrics.EXPORT_AGE, round(max(now - oldest / 1000, 0), 3))]
        if found.failures or found.dropped:
            figures.append((metrics.EXPORT_FAILURES, found.failures or 1))
        members = {"entries": len(entries), "dropped": found.dropped, "late": list(found.late)}
        line = metric_line("export", figures, namespace=self._namespace, at_ms=int(now * 1000), members=members)
        self._lines.write(line)
        if not found.late:
            return {"batchItemFailures": []}
        return {"batchItemFailures": [{"itemIdentifier": str(records[0]["dynamodb"]["SequenceNumber"])}]}

    def _entry(self, record: Event) -> LedgerEntry | None:
        """Return the entry that a record put into the ledger, None for a record that did something else."""
        try:
            image = record["dynamodb"].get("NewImage")
            if record["eventName"] == "REMOVE" or image is None:
                return None
            item = unmarshal_item(image)
            if "team" not in item:
                return None  # a fence
            entry = from_item(item)
            return entry if entry.version == 1 else None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self._tell("export_unreadable", "", type(error).__name__)
            return None

    def _tell(self, event: str, target: str, reason: str) -> None:
        self._lines.write(json.dumps({"kind": "fault", "event": event, "target": target, "reason": reason}))


class S3Target:
    """Entries as gzip JSONL, one object a batch: `entries/day=<day>/region=<region>/<first id>-<count>.jsonl.gz`.

    The same batch makes the same object again, so nothing stands there twice.
    """

    def __init__(self, bucket: S3Bucket, region: str) -> None:
        self._bucket = bucket
        self._region = region

    def deliver(self, entries: Sequence[LedgerEntry]) -> int:
        """Put the entries of each day. Raises Later."""
        days: dict[str, list[LedgerEntry]] = {}
        for entry in entries:
            days.setdefault(time.strftime("%Y-%m-%d", time.gmtime(entry.started_ms / 1000)), []).append(entry)
        for day, those in days.items():
            key = f"{ENTRIES_PREFIX}day={day}/region={self._region}/{those[0].request_id}-{len(those)}.jsonl.gz"
            try:
                self._bucket.put(key, packed(those), "application/x-ndjson")
            except AwsError as error:
                raise Later(error.aws_code or type(error).__name__) from None
        return 0


def packed(entries: Iterable[LedgerEntry]) -> bytes:
    """Return entries as gzip JSONL, the same bytes each time."""
    text = "".join(json.dumps(to_record(entry), separators=(",", ":")) + "\n" for entry in entries)
    return gzip.compress(text.encode(), 6, mtime=0)


def resource_of(settings: Settings) -> dict[str, Value]:
    """Return what telemetry is about: this service, in this stage and region (OpenTelemetry resource conventions)."""
    return {
        "service.name": "sluice",
        "deployment.environment.name": settings.stage,
        "cloud.provider": "aws",
        "cloud.platform": "aws_lambda",
        "cloud.region": settings.region,
    }
