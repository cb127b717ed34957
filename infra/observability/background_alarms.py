"""The alarms on what no caller waits for: jobs, books, keys, and the other regions (`alarms` has the rules)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from infra.observability.aws_series import function, queue, replication
from infra.observability.model import DAY, HOUR, MINUTE, Alarm, own
from infra.observability.place import Place
from infra.watch import Watch
from sluice import metrics

NOTHING_WRONG = "The metric is only emitted when something went wrong."
GLOBAL_TABLES = ("config", "usage")


def background_alarms(place: Place) -> Iterator[Alarm]:
    """Yield the alarms of one region on what no caller waits for."""
    yield from _requests_books()
    yield from _jobs(place)
    yield from _queues(place)
    if place.exporting:
        yield from _deliveries()
    yield from _books(place)
    yield from _invoices(place)
    yield from _rotation(place.watch)
    yield from _regions(place)


def _requests_books() -> Iterator[Alarm]:
    yield Alarm(
        name="settle-failing",
        severity="ticket",
        runbook="settle-failing",
        says="Ledger entries, log lines or holds could not be written at once for over 1 % of the requests.",
        series=(own(metrics.REQUESTS, id="requests"), own(metrics.SETTLE_FAILURES, id="failures")),
        formula="IF(FILL(failures, 0) >= 5, 100 * FILL(failures, 0) / (FILL(requests, 0) + FILL(failures, 0)), 0)",
        comparison=">",
        threshold=1,
        period=5 * MINUTE,
        periods=3,
        points=2,
        because=NOTHING_WRONG,
        unit="% of requests",
    )
    yield Alarm(
        name="snapshots-stale",
        severity="ticket",
        runbook="snapshots-stale",
        says="Environments cannot renew keys, configuration, secrets or leases and work with what they have.",
        series=(own(metrics.REFRESH_FAILURES),),
        comparison=">=",
        threshold=20,
        period=5 * MINUTE,
        periods=3,
        points=2,
        because=NOTHING_WRONG,
        unit="failures in 5 minutes",
    )


def _jobs(place: Place) -> Iterator[Alarm]:
    yield Alarm(
        name="rollup-behind",
        severity="page",
        runbook="rollup-behind",
        says="Usage is more than 15 minutes behind the ledger, or the sweep that measures it has stopped.",
        series=(own(metrics.ROLLUP_AGE),),
        comparison=">",
        threshold=900,
        period=5 * MINUTE,
        periods=6,
        points=4,
        missing="missing",
        because="The sweep reports every five minutes; when it falls silent, nothing is repaired either.",
        unit="s",
    )
    yield Alarm(
        name="jobs-failing",
        severity="ticket",
        runbook="jobs-failing",
        says="Scheduled functions or the roll-up failed three times or more within three hours.",
        series=tuple(function(folder, "Errors", "Sum", id=f"e_{folder}") for folder in place.jobs),
        formula=" + ".join(f"FILL(e_{folder}, 0)" for folder in place.jobs),
        comparison=">=",
        threshold=3,
        period=3 * HOUR,
        because="No job has run; `rollup-behind` tells when the sweep should have.",
        unit="failures in 3 hours",
    )


def _queues(place: Place) -> Iterator[Alarm]:
    for name in place.queues:
        yield Alarm(
            name=f"{name}-waiting",
            severity="ticket",
            runbook="records-left",
            says=f"Records that could not be dealt with wait in the queue `{name}`.",
            series=(queue(name, "ApproximateNumberOfMessagesVisible", "Maximum"),),
            comparison=">",
            threshold=0,
            period=5 * MINUTE,
            because="An empty queue that nobody uses stops publishing.",
            unit="messages",
        )
        yield Alarm(
            name=f"{name}-old",
            severity="page",
            runbook="records-left",
            says=f"A record waits in the queue `{name}` for over ten days; after fourteen it is gone.",
            series=(queue(name, "ApproximateAgeOfOldestMessage", "Maximum"),),
            comparison=">",
            threshold=10 * DAY,
            period=15 * MINUTE,
            because="An empty queue that nobody uses stops publishing.",
            unit="s",
        )


def _deliveries() -> Iterator[Alarm]:
    yield Alarm(
        name="deliveries-failing",
        severity="ticket",
        runbook="deliveries-failing",
        says="Entries or payloads do not reach the targets that they are exported to.",
        series=(own(metrics.EXPORT_FAILURES, id="exports"), own(metrics.ARCHIVE_FAILURES, id="archives")),
        formula="FILL(exports, 0) + FILL(archives, 0)",
        comparison=">=",
        threshold=5,
        period=HOUR,
        because=NOTHING_WRONG,
        unit="failures an hour",
    )
    yield Alarm(
        name="deliveries-late",
        severity="ticket",
        runbook="deliveries-late",
        says="Entries reach their export targets more than an hour late.",
        series=(own(metrics.EXPORT_AGE),),
        comparison=">",
        threshold=HOUR,
        period=15 * MINUTE,
        periods=3,
        points=3,
        because="There was nothing to deliver.",
        unit="s",
    )


def _books(place: Place) -> Iterator[Alarm]:
    yield Alarm(
        name="entries-lost",
        severity="ticket",
        runbook="entries-lost",
        says="Requests ended of which the ledger has only an estimate.",
        series=(own(metrics.ENTRIES_LOST),),
        comparison=">",
        threshold=0,
        period=HOUR,
        because="`rollup-behind` tells when the sweep is silent.",
        unit="requests an hour",
    )
    yield Alarm(
        name="work-uncharged",
        severity="ticket",
        runbook="work-uncharged",
        says="Batches or background answers were never read, so nobody was charged for them.",
        series=(own(metrics.UNCHARGED),),
        comparison=">",
        threshold=0,
        period=HOUR,
        because="It is told only when it happens.",
        unit="$",
    )
    drifts = (
        ("usage-drift", metrics.USAGE_DRIFT, "Usage differed from the ledger"),
        ("counter-drift", metrics.COUNTER_DRIFT, "Budget counters differ from usage"),
    )
    for name, metric, says in drifts:
        yield Alarm(
            name=name,
            severity="ticket",
            runbook=name,
            says=f"{says} by more than ${place.watch.drift_usd:g}.",
            series=(own(metric),),
            comparison=">",
            threshold=place.watch.drift_usd,
            # The sweep sees a request that is being settled in one book and not yet in the other.
            period=15 * MINUTE,
            periods=3 if metric is metrics.COUNTER_DRIFT else 1,
            points=3 if metric is metrics.COUNTER_DRIFT else 1,
            because="`rollup-behind` tells when the sweep is silent.",
            unit="$",
        )


def _invoices(place: Place) -> Iterator[Alarm]:
    if not place.invoices:
        return
    names = [f"d_{provider}" for provider in place.invoices]
    formula, steps = _largest(names)
    yield Alarm(
        name="invoice-drift",
        severity="ticket",
        runbook="invoice-drift",
        says=f"The ledger and a provider's invoice differ by more than {place.drift_bp / 100:g} %.",
        series=tuple(
            own(metrics.INVOICE_DRIFT, id=name, Provider=provider)
            for name, provider in zip(names, place.invoices, strict=True)
        ),
        formula=formula,
        steps=steps,
        comparison=">",
        threshold=place.drift_bp,
        period=DAY,
        periods=2,
        points=1,
        because="The comparison reports once a day, and only what it could compare.",
        unit="hundredths of a per cent",
    )


def _rotation(watch: Watch) -> Iterator[Alarm]:
    yield Alarm(
        name="rotation-failed",
        severity="ticket",
        runbook="rotation-failed",
        says="A step of the rotation of provider keys failed.",
        series=(own(metrics.ROTATION_FAILED),),
        comparison=">",
        threshold=0,
        period=HOUR,
        because=NOTHING_WRONG,
        unit="steps an hour",
    )
    yield Alarm(
        name="rotation-overdue",
        severity="ticket",
        runbook="rotation-overdue",
        says=f"Provider keys were not rotated for more than {watch.rotation_days} days.",
        series=(own(metrics.ROTATION_AGE),),
        comparison=">",
        threshold=watch.rotation_days * DAY,
        # Reported once a day: of two days one always has it, so the alarm does not go off anew each day.
        period=DAY,
        periods=2,
        points=1,
        because="Nothing is rotated automatically in this stage.",
        unit="s",
    )


def _regions(place: Place) -> Iterator[Alarm]:
    if not place.others:
        return
    pairs = [(schema, other) for schema in GLOBAL_TABLES for other in place.others][:10]
    ids = [f"r{number}" for number in range(len(pairs))]
    formula, steps = _largest(ids)
    yield Alarm(
        name="replication-behind",
        severity="ticket",
        runbook="replication-behind",
        says="Keys, configuration and usage reach another region more than a minute late.",
        series=tuple(replication(schema, other, id=name) for name, (schema, other) in zip(ids, pairs, strict=True)),
        formula=formula,
        steps=steps,
        comparison=">",
        threshold=60_000,
        period=5 * MINUTE,
        periods=3,
        points=3,
        because="Nothing was written that could be replicated.",
        unit="ms",
    )


def _largest(ids: Sequence[str]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the formula of the largest of some series, and its steps."""
    steps = tuple((f"{name}_filled", f"FILL({name}, 0)") for name in ids)
    return (f"MAX([{', '.join(name for name, _ in steps)}])" if len(ids) > 1 else steps[0][0]), steps
