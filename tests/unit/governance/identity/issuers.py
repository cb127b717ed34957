"""An issuer on the other side of a transport: its documents, how often they were asked for, and its faults."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sluice.errors import ProviderUnreachable
from sluice.governance.identity.oidc import TokenCallers
from sluice.ports import UpstreamCall
from sluice.providers.addresses import check_base_url
from sluice.types.identity import ClaimRule, Grant, Issuer
from tests.unit.governance.identity.signers import jwk, rsa_key, token

ISSUER = "https://login.example.com/acme"
JWKS = "https://login.example.com/acme/keys"
NOW = 1_800_000_000.0
CLAIMS: Mapping[str, object] = {
    "iss": ISSUER,
    "aud": "sluice",
    "sub": "ann",
    "exp": NOW + 3600,
    "nbf": NOW - 10,
    "iat": NOW - 10,
    "groups": ["search", "staff"],
}


class Now:
    def __init__(self) -> None:
        self.seconds = NOW

    def __call__(self) -> float:
        return self.seconds


class Answer:
    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.headers: Mapping[str, str] = {}
        self._body = body

    def read(self, limit: int | None = None) -> bytes:
        if limit is not None and len(self._body) > limit:
            raise ProviderUnreachable("too much")
        return self._body

    def chunks(self, tick: float | None = None) -> Any:
        raise AssertionError("keys are read whole")

    def close(self) -> None:
        pass


class Web:
    """Pages by URL; a page that is missing answers 404, and nothing answers while `down`."""

    def __init__(self, **more: object) -> None:
        self.pages: dict[str, object] = {JWKS: {"keys": [jwk(rsa_key())]}, **more}
        self.status = 200
        self.down = False
        self.calls: list[UpstreamCall] = []

    def send(self, call: UpstreamCall) -> Answer:
        self.calls.append(call)
        if self.down:
            raise ProviderUnreachable("no connection")
        page = self.pages.get(call.url)
        body = page if isinstance(page, bytes) else json.dumps(page).encode()
        return Answer(self.status if page is not None else 404, body)


def issuer(**changes: Any) -> Issuer:
    values: dict[str, Any] = {
        "name": "okta",
        "issuer": ISSUER,
        "audiences": ("sluice",),
        "algorithms": ("RS256",),
        "rules": (ClaimRule(Grant(team="search"), when=(("groups", ("search",)),)),),
        "jwks_url": JWKS,
    }
    return Issuer(**{**values, **changes})


def callers(web: Web | None = None, now: Now | None = None, **changes: Any) -> TokenCallers:
    return TokenCallers((issuer(**changes),), web or Web(), check_base_url, now or Now())


def good(**changes: object) -> str:
    """Return a token of `CLAIMS` with changes; a claim changed to None is left out."""
    return token(rsa_key(), {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None})
