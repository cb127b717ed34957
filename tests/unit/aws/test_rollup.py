"""The stream's consumer against real transactions: a batch is written whole, in part, twice, or by two at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from sluice.aws.dynamodb import DynamoClient, Write
from sluice.aws.errors import Unavailable
from sluice.aws.rollup import Consumer, rollup_handler
from sluice.aws.stores.ledger import DynamoLedgerStore
from sluice.aws.stores.usage import FENCES, DynamoUsageStore
from sluice.metering import request_ids
from sluice.providers.transport import HttpTransport
from sluice.settings import Settings
from sluice.types.ledger import LedgerEntry
from tests.emulator import REGION, Emulator
from tests.unit.aws.entries import NOON, TEAM, typical
from tests.unit.aws.stores.connected import connected
from tests.unit.aws.streams import stream_records

DAY = "2026-11-23"
ORGANISATION = f"usage#organisation##{DAY}"


class Books:
    """Ledger, stream and usage of one test."""

    def __init__(self, client: DynamoClient, emulator: Emulator, prefix: str) -> None:
        self.client = client
        self.ledger = DynamoLedgerStore(client, f"{prefix}-ledger", days=90)
        self.usage = DynamoUsageStore(client, f"{prefix}-usage", region=REGION, ledger_table=f"{prefix}-ledger")
        self.lines: list[str] = []
        self.consumer = Consumer(self.usage, REGION, self, lambda: NOON)
        self._emulator = emulator
        self._table = f"{prefix}-ledger"

    def write(self, line: str) -> None:
        self.lines.append(line)

    def records(self) -> list[dict[str, Any]]:
        """Return everything that the ledger's stream has carried."""
        return stream_records(self._emulator, self._table)

    def put(self, number: int, **changes: object) -> LedgerEntry:
        entry = entry_of(number, **changes)
        assert self.ledger.put(entry)
        return entry

    def organisation(self) -> dict[str, int]:
        (found,) = [columns for _, columns in self.usage.cells(ORGANISATION, "all#d#")]
        return found


def entry_of(number: int, **changes: object) -> LedgerEntry:
    request_id = request_ids.new(NOON + number, TEAM, lambda count: number.to_bytes(count, "big"))
    return typical(**{"request_id": request_id, "cost": 10, "holds": (("h", 10),), "user": f"u{number}", **changes})


@pytest.fixture
def books(emulator: Emulator, tables: str) -> Iterator[Books]:
    with connected(emulator) as client:
        yield Books(client, emulator, tables)


class Cut:
    """Lets a number of transactions through and then fails as an unreachable service does."""

    def __init__(self, client: DynamoClient, most: int) -> None:
        self._client = client
        self._left = most

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write(self, writes: list[Write]) -> None:
        self._left -= 1
        if self._left < 0:
            raise Unavailable("dynamodb", "TransactWriteItems", "no answer")
        self._client.transact_write(writes)


def test_a_batch_is_added_up_once_however_often_it_comes(books: Books) -> None:
    for number in range(5):
        books.put(number)
    for _ in range(3):
        answer = books.consumer.consume(books.records())
        assert books.lines == []
        assert answer == {"batchItemFailures": []}
    assert books.organisation()["requests"] == 5
    assert books.organisation()["cost"] == 50
    assert books.usage.hold_spent("h") == 50
    assert [columns["cost"] for _, columns in books.usage.cells(f"usage#team#{TEAM}#{DAY}", "user#h12#")] == [10] * 5


def test_what_could_not_be_written_is_named_and_comes_again(books: Books) -> None:
    for number in range(120):
        books.put(number, holds=((f"h{number}", 10),))
    records = books.records()
    cut = DynamoUsageStore(Cut(books.client, 1), books.usage._table, region=REGION)  # type: ignore[arg-type]
    answer = Consumer(cut, REGION, books, lambda: NOON).consume(records)
    (failure,) = answer["batchItemFailures"]
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    assert failure["itemIdentifier"] in numbers
    assert 0 < books.organisation()["requests"] < 120
    rest = records[numbers.index(failure["itemIdentifier"]) :]
    assert books.consumer.consume(rest) == {"batchItemFailures": []}
    assert books.organisation()["requests"] == 120
    assert '"rollup_failed"' in books.lines[0]


def test_the_sweeps_guess_is_taken_back_when_the_request_itself_is_heard_of(books: Books) -> None:
    guess = books.put(1, outcome="lost")
    books.consumer.consume(books.records())
    assert books.organisation()["errors"] == 1
    own = replace(guess, outcome="ok", cost=25, holds=(("h", 25),))
    assert books.ledger.put(own)
    books.consumer.consume(books.records())
    assert books.organisation()["cost"] == 25
    assert books.organisation()["errors"] == 0
    assert books.usage.hold_spent("h") == 25


def test_a_later_version_adds_the_difference_and_both_can_be_read(books: Books) -> None:
    first = books.put(1)
    second = replace(first, version=2, cost=4, price_version="corrected")
    assert books.ledger.put_version(second, first) is True
    assert books.ledger.put_version(second, first) is False
    for _ in range(2):
        books.consumer.consume(books.records())
    assert books.organisation()["cost"] == 4
    assert books.usage.hold_spent("h") == 10
    assert books.ledger.versions(first.request_id) == (first, second)
    assert books.ledger.get(first.request_id) == first


def test_an_unreadable_record_is_told_and_holds_nothing_up(books: Books) -> None:
    books.put(1)
    broken = {"eventName": "INSERT", "dynamodb": {"SequenceNumber": "7", "NewImage": {"pk": {"S": "x"}}}}
    assert books.consumer.consume([broken, *books.records()]) == {"batchItemFailures": []}
    assert books.organisation()["requests"] == 1
    assert '"rollup_unreadable"' in books.lines[0]


def test_expired_entries_stay_in_the_sums(books: Books) -> None:
    entry = books.put(1)
    books.consumer.consume(books.records())
    books.client.delete_item(books.ledger._table, (request_ids.partition_of(entry.request_id), entry.request_id))
    assert books.records()[-1]["eventName"] == "REMOVE"
    books.consumer.consume(books.records())
    assert books.organisation()["requests"] == 1


def test_fences_tell_how_far_the_roll_up_has_come(books: Books) -> None:
    assert books.usage.passed() == 0
    books.usage.put_fences(NOON)
    assert books.usage.passed() == 0
    books.consumer.consume(books.records()[: FENCES - 1])
    assert books.usage.passed() == 0
    books.consumer.consume(books.records())
    assert books.usage.passed() == NOON
    books.usage.put_fences(NOON + 5)
    late = books.records()
    books.consumer.consume(late)
    books.consumer.consume(late[:FENCES])
    assert books.usage.passed() == NOON + 5


def test_a_fence_behind_what_failed_is_not_passed(books: Books) -> None:
    books.put(1)
    books.usage.put_fences(NOON)
    cut = DynamoUsageStore(Cut(books.client, 0), books.usage._table, region=REGION)  # type: ignore[arg-type]
    Consumer(cut, REGION, books, lambda: NOON).consume(books.records())
    assert books.usage.passed() == 0


def test_a_cell_is_replaced_only_as_it_was_seen(books: Books) -> None:
    books.put(1)
    books.consumer.consume(books.records())
    books.usage.merge_all(NOON)
    ((cell, seen),) = books.usage.cells(ORGANISATION, "all#d#")
    assert books.usage.replace(cell, {**seen, "cost": 11}, {**seen, "cost": 12}) is False
    assert books.usage.replace(cell, seen, {**seen, "cost": 12, "errors": 1}) is True
    assert books.usage.read([cell])[cell]["cost"] == 12
    fresh = (ORGANISATION, f"user#d#{REGION}#new")
    assert books.usage.replace(fresh, {}, {"cost": 1}) is True
    assert books.usage.replace(fresh, {}, {"cost": 2}) is False


def test_the_handler_takes_lambdas_event(books: Books, emulator: Emulator, tables: str) -> None:
    books.put(1)
    transport = HttpTransport(trusted=True)
    handler = rollup_handler(Settings.from_environment(emulator.environment(tables)), transport)
    assert handler({"Records": books.records()}, None) == {"batchItemFailures": []}
    assert handler({}, None) == {"batchItemFailures": []}
    transport.drop_connections()
    assert books.organisation()["requests"] == 1
