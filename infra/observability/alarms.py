"""Every alarm of a region, in the order in which somebody should look at them.

Each tells one of two topics: `page` for what hurts callers now, `ticket` for what will, or for books that do not
balance. Each has a runbook of its name in docs/runbooks. What is rare is not emitted while it is 0 (`sluice.metrics`),
so a period without points is good news unless the alarm says otherwise.

An alarm costs $0.10 a month for each of its metrics, a composite one $0.50, one on a band of expected values $0.30
(CloudWatch prices, 2026-11): lists here are short on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator

from infra.observability.aws_series import claimed_concurrency, counted_concurrency, function, table
from infra.observability.background_alarms import background_alarms
from infra.observability.model import HOUR, MINUTE, Alarm, Composite, own
from infra.observability.objective import burn_alarms
from infra.observability.place import Place
from infra.watch import Watch
from sluice import metrics

NO_TRAFFIC = "Without requests there is nothing to measure."
REQUEST_PATH = ("streaming", "completion", "routing")


def alarms(place: Place) -> tuple[Alarm | Composite, ...]:
    """Return the alarms of one region."""
    watch = place.watch
    return (
        *burn_alarms(watch),
        *_providers(watch),
        *_capacity(watch),
        *_latency(watch),
        *_money(watch),
        *background_alarms(place),
    )


def told(place: Place) -> tuple[Alarm | Composite, ...]:
    """Return the alarms that tell somebody; the others are parts of those."""
    return tuple(alarm for alarm in alarms(place) if alarm.severity != "part")


def provider_alarm(provider: str) -> str:
    """Return the name of a provider's alarm."""
    return f"provider-failing-{provider.replace('_', '-')}"


def _providers(watch: Watch) -> Iterator[Alarm]:
    for provider in watch.providers:
        yield Alarm(
            name=provider_alarm(provider),
            severity="page",
            runbook="provider-failing",
            says=f"More than half of the calls to {provider} fail.",
            series=(
                own(metrics.ATTEMPTS, id="attempts", Provider=provider),
                own(metrics.ATTEMPT_FAILURES, id="failures", Provider=provider),
            ),
            formula="IF(attempts >= 10, FILL(failures, 0) / attempts, 0)",
            comparison=">",
            threshold=0.5,
            period=5 * MINUTE,
            periods=2,
            points=2,
            because="Nobody called the provider.",
            unit="share of calls",
        )
    yield Alarm(
        name="fallbacks-frequent",
        severity="ticket",
        runbook="fallbacks-frequent",
        says="More than a fifth of all requests had to go on to another deployment.",
        series=(own(metrics.REQUESTS, id="requests"), own(metrics.FALLBACKS, id="fallbacks")),
        formula="IF(requests >= 50, FILL(fallbacks, 0) / requests, 0)",
        comparison=">",
        threshold=0.2,
        period=15 * MINUTE,
        periods=2,
        points=2,
        because=NO_TRAFFIC,
        unit="share of requests",
    )


def _capacity(watch: Watch) -> Iterator[Alarm]:
    yield Alarm(
        name="functions-throttled",
        severity="page",
        runbook="functions-throttled",
        says="Lambda turned requests away because no more environments may run.",
        series=tuple(function(folder, "Throttles", "Sum", id=f"t_{folder}") for folder in REQUEST_PATH),
        formula=" + ".join(f"FILL(t_{folder}, 0)" for folder in REQUEST_PATH),
        comparison=">",
        threshold=0,
        period=MINUTE,
        periods=5,
        points=2,
        because="Lambda publishes throttles with invocations only.",
        unit="requests a minute",
    )
    yield Alarm(
        name="concurrency-near-quota",
        severity="page",
        runbook="concurrency-near-quota",
        says=f"More than {watch.concurrency_percent} % of the account's concurrent executions are in use.",
        series=(claimed_concurrency(id="claimed"), counted_concurrency(id="counted")),
        formula="100 * claimed / SERVICE_QUOTA(counted)",
        comparison=">",
        threshold=watch.concurrency_percent,
        period=MINUTE,
        periods=5,
        points=3,
        because="Nothing runs in the account.",
        unit="% of the quota",
    )
    yield Alarm(
        name="tables-throttled",
        severity="ticket",
        runbook="tables-throttled",
        says="DynamoDB turned reads or writes of the gateway away.",
        series=(
            table("config", "ReadThrottleEvents", "Sum", id="config_reads"),
            table("usage", "ReadThrottleEvents", "Sum", id="usage_reads"),
            table("usage", "WriteThrottleEvents", "Sum", id="usage_writes"),
            table("ledger", "WriteThrottleEvents", "Sum", id="ledger_writes"),
        ),
        formula="FILL(config_reads, 0) + FILL(usage_reads, 0) + FILL(usage_writes, 0) + FILL(ledger_writes, 0)",
        comparison=">",
        threshold=10,
        period=5 * MINUTE,
        periods=3,
        points=2,
        because="DynamoDB publishes throttles only when there are some.",
        unit="calls in 5 minutes",
    )


def _latency(watch: Watch) -> Iterator[Alarm]:
    yield Alarm(
        name="first-byte-slow",
        severity="ticket",
        runbook="first-byte-slow",
        says=f"One in a hundred streamed requests waits over {watch.first_byte_p99_ms / 1000:g} s for its first token.",
        series=(own(metrics.FIRST_BYTE, "p99"),),
        comparison=">",
        threshold=watch.first_byte_p99_ms,
        period=5 * MINUTE,
        periods=6,
        points=4,
        because=NO_TRAFFIC,
        unit="ms, p99",
    )
    yield Alarm(
        name="overhead-slow",
        severity="ticket",
        runbook="overhead-slow",
        says=f"The gateway itself takes over {watch.overhead_p99_ms} ms of one request in a hundred.",
        series=(own(metrics.OVERHEAD, "p99"),),
        comparison=">",
        threshold=watch.overhead_p99_ms * 1000,
        period=5 * MINUTE,
        periods=6,
        points=4,
        because=NO_TRAFFIC,
        unit="µs, p99",
    )
    yield Alarm(
        name="cold-starts-frequent",
        severity="ticket",
        runbook="cold-starts-frequent",
        says=f"More than {watch.cold_start_percent} % of an hour's requests met a cold start.",
        series=(own(metrics.REQUESTS, id="requests"), own(metrics.COLD_STARTS, id="cold")),
        formula="IF(requests >= 200, 100 * FILL(cold, 0) / requests, 0)",
        comparison=">",
        threshold=watch.cold_start_percent,
        period=HOUR,
        because=NO_TRAFFIC,
        unit="% of requests",
    )


def _money(watch: Watch) -> Iterator[Alarm | Composite]:
    yield Alarm(
        name="cost-above-band",
        severity="part",
        runbook="cost-unusual",
        says="Requests of an hour cost more than at this hour of other weeks.",
        series=(own(metrics.COST, id="cost"),),
        comparison="above the band",
        threshold=0,
        band=4,
        period=HOUR,
        because="Nothing was spent.",
        unit="$ an hour",
    )
    yield Alarm(
        name="cost-worth-a-look",
        severity="part",
        runbook="cost-unusual",
        says=f"Requests of an hour cost more than ${watch.unusual_cost_usd:g}.",
        series=(own(metrics.COST),),
        comparison=">",
        threshold=watch.unusual_cost_usd,
        period=HOUR,
        because="Nothing was spent.",
        unit="$ an hour",
    )
    yield Composite(
        "cost-unusual",
        "ticket",
        "cost-unusual",
        "Requests cost far more than at this hour of other weeks.",
        (("cost-above-band", "cost-worth-a-look"),),
    )
    yield Alarm(
        name="ceiling-priced",
        severity="ticket",
        runbook="ceiling-priced",
        says="Models without a price are called, and charged at the declared ceiling.",
        series=(own(metrics.CEILING_PRICED),),
        comparison=">",
        threshold=0,
        period=HOUR,
        because="All models that were called have a price.",
        unit="requests an hour",
    )
    if watch.cost_per_hour_usd:
        yield Alarm(
            name="cost-over-limit",
            severity="page",
            runbook="cost-over-limit",
            says=f"Requests of one hour cost more than ${watch.cost_per_hour_usd:g}.",
            series=(own(metrics.COST),),
            comparison=">",
            threshold=watch.cost_per_hour_usd,
            period=HOUR,
            because="Nothing was spent.",
            unit="$ an hour",
        )
