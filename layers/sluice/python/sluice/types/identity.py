"""Who may call without a virtual key, as a configuration says: bearers of OIDC tokens and AWS principals."""

from __future__ import annotations

from dataclasses import dataclass

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""Signatures that can be pinned (RFC 7518, section 3.1; RFC 8037). Secret-key ones and "none" do not exist here."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a matching caller may do: for which team, as which user, with which tags, with which models.

    `models` are patterns as in a virtual key. `scopes` are those of `sluice.types.tenancy`; a bound caller's
    administration reaches its own team alone.
    """

    team: str = ""
    models: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ("inference",)
    team_bound: bool = False
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ClaimRule:
    """One mapping of a token's claims; the first rule whose `when` holds applies.

    `when` lists claims and the values of which one must be there; a claim that is a list holds each of its members. A
    dotted name leads into an object. `team_claim` names the claim that holds the team, where the grant names none;
    `user_claim` the end user's, `tag_claims` tags and the claims of their values.
    """

    grant: Grant
    when: tuple[tuple[str, tuple[str, ...]], ...] = ()
    team_claim: str = ""
    user_claim: str = "sub"
    tag_claims: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs tokens. `clock_skew` is in seconds; `jwks_url` "" is found by discovery; `required` as a rule's `when`.

    `allow_loopback` permits an issuer on this machine, in the local stack alone.
    """

    name: str
    issuer: str
    audiences: tuple[str, ...]
    algorithms: tuple[str, ...]
    rules: tuple[ClaimRule, ...]
    jwks_url: str = ""
    required: tuple[tuple[str, tuple[str, ...]], ...] = ()
    clock_skew: int = 60
    allow_loopback: bool = False


@dataclass(frozen=True, slots=True)
class PrincipalRule:
    """Who signs requests with AWS credentials: the ARN of a role or a user; a `*` at its end stands for any ending.

    A role's path does not count: signed requests do not carry it. `session_as_user` takes the session's name as the end
    user's.
    """

    arn: str
    grant: Grant
    session_as_user: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """The member `identity` of a configuration."""

    issuers: tuple[Issuer, ...] = ()
    principals: tuple[PrincipalRule, ...] = ()
