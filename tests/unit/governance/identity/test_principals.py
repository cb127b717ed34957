"""AWS principals: sessions of roles and users, matched by account and name."""

from __future__ import annotations

import pytest

from sluice.errors import PermissionDenied
from sluice.governance.identity.iam import fits, principal_caller, split_principal
from sluice.types.identity import Grant, PrincipalRule

ACCOUNT = "123456789012"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/search-api/i-0abc"
USER = f"arn:aws:iam::{ACCOUNT}:user/ops/ann"


@pytest.mark.parametrize(
    ("arn", "name", "session"),
    [
        (SESSION, f"arn:aws:iam::{ACCOUNT}:role/search-api", "i-0abc"),
        (
            f"arn:aws-us-gov:sts::{ACCOUNT}:assumed-role/r/a@b.com",
            f"arn:aws-us-gov:iam::{ACCOUNT}:role/r",
            "a@b.com",
        ),
        (USER, USER, ""),
        (f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:root", ""),
        ("odd", "odd", ""),
        (":assumed-role/x/y", "arn::iam:::role/x", "y"),
    ],
)
def test_a_session_is_one_of_its_role(arn: str, name: str, session: str) -> None:
    assert split_principal(arn) == (name, session)


@pytest.mark.parametrize(
    ("pattern", "fitting"),
    [
        (f"arn:aws:iam::{ACCOUNT}:role/search-api", True),
        (f"arn:aws:iam::{ACCOUNT}:role/service/team/search-api", True),
        (f"arn:aws:iam::{ACCOUNT}:role/search-*", True),
        (f"arn:aws:iam::{ACCOUNT}:role/search", False),
        (f"arn:aws:iam::{ACCOUNT}:role/search-api2", False),
        ("arn:aws:iam::999999999999:role/search-api", False),
        ("arn:aws-cn:iam::123456789012:role/search-api", False),
        (f"arn:aws:iam::{ACCOUNT}:user/search-api", False),
        (f"arn:aws:iam::{ACCOUNT}:user/*", False),
    ],
)
def test_a_rule_means_one_account_and_a_name_or_how_it_begins(pattern: str, fitting: bool) -> None:
    assert fits(pattern, split_principal(SESSION)[0]) is fitting


def test_a_user_is_meant_with_its_path() -> None:
    assert fits(f"arn:aws:iam::{ACCOUNT}:user/ops/*", USER)
    assert not fits(f"arn:aws:iam::{ACCOUNT}:user/ann", USER)


def test_the_first_rule_gives_the_team_and_the_session_is_the_user_only_where_that_is_said() -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/search-*"
    grant = Grant(team="search", models=("openai/*",), scopes=("inference", "usage:read"), tags=(("env", "prod"),))
    found = principal_caller((PrincipalRule(arn, grant), PrincipalRule(arn, Grant(team="other"))), SESSION)
    assert (found.team, found.key.id, found.user, found.tags) == ("search", "iam:role/search-api", "", grant.tags)
    assert (found.key.models, found.key.scopes) == (grant.models, grant.scopes)
    assert principal_caller((PrincipalRule(arn, grant, session_as_user=True),), SESSION).user == "i-0abc"


def test_a_principal_without_a_team_is_told_what_to_configure() -> None:
    with pytest.raises(PermissionDenied, match=r"role/search-api .*identity\.principals"):
        principal_caller((), SESSION)
