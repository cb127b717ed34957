"""Every CloudWatch metric that Sluice emits, declared once: name, unit, dimensions, meaning, statistics worth drawing.

This module imports nothing of Sluice, so the code that emits, the CDK app that draws and alarms, and the documentation
share one spelling. Metrics stand in the namespace `sluice.settings.metric_namespace` gives a stage, per region.

Each combination of a metric's name and its dimensions' values is a series that costs money for as long as it is fed
($0.30 a month: CloudWatch prices, 2026-11). So every dimension has a fixed list of values with "other" for the rest,
no tenant, key, model name or request ever is a dimension, and `series()` lists all that can exist: at most
`SERIES_LIMIT` in a region. What is rare (refusals, retries, ...) is emitted only when it happens: where such a series
has no points, its value is 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

SERIES_LIMIT = 100
OTHER = "other"


class Dimensions(NamedTuple):
    """One way to take a metric apart: the dimensions' names, and every combination of values that can occur."""

    names: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]


class Metric(NamedTuple):
    """One metric. `statistics` are CloudWatch's names; a rare one is not emitted as long as it is 0."""

    name: str
    unit: str
    meaning: str
    statistics: tuple[str, ...]
    by: tuple[Dimensions, ...] = (Dimensions((), ((),)),)
    rare: bool = False


PROVIDERS = ("openai", "anthropic", "bedrock", "azure_openai", "gemini", "vertex", "mistral", "openrouter", OTHER)
"""Values of `Provider`; variants of one vendor (`vertex_anthropic`) count as the vendor."""
OPERATIONS = ("chat", "embeddings", "count_tokens", OTHER)
PAIRS = (
    ("openai", "gpt"),
    ("anthropic", "claude"),
    ("bedrock", "claude"),
    ("bedrock", OTHER),
    ("azure_openai", "gpt"),
    ("gemini", "gemini"),
    ("vertex", "gemini"),
    ("vertex", OTHER),
    ("mistral", "mistral"),
    ("openrouter", OTHER),
    (OTHER, OTHER),
)
"""Values of `Provider` with `Family`, the family of models."""
INVOICED = ("openai", "anthropic", "openrouter", "bedrock", "snowflake_cortex")
"""Providers whose invoices can be compared; their series exist in the primary region alone."""

TOTAL = Dimensions((), ((),))
BY_PROVIDER = Dimensions(("Provider",), tuple((name,) for name in PROVIDERS))
BY_FAMILY = Dimensions(("Provider", "Family"), PAIRS)
BY_OPERATION = Dimensions(("Operation",), tuple((name,) for name in OPERATIONS))
BY_INVOICE = Dimensions(("Provider",), tuple((name,) for name in INVOICED))

_SUM = ("Sum",)
_PERCENTILES = ("p50", "p95", "p99")

# One line for each request (functions streaming and completion)
REQUESTS = Metric("Requests", "Count", "Authenticated requests that ended, however.", _SUM, (TOTAL, BY_OPERATION))
FAILURES = Metric(
    "Failures",
    "Count",
    "Requests that the service failed: a status of 500 or more, or a stream that broke. These burn the error budget.",
    _SUM,
)
CALLER_ERRORS = Metric("CallerErrors", "Count", "Requests that were wrong (4xx).", _SUM, rare=True)
REFUSALS = Metric("Refusals", "Count", "Requests refused by a budget (402) or a limit (429).", _SUM, rare=True)
PROVIDER_ERRORS = Metric(
    "ProviderErrors", "Count", "Requests that failed because every provider tried did (429 included).", _SUM, rare=True
)
GATEWAY_ERRORS = Metric(
    "GatewayErrors", "Count", "Requests that failed through the gateway's own fault.", _SUM, rare=True
)
CALLERS_GONE = Metric("CallersGone", "Count", "Requests whose caller hung up before the end.", _SUM, rare=True)
DURATION = Metric(
    "Duration", "Milliseconds", "From the request's arrival to its last byte.", _PERCENTILES, (TOTAL, BY_OPERATION)
)
PROVIDER_TIME = Metric(
    "ProviderTime", "Milliseconds", "The part of `Duration` spent waiting for providers.", _PERCENTILES
)
OVERHEAD = Metric(
    "Overhead", "Microseconds", "The part of the time to the first byte that was spent in the gateway.", _PERCENTILES
)
FIRST_BYTE = Metric(
    "FirstByte",
    "Milliseconds",
    "From a streamed request's arrival to its first event (time to first token).",
    _PERCENTILES,
    (TOTAL, BY_PROVIDER),
)
COLD_STARTS = Metric("ColdStarts", "Count", "Requests that were the first of their environment.", _SUM, rare=True)
LEASE_MISSES = Metric(
    "LeaseMisses",
    "Count",
    "Requests that waited for a call to a budget's counter or a limit's bucket.",
    _SUM,
    rare=True,
)
INPUT_TOKENS = Metric("InputTokens", "Count", "Tokens of prompts, cached ones included.", _SUM)
OUTPUT_TOKENS = Metric("OutputTokens", "Count", "Tokens of answers, reasoning included.", _SUM)
COST = Metric("CostUSD", "None", "What requests cost, in dollars.", _SUM, (TOTAL, BY_FAMILY))
SAVED = Metric("SavedUSD", "None", "What caches and batches saved, in dollars.", _SUM, rare=True)
CACHE_HITS = Metric("CacheHits", "Count", "Requests answered from the gateway's cache.", _SUM, rare=True)
CEILING_PRICED = Metric(
    "CeilingPriced", "Count", "Requests of models without a price, charged at the declared ceiling.", _SUM, rare=True
)
RETRIES = Metric("Retries", "Count", "Further attempts at the same deployment.", _SUM, rare=True)
FALLBACKS = Metric("Fallbacks", "Count", "Requests that went on to another deployment.", _SUM, rare=True)
ATTEMPTS = Metric("Attempts", "Count", "Calls to a provider.", _SUM, (BY_PROVIDER,))
ATTEMPT_FAILURES = Metric(
    "AttemptFailures",
    "Count",
    "Calls that a provider failed: no connection, no answer in time, 5xx, garbled, a refused key; not 429.",
    _SUM,
    (BY_PROVIDER,),
    rare=True,
)
THROTTLES = Metric("Throttles", "Count", "Calls that a provider refused with 429.", _SUM, (BY_PROVIDER,), rare=True)

# Lines about faults on the request path
SETTLE_FAILURES = Metric(
    "SettleFailures",
    "Count",
    "Requests whose ledger entry, log line or hold could not be written at once; the sweep makes up for it.",
    _SUM,
    rare=True,
)
REFRESH_FAILURES = Metric(
    "RefreshFailures",
    "Count",
    "Snapshots (keys, configuration, secrets, leases) that could not be renewed.",
    _SUM,
    rare=True,
)

# The reconcile job, every five minutes
ENTRIES_RESTORED = Metric("EntriesRestored", "Count", "Ledger entries put in from the log.", _SUM)
ENTRIES_LOST = Metric("EntriesLost", "Count", "Requests of which nothing was heard any more.", _SUM)
HOLDS_RETURNED = Metric("HoldsReturned", "Count", "Holds of dead environments that were closed.", _SUM)
USAGE_CELLS_WRONG = Metric("UsageCellsWrong", "Count", "Cells of usage that differ from the ledger.", _SUM)
USAGE_CELLS_CORRECTED = Metric("UsageCellsCorrected", "Count", "Cells of usage that were corrected.", _SUM)
USAGE_DRIFT = Metric("UsageDriftUSD", "None", "Dollars by which usage differed from the ledger.", ("Maximum",))
COUNTER_DRIFT = Metric("CounterDriftUSD", "None", "Dollars by which budget counters differ from usage.", ("Maximum",))
UNCHARGED = Metric(
    "UnchargedUSD",
    "None",
    "Dollars set aside for batches and background answers whose results nobody read in time to charge them.",
    ("Maximum",),
    rare=True,
)
ROLLUP_AGE = Metric("RollupAge", "Seconds", "How far the roll-up of the ledger's stream is behind.", ("Maximum",))

# Other jobs
INVOICE_DRIFT = Metric(
    "InvoiceDrift",
    "None",
    "Hundredths of a per cent by which the ledger differs from a provider's invoice, once a day.",
    ("Maximum",),
    (BY_INVOICE,),
    rare=True,
)
BUDGET_USED = Metric(
    "BudgetUsed", "Percent", "How much of its amount the fullest budget has used, set aside included.", ("Maximum",)
)
ROTATION_AGE = Metric(
    "RotationAge", "Seconds", "Time since the provider keys were last rotated with success.", ("Maximum",)
)
ROTATION_FAILED = Metric("RotationFailed", "Count", "Steps of a rotation that failed.", _SUM, rare=True)
EXPORTED = Metric("ExportedEntries", "Count", "Ledger entries delivered to the exporters' targets.", _SUM)
EXPORT_FAILURES = Metric("ExportFailures", "Count", "Deliveries to a target that failed.", _SUM, rare=True)
EXPORT_AGE = Metric("ExportAge", "Seconds", "Age of the oldest entry of a delivered batch.", ("Maximum",))
ARCHIVE_FAILURES = Metric("ArchiveFailures", "Count", "Payloads that could not be archived.", _SUM, rare=True)

METRICS: tuple[Metric, ...] = tuple(each for each in list(globals().values()) if isinstance(each, Metric))
"""All of them, in the order in which they are declared."""


def series(metrics: Iterable[Metric] = METRICS) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield every series that can exist in a region: a metric's name and its dimensions."""
    for metric in metrics:
        for dimensions in metric.by:
            for values in dimensions.values:
                yield metric.name, dict(zip(dimensions.names, values, strict=True))
