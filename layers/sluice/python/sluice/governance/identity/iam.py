"""Callers that sign with AWS credentials, by the principal that API Gateway verified.

API Gateway checks the signature (SigV4) and writes the principal into the event's own part, which no header reaches. A
session of a role carries the role's name without its path ("arn:aws:sts::123456789012:assumed-role/NAME/SESSION"), so
roles are compared by account and name.
"""

from __future__ import annotations

from sluice.errors import PermissionDenied
from sluice.governance.identity.mapping import USER_LONGEST, caller
from sluice.types.identity import PrincipalRule
from sluice.types.tenancy import Caller

ROLE, USER = "role/", "user/"


def principal_caller(rules: tuple[PrincipalRule, ...], arn: str) -> Caller:
    """Return who a verified principal is by the first rule that fits. Raises PermissionDenied."""
    name, session = split_principal(arn)
    for rule in rules:
        if fits(rule.arn, name):
            user = session[:USER_LONGEST] if rule.session_as_user else ""
            short = name.rpartition(":")[2]
            return caller(f"iam:{short}", rule.grant.team, rule.grant, rule.grant.tags, user)
    raise PermissionDenied(
        f"AWS principal {name[:256]} may call this gateway's API, but no team was given to it. Add it to "
        "identity.principals of the configuration.",
        code="no_team",
    )


def split_principal(arn: str) -> tuple[str, str]:
    """Return the lasting name of a principal, and the name of its session, "" for one without.

    A session of a role becomes the role: arn:aws:iam::ACCOUNT:role/NAME.
    """
    head, _, rest = arn.partition(":assumed-role/")
    if not rest:
        return without_path(arn), ""
    name, _, session = rest.partition("/")
    partition, account = (head.split(":") + [""] * 5)[1], head.rpartition(":")[2]
    return f"arn:{partition}:iam::{account}:{ROLE}{name}", session


def without_path(arn: str) -> str:
    """Return a role's ARN without its path, any other ARN as it is."""
    head, kind, rest = arn.partition(":" + ROLE)
    return f"{head}{kind}{rest.rpartition('/')[2]}" if kind else arn


def fits(pattern: str, name: str) -> bool:
    """Return whether a principal is meant by a rule's ARN, which may end in one `*`."""
    wanted = without_path(pattern)
    return name.startswith(wanted[:-1]) if wanted.endswith("*") else name == wanted
