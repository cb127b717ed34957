"""Virtual keys in the `config` table.

    pk=key#<id>     sk=key         the record; the only place of the digest
    pk=team#<team>  sk=key#<id>    the same without the digest, for listing
    pk=teams        sk=<team>      which teams there are

Each change writes record and listing in one transaction, so they cannot tell different stories.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sluice.aws.attributes import Item
from sluice.aws.dynamodb import DynamoClient, Key, Write, put, update
from sluice.aws.errors import TransactionCancelled
from sluice.types.tenancy import VirtualKey

if TYPE_CHECKING:
    from sluice.types.audit import Change

Commit = Callable[[Sequence[Write], "Change"], None]
TEAMS = "teams"
_ID_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz234567")
_ID_LENGTH = 12
_RECORD = "key"


class DynamoKeyStore:
    """Reads keys for authentication (`ports.KeyStore`) and writes them for the control plane."""

    def __init__(self, client: DynamoClient, table: str, commit: Commit | None = None) -> None:
        self._client = client
        self._table = table
        self._commit = commit
        """Makes a change together with its audit record; None: changes are not recorded (the local stack's first)."""

    def find(self, key_id: str) -> VirtualKey | None:
        """Return a key, None for an unknown id and for one that no key can have."""
        if len(key_id) != _ID_LENGTH or not _ID_CHARACTERS.issuperset(key_id):
            return None
        # Consistent: a key is used the moment it was made, and its absence would be remembered.
        item = self._client.get_item(self._table, _record(key_id), consistent=True)
        return None if item is None else _key(key_id, item)

    def create(self, key: VirtualKey, change: Change | None = None) -> None:
        """Store a new key. Raises TransactionCancelled when its id is taken."""
        listed = _attributes(key)
        pk, sk = _record(key.id)
        writes = [
            put(
                self._table,
                {"pk": pk, "sk": sk, "digest": key.digest, **listed},
                condition="attribute_not_exists(pk)",
            ),
            put(self._table, {"pk": _team(key.team), "sk": f"key#{key.id}", **listed}),
            update(
                self._table,
                (TEAMS, key.team),
                "SET created_ms = if_not_exists(created_ms, :now)",
                values={":now": key.created_ms},
            ),
        ]
        self._write(writes, change)

    def revoke(self, key_id: str, at_ms: int, change: Change | None = None) -> VirtualKey | None:
        """Mark a key revoked and return it, None for an unknown id. A key revoked before keeps its time."""
        key = self.find(key_id)
        if key is None:
            return None
        listing = (_team(key.team), f"key#{key.id}")
        self._write([self._revocation(_record(key.id), at_ms), self._revocation(listing, at_ms)], change)
        return key if key.revoked_ms is not None else replace(key, revoked_ms=at_ms)

    def rotate(self, key: VirtualKey, before: str, change: Change | None = None) -> bool:
        """Give a key the secret that `key` has; False unless `before` is its digest until now and it is not revoked."""
        values = {":at": key.rotated_ms or 0, ":until": key.previous_until_ms or 0}
        times = "SET rotated_ms = :at, previous_until_ms = :until"
        secret = {":new": key.digest, ":old": key.previous_digest, ":before": before}
        listing = (_team(key.team), f"key#{key.id}")
        writes = [
            update(
                self._table,
                _record(key.id),
                f"{times}, digest = :new, previous_digest = :old",
                condition="digest = :before AND attribute_not_exists(revoked_ms)",
                values={**values, **secret},
            ),
            update(self._table, listing, times, condition="attribute_exists(pk)", values=values),
        ]
        try:
            self._write(writes, change)
        except TransactionCancelled as error:
            if not any(code == "ConditionalCheckFailed" for code, _ in error.reasons):
                raise
            return False
        return True

    def teams(self) -> list[str]:
        """Return the names of all teams that ever had a key."""
        return [item["sk"] for item in self._client.query(self._table, TEAMS)]

    def list_keys(self, team: str | None = None) -> Iterator[VirtualKey]:
        """Yield the keys of one team, or of all, without their digests."""
        for name in self.teams() if team is None else [team]:
            for item in self._client.query(self._table, _team(name), begins_with="key#", consistent=True):
                yield _key(item["sk"].removeprefix("key#"), item)

    def _write(self, writes: list[Write], change: Change | None) -> None:
        if self._commit is None or change is None:
            self._client.transact_write(writes)
        else:
            self._commit(writes, change)

    def _revocation(self, key: Key, at_ms: int) -> Write:
        return update(
            self._table,
            key,
            "SET revoked_ms = if_not_exists(revoked_ms, :at)",
            condition="attribute_exists(pk)",
            values={":at": at_ms},
        )


def _record(key_id: str) -> Key:
    return f"key#{key_id}", _RECORD


def _team(team: str) -> str:
    return f"team#{team}"


def _attributes(key: VirtualKey) -> Item:
    attributes: Item = {
        "team": key.team,
        "name": key.name,
        "models": key.models,
        "scopes": key.scopes,
        "created_ms": key.created_ms,
    }
    for name, moment in (("expires_ms", key.expires_ms), ("revoked_ms", key.revoked_ms)):
        if moment is not None:
            attributes[name] = moment
    if key.team_bound:
        attributes["team_bound"] = True
    return attributes


def _key(key_id: str, item: Item) -> VirtualKey:
    return VirtualKey(
        id=key_id,
        team=item["team"],
        name=item["name"],
        digest=item.get("digest", ""),
        models=tuple(item["models"]),
        scopes=tuple(item["scopes"]),
        created_ms=item["created_ms"],
        expires_ms=item.get("expires_ms"),
        revoked_ms=item.get("revoked_ms"),
        team_bound=item.get("team_bound", False),
        rotated_ms=item.get("rotated_ms"),
        previous_digest=item.get("previous_digest", ""),
        previous_until_ms=item.get("previous_until_ms"),
    )
