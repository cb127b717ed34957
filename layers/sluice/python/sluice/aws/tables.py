"""Creates the tables of the schema where no CDK app does it: in the local stack."""

from __future__ import annotations

from typing import Any

from sluice.aws.dynamodb import DynamoClient
from sluice.aws.errors import Refused
from sluice.settings import TABLES, TableSchema, table_name


def create_missing(client: DynamoClient, prefix: str) -> tuple[str, ...]:
    """Create every table of the schema that does not exist yet; return the names of the new ones."""
    created = []
    for table in TABLES:
        try:
            client.call("CreateTable", create_request(table, prefix))
        except Refused as error:
            if error.aws_code != "ResourceInUseException":
                raise
            continue
        name = table_name(prefix, table.name)
        if table.ttl is not None:
            specification = {"Enabled": True, "AttributeName": table.ttl}
            client.call("UpdateTimeToLive", {"TableName": name, "TimeToLiveSpecification": specification})
        created.append(name)
    return tuple(created)


def create_request(table: TableSchema, prefix: str) -> dict[str, Any]:
    """Return the CreateTable request of one table."""
    keys = ((table.partition_key, "HASH"), (table.sort_key, "RANGE"))
    request: dict[str, Any] = {
        "TableName": table_name(prefix, table.name),
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in keys],
    }
    if table.stream is not None:
        request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": table.stream}
    return request
