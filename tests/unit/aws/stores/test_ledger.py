"""The ledger: written once, found by the request id alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given

from sluice.aws.attributes import marshal_item, unmarshal_item
from sluice.aws.dynamodb import DynamoClient
from sluice.aws.errors import Unavailable
from sluice.aws.stores.ledger import DynamoLedgerStore, from_item, to_item
from sluice.errors import ProviderUnreachable
from sluice.metering import request_ids
from sluice.types.ledger import LedgerEntry
from tests.emulator import Emulator
from tests.unit.aws.entries import ENTRIES, NOON, TEAM, typical
from tests.unit.aws.fakes import CREDENTIALS, FakeTransport, Pauses
from tests.unit.aws.stores.connected import connected


@pytest.fixture
def ledger(emulator: Emulator, tables: str) -> Iterator[DynamoLedgerStore]:
    with connected(emulator) as client:
        yield DynamoLedgerStore(client, f"{tables}-ledger", days=90)


def item_size(item: dict[str, object]) -> int:
    """Return the bytes that DynamoDB counts: names and values in UTF-8, two digits of a number to a byte."""

    def size(value: object) -> int:
        if isinstance(value, str):
            return len(value.encode())
        if isinstance(value, bool) or value is None:
            return 1
        if isinstance(value, int):
            return len(str(value)) // 2 + 2
        if isinstance(value, dict):
            return 3 + sum(1 + len(name.encode()) + size(member) for name, member in value.items())
        assert isinstance(value, list | tuple)
        return 3 + sum(1 + size(member) for member in value)

    return sum(len(name.encode()) + size(value) for name, value in item.items())


def test_an_entry_is_found_by_its_id_alone(ledger: DynamoLedgerStore) -> None:
    entry = typical()
    assert ledger.get(entry.request_id) is None
    assert ledger.put(entry) is True
    assert ledger.get(entry.request_id) == entry


def test_an_entry_is_written_once(ledger: DynamoLedgerStore) -> None:
    entry = typical()
    assert ledger.put(entry) is True
    assert ledger.put(replace(entry, cost=1, outcome="lost")) is False
    assert ledger.get(entry.request_id) == entry


def test_entries_of_one_day_and_shard_sort_by_time(ledger: DynamoLedgerStore, emulator: Emulator, tables: str) -> None:
    ids = [request_ids.new(NOON + offset, TEAM, bytes) for offset in (3000, 0, 1000)]
    for request_id in ids:
        ledger.put(typical(request_id=request_id))
    with connected(emulator) as client:
        found = [item["sk"] for item in client.query(f"{tables}-ledger", "search#2026-11-23#0")]
    assert found == sorted(ids)


@pytest.mark.parametrize("text", ["", "req_x", "configuration", "key#abc", "req_" + "0" * 26 + "_a#b", "../x"])
def test_an_id_that_no_request_can_have_reads_nothing(text: str) -> None:
    transport = FakeTransport()
    store = DynamoLedgerStore(DynamoClient(transport, CREDENTIALS, region="eu-west-1"), "ledger", days=90)
    assert store.get(text) is None
    assert transport.calls == []


def test_a_table_out_of_reach_is_an_error_and_not_an_answer() -> None:
    transport = FakeTransport(*[ProviderUnreachable("down")] * 4)
    client = DynamoClient(transport, CREDENTIALS, region="eu-west-1", sleep=Pauses())
    with pytest.raises(Unavailable):
        DynamoLedgerStore(client, "ledger", days=90).put(typical())


@given(ENTRIES)
def test_an_item_is_read_back_as_the_entry_it_was(entry: LedgerEntry) -> None:
    wire = json.loads(json.dumps(marshal_item(to_item(entry, 90))))
    assert from_item(unmarshal_item(wire)) == entry


def test_an_entry_expires_after_the_configured_days() -> None:
    assert to_item(typical(), 90)["expires_at"] == NOON // 1000 + 90 * 86_400


def test_a_typical_entry_costs_one_write_unit() -> None:
    assert item_size(to_item(typical(), 90)) < 1024


def test_the_sweep_learns_which_requests_have_an_entry_of_their_own(ledger: DynamoLedgerStore) -> None:
    own, guessed, missing = (
        replace(typical(), request_id=request_ids.new(NOON, TEAM), outcome=outcome) for outcome in ("ok", "lost", "ok")
    )
    ledger.put(own)
    ledger.put(guessed)
    assert ledger.known([own.request_id, guessed.request_id, missing.request_id]) == {own.request_id}


def test_the_sweeps_guess_gives_way_to_the_entry_of_the_request_itself(ledger: DynamoLedgerStore) -> None:
    entry = typical()
    assert ledger.put(replace(entry, cost=1, outcome="lost")) is True
    assert ledger.put(entry) is True
    assert ledger.put(replace(entry, cost=2)) is False
    assert ledger.get(entry.request_id) == entry
