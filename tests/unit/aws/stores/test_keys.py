"""Virtual keys: record and listing always tell the same story."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sluice.aws.dynamodb import DynamoClient
from sluice.aws.errors import TransactionCancelled
from sluice.aws.stores.keys import DynamoKeyStore
from sluice.types.tenancy import VirtualKey
from tests.emulator import Emulator
from tests.unit.aws.fakes import CREDENTIALS, FakeTransport
from tests.unit.aws.stores.connected import connected

KEY = VirtualKey(
    id="abcdefghij23",
    team="search",
    name="laptop",
    digest="d" * 64,
    models=("openai/*", "fast"),
    scopes=("admin", "inference"),
    created_ms=1_795_435_200_000,
    expires_ms=1_795_535_200_000,
)
PLAIN = VirtualKey(id="zzzzzzzzzz77", team="ads", name="", digest="e" * 64, created_ms=5)


@pytest.fixture
def keys(emulator: Emulator, tables: str) -> Iterator[DynamoKeyStore]:
    with connected(emulator) as client:
        yield DynamoKeyStore(client, f"{tables}-config")


def test_a_key_is_found_as_it_was_created(keys: DynamoKeyStore) -> None:
    for key in (KEY, PLAIN):
        keys.create(key)
        assert keys.find(key.id) == key
    assert keys.find("aaaaaaaaaaaa") is None


def test_keys_are_listed_by_team_without_their_digests(keys: DynamoKeyStore) -> None:
    other = replace(KEY, id="bbbbbbbbbbbb", name="server")
    for key in (KEY, PLAIN, other):
        keys.create(key)
    assert list(keys.list_keys("search")) == [replace(KEY, digest=""), replace(other, digest="")]
    assert [key.id for key in keys.list_keys()] == [PLAIN.id, KEY.id, other.id]
    assert list(keys.list_keys("nobody")) == []


def test_revoking_shows_in_the_record_and_in_the_listing(keys: DynamoKeyStore) -> None:
    keys.create(KEY)
    revoked = keys.revoke(KEY.id, 1_795_435_300_000)
    assert revoked == replace(KEY, revoked_ms=1_795_435_300_000)
    assert keys.find(KEY.id) == revoked
    assert next(iter(keys.list_keys("search"))).revoked_ms == 1_795_435_300_000


def test_revoking_again_keeps_the_first_time(keys: DynamoKeyStore) -> None:
    keys.create(KEY)
    keys.revoke(KEY.id, 1000)
    again = keys.revoke(KEY.id, 2000)
    assert again is not None
    assert again.revoked_ms == 1000
    assert (keys.find(KEY.id) or KEY).revoked_ms == 1000


def test_revoking_an_unknown_key_changes_nothing(keys: DynamoKeyStore) -> None:
    assert keys.revoke("aaaaaaaaaaaa", 1000) is None
    assert list(keys.list_keys()) == []


def test_an_id_is_given_once(keys: DynamoKeyStore) -> None:
    keys.create(KEY)
    with pytest.raises(TransactionCancelled):
        keys.create(replace(PLAIN, id=KEY.id))
    assert keys.find(KEY.id) == KEY
    assert [key.team for key in keys.list_keys()] == ["search"]


@pytest.mark.parametrize("text", ["", "abc", "ABCDEFGHIJKL", "abcdefghij2#", "abcdefghij01", "abcdefghijkl7", "é" * 12])
def test_an_id_that_no_key_can_have_reads_nothing(text: str) -> None:
    transport = FakeTransport()
    store = DynamoKeyStore(DynamoClient(transport, CREDENTIALS, region="eu-west-1"), "config")
    assert store.find(text) is None
    assert transport.calls == []


def test_a_new_secret_stands_in_the_record_and_its_times_in_the_listing(keys: DynamoKeyStore) -> None:
    keys.create(KEY)
    rotated = replace(KEY, digest="f" * 64, previous_digest=KEY.digest, rotated_ms=7, previous_until_ms=8)
    assert keys.rotate(rotated, KEY.digest)
    assert keys.find(KEY.id) == rotated
    (listed,) = keys.list_keys("search")
    assert listed == replace(rotated, digest="", previous_digest="")


def test_a_secret_is_replaced_only_if_it_is_the_one_that_was_read_and_never_in_a_revoked_key(
    keys: DynamoKeyStore,
) -> None:
    keys.create(KEY)
    rotated = replace(KEY, digest="f" * 64, previous_digest=KEY.digest, rotated_ms=7, previous_until_ms=8)
    assert not keys.rotate(rotated, "a" * 64)
    keys.revoke(KEY.id, 1000)
    assert not keys.rotate(rotated, KEY.digest)
    assert (keys.find(KEY.id) or KEY).digest == KEY.digest
