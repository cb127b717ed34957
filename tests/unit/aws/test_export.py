"""The nightly export: every entry once, gone on with where it ended, and readable by whoever knows FOCUS."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sluice.aws.export import LEAST_MS, Export, key_of
from sluice.aws.stores.ledger import DynamoLedgerStore
from sluice.metering import request_ids
from sluice.settings import Settings
from sluice.types.tenancy import label
from tests.emulator import Emulator
from tests.unit.aws.entries import NOON, TEAM, typical
from tests.unit.aws.stores.connected import connected

DAY = "2026-11-23"
REGION = "eu-west-1"


class Absent(Exception):
    """What boto3 raises for an object that is not there."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.response = {"Error": {"Code": code}}


class Bucket:
    """Objects in memory."""

    def __init__(self, absent: str = "403") -> None:
        self.kept: dict[str, list[dict[str, Any]]] = {}
        self.puts = 0
        self._absent = absent

    def head_object(self, *, Bucket: str, Key: str) -> Any:  # noqa: N803 - boto3's names
        if Key not in self.kept:
            raise Absent(self._absent)
        return {}

    def upload_file(self, Filename: str, Bucket: str, Key: str) -> None:  # noqa: N803 - boto3's names
        self.puts += 1
        with gzip.open(Path(Filename), "rt", encoding="utf-8") as file:
            self.kept[Key] = [json.loads(line) for line in file]


class Night:
    """The job with its ledger, two teams and a bucket."""

    def __init__(self, ledger: DynamoLedgerStore, settings: Settings) -> None:
        self.ledger = ledger
        self.bucket = Bucket()
        self.export = Export(
            replace(settings, region=REGION, export_bucket="exports"),
            ledger,
            lambda: [TEAM, "idle"],
            self.bucket,
            self,
            now=lambda: NOON / 1000 + 86_400,
        )

    def write(self, line: str) -> None:
        assert json.loads(line)["kind"] == "export"

    def run(self, event: object = None, left_ms: int = LEAST_MS) -> dict[str, int]:
        return self.export.run(event, lambda: left_ms)


@pytest.fixture
def night(emulator: Emulator, tables: str) -> Iterator[Night]:
    settings = Settings.from_environment(emulator.environment(tables))
    with connected(emulator) as client:
        yield Night(DynamoLedgerStore(client, f"{tables}-ledger", days=90), settings)


def test_yesterdays_entries_of_each_team_are_one_object(night: Night) -> None:
    entries = [typical(request_id=request_ids.new(NOON + number, TEAM)) for number in range(20)]
    for entry in entries:
        night.ledger.put(entry)
    assert night.run() == {"written": 2, "stood": 0, "left": 0}
    rows = night.bucket.kept[key_of(DAY, REGION, TEAM)]
    assert sorted(row["ResourceId"] for row in rows) == sorted(entry.request_id for entry in entries)
    assert sum(row["x_CostNanoUSD"] for row in rows) == sum(entry.cost for entry in entries)
    assert night.bucket.kept[key_of(DAY, REGION, "idle")] == []


def test_an_export_labels_end_users_and_names_none(night: Night) -> None:
    people = ("ann@example.com", "ann@example.com", "bo@example.com", "")
    for number, person in enumerate(people):
        night.ledger.put(typical(request_id=request_ids.new(NOON + number, TEAM), user=person, session="of-ann"))
    night.run()
    rows = night.bucket.kept[key_of(DAY, REGION, TEAM)]
    labels = [label(person) if person else None for person in people]
    assert sorted(str(row["x_User"]) for row in rows) == sorted(map(str, labels))
    assert not [word for word in ("ann@", "bo@", "of-ann") if word in json.dumps(rows)]


def test_a_run_goes_on_where_the_last_one_ended(night: Night) -> None:
    assert night.run(left_ms=LEAST_MS - 1) == {"written": 0, "stood": 0, "left": 2}
    assert night.run() == {"written": 2, "stood": 0, "left": 0}
    assert night.run() == {"written": 0, "stood": 2, "left": 0}
    assert night.bucket.puts == 2


def test_a_day_can_be_exported_again_with_its_corrections(night: Night) -> None:
    first = typical()
    night.ledger.put(first)
    night.run()
    night.ledger.put_version(replace(first, version=2, cost=1), first)
    event = {"sluice": "export", "days": [DAY], "again": True}
    assert night.run(event)["written"] == 2
    assert sum(row["x_CostNanoUSD"] for row in night.bucket.kept[key_of(DAY, REGION, TEAM)]) == 1


def test_a_bucket_that_fails_is_no_empty_bucket(night: Night) -> None:
    night.bucket._absent = "SlowDown"
    with pytest.raises(Absent):
        night.run()
