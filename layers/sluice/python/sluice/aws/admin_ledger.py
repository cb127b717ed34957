"""The admin API's part for the ledger: its partitions, their rows page by page, and costing history again.

The ledger is regional: an export of a deployment of several regions is one of each.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from pydantic import BaseModel, ConfigDict, Field

from sluice.aws.admin_access import actor_of
from sluice.aws.admin_audit import AuditLog, noted
from sluice.aws.stores.ledger import DynamoLedgerStore, sort_key
from sluice.control.access import reach
from sluice.control.costing import correction, recost
from sluice.control.focus import rows
from sluice.errors import BadRequest
from sluice.metering.partitions import partitions
from sluice.providers.registry import Registry
from sluice.types.audit import Change
from sluice.types.routes import Configuration

EXPORT_PAGE = 1000
"""Rows of a page: with 2 KB each they stay far below the 6 MB of an answer."""
RECOST_PAGE = 200
"""Entries of a page: each costs up to two calls, and the answer must be there within 29 s."""


class WantedRecost(BaseModel):
    """One page of costing again: `prices` are written as those of a custom model in the configuration."""

    model_config = ConfigDict(extra="forbid")

    partition: str = Field(min_length=1, max_length=128)
    model: str = Field(min_length=3, max_length=300, pattern=r"^[^/]+/.+$")
    prices: list[dict[str, Any]] = Field(min_length=1, max_length=100)
    after: str = Field(default="", max_length=256)


def ledger_routes(
    app: APIGatewayRestResolver,
    ledger: DynamoLedgerStore,
    teams: Callable[[], Iterable[str]],
    account: str,
    *,
    live: Callable[[], Configuration] = lambda: Configuration(""),
    audit: AuditLog | None = None,
) -> None:
    """Add the endpoints under /admin/ledger; `account` is the billing account of the rows."""

    @app.get("/admin/ledger/partitions")
    def listing(
        start: Annotated[str, Query(alias="from")], end: Annotated[str, Query(alias="to")], team: str = ""
    ) -> dict[str, Any]:
        try:
            whose = reach(actor_of(app), team)
            found = list(partitions([whose] if whose else teams(), start, end))
        except ValueError as error:
            raise BadRequest(str(error), param="from") from None
        return {"object": "list", "data": found}

    @app.get("/admin/ledger/rows")
    def export(partition: Annotated[str, Query()], after: str = "") -> dict[str, Any]:
        # The version in front of the first row of a page belongs to the page before: only the entry's own are split.
        reach(actor_of(app), partition.partition("#")[0])
        page = list(itertools.islice(ledger.partition(partition, after), EXPORT_PAGE + 1))
        more = len(page) > EXPORT_PAGE
        page = page[:EXPORT_PAGE]
        while more and len(page) > 1 and page[-1].request_id == page[-2].request_id:
            page.pop()
        if more and len(page) > 1:
            page.pop()
        return {
            "object": "list",
            "data": list(rows(page, account)),
            "next": sort_key(page[-1]) if more else None,
        }

    @app.post("/admin/ledger/recost")
    def again(wanted: Annotated[WantedRecost, Body()]) -> dict[str, Any]:
        corrected = correction(wanted.model, wanted.prices, live(), _quirks(wanted.model))
        noted(audit, Change("ledger.recost", f"ledger/{wanted.partition}", actor_of(app), after=wanted.model_dump()))
        page = list(itertools.islice(ledger.partition(wanted.partition, wanted.after), RECOST_PAGE))
        found = asdict(recost(page, ledger, corrected))
        following = sort_key(page[-1]) if len(page) == RECOST_PAGE else None
        return {**found, "price_version": corrected.version, "next": following}


def _quirks(name: str) -> Mapping[str, object]:
    """Return what is declared of a model of the catalogue: where it is dearer, for one."""
    found = Registry().resolve(name)
    return found[0][1].quirks if found else {}
