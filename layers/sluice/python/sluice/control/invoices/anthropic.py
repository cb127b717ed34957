"""Anthropic's usage and cost reports (Admin API).

Source: Claude Platform docs, "Usage and Cost API", "Get Messages Usage Report" and "Get Cost Report", read 2026-11. An
Admin API key (`sk-ant-admin...`) is required; it exists for organisations only, not for individual accounts.

* `GET /v1/organizations/usage_report/messages`: `starting_at` and `ending_at` in RFC 3339, buckets of 1d in UTC,
  `group_by[]=model`, `page` from `next_page` while `has_more`. Input comes in disjoint classes: uncached, read from the
  cache, written to it for 5 minutes or an hour.
* `GET /v1/organizations/cost_report`: `bucket_width` 1d only, `group_by[]=description`, which also names the model;
  `amount` is a decimal text in cents ("123.45" is $1.23), always USD. Priority Tier is not in it, code execution is.

"Usage and cost data typically appears within 5 minutes", sometimes later; a day is taken as final 24 hours after its
end. One request a minute is asked for in continuous use, bursts for paging are fine. The cost report names no requests.
The Usage and Cost Analytics API (beta analytics-usage-cost-2026-08-24) is to replace both reports in time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

from pydantic import AwareDatetime, BaseModel, Field

from sluice.control.invoices.calls import Caller, Page, pages
from sluice.control.invoices.names import Key, plain
from sluice.control.invoices.statements import Figures, Line, Statement, VendorFailed, bounds, lines_of

BASE_URL = "https://api.anthropic.com"
VERSION = "2023-06-01"


class _Creation(BaseModel):
    ephemeral_1h_input_tokens: int = Field(default=0, ge=0)
    ephemeral_5m_input_tokens: int = Field(default=0, ge=0)


class _Usage(BaseModel):
    model: str | None = None
    uncached_input_tokens: int = Field(ge=0)
    cache_read_input_tokens: int = Field(default=0, ge=0)
    cache_creation: _Creation = Field(default_factory=_Creation)
    output_tokens: int = Field(ge=0)

    @property
    def prompt(self) -> int:
        written = self.cache_creation.ephemeral_1h_input_tokens + self.cache_creation.ephemeral_5m_input_tokens
        return self.uncached_input_tokens + self.cache_read_input_tokens + written


class _Cost(BaseModel):
    amount: Decimal
    currency: str = "USD"
    description: str | None = None
    model: str | None = None


class _UsageBucket(BaseModel):
    starting_at: AwareDatetime
    results: list[_Usage]


class _CostBucket(BaseModel):
    starting_at: AwareDatetime
    results: list[_Cost]


class _UsagePage(Page):
    data: list[_UsageBucket]


class _CostPage(Page):
    data: list[_CostBucket]


class Anthropic:
    """Asks for one day at a time. `base_url` has no trailing slash."""

    provider = "anthropic"
    lag_hours = 24

    def __init__(self, caller: Caller, *, base_url: str = BASE_URL) -> None:
        self._caller = caller
        self._base = f"{base_url}/v1/organizations"

    def key(self, name: str) -> Key:
        """Return what a model's name means here."""
        return plain(name)

    def statement(self, day: date) -> Statement:
        """Return the day's figures. Raises VendorFailed."""
        costs: dict[str, Decimal] = {}
        for name, dollars in self._costs(day):
            costs[name] = costs.get(name, Decimal(0)) + dollars
        states = frozenset({"cost", "input", "output"})
        return Statement(self.provider, day, lines_of(costs, self._usage(day)), states)

    def _usage(self, day: date) -> Iterator[Line]:
        url = f"{self._base}/usage_report/messages"
        for page in pages(self._caller, url, _span(day, "model"), _UsagePage):
            for bucket in page.data:
                for used in bucket.results if _within(bucket.starting_at, day) else ():
                    written = (
                        used.cache_creation.ephemeral_1h_input_tokens + used.cache_creation.ephemeral_5m_input_tokens
                    )
                    prompt = used.uncached_input_tokens + used.cache_read_input_tokens + written
                    yield Line(used.model or "", Figures(None, prompt, used.output_tokens))

    def _costs(self, day: date) -> Iterator[tuple[str, Decimal]]:
        for page in pages(self._caller, f"{self._base}/cost_report", _span(day, "description"), _CostPage):
            for bucket in page.data:
                for item in bucket.results if _within(bucket.starting_at, day) else ():
                    if item.currency.upper() != "USD":
                        raise VendorFailed(self.provider, "malformed", "its costs are not in USD.")
                    yield item.model or item.description or "", item.amount / 100


def _span(day: date, group: str) -> list[tuple[str, str]]:
    start, end = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in bounds(day))
    return [
        ("starting_at", start),
        ("ending_at", end),
        ("bucket_width", "1d"),
        ("limit", "1"),
        ("group_by[]", group),
    ]


def _within(moment: datetime, day: date) -> bool:
    start, end = bounds(day)
    return start <= moment < end
