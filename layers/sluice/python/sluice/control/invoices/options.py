"""Which vendors a deployment asks, and what is no secret about asking them; written by the CDK app as one JSON text."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from sluice.control.invoices.snowflake import SERVICE

BAR_BP = 100
FLOOR_USD = Decimal("1")

Account = Annotated[str, StringConstraints(pattern=r"^https://[A-Za-z0-9._-]+\.snowflakecomputing\.com$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_$.\"-]*$", max_length=255)]
Provider = Literal["openai", "anthropic", "openrouter", "bedrock", "snowflake_cortex"]


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Export(_Options):
    """Where a CUR 2.0 export is delivered: s3://bucket/prefix/name/."""

    bucket: str
    prefix: str = ""
    name: str
    region: str = "us-east-1"


class Snowflake(_Options):
    """How to ask Snowflake; see `snowflake.SnowflakeCortex`."""

    base_url: Account
    warehouse: Identifier = ""
    role: Identifier = ""
    usd_per_credit: Decimal | None = Field(default=None, gt=0)
    with_currency: bool = False
    service_type: Annotated[str, StringConstraints(pattern=r"^[A-Z_]{1,64}$")] = SERVICE


class InvoiceOptions(_Options):
    """Drift above `bar_bp` basis points counts as too much on days on which at least `floor_usd` was spent.

    Without `export`, Bedrock is read from Cost Explorer. `names` maps provider -> vendor's name -> ledger's.
    """

    providers: tuple[Provider, ...] = ()
    bar_bp: int = Field(default=BAR_BP, ge=0, le=10_000)
    floor_usd: Decimal = Field(default=FLOOR_USD, ge=0)
    export: Export | None = None
    snowflake: Snowflake | None = None
    names: dict[str, dict[str, str]] = Field(default_factory=dict)


def options_from(text: str) -> InvoiceOptions:
    """Return the options of SLUICE_INVOICES, none for "". Raises pydantic.ValidationError."""
    return InvoiceOptions.model_validate_json(text or "{}")
