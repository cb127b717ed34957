"""Ledger entries as rows of FOCUS 1.2, the FinOps Open Cost and Usage Specification (focus.finops.org, read 2026-11).

One row for each version of an entry. A later version is a row of its own with the difference to the version before and
ChargeClass "Correction", so the sum of all rows is what was spent at the corrected prices. Costs are US dollars;
`x_CostNanoUSD` has the exact integer. Names with `x_` are our own, as the specification asks of further columns.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator

from sluice.types.clock import Millis, NanoUSD
from sluice.types.ledger import LedgerEntry

Row = dict[str, object]
CURRENCY = "USD"
UNIT = "Tokens"


def rows(entries: Iterable[LedgerEntry], account: str) -> Iterator[Row]:
    """Yield a row for each entry; `entries` have the versions of a request one behind the other."""
    before: LedgerEntry | None = None
    for entry in entries:
        later = before is not None and entry.version > 1 and before.request_id == entry.request_id
        yield row(entry, account, before if later else None)
        before = entry


def row(entry: LedgerEntry, account: str, before: LedgerEntry | None = None) -> Row:
    """Return the row of an entry, or of what it changes about the version `before`."""
    corrected = before is not None
    cost = entry.cost - (before.cost if before is not None else 0)
    listed = _listed(entry) - (_listed(before) if before is not None else 0)
    tokens = 0 if corrected else entry.usage.total
    month, following = _month(entry.started_ms)
    return {
        "BilledCost": _usd(cost),
        "BillingAccountId": account,
        "BillingAccountName": account,
        "BillingCurrency": CURRENCY,
        "BillingPeriodEnd": following,
        "BillingPeriodStart": month,
        "ChargeCategory": "Usage",
        "ChargeClass": "Correction" if corrected else None,
        "ChargeDescription": f"{entry.operation} with {entry.deployment or 'no model'}",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodEnd": _stamp(entry.started_ms + max(entry.duration_ms, 1_000)),
        "ChargePeriodStart": _stamp(entry.started_ms),
        "ConsumedQuantity": tokens,
        "ConsumedUnit": UNIT,
        "ContractedCost": _usd(cost),
        "EffectiveCost": _usd(cost),
        "InvoiceIssuerName": entry.provider or None,
        "ListCost": _usd(listed),
        "PricingCategory": "Standard",
        "PricingQuantity": tokens,
        "PricingUnit": UNIT,
        "ProviderName": entry.provider or None,
        "PublisherName": entry.provider or None,
        "RegionId": entry.region or None,
        "ResourceId": entry.request_id,
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": entry.provider or None,
        "ServiceSubcategory": "Generative AI",
        "SkuId": entry.deployment or None,
        "SkuPriceId": entry.price_version or None,
        "SubAccountId": entry.team,
        "SubAccountName": entry.team,
        "Tags": json.dumps(dict(entry.tags), ensure_ascii=False),
        **_own(entry, cost, corrected=corrected),
    }


def _own(entry: LedgerEntry, cost: NanoUSD, *, corrected: bool) -> Row:
    usage = entry.usage
    counts = {
        "x_InputTokens": usage.input,
        "x_CacheReadTokens": usage.cache_read,
        "x_CacheWriteTokens": usage.cache_write_5m + usage.cache_write_1h,
        "x_OutputTokens": usage.output,
        "x_ReasoningTokens": usage.reasoning,
    }
    return {
        "x_CostNanoUSD": cost,
        **(dict.fromkeys(counts, 0) if corrected else counts),
        "x_Version": entry.version,
        "x_Outcome": entry.outcome,
        "x_KeyId": entry.key_id,
        "x_User": entry.user or None,
        "x_Route": entry.route or None,
        "x_Operation": entry.operation,
        "x_DurationMs": entry.duration_ms,
        "x_ConfigVersion": entry.config_version,
    }


def _listed(entry: LedgerEntry) -> NanoUSD:
    return entry.cost if entry.list_cost is None else entry.list_cost


def _usd(nano: NanoUSD) -> float:
    return nano / 1_000_000_000


def _stamp(at_ms: Millis) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_ms // 1000))


def _month(at_ms: Millis) -> tuple[str, str]:
    year, month = time.gmtime(at_ms // 1000)[:2]
    following = (year + 1, 1) if month == 12 else (year, month + 1)
    return f"{year:04}-{month:02}-01T00:00:00Z", f"{following[0]:04}-{following[1]:02}-01T00:00:00Z"
