"""Tables of the schema, made where no CDK app makes them."""

from __future__ import annotations

import pytest

from sluice.aws.dynamodb import DynamoClient
from sluice.aws.errors import Refused
from sluice.aws.tables import create_missing
from sluice.settings import TABLES, table_name
from tests.emulator import Emulator
from tests.unit.aws.fakes import CREDENTIALS, FakeTransport, refused
from tests.unit.aws.stores.connected import connected


def test_missing_tables_are_created_once_and_expire_their_items(emulator: Emulator) -> None:
    with connected(emulator) as client:
        names = create_missing(client, "fresh")
        assert names == tuple(table_name("fresh", table.name) for table in TABLES)
        client.put_item("fresh-config", {"pk": "a", "sk": "b"})
        assert create_missing(client, "fresh") == ()
        assert client.get_item("fresh-config", ("a", "b")) == {"pk": "a", "sk": "b"}
        for table in TABLES:
            answer = client.call("DescribeTimeToLive", {"TableName": table_name("fresh", table.name)})
            described = answer["TimeToLiveDescription"]
            assert described.get("AttributeName") == table.ttl
            stream = client.call("DescribeTable", {"TableName": table_name("fresh", table.name)})["Table"]
            assert (stream.get("StreamSpecification") or {}).get("StreamViewType") == table.stream


def test_a_refusal_is_not_taken_for_a_table_that_stands() -> None:
    client = DynamoClient(FakeTransport(refused("AccessDeniedException")), CREDENTIALS, region="eu-west-1")
    with pytest.raises(Refused, match="AccessDenied"):
        create_missing(client, "fresh")
