"""All callers that a configuration's `identity` lets in, made anew when that member changes."""

from __future__ import annotations

from collections.abc import Callable

from sluice.errors import AuthenticationFailed, PermissionDenied
from sluice.governance.identity.iam import principal_caller
from sluice.governance.identity.oidc import TokenCallers
from sluice.ports import Transport
from sluice.types.identity import Identity
from sluice.types.tenancy import Caller


class IdentityCallers:
    """Tokens and principals. `identity` gives what the live configuration says, None for nothing."""

    def __init__(
        self,
        identity: Callable[[], Identity | None],
        transport: Transport,
        check: Callable[[str, bool], str],
        now: Callable[[], float],
    ) -> None:
        self._identity = identity
        self._transport = transport
        self._check = check
        self._now = now
        self._issuers: TokenCallers | None = None
        self._made_of: object = None

    def by_token(self, text: str) -> Caller:
        """Return who a bearer token stands for. Raises GatewayError (see `TokenCallers.caller`)."""
        identity = self._identity()
        if identity is None or not identity.issuers:
            raise AuthenticationFailed(
                "This gateway takes no tokens: its configuration lists no issuers. Use a virtual key (sk-sluice-...)."
            )
        if self._issuers is None or self._made_of != identity.issuers:
            # Tokens that were found good under other rules are forgotten with them.
            self._issuers = TokenCallers(identity.issuers, self._transport, self._check, self._now)
            self._made_of = identity.issuers
        return self._issuers.caller(text)

    def by_principal(self, arn: str) -> Caller:
        """Return who a principal is that API Gateway verified. Raises PermissionDenied."""
        identity = self._identity()
        if identity is None or not identity.principals:
            raise PermissionDenied(
                "This gateway gives no team to AWS principals: its configuration lists none (identity.principals).",
                code="no_team",
            )
        return principal_caller(identity.principals, arn)

    def renew(self) -> None:
        """Fetch keys that are getting old; runs after answers."""
        if self._issuers is not None:
            self._issuers.renew()
