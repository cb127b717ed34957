"""Keys as an administrator handles them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from sluice.control.keys import Keys, NewKey, key_card
from sluice.errors import NotFound, PermissionDenied
from sluice.governance.authentication import Authenticator
from sluice.types.audit import OPERATOR, Change
from sluice.types.tenancy import VirtualKey
from tests.fakes import PEPPER


class Store:
    def __init__(self) -> None:
        self.keys: dict[str, VirtualKey] = {}

        self.changes: list[Change | None] = []

    def create(self, key: VirtualKey, change: Change | None = None) -> None:
        self.changes.append(change)
        self.keys[key.id] = key

    def find(self, key_id: str) -> VirtualKey | None:
        return self.keys.get(key_id)

    def revoke(self, key_id: str, at_ms: int, change: Change | None = None) -> VirtualKey | None:
        key = self.keys.get(key_id)
        if key is not None:
            self.changes.append(change)
            key = VirtualKey(**{n: getattr(key, n) for n in VirtualKey.__slots__} | {"revoked_ms": at_ms})
            self.keys[key_id] = key
        return key

    def rotate(self, key: VirtualKey, before: str, change: Change | None = None) -> bool:
        if self.keys[key.id].digest != before:
            return False
        self.keys[key.id] = key
        return True

    def list_keys(self, team: str | None = None) -> list[VirtualKey]:
        return [key for key in self.keys.values() if team in (None, key.team)]


def keys(store: Store) -> Keys:
    return Keys(store, lambda: PEPPER, lambda: 1_000_000)


def test_a_created_key_authenticates_and_its_text_is_stored_nowhere() -> None:
    store = Store()
    created = keys(store).create(NewKey(team="search", models=["openai/*"], expires_in_days=1))
    assert created.text not in repr(store.keys)
    assert created.text not in repr(created)
    caller = Authenticator(store, lambda: PEPPER, lambda: 1000.0).authenticate({"x-api-key": created.text})
    assert (caller.team, caller.key.models, caller.key.expires_ms) == ("search", ("openai/*",), 1_000_000 + 86_400_000)


def test_no_two_keys_are_alike() -> None:
    store = Store()
    texts = {keys(store).create(NewKey(team="t")).text for _ in range(50)}
    assert len(texts) == len(store.keys) == 50


def test_a_revoked_key_says_so() -> None:
    store = Store()
    created = keys(store).create(NewKey(team="t"))
    assert key_card(keys(store).revoke(created.key.id), 0)["state"] == "revoked"
    with pytest.raises(NotFound, match="sluice keys list"):
        keys(store).revoke("nothing")


def test_a_card_never_shows_the_digest() -> None:
    store = Store()
    created = keys(store).create(NewKey(team="t", expires_in_days=1))
    card = key_card(created.key, 10**15)
    assert created.key.digest not in str(card)
    assert card["state"] == "expired"


@pytest.mark.parametrize(
    "wrong",
    [
        {"team": ""},
        {"team": "a#b"},
        {"team": "unauthenticated"},
        {"team": "t", "scopes": ["root"]},
        {"team": "t", "scopes": []},
        {"team": "t", "expires_in_days": 0},
        {"team": "t", "unknown": 1},
    ],
)
def test_what_no_key_can_be_created_with(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        NewKey.model_validate(wrong)


def test_the_first_admin_key_is_made_only_while_there_is_none() -> None:
    store = Store()
    first = keys(store).create_first_admin()
    assert first.key.scopes == ("admin", "inference")
    (change,) = store.changes
    assert change is not None
    assert (change.action, change.actor) == ("keys.create", OPERATOR)
    with pytest.raises(PermissionDenied, match=first.key.id):
        keys(store).create_first_admin()
    keys(store).revoke(first.key.id)
    assert keys(store).create_first_admin().key.id != first.key.id
