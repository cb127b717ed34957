"""A table's stream, read whole from the emulator."""

from __future__ import annotations

from typing import Any

from tests.emulator import Emulator


def stream_records(emulator: Emulator, table: str) -> list[dict[str, Any]]:
    """Return everything that a table's stream has carried, oldest first."""
    call = emulator.call
    described: Any = call("DynamoDB_20120810.DescribeTable", {"TableName": table})
    where = {"StreamArn": described["Table"]["LatestStreamArn"]}
    stream: Any = call("DynamoDBStreams_20120810.DescribeStream", where)
    found: list[dict[str, Any]] = []
    for shard in stream["StreamDescription"]["Shards"]:
        place = {**where, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator: Any = call("DynamoDBStreams_20120810.GetShardIterator", place)
        page: Any = call("DynamoDBStreams_20120810.GetRecords", {"ShardIterator": iterator["ShardIterator"]})
        while page["Records"]:
            found += page["Records"]
            page = call("DynamoDBStreams_20120810.GetRecords", {"ShardIterator": page["NextShardIterator"]})
    return found
