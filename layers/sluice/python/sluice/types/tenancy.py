"""Who calls."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.types.clock import Millis


@dataclass(frozen=True, slots=True)
class VirtualKey:
    """A caller's key, without its secret.

    `models` lists what it may call: route names, `provider/model`, bare ids, or patterns with a trailing "*";
    empty means all. `scopes` are "inference" and "admin". Times are epoch milliseconds.
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
    """An authenticated caller of one request, with the tags it sent."""

    key: VirtualKey
    tags: tuple[tuple[str, str], ...] = ()
    session: str | None = None

    @property
    def team(self) -> str:
        """The team that pays."""
        return self.key.team
