"""Stored responses: whole or not at all, for their own team, until they expire or are deleted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from sluice.aws.dynamodb import DynamoClient
from sluice.aws.stores.responses import PART_BYTES, DynamoResponseStore
from sluice.errors import RequestTooLarge
from sluice.types.budgets import CounterKey, Hold, StandingHold
from sluice.types.stored import StoredResponse
from tests.emulator import Emulator
from tests.unit.aws.stores.connected import connected

NOW = 1_800_000_000


HELD = (StandingHold(CounterKey("budget#team#search#2026-11", "us-east-1#0"), Hold("abcdefghij-5", 7, NOW)),)


def response(**changes: Any) -> StoredResponse:
    values: dict[str, Any] = {
        "id": "resp_1",
        "team": "search",
        "key_id": "abcdefghijkl",
        "provider": "openai",
        "model": "gpt",
        "upstream_model": "gpt-0101",
        "created": NOW,
        "expires": NOW + 86_400,
        "region": "eu-west-1",
        "chain": ("resp_a", "resp_b"),
        "content": '{"input": ["Grüße"]}'.encode(),
    }
    return StoredResponse(**{**values, **changes})


@pytest.fixture
def client(emulator: Emulator) -> Iterator[DynamoClient]:
    with connected(emulator) as connection:
        yield connection


@pytest.fixture
def store(client: DynamoClient, tables: str) -> DynamoResponseStore:
    return DynamoResponseStore(client, f"{tables}-cache", lambda: NOW)


@pytest.mark.parametrize(
    "kept",
    [
        response(),
        response(content=b"", native=True, background=True, charged=False, chain=(), region=""),
        response(content=b"", native=True, background=True, charged=False, holds=HELD),
        response(content=b"a" * 5_000_000),
        response(content=os.urandom(3 * PART_BYTES + 1)),
        response(content=os.urandom(PART_BYTES - 1000)),
        response(content=os.urandom(PART_BYTES - 1000), chain=tuple(f"resp_{n:032x}" for n in range(3000))),
    ],
    ids=["short", "record", "held", "compressed", "in pieces", "one piece", "long chain"],
)
def test_what_was_put_is_found(store: DynamoResponseStore, kept: StoredResponse) -> None:
    store.put(kept)
    assert store.find("search", "resp_1") == kept
    assert store.find_all("search", ["resp_1", "resp_2", "resp_1"]) == {"resp_1": kept}


def test_turns_that_would_fill_the_memory_are_not_unpacked(store: DynamoResponseStore) -> None:
    turns = {f"resp_{n}": response(id=f"resp_{n}", content=b"a" * 9_000_000) for n in range(4)}
    for each in turns.values():
        store.put(each)
    assert len(store.find_all("search", ["resp_0", "resp_1", "resp_2"])) == 3
    with pytest.raises(RequestTooLarge, match="33554432 bytes"):
        store.find_all("search", turns)


def test_many_are_read_at_once(store: DynamoResponseStore) -> None:
    kept = {
        f"resp_{n}": response(id=f"resp_{n}", content=os.urandom(400_000 if n % 50 == 0 else 10)) for n in range(120)
    }
    for each in kept.values():
        store.put(each)
    assert store.find_all("search", kept) == kept


def test_another_team_finds_nothing(store: DynamoResponseStore) -> None:
    store.put(response())
    assert store.find("ads", "resp_1") is None
    assert store.find_all("ads", ["resp_1", "resp_2"]) == {}
    assert store.delete("ads", "resp_1") is False
    assert store.charge("ads", "resp_1") is False
    assert store.find("search", "resp_1") == response()


def test_a_deleted_response_is_gone_with_all_its_pieces(
    store: DynamoResponseStore, client: DynamoClient, tables: str
) -> None:
    store.put(response(content=os.urandom(2 * PART_BYTES + 1)))
    assert store.delete("search", "resp_1") is True
    assert list(client.query(f"{tables}-cache", "response#search#resp_1")) == []
    assert store.find("search", "resp_1") is None
    assert store.delete("search", "resp_1") is False


def test_an_expired_response_is_gone_before_its_items_are(client: DynamoClient, tables: str) -> None:
    now = [NOW]
    store = DynamoResponseStore(client, f"{tables}-cache", lambda: now[0])
    store.put(response())
    now[0] += 86_400
    assert store.find("search", "resp_1") is None
    assert store.delete("search", "resp_1") is False


def test_a_response_that_lost_a_piece_is_not_found(
    store: DynamoResponseStore, client: DynamoClient, tables: str
) -> None:
    store.put(response(content=os.urandom(2 * PART_BYTES + 1)))
    client.delete_item(f"{tables}-cache", ("response#search#resp_1", "part#001"))
    assert store.find("search", "resp_1") is None


def test_one_caller_charges_a_background_answer(store: DynamoResponseStore) -> None:
    store.put(response(charged=False))
    assert [store.charge("search", "resp_1") for _ in range(2)] == [True, False]
    assert store.find("search", "resp_1") == replace(response(), charged=True)


def test_a_charge_is_due_until_it_is_paid(store: DynamoResponseStore) -> None:
    store.put(response(charged=False))
    store.paid("search", "resp_1")
    assert store.charge("search", "resp_1", due=True)
    assert store.find("search", "resp_1") == replace(response(), charged=True, due=True)
    for _ in range(2):
        store.paid("search", "resp_1")
    assert store.find("search", "resp_1") == replace(response(), charged=True)


def test_no_item_is_longer_than_the_table_takes(client: DynamoClient, store: DynamoResponseStore, tables: str) -> None:
    store.put(response(content=os.urandom(3 * PART_BYTES), chain=tuple(f"resp_{n:032x}" for n in range(500))))
    items = list(client.query(f"{tables}-cache", "response#search#resp_1"))
    assert max(len(item.get("content", b"")) for item in items) <= PART_BYTES
    assert {item["expires_at"] for item in items} == {NOW + 86_400}
