"""Who calls."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.types.clock import Millis

SCOPES = (
    "inference",
    "admin",
    "config:read",
    "config:write",
    "keys:read",
    "keys:write",
    "budgets:read",
    "budgets:write",
    "usage:read",
    "ledger:write",
    "audit:read",
    "users:read",
    "users:write",
)
"""What a caller may be let do; "admin" stands for every one but the first, and a write for its read."""


@dataclass(frozen=True, slots=True)
class VirtualKey:
    """A caller's key, without its secret.

    `models` lists what it may call: route names, `provider/model`, bare ids, or patterns with a trailing "*";
    empty means all. `scopes` are of `SCOPES`. Times are epoch milliseconds.
    """

    id: str
    team: str
    name: str
    digest: str
    models: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ("inference",)
    created_ms: Millis = 0
    expires_ms: Millis | None = None
    revoked_ms: Millis | None = None
    team_bound: bool = False
    """True: what it may administer is its own team's alone."""
    rotated_ms: Millis | None = None
    """When it was given its present secret, None while it has its first."""
    previous_digest: str = ""
    """The digest of the secret before, which is good until `previous_until_ms`."""
    previous_until_ms: Millis | None = None

    def allows(self, *names: str) -> bool:
        """Return whether any of the names of one model or route is on the allow-list."""
        if not self.models:
            return True
        for pattern in self.models:
            for name in names:
                if name == pattern or (pattern.endswith("*") and name.startswith(pattern[:-1])):
                    return True
        return False


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller of one request, with the tags it sent.

    A caller without a virtual key has one made up, whose id begins with "oidc:" or "iam:". `user` is the end user that
    such a caller was verified to be, "" where nobody verified one.
    """

    key: VirtualKey
    tags: tuple[tuple[str, str], ...] = ()
    session: str | None = None
    user: str = ""

    @property
    def team(self) -> str:
        """The team that pays."""
        return self.key.team


def label(user: str) -> str:
    """Return what stands for an end user where the name must not: 32 hex digits of its SHA-256."""
    import hashlib

    return hashlib.sha256(user.encode("utf-8", "replace")).hexdigest()[:32]
