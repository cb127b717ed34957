"""Comparisons with invoices in the control plane's HTTP API: recent days of every vendor, or one day model by model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Annotated, Any, Protocol, get_args

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.openapi.params import Query

from sluice.control.invoices.options import Provider
from sluice.control.invoices.statements import day_of
from sluice.errors import BadRequest

PROVIDERS: tuple[str, ...] = get_args(Provider)
DAYS_LIMIT = 92


class InvoiceShelf(Protocol):
    """Where comparisons are read."""

    def day(self, provider: str, day: date) -> list[dict[str, Any]]:
        """Return the cards of one day, the summary first."""

    def summaries(self, providers: Iterable[str], days: Iterable[date]) -> list[dict[str, Any]]:
        """Return the summaries that exist, by provider and then from the latest day on."""


def invoice_routes(app: APIGatewayRestResolver, shelf: InvoiceShelf, now_ms: Callable[[], int]) -> None:
    """Add `GET /admin/invoices`: `provider` and `day` for one day's models, else summaries of the last `days`."""

    @app.get("/admin/invoices")
    def listing(
        provider: Annotated[str | None, Query()] = None,
        day: Annotated[str | None, Query()] = None,
        days: Annotated[int, Query(ge=1, le=DAYS_LIMIT)] = 7,
    ) -> dict[str, Any]:
        if provider is not None and provider not in PROVIDERS:
            raise BadRequest(f"There are no invoices of {provider[:40]!r}. Compared are {', '.join(PROVIDERS)}.")
        asked = _day(day)
        if provider is not None and asked is not None:
            return {"object": "list", "data": shelf.day(provider, asked)}
        today = day_of(now_ms())
        wanted = [asked] if asked is not None else [today - timedelta(days=back) for back in range(1, days + 1)]
        return {"object": "list", "data": shelf.summaries([provider] if provider else PROVIDERS, wanted)}


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"{text[:20]!r} is no day; write it as 2026-11-20.") from None
