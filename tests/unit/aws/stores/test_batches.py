"""Records of message batches: a team finds its own, for thirty days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sluice.aws.stores.batches import DynamoBatchStore
from sluice.types.batches import BatchRecord
from sluice.types.budgets import CounterKey, Hold, StandingHold
from tests.emulator import Emulator
from tests.unit.aws.stores.connected import connected

NOON = 1_795_435_200_000
RECORD = BatchRecord(
    team="search",
    id="msgbatch_1",
    provider="anthropic",
    models={"claude-1": "claude-1", "claude-2": "claude-2-latest"},
    created_ms=NOON,
    key_id="abcdefghij23",
    config_version="c" * 64,
    tags=(("env", "prod"),),
    session="s",
    latest={"id": "msgbatch_1", "processing_status": "in_progress", "request_counts": {"processing": 2}, "x": 0.5},
)


HELD = (
    StandingHold(CounterKey("budget#team#search#2026-11", "us-east-1#0"), Hold("abcdefghij-5", 7, NOON // 1000)),
    StandingHold(
        CounterKey("budget#m#x#2026-11", "us-east-1#1"), Hold("abcdefghij-6", 8, NOON // 1000), ("a/b", "a/c")
    ),
)


class Shifting:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.seconds = NOON / 1000

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Shifting:
    return Shifting()


@pytest.fixture
def batches(emulator: Emulator, tables: str, clock: Shifting) -> Iterator[DynamoBatchStore]:
    with connected(emulator) as client:
        yield DynamoBatchStore(client, f"{tables}-cache", clock)


def test_a_record_is_found_by_its_team_and_nobody_else(batches: DynamoBatchStore) -> None:
    batches.put(RECORD)
    assert batches.find("search", "msgbatch_1") == RECORD
    assert batches.find("ads", "msgbatch_1") is None
    assert batches.find("search", "msgbatch_2") is None
    assert batches.find("search", "") is None
    assert batches.find("search", "x" * 2000) is None


def test_a_team_sees_its_records_the_latest_first(batches: DynamoBatchStore) -> None:
    later = replace(RECORD, id="msgbatch_0", created_ms=NOON + 1, session=None)
    for record in (RECORD, later, replace(RECORD, team="ads")):
        batches.put(record)
    assert batches.of_team("search") == (later, RECORD)
    assert batches.of_team("nobody") == ()


def test_what_is_held_for_a_batch_is_kept_with_it(batches: DynamoBatchStore) -> None:
    held = replace(RECORD, holds=HELD, user="ann")
    batches.put(held)
    assert batches.find("search", "msgbatch_1") == held


def test_a_record_from_before_there_were_holds_is_read(emulator: Emulator, tables: str) -> None:
    with connected(emulator) as client:
        store = DynamoBatchStore(client, f"{tables}-cache", Shifting())
        store.put(RECORD)
        item = client.get_item(f"{tables}-cache", ("batch#search", "msgbatch_1"), consistent=True)
        assert item is not None
        client.put_item(f"{tables}-cache", {name: item[name] for name in item if name not in ("holds", "user")})
        assert store.find("search", "msgbatch_1") == RECORD


def test_a_record_is_replaced_and_deleted(batches: DynamoBatchStore) -> None:
    batches.put(RECORD)
    ended = replace(RECORD, latest={"processing_status": "ended"})
    batches.put(ended)
    assert batches.find("search", "msgbatch_1") == ended
    batches.delete("search", "msgbatch_1")
    batches.delete("search", "msgbatch_1")
    assert batches.find("search", "msgbatch_1") is None


def test_an_expired_record_is_gone_before_the_table_deletes_it(batches: DynamoBatchStore, clock: Shifting) -> None:
    batches.put(RECORD)
    clock.seconds += 30 * 86_400
    assert batches.find("search", "msgbatch_1") is None
    assert batches.of_team("search") == ()
