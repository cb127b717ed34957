"""The stream's batches reach the function in order, and come again where it failed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from sluice.local.functions import Function
from sluice.local.invocation import FunctionFailed, Invocation
from sluice.local.streams import TableStream, follow
from tests.emulator import Emulator


class Stream(TableStream):
    """Records in memory; a number in `broken` makes that read fail."""

    def __init__(self, *numbers: str, broken: tuple[int, ...] = ()) -> None:
        super().__init__({}, "ledger")
        self._numbers = list(numbers)
        self._broken = broken
        self.reads = 0

    def read(self) -> list[dict[str, Any]]:
        self.reads += 1
        if self.reads in self._broken:
            raise OSError("the emulator is away")
        left = [number for number in self._numbers if number > self._after]
        self._read = [{"eventName": "INSERT", "dynamodb": {"SequenceNumber": number}} for number in left]
        return self._read


class Consumer:
    """Answers with what it was told to, in turn; then takes everything."""

    def __init__(self, *answers: object) -> None:
        self.function = Function("rollup", Path("/nowhere"))
        self.batches: list[list[str]] = []
        self._answers = list(answers)
        self.wanted = len(answers) + 1
        self.enough = asyncio.Event()

    def invoke(self, event: bytes) -> Invocation:
        self.batches.append([record["dynamodb"]["SequenceNumber"] for record in json.loads(event)["Records"]])
        invocation = Invocation(event)
        answer = self._answers.pop(0) if self._answers else {"batchItemFailures": []}
        if isinstance(answer, FunctionFailed):
            invocation.fail(answer)
        else:
            invocation.begin(streamed=False)
            invocation.feed(json.dumps(answer).encode())
            invocation.finish()
        if len(self.batches) >= self.wanted:
            self.enough.set()
        return invocation


def fed(stream: Stream, *answers: object) -> list[list[str]]:
    async def scenario() -> list[list[str]]:
        consumer = Consumer(*answers)
        running = asyncio.ensure_future(follow(stream, consumer, 0))
        await consumer.enough.wait()
        running.cancel()
        return consumer.batches

    return asyncio.run(asyncio.wait_for(scenario(), 10))


def test_a_batch_comes_again_from_its_first_failed_record_on() -> None:
    failed = {"batchItemFailures": [{"itemIdentifier": "2"}]}
    assert fed(Stream("1", "2", "3"), failed) == [["1", "2", "3"], ["2", "3"]]


def test_a_batch_that_killed_its_function_comes_again() -> None:
    assert fed(Stream("1", "2"), FunctionFailed("Runtime.ExitError", "killed")) == [["1", "2"], ["1", "2"]]


def test_a_stream_that_was_lost_is_read_from_its_beginning() -> None:
    assert fed(Stream("1", "2", broken=(2,)), {"batchItemFailures": []}) == [["1", "2"], ["1", "2"]]


@pytest.mark.usefixtures("tables")
def test_the_stream_of_a_real_table_is_read_on_from_what_was_taken(emulator: Emulator, tables: str) -> None:
    stream = TableStream(emulator.environment(tables), f"{tables}-ledger")
    for number in ("1", "2", "3"):
        item = {"pk": {"S": "p"}, "sk": {"S": number}}
        emulator.call("DynamoDB_20120810.PutItem", {"TableName": f"{tables}-ledger", "Item": item})
    found = stream.read()
    assert [record["dynamodb"]["Keys"]["sk"]["S"] for record in found] == ["1", "2", "3"]
    assert json.dumps(found, default=str)
    stream.take(2)
    assert [record["dynamodb"]["Keys"]["sk"]["S"] for record in stream.read()] == ["3"]
    stream.forget()
    assert len(stream.read()) == 3
