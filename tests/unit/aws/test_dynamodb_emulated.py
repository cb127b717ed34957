"""The DynamoDB client against an emulator, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from sluice.aws.credentials import Credentials, FixedCredentials
from sluice.aws.dynamodb import DynamoClient, put, update
from sluice.aws.errors import ConditionalCheckFailed, Refused, TransactionCancelled
from sluice.providers.transport import HttpTransport
from tests.emulator import Emulator


@pytest.fixture
def dynamo(emulator: Emulator) -> Iterator[DynamoClient]:
    transport = HttpTransport(trusted=True)
    credentials = FixedCredentials(Credentials(emulator.access_key_id, emulator.secret_access_key))
    yield DynamoClient(transport, credentials, region=emulator.region, endpoint_url=emulator.url)
    transport.drop_connections()


def test_every_kind_of_value_comes_back_exact(dynamo: DynamoClient, tables: str) -> None:
    item = {
        "pk": "p",
        "sk": "é💧",
        "big": 10**37 + 1,
        "negative": -(10**37) - 1,
        "true": True,
        "none": None,
        "bytes": b"\x00\xff",
        "list": [1, "two", [False]],
        "map": {"a": {"b": 3}},
        "texts": frozenset({"x", "y"}),
        "numbers": frozenset({1, -2}),
        "binaries": frozenset({b"\x00", b"\x01"}),
        "empty": "",
    }
    dynamo.put_item(f"{tables}-config", item)
    assert dynamo.get_item(f"{tables}-config", ("p", "é💧"), consistent=True) == item


def test_the_second_of_two_writers_sees_what_the_first_wrote(dynamo: DynamoClient, tables: str) -> None:
    table = f"{tables}-ledger"
    dynamo.put_item(table, {"pk": "p", "sk": "a", "n": 1}, condition="attribute_not_exists(pk)")
    with pytest.raises(ConditionalCheckFailed) as raised:
        dynamo.put_item(table, {"pk": "p", "sk": "a", "n": 2}, condition="attribute_not_exists(pk)")
    assert raised.value.item == {"pk": "p", "sk": "a", "n": 1}


def test_a_cap_holds_under_racing_writers(emulator: Emulator, tables: str) -> None:
    def spend(_: int) -> object:
        """Return the counter that a refused writer was shown, None for one that was let through."""
        transport = HttpTransport(trusted=True)
        credentials = FixedCredentials(Credentials("test", "test"))
        client = DynamoClient(transport, credentials, region=emulator.region, endpoint_url=emulator.url)
        try:
            client.update_item(
                f"{tables}-usage",
                ("budget", "r"),
                "ADD used :n",
                condition="attribute_not_exists(used) OR used <= :left",
                values={":n": 1, ":left": 9},
                repeatable=False,
            )
        except ConditionalCheckFailed as refusal:
            return (refusal.item or {})["used"]
        finally:
            transport.drop_connections()
        return None

    with ThreadPoolExecutor(8) as pool:
        shown = list(pool.map(spend, range(24)))
    assert shown.count(None) == 10
    assert shown.count(10) == 14


def test_a_query_walks_a_partition_in_both_directions(dynamo: DynamoClient, tables: str) -> None:
    table = f"{tables}-config"
    for number in range(5):
        dynamo.put_item(table, {"pk": "p", "sk": f"key#{number}"})
    dynamo.put_item(table, {"pk": "p", "sk": "other"})
    assert [item["sk"] for item in dynamo.query(table, "p", begins_with="key#", backwards=True, limit=2)] == [
        "key#4",
        "key#3",
    ]
    assert len(list(dynamo.query(table, "p", consistent=True))) == 6
    assert len(dynamo.batch_get(table, [("p", "key#0"), ("p", "key#9")])) == 1
    dynamo.delete_item(table, ("p", "other"))
    assert len(list(dynamo.query(table, "p"))) == 5


def test_a_transaction_writes_everything_or_nothing_and_only_once(dynamo: DynamoClient, tables: str) -> None:
    table = f"{tables}-config"
    add = update(table, ("p", "n"), "ADD n :one", values={":one": 1})
    guarded = put(table, {"pk": "p", "sk": "once"}, condition="attribute_not_exists(pk)")
    dynamo.transact_write([add, guarded], token="token-1")
    dynamo.transact_write([add, guarded], token="token-1")  # the same one again: accepted and without effect
    with pytest.raises(TransactionCancelled) as raised:
        dynamo.transact_write([add, guarded], token="token-2")
    assert raised.value.failed_condition() == 1
    assert (dynamo.get_item(table, ("p", "n")) or {})["n"] == 1


def test_a_missing_table_is_named_by_its_error(dynamo: DynamoClient, tables: str) -> None:
    with pytest.raises(Refused, match="ResourceNotFoundException"):
        dynamo.get_item(f"{tables}-nothing", ("p", "s"))
