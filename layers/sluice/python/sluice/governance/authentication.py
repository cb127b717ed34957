"""Who is calling: virtual keys, checked against their stored HMAC and cached in memory; or, where a configuration lets
them in, bearers of OIDC tokens and AWS principals (`sluice.governance.identity`, loaded with the first of them).

A key found is trusted for `FRESH_SECONDS`; `refresh`, which runs after the answer, re-reads the ones in use before
they get that old, so a revocation reaches every environment within a minute and a warm request makes no call. While
the store is out of reach a known key stays good for `GRACE_SECONDS`: an outage of the table must not become one
of the gateway. Unknown keys are remembered too, so that guessing costs one read and no more. A key that was given a
new secret takes the old one until its overlap ends; a secret that does not fit what is remembered costs one read, for
it may be the new one.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from sluice.errors import AuthenticationFailed, PermissionDenied
from sluice.ports import KeyStore
from sluice.types.tenancy import Caller, VirtualKey

PREFIX = "sk-sluice-"
ID_LENGTH = 12
SECRET_LENGTH = 32
KEY_LENGTH = len(PREFIX) + ID_LENGTH + SECRET_LENGTH
FRESH_SECONDS = 50.0
REFRESH_SECONDS = 20.0
GRACE_SECONDS = 600.0
MISFIT_SECONDS = 2.0
"""How old what is remembered of a key must be before a secret that does not fit it makes anybody read again."""
CACHE_SIZE = 4096
TAG_LIMIT = 16

_HOW = "Send it as 'Authorization: Bearer sk-sluice-...' or 'x-api-key: sk-sluice-...'."


class Identities(Protocol):
    """Callers without a virtual key."""

    def by_token(self, text: str) -> Caller:
        """Return who a bearer token stands for. Raises GatewayError."""

    def by_principal(self, arn: str) -> Caller:
        """Return who a verified AWS principal is. Raises GatewayError."""


class Authenticator:
    """Turns request headers into a Caller. `pepper` is read once; `now` gives epoch seconds.

    `identities` makes what knows callers without a virtual key; None: there are none.
    """

    def __init__(
        self,
        keys: KeyStore,
        pepper: Callable[[], bytes],
        now: Callable[[], float],
        identities: Callable[[], Identities] | None = None,
    ) -> None:
        self._keys = keys
        self._pepper = pepper
        self._now = now
        self._identities = identities
        self._known: dict[str, tuple[VirtualKey | None, float]] = {}
        self._used: set[str] = set()

    def authenticate(
        self, headers: Mapping[str, str], scope: str | None = "inference", *, principal: str = ""
    ) -> Caller:
        """Return the caller; a `principal` that API Gateway verified goes before whatever the headers say.

        Raises AuthenticationFailed, or PermissionDenied when the caller lacks `scope` (None: none is asked for).
        """
        if self._identities is not None:
            token = "" if principal else presented_token(headers)
            if principal or token:
                identities = self._identities()
                found = identities.by_principal(principal) if principal else identities.by_token(token)
                _check_scope(found.key, scope)
                return _with_headers(found, headers)
        presented = presented_key(headers)
        key_id = presented[len(PREFIX) : len(PREFIX) + ID_LENGTH]
        digest = digest_of(presented, self._pepper())
        key = self._find(key_id)
        fits = fitting(key, digest)
        if not fits and self._outdated(key_id):
            # Out of reach, the store has nothing newer to tell, and a wrong secret stays wrong.
            with suppress(Exception):
                key = self._read(key_id, self._now())
            fits = fitting(key, digest)
        if key is None or not fits:
            raise AuthenticationFailed(f"The API key is not known to this gateway. {_HOW}")
        self._check(key, scope)
        if fits == "previous" and (key.previous_until_ms or 0) <= self._now() * 1000:
            raise AuthenticationFailed(
                f"API key {key.id} was given a new secret, and the time for the old one is over. Use the new one.",
                code="rotated_api_key",
            )
        self._used.add(key_id)
        return Caller(key, tags_of(headers.get("x-sluice-tags", "")), headers.get("x-sluice-session"))

    def refresh(self) -> None:
        """Re-read keys used since the last call that are getting old; failures leave them as they are."""
        now = self._now()
        used, self._used = self._used, set()
        for key_id in used:
            found = self._known.get(key_id)
            if found is not None and now - found[1] > REFRESH_SECONDS:
                self._read(key_id, now)

    def _check(self, key: VirtualKey, scope: str | None) -> None:
        now_ms = self._now() * 1000
        if key.revoked_ms is not None and key.revoked_ms <= now_ms:
            raise AuthenticationFailed(f"API key {key.id} was revoked. Ask its team's owner for a new one.")
        if key.expires_ms is not None and key.expires_ms <= now_ms:
            raise AuthenticationFailed(
                f"API key {key.id} has expired. Ask its team's owner for a new one.", code="expired_api_key"
            )
        _check_scope(key, scope)

    def _find(self, key_id: str) -> VirtualKey | None:
        now = self._now()
        found = self._known.get(key_id)
        if found is not None and now - found[1] <= FRESH_SECONDS:
            return found[0]
        try:
            return self._read(key_id, now)
        except Exception:
            if found is not None and found[0] is not None and now - found[1] <= GRACE_SECONDS:
                return found[0]
            raise

    def _outdated(self, key_id: str) -> bool:
        found = self._known.get(key_id)
        return found is not None and found[0] is not None and self._now() - found[1] > MISFIT_SECONDS

    def _read(self, key_id: str, now: float) -> VirtualKey | None:
        key = self._keys.find(key_id)
        if len(self._known) >= CACHE_SIZE:
            self._known.pop(next(iter(self._known)))
        self._known[key_id] = (key, now)
        return key


def fitting(key: VirtualKey | None, digest: str, compare: Callable[[str, str], bool] = hmac.compare_digest) -> str:
    """Return which of a key's secrets has this digest: "current", "previous", or "" for none.

    Both comparisons run always, also for an unknown id, so that their timing tells nothing.
    """
    nothing = "0" * len(digest)
    current = compare(digest, (key.digest if key is not None else "") or nothing)
    previous = compare(digest, (key.previous_digest if key is not None else "") or nothing)
    return "current" if current else "previous" if previous else ""


def digest_of(key_text: str, pepper: bytes) -> str:
    """Return the hex HMAC-SHA256 under which a key is stored."""
    return hmac.digest(pepper, key_text.encode("ascii"), "sha256").hex()


def presented_key(headers: Mapping[str, str]) -> str:
    """Return the virtual key of a request. Raises AuthenticationFailed when there is none or it is malformed."""
    bearer = headers.get("authorization", "")
    candidates = [headers.get("x-api-key", "").strip(), headers.get("x-goog-api-key", "").strip()]
    if bearer[:7].lower() == "bearer ":
        candidates.insert(0, bearer[7:].strip())
    for text in candidates:
        if text.startswith(PREFIX):
            if len(text) == KEY_LENGTH and text.isascii() and text[len(PREFIX) :].isalnum():
                return text
            raise AuthenticationFailed(
                f"The API key is malformed: a key has {KEY_LENGTH} characters and begins with {PREFIX}."
            )
    if any(candidates):
        raise AuthenticationFailed(
            f"That is not a key of this gateway: its keys begin with {PREFIX}. {_HOW} "
            "Provider keys belong in the gateway's secret, not in the request."
        )
    raise AuthenticationFailed(f"No API key was sent. {_HOW}", code="missing_api_key")


def presented_token(headers: Mapping[str, str]) -> str:
    """Return the credential of a request that is written like a token; "" where there is none, or a virtual key too."""
    bearer = headers.get("authorization", "")
    sent = [bearer[7:].strip() if bearer[:7].lower() == "bearer " else "", headers.get("x-api-key", "").strip()]
    if any(text.startswith(PREFIX) for text in sent):
        return ""
    return next((text for text in sent if text.startswith("eyJ") and text.count(".") == 2), "")


def _check_scope(key: VirtualKey, scope: str | None) -> None:
    if scope is not None and scope not in key.scopes:
        raise PermissionDenied(f"API key {key.id} has no {scope!r} scope; use a key that was created with it.")


def _with_headers(caller: Caller, headers: Mapping[str, str]) -> Caller:
    """Add what the caller says of itself; what was verified of it stays."""
    verified = {name for name, _ in caller.tags}
    said = tuple(pair for pair in tags_of(headers.get("x-sluice-tags", "")) if pair[0] not in verified)
    return replace(caller, tags=(*caller.tags, *said)[:TAG_LIMIT], session=headers.get("x-sluice-session"))


def tags_of(header: str) -> tuple[tuple[str, str], ...]:
    """Return the pairs of an `x-sluice-tags` header (`team=search,env=prod`); odd items are left out."""
    pairs = []
    for item in header.split(",")[:TAG_LIMIT]:
        name, equals, value = item.partition("=")
        name, value = name.strip()[:64], value.strip()[:128]
        if equals and name and value:
            pairs.append((name, value))
    return tuple(pairs)
