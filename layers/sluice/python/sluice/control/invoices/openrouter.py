"""OpenRouter's activity API.

Source: OpenRouter docs, "Get user activity grouped by endpoint" and the model ActivityItem, read 2026-11. A management
key is required.

`GET /api/v1/activity?date=YYYY-MM-DD` answers with one object per endpoint of the last 30 completed UTC days, all of
them at once: `model` as callers spell it, `usage` in USD (what OpenRouter charges), `byok_usage_inference` (what the
vendor behind charges one's own key, so it is not compared), `prompt_tokens` and `completion_tokens` (reasoning
included). How long figures take is not documented; a day is taken as final 24 hours after its end.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pydantic import BaseModel, Field

from sluice.control.invoices.calls import Caller
from sluice.control.invoices.names import Key, plain
from sluice.control.invoices.statements import Figures, Line, Statement, lines_of

BASE_URL = "https://openrouter.ai/api"


class _Activity(BaseModel):
    date: str
    model: str
    usage: Decimal
    requests: int = Field(ge=0)
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)


class _Answer(BaseModel):
    data: list[_Activity]


class OpenRouter:
    """Asks for one day at a time. `base_url` has no trailing slash."""

    provider = "openrouter"
    lag_hours = 24

    def __init__(self, caller: Caller, *, base_url: str = BASE_URL) -> None:
        self._caller = caller
        self._url = f"{base_url}/v1/activity"

    def key(self, name: str) -> Key:
        """Return what a model's name means here."""
        return plain(name)

    def statement(self, day: date) -> Statement:
        """Return the day's figures. Raises VendorFailed."""
        answer = self._caller.get(self._url, [("date", day.isoformat())], _Answer)
        # The date may carry a time of day; a vendor that passes over the parameter must not add up a month.
        items = [item for item in answer.data if item.date[:10] == day.isoformat()]
        costs: dict[str, Decimal] = {}
        for item in items:
            costs[item.model] = costs.get(item.model, Decimal(0)) + item.usage
        tokens = [
            Line(item.model, Figures(None, item.prompt_tokens, item.completion_tokens, item.requests)) for item in items
        ]
        return Statement(self.provider, day, lines_of(costs, tokens))
