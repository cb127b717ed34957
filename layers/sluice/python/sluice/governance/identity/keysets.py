"""The keys of one issuer, fetched over https, kept in memory, and fetched again before they are old.

A set is good for `FRESH_SECONDS`; `renew`, which runs after answers, fetches it again before that, so a warm request
waits for nothing. A token whose key is unknown fetches it again, at most once in `SPACING_SECONDS` whoever sends how
many. While the issuer is out of reach its last keys stay good for `STALE_SECONDS`. One thread fetches, the others wait
for it. An answer is bounded in size and time, and a redirect is not followed.
"""

from __future__ import annotations

import json
from _thread import allocate_lock
from collections.abc import Callable, Mapping

from sluice.errors import GatewayError, IdentityUnavailable
from sluice.governance.identity.jwk import PublicKey, public_keys
from sluice.ports import Transport, UpstreamCall
from sluice.types.identity import Issuer
from sluice.types.routes import Timeouts

FRESH_SECONDS = 900.0
RENEW_SECONDS = 600.0
SPACING_SECONDS = 30.0
STALE_SECONDS = 6 * 3600.0
ANSWER_LIMIT = 262_144
TIMEOUTS = Timeouts(connect=2.0, first_byte=4.0, idle=2.0, total=5.0)
DISCOVERY = "/.well-known/openid-configuration"


class KeySet:
    """The keys of `issuer`. `check` refuses addresses that may not be called, `now` gives epoch seconds."""

    def __init__(
        self, issuer: Issuer, transport: Transport, check: Callable[[str, bool], str], now: Callable[[], float]
    ) -> None:
        self._issuer = issuer
        self._transport = transport
        self._check = check
        self._now = now
        self._lock = allocate_lock()
        self._keys: tuple[PublicKey, ...] = ()
        self._fetched = float("-inf")
        self._tried = float("-inf")
        self._used = False

    def candidates(self, key_id: str | None, algorithm: str) -> tuple[PublicKey, ...]:
        """Return the keys that may have signed: those of that id; without one, the only one there is.

        Raises IdentityUnavailable when there are no keys at all, or none that are not too old.
        """
        self._used = True
        keys = self._held()
        found = _matching(keys, key_id, algorithm)
        if not found:
            self._fetch(self._now() - SPACING_SECONDS)
            found = _matching(self._keys, key_id, algorithm)
        return found

    def holds(self, key: PublicKey) -> bool:
        """Return whether the issuer still publishes a key, as far as is known and not too old."""
        self._used = True
        return self._now() - self._fetched <= STALE_SECONDS and key in self._keys

    def renew(self) -> None:
        """Fetch a set that is in use and getting old; a failure leaves it as it is."""
        if self._used and self._now() - self._fetched > RENEW_SECONDS:
            self._used = False
            self._fetch(self._now() - RENEW_SECONDS)

    def _held(self) -> tuple[PublicKey, ...]:
        if self._now() - self._fetched > FRESH_SECONDS:
            self._fetch(self._now() - FRESH_SECONDS)
        if self._now() - self._fetched > STALE_SECONDS:
            raise IdentityUnavailable(
                f"The keys of issuer {self._issuer.name!r} cannot be had right now, so its tokens cannot be checked. "
                "Try again in a moment, or use a virtual key.",
                retry_after=SPACING_SECONDS,
            )
        return self._keys

    def _may_try(self) -> bool:
        return not 0 <= self._now() - self._tried < SPACING_SECONDS

    def _fetch(self, older_than: float) -> None:
        """Fetch the set unless that was tried a moment ago, perhaps by another thread while this one waited."""
        with self._lock:
            if self._fetched > older_than or not self._may_try():
                return
            self._tried = self._now()
            try:
                keys = public_keys(self._document(self._address()))
            except (GatewayError, ValueError, RecursionError):
                return
            if keys:  # an empty set is a mistake at the issuer, not a reason to lock everybody out
                self._keys, self._fetched = keys, self._now()

    def _address(self) -> str:
        if self._issuer.jwks_url:
            return self._issuer.jwks_url
        found = self._document(self._issuer.issuer.rstrip("/") + DISCOVERY)
        # Whoever answers there must be the issuer (OpenID Connect Discovery 1.0, section 4.3).
        address = found.get("jwks_uri")
        if found.get("issuer") != self._issuer.issuer or not isinstance(address, str):
            raise ValueError("not the issuer's own description")
        return address

    def _document(self, address: str) -> Mapping[str, object]:
        loopback = self._issuer.allow_loopback
        call = UpstreamCall(
            "GET",
            self._check(address, loopback),
            {"accept": "application/json", "accept-encoding": "identity", "user-agent": "sluice"},
            b"",
            TIMEOUTS,
            allow_loopback=loopback,
        )
        answer = self._transport.send(call)
        content = answer.read(ANSWER_LIMIT)
        document = json.loads(content) if answer.status == 200 else None
        if not isinstance(document, dict):
            raise ValueError("no JSON object")
        return document


def _matching(keys: tuple[PublicKey, ...], key_id: str | None, algorithm: str) -> tuple[PublicKey, ...]:
    able = tuple(key for key in keys if algorithm in key.checks)
    if key_id is not None:
        return tuple(key for key in able if key.key_id == key_id)
    return able if len(able) == 1 else ()
