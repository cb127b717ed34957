"""The admin API's part for the audit log: records of a time, filtered, page by page."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Literal, Protocol

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sluice.aws.admin_access import actor_of
from sluice.control.access import reach
from sluice.errors import BadRequest
from sluice.types.audit import Change

PAGE = 100
MOST = 500
LOOKED_AT = 3000
"""Records that one page looks through for those that its filter lets pass: the answer must be there within 29 s."""
Record = Mapping[str, Any]
_CURSOR = re.compile(r"(\d{4}-\d\d-\d\d)/([a-z0-9-]{1,32})/(\d{1,10})", re.ASCII)


class AuditLog(Protocol):
    """Where changes are recorded and read."""

    def record(self, change: Change) -> None:
        """Record a change that is about to be made."""

    def days(self, region: str) -> list[str]:
        """Return the days with records of a region, the oldest first."""

    def records(self, region: str, day: str, *, after: int = 0, before: int = 0) -> Iterator[dict[str, Any]]:
        """Yield a day's records: upwards behind number `after`, or downwards below `before`."""


class Asked(BaseModel):
    """The query; days are UTC, `last` is included, `after` is what an earlier page gave as `next`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first: str | None = Field(default=None, alias="from")
    last: str | None = Field(default=None, alias="to")
    region: str | None = None
    action: str = ""
    actor: str = ""
    subject: str = ""
    team: str | None = None
    order: Literal["asc", "desc"] = "desc"
    limit: int = Field(default=PAGE, ge=1, le=MOST)
    after: str = ""


def audit_routes(app: APIGatewayRestResolver, log: AuditLog, regions: Sequence[str], now_ms: Callable[[], int]) -> None:
    """Add GET /admin/audit: the latest first (`order=asc`: the oldest), by day, region and number."""

    @app.get("/admin/audit")
    def listing() -> dict[str, Any]:
        asked = _asked(app.current_event.query_string_parameters or {})
        if asked.region is not None and asked.region not in regions:
            raise BadRequest(f"There is no region {asked.region[:32]!r} here. Regions are {', '.join(regions)}.")
        asked = asked.model_copy(update={"team": reach(actor_of(app), asked.team)})
        today = time.strftime("%Y-%m-%d", time.gmtime(now_ms() / 1000))
        first, last = _day(asked.first) or "", _day(asked.last) or today
        backwards = asked.order == "desc"
        places = _places(log, [asked.region] if asked.region else regions, first, last, backwards)
        page, following = _page(_from(log, places, backwards, asked.after), asked)
        return {"object": "list", "data": page, "next": following}


def _asked(query: Mapping[str, str]) -> Asked:
    try:
        return Asked.model_validate(query)
    except ValidationError as error:
        fault = error.errors()[0]
        raise BadRequest(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}.") from None


def _page(found: Iterator[Record], asked: Asked) -> tuple[list[Record], str | None]:
    """Return the records that fit and, where there may be more, the place of the last one that was looked at."""
    page: list[Record] = []
    seen = ""
    for number, record in enumerate(found):
        if len(page) == asked.limit or number == LOOKED_AT:
            return page, seen
        seen = f"{record['day']}/{record['region']}/{record['number']}"
        if _fits(record, asked):
            page.append(record)
    return page, None


def _places(log: AuditLog, regions: Sequence[str], first: str, last: str, backwards: bool) -> list[tuple[str, str]]:
    found = [(day, region) for region in sorted(regions) for day in log.days(region) if first <= day <= last]
    return sorted(found, reverse=backwards)


def _from(log: AuditLog, places: Sequence[tuple[str, str]], backwards: bool, after: str) -> Iterator[Record]:
    """Yield the records of all places from where the page before ended."""
    place, number = _cursor(after)
    if place is not None:
        places = [each for each in places if (each <= place if backwards else each >= place)]
    for day, region in places:
        begins = number if (day, region) == place else 0
        if not backwards:
            yield from log.records(region, day, after=begins)
        elif begins != 1:
            yield from log.records(region, day, before=begins or 10**10 - 1)


def _cursor(text: str) -> tuple[tuple[str, str] | None, int]:
    if not text:
        return None, 0
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise BadRequest("after is not what an earlier page gave as next.", param="after")
    return (found[1], found[2]), int(found[3])


def _fits(record: Record, asked: Asked) -> bool:
    """Actions and subjects are told by how they begin, the actor by its id or name, the team whole."""
    actor = record.get("actor") or {}
    return (
        str(record["action"]).startswith(asked.action)
        and str(record["subject"]).startswith(asked.subject)
        and (not asked.team or record["team"] == asked.team)
        and (not asked.actor or asked.actor in (actor.get("id"), actor.get("name")))
    )


def _day(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise BadRequest(f"{text[:20]!r} is no day; write it as 2026-11-20.") from None


def noted(log: AuditLog | None, change: Change) -> None:
    """Record a change that is not one transaction with its record: the record comes first."""
    if log is not None:
        log.record(change)
