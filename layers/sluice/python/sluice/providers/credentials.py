"""Provider credentials as the request path sees them: what is held, how a call is vouched for, what a 401 calls for.

`authorize` is the last step before a call is sent: it sees the call as it goes over the wire, so it can sign it. Tokens
and signatures are imported when the first provider that wants them is called.
"""

from __future__ import annotations

import time
from _thread import allocate_lock
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from sluice.errors import GatewayError
from sluice.ports import Transport
from sluice.providers.auth import DIRECT, IDENTITY, CredentialHeaders, Outgoing, bearer, chosen, keyed, merged, missing
from sluice.signing import CredentialSource
from sluice.types.catalogue import Auth, Provider

if TYPE_CHECKING:
    from sluice.providers.sigv4 import AwsSignatures
    from sluice.providers.tokens.cache import TokenCache

READ_SPACING = 15.0
"""Seconds between two readings of the secret for one provider: a key that stays wrong must not cost a call for each
request, nor may it keep another provider's new key from being found."""


class RefreshingSecrets(Protocol):
    """The part of the secret store that is used here."""

    def provider_keys(self) -> Mapping[str, Mapping[str, str]]:
        """Return the bundle."""

    def refresh(self) -> None:
        """Read the bundle again now."""


class Credentials:
    """Vouches for calls with what the secret store holds, or with the function's own role. Its repr shows no key.

    `role` are the function's AWS credentials, None where it has none to show, and `granted` the AWS services that it
    may call with them ("bedrock", "sts"); a way in that needs another one is not open. `region` is where the function
    runs, `sts_url` replaces the address of AWS STS, `now` gives epoch seconds.
    """

    def __init__(
        self,
        secrets: RefreshingSecrets,
        transport: Transport,
        *,
        catalogue: Callable[[str], Provider | None],
        role: CredentialSource | None = None,
        granted: Iterable[str] = (),
        region: str = "",
        sts_url: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._secrets = secrets
        self._transport = transport
        self._catalogue = catalogue
        self._role = role
        self._granted = frozenset() if role is None else frozenset({IDENTITY, *granted})
        self._region = region
        self._sts_url = sts_url
        self._now = now
        self._signatures: AwsSignatures | None = None
        self._tokens: TokenCache | None = None
        self._read_at: dict[str, float] = {}
        self._reading = allocate_lock()

    def of(self, provider: str) -> Mapping[str, str]:
        """Return what the secret holds for one provider; empty when that is nothing."""
        return self._secrets.provider_keys().get(provider, {})

    def has(self, provider: str) -> bool:
        """Return whether one of the provider's ways in is open with what is held; some need no stored key."""
        known = self._catalogue(provider)
        return known is not None and chosen(known.auth, self.of(provider), self._granted) is not None

    def authorize(self, outgoing: Outgoing, provider: Provider, region: str = "") -> tuple[str, CredentialHeaders]:
        """Return address and headers of a call that the provider will let in.

        `region` is the deployment's own, "" for the one that this function runs in.

        Raises:
            MissingCredential: nothing is held that opens one of the provider's ways in.
            ProviderError: a token could not be minted, or the AWS credentials could not be had.
        """
        held = self.of(provider.name)
        way = chosen(provider.auth, held, self._granted)
        if way is None:
            raise missing(provider.auth, provider.name)
        url = outgoing.url
        if way.scheme in DIRECT:
            url, headers = keyed(outgoing, way, held, provider.name)
        elif way.scheme == "sigv4":
            headers = self._signer().signed(outgoing, way, held, provider=provider.name, region=region or self._region)
        else:
            headers = merged(outgoing.headers, way, bearer(self._token(provider, way, held, region)))
        headers.held = held
        return url, headers

    def refresh(self, provider: str, refused: Mapping[str, str] | None = None) -> bool:
        """Find another credential than the one that a provider has just refused, and return whether there is one.

        `refused` are the headers of the call. What they were made from is compared with what is held now: where several
        calls are under way, one of them reads the secret again and all of them find the new key, and a key that was
        put back finds its way here as well. Minted tokens are forgotten.
        """
        used = refused.held if isinstance(refused, CredentialHeaders) else None
        before = self.of(provider) if used is None else used
        with self._reading:
            if self.of(provider) == before and self._may_read(provider):
                # Out of reach, the secret stays as it was; the next deployment is still there.
                with suppress(GatewayError):
                    self._secrets.refresh()
                if self.of(provider) != before:
                    self._read_at.pop(provider, None)  # what helped may be done again at once
        words = refused.secrets if isinstance(refused, CredentialHeaders) else ()
        dropped = self._tokens is not None and self._tokens.drop(provider, words)
        return self.of(provider) != before or dropped

    def _may_read(self, provider: str) -> bool:
        now = self._now()
        if 0 <= now - self._read_at.get(provider, float("-inf")) < READ_SPACING:
            return False
        self._read_at[provider] = now
        return True

    def renew(self) -> None:
        """Mint tokens that are near their end again; runs after answers. Raises ProviderError."""
        if self._tokens is not None:
            self._tokens.renew(self.of)

    def _signer(self) -> AwsSignatures:
        if self._signatures is None:
            from sluice.providers.sigv4 import AwsSignatures

            self._signatures = AwsSignatures(self._role, self._now)
        return self._signatures

    def _token(self, provider: Provider, way: Auth, held: Mapping[str, str], region: str) -> str:
        from sluice.providers.tokens import Order

        if self._tokens is None:
            from sluice.providers.tokens.cache import TokenCache

            self._tokens = TokenCache(self._now)
        order = Order(
            provider=provider,
            auth=way,
            held=held,
            transport=self._transport,
            now=self._now,
            role=self._role,
            region=region,
            home=self._region,
            sts_url=self._sts_url,
        )
        return self._tokens.token(order)
