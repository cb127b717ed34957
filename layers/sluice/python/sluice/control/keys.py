"""Virtual keys as an administrator handles them: shown once in the clear, stored as a keyed hash, revoked for good."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, field_validator

from sluice.control.access import administers, reach, require_grantable
from sluice.errors import BadRequest, NotFound, PermissionDenied
from sluice.governance.authentication import ID_LENGTH, PREFIX, SECRET_LENGTH, digest_of
from sluice.types.audit import OPERATOR, Actor, Change
from sluice.types.tenancy import SCOPES, VirtualKey

_ID_ALPHABET = string.ascii_lowercase + "234567"
_SECRET_ALPHABET = string.ascii_letters + string.digits
RESERVED_TEAMS = ("unauthenticated",)


class KeyAdministration(Protocol):
    """The write side of the key store; a change is made together with its record, or not at all."""

    def create(self, key: VirtualKey, change: Change | None = None) -> None:
        """Store a new key."""

    def find(self, key_id: str) -> VirtualKey | None:
        """Return one key."""

    def revoke(self, key_id: str, at_ms: int, change: Change | None = None) -> VirtualKey | None:
        """Mark a key revoked and return it; None when there is none."""

    def rotate(self, key: VirtualKey, before: str, change: Change | None = None) -> bool:
        """Give a key the secret that `key` has; False unless `before` is its digest until now and it is not revoked."""

    def list_keys(self, team: str | None = None) -> Iterable[VirtualKey]:
        """Return the keys of one team, or of all."""


class NewKey(BaseModel):
    """What a key is created with."""

    model_config = ConfigDict(extra="forbid")

    team: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    name: str = Field(default="", max_length=128)
    models: list[str] = Field(default_factory=list, max_length=200)
    scopes: list[str] = Field(default_factory=lambda: ["inference"], min_length=1)
    expires_in_days: float | None = Field(default=None, gt=0, le=3650)
    team_bound: bool = False
    """True: what the key may administer is its own team's alone."""

    @field_validator("scopes")
    @classmethod
    def _known_scopes(cls, scopes: list[str]) -> list[str]:
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown:
            raise ValueError(f"unknown scope {', '.join(unknown)}; known are {', '.join(SCOPES)}")
        return sorted(set(scopes))

    @field_validator("team")
    @classmethod
    def _free_team(cls, team: str) -> str:
        if team in RESERVED_TEAMS:
            raise ValueError(f"the name {team} is reserved")
        return team


class NewSecret(BaseModel):
    """How a key gets a new secret: the old one stays good for `overlap_hours`."""

    model_config = ConfigDict(extra="forbid")

    overlap_hours: float = Field(default=24, ge=0, le=24 * 30)


@dataclass(frozen=True)
class CreatedKey:
    """A new key with its text, which is shown this once and never stored. The text stays out of the repr."""

    key: VirtualKey
    text: str

    def __repr__(self) -> str:
        return f"CreatedKey(id={self.key.id!r})"


class Keys:
    """The use cases. `now_ms` gives epoch milliseconds."""

    def __init__(self, store: KeyAdministration, pepper: Callable[[], bytes], now_ms: Callable[[], int]) -> None:
        self._store = store
        self._pepper = pepper
        self._now_ms = now_ms

    def create(self, wanted: NewKey, by: Actor = OPERATOR) -> CreatedKey:
        """Create and store a key; one made by a bound administrator is bound too. Raises PermissionDenied."""
        reach(by, wanted.team)
        require_grantable(by, wanted.scopes)
        key_id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(ID_LENGTH))
        text = _text(key_id)
        now = self._now_ms()
        days = wanted.expires_in_days
        key = VirtualKey(
            id=key_id,
            team=wanted.team,
            name=wanted.name,
            digest=digest_of(text, self._pepper()),
            models=tuple(wanted.models),
            scopes=tuple(wanted.scopes),
            created_ms=now,
            expires_ms=None if days is None else now + int(days * 86_400_000),
            team_bound=(wanted.team_bound or by.team_bound) and administers(wanted.scopes),
        )
        self._store.create(key, Change("keys.create", f"keys/{key_id}", by, key.team, after=key_card(key, now)))
        return CreatedKey(key, text)

    def create_first_admin(self) -> CreatedKey:
        """Create the key that can create all others. Raises PermissionDenied while another admin key works."""
        now = self._now_ms()
        working = [key for key in self._store.list_keys() if "admin" in key.scopes and _works(key, now)]
        if working:
            raise PermissionDenied(
                f"Admin key {working[0].id} exists; it creates further ones. Revoke it first if it is lost."
            )
        return self.create(NewKey(team="administrators", name="first", scopes=["admin", "inference"]))

    def list_keys(self, team: str | None = None, by: Actor = OPERATOR) -> list[VirtualKey]:
        """Return the keys of one team (None: of all that the actor sees), oldest first."""
        return sorted(self._store.list_keys(reach(by, team)), key=lambda key: (key.team, key.created_ms, key.id))

    def teams(self) -> list[str]:
        """Return every team that ever had a key."""
        return sorted({key.team for key in self._store.list_keys()})

    def revoke(self, key_id: str, by: Actor = OPERATOR) -> VirtualKey:
        """Revoke a key; every environment refuses it within a minute. Raises NotFound, PermissionDenied."""
        now, key = self._now_ms(), self._store.find(key_id)
        if key is not None and not (by.team_bound and key.team != by.team):
            if key.id != by.id:
                require_grantable(by, key.scopes)
            revoked = key if key.revoked_ms is not None else replace(key, revoked_ms=now)
            states = {"before": key_card(key, now), "after": key_card(revoked, now)}
            key = self._store.revoke(key_id, now, Change("keys.revoke", f"keys/{key_id}", by, key.team, **states))
        else:
            key = None
        if key is None:
            raise NotFound(f"There is no key {key_id[:32]!r}. 'sluice keys list' shows the ids.", code="key_not_found")
        return key

    def rotate(self, key_id: str, wanted: NewSecret, by: Actor = OPERATOR) -> CreatedKey:
        """Give a key a new secret; the old one is good until the overlap ends, the one before that no more.

        Raises NotFound, BadRequest for a key that works no more, PermissionDenied.
        """
        now, key = self._now_ms(), self._store.find(key_id)
        if key is None or (by.team_bound and key.team != by.team):
            raise NotFound(f"There is no key {key_id[:32]!r}. 'sluice keys list' shows the ids.", code="key_not_found")
        if key.id != by.id:
            require_grantable(by, key.scopes)
        if not _works(key, now):
            raise BadRequest(f"Key {key.id} is {key_card(key, now)['state']}; create a new one.", code="key_not_active")
        text = _text(key.id)
        rotated = replace(
            key,
            digest=digest_of(text, self._pepper()),
            rotated_ms=now,
            previous_digest=key.digest,
            previous_until_ms=now + int(wanted.overlap_hours * 3_600_000),
        )
        states = {"before": key_card(key, now), "after": key_card(rotated, now)}
        if not self._store.rotate(rotated, key.digest, Change("keys.rotate", f"keys/{key_id}", by, key.team, **states)):
            raise BadRequest(
                f"Key {key.id} was changed by somebody else just now; look at it again.", code="key_changed"
            )
        return CreatedKey(rotated, text)


def _text(key_id: str) -> str:
    return PREFIX + key_id + "".join(secrets.choice(_SECRET_ALPHABET) for _ in range(SECRET_LENGTH))


def _works(key: VirtualKey, now_ms: int) -> bool:
    return key.revoked_ms is None and (key.expires_ms is None or key.expires_ms > now_ms)


def key_card(key: VirtualKey, now_ms: int) -> dict[str, object]:
    """Return a key as the API shows it: everything but its digest."""
    state = "active"
    if key.revoked_ms is not None:
        state = "revoked"
    elif key.expires_ms is not None and key.expires_ms <= now_ms:
        state = "expired"
    return {
        "id": key.id,
        "team": key.team,
        "name": key.name,
        "models": list(key.models),
        "scopes": list(key.scopes),
        "state": state,
        "created_ms": key.created_ms,
        "expires_ms": key.expires_ms,
        "revoked_ms": key.revoked_ms,
        "team_bound": key.team_bound,
        "rotated_ms": key.rotated_ms,
        "previous_until_ms": key.previous_until_ms,
    }
