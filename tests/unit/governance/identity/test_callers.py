"""Callers without a virtual key where requests come in: chosen by what they send, and by what API Gateway verified."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sluice.errors import AuthenticationFailed, PermissionDenied
from sluice.governance.authentication import Authenticator, digest_of, presented_token
from sluice.governance.identity.callers import IdentityCallers
from sluice.providers.addresses import check_base_url
from sluice.types.identity import ClaimRule, Grant, Identity, PrincipalRule
from sluice.types.tenancy import VirtualKey
from tests.fakes import KEY, PEPPER, MemoryKeys
from tests.unit.governance.identity.issuers import Now, Web, good, issuer

ARN = "arn:aws:sts::123456789012:assumed-role/search-api/session"
PRINCIPAL = PrincipalRule("arn:aws:iam::123456789012:role/search-*", Grant(team="search"))
BOTH = Identity((issuer(),), (PRINCIPAL,))


def identities(identity: Callable[[], Identity | None], web: Web | None = None) -> IdentityCallers:
    return IdentityCallers(identity, web or Web(), check_base_url, Now())


def authenticator(identity: Identity | None = BOTH, web: Web | None = None) -> Authenticator:
    key = VirtualKey(id=KEY[10:22], team="keys", name="n", digest=digest_of(KEY, PEPPER))
    made = identities(lambda: identity, web)
    return Authenticator(MemoryKeys(key), lambda: PEPPER, lambda: 1000.0, lambda: made)


@pytest.mark.parametrize("name", ["authorization", "x-api-key"])
def test_a_token_is_taken_where_sdks_send_a_key(name: str) -> None:
    value = f"Bearer {good()}" if name == "authorization" else good()
    assert authenticator().authenticate({name: value}).key.id == "oidc:okta"


def test_a_virtual_key_goes_before_a_token_and_a_signature_before_both() -> None:
    both = {"authorization": f"Bearer {good()}", "x-api-key": KEY}
    checked = authenticator()
    assert checked.authenticate(both).team == "keys"
    assert checked.authenticate(both, principal=ARN).key.id == "iam:role/search-api"


def test_no_header_makes_a_principal() -> None:
    headers = dict.fromkeys(
        ("x-sluice-principal", "principal", "x-amz-user-arn", "userarn", "x-amzn-iam-arn", "authorization"), ARN
    )
    with pytest.raises(AuthenticationFailed):
        authenticator().authenticate(headers)


def test_verified_tags_stay_whatever_a_header_says() -> None:
    rules = (ClaimRule(Grant(team="search", tags=(("env", "prod"),))),)
    found = authenticator(Identity((issuer(rules=rules),))).authenticate(
        {"x-api-key": good(), "x-sluice-tags": "env=dev,feature=x", "x-sluice-session": "s1"}
    )
    assert (found.tags, found.session) == ((("env", "prod"), ("feature", "x")), "s1")


def test_a_scope_that_was_not_granted_is_refused() -> None:
    with pytest.raises(PermissionDenied, match="admin"):
        authenticator().authenticate({"x-api-key": good()}, "admin")


@pytest.mark.parametrize("identity", [None, Identity(), Identity(principals=(PRINCIPAL,))])
def test_without_issuers_a_token_is_refused_and_nothing_is_fetched(identity: Identity | None) -> None:
    web = Web()
    with pytest.raises(AuthenticationFailed, match="lists no issuers"):
        authenticator(identity, web).authenticate({"x-api-key": good()})
    assert web.calls == []


@pytest.mark.parametrize("identity", [None, Identity((issuer(),))])
def test_without_principals_a_signature_opens_nothing(identity: Identity | None) -> None:
    with pytest.raises(PermissionDenied, match=r"identity\.principals"):
        authenticator(identity).authenticate({"x-api-key": KEY}, principal=ARN)


def test_other_credentials_are_never_taken_for_tokens() -> None:
    for headers in ({}, {"authorization": "Basic eyJ.a.b"}, {"x-api-key": "a.b.c"}, {"x-api-key": "eyJ.a"}):
        assert presented_token(headers) == ""
    with pytest.raises(AuthenticationFailed, match="not a key of this gateway"):
        authenticator().authenticate({"x-api-key": "sk-proj-123"})


def test_a_new_configuration_forgets_tokens_that_the_old_rules_let_in() -> None:
    live = [Identity((issuer(),))]
    held = identities(lambda: live[0])
    assert held.by_token(good()).team == "search"
    live[0] = Identity((issuer(rules=(ClaimRule(Grant(team="growth")),)),))
    assert held.by_token(good()).team == "growth"
    live[0] = Identity()
    with pytest.raises(AuthenticationFailed):
        held.by_token(good())
    held.renew()
