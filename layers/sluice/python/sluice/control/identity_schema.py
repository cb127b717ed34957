"""What people may write as the member `identity`: issuers of tokens and AWS principals.

    {"issuers": [{"name": "okta", "issuer": "https://acme.okta.com/oauth2/default", "audiences": "sluice",
                  "algorithms": "RS256", "rules": [{"when": {"groups": "search"}, "team": "search"}]}],
     "principals": [{"arn": "arn:aws:iam::123456789012:role/search-*", "team": "search"}]}

A text may stand wherever a list of one is meant. There is no way to write "none" or an algorithm with a shared secret:
a public key taken for a secret would let anybody sign.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from sluice.types.tenancy import SCOPES

LONGEST_SKEW = 300
_ARN = re.compile(r"arn:aws(-[a-z]+)*:iam::\d{12}:(role|user)/[A-Za-z0-9+=,.@_/-]{0,576}\*?")
_TEAM = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"


def _listed(value: object) -> object:
    return [value] if isinstance(value, str | bool | int) else value


def _worded(value: object) -> object:
    """Return wanted values as texts; true and numbers are what claims hold, and are compared as text."""
    found = _listed(value)
    if not isinstance(found, list):
        return found
    return [
        str(each).lower() if isinstance(each, bool) else str(each) if isinstance(each, int) else each for each in found
    ]


def _distinct(values: list[str]) -> list[str]:
    if len(set(values)) != len(values):
        raise ValueError("each value once")
    return values


def _known_team(team: str) -> str:
    if team == "unauthenticated":
        raise ValueError(f"the name {team} is reserved")
    return team


def _principal_arn(arn: str) -> str:
    if not _ARN.fullmatch(arn) or arn.endswith("/"):
        raise ValueError(
            "write the ARN of an IAM role or user with its account, such as arn:aws:iam::123456789012:role/search-*; "
            "only its end may be a *"
        )
    return arn


def _known_scopes(scopes: list[str]) -> list[str]:
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown:
        raise ValueError(f"unknown scope {', '.join(unknown)}; known are {', '.join(SCOPES)}")
    return sorted(set(scopes))


Claim = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=512)]
Words = Annotated[list[Word], BeforeValidator(_listed), Field(min_length=1, max_length=50), AfterValidator(_distinct)]
Values = Annotated[list[Word], BeforeValidator(_worded), Field(min_length=1, max_length=100)]
Team = Annotated[str, StringConstraints(max_length=64, pattern=_TEAM), AfterValidator(_known_team)]
TagName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
TagValue = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Algorithm = Literal["RS256", "PS256", "ES256", "EdDSA"]
Algorithms = Annotated[list[Algorithm], BeforeValidator(_listed), Field(min_length=1)]
Arn = Annotated[str, AfterValidator(_principal_arn)]
Scopes = Annotated[list[str], BeforeValidator(_listed), Field(min_length=1), AfterValidator(_known_scopes)]
Models = Annotated[list[Word], Field(max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RuleModel(_Strict):
    """One mapping of claims."""

    when: dict[Claim, Values] = Field(default_factory=dict, max_length=20)
    team: Team | None = None
    team_claim: Claim | None = None
    user_claim: Claim = "sub"
    tags: dict[TagName, TagValue] = Field(default_factory=dict, max_length=16)
    tag_claims: dict[TagName, Claim] = Field(default_factory=dict, max_length=16)
    models: Models = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_team(self) -> RuleModel:
        if (self.team is None) == (self.team_claim is None):
            raise ValueError("say either team, or team_claim for the claim that names it")
        return self


class IssuerModel(_Strict):
    """One issuer of tokens."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    issuer: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    audiences: Words
    algorithms: Algorithms
    jwks_url: Annotated[str, StringConstraints(max_length=512)] | None = None
    clock_skew: int = Field(default=60, ge=0, le=LONGEST_SKEW)
    required: dict[Claim, Values] = Field(default_factory=dict, max_length=20)
    rules: list[RuleModel] = Field(min_length=1, max_length=200)
    allow_loopback: bool = False


class PrincipalModel(_Strict):
    """One AWS principal, or all whose ARN begins alike."""

    arn: Arn
    team: Team
    models: Models = Field(default_factory=list)
    scopes: Scopes = Field(default_factory=lambda: ["inference"])
    team_bound: bool = False
    tags: dict[TagName, TagValue] = Field(default_factory=dict, max_length=16)
    session_as_user: bool = False


class IdentityModel(_Strict):
    """Who may call without a virtual key."""

    issuers: list[IssuerModel] = Field(default_factory=list, max_length=20)
    principals: list[PrincipalModel] = Field(default_factory=list, max_length=500)

    @model_validator(mode="after")
    def _told_apart(self) -> IdentityModel:
        for member in ("name", "issuer"):
            found: list[Any] = [getattr(issuer, member) for issuer in self.issuers]
            if len(set(found)) != len(found):
                raise ValueError(f"issuers: two have the same {member}; put their rules together")
        return self
