"""Providers inside AWS: each call is signed with the function's own role, or with keys that the secret holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sluice.errors import GatewayError, ProviderError
from sluice.providers.auth import STATIC_AWS, CredentialHeaders, Outgoing, merged
from sluice.signing import Credentials, CredentialSource, FixedCredentials, Signer, region_of
from sluice.types.catalogue import Auth


class RoleUnavailable(ProviderError):
    """The function's own AWS credentials cannot be had."""

    def __init__(self, provider: str, reason: str) -> None:
        super().__init__(
            f"Provider {provider} is called with the function's AWS credentials, and they cannot be had: {reason}",
            provider_status=503,
            kind="authentication",
            provider=provider,
        )
        self.error_code = "provider_credentials_unavailable"


class AwsSignatures:
    """Signs calls; keeps one signer (and with it the day's signing key) per provider, service and region."""

    def __init__(self, role: CredentialSource | None, now: Callable[[], float]) -> None:
        self._role = role
        self._now = now
        self._signers: dict[tuple[str, str, str], Signer] = {}

    def signed(
        self, outgoing: Outgoing, auth: Auth, held: Mapping[str, str], *, provider: str, region: str
    ) -> CredentialHeaders:
        """Return the headers of the call, signed. `region` holds where the address names none.

        Raises:
            RoleUnavailable: there are no AWS credentials.
        """
        unsigned = merged(outgoing.headers, auth, CredentialHeaders())
        unsigned.pop("authorization", None)
        signer = self._signer(held, provider, auth.settings["service"], region_of(outgoing.url) or region)
        signed = signer.sign(outgoing.method, outgoing.url, unsigned, outgoing.body)
        # AWS quotes the signed request, this token included, when it takes the signature for wrong.
        token = signed.get("x-amz-security-token", "")
        return CredentialHeaders(signed, (token,) if token else ())

    def _signer(self, held: Mapping[str, str], provider: str, service: str, region: str) -> Signer:
        if held.get(STATIC_AWS[0]):
            return Signer(service, region, source(held, self._role, provider), now=self._now)
        found = self._signers.get((provider, service, region))
        if found is None:
            found = Signer(service, region, source(held, self._role, provider), now=self._now)
            self._signers[provider, service, region] = found
        return found


class _Role:
    """The role's credentials; when they cannot be had, the error names the provider and lets dispatch go on."""

    def __init__(self, role: CredentialSource, provider: str) -> None:
        self._role = role
        self._provider = provider

    def current(self) -> Credentials:
        """Return the credentials. Raises RoleUnavailable."""
        try:
            return self._role.current()
        except GatewayError as error:
            reason = error.message
        raise RoleUnavailable(self._provider, reason)


def source(held: Mapping[str, str], role: CredentialSource | None, provider: str) -> CredentialSource:
    """Return the AWS credentials that the secret holds, else the role's. Raises RoleUnavailable."""
    if all(held.get(member) for member in STATIC_AWS):
        key_id, secret = (held[member].strip() for member in STATIC_AWS)
        return FixedCredentials(Credentials(key_id, secret, held.get("aws_session_token", "").strip()))
    if role is None:
        raise RoleUnavailable(provider, "this environment has none.")
    return _Role(role, provider)
