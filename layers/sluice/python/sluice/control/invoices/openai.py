"""OpenAI's organisation usage and costs APIs.

Source: OpenAI API reference, "Usage" and "Costs" under Administration, and the types of the vendor's own SDK (openai
3.3), read 2026-11. An admin key (`sk-admin-...`, made by an organisation owner) is required; ordinary keys get 401.

* `GET /v1/organization/usage/<what>`: `start_time` inclusive and `end_time` exclusive in Unix seconds, `bucket_width`
  1d in UTC, `group_by[]=model`, `page` from the last `next_page` while `has_more`. "completions" counts Chat, Responses
  and Completions; `input_tokens` includes cached and cache-write tokens, so it is the whole prompt.
* `GET /v1/organization/costs`: `bucket_width` 1d only, `group_by[]=line_item`; `amount.value` in `amount.currency`
  ("usd"). A line item is the model, a comma and what is billed ("gpt-6-astra, input_tokens"), or the name of a tool.

How long figures take is not documented; a day is taken as final 24 hours after its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from pydantic import BaseModel, Field

from sluice.control.invoices.calls import Caller, Page, pages
from sluice.control.invoices.names import Key, plain
from sluice.control.invoices.statements import Figures, Line, Statement, VendorFailed, bounds, lines_of

BASE_URL = "https://api.openai.com"
USAGES = ("completions", "embeddings", "moderations", "images", "audio_speeches", "audio_transcriptions")


class _Usage(BaseModel):
    model: str | None = None
    # Pictures, speech and transcription are counted in units of their own, so they state no tokens.
    input_tokens: int | None = Field(default=None, ge=0)
    output_tokens: int | None = Field(default=None, ge=0)
    num_model_requests: int = Field(default=0, ge=0)


class _Amount(BaseModel):
    value: Decimal
    currency: str


class _Cost(BaseModel):
    line_item: str | None = None
    amount: _Amount


class _UsageBucket(BaseModel):
    start_time: int
    results: list[_Usage]


class _CostBucket(BaseModel):
    start_time: int
    results: list[_Cost]


class _UsagePage(Page):
    data: list[_UsageBucket]


class _CostPage(Page):
    data: list[_CostBucket]


class OpenAI:
    """Asks for one day at a time. `base_url` has no trailing slash."""

    provider = "openai"
    lag_hours = 24

    def __init__(self, caller: Caller, *, base_url: str = BASE_URL) -> None:
        self._caller = caller
        self._base = f"{base_url}/v1/organization"

    def key(self, name: str) -> Key:
        """Return what a model's name means here."""
        return plain(name)

    def statement(self, day: date) -> Statement:
        """Return the day's figures. Raises VendorFailed."""
        tokens = [line for what in USAGES for line in self._usage(what, day)]
        costs: dict[str, Decimal] = {}
        for name, amount in self._costs(day):
            costs[name] = costs.get(name, Decimal(0)) + amount
        return Statement(self.provider, day, lines_of(costs, tokens))

    def _usage(self, what: str, day: date) -> Iterator[Line]:
        start, end = (int(moment.timestamp()) for moment in bounds(day))
        params = [*_span(start, end), ("group_by[]", "model")]
        for page in pages(self._caller, f"{self._base}/usage/{what}", params, _UsagePage):
            for bucket in page.data:
                if start <= bucket.start_time < end:
                    for result in bucket.results:
                        figures = Figures(None, result.input_tokens, result.output_tokens, result.num_model_requests)
                        yield Line(result.model or "", figures)

    def _costs(self, day: date) -> Iterator[tuple[str, Decimal]]:
        start, end = (int(moment.timestamp()) for moment in bounds(day))
        params = [*_span(start, end), ("group_by[]", "line_item")]
        for page in pages(self._caller, f"{self._base}/costs", params, _CostPage):
            for bucket in page.data:
                if start <= bucket.start_time < end:
                    for result in bucket.results:
                        if result.amount.currency.lower() != "usd":
                            raise VendorFailed(self.provider, "malformed", "its costs are not in USD.")
                        yield (result.line_item or "").partition(",")[0].strip(), result.amount.value


def _span(start: int, end: int) -> list[tuple[str, str]]:
    return [("start_time", str(start)), ("end_time", str(end)), ("bucket_width", "1d"), ("limit", "1")]
