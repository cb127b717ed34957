"""Provider keys as the request path sees them: looked up by provider, renewed after a 401."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class RefreshingSecrets(Protocol):
    """The part of the secret store that is used here."""

    def provider_keys(self) -> Mapping[str, Mapping[str, str]]:
        """Return the bundle."""

    def refresh(self) -> None:
        """Read the bundle again now."""


class Credentials:
    """Looks up provider keys in the bundle of the secret store. Its repr shows no key."""

    def __init__(self, secrets: RefreshingSecrets) -> None:
        self._secrets = secrets

    def of(self, provider: str) -> Mapping[str, str]:
        """Return the credential of one provider; empty when there is none."""
        return self._secrets.provider_keys().get(provider, {})

    def has(self, provider: str) -> bool:
        """Return whether there is a credential for the provider."""
        return bool(self.of(provider))

    def refresh(self, provider: str) -> bool:
        """Read the secret again and return whether the provider's credential changed."""
        before = self.of(provider)
        self._secrets.refresh()
        return self.of(provider) != before
