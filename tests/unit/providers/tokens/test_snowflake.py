"""Snowflake takes a programmatic access token as it is, or a token that the user's key signed."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidSignature

from sluice.errors import ProviderError
from sluice.providers.registry import Registry
from sluice.types.catalogue import Auth
from tests.unit.providers.tokens.authority import NOON, Gateway, fingerprint, is_current, pem, rsa_key, verified

TYPE = "x-snowflake-authorization-token-type"
HELD = {"account": "myorg-acct1", "user": "gateway", "private_key": pem(rsa_key())}


def declared() -> Auth:
    provider = Registry().provider("snowflake_cortex")
    assert provider is not None
    assert TYPE not in provider.headers
    return provider.auth


def test_the_key_pair_s_token_says_who_signed_and_for_how_long() -> None:
    headers = Gateway(declared(), HELD).sent()
    header, claims = verified(headers["authorization"].removeprefix("Bearer "), rsa_key().public_key())
    assert header == {"alg": "RS256", "typ": "JWT"}
    assert claims == {
        "iss": f"MYORG-ACCT1.GATEWAY.SHA256:{fingerprint(rsa_key().public_key())}",
        "sub": "MYORG-ACCT1.GATEWAY",
        "iat": NOON - 30,
        "exp": NOON + 3570,
    }
    assert headers[TYPE] == "KEYPAIR_JWT"


@pytest.mark.parametrize("skew", [-25.0, 0.0, 25.0])
def test_snowflake_s_clock_may_differ_a_little(skew: float) -> None:
    _, claims = verified(Gateway(declared(), HELD).bearer(), rsa_key().public_key())
    assert is_current(claims, NOON, skew=skew)


def test_an_encrypted_key_is_unlocked_with_its_passphrase() -> None:
    held = {**HELD, "private_key": pem(rsa_key(), "a b c"), "private_key_passphrase": "a b c"}
    _, claims = verified(Gateway(declared(), held).bearer(), rsa_key().public_key())
    assert claims["sub"] == "MYORG-ACCT1.GATEWAY"


def test_the_region_of_an_account_locator_is_left_out() -> None:
    _, claims = verified(
        Gateway(declared(), {**HELD, "account": "xy12345.us-east-2.aws"}).bearer(), rsa_key().public_key()
    )
    assert claims["sub"] == "XY12345.GATEWAY"


def test_the_token_of_another_key_does_not_verify() -> None:
    token = Gateway(declared(), {**HELD, "private_key": pem(rsa_key(which=1))}).bearer()
    with pytest.raises(InvalidSignature):
        verified(token, rsa_key().public_key())


def test_a_token_is_signed_again_before_it_ends() -> None:
    gateway = Gateway(declared(), HELD)
    first = gateway.bearer()
    gateway.clock.now += 3570 - 61
    assert gateway.bearer() == first
    gateway.clock.now += 2
    _, claims = verified(gateway.bearer(), rsa_key().public_key())
    assert is_current(claims, gateway.clock.now)
    assert claims["iat"] > NOON


def test_an_access_token_is_preferred_and_named_as_what_it_is() -> None:
    headers = Gateway(declared(), {**HELD, "api_key": "pat-token-1"}).sent()
    assert headers == {"authorization": "Bearer pat-token-1", TYPE: "PROGRAMMATIC_ACCESS_TOKEN"}


def test_a_key_without_its_user_opens_no_way_in() -> None:
    gateway = Gateway(declared(), {"account": "a", "private_key": HELD["private_key"]})
    assert not gateway.credentials.has("acme")
    with pytest.raises(ProviderError, match=r'\{"account": "\.\.\.", "user": "\.\.\.", "private_key"'):
        gateway.sent()
