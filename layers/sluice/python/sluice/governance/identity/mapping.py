"""What a token's claims make of its bearer: team, user and tags, by the first rule that fits."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sluice.errors import PermissionDenied
from sluice.types.identity import ClaimRule, Grant, Issuer
from sluice.types.tenancy import Caller, VirtualKey

Claims = Mapping[str, object]
Wanted = tuple[tuple[str, tuple[str, ...]], ...]
TEAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
RESERVED_TEAMS = ("unauthenticated",)
USER_LONGEST = 512
TAG_LONGEST = 128


def caller_of(issuer: Issuer, claims: Claims) -> Caller:
    """Return the caller that a verified token stands for. Raises PermissionDenied."""
    missing = [name for name, values in issuer.required if not holds(claims, ((name, values),))]
    if missing:
        raise PermissionDenied(
            f"A token of issuer {issuer.name!r} needs a certain value of the claim {missing[0][:64]!r} here; ask "
            "whoever runs this gateway.",
            code="claim_missing",
        )
    rule = next((rule for rule in issuer.rules if holds(claims, rule.when)), None)
    if rule is None:
        raise PermissionDenied(
            f"No rule of issuer {issuer.name!r} gives this token a team; ask whoever runs this gateway for one.",
            code="no_team",
        )
    team = rule.grant.team or _team(issuer, rule, claims)
    tags = [*rule.grant.tags]
    tags += [(name, text[:TAG_LONGEST]) for name, claim in rule.tag_claims if (text := _text(claims, claim))]
    return caller(f"oidc:{issuer.name}", team, rule.grant, tuple(tags), _text(claims, rule.user_claim)[:USER_LONGEST])


def caller(key_id: str, team: str, grant: Grant, tags: tuple[tuple[str, str], ...], user: str) -> Caller:
    """Return a caller without a virtual key; `key_id` stands in the ledger where a key's id would."""
    key = VirtualKey(
        id=key_id,
        team=team,
        name=key_id,
        digest="",
        models=grant.models,
        scopes=grant.scopes,
        team_bound=grant.team_bound,
    )
    return Caller(key, tags, user=user)


def holds(claims: Claims, wanted: Wanted) -> bool:
    """Return whether each claim has one of its wanted values."""
    return all(not {*_values(claims, name)}.isdisjoint(values) for name, values in wanted)


def _team(issuer: Issuer, rule: ClaimRule, claims: Claims) -> str:
    team = _text(claims, rule.team_claim)
    if not TEAM.fullmatch(team) or team in RESERVED_TEAMS:
        raise PermissionDenied(
            f"The claim {rule.team_claim[:64]!r} of this token of issuer {issuer.name!r} names no team: a name has "
            "up to 64 letters, digits, '.', '_' and '-'.",
            code="no_team",
        )
    return team


def _values(claims: Claims, name: str) -> list[str]:
    found = _claim(claims, name)
    return [text for each in (found if isinstance(found, list) else [found]) if (text := _plain(each)) is not None]


def _text(claims: Claims, name: str) -> str:
    """Return a claim of one value as text, "" for one that is missing, or a list or an object."""
    return (_plain(_claim(claims, name)) or "") if name else ""


def _claim(claims: Claims, name: str) -> object:
    """Return a claim: by its whole name ("https://example.com/team"), else by a path into objects ("realm.roles")."""
    if name in claims:
        return claims[name]
    value: object = claims
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _plain(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    # Half a surrogate pair can stand in JSON, and nowhere that the text goes to.
    return str(value).encode("utf-8", "replace").decode() if isinstance(value, str | int) else None
