"""What people may write as `identity`, what it becomes, and what is refused with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest

from sluice.control.configurations import Configurations
from sluice.control.lint import complaints
from sluice.errors import BadRequest
from sluice.providers.registry import Registry
from sluice.routing.configuration import parse
from sluice.types.identity import ClaimRule, Grant, Identity, Issuer, PrincipalRule
from tests.unit.control.test_configurations import Store

REGISTRY = Registry()
RULE: dict[str, Any] = {"when": {"groups": "search"}, "team": "search"}
OKTA: dict[str, Any] = {
    "name": "okta",
    "issuer": "https://acme.okta.com/oauth2/default",
    "audiences": "sluice",
    "algorithms": "RS256",
    "rules": [RULE],
}
ROLE: dict[str, Any] = {"arn": "arn:aws:iam::123456789012:role/search-*", "team": "search"}


def control(*, local: bool = False) -> Configurations:
    return Configurations(Store(), parse, partial(complaints, catalogue=REGISTRY, local=local))


def published(identity: object, *, local: bool = False) -> tuple[Mapping[str, object], list[str]]:
    made = control(local=local)
    version = made.publish({"identity": identity})
    return made.document(version), made.doubts(version)


def parsed(identity: object) -> Identity:
    found = parse(published(identity)[0], "v").identity
    assert found is not None
    return found


def test_a_short_form_is_published_in_full_and_read_back() -> None:
    found = parsed({"issuers": [OKTA], "principals": [ROLE]})
    assert found.issuers == (
        Issuer(
            name="okta",
            issuer="https://acme.okta.com/oauth2/default",
            audiences=("sluice",),
            algorithms=("RS256",),
            rules=(ClaimRule(Grant(team="search"), when=(("groups", ("search",)),)),),
        ),
    )
    assert found.principals == (PrincipalRule(ROLE["arn"], Grant(team="search")),)


def test_everything_that_can_be_said_is_read_back() -> None:
    rule = {
        "when": {"verified": True, "level": [1, 2]},
        "team_claim": "team",
        "user_claim": "email",
        "tags": {"source": "okta"},
        "tag_claims": {"department": "https://example.com/dept"},
        "models": ["openai/*"],
    }
    issuer = {
        **OKTA,
        "jwks_url": "https://acme.okta.com/keys",
        "clock_skew": 10,
        "required": {"hd": "example.com"},
        "algorithms": ["ES256", "EdDSA", "PS256"],
        "rules": [rule],
    }
    role = {**ROLE, "scopes": ["config:write", "audit:read"], "team_bound": True, "tags": {"a": "b"}, "models": ["m"]}
    found = parsed({"issuers": [issuer], "principals": [{**role, "session_as_user": True}]})
    (read,) = found.issuers
    assert (read.jwks_url, read.clock_skew, read.required) == (
        "https://acme.okta.com/keys",
        10,
        (("hd", ("example.com",)),),
    )
    assert read.rules[0] == ClaimRule(
        Grant(models=("openai/*",), tags=(("source", "okta"),)),
        when=(("verified", ("true",)), ("level", ("1", "2"))),
        team_claim="team",
        user_claim="email",
        tag_claims=(("department", "https://example.com/dept"),),
    )
    grant = Grant("search", ("m",), ("audit:read", "config:write"), True, (("a", "b"),))
    assert found.principals == (PrincipalRule(ROLE["arn"], grant, True),)


def test_a_document_without_it_keeps_its_version() -> None:
    made = control()
    document = made.document(made.publish({"unpriced_ceiling": {"input": 1}}))
    assert "identity" not in document
    assert parse(document, "v").identity is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"algorithms": ["none"]}, "algorithms"),
        ({"algorithms": ["HS256"]}, "algorithms"),
        ({"algorithms": ["RS256", "HS512"]}, "algorithms"),
        ({"algorithms": []}, "algorithms"),
        ({"audiences": []}, "audiences"),
        ({"audiences": ["a", "a"]}, "each value once"),
        ({"clock_skew": 301}, "clock_skew"),
        ({"rules": []}, "rules"),
        ({"rules": [{"when": {"a": "b"}}]}, "either team, or team_claim"),
        ({"rules": [{**RULE, "team_claim": "t"}]}, "either team, or team_claim"),
        ({"rules": [{**RULE, "team": "a#b"}]}, "team"),
        ({"rules": [{**RULE, "team": "unauthenticated"}]}, "reserved"),
        ({"rules": [{**RULE, "scopes": ["admin"]}]}, "scopes"),
        ({"name": "a:b"}, "name"),
        ({"issuer": "http://acme.okta.com"}, "https"),
        ({"issuer": "https://10.0.0.1"}, "issuer"),
        ({"jwks_url": "http://acme.okta.com/keys"}, "https"),
        ({"jwks_url": "https://169.254.169.254/keys"}, "jwks_url"),
        ({"jwks_url": "https://localhost/keys"}, "jwks_url"),
        ({"allow_loopback": True}, "local stack only"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_an_issuer_that_is_unsafe_or_malformed_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        published({"issuers": [{**OKTA, **changes}]})


def test_an_issuer_on_this_machine_is_for_the_local_stack() -> None:
    here = {**OKTA, "issuer": "http://127.0.0.1:9000", "allow_loopback": True}
    assert published({"issuers": [here]}, local=True)
    with pytest.raises(BadRequest, match="this machine"):
        published({"issuers": [{**here, "allow_loopback": False}]}, local=True)


def test_an_issuer_that_is_only_a_name_needs_the_address_of_its_keys() -> None:
    named = {**OKTA, "issuer": "acme-internal"}
    with pytest.raises(BadRequest, match="issuer"):
        published({"issuers": [named]})
    assert published({"issuers": [{**named, "jwks_url": "https://acme.example.com/keys"}]})


@pytest.mark.parametrize("member", ["name", "issuer"])
def test_two_issuers_are_told_apart(member: str) -> None:
    other = {**OKTA, "name": "two", "issuer": "https://two.example.com", member: OKTA[member]}
    with pytest.raises(BadRequest, match=f"same {member}"):
        published({"issuers": [OKTA, other]})


@pytest.mark.parametrize(
    "arn",
    [
        "*",
        "arn:aws:iam::*:role/search",
        "arn:aws:iam::12345678901:role/search",
        "arn:aws:iam::123456789012:role/se*ch",
        "arn:aws:iam::123456789012:*",
        "arn:aws:iam::123456789012:root",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:sts::123456789012:assumed-role/search/session",
        "arn:aws:iam::123456789012:role/x\n",
    ],
)
def test_a_principal_is_a_role_or_a_user_of_one_account(arn: str) -> None:
    with pytest.raises(BadRequest, match="ARN of an IAM role or user"):
        published({"principals": [{**ROLE, "arn": arn}]})


def test_a_principals_scopes_are_known_ones() -> None:
    with pytest.raises(BadRequest, match=r"unknown scope root; known are inference, admin, config:read"):
        published({"principals": [{**ROLE, "scopes": ["root"]}]})


def test_what_lets_in_more_than_was_meant_is_doubted() -> None:
    everybody = {"team": "all"}
    _, doubts = published(
        {
            "issuers": [{**OKTA, "rules": [everybody, RULE]}],
            "principals": [{**ROLE, "arn": "arn:aws:iam::123456789012:role/*"}],
        }
    )
    text = " ".join(doubts)
    assert "lets in everybody" in text
    assert "never apply" in text
    assert "every one of the account" in text
    assert published({"issuers": [OKTA], "principals": [ROLE]})[1] == []
