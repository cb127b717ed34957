"""Which scope each endpoint of the control plane needs, and who the actor of a request is.

One table, so that an endpoint without a scope is no endpoint: a request that no row fits is refused before it is
routed, and a test holds the table to the router.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from aws_lambda_powertools.event_handler import APIGatewayRestResolver

from sluice.control.access import administers, require, require_whole, title
from sluice.errors import PermissionDenied
from sluice.types.audit import Actor
from sluice.types.tenancy import Caller

ACTOR = "actor"


class Access(NamedTuple):
    """One endpoint; `<name>` in its path is any segment. `by_team`: a bound actor reaches its own team's part of it."""

    method: str
    path: str
    scope: str
    by_team: bool = False


ACCESS = (
    Access("GET", "/admin/keys", "keys:read", by_team=True),
    Access("POST", "/admin/keys", "keys:write", by_team=True),
    Access("DELETE", "/admin/keys/<key_id>", "keys:write", by_team=True),
    Access("POST", "/admin/keys/<key_id>/rotate", "keys:write", by_team=True),
    Access("GET", "/admin/configuration", "config:read"),
    Access("GET", "/admin/configuration/versions/<version>", "config:read"),
    Access("GET", "/admin/configuration/diff", "config:read"),
    Access("POST", "/admin/configuration/versions", "config:write"),
    Access("POST", "/admin/configuration/versions/<version>/promote", "config:write"),
    Access("POST", "/admin/configuration/rollback", "config:write"),
    Access("GET", "/admin/budgets", "budgets:read", by_team=True),
    Access("GET", "/admin/budgets/<rule_id>", "budgets:read", by_team=True),
    Access("GET", "/admin/budgets/<rule_id>/status", "budgets:read", by_team=True),
    Access("PUT", "/admin/budgets/<rule_id>", "budgets:write", by_team=True),
    Access("DELETE", "/admin/budgets/<rule_id>", "budgets:write", by_team=True),
    Access("GET", "/admin/limits", "budgets:read", by_team=True),
    Access("GET", "/admin/limits/<rule_id>", "budgets:read", by_team=True),
    Access("PUT", "/admin/limits/<rule_id>", "budgets:write", by_team=True),
    Access("DELETE", "/admin/limits/<rule_id>", "budgets:write", by_team=True),
    Access("GET", "/admin/usage", "usage:read", by_team=True),
    Access("GET", "/admin/invoices", "usage:read"),
    Access("GET", "/admin/ledger/partitions", "usage:read", by_team=True),
    Access("GET", "/admin/ledger/rows", "usage:read", by_team=True),
    Access("POST", "/admin/ledger/recost", "ledger:write"),
    Access("GET", "/admin/audit", "audit:read", by_team=True),
    Access("POST", "/admin/users/days", "users:read", by_team=True),
    Access("POST", "/admin/users/entries", "users:read", by_team=True),
    Access("POST", "/admin/users/erase", "users:write", by_team=True),
    Access("POST", "/admin/users/forget", "users:write", by_team=True),
)
_PATTERNS = tuple((each, re.compile(re.sub(r"<\w+>", "[^/]+", each.path))) for each in ACCESS)


def access_of(method: str, path: str) -> Access | None:
    """Return the row of a request, None where there is no such endpoint."""
    path = path.rstrip("/")  # the router passes over slashes at the end
    return next((each for each, pattern in _PATTERNS if each.method == method and pattern.fullmatch(path)), None)


def permit(actor: Actor, method: str, path: str) -> None:
    """Raise PermissionDenied when the actor may not do this; a stranger to all administration learns no more."""
    if not administers(actor.scopes):
        raise PermissionDenied(
            f"{title(actor)} has no 'admin' scope and none for a part of the administration; use one that has.",
            code="missing_scope",
        )
    found = access_of(method, path)
    # What no row knows needs everything there is, should the router know it after all.
    needed, what = ("admin", "an endpoint of this name") if found is None else (found.scope, f"{method} {found.path}")
    require(actor, needed, what)
    if found is None or not found.by_team:
        require_whole(actor, what)


def actor_from(caller: Caller, principal: str, event: Mapping[str, Any]) -> Actor:
    """Return the actor of a request, with where it came from."""
    about = event.get("requestContext") or {}
    identity = about.get("identity") or {}
    return Actor(
        kind="iam" if principal else "key",
        id=principal or caller.key.id,
        team=caller.team,
        scopes=caller.key.scopes,
        team_bound=caller.key.team_bound,
        name="" if principal else caller.key.name,
        source_ip=str(identity.get("sourceIp") or ""),
        user_agent=str(identity.get("userAgent") or "")[:256],
        request_id=str(about.get("requestId") or ""),
    )


def actor_of(app: APIGatewayRestResolver) -> Actor:
    """Return the actor of the request that is being served."""
    actor: Actor = app.context[ACTOR]
    return actor
