"""Tokens that the gateway mints for itself, one module per scheme, each imported when its first token is wanted.

A module has one function, `mint(order) -> Token`. What it signs it signs here, what it exchanges it exchanges through
the transport that carries provider calls, so an address inside a network is refused for a token endpoint as well. A
token serves one provider in one region, is held in memory only, and shows in no `repr`, error or log line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module

from sluice.errors import ProviderError
from sluice.ports import Transport
from sluice.signing import CredentialSource
from sluice.types.catalogue import Auth, Provider

SCHEMES = frozenset({"entra", "oauth", "google", "google_federation", "snowflake", "aws_bearer", "aws_federation"})


class TokenFailed(ProviderError):
    """No token could be minted. `kind` is "authentication" where the credential is at fault, else "connection"."""

    def __init__(self, provider: str, problem: str, *, kind: str = "authentication") -> None:
        super().__init__(
            f"No token for provider {provider}: {problem}",
            provider_status=503 if kind == "authentication" else 502,
            kind=kind,
            provider=provider,
        )
        self.error_code = "provider_token_failed"


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and its life, in epoch seconds by this machine's clock."""

    text: str = field(repr=False)
    minted_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Order:
    """What a scheme may need to mint a token: the way in, what the secret holds, and the ways out.

    `region` is where the call goes, in the provider's words; `home` the AWS region that the function runs in, whose STS
    it asks, at `sts_url` where that replaces AWS's own address. `role` are the function's own AWS credentials, `now`
    gives epoch seconds.
    """

    provider: Provider
    auth: Auth
    held: Mapping[str, str] = field(repr=False)
    transport: Transport
    now: Callable[[], float]
    role: CredentialSource | None = None
    region: str = ""
    home: str = ""
    sts_url: str = ""

    def word(self, member: str) -> str:
        """Return a member of the credential without white space around it, "" where it is not held."""
        return self.held.get(member, "").strip()

    def with_held(self, held: Mapping[str, str]) -> Order:
        """Return the order with what the secret holds now."""
        return replace(self, held=held)

    def refused(self, problem: str) -> TokenFailed:
        """Return the error that says what is wrong with the credential."""
        return TokenFailed(self.provider.name, problem)


def mint(order: Order) -> Token:
    """Return a new token. Raises ProviderError."""
    scheme = order.auth.scheme
    if scheme not in SCHEMES:
        raise order.refused(f"there is no way in called {scheme!r}.")
    token: Token = import_module(f"sluice.providers.tokens.{scheme}").mint(order)
    return token
