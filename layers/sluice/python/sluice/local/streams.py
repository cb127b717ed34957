"""The ledger's stream, fed to the roll-up as Lambda's event source mapping would do it.

The emulator keeps the stream in memory, from its own start on; what it forgot when it was started anew, the reconcile
job finds. A batch that was done in part comes again from its first failed record on.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from sluice.local.gateway.application import Invoker
from sluice.local.invocation import FunctionFailed

PAUSE_SECONDS = 0.5
BATCH = 500
Record = dict[str, Any]


class TableStream:
    """Reads the stream of `table` with the functions' own `variables`."""

    def __init__(self, variables: Mapping[str, str], table: str) -> None:
        self._variables = variables
        self._table = table
        self._client: Any = None
        self._arn = ""
        self._iterator: str | None = None
        self._after = ""
        self._read: list[Record] = []

    def read(self) -> list[Record]:
        """Return what follows; the stream has one shard in the emulator."""
        client = self._connected()
        answer = client.get_records(ShardIterator=self._place(client), Limit=BATCH)
        self._read = [{**record, "eventSourceARN": self._arn} for record in answer["Records"]]
        self._iterator = None
        return self._read

    def take(self, count: int) -> None:
        """Remember the last record that is done."""
        if count:
            self._after = self._read[count - 1]["dynamodb"]["SequenceNumber"]

    def resume(self, number: str) -> None:
        """Go on behind the record with this sequence number."""
        self._after = number

    def forget(self) -> None:
        """Begin with the oldest record again, as after the emulator has lost its stream."""
        self._after = ""

    def _connected(self) -> Any:
        if self._client is None:
            import boto3

            told = self._variables
            session = boto3.session.Session(told["AWS_ACCESS_KEY_ID"], told["AWS_SECRET_ACCESS_KEY"])
            place = {"region_name": told["AWS_REGION"], "endpoint_url": told["AWS_ENDPOINT_URL"]}
            table = session.client("dynamodb", **place).describe_table(TableName=self._table)["Table"]
            self._arn = table["LatestStreamArn"]
            self._client = session.client("dynamodbstreams", **place)
        return self._client

    def _place(self, client: Any) -> str:
        shards = client.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"]
        place = {"StreamArn": self._arn, "ShardId": shards[0]["ShardId"]}
        kind = {"ShardIteratorType": "TRIM_HORIZON"}
        if self._after:
            kind = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self._after}
        return str(client.get_shard_iterator(**place, **kind)["ShardIterator"])


async def follow(stream: TableStream, pool: Invoker, pause: float = PAUSE_SECONDS) -> None:
    """Feed a function from a stream until cancelled; what goes wrong is tried again."""
    while True:
        try:
            records = await asyncio.to_thread(stream.read)
        except Exception:
            # The emulator is being started again, or lost the place that was reached: sequence numbers behind the
            # checkpoints do no harm.
            stream.forget()
            await asyncio.sleep(pause)
            continue
        done = await _fed(pool, records) if records else 0
        stream.take(done)
        if done == 0 or done < BATCH:
            await asyncio.sleep(pause)


async def _fed(pool: Invoker, records: list[Record]) -> int:
    """Invoke the function with a batch; return how many of its first records are done."""
    event = json.dumps({"Records": records}, default=_plain).encode()
    try:
        answer = json.loads(await pool.invoke(event).whole())
    except (FunctionFailed, ValueError):
        return 0
    failures = {failure["itemIdentifier"] for failure in answer.get("batchItemFailures") or ()}
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    return next((at for at, number in enumerate(numbers) if number in failures), len(records))


def _plain(value: object) -> object:
    """Return a moment as Lambda writes it, in epoch seconds."""
    moment: Callable[[], float] | None = getattr(value, "timestamp", None)
    return moment() if moment is not None else str(value)
