"""An issuer's keys: fetched seldom, from safe addresses only, and kept for a while when it is down."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from sluice.errors import IdentityUnavailable
from sluice.governance.identity.jwk import MOST_KEYS, public_keys
from sluice.governance.identity.jwt import TokenRefused
from sluice.governance.identity.keysets import (
    ANSWER_LIMIT,
    FRESH_SECONDS,
    RENEW_SECONDS,
    SPACING_SECONDS,
    STALE_SECONDS,
)
from sluice.ports import UpstreamCall
from tests.unit.governance.identity.issuers import ISSUER, JWKS, NOW, Answer, Now, Web, callers, good
from tests.unit.governance.identity.signers import b64, ec_key, ed_key, jwk, rsa_key, token

DISCOVERY = ISSUER + "/.well-known/openid-configuration"
LONG = {"iss": ISSUER, "aud": "sluice", "exp": NOW + 10 * 86_400, "groups": ["search"]}


def test_keys_are_fetched_once_for_many_tokens() -> None:
    web = Web()
    held = callers(web)
    for number in range(5):
        held.caller(good(jti=str(number)))
    assert [(call.method, call.url) for call in web.calls] == [("GET", JWKS)]


def test_a_call_for_keys_is_short_and_carries_no_secret() -> None:
    web = Web()
    callers(web).caller(good())
    (call,) = web.calls
    assert call.timeouts.total <= 5
    assert call.allow_loopback is False
    assert "authorization" not in {name.lower() for name in call.headers}


def test_a_new_key_is_found_at_once_and_unknown_ones_cost_one_fetch_in_a_while() -> None:
    web, now = Web(), Now()
    held = callers(web, now)
    held.caller(good())
    web.pages[JWKS] = {"keys": [jwk(rsa_key()), jwk(rsa_key("two"), "k2")]}
    now.seconds += SPACING_SECONDS
    assert held.caller(token(rsa_key("two"), LONG, "k2")).team == "search"
    for number in range(50):
        with pytest.raises(TokenRefused):
            held.caller(token(rsa_key("two"), LONG, f"guess-{number}"))
    assert len(web.calls) == 2
    now.seconds += SPACING_SECONDS
    with pytest.raises(TokenRefused):
        held.caller(token(rsa_key("two"), LONG, "another"))
    assert len(web.calls) == 3


def test_keys_are_renewed_after_answers_so_that_no_request_waits() -> None:
    web, now = Web(), Now()
    held = callers(web, now)
    for _ in range(10):
        held.caller(token(rsa_key(), LONG))
        held.renew()
        now.seconds += RENEW_SECONDS / 2 + 1
    asked = len(web.calls)
    assert 4 <= asked <= 6
    held.renew()
    held.renew()
    assert len(web.calls) <= asked + 1


def test_keys_that_nobody_uses_are_not_renewed() -> None:
    web, now = Web(), Now()
    held = callers(web, now)
    held.caller(good())
    held.renew()
    now.seconds += RENEW_SECONDS + 1
    held.renew()
    held.renew()
    now.seconds += RENEW_SECONDS + 1
    held.renew()
    assert len(web.calls) == 2


def test_keys_stay_good_for_a_bounded_time_while_the_issuer_is_down() -> None:
    web, now = Web(), Now()
    held = callers(web, now)
    held.caller(token(rsa_key(), LONG))
    web.down = True
    now.seconds += FRESH_SECONDS + 1
    assert held.caller(token(rsa_key(), {**LONG, "jti": "2"})).team == "search"
    calls = len(web.calls)
    assert held.caller(token(rsa_key(), {**LONG, "jti": "3"})).team == "search"
    assert len(web.calls) == calls, "a dead issuer is not asked for every request"
    now.seconds = NOW + STALE_SECONDS + 1
    for text in (token(rsa_key(), LONG), token(rsa_key(), {**LONG, "jti": "4"})):
        with pytest.raises(IdentityUnavailable, match="'okta'") as caught:
            held.caller(text)
    assert (caught.value.http_status, caught.value.may_retry) == (503, True)
    web.down = False
    now.seconds += SPACING_SECONDS
    assert held.caller(token(rsa_key(), LONG)).team == "search"


@pytest.mark.parametrize("page", [{"keys": []}, {}, [], b"<html>", b"[" * 100_000, b"x" * (ANSWER_LIMIT + 1), b"\xff"])
def test_rubbish_in_the_place_of_keys_changes_nothing(page: Any) -> None:
    web, now = Web(), Now()
    held = callers(web, now)
    held.caller(token(rsa_key(), LONG))
    web.pages[JWKS] = page
    now.seconds += FRESH_SECONDS + 1
    assert held.caller(token(rsa_key(), {**LONG, "jti": "2"})).team == "search"


def test_a_redirect_is_not_followed() -> None:
    web = Web()
    web.status = 302
    with pytest.raises(IdentityUnavailable):
        callers(web).caller(good())
    assert len(web.calls) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example.com/keys",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/keys",
        "https://localhost/keys",
        "https://127.0.0.1:9000/keys",
        "https://[::1]/keys",
        "file:///etc/passwd",
        "https://user@login.example.com/keys",
    ],
)
def test_keys_are_asked_for_at_public_addresses_over_https_only(url: str) -> None:
    web = Web(**{url: {"keys": [jwk(rsa_key())]}})
    with pytest.raises(IdentityUnavailable):
        callers(web, jwks_url=url).caller(good())
    assert web.calls == []


def test_an_issuer_on_this_machine_is_asked_where_that_is_allowed() -> None:
    url = "http://127.0.0.1:9000/keys"
    web = Web(**{url: {"keys": [jwk(rsa_key())]}})
    assert callers(web, jwks_url=url, allow_loopback=True).caller(good()).team == "search"
    assert web.calls[0].allow_loopback


def test_keys_are_found_by_discovery() -> None:
    web = Web(**{DISCOVERY: {"issuer": ISSUER, "jwks_uri": JWKS}})
    assert callers(web, jwks_url="").caller(good()).team == "search"
    assert [call.url for call in web.calls] == [DISCOVERY, JWKS]


@pytest.mark.parametrize(
    "page",
    [
        {"issuer": "https://evil.example.com", "jwks_uri": JWKS},
        {"jwks_uri": JWKS},
        {"issuer": ISSUER},
        {"issuer": ISSUER, "jwks_uri": "https://169.254.169.254/keys"},
        {"issuer": ISSUER, "jwks_uri": "http://login.example.com/acme/keys"},
        {"issuer": ISSUER, "jwks_uri": ["x"]},
    ],
)
def test_discovery_that_is_not_the_issuers_own_or_leads_astray_is_not_followed(page: Any) -> None:
    web = Web(**{DISCOVERY: page})
    with pytest.raises(IdentityUnavailable):
        callers(web, jwks_url="").caller(good())
    assert len(web.calls) == 1


def test_many_threads_make_one_fetch() -> None:
    class Slow(Web):
        def send(self, call: UpstreamCall) -> Answer:
            assert begun.wait(5)
            return super().send(call)

    begun = threading.Event()
    web = Slow()
    held = callers(web)
    found: list[str] = []
    threads = [threading.Thread(target=lambda n=n: found.append(held.caller(good(jti=str(n))).team)) for n in range(8)]
    for thread in threads:
        thread.start()
    begun.set()
    for thread in threads:
        thread.join(10)
    assert found == ["search"] * 8
    assert len(web.calls) == 1


# --- which keys are used ---------------------------------------------------------------------------------------------


def test_a_token_without_a_key_id_is_checked_with_the_only_key_there_is() -> None:
    web = Web()
    web.pages[JWKS] = {"keys": [jwk(rsa_key(), None), jwk(ec_key(), None)]}
    assert callers(web).caller(token(rsa_key(), LONG, None)).team == "search"
    web.pages[JWKS] = {"keys": [jwk(rsa_key()), jwk(rsa_key("two"), "k2")]}
    with pytest.raises(TokenRefused):
        callers(web).caller(token(rsa_key(), LONG, None))


EC = jwk(ec_key())
OKP = jwk(ed_key())


@pytest.mark.parametrize(
    "key",
    [
        jwk(rsa_key(), use="enc"),
        jwk(rsa_key(), key_ops=["encrypt"]),
        jwk(rsa_key(), key_ops="verify"),
        jwk(rsa_key(), alg="RS512"),
        jwk(rsa_key(), d="AQAB"),
        jwk(rsa_key("small", 1024)),
        jwk(rsa_key(), e="Aw"),
        {"kty": "RSA", "kid": "k1", "n": "", "e": "AQAB"},
        {"kty": "RSA", "kid": "k1", "e": "AQAB"},
        {"kty": "RSA", "kid": "k1", "n": ["x"], "e": "AQAB"},
        {"kty": "oct", "kid": "k1", "k": b64(b"secret" * 8)},
        {**EC, "crv": "P-384"},
        {**EC, "x": b64(b"\1" * 32)},
        {**EC, "x": "AA"},
        {**EC, "d": b64(b"\1" * 32)},
        {**OKP, "crv": "Ed448"},
        {**OKP, "crv": "X25519"},
        {**OKP, "x": b64(bytes([1]) + bytes(31))},
        {**OKP, "x": b64(b"\xff" * 32)},
        {"kty": "RSA", "kid": 7},
        {},
        "text",
    ],
)
def test_keys_that_are_weak_for_another_use_or_malformed_are_left_out(key: Any) -> None:
    assert public_keys({"keys": [key]}) == ()
    assert len(public_keys({"keys": [key, jwk(rsa_key(), "good")]})) == 1


def test_a_set_has_a_bounded_number_of_keys() -> None:
    assert len(public_keys({"keys": [EC] * (MOST_KEYS + 50)})) == MOST_KEYS
