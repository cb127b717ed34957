"""Log lines that are also metrics: the canonical line of a request, and those of faults and jobs.

CloudWatch takes the metrics out of the `_aws` block (embedded metric format, specification read 2026-11: a set of
dimensions may be empty and holds at most 30, a directive at most 100 metrics, every target is a member of the root),
which adds no call and no latency. Every metric is declared in `sluice.metrics`, with all the series it can have; what a
caller or a configuration names is measured under the nearest declared value, or "other".

`entry` is the ledger record (`ledger_record`), so `reconcile` can rebuild an entry from its line; the words that
providers put into their errors are left out of it, because they may quote a prompt. The line `open` is written before
the first call to a provider; where no `request` line follows, the entry it holds is "lost". An `attempts` line follows
a request only for each further provider that was tried: one line has one value of `Provider`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sluice import metrics
from sluice.aws.ledger_record import Record, from_record, to_record
from sluice.aws.stdout import without_keys
from sluice.metrics import OPERATIONS, OTHER, PAIRS, PROVIDERS, Metric
from sluice.types.ledger import LOST, Attempt, LedgerEntry
from sluice.types.usage import Usage

if TYPE_CHECKING:
    from sluice.metering.tally import Tally

BYTES_PER_TOKEN = 4
"""Of a request's body, where nobody counted its tokens."""
FAMILIES = {
    "claude": ("claude",),
    "gpt": ("gpt", "o1", "o3", "o4", "chatgpt", "text-embedding"),
    "gemini": ("gemini", "gemma"),
    "llama": ("llama",),
    "mistral": ("mistral", "mixtral", "codestral", "ministral", "magistral", "devstral", "pixtral"),
    "deepseek": ("deepseek",),
    "qwen": ("qwen", "qwq"),
}
"""Family -> what the names of its models begin with, behind the maker's prefix."""
MAKERS = ("us.", "eu.", "apac.", "global.", "anthropic.", "meta-", "meta.")
"""What stands in front of a model's own name, in this order."""
FAULTS = {
    **dict.fromkeys(("settle_failed", "line_failed", "ledger_failed"), metrics.SETTLE_FAILURES),
    "refresh_failed": metrics.REFRESH_FAILURES,
    "archive_failed": metrics.ARCHIVE_FAILURES,
}
"""Faults that are measured; the others end in a request's own class of error."""

Figures = Iterable[tuple[Metric, float]]

_encode = json.JSONEncoder(separators=(",", ":")).encode
_NAMED_FAMILY = dict(reversed(PAIRS))
_CALLER_KINDS = ("bad_request", "too_large", "content_filter")
"""Kinds of a provider's errors that are about the request itself."""
_PROVIDER_KINDS = (
    "rate_limit", "quota", "overloaded", "server", "timeout", "connection", "garbled",
    "authentication", "permission", "not_found",
)  # fmt: skip
_NOT_THE_PROVIDER = ("ok", "aborted", *_CALLER_KINDS, "rate_limit", "quota", "not_found")
"""Outcomes of attempts that say nothing against the provider's health."""
_directives: dict[tuple[str, ...], str] = {}


def request_line(entry: LedgerEntry, cold_start: bool, *, namespace: str = "Sluice") -> str:
    """Return the canonical line of a request, without a line break; ASCII, whatever the entry holds.

    `namespace` is the metrics' (`sluice.settings.metric_namespace` gives that of a stage).
    """
    figures: list[tuple[Metric, float]] = [
        (metrics.REQUESTS, 1),
        (metrics.FAILURES, int(failed(entry))),
        (metrics.DURATION, entry.duration_ms),
        (metrics.OVERHEAD, entry.overhead_us),
    ]
    dimensions = {"Operation": entry.operation if entry.operation in OPERATIONS else OTHER}
    if entry.provider:
        provider, dimensions["Family"] = pair_of(entry.provider, entry.model)
        dimensions["Provider"] = provider
        figures += (
            (metrics.PROVIDER_TIME, max(entry.duration_ms - entry.overhead_us // 1000, 0)),
            (metrics.INPUT_TOKENS, entry.usage.prompt),
            (metrics.OUTPUT_TOKENS, entry.usage.output),
            (metrics.COST, entry.cost / 1e9),
        )
        if entry.stream and entry.first_byte_ms is not None:
            figures.append((metrics.FIRST_BYTE, entry.first_byte_ms))
        figures += _attempt_figures(each for each in entry.attempts if _tried(each) == provider)
    figures += ((metric, value) for metric, value in _rare_figures(entry, cold_start) if value)
    return metric_line(
        "request",
        figures,
        dimensions,
        namespace=namespace,
        at_ms=entry.started_ms + entry.duration_ms,
        members={"entry": _without_words(to_record(entry))},
    )


def attempt_lines(entry: LedgerEntry, *, namespace: str = "Sluice") -> Iterator[str]:
    """Yield a line for each provider that was tried and is not the one that the request's own line is about."""
    others: dict[str, list[Attempt]] = {}
    own = provider_of(entry.provider) if entry.provider else ""
    for attempt in entry.attempts:
        if _tried(attempt) != own:
            others.setdefault(_tried(attempt), []).append(attempt)
    for provider, attempts in others.items():
        yield metric_line(
            "attempts",
            _attempt_figures(attempts),
            {"Provider": provider},
            namespace=namespace,
            at_ms=entry.started_ms + entry.duration_ms,
            members={"request_id": entry.request_id},
        )


def fault_line(
    event: str, error: str, request_id: str = "", *, namespace: str = "Sluice", at_ms: int | None = None
) -> str:
    """Return the line of a fault of the gateway's own; `error` is the error's class, never its words."""
    members = {"event": event, "error": error, "request_id": request_id}
    metric = FAULTS.get(event)
    if metric is None:
        return _encode({"kind": "fault", **members})
    moment = int(time.time() * 1000) if at_ms is None else at_ms
    return metric_line("fault", ((metric, 1),), namespace=namespace, at_ms=moment, members=members)


def metric_line(
    kind: str,
    figures: Figures,
    dimensions: Mapping[str, str] | None = None,
    *,
    namespace: str,
    at_ms: int,
    members: Mapping[str, object] | None = None,
) -> str:
    """Return one log line that is also these figures; `members` is whatever else it says.

    `dimensions` has a value for each name that the figures' metrics are taken apart by.
    """
    told = list(figures)
    if not told:
        return _encode({"kind": kind, **(members or {})})
    head = f'{{"kind":"{kind}","_aws":{{"Timestamp":{at_ms},"CloudWatchMetrics":{_directives_of(namespace, told)}}},'
    body: dict[str, object] = {**(dimensions or {}), **{metric.name: value for metric, value in told}}
    return head + _encode({**body, **(members or {})})[1:]


def _directives_of(namespace: str, figures: list[tuple[Metric, float]]) -> str:
    key = (namespace, *[metric.name for metric, _ in figures])
    found = _directives.get(key)
    if found is None:
        groups: dict[tuple[tuple[str, ...], ...], list[Metric]] = {}
        for metric, _ in figures:
            groups.setdefault(tuple(each.names for each in metric.by), []).append(metric)
        found = _directives[key] = _encode([_directive(namespace, sets, group) for sets, group in groups.items()])
    return found


def _directive(namespace: str, sets: tuple[tuple[str, ...], ...], group: Iterable[Metric]) -> dict[str, object]:
    named = [{"Name": metric.name, "Unit": metric.unit} for metric in group]
    return {"Namespace": namespace, "Dimensions": sets, "Metrics": named}


def failed(entry: LedgerEntry) -> bool:
    """Return whether the service failed this request, by its own fault or a provider's."""
    return entry.status >= 500 or entry.outcome in ("failed", LOST)


def class_of(entry: LedgerEntry) -> Metric | None:
    """Return the metric of the class of error that a request ended in; None for a good end."""
    if entry.outcome == "ok":
        return None
    if entry.outcome == "aborted":
        return metrics.CALLERS_GONE
    if entry.error_kind in _PROVIDER_KINDS:
        return metrics.PROVIDER_ERRORS
    if entry.error_kind in _CALLER_KINDS:
        return metrics.CALLER_ERRORS
    if failed(entry):
        return metrics.GATEWAY_ERRORS
    return metrics.REFUSALS if entry.status in (402, 429) else metrics.CALLER_ERRORS


def _rare_figures(entry: LedgerEntry, cold_start: bool) -> Iterator[tuple[Metric, float]]:
    yield metrics.COLD_STARTS, int(cold_start)
    yield metrics.LEASE_MISSES, int(entry.lease_misses > 0)
    yield metrics.SAVED, sum(nano for _, nano in entry.saved) / 1e9
    yield metrics.CEILING_PRICED, int(entry.at_ceiling)
    yield metrics.CACHE_HITS, int(entry.cache in ("hit", "semantic"))
    ended = class_of(entry)
    if ended is not None:
        yield ended, 1
    if len(entry.attempts) > 1:
        deployments = {attempt.deployment for attempt in entry.attempts}
        yield metrics.RETRIES, len(entry.attempts) - len(deployments)
        yield metrics.FALLBACKS, int(len(deployments) > 1)


def _attempt_figures(attempts: Iterable[Attempt]) -> Iterator[tuple[Metric, float]]:
    """Yield the figures of the calls to one provider; nothing where there was none."""
    outcomes = [attempt.outcome for attempt in attempts]
    if not outcomes:
        return
    yield metrics.ATTEMPTS, len(outcomes)
    failures = sum(outcome not in _NOT_THE_PROVIDER for outcome in outcomes)
    if failures:
        yield metrics.ATTEMPT_FAILURES, failures
    throttles = sum(outcome in ("rate_limit", "quota") for outcome in outcomes)
    if throttles:
        yield metrics.THROTTLES, throttles


def _tried(attempt: Attempt) -> str:
    return provider_of(attempt.deployment.partition("/")[0])


def open_line(tally: Tally) -> str:
    """Return the line that says a request is about to reach a provider.

    Its entry is what would stand if nothing more were heard of the request: "lost", status 0, its prompt's tokens
    estimated at `BYTES_PER_TOKEN` and at most the model's context, and their cost.
    """
    model = tally.deployment.model if tally.deployment is not None else None
    tokens = -(-tally.prompt_bytes // BYTES_PER_TOKEN)
    if model is not None and model.context is not None:
        tokens = min(tokens, model.context)
    usage = tally.usage or Usage(input=tokens, estimated=True)
    lost = replace(tally, usage=usage, outcome="lost", status=0, reasons=[], attempts=[], first_byte=None)
    cost = lost.cost()[0]
    if cost and tally.ticket is not None and tally.deployment is not None:
        lost.holds = tally.ticket.owed(cost, tally.deployment.name)
    record = to_record(lost.entry(tally.started))
    record.pop("overhead_us", None)
    return _encode({"kind": "open", "entry": _without_words(record)})


def entry_from_line(line: str | Mapping[str, Any]) -> LedgerEntry:
    """Return the entry of a `request` line, or of an `open` line the entry of a request that was lost.

    Raises ValueError for anything else.
    """
    document = json.loads(line) if isinstance(line, str) else line
    if not isinstance(document, Mapping) or document.get("kind") not in ("request", "open"):
        raise ValueError("The line is neither a 'request' nor an 'open' line.")
    try:
        return from_record(document["entry"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"The line holds no entry that can be read: {type(error).__name__}.") from None


def provider_of(provider: str) -> str:
    """Return the value of `Provider` for a provider's name; always one of `PROVIDERS`."""
    if provider in PROVIDERS:
        return provider
    return next((name for name in PROVIDERS if provider.startswith(f"{name}_")), OTHER)


def pair_of(provider: str, model: str) -> tuple[str, str]:
    """Return the provider and model family under which a deployment is measured; always one of `PAIRS`."""
    vendor, family = provider_of(provider), family_of(model)
    for pair in ((vendor, family), (vendor, OTHER)):
        if pair in PAIRS:
            return pair
    return vendor, _NAMED_FAMILY[vendor]


def family_of(model: str) -> str:
    """Return the family of a model's name, such as "claude" for `anthropic/claude-sonnet-4-5`."""
    name = model.rpartition("/")[2].lower().removeprefix("ft:")
    for maker in MAKERS:
        name = name.removeprefix(maker)
    for family, beginnings in FAMILIES.items():
        if name.startswith(beginnings):
            return family
    return OTHER


def _without_words(record: Record) -> Record:
    """Take the provider's own words out: those of an attempt stand last, behind the upstream's id.

    A code that a provider gave is its own word too; the kind that it means is the gateway's.
    """
    attempts = record.get("attempts")
    if attempts:
        record["attempts"] = [attempt[:6] for attempt in attempts]
    if record.get("error_kind") in (*_PROVIDER_KINDS, *_CALLER_KINDS):
        record.pop("error", None)
    return _without_keys(record)


def _without_keys(record: Record) -> Record:
    """Mask keys that a caller put where a name belongs, or a provider into an id."""
    named = [record.get(name) or "" for name in ("model", "asked", "session", "user")]
    named += [text for pair in record.get("tags") or () for text in pair]
    named += [attempt[5] for attempt in record.get("attempts") or () if len(attempt) > 5]
    words = " ".join(named)
    if without_keys(words) == words:
        return record
    masked: Record = json.loads(without_keys(_encode(record)))
    return masked
