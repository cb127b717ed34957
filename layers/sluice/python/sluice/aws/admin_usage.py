"""The admin API's part for usage: of the whole organisation or of any team."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from sluice.aws.admin_access import actor_of
from sluice.control.access import reach
from sluice.ports import UsageReader
from sluice.usage_reports import answer


def usage_routes(app: APIGatewayRestResolver, usage: UsageReader, now_ms: Callable[[], int]) -> None:
    """Add GET /admin/usage; its query is that of `sluice.usage_reports`."""

    @app.get("/admin/usage")
    def show() -> Response[Any]:
        query = dict(app.current_event.query_string_parameters or {})
        team = reach(actor_of(app), query.get("team"))
        query |= {"team": team} if team else {}
        kind, body = answer(query, usage, now_ms() / 1000)
        return Response(200, kind, body)
