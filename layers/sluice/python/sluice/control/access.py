"""What an administrator may do: scopes, and for some their own team alone.

"admin" stands for every scope but "inference", and a write scope for its read. Nobody gives away what they do not have:
a new key's scopes are among those of its maker, and a bound administrator's keys are bound as well.
"""

from __future__ import annotations

from collections.abc import Iterable

from sluice.errors import PermissionDenied
from sluice.types.audit import Actor
from sluice.types.tenancy import SCOPES

ADMINISTRATION = tuple(scope for scope in SCOPES if scope != "inference")


def holds(scopes: Iterable[str], wanted: str) -> bool:
    """Return whether scopes include a wanted one."""
    held = set(scopes)
    if wanted in held or (wanted != "inference" and "admin" in held):
        return True
    kind, _, verb = wanted.partition(":")
    return verb == "read" and f"{kind}:write" in held


def administers(scopes: Iterable[str]) -> bool:
    """Return whether scopes let anything be administered."""
    return not set(ADMINISTRATION).isdisjoint(scopes)


def require(actor: Actor, scope: str, what: str) -> None:
    """Raise PermissionDenied unless the actor has the scope."""
    if not holds(actor.scopes, scope):
        raise PermissionDenied(
            f"{title(actor)} has no {scope!r} scope, which {what} needs; use one that was given it.",
            code="missing_scope",
        )


def require_whole(actor: Actor, what: str) -> None:
    """Raise PermissionDenied for an actor whose administration ends at its own team."""
    if actor.team_bound:
        raise PermissionDenied(
            f"{title(actor)} is bound to team {actor.team}; {what} concerns the whole organisation.", code="team_bound"
        )


def reach(actor: Actor, team: str | None) -> str | None:
    """Return the team asked for, or a bound actor's own. Raises PermissionDenied for another one's."""
    if not actor.team_bound:
        return team
    if team not in (None, "", actor.team):
        raise PermissionDenied(
            f"{title(actor)} is bound to team {actor.team} and can neither see nor change team {str(team)[:64]}.",
            code="team_bound",
        )
    return actor.team


def require_grantable(actor: Actor, scopes: Iterable[str]) -> None:
    """Raise PermissionDenied when scopes hold one that the actor cannot give or take: one that it does not have."""
    missing = [scope for scope in scopes if scope != "inference" and not holds(actor.scopes, scope)]
    if missing:
        raise PermissionDenied(
            f"{title(actor)} has no {missing[0]!r} scope itself, so it can neither give nor take it.",
            code="missing_scope",
        )


def title(actor: Actor) -> str:
    """Return an actor as errors name it."""
    return f"API key {actor.id}" if actor.kind == "key" else f"{actor.kind} {actor.id[:256]}"
