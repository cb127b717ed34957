"""Bearers of OIDC tokens: verified once by signature and claims, remembered by digest while they last.

The issuer is the one that the token names and the configuration lists; its keys, its algorithms and its audiences are
all that can verify it. What costs nothing is checked first, the signature last. A remembered token is checked again
for its times and for whether its key is still published.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

from sluice.governance.identity.jwk import PublicKey
from sluice.governance.identity.jwt import Token, TokenRefused, read
from sluice.governance.identity.keysets import KeySet
from sluice.governance.identity.mapping import caller_of
from sluice.ports import Transport
from sluice.types.identity import Issuer
from sluice.types.tenancy import Caller

REMEMBERED = 2048
LATEST = 253_402_300_800
"""The last second that is believed (year 9999): larger numbers overflow elsewhere."""


class Verified(NamedTuple):
    """A token that was found good: until when (epoch seconds), by which key of which issuer, and for whom."""

    until: float
    key: PublicKey
    keys: KeySet
    caller: Caller


class TokenCallers:
    """Turns tokens of the given issuers into callers. `check` refuses addresses, `now` gives epoch seconds."""

    def __init__(
        self,
        issuers: tuple[Issuer, ...],
        transport: Transport,
        check: Callable[[str, bool], str],
        now: Callable[[], float],
    ) -> None:
        self._issuers = {each.issuer: (each, KeySet(each, transport, check, now)) for each in issuers}
        self._now = now
        self._known: dict[bytes, Verified] = {}

    def caller(self, text: str) -> Caller:
        """Return who a token stands for.

        Raises:
            TokenRefused: 401, with what is wrong.
            PermissionDenied: 403, a good token that no rule gives a team.
            IdentityUnavailable: 503, the issuer's keys cannot be had.
        """
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        found = self._known.get(digest)
        if found is not None:
            if self._now() < found.until and found.keys.holds(found.key):
                return found.caller
            self._known.pop(digest, None)
        verified = self._verified(read(text))
        if len(self._known) >= REMEMBERED:
            self._known.pop(next(iter(self._known)))
        self._known[digest] = verified
        return verified.caller

    def renew(self) -> None:
        """Fetch keys that are in use and getting old; runs after answers."""
        for _, keys in self._issuers.values():
            keys.renew()

    def _verified(self, token: Token) -> Verified:
        name = token.claims.get("iss")
        entry = self._issuers.get(name) if isinstance(name, str) else None
        if entry is None:
            raise TokenRefused("The token's issuer (iss) is not one that this gateway knows.")
        issuer, keys = entry
        until = checked_claims(issuer, token.claims, self._now())
        if token.algorithm not in issuer.algorithms:
            raise TokenRefused(
                f"The token's algorithm is not one that issuer {issuer.name!r} signs with here: "
                f"{', '.join(issuer.algorithms)}."
            )
        for key in keys.candidates(token.key_id, token.algorithm):
            if key.checks[token.algorithm](token.signed, token.signature):
                return Verified(until, key, keys, caller_of(issuer, token.claims))
        raise TokenRefused(
            f"The token's signature is not one of issuer {issuer.name!r}: its key is unknown, or it was changed."
        )


def checked_claims(issuer: Issuer, claims: Mapping[str, object], now: float) -> float:
    """Check audience and times of unverified claims; return until when they hold. Raises TokenRefused.

    Times are NumericDates (RFC 7519, section 2); `exp` must be there.
    """
    audience = claims.get("aud")
    meant = audience if isinstance(audience, list) else [audience]
    if not any(isinstance(each, str) and each in issuer.audiences for each in meant):
        raise TokenRefused(
            f"The token is for somebody else: its audience (aud) is not {' or '.join(issuer.audiences)}."
        )
    expires, begins, issued = (_moment(claims, name) for name in ("exp", "nbf", "iat"))
    if expires is None:
        raise TokenRefused("The token has no expiry (exp); only tokens that end are taken.")
    if now >= expires + issuer.clock_skew:
        raise TokenRefused(f"The token expired {int(now - expires)} s ago. Get a new one.", code="expired_token")
    if begins is not None and now < begins - issuer.clock_skew:
        raise TokenRefused(f"The token is not valid for another {int(begins - now)} s (nbf). Check the clocks.")
    if issued is not None and now < issued - issuer.clock_skew:
        raise TokenRefused(f"The token was issued {int(issued - now)} s in the future (iat). Check the clocks.")
    return expires + issuer.clock_skew


def _moment(claims: Mapping[str, object], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < LATEST:
        raise TokenRefused(f"The token's time {name} is not a number of seconds since 1970.")
    return float(value)
