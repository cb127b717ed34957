"""Notes of the alert job: a mark is claimed by one, told once, and taken over when its owner died."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from sluice.aws.dynamodb import DynamoClient
from sluice.aws.stores.alerts import DynamoAlertStore
from sluice.control.alerts import CLAIM_SECONDS, Record
from sluice.control.forecasts import Sample
from tests.emulator import Emulator
from tests.unit.aws.stores.connected import connected

COUNTER, NOW, KEPT = "budget#b#x#2026-11", 1_794_700_800, 1_800_000_000


@pytest.fixture
def client(emulator: Emulator) -> Iterator[DynamoClient]:
    with connected(emulator) as made:
        yield made


def test_a_mark_is_told_once(client: DynamoClient, tables: str) -> None:
    store = DynamoAlertStore(client, f"{tables}-usage")
    assert store.record(COUNTER) == Record()
    assert store.claim(COUNTER, "50", NOW, KEPT)
    assert store.record(COUNTER).told == frozenset()
    store.confirm(COUNTER, "50")
    assert store.record(COUNTER).told == {"50"}
    assert not store.claim(COUNTER, "50", NOW + 10 * CLAIM_SECONDS, KEPT)
    assert store.claim(COUNTER, "80", NOW, KEPT)


def test_a_claim_whose_owner_died_is_taken_over(client: DynamoClient, tables: str) -> None:
    store = DynamoAlertStore(client, f"{tables}-usage")
    assert store.claim(COUNTER, "forecast", NOW, KEPT)
    assert not store.claim(COUNTER, "forecast", NOW + CLAIM_SECONDS - 1, KEPT)
    assert store.claim(COUNTER, "forecast", NOW + CLAIM_SECONDS, KEPT)
    assert not store.claim(COUNTER, "forecast", NOW + CLAIM_SECONDS + 1, KEPT)


def test_of_many_at_once_one_gets_the_mark(client: DynamoClient, emulator: Emulator, tables: str) -> None:
    def claim(_: int) -> bool:
        with connected(emulator) as own:
            return DynamoAlertStore(own, f"{tables}-usage").claim(COUNTER, "100", NOW, KEPT)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(16))) == 1


def test_samples_are_replaced_and_marks_stay(client: DynamoClient, tables: str) -> None:
    store = DynamoAlertStore(client, f"{tables}-usage")
    store.claim(COUNTER, "50", NOW, KEPT)
    store.confirm(COUNTER, "50")
    for used in (10**18, 7):
        store.note(COUNTER, [Sample(NOW, used), Sample(NOW + 60, used + 1)], KEPT)
    assert store.record(COUNTER) == Record((Sample(NOW, 7), Sample(NOW + 60, 8)), frozenset({"50"}))
    assert store.samples(COUNTER)[0].used == 7
    item = client.get_item(f"{tables}-usage", (f"alert#{COUNTER}", "alert"))
    assert item is not None
    assert item["expires_at"] == KEPT
