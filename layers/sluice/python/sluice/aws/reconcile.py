"""The reconcile job: the sweep of log lines, then the comparison of ledger, usage and counters (`control.books`).

What it finds goes into one line of metrics. An event {"sluice": "repair", "days": ["2026-11-23"]} compares those days;
of itself it compares yesterday, in the first run after 01:00 and 13:00 UTC.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sluice import metrics
from sluice.aws.dynamodb import DynamoClient
from sluice.aws.emf import metric_line
from sluice.aws.stores.configurations import DynamoConfigurationStore
from sluice.aws.stores.counters import DynamoCounterStore
from sluice.aws.stores.doubts import DynamoDoubts
from sluice.aws.stores.keys import TEAMS
from sluice.aws.stores.ledger import DynamoLedgerStore
from sluice.aws.stores.usage import DynamoUsageStore
from sluice.control.books import Repair, close_lapsed, close_places, counter_names, place_names, repair_day
from sluice.control.drift import Comparison
from sluice.governance.counter_names import counted
from sluice.metrics import Metric
from sluice.ports import LineSink, Transport
from sluice.settings import Settings, metric_namespace
from sluice.types.budgets import CounterKey
from sluice.types.routes import Configuration

LATE_ENTRY_SECONDS = 900
"""How long after its hold's end a request's entry may reach the ledger, beyond the sweep's own grace: two sweeps."""
WAIT_SECONDS = 45.0
RECENT_SECONDS = 90 * 86_400
"""What was spent from holds is kept a little longer than that."""
MERGED_GROUPS = 8
"""Of journals, in one run: over a minute of writing at most."""
REPAIR_HOURS = (1, 13)
_DAY = 86_400


Sweep = Callable[[object, object], Mapping[str, int]]


def reconcile_handler(
    settings: Settings | None = None, transport: Transport | None = None, sweep: Sweep | None = None
) -> Callable[[object, object], dict[str, Any]]:
    """Return the handler: first the sweep, so that what it restores is compared too, then the books.

    Where the log cannot be read, the books are held to each other all the same, and the run fails afterwards.
    """
    from sluice.aws import entry
    from sluice.aws.credentials import credentials_from
    from sluice.aws.stdout import StdoutLines
    from sluice.providers.transport import HttpTransport

    told = settings or Settings.from_environment()
    swept_by = sweep or entry.reconcile_handler(told)
    carrier = transport or HttpTransport(trusted=True)
    credentials = credentials_from(told, carrier)
    client = DynamoClient(carrier, credentials, region=told.region, endpoint_url=told.endpoint_url)
    books = books_of(told, client, StdoutLines())

    def handler(event: object, context: object) -> dict[str, Any]:
        try:
            swept = swept_by(event, context)
        except Exception:
            books.run(event)
            raise
        return {**swept, **books.run(event, swept)}

    return handler


@dataclass(frozen=True)
class Books:
    """The stores of one region, and its clocks. `late` is for `LATE_ENTRY_SECONDS` plus the sweep's grace."""

    settings: Settings
    client: DynamoClient
    ledger: DynamoLedgerStore
    usage: DynamoUsageStore
    counters: DynamoCounterStore
    configurations: DynamoConfigurationStore
    lines: LineSink
    late: int
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def run(self, event: object, swept: Mapping[str, int] | None = None) -> dict[str, Any]:
        """Compare and repair; write the metrics, and return the figures by name."""
        now = self.now()
        self.usage.merge(int(now * 1000), groups=MERGED_GROUPS)
        age = now - self.usage.passed() / 1000
        live = self._live()
        names = [name for _, name in counter_names(live.budgets.values(), self._listed, now)]
        keys = list(self._keys(names))
        returned = close_lapsed(self.counters, keys, self.usage, now=now, grace=self.late)
        places = close_places(self.counters, self._keys(place_names(live.limits.values(), self._listed)), now)
        repairs = [self._repair(day) for day in self._days(event, now)]
        drift = self._drift(keys)
        # Behind all that was read, so that the next run knows how far the roll-up has come.
        self.usage.put_fences(int(now * 1000))
        found = swept or {}
        figures: list[tuple[Metric, float]] = [
            (metrics.ENTRIES_RESTORED, found.get("restored", 0)),
            (metrics.ENTRIES_LOST, found.get("lost", 0)),
            (metrics.HOLDS_RETURNED, returned.holds + places),
            (metrics.USAGE_CELLS_WRONG, sum(repair.wrong for repair in repairs)),
            (metrics.USAGE_CELLS_CORRECTED, sum(repair.corrected for repair in repairs)),
            (metrics.USAGE_DRIFT, sum(abs(repair.off) for repair in repairs) / 1e9),
            (metrics.COUNTER_DRIFT, drift / 1e9),
        ]
        if returned.uncharged:
            figures.append((metrics.UNCHARGED, returned.uncharged / 1e9))
        if self.usage.passed():
            figures.append((metrics.ROLLUP_AGE, round(age, 3)))
        namespace = metric_namespace(self.settings.stage)
        self.lines.write(metric_line("books", figures, namespace=namespace, at_ms=int(now * 1000)))
        return {metric.name: value for metric, value in figures}

    def _repair(self, day: str) -> Repair:
        return repair_day(
            day,
            [item["sk"] for item in self.client.query(self.settings.table("config"), TEAMS)],
            self.ledger,
            self.usage,
            region=self.settings.region,
            now_ms=lambda: int(self.now() * 1000),
            settled=self._settled,
        )

    def _settled(self, at_ms: int) -> bool:
        deadline = self.now() + WAIT_SECONDS
        while self.usage.passed() < at_ms:
            if self.now() >= deadline:
                return False
            self.sleep(0.25)
        return True

    def _days(self, event: object, now: float) -> Iterable[str]:
        if isinstance(event, Mapping) and event.get("sluice") == "repair":
            return [str(day) for day in event.get("days") or (_day(now),)]
        moment = time.gmtime(now)
        due = moment.tm_hour in REPAIR_HOURS and moment.tm_min < 5
        return (_day(now - _DAY),) if due else ()

    def _live(self) -> Configuration:
        version = self.configurations.current_version()
        return Configuration("") if version is None else self.configurations.load(version)

    def _listed(self, partition: str) -> Iterator[str]:
        for item in self.client.query(self.settings.table("usage"), partition):
            yield item["sk"]

    def _keys(self, names: Iterable[str]) -> Iterator[CounterKey]:
        """Yield the parts of counters that this region writes."""
        for name in names:
            for part in self.counters.parts(name):
                if part.rpartition("#")[0] == self.settings.region:
                    yield CounterKey(name, part)

    def _drift(self, keys: Iterable[CounterKey]) -> int:
        """Correct counters; return by how much all together were wrong (nano-USD)."""
        comparison = Comparison(
            self.counters, self.usage, DynamoDoubts(self.client, self.settings.table("usage")), 2.0 * self.late
        )
        found = comparison.run(filter(self._is_recent, keys), now=self.now, settled=self._fenced)
        for drift in found:
            told = {"counter": drift.key.name, "part": drift.key.part, "off": drift.certain, "added": drift.corrected}
            self.lines.write(json.dumps({"kind": "correction", **told}))
        return sum(abs(drift.certain) for drift in found)

    def _fenced(self, at_ms: int) -> bool:
        self.usage.put_fences(at_ms)
        return self._settled(at_ms)

    def _is_recent(self, key: CounterKey) -> bool:
        """Whether usage still has everything that was spent from a counter; only rolling windows reach back longer."""
        window = counted(key.name).window
        began = window.rpartition("-")[2] if window.startswith("r") else ""
        return not began or self.now() - int(began) < RECENT_SECONDS


def books_of(settings: Settings, client: DynamoClient, lines: LineSink, **changes: Any) -> Books:
    """Return the books of a region by its settings."""
    usage = DynamoUsageStore(
        client, settings.table("usage"), region=settings.region, ledger_table=settings.table("ledger")
    )
    return Books(
        settings=settings,
        client=client,
        ledger=DynamoLedgerStore(client, settings.table("ledger"), days=settings.ledger_days),
        usage=usage,
        counters=DynamoCounterStore(client, settings.table("usage")),
        configurations=DynamoConfigurationStore(client, settings.table("config")),
        lines=lines,
        **{"late": settings.sweep_grace_seconds + LATE_ENTRY_SECONDS, **changes},
    )


def _day(epoch: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(epoch))
