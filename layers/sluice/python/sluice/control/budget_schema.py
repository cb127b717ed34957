"""What people may write as a budget or a limit, with an error that names the member and the remedy.

    {"scope": "team:search", "amount": "500.00", "window": "month"}
    {"scope": "tag:env=prod", "amount": "40", "window": {"kind": "day", "time_zone": "Europe/Berlin"}, "hard": false}
    {"scope": "key:*", "requests": 60, "output_tokens": {"per_minute": 20000, "burst": 5000}, "concurrent": 8}

Money is text in US dollars ("12.50"), or a whole number of nano-USD (12500000000), which is what is published. A number
with a decimal point is refused, since not every amount has one.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, field_validator, model_validator

from sluice.governance.windows import zone_named
from sluice.types.budgets import ScopeKind, WindowKind
from sluice.types.clock import NanoUSD

NANO = 1_000_000_000
LARGEST = 10**9 * NANO
"""A billion dollars."""
SHORTEST_ROLLING, LONGEST_ROLLING = 3600, 366 * 86_400
"""Seconds: the sub-windows of an hour have five minutes."""
KINDS_TEXT = "organisation, team, key, user, tag, model, provider or route"
_DOLLARS = re.compile(r"\$?(\d{1,10})(?:\.(\d{1,9}))?")

RuleId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]


def nano_usd(value: object) -> NanoUSD:
    """Return an amount of money as people write it. Raises ValueError."""
    if isinstance(value, str) and (found := _DOLLARS.fullmatch(value.strip())):
        amount = int(found[1]) * NANO + int((found[2] or "").ljust(9, "0"))
    elif isinstance(value, int) and not isinstance(value, bool):
        amount = value
    else:
        raise ValueError("write US dollars as text with at most 9 decimals, such as '12.50', or a whole number of nano")
    if not 0 <= amount <= LARGEST:
        raise ValueError("an amount is from 0 to 1000000000 US dollars")
    return amount


def dollars(amount: NanoUSD) -> str:
    """Return an amount as people read it: "12.50", with as many decimals as it needs, two at least."""
    sign, amount = ("-", -amount) if amount < 0 else ("", amount)
    decimals = f"{amount % NANO:09d}".rstrip("0").ljust(2, "0")
    return f"{sign}{amount // NANO}.{decimals}"


Money = Annotated[int, BeforeValidator(nano_usd)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ScopeModel(_Strict):
    """What is counted; as text "team:search", "team:*", "tag:env=prod", "organisation"."""

    kind: ScopeKind
    value: str = Field(default="*", min_length=1, max_length=256)
    name: str = Field(default="", max_length=64)

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, given: Any) -> Any:
        if not isinstance(given, str):
            return given
        kind, _, value = given.partition(":")
        if kind != "tag":
            return {"kind": kind, "value": value or "*"}
        name, _, value = value.partition("=")
        return {"kind": kind, "name": name, "value": value or "*"}

    @field_validator("kind", mode="before")
    @classmethod
    def _known(cls, kind: object) -> object:
        if kind not in KINDS_TEXT.replace(" or ", ", ").split(", "):
            raise ValueError(f"unknown scope {str(kind)[:64]!r}; a scope is {KINDS_TEXT}")
        return kind

    @model_validator(mode="after")
    def _whole(self) -> ScopeModel:
        if (self.kind == "tag") != bool(self.name):
            raise ValueError("a tag's scope has the tag's name, such as 'tag:env=prod' or 'tag:env'; no other has one")
        if self.kind == "organisation" and self.value != "*":
            raise ValueError("the organisation has no value")
        return self


class WindowModel(_Strict):
    """When counting begins anew; as text "day", "week" or "month"."""

    kind: WindowKind
    time_zone: str = Field(default="UTC", max_length=64)
    seconds: int = Field(default=0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, given: Any) -> Any:
        return {"kind": given} if isinstance(given, str) else given

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        zone_named(name)
        return name

    @model_validator(mode="after")
    def _whole(self) -> WindowModel:
        if self.kind != "rolling" and self.seconds:
            raise ValueError("only a rolling window has seconds")
        if self.kind == "rolling" and not SHORTEST_ROLLING <= self.seconds <= LONGEST_ROLLING:
            raise ValueError(f"a rolling window has {SHORTEST_ROLLING} to {LONGEST_ROLLING} seconds")
        if self.kind == "rolling" and self.time_zone != "UTC":
            raise ValueError("a rolling window has no time zone")
        return self


Share = Annotated[int, Field(ge=0, le=1000)]


class _Shared(_Strict):
    scope: ScopeModel
    strict: bool = False
    shares: dict[Region, Share] = Field(default_factory=dict)
    shards: int = Field(default=1, ge=1, le=100)

    @field_validator("shares")
    @classmethod
    def _at_most_all(cls, shares: dict[str, int]) -> dict[str, int]:
        if sum(shares.values()) > 1000:
            raise ValueError(f"they sum to {sum(shares.values())}; the regions share 1000 parts of a thousand")
        return shares


class BudgetModel(_Shared):
    """A budget; `sluice.types.budgets.Budget` says what the members mean."""

    amount: Money
    window: WindowModel
    hard: bool = True
    grace: Money = 0
    per_request: Money | None = None
    thresholds: list[Annotated[int, Field(ge=1, le=1000)]] = Field(default=[50, 80, 100], max_length=10)
    downgrade: str | None = Field(default=None, min_length=1, max_length=256)
    downgrade_at: int = Field(default=100, ge=0, le=100)
    min_output: int = Field(default=64, ge=1, le=1_000_000)

    @field_validator("thresholds")
    @classmethod
    def _rising(cls, thresholds: list[int]) -> list[int]:
        if thresholds != sorted(set(thresholds)):
            raise ValueError(f"{thresholds} are out of order; per cent of the amount rise, each named once")
        return thresholds

    @model_validator(mode="after")
    def _consistent(self) -> BudgetModel:
        if self.grace and not self.hard:
            raise ValueError("grace is what may be spent beyond a hard cap; this budget is not hard")
        if self.per_request is not None and self.per_request > self.amount + self.grace:
            raise ValueError("per_request is more than the whole budget")
        return self


class RateModel(_Strict):
    """A token bucket; as a number, that many a minute."""

    per_minute: int = Field(ge=1, le=10**12)
    burst: int = Field(default=0, ge=0, le=10**12)

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, given: Any) -> Any:
        return {"per_minute": given} if isinstance(given, int) else given


class LimitModel(_Shared):
    """A limit; `sluice.types.budgets.Limit` says what the members mean."""

    requests: RateModel | None = None
    input_tokens: RateModel | None = None
    output_tokens: RateModel | None = None
    concurrent: int | None = Field(default=None, ge=1, le=1_000_000)

    @model_validator(mode="after")
    def _limits_something(self) -> LimitModel:
        if not (self.requests or self.input_tokens or self.output_tokens or self.concurrent):
            raise ValueError("a limit states requests, input_tokens, output_tokens or concurrent")
        return self


RuleKind = Literal["budgets", "limits"]
