"""The dashboard of a region, row by row: first whether callers are served, then why not, then what it costs.

Each chart answers the question of its heading; each runbook names the charts to look at by their titles.
"""

from __future__ import annotations

from collections.abc import Iterator

from infra.observability.aws_series import api
from infra.observability.background_widgets import background, running
from infra.observability.model import (
    HOUR,
    MINUTE,
    AlarmPanel,
    Formula,
    Heading,
    Line,
    QueryTable,
    Series,
    Tile,
    Widget,
    own,
)
from infra.observability.objective import BURNS, outcomes, share_formula
from infra.observability.place import Place
from sluice import metrics

Row = tuple[Tile, ...]


def rows(place: Place) -> tuple[Row, ...]:
    """Return the dashboard's tiles; those of one row stand side by side."""
    return (
        (Heading(f"# Sluice {place.stage} in {place.region}"),),
        (AlarmPanel("Alarms"),),
        _numbers(place),
        *_section("Traffic and error budget", _traffic(place), _errors(place)),
        *_section("Latency: what is ours, what is the providers'", _latency(place), _starts(place)),
        *_section("Providers", _providers()),
        *_section("Money", _money(), _savings()),
        *_section("Capacity", *running(place)),
        *_section("Books and jobs", *background(place)),
    )


def titles(place: Place) -> tuple[str, ...]:
    """Return the titles of all charts and tables."""
    return tuple(tile.title for row in rows(place) for tile in row if not isinstance(tile, Heading))


def _section(heading: str, *below: Row) -> Iterator[Row]:
    yield (Heading(f"## {heading}"),)
    yield from below


def _numbers(place: Place) -> Row:
    def number(title: str, *series: Series | Formula, period: int = 5 * MINUTE) -> Widget:
        return Widget(title, series, width=4, height=4, chart="number", period=period)

    objective = place.watch.objective_percent
    return (
        number(
            "Requests a minute",
            own(metrics.REQUESTS, id="requests", hidden=True),
            Formula("requests / (PERIOD(requests) / 60)", "a minute"),
        ),
        number(
            "Succeeded",
            *outcomes(),
            Formula(f"100 * (1 - {share_formula()})", f"%, objective {objective:g}"),
            period=HOUR,
        ),
        number(
            "Error budget left",
            *outcomes(),
            Formula(
                f"TIME_SERIES(100 * (1 - SUM(bad) / SUM(every) / {place.watch.error_share:g}))", "% over the time shown"
            ),
            period=HOUR,
        ),
        number("Time to first token", own(metrics.FIRST_BYTE, "p50", label="ms, p50")),
        number(
            "Gateway overhead",
            own(metrics.OVERHEAD, "p99", id="overhead", hidden=True),
            Formula("overhead / 1000", "ms, p99"),
        ),
        number("Spend", own(metrics.COST, label="$ this hour"), period=HOUR),
    )


def _traffic(place: Place) -> Row:
    return (
        Widget(
            "Requests by operation",
            tuple(own(metrics.REQUESTS, label=name, Operation=name) for name in metrics.OPERATIONS),
            chart="area",
            unit="requests",
        ),
        Widget(
            "How requests end",
            (
                own(metrics.FAILURES, label="failed: burns the budget"),
                own(metrics.PROVIDER_ERRORS, label="every provider failed"),
                own(metrics.GATEWAY_ERRORS, label="our own fault"),
                own(metrics.REFUSALS, label="refused: budget or limit"),
                own(metrics.CALLER_ERRORS, label="caller's mistake"),
                own(metrics.CALLERS_GONE, label="caller hung up"),
            ),
            unit="requests",
        ),
        Widget(
            "Burn rate of the error budget",
            (
                *outcomes(),
                Formula(f"{share_formula()} / {place.watch.error_share:g}", "times the allowed rate, by the hour"),
            ),
            period=HOUR,
            unit="times",
            lines=tuple(Line(burn.rate, f"{burn.rate:g}x for {burn.long[0]}") for burn in BURNS),
        ),
    )


def _errors(place: Place) -> Row:
    del place
    return (
        Widget(
            "API Gateway's answers",
            (
                api("Count", "Sum", label="all"),
                api("4XXError", "Sum", label="4xx"),
                api("5XXError", "Sum", label="5xx"),
            ),
            width=8,
            unit="requests",
        ),
        QueryTable("Errors of the last hours", "errors-by-class", width=16),
    )


def _latency(place: Place) -> Row:
    watch = place.watch
    return (
        Widget(
            "Duration of requests",
            tuple(own(metrics.DURATION, each, label=each) for each in metrics.DURATION.statistics),
            width=6,
            unit="ms",
        ),
        Widget(
            "Time in providers",
            tuple(own(metrics.PROVIDER_TIME, each, label=each) for each in metrics.PROVIDER_TIME.statistics),
            width=6,
            unit="ms",
        ),
        Widget(
            "Time in the gateway",
            (
                *(own(metrics.OVERHEAD, each, id=each, hidden=True) for each in metrics.OVERHEAD.statistics),
                *(Formula(f"{each} / 1000", each) for each in metrics.OVERHEAD.statistics),
            ),
            width=6,
            unit="ms",
            lines=(Line(watch.overhead_p99_ms, "alarm at p99"),),
        ),
        Widget(
            "Time in API Gateway",
            (
                api("Latency", "p50", id="all50", hidden="yes"),
                api("IntegrationLatency", "p50", id="ours50", hidden="yes"),
                api("Latency", "p99", id="all99", hidden="yes"),
                api("IntegrationLatency", "p99", id="ours99", hidden="yes"),
                Formula("all50 - ours50", "p50"),
                Formula("all99 - ours99", "p99"),
            ),
            width=6,
            unit="ms",
        ),
    )


def _starts(place: Place) -> Row:
    watch = place.watch
    return (
        Widget(
            "Time to first token by provider, p95",
            tuple(own(metrics.FIRST_BYTE, "p95", label=name, Provider=name) for name in metrics.PROVIDERS),
            width=12,
            unit="ms",
            lines=(Line(watch.first_byte_p99_ms, "alarm at p99 of all"),),
        ),
        Widget(
            "Cold starts",
            (
                own(metrics.REQUESTS, id="requests", hidden=True),
                own(metrics.COLD_STARTS, id="cold", label="requests"),
                Formula("100 * FILL(cold, 0) / requests", "% of requests", right=True),
            ),
            width=6,
            unit="requests",
        ),
        Widget(
            "Calls made while a caller waited",
            (own(metrics.LEASE_MISSES, label="for a lease"),),
            width=6,
            unit="requests",
        ),
    )


def _providers() -> Row:
    names = metrics.PROVIDERS
    return (
        Widget(
            "Calls to providers",
            tuple(own(metrics.ATTEMPTS, label=name, Provider=name) for name in names),
            width=6,
            chart="area",
            unit="calls",
        ),
        Widget(
            "Failing calls by provider",
            (
                *(own(metrics.ATTEMPTS, id=f"a{n}", hidden=True, Provider=name) for n, name in enumerate(names)),
                *(
                    own(metrics.ATTEMPT_FAILURES, id=f"f{n}", hidden=True, Provider=name)
                    for n, name in enumerate(names)
                ),
                *(Formula(f"100 * FILL(f{n}, 0) / a{n}", name) for n, name in enumerate(names)),
            ),
            width=6,
            unit="%",
            most=100,
            lines=(Line(50, "alarm"),),
        ),
        Widget(
            "Calls refused with 429",
            tuple(own(metrics.THROTTLES, label=name, Provider=name) for name in names),
            width=6,
            unit="calls",
        ),
        Widget(
            "Retries and fallbacks",
            (own(metrics.RETRIES, label="tried again"), own(metrics.FALLBACKS, label="went elsewhere")),
            width=6,
            unit="requests",
        ),
    )


def _money() -> Row:
    pairs = metrics.PAIRS
    return (
        Widget(
            "Cost an hour by model",
            tuple(
                own(metrics.COST, label=_models(provider, family), Provider=provider, Family=family)
                for provider, family in pairs
            ),
            width=12,
            chart="area",
            period=HOUR,
            unit="$",
        ),
        Widget(
            "Fullest budget",
            (own(metrics.BUDGET_USED, label="% used or set aside"),),
            width=4,
            chart="gauge",
            most=100,
        ),
        QueryTable("Cost by team", "cost-by-team", width=8),
    )


def _savings() -> Row:
    return (
        Widget(
            "Budgets filling up",
            (
                own(metrics.BUDGET_USED, label="% of the fullest"),
                own(metrics.CEILING_PRICED, label="requests at a ceiling price", right=True),
            ),
            width=6,
            period=15 * MINUTE,
            unit="%",
            lines=(Line(100, "spent"),),
        ),
        Widget(
            "Answered from the cache",
            (
                own(metrics.REQUESTS, id="requests", hidden=True),
                own(metrics.CACHE_HITS, id="hits", hidden=True),
                Formula("100 * FILL(hits, 0) / requests", "% of requests"),
            ),
            width=6,
            unit="%",
        ),
        Widget(
            "Saved by caches and batches",
            (own(metrics.SAVED, label="saved"), own(metrics.COST, label="spent")),
            width=6,
            chart="area",
            period=HOUR,
            unit="$",
        ),
        Widget(
            "Tokens",
            (own(metrics.INPUT_TOKENS, label="prompts"), own(metrics.OUTPUT_TOKENS, label="answers", right=True)),
            width=6,
            unit="tokens",
        ),
    )


def _models(provider: str, family: str) -> str:
    """Return a legend's words for one family of models of a provider."""
    if provider == family:
        return provider
    return f"{provider}, others" if family == metrics.OTHER else f"{provider} {family}"
