"""Amazon Bedrock: line items of the Cost and Usage Report 2.0 (Data Exports), or Cost Explorer.

Sources, read 2026-11: Amazon Bedrock user guide, "Understanding your Amazon Bedrock Cost and Usage Report data" (usage
types, the four classes of tokens); AWS Data Exports user guide, "Understanding export delivery" (folders, manifest,
refresh) and the CUR 2.0 table dictionary; Cost Explorer API reference, GetCostAndUsage.

* A model's tokens are lines with usage types such as `USW2-Claude4.5Sonnet-cache-read-input-token-count` or
  `USE1-Nova2.0Lite-input-tokens-cross-region-global`, counted in `pricing_unit` (thousands or millions of tokens).
  Models sold through AWS Marketplace have `USE1-MP:USE1_InputTokenCount-Units` and their name in the product.
* All four classes count. Usage and what a private rate or discount takes off it are compared; tax, credits, refunds
  and fees are not the ledger's business.
* An export is refreshed at least once a day and may change until two weeks after its month. A day is taken as final 72
  hours after its end; corrections of a closed month show only when a day is run again.
* Times are UTC. Cost Explorer costs $0.01 a page and states no unit for tokens, so there only money is compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Protocol

from pydantic import BaseModel, Field

from sluice.control.invoices.calls import shaped
from sluice.control.invoices.export_rows import moment, number, rows
from sluice.control.invoices.names import Key, bedrock
from sluice.control.invoices.statements import Figures, Line, Statement, VendorFailed, lines_of

PRODUCTS = frozenset({"AmazonBedrock", "AmazonBedrockService"})
COUNTED = frozenset({"Usage", "DiscountedUsage", "PrivateRateDiscount", "EdpDiscount", "BundledDiscount"})
EDITION = "(Amazon Bedrock Edition)"
_CLASS = re.compile(
    r"(?P<cache>cache-?_?(?:read|write)[a-z0-9_-]*?)?(?P<side>input|output|response)-?_?tokens?", re.IGNORECASE
)
_REGION = re.compile(r"^(?:[A-Z]{2,4}\d?|UGW1|UGE1)-")
_TIER = re.compile(r"-(?:mantle|on-demand|batch|flex|priority|latency-optimized)$", re.IGNORECASE)
_THOUSAND, _MILLION = re.compile(r"\b1K\b|thousand", re.IGNORECASE), re.compile(r"\b1M\b|million", re.IGNORECASE)


class BillingExport(Protocol):
    """A CUR 2.0 export in S3."""

    def manifest(self, month: str) -> bytes | None:
        """Return the manifest of a billing period ("2026-11"), None before there is one. Raises VendorFailed."""

    def file(self, uri: str) -> Iterable[bytes]:
        """Yield the bytes of one of the manifest's files, as they are stored. Raises VendorFailed."""


class CostExplorer(Protocol):
    """Cost Explorer's GetCostAndUsage."""

    def pages(self, day: date) -> Iterator[Mapping[str, Any]]:
        """Yield the answers for one day by SERVICE and USAGE_TYPE, of record type Usage. Raises VendorFailed."""


class _Manifest(BaseModel):
    files: list[str] = Field(alias="dataFiles")


class _Metric(BaseModel):
    amount: Decimal = Field(alias="Amount")
    unit: str = Field(default="", alias="Unit")


class _Group(BaseModel):
    keys: list[str] = Field(alias="Keys", min_length=2, max_length=2)
    metrics: dict[str, _Metric] = Field(alias="Metrics")


class _Period(BaseModel):
    span: dict[str, str] = Field(alias="TimePeriod")
    groups: list[_Group] = Field(default_factory=list, alias="Groups")


class _CostPage(BaseModel):
    periods: list[_Period] = Field(alias="ResultsByTime")


class BedrockExport:
    """Reads one day out of an export."""

    provider = "bedrock"
    lag_hours = 72

    def __init__(self, export: BillingExport) -> None:
        self._export = export

    def key(self, name: str) -> Key:
        """Return what a model's name means here."""
        return bedrock(name)

    def statement(self, day: date) -> Statement:
        """Return the day's figures. Raises VendorFailed."""
        found = self._export.manifest(f"{day:%Y-%m}")
        if found is None:
            raise _failed("missing", f"the export has no manifest for {day:%Y-%m} yet.")
        costs: dict[str, Decimal] = {}
        tokens: list[Line] = []
        for uri in shaped(self.provider, _json(found), _Manifest).files:
            for row in rows(uri, self._export.file):
                if row["line_item_line_item_type"] in COUNTED and _is_bedrock(row) and _on(row, day):
                    name, line = _read(row)
                    costs[name] = costs.get(name, Decimal(0)) + _dollars(row)
                    tokens += [line] if line else []
        return Statement(self.provider, day, lines_of(costs, tokens), frozenset({"cost", "input", "output"}))


class BedrockCosts:
    """Reads one day from Cost Explorer: money only."""

    provider = "bedrock"
    lag_hours = 72

    def __init__(self, explorer: CostExplorer) -> None:
        self._explorer = explorer

    def key(self, name: str) -> Key:
        """Return what a model's name means here."""
        return bedrock(name)

    def statement(self, day: date) -> Statement:
        """Return the day's figures. Raises VendorFailed."""
        costs: dict[str, Decimal] = {}
        for document in self._explorer.pages(day):
            for period in shaped(self.provider, document, _CostPage).periods:
                for group in period.groups if period.span.get("Start", "")[:10] == day.isoformat() else ():
                    service, usage_type = group.keys
                    metric = group.metrics.get("UnblendedCost")
                    if "bedrock" not in service.lower() or metric is None:
                        continue
                    if metric.unit != "USD":
                        raise _failed("malformed", "Cost Explorer's amounts are not in USD.")
                    name = model_of(usage_type, service if EDITION in service else "")
                    costs[name] = costs.get(name, Decimal(0)) + metric.amount
        return Statement(self.provider, day, lines_of(costs, ()), frozenset({"cost"}))


def model_of(usage_type: str, product: str) -> str:
    """Return the model of a usage type, or of the Marketplace product; the usage type itself where it names none."""
    if product:
        return product.replace(EDITION, "").strip()
    bare = _REGION.sub("", usage_type)
    match = _CLASS.search(bare)
    if match is None or match.start() == 0:
        return bare
    return _TIER.sub("", bare[: match.start()].rstrip("-_")) or bare


def _read(row: Mapping[str, str]) -> tuple[str, Line | None]:
    """Return the model of a row, and its tokens where it counts some."""
    usage_type = row["line_item_usage_type"]
    name = model_of(usage_type, _product(row))
    match, scale = _CLASS.search(usage_type), _scale(row)
    # A discount repeats the amount of the usage that it is taken off.
    if match is None or scale is None or row["line_item_line_item_type"] not in ("Usage", "DiscountedUsage"):
        return name, None
    count = int((number(row["line_item_usage_amount"]) * scale).to_integral_value())
    is_output = match["side"].lower() in ("output", "response")
    return name, Line(name, Figures(None, 0, count) if is_output else Figures(None, count, 0))


def _product(row: Mapping[str, str]) -> str:
    attributes = _json((row.get("product") or "{}").encode(), {})
    names = [str(value) for value in attributes.values()] if isinstance(attributes, dict) else []
    names.append(row.get("line_item_line_item_description") or "")
    return next((name for name in names if EDITION in name), "")


def _is_bedrock(row: Mapping[str, str]) -> bool:
    return row["line_item_product_code"] in PRODUCTS or bool(_product(row))


def _scale(row: Mapping[str, str]) -> int | None:
    for text in (row.get("pricing_unit") or "", row.get("line_item_line_item_description") or ""):
        if _THOUSAND.search(text):
            return 1_000
        if _MILLION.search(text):
            return 1_000_000
    return 1 if (row.get("pricing_unit") or "").lower() in ("token", "tokens") else None


def _on(row: Mapping[str, str], day: date) -> bool:
    start, end = moment(row["line_item_usage_start_date"]), moment(row["line_item_usage_end_date"])
    if end - start > timedelta(days=1):
        raise _failed("malformed", "the export has lines of more than a day. Choose daily or hourly granularity.")
    return start.date() == day


def _dollars(row: Mapping[str, str]) -> Decimal:
    if row["line_item_currency_code"] != "USD":
        raise _failed("malformed", "its amounts are not in USD.")
    return number(row["line_item_unblended_cost"])


def _json(text: bytes, otherwise: object = None) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return otherwise


def _failed(kind: str, problem: str) -> VendorFailed:
    return VendorFailed("bedrock", kind, problem)
