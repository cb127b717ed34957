"""Provider keys as the headers that carry them; no key ever shows in a `repr`, so neither in a traceback."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.errors import ProviderError
from sluice.types.catalogue import Auth


class MissingCredential(ProviderError):
    """The gateway holds no usable key for a provider; the message says how to add one."""

    def __init__(self, provider: str, problem: str) -> None:
        super().__init__(
            f"Provider {provider} {problem}. Add it to the provider secret as "
            f'{{"{provider}": {{"api_key": "..."}}}}; the local stack takes it from {provider.upper()}_API_KEY.',
            provider_status=503,
            kind="authentication",
            provider=provider,
        )
        self.error_code = "provider_key_missing"


class CredentialHeaders(dict[str, str]):
    """Headers that hold a key; `repr` shows their names only."""

    def __repr__(self) -> str:
        return f"CredentialHeaders({', '.join(sorted(self))})"


def credential_headers(auth: Auth, credential: Mapping[str, str] | None, provider: str) -> CredentialHeaders:
    """Return the headers that authenticate the gateway at `provider`.

    `credential` is the provider's part of the secret bundle, {"api_key": ...}; None or {} when there is none.
    Raises MissingCredential.
    """
    if auth.scheme == "none":
        return CredentialHeaders()
    held = credential or {}
    if auth.scheme == "pair":
        headers = CredentialHeaders(
            {name: _sendable(held.get(part, ""), provider) for name, part in auth.parts.items()}
        )
        if held.get("api_key"):
            headers["authorization"] = f"Bearer {_sendable(held['api_key'], provider)}"
        return headers
    key = _sendable(held.get("api_key", ""), provider)
    if auth.scheme == "bearer":
        return CredentialHeaders({"authorization": f"Bearer {key}"})
    return CredentialHeaders({auth.name.lower(): f"{auth.prefix}{key}"})


def _sendable(text: str, provider: str) -> str:
    key = text.strip()
    if not key:
        raise MissingCredential(provider, "has no key")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise MissingCredential(provider, "has a key that cannot be sent (a space, line break or non-ASCII text)")
    return key
