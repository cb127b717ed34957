"""The lower half of the dashboard: capacity, tables, jobs and books (`widgets` has the rest)."""

from __future__ import annotations

from infra.observability.aws_series import claimed_concurrency, counted_concurrency, function, queue, replication, table
from infra.observability.model import DAY, HOUR, MINUTE, Formula, Line, Tile, Widget, own
from infra.observability.place import Place
from sluice import metrics

Row = tuple[Tile, ...]
SERVED = ("streaming", "completion", "routing", "admin")
TABLES = ("config", "usage", "ledger", "cache")


def running(place: Place) -> tuple[Row, ...]:
    """Return the rows about functions and tables."""
    return (_capacity(place), _tables())


def background(place: Place) -> tuple[Row, ...]:
    """Return the rows about what no caller waits for."""
    return (_jobs(place), _books(place), _keys(place))


def _capacity(place: Place) -> Row:
    return (
        Widget(
            "Concurrency against the quota",
            (
                counted_concurrency(id="counted", hidden="yes"),
                claimed_concurrency(id="claimed", label="taken or set aside"),
                Formula("SERVICE_QUOTA(counted)", "quota"),
                Formula(f"{place.watch.concurrency_percent / 100:g} * SERVICE_QUOTA(counted)", "alarm"),
            ),
            period=MINUTE,
            unit="environments",
        ),
        Widget(
            "Environments by function",
            tuple(function(name, "ConcurrentExecutions", "Maximum", label=name) for name in SERVED),
            period=MINUTE,
            unit="environments",
        ),
        Widget(
            "Throttled and failed invocations",
            (
                *(function(name, "Throttles", "Sum", label=f"{name} throttled") for name in SERVED[:3]),
                *(function(name, "Errors", "Sum", label=f"{name} failed") for name in SERVED),
            ),
            unit="invocations",
        ),
    )


def _tables() -> Row:
    return (
        Widget(
            "Throttled calls to tables",
            tuple(
                table(name, f"{kind}ThrottleEvents", "Sum", label=f"{name} {kind.lower()}s")
                for name in TABLES
                for kind in ("Read", "Write")
            ),
            unit="calls",
        ),
        Widget(
            "Writes to tables",
            tuple(table(name, "ConsumedWriteCapacityUnits", "Sum", label=name) for name in TABLES),
            chart="area",
            unit="units",
        ),
        Widget(
            "Reads from tables",
            tuple(table(name, "ConsumedReadCapacityUnits", "Sum", label=name) for name in TABLES),
            chart="area",
            unit="units",
        ),
    )


def _jobs(place: Place) -> Row:
    return (
        Widget(
            "Roll-up behind the ledger",
            (
                own(metrics.ROLLUP_AGE, label="usage, s"),
                function("rollup", "IteratorAge", "Maximum", label="oldest record, ms", right="yes"),
            ),
            unit="s",
            lines=(Line(900, "alarm"),),
        ),
        Widget(
            "Records left over",
            tuple(
                series
                for name in place.queues
                for series in (
                    queue(name, "ApproximateNumberOfMessagesVisible", "Maximum", label=f"{name}: waiting"),
                    queue(name, "ApproximateAgeOfOldestMessage", "Maximum", label=f"{name}: age, s", right="yes"),
                )
            ),
            unit="messages",
        ),
        Widget(
            "Failures of jobs",
            tuple(function(name, "Errors", "Sum", label=name) for name in place.jobs),
            unit="invocations",
        ),
    )


def _books(place: Place) -> Row:
    drift = Line(place.watch.drift_usd, "alarm")
    return (
        Widget(
            "Entries and holds that the sweep put right",
            (
                own(metrics.ENTRIES_RESTORED, label="entries restored"),
                own(metrics.ENTRIES_LOST, label="requests lost"),
                own(metrics.HOLDS_RETURNED, label="holds returned"),
            ),
            unit="",
        ),
        Widget(
            "Books that differ",
            (
                own(metrics.USAGE_DRIFT, label="usage from the ledger"),
                own(metrics.COUNTER_DRIFT, label="counters from the ledger"),
                own(metrics.UNCHARGED, label="set aside and never charged"),
            ),
            period=15 * MINUTE,
            unit="$",
            lines=(drift,),
        ),
        Widget(
            "Invoices that differ",
            tuple(
                own(metrics.INVOICE_DRIFT, label=name, Provider=name) for name in (place.invoices or metrics.INVOICED)
            ),
            period=DAY,
            unit="hundredths of a %",
            lines=(Line(place.drift_bp, "alarm"),),
        ),
    )


def _keys(place: Place) -> Row:
    last = (
        Widget(
            "Replication to other regions",
            tuple(
                replication(schema, other, label=f"{schema} to {other}")
                for schema in ("config", "usage")
                for other in place.others
            ),
            width=6,
            unit="ms",
        ),
    )
    width = 6 if place.others else 8
    return (
        Widget(
            "Failures that heal themselves",
            (
                own(metrics.SETTLE_FAILURES, label="settling"),
                own(metrics.REFRESH_FAILURES, label="renewing snapshots"),
            ),
            width=width,
            unit="failures",
        ),
        Widget(
            "Age of provider keys",
            (
                own(metrics.ROTATION_AGE, id="age", hidden=True),
                Formula(f"age / {DAY}", "days since the last rotation"),
                own(metrics.ROTATION_FAILED, label="failed steps", right=True),
            ),
            width=width,
            period=HOUR,
            unit="days",
            lines=(Line(place.watch.rotation_days, "alarm"),),
        ),
        Widget(
            "Deliveries to export targets",
            (
                own(metrics.EXPORTED, label="entries"),
                own(metrics.EXPORT_FAILURES, label="failed"),
                own(metrics.ARCHIVE_FAILURES, label="payloads not archived"),
                own(metrics.EXPORT_AGE, label="age, s", right=True),
            ),
            width=width,
            unit="",
        ),
        *(last if place.others else ()),
    )
