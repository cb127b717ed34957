"""The audit log in its table: one transaction with the change, one chain per region, nothing written twice."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sluice.aws.dynamodb import DynamoClient, put
from sluice.aws.errors import Throttled, TransactionCancelled
from sluice.aws.stores.audit import TRIES, DynamoAuditStore
from sluice.control.audit import verify
from sluice.types.audit import OPERATOR, Change
from tests.emulator import Emulator
from tests.unit.aws.stores.connected import connected

NOON = 1_795_521_600.0  # 2026-11-24T12:00:00Z


class Now:
    def __init__(self) -> None:
        self.seconds = NOON

    def __call__(self) -> float:
        return self.seconds


class Desk:
    def __init__(self, client: DynamoClient, tables: str) -> None:
        self.client = client
        self.config = f"{tables}-config"
        self.now = Now()
        self.lines: list[dict[str, Any]] = []
        self.table = f"{tables}-audit"
        self.store = self.of("us-east-1")

    def of(self, region: str) -> DynamoAuditStore:
        return DynamoAuditStore(
            self.client, self.table, region=region, now=self.now, tell=lambda line: self.lines.append(json.loads(line))
        )

    def all(self, region: str = "us-east-1") -> list[dict[str, Any]]:
        return [each for day in self.store.days(region) for each in self.store.records(region, day)]


@pytest.fixture
def desk(emulator: Emulator, tables: str) -> Iterator[Desk]:
    with connected(emulator) as client:
        yield Desk(client, tables)


def change(number: int = 1) -> Change:
    return Change("keys.create", f"keys/{number}", OPERATOR, "search", None, {"name": str(number)})


def test_records_follow_each_other_within_a_day_and_across_days(desk: Desk) -> None:
    for number in range(3):
        desk.store.record(change(number))
    desk.now.seconds += 2 * 86_400
    desk.store.record(change(9))
    found = desk.all()
    assert [(each["day"], each["number"]) for each in found] == [
        ("2026-11-24", 1),
        ("2026-11-24", 2),
        ("2026-11-24", 3),
        ("2026-11-26", 1),
    ]
    assert list(verify(found, whole=True)) == []
    assert [line["hash"] for line in desk.lines] == [each["hash"] for each in found]
    assert desk.store.head().hash == found[-1]["hash"]


def test_a_change_and_its_record_are_made_together_or_not_at_all(desk: Desk) -> None:
    item = {"pk": "p", "sk": "s"}
    desk.store.commit([put(desk.config, item, condition="attribute_not_exists(pk)")], change())
    assert desk.client.get_item(desk.config, ("p", "s")) == item
    with pytest.raises(TransactionCancelled) as caught:
        desk.store.commit([put(desk.config, item, condition="attribute_not_exists(pk)")], change(2))
    assert caught.value.failed_condition() == 0
    assert len(desk.all()) == len(desk.lines) == 1


def test_regions_write_chains_of_their_own(desk: Desk) -> None:
    desk.store.record(change(1))
    desk.of("eu-west-1").record(change(2))
    desk.store.record(change(3))
    for region, count in (("us-east-1", 2), ("eu-west-1", 1)):
        found = desk.all(region)
        assert len(found) == count
        assert list(verify(found, whole=True)) == []


def test_a_day_is_read_upwards_and_downwards_from_any_number(desk: Desk) -> None:
    for number in range(5):
        desk.store.record(change(number))

    def numbers(**bounds: int) -> list[int]:
        return [each["number"] for each in desk.store.records("us-east-1", "2026-11-24", **bounds)]

    assert numbers() == [1, 2, 3, 4, 5]
    assert numbers(after=3) == [4, 5]
    assert numbers(before=3) == [2, 1]
    assert numbers(before=99) == [5, 4, 3, 2, 1]


def test_a_clock_that_is_set_back_does_not_go_back_to_an_earlier_day(desk: Desk) -> None:
    desk.store.record(change(1))
    desk.now.seconds -= 86_400
    desk.store.record(change(2))
    assert [(each["day"], each["number"]) for each in desk.all()] == [("2026-11-24", 1), ("2026-11-24", 2)]


def test_writers_at_the_same_time_make_one_chain(desk: Desk) -> None:
    faults: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            for number in range(4):
                desk.of("us-east-1").record(change(10 * writer + number))
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    found = desk.all()
    assert len(found) == 12
    assert len({each["subject"] for each in found}) == 12
    assert list(verify(found, whole=True)) == []


def test_a_log_that_others_keep_adding_to_refuses_the_change_in_the_end() -> None:
    class Busy:
        tried = 0

        def query(self, *_: object, **__: object) -> Iterator[dict[str, str]]:
            return iter(())

        def transact_write(self, writes: list[object]) -> None:
            self.tried += 1
            reasons = tuple(("ConditionalCheckFailed" if n == 1 else "None", None) for n, _ in enumerate(writes))
            raise TransactionCancelled("dynamodb", "TransactWriteItems", reasons)

    client: Any = Busy()
    with pytest.raises(Throttled, match="audit log"):
        DynamoAuditStore(client, "t", region="r").commit([put("t", {"pk": "a", "sk": "b"})], change())
    assert client.tried == TRIES


def test_a_record_is_never_written_over(desk: Desk) -> None:
    desk.store.record(change())
    made = desk.store._next(change(2))
    with pytest.raises(TransactionCancelled):
        desk.client.transact_write(desk.store._puts({**made, "number": 1}))
    assert len(desk.all()) == 1
