"""With which vendors' figures a stage compares its ledger every night: none, unless it lists them here.

The function exists only where something is listed, in the stage's primary region, and may read exactly what is.
docs/invoices.md tells what each comparison needs and finds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

VENDORS = ("openai", "anthropic", "openrouter", "bedrock", "snowflake_cortex")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PATH = re.compile(r"[A-Za-z0-9!_.'()/-]*")
_NAME = re.compile(r"[A-Za-z0-9!_.'()-]+")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_ACCOUNT = re.compile(r"https://[A-Za-z0-9._-]+\.snowflakecomputing\.com")
_AMOUNT = re.compile(r"\d{1,9}(\.\d{1,9})?")


class InvalidChecks(ValueError):
    """A setting of the invoice checks cannot be deployed; the message names it and what is allowed."""


@dataclass(frozen=True, slots=True)
class BillingExport:
    """A CUR 2.0 Data Export (text/csv, GZIP, daily or hourly), delivered to s3://bucket/prefix/name/ in `region`."""

    bucket: str
    name: str
    prefix: str = ""
    region: str = "us-east-1"

    def __post_init__(self) -> None:
        """Raise InvalidChecks for what IAM would read as a pattern, or S3 refuse."""
        _check("bucket", self.bucket, _BUCKET.fullmatch(self.bucket), "a bucket's name")
        _check("name", self.name, _NAME.fullmatch(self.name), "an export's name, without * and ?")
        _check("prefix", self.prefix, _PATH.fullmatch(self.prefix), "a prefix without * and ?")
        _check("region", self.region, _REGION.fullmatch(self.region), "a region's name")

    @property
    def root(self) -> str:
        """What the keys of the export's objects begin with, without a slash at the end."""
        return "/".join(part for part in (self.prefix.strip("/"), self.name) if part)


@dataclass(frozen=True, slots=True)
class SnowflakeUsage:
    """The account whose views are read; `usd_per_credit` ("3.00") adds AI functions in SQL, which are billed so.

    `with_currency` adds the day's amount; `service_type` is what Snowflake bills Cortex REST calls as, "" the usual.
    """

    base_url: str
    warehouse: str = ""
    role: str = ""
    usd_per_credit: str = ""
    with_currency: bool = False
    service_type: str = ""

    def __post_init__(self) -> None:
        """Raise InvalidChecks for an address that is not Snowflake's, or a rate that is no amount."""
        _check("base_url", self.base_url, _ACCOUNT.fullmatch(self.base_url), "https://<account>.snowflakecomputing.com")
        fits = not self.usd_per_credit or _AMOUNT.fullmatch(self.usd_per_credit)
        _check("usd_per_credit", self.usd_per_credit, fits, "an amount such as 3.00")


@dataclass(frozen=True, slots=True)
class InvoiceChecks:
    """What is compared, and how much drift is too much: `bar_bp` basis points on days of at least `floor_usd`.

    Without `export`, Bedrock is read from Cost Explorer, which knows money and no tokens. `names` maps provider ->
    vendor's name of a model -> the ledger's, where the two would not meet by themselves.
    """

    providers: tuple[str, ...] = ()
    bar_bp: int = 100
    floor_usd: str = "1"
    export: BillingExport | None = None
    snowflake: SnowflakeUsage | None = None
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise InvalidChecks for a combination that would never say anything."""
        known = all(name in VENDORS for name in self.providers) and len(set(self.providers)) == len(self.providers)
        _check("providers", self.providers, known, f"each once, of {', '.join(VENDORS)}")
        _check("bar_bp", self.bar_bp, 0 <= self.bar_bp <= 10_000, "0 to 10000")
        _check("floor_usd", self.floor_usd, _AMOUNT.fullmatch(self.floor_usd), "an amount such as 1.00")
        described = (self.snowflake is not None) == ("snowflake_cortex" in self.providers)
        _check("snowflake", self.snowflake, described, "given exactly when snowflake_cortex is listed")
        _check("export", self.export, self.export is None or "bedrock" in self.providers, "given only with bedrock")

    @property
    def reads_costs(self) -> bool:
        """Whether Cost Explorer is asked."""
        return "bedrock" in self.providers and self.export is None

    def text(self) -> str:
        """Return the JSON text of SLUICE_INVOICES (`sluice.control.invoices.options`)."""
        members: dict[str, Any] = {"providers": self.providers, "bar_bp": self.bar_bp, "floor_usd": self.floor_usd}
        if self.export is not None:
            members["export"] = {name: getattr(self.export, name) for name in ("bucket", "name", "prefix", "region")}
        if self.snowflake is not None:
            kept = ("base_url", "warehouse", "role", "usd_per_credit", "with_currency", "service_type")
            members["snowflake"] = {name: value for name in kept if (value := getattr(self.snowflake, name))}
        if self.names:
            members["names"] = {provider: dict(names) for provider, names in self.names.items()}
        return json.dumps(members, separators=(",", ":"), sort_keys=True)


def _check(setting: str, value: object, holds: object, allowed: str) -> None:
    if not holds:
        raise InvalidChecks(f"Invoice checks: {setting} is {value!r}; it must be {allowed}.")
