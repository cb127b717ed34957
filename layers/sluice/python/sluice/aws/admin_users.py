"""The admin API's part for end users: what is kept of one, and taking it away, a page of the ledger at a time.

The ledger is regional: each region of a stage is asked for its own.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.openapi.params import Body
from pydantic import BaseModel, ConfigDict, Field

from sluice.aws.admin_access import actor_of
from sluice.aws.admin_audit import AuditLog, noted
from sluice.aws.stores.ledger import DynamoLedgerStore, sort_key
from sluice.aws.stores.responses import DynamoResponseStore
from sluice.aws.stores.usage import DynamoUsageStore
from sluice.control.access import reach
from sluice.control.end_users import days_with, entries_of, erase, forget, partitions_of
from sluice.control.focus import rows
from sluice.errors import BadRequest
from sluice.governance.end_user import LONGEST
from sluice.types.audit import Actor, Change
from sluice.types.tenancy import label

PAGE = 300
"""Entries that are looked through for one answer; each of the user's own is one write, and 29 s are allowed."""
DAY = 86_400


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    user: str = Field(min_length=1, max_length=LONGEST)


class WantedDays(_Asked):
    """Whose days."""

    team: str = Field(min_length=1, max_length=64)


class WantedPage(_Asked):
    """A page of one partition."""

    partition: str = Field(min_length=1, max_length=128, pattern=r"^[^#]+#\d{4}-\d\d-\d\d#\d{1,2}$")
    after: str = Field(default="", max_length=256)


class WantedCells(WantedDays):
    """Cells of some days."""

    days: list[Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]] = Field(min_length=1, max_length=20)


def user_routes(
    app: APIGatewayRestResolver,
    ledger: DynamoLedgerStore,
    usage: DynamoUsageStore,
    responses: DynamoResponseStore,
    *,
    region: str,
    regions: Sequence[str],
    ledger_days: int,
    account: str,
    now_ms: Callable[[], int],
    audit: AuditLog | None = None,
) -> None:
    """Add the endpoints under /admin/users; `ledger_days` is how long entries are kept."""

    @app.post("/admin/users/days")
    def days(wanted: Annotated[WantedDays, Body()]) -> dict[str, Any]:
        whose = reach(actor_of(app), wanted.team) or wanted.team
        now = now_ms() // 1000
        span = [time.strftime("%Y-%m-%d", time.gmtime(now - DAY * back)) for back in range(ledger_days, -1, -1)]
        found = days_with(wanted.user, whose, span, regions, usage)
        return {
            "region": region,
            "days": found,
            "partitions": partitions_of(whose, found),
            "responses": responses.of_user(whose, wanted.user),
        }

    @app.post("/admin/users/entries")
    def entries(wanted: Annotated[WantedPage, Body()]) -> dict[str, Any]:
        page, following = _page(actor_of(app), ledger, wanted)
        return {"object": "list", "data": list(rows(entries_of(wanted.user, page), account)), "next": following}

    @app.post("/admin/users/erase")
    def erased(wanted: Annotated[WantedPage, Body()]) -> dict[str, Any]:
        page, following = _page(actor_of(app), ledger, wanted)
        mine = entries_of(wanted.user, page)
        if mine:
            change = Change(
                "users.erase",
                f"users/{label(wanted.user)}",
                actor_of(app),
                team=wanted.partition.partition("#")[0],
                after={"partition": wanted.partition, "entries": len(mine)},
            )
            noted(audit, change)
        return {"seen": len(page), "erased": erase(wanted.user, mine, ledger), "next": following}

    @app.post("/admin/users/forget")
    def forgotten(wanted: Annotated[WantedCells, Body()]) -> dict[str, Any]:
        whose = reach(actor_of(app), wanted.team) or wanted.team
        subject = f"users/{label(wanted.user)}"
        noted(audit, Change("users.forget", subject, actor_of(app), team=whose, after={"days": wanted.days}))
        gone = responses.forget(whose, wanted.user)
        deleted, left = forget(wanted.user, whose, wanted.days, region, usage)
        return {"deleted": deleted, "left": left, "responses": gone}


def _page(actor: Actor, ledger: DynamoLedgerStore, wanted: WantedPage) -> tuple[list[Any], str | None]:
    """Return a page of a partition that the actor reaches, and what the next one begins after."""
    team = wanted.partition.partition("#")[0]
    if (reach(actor, team) or team) != team:
        raise BadRequest("The partition is of another team.", param="partition")
    page = list(itertools.islice(ledger.partition(wanted.partition, wanted.after), PAGE))
    return page, sort_key(page[-1]) if len(page) == PAGE else None
