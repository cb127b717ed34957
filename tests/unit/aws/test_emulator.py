"""The emulator that other tests rely on keeps what they rely on."""

from __future__ import annotations

import pytest

from tests.emulator import Emulator


def test_each_test_gets_empty_tables_of_its_own(emulator: Emulator, tables: str) -> None:
    item = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    assert emulator.call("DynamoDB_20120810.Scan", {"TableName": f"{tables}-config"})["Count"] == 0
    emulator.call("DynamoDB_20120810.PutItem", {"TableName": f"{tables}-config", "Item": item})
    assert emulator.call("DynamoDB_20120810.Scan", {"TableName": f"{tables}-config"})["Items"] == [item]


def test_each_test_gets_empty_tables_again(emulator: Emulator, tables: str) -> None:
    assert emulator.call("DynamoDB_20120810.Scan", {"TableName": f"{tables}-config"})["Count"] == 0


def test_the_ledger_table_streams_new_images(emulator: Emulator, tables: str) -> None:
    described = emulator.call("DynamoDB_20120810.DescribeTable", {"TableName": f"{tables}-ledger"})["Table"]
    assert isinstance(described, dict)
    assert described["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


def test_a_secret_can_be_written_twice(emulator: Emulator) -> None:
    emulator.put_secret("test-emulator-secret", {"pepper": "one"})
    emulator.put_secret("test-emulator-secret", {"pepper": "two"})
    answer = emulator.call("secretsmanager.GetSecretValue", {"SecretId": "test-emulator-secret"})
    assert answer["SecretString"] == '{"pepper": "two"}'


def test_a_refused_call_raises_with_the_service_s_words(emulator: Emulator) -> None:
    with pytest.raises(RuntimeError, match="ResourceNotFoundException"):
        emulator.call("DynamoDB_20120810.Scan", {"TableName": "no-such-table"})
