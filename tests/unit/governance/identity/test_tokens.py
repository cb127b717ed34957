"""Bearers of OIDC tokens: who gets in, and every way not to."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.errors import AuthenticationFailed, PermissionDenied
from sluice.governance.identity import oidc
from sluice.governance.identity.jwt import LONGEST, TokenRefused, read
from sluice.types.identity import ClaimRule, Grant
from tests.unit.governance.identity.issuers import CLAIMS, ISSUER, JWKS, NOW, Now, Web, callers, good
from tests.unit.governance.identity.signers import Private, b64, ec_key, ed_key, jwk, rsa_key, token


def refused(text: str, **changes: Any) -> TokenRefused:
    web = changes.pop("web", None)
    with pytest.raises(TokenRefused) as caught:
        callers(web, **changes).caller(text)
    assert caught.value.http_status == 401
    # Nobody learns a token from an answer or a log.
    assert all(part not in caught.value.message for part in text.split(".") if part)
    return caught.value


@pytest.mark.parametrize("key", [rsa_key(), ec_key(), ed_key()], ids=["RS256", "ES256", "EdDSA"])
def test_a_token_that_its_issuer_signed_makes_a_caller(key: Private) -> None:
    web = Web()
    web.pages[JWKS] = {"keys": [jwk(key)]}
    found = callers(web, algorithms=("RS256", "ES256", "EdDSA")).caller(token(key, CLAIMS))
    assert (found.team, found.user, found.key.id, found.key.scopes) == ("search", "ann", "oidc:okta", ("inference",))


def test_a_pss_token_is_taken_where_it_is_pinned() -> None:
    text = token(rsa_key(), CLAIMS, alg="PS256")
    assert callers(algorithms=("PS256",)).caller(text).team == "search"
    assert "RS256" in refused(text).message


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"iss": "https://evil.example.com"}, "issuer"),
        ({"iss": ISSUER + "/"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"iss": [ISSUER]}, "issuer"),
        ({"aud": "another"}, "audience"),
        ({"aud": ["another", "sluice2"]}, "audience"),
        ({"aud": None}, "audience"),
        ({"aud": {"sluice": 1}}, "audience"),
        ({"exp": None}, "no expiry"),
        ({"exp": NOW - 61}, "expired"),
        ({"exp": "1900000000"}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": 1e300}, "exp"),
        ({"exp": -1}, "exp"),
        ({"nbf": NOW + 61}, "not valid for another"),
        ({"nbf": "soon"}, "nbf"),
        ({"iat": NOW + 61}, "in the future"),
    ],
)
def test_claims_that_do_not_hold_are_refused_and_named(changes: dict[str, object], said: str) -> None:
    assert said in refused(good(**changes)).message


def test_an_expired_token_has_a_code_of_its_own() -> None:
    assert refused(good(exp=NOW - 100)).error_code == "expired_token"
    assert refused(good(aud="x")).error_code == "invalid_token"


@pytest.mark.parametrize("changes", [{"exp": NOW - 59}, {"nbf": NOW + 59, "iat": NOW + 59}, {"aud": ["x", "sluice"]}])
def test_clocks_may_differ_by_the_skew_and_audiences_be_several(changes: dict[str, object]) -> None:
    assert callers().caller(good(**changes)).team == "search"


def unsigned(**header: object) -> str:
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(dict(CLAIMS)).encode())}"


@pytest.mark.parametrize("name", ["none", "None", "nOnE", "HS256", "HS512", "RS1", "RS512", "ES384", "", "rs256"])
def test_an_algorithm_that_is_not_pinned_is_refused(name: str) -> None:
    assert "algorithm" in refused(unsigned(alg=name, kid="k1") + "." + b64(b"x" * 256)).message


def test_none_without_a_signature_is_malformed() -> None:
    assert "signature" in refused(unsigned(alg="none") + ".").message


def test_a_public_key_cannot_be_used_as_a_shared_secret() -> None:
    # Algorithm confusion: a token signed with HMAC, whose key is the published one.
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = rsa_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = unsigned(alg="HS256", kid="k1")
    text = signed + "." + b64(hmac.digest(public, signed.encode(), "sha256"))
    assert "algorithm" in refused(text, algorithms=("RS256", "PS256", "ES256", "EdDSA")).message


def test_a_key_is_never_used_with_an_algorithm_of_another_kind() -> None:
    text = token(rsa_key(), CLAIMS, alg="ES256")
    assert "signature" in refused(text, algorithms=("RS256", "ES256")).message


def test_a_key_that_names_its_algorithm_is_used_with_that_alone() -> None:
    web = Web()
    web.pages[JWKS] = {"keys": [jwk(rsa_key(), alg="PS256")]}
    assert "signature" in refused(good(), web=web).message


@pytest.mark.parametrize(
    "header",
    [
        {"jwk": jwk(rsa_key("evil"))},
        {"jku": "https://evil.example.com/keys"},
        {"x5u": "https://evil.example.com/cert", "x5c": ["MIIB"]},
        {"kid": "../../../../dev/null"},
        {"kid": "' OR '1'='1"},
        {"kid": "https://evil.example.com/keys"},
    ],
)
def test_a_token_cannot_bring_its_key_along(header: dict[str, object]) -> None:
    web = Web()
    text = token(rsa_key("evil"), CLAIMS, **header)
    assert "signature" in refused(text, web=web).message
    assert {call.url for call in web.calls} == {JWKS}


def test_a_token_of_one_issuer_is_not_taken_for_another_ones() -> None:
    from sluice.governance.identity.oidc import TokenCallers
    from sluice.providers.addresses import check_base_url
    from tests.unit.governance.identity.issuers import issuer

    other = issuer(name="other", issuer="https://other.example.com", jwks_url="https://other.example.com/keys")
    web = Web(**{"https://other.example.com/keys": {"keys": [jwk(rsa_key("two"))]}})
    both = TokenCallers((issuer(), other), web, check_base_url, Now())
    assert both.caller(good()).key.id == "oidc:okta"
    with pytest.raises(TokenRefused, match="signature"):
        both.caller(token(rsa_key("two"), CLAIMS))


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"crit": ["b64"], "b64": False}, "crit"),
        ({"crit": []}, "crit"),
        ({"typ": "dpop+jwt"}, "typ"),
        ({"typ": "logout+jwt"}, "typ"),
        ({"typ": 1}, "typ"),
        ({"kid": 7}, "kid"),
        ({"kid": ""}, "kid"),
        ({"kid": "k" * 257}, "kid"),
    ],
)
def test_headers_that_mean_something_else_are_refused(header: dict[str, object], said: str) -> None:
    assert said in refused(token(rsa_key(), CLAIMS, **header)).message


@pytest.mark.parametrize("kind", ["JWT", "at+jwt", "AT+JWT", "application/at+jwt"])
def test_access_tokens_may_say_that_they_are(kind: str) -> None:
    assert callers().caller(token(rsa_key(), CLAIMS, typ=kind)).team == "search"


def test_a_token_over_the_limit_is_refused_before_it_is_read() -> None:
    assert str(LONGEST) in refused(good(padding="x" * LONGEST)).message


@pytest.mark.parametrize(
    "body",
    [
        b'{"iss":"a","iss":"b"}',
        b'{"exp":NaN}',
        b'{"exp":Infinity}',
        b"[1]",
        b'"text"',
        b"{",
        b"\xff\xfe{}",
        b"[" * 5000,
        b'{"exp":' + b"9" * 5000 + b"}",
    ],
)
def test_claims_that_could_be_read_in_two_ways_or_not_at_all_are_refused(body: bytes) -> None:
    text = f"{b64(json.dumps({'alg': 'RS256', 'kid': 'k1'}).encode())}.{b64(body)}.{b64(b'x' * 256)}"
    assert "body" in refused(text).message


def test_stray_bits_and_padding_make_no_second_text_of_a_token() -> None:
    text = good()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet[alphabet.index(text[-1]) ^ 1]  # 256 bytes end in 4 bits, so two more stand for nothing
    for other in (text + "=", text + "==", text[:-1] + last, text + ".", text.replace(".", "..", 1), text + "\n"):
        refused(other)


@settings(max_examples=60)
@given(st.text(max_size=60), st.integers(0, 300))
def test_any_text_is_a_token_or_a_clear_refusal(junk: str, place: int) -> None:
    text = good()
    for odd in (junk, text[:place] + junk + text[place:]):
        if odd != text:
            with pytest.raises(AuthenticationFailed):
                callers().caller(odd)


def test_every_changed_part_breaks_the_signature() -> None:
    head, _, signed = good().split(".")
    other = b64(json.dumps({**CLAIMS, "groups": ["admins"]}).encode())
    assert "signature" in refused(f"{head}.{other}.{signed}").message
    assert "signature" in refused(token(rsa_key("evil"), CLAIMS)).message


# --- what claims are mapped to -------------------------------------------------------------------------------------


def rule(team: str = "", **changes: Any) -> ClaimRule:
    return ClaimRule(Grant(team=team, **changes.pop("grant", {})), **changes)


def test_the_first_rule_that_fits_gives_team_models_user_and_tags() -> None:
    rules = (
        rule("finance", when=(("groups", ("finance",)),)),
        rule(
            "staff",
            when=(("groups", ("nobody", "staff")), ("realm.roles", ("user",)), ("verified", ("true",))),
            user_claim="email",
            tag_claims=(("department", "https://example.com/dept"), ("missing", "nothing")),
            grant={"models": ("openai/*",), "tags": (("source", "okta"),)},
        ),
        rule("search"),
    )
    claims = {
        "realm": {"roles": ["user"]},
        "verified": True,
        "email": "ann@example.com",
        "https://example.com/dept": "42",
    }
    found = callers(rules=rules).caller(good(**claims))
    assert (found.team, found.user, found.key.models) == ("staff", "ann@example.com", ("openai/*",))
    assert found.tags == (("source", "okta"), ("department", "42"))


def test_a_claim_may_name_the_team_but_nothing_that_is_no_team() -> None:
    named = (rule(team_claim="team"),)
    assert callers(rules=named).caller(good(team="growth")).team == "growth"
    for wrong in ("a#b", "", "unauthenticated", ["growth"], {"x": 1}, None, "x" * 65, "-x"):
        with pytest.raises(PermissionDenied, match="names no team"):
            callers(rules=named).caller(good(team=wrong))


def test_a_good_token_without_a_rule_or_a_required_claim_is_told_so_with_403() -> None:
    with pytest.raises(PermissionDenied, match="No rule of issuer 'okta'") as caught:
        callers().caller(good(groups=["other"]))
    assert caught.value.http_status == 403
    with pytest.raises(PermissionDenied, match="'hd'"):
        callers(required=(("hd", ("example.com",)),)).caller(good(hd="evil.com"))
    assert callers(required=(("hd", ("example.com",)),)).caller(good(hd="example.com")).team == "search"


def test_half_a_surrogate_pair_in_a_name_can_still_be_written_down() -> None:
    found = callers().caller(good(sub="a\ud800b"))
    assert found.user.encode() == b"a?b"


# --- remembering -----------------------------------------------------------------------------------------------------


def test_a_token_is_verified_once_and_remembered_until_it_ends() -> None:
    web, now = Web(), Now()
    held, text = callers(web, now), good()
    first = held.caller(text)
    assert held.caller(text) is first
    now.seconds += 3600 + 59
    assert held.caller(text) is first or held.caller(text) == first
    now.seconds += 2
    with pytest.raises(TokenRefused, match="expired"):
        held.caller(text)


def test_only_digests_of_tokens_are_kept_and_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "REMEMBERED", 3)
    held = callers()
    texts = [good(jti=str(number)) for number in range(5)]
    for text in texts:
        held.caller(text)
    assert list(held._known) == [hashlib.sha256(text.encode()).digest() for text in texts[-3:]]


def test_a_remembered_token_falls_with_its_key() -> None:
    web, now = Web(), Now()
    held, text = callers(web, now), good(exp=NOW + 86_400)
    held.caller(text)
    web.pages[JWKS] = {"keys": [jwk(rsa_key("two"), "k2")]}
    now.seconds += 601
    held.caller(text)  # used, so that the set is renewed after the answer
    held.renew()
    with pytest.raises(TokenRefused, match="signature"):
        held.caller(text)


def test_taking_a_token_apart_trusts_nothing_of_it() -> None:
    found = read(good())
    assert (found.algorithm, found.key_id, len(found.signature)) == ("RS256", "k1", 256)
    assert found.claims["iss"] == ISSUER
