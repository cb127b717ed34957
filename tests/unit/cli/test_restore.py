"""`sluice restore`: what is missing comes back, what stands stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
import pytest
from moto import mock_aws

from sluice.cli import restore as module
from sluice.cli.main import main
from sluice.cli.restore import Copied, copy, restored

LIVE = "sluice-prod-ledger"
NOW = 1_790_000_000.0


@cache
def real() -> Any:
    return boto3.client("dynamodb", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y")


@pytest.fixture
def dynamo() -> Iterator[Any]:
    with mock_aws():
        real().create_table(
            TableName=LIVE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("pk", "sk")],
        )
        yield real()


def put(dynamo: Any, number: int, cost: int = 5, **more: Any) -> dict[str, Any]:
    item = {
        "pk": {"S": f"search#2026-11-{20 + number % 3}#0"},
        "sk": {"S": f"r{number}"},
        "cost": {"N": str(cost)},
        **more,
    }
    dynamo.put_item(TableName=LIVE, Item=item)
    return item


def backed_up(dynamo: Any) -> str:
    arn = dynamo.create_backup(TableName=LIVE, BackupName="before")["BackupDetails"]["BackupArn"]
    return restored(dynamo, LIVE, None, arn, sleep=lambda _: None)


def lose(dynamo: Any, *numbers: int) -> None:
    for number in numbers:
        key = {"pk": {"S": f"search#2026-11-{20 + number % 3}#0"}, "sk": {"S": f"r{number}"}}
        dynamo.delete_item(TableName=LIVE, Key=key)


def costs(dynamo: Any) -> dict[str, int]:
    return {item["sk"]["S"]: int(item["cost"]["N"]) for item in dynamo.scan(TableName=LIVE)["Items"]}


def test_what_is_missing_is_written_and_what_stands_stays(dynamo: Any) -> None:
    for number in range(6):
        put(dynamo, number)
    source = backed_up(dynamo)
    lose(dynamo, 0, 1)
    put(dynamo, 2, cost=9)
    put(dynamo, 7, cost=1)
    copied = copy(dynamo, source, LIVE, "ledger", apply=True, now=lambda: NOW)
    assert copied == Copied("ledger", 6, same=3, missing=2, different=1, written=2, days={"2026-11-20", "2026-11-21"})
    assert costs(dynamo) == {"r0": 5, "r1": 5, "r2": 9, "r3": 5, "r4": 5, "r5": 5, "r7": 1}


def test_without_apply_it_only_counts(dynamo: Any) -> None:
    put(dynamo, 0)
    source = backed_up(dynamo)
    lose(dynamo, 0)
    copied = copy(dynamo, source, LIVE, "ledger", apply=False, replace=True)
    assert (copied.missing, copied.written) == (1, 0)
    assert costs(dynamo) == {}


def test_items_that_changed_are_put_back_when_that_is_asked_for(dynamo: Any) -> None:
    put(dynamo, 0)
    source = backed_up(dynamo)
    put(dynamo, 0, cost=9)
    copied = copy(dynamo, source, LIVE, "ledger", apply=True, replace=True)
    assert (copied.different, copied.written) == (1, 1)
    assert costs(dynamo) == {"r0": 5}


def test_what_has_expired_since_stays_away(dynamo: Any) -> None:
    put(dynamo, 0, expires_at={"N": str(int(NOW) - 1)})
    put(dynamo, 1, expires_at={"N": str(int(NOW) + 60)})
    source = backed_up(dynamo)
    lose(dynamo, 0, 1)
    copied = copy(dynamo, source, LIVE, "ledger", apply=True, now=lambda: NOW)
    assert (copied.expired, copied.written) == (1, 1)


def test_more_items_than_one_page_are_all_compared(dynamo: Any) -> None:
    for number in range(230):
        put(dynamo, number)
    source = backed_up(dynamo)
    lose(dynamo, *range(0, 230, 2))
    seen: list[int] = []
    copied = copy(dynamo, source, LIVE, "ledger", apply=True, told=lambda each: seen.append(each.restored))
    assert (copied.restored, copied.written) == (230, 115)
    assert seen == [100, 200, 230]
    assert len(costs(dynamo)) == 230


def test_an_item_that_somebody_writes_meanwhile_is_newer(dynamo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    item = put(dynamo, 0)
    source = backed_up(dynamo)
    lose(dynamo, 0)
    read = module._read

    def late(*arguments: Any) -> Any:
        found = read(*arguments)
        dynamo.put_item(TableName=LIVE, Item={**item, "cost": {"N": "8"}})
        return found

    monkeypatch.setattr(module, "_read", late)
    assert copy(dynamo, source, LIVE, "ledger", apply=True).written == 0
    assert costs(dynamo) == {"r0": 8}


def test_a_run_that_was_broken_off_goes_on_with_the_table_it_finds(dynamo: Any) -> None:
    arn = dynamo.create_backup(TableName=LIVE, BackupName="before")["BackupDetails"]["BackupArn"]
    first = restored(dynamo, LIVE, None, arn, sleep=lambda _: None)
    assert restored(dynamo, LIVE, None, arn, sleep=lambda _: None) == first


def test_a_moment_is_restored_into_a_table_named_for_it(dynamo: Any) -> None:
    dynamo.update_continuous_backups(
        TableName=LIVE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    put(dynamo, 0)
    moment = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
    source = restored(dynamo, LIVE, moment, None, sleep=lambda _: None)
    assert source == f"{LIVE}-restored-20261124T083000"


def test_the_command_counts_first_and_says_how_to_go_on(
    dynamo: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(dynamo, 0)
    arn = dynamo.create_backup(TableName=LIVE, BackupName="before")["BackupDetails"]["BackupArn"]
    lose(dynamo, 0)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    command = ["restore", "--stage", "prod", "--prefix", "sluice-prod", "--backup", f"ledger={arn}"]
    assert main(command) == 0
    assert "--apply" in capsys.readouterr().out
    assert main(["--json", *command, "--apply"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["tables"]
    assert (told["written"], told["days"]) == (1, ["2026-11-20"])
    assert costs(dynamo) == {"r0": 5}
    assert dynamo.list_tables()["TableNames"] == [LIVE]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--backup", "cache=arn"], "TABLE=ARN"), (["--backup", "ledger"], "TABLE=ARN"), (["--at", "noon"], "2026-11-24")],
)
def test_arguments_that_mean_nothing_are_explained(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["restore", *arguments]) == 1
    assert words in capsys.readouterr().err
