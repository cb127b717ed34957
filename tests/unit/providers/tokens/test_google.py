"""Service accounts: the assertion is verified with the public key, as Google does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature

from sluice.errors import ProviderError
from sluice.providers.tokens import google
from sluice.types.catalogue import Auth
from tests.unit.providers.tokens.authority import (
    NOON,
    Answer,
    Gateway,
    Received,
    authority,
    is_current,
    pem,
    rsa_key,
    verified,
)

GOOGLE = Auth("google")
EMAIL = "gateway@project.iam.gserviceaccount.com"
SKEW = 20.0


def key_file(uri: str) -> dict[str, str]:
    return {
        "type": "service_account",
        "project_id": "project",
        "private_key_id": "key-7",
        "private_key": pem(rsa_key()),
        "client_email": EMAIL,
        "token_uri": uri,
    }


class TokenServer:
    """Google's token endpoint: RS256 of a known key, its own address as audience, a current window, no replay."""

    def __init__(self, uri: str, now: float = NOON) -> None:
        self.uri = uri
        self.now = now
        self.seen: set[str] = set()
        self.claims: list[dict[str, Any]] = []

    def __call__(self, request: Received) -> Answer:
        form = request.form
        if form["grant_type"] != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return 400, {"error": "unsupported_grant_type"}
        try:
            header, claims = verified(form["assertion"], rsa_key().public_key())
        except InvalidSignature:
            return 400, {"error": "invalid_grant", "error_description": f"Invalid JWT signature: {form['assertion']}"}
        self.claims.append(claims)
        known = header == {"alg": "RS256", "typ": "JWT", "kid": "key-7"} and claims["iss"] == EMAIL
        if not known or claims["aud"] != self.uri or "cloud-platform" not in claims["scope"]:
            return 400, {"error": "invalid_scope"}
        if not is_current(claims, self.now) or form["assertion"] in self.seen:
            return 400, {"error": "invalid_grant"}
        self.seen.add(form["assertion"])
        return 200, {"access_token": f"ya29.token-{len(self.seen)}", "expires_in": 3599, "token_type": "Bearer"}


@pytest.mark.parametrize("pasted_whole", [True, False])
def test_the_key_file_s_key_signs_an_assertion_that_google_takes(pasted_whole: bool) -> None:
    with authority() as server:
        uri = f"{server.url}/token"
        server.answers["/token"] = token_server = TokenServer(uri)
        file = key_file(uri)
        held = {"service_account": json.dumps(file)} if pasted_whole else file
        assert Gateway(GOOGLE, held).bearer() == "ya29.token-1"
    assert token_server.claims == [
        {
            "iss": EMAIL,
            "scope": "https://www.googleapis.com/auth/cloud-platform",
            "aud": uri,
            "iat": NOON - 30,
            "exp": NOON + 3570,
        }
    ]


@pytest.mark.parametrize("skew", [-SKEW, SKEW])
def test_a_receiver_whose_clock_differs_a_little_takes_the_assertion(skew: float) -> None:
    with authority() as server:
        uri = f"{server.url}/token"
        server.answers["/token"] = TokenServer(uri, NOON + skew)
        assert Gateway(GOOGLE, key_file(uri)).bearer() == "ya29.token-1"


def test_the_assertion_of_another_key_is_refused_and_not_quoted() -> None:
    with authority() as server:
        uri = f"{server.url}/token"
        server.answers["/token"] = TokenServer(uri)
        gateway = Gateway(GOOGLE, {**key_file(uri), "private_key": pem(rsa_key(which=1))})
        with pytest.raises(ProviderError, match=r"400 \(invalid_grant\)") as caught:
            gateway.bearer()
    assert "eyJ" not in caught.value.message


def test_every_token_has_an_assertion_of_its_own() -> None:
    with authority() as server:
        uri = f"{server.url}/token"
        server.answers["/token"] = token_server = TokenServer(uri)
        gateway = Gateway(GOOGLE, key_file(uri))
        assert gateway.bearer() == gateway.bearer() == "ya29.token-1"
        gateway.clock.now = token_server.now = NOON + 3700
        assert gateway.bearer() == "ya29.token-2"
    assert len(token_server.seen) == 2


@pytest.mark.parametrize(
    "uri",
    [
        "https://token.example.com/token",
        "https://oauth2.googleapis.com.example.com/token",
        "https://example.com/oauth2.googleapis.com",
        "http://oauth2.googleapis.com/token",
        "https://user@example.com/token",
        "https://storage.googleapis.com/bucket/token",
    ],
)
def test_assertions_go_to_google_s_own_hosts_only(uri: str) -> None:
    gateway = Gateway(GOOGLE, key_file(uri))
    with pytest.raises(ProviderError, match=r"token_uri must be an https address at one of accounts\.google\.com"):
        gateway.bearer()


def test_google_s_own_address_is_the_default() -> None:
    assert google.TOKEN_URI.partition("://")[2].partition("/")[0] in google.HOSTS


@pytest.mark.parametrize("text", ["{", "[]", "not json at all"])
def test_a_key_file_that_is_none_is_named(text: str) -> None:
    with pytest.raises(ProviderError, match="service_account is not the JSON text") as caught:
        Gateway(GOOGLE, {"service_account": text}).bearer()
    assert caught.value.__context__ is None
