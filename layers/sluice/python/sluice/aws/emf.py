"""The one log line of a request: readable JSON that is also its metrics and its ledger entry.

CloudWatch takes the metrics out of the `_aws` block (embedded metric format, specification read 2026-11), which adds no
call and no latency. Each combination of dimension values is a series that costs money for a month, so dimensions are
only provider with model family, from a fixed list, and operation: `SERIES_LIMIT` series for a region, whatever callers
send. Requests are the sample count of `Errors`. `Errors` counts what the service failed at (5xx, a broken stream), not
what a caller got wrong.

`entry` is the ledger record (`ledger_record`), so `reconcile` can rebuild an entry from its line; the words that
providers put into their errors are left out of it, because they may quote a prompt. The line `open` is written before
the first call to a provider; where no `request` line follows, the entry it holds is "lost".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sluice.aws.ledger_record import Record, from_record, to_record
from sluice.types.ledger import LedgerEntry
from sluice.types.usage import Usage

if TYPE_CHECKING:
    from sluice.metering.tally import Tally

SERIES_LIMIT = 100
BYTES_PER_TOKEN = 4
"""Of a request's body, where nobody counted its tokens."""
OTHER = "other"
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
PAIRS = (
    ("openai", "gpt"),
    ("anthropic", "claude"),
    ("mistral", "mistral"),
    ("deepseek", "deepseek"),
    ("openrouter", "claude"),
    ("openrouter", "gpt"),
    ("openrouter", OTHER),
    ("together", OTHER),
    ("groq", OTHER),
    (OTHER, "claude"),
    (OTHER, "gpt"),
    (OTHER, OTHER),
)
"""Provider and family: each is one series for each of `PAIR_METRICS`."""
OPERATIONS = ("chat", "embeddings", "count_tokens", OTHER)
PAIR_METRICS = {
    "Errors": "Count",
    "Duration": "Milliseconds",
    "FirstByte": "Milliseconds",
    "InputTokens": "Count",
    "OutputTokens": "Count",
    "CostUSD": "None",
}
OPERATION_METRICS = {"Errors": "Count", "Duration": "Milliseconds", "Overhead": "Microseconds", "ColdStarts": "Count"}
PAIR_DIMENSIONS = ("Provider", "Family")
OPERATION_DIMENSIONS = ("Operation",)

_encode = json.JSONEncoder(separators=(",", ":")).encode
_NAMED_FAMILY = dict(reversed(PAIRS))
_FAULTS = ("failed", "lost")
_directives: dict[tuple[str, bool, bool], str] = {}


def request_line(entry: LedgerEntry, cold_start: bool, *, namespace: str = "Sluice") -> str:
    """Return the canonical line of a request, without a line break; ASCII, whatever the entry holds.

    `namespace` is the metrics' (`sluice.settings.metric_namespace` gives that of a stage).
    """
    provider, family = pair_of(entry.provider, entry.model)
    first_byte = entry.first_byte_ms
    members: Record = {
        "Provider": provider,
        "Family": family,
        "Operation": entry.operation if entry.operation in OPERATIONS else OTHER,
        "Errors": int(entry.status >= 500 or entry.outcome in _FAULTS),
        "Duration": entry.duration_ms,
        "Overhead": entry.overhead_us,
        "ColdStarts": int(cold_start),
        "InputTokens": entry.usage.prompt,
        "OutputTokens": entry.usage.output,
        "CostUSD": entry.cost / 1e9,
    }
    if first_byte is not None:
        members["FirstByte"] = first_byte
    members["entry"] = _without_words(to_record(entry))
    directives = _metric_directives(namespace, bool(entry.provider), first_byte is not None)
    stamp = entry.started_ms + entry.duration_ms
    head = f'{{"kind":"request","_aws":{{"Timestamp":{stamp},"CloudWatchMetrics":{directives}}},'
    return head + _encode(members)[1:]


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
    return _encode({"kind": "open", "entry": record})


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


def pair_of(provider: str, model: str) -> tuple[str, str]:
    """Return the provider and model family under which a deployment is measured; always one of `PAIRS`."""
    family = family_of(model)
    for pair in ((provider, family), (provider, OTHER)):
        if pair in PAIRS:
            return pair
    if provider in _NAMED_FAMILY:
        return provider, _NAMED_FAMILY[provider]
    return (OTHER, family) if (OTHER, family) in PAIRS else (OTHER, OTHER)


def family_of(model: str) -> str:
    """Return the family of a model's name, such as "claude" for `anthropic/claude-sonnet-4-5`."""
    name = model.rpartition("/")[2].rpartition(":")[2].lower()
    for maker in ("anthropic.", "us.anthropic.", "eu.anthropic.", "meta-", "meta."):
        name = name.removeprefix(maker)
    for family, beginnings in FAMILIES.items():
        if name.startswith(beginnings):
            return family
    return OTHER


def _without_words(record: Record) -> Record:
    """Take the provider's own words out of the attempts: they stand last, behind the upstream's id."""
    attempts = record.get("attempts")
    if attempts:
        record["attempts"] = [attempt[:6] for attempt in attempts]
    return record


def _metric_directives(namespace: str, has_provider: bool, has_first_byte: bool) -> str:
    key = (namespace, has_provider, has_first_byte)
    found = _directives.get(key)
    if found is None:
        directives = [_directive(namespace, OPERATION_DIMENSIONS, OPERATION_METRICS)]
        if has_provider:
            units = {name: unit for name, unit in PAIR_METRICS.items() if has_first_byte or name != "FirstByte"}
            directives.append(_directive(namespace, PAIR_DIMENSIONS, units))
        found = _directives[key] = _encode(directives)
    return found


def _directive(namespace: str, dimensions: tuple[str, ...], units: Mapping[str, str]) -> dict[str, object]:
    metrics = [{"Name": name, "Unit": unit} for name, unit in units.items()]
    return {"Namespace": namespace, "Dimensions": [dimensions], "Metrics": metrics}
