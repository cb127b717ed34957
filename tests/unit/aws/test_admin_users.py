"""What is kept of an end user can be told, and taken away, and the books add up afterwards."""

from __future__ import annotations

import gzip
import json
import os
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.exceptions import ServiceError
from moto import mock_aws

from sluice.aws import admin_users
from sluice.aws.rollup import Consumer
from sluice.aws.stores.ledger import DynamoLedgerStore
from sluice.aws.stores.responses import DynamoResponseStore
from sluice.aws.stores.usage import DynamoUsageStore
from sluice.cli import users
from sluice.cli.session import CommandFailed, Session
from sluice.control.end_users import ERASED
from sluice.errors import GatewayError
from sluice.metering import request_ids
from sluice.telemetry.payload_keys import payload_key
from sluice.types.audit import OPERATOR, Actor, Change
from sluice.types.ledger import LedgerEntry
from sluice.types.stored import StoredResponse
from sluice.types.tenancy import label
from tests.emulator import REGION, Emulator
from tests.unit.aws.entries import NOON, typical
from tests.unit.aws.stores.connected import connected
from tests.unit.aws.streams import stream_records

DAY = "2026-11-23"
ANN, BOB = "ann@example.com", "bob@example.com"


class Audit:
    def __init__(self) -> None:
        self.changes: list[Change] = []

    def record(self, change: Change) -> None:
        self.changes.append(change)


class Desk(Session):
    """The command's session, whose calls go straight to the API."""

    def __init__(
        self,
        emulator: Emulator,
        ledger: DynamoLedgerStore,
        usage: DynamoUsageStore,
        responses: DynamoResponseStore,
    ) -> None:
        self.responses = responses
        self.told: list[str] = []
        super().__init__("", "", as_json=False, write=self.told.append)
        self.ledger, self.usage, self.audit = ledger, usage, Audit()
        self.actor: Actor = OPERATOR
        self._emulator = emulator
        self._app = APIGatewayRestResolver(enable_validation=True)
        admin_users.user_routes(
            self._app, ledger, usage, responses, region=REGION, regions=(REGION,), ledger_days=30, account="a",
            now_ms=lambda: NOON, audit=self.audit,  # type: ignore[arg-type]
        )  # fmt: skip

    def call(self, method: str, path: str, body: object = None, query: Any = None) -> Any:
        self._app.append_context(actor=self.actor)  # type: ignore[no-untyped-call]
        event = {
            "path": path,
            "httpMethod": method,
            "headers": {"content-type": "application/json"},
            "multiValueHeaders": {"content-type": ["application/json"]},
            "queryStringParameters": None,
            "multiValueQueryStringParameters": None,
            "requestContext": {"requestId": "r", "httpMethod": method, "path": path, "stage": "x"},
            "body": json.dumps(body),
            "isBase64Encoded": False,
        }
        answer = self._app.resolve(event, SimpleNamespace(aws_request_id="r"))
        if answer["statusCode"] != 200:
            raise CommandFailed(str(answer["body"]))
        return json.loads(answer["body"])

    def put(self, number: int, user: str, team: str = "search", **changes: object) -> LedgerEntry:
        request_id = request_ids.new(NOON + number, team, lambda count: number.to_bytes(count, "big"))
        values = {"request_id": request_id, "team": team, "user": user, "cost": 10 + number, "session": f"s-{user}"}
        entry = typical(**{**values, **changes})
        assert self.ledger.put(entry)
        return entry

    def roll_up(self) -> None:
        consumer = Consumer(self.usage, REGION, SimpleNamespace(write=print), lambda: NOON)
        assert consumer.consume(stream_records(self._emulator, self.ledger._table)) == {"batchItemFailures": []}
        self.usage.merge_all(NOON)

    def spent(self, user: str, team: str = "search") -> int | None:
        """Return the cost in the user's cell of the day, None where there is none."""
        cell = (f"usage#team#{team}#{DAY}", f"user#d#{REGION}#{user}")
        found = self.usage.read([cell])
        return found[cell].get("cost", 0) if found else None

    def run(self, action: str, **values: Any) -> None:
        chosen = {"user": ANN, "team": "search", "archive_bucket": None, "region": REGION, "yes": True, **values}
        {"export": users._export, "erase": users._erase}[action](self, Namespace(**chosen))


@pytest.fixture
def desk(emulator: Emulator, tables: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(admin_users, "PAGE", 3)
    monkeypatch.setattr(users, "SECONDS", 0.0)
    with connected(emulator) as client:
        ledger = DynamoLedgerStore(client, f"{tables}-ledger", days=90)
        usage = DynamoUsageStore(client, f"{tables}-usage", region=REGION)
        yield Desk(emulator, ledger, usage, DynamoResponseStore(client, f"{tables}-cache", now=lambda: NOON / 1000))


def fill(desk: Desk) -> list[LedgerEntry]:
    mine = [desk.put(number, ANN) for number in range(10)]
    for number in range(10, 14):
        desk.put(number, BOB)
    desk.put(20, ANN, team="sales")
    desk.roll_up()
    return mine


def test_an_export_holds_every_entry_of_the_user_and_no_other(desk: Desk, tmp_path: Path) -> None:
    mine = fill(desk)
    desk.run("export", out=tmp_path / "ann.jsonl.gz")
    rows = [json.loads(line) for line in gzip.decompress((tmp_path / "ann.jsonl.gz").read_bytes()).splitlines()]
    assert sorted(row["ResourceId"] for row in rows) == sorted(entry.request_id for entry in mine)
    assert {row["x_User"] for row in rows} == {ANN}
    assert "10 entries" in desk.told[0]


def test_after_an_erasure_nothing_names_the_user_and_the_books_add_up(desk: Desk) -> None:
    mine = fill(desk)
    assert desk.spent(ANN) == sum(entry.cost for entry in mine)
    with _rolling(desk):
        desk.run("erase")
    for entry in mine:
        found = desk.ledger.get(entry.request_id)
        assert found == replace(entry, user=ERASED, session=None)
    assert desk.spent(ANN) is None
    assert desk.spent(ERASED) == sum(entry.cost for entry in mine)
    assert desk.spent(BOB) == sum(range(20, 24))
    assert desk.spent(ANN, team="sales") == 30
    everything = "".join(repr(cell) for cell in desk.usage.cells(f"usage#team#search#{DAY}"))
    assert ANN not in everything


class _rolling:  # noqa: N801 - reads as what it does
    """Rolls up between the calls of a command."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._call = desk.call

    def __enter__(self) -> None:
        def call(method: str, path: str, body: object = None, query: Any = None) -> Any:
            if path.endswith("forget"):
                self._desk.roll_up()
            return self._call(method, path, body, query)

        self._desk.call = call  # type: ignore[method-assign]

    def __exit__(self, *_: object) -> None:
        self._desk.call = self._call  # type: ignore[method-assign]


def test_an_erasure_may_be_repeated(desk: Desk) -> None:
    fill(desk)
    for _ in range(2):
        with _rolling(desk):
            desk.run("erase")
    assert desk.spent(ERASED) == sum(range(10, 20))


def test_cells_that_still_hold_something_are_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(desk)
    monkeypatch.setattr(users, "TRIES", 2)
    with pytest.raises(CommandFailed, match="Run this again"):
        desk.run("erase")
    assert desk.spent(ANN) == sum(range(10, 20))
    with _rolling(desk):
        desk.run("erase")
    assert desk.spent(ANN) is None


def test_an_entry_that_was_costed_again_moves_with_both_its_versions(desk: Desk) -> None:
    first = desk.put(1, ANN, cost=5)
    second = replace(first, version=2, cost=8, price_version="corrected")
    assert desk.ledger.put_version(second, first)
    desk.roll_up()
    assert desk.spent(ANN) == 8
    with _rolling(desk):
        desk.run("erase")
    assert (desk.spent(ANN), desk.spent(ERASED)) == (None, 8)
    assert {entry.user for entry in desk.ledger.versions(first.request_id)} == {ERASED}
    cell = (f"usage#team#search#{DAY}", f"user#d#{REGION}#{ERASED}")
    assert desk.usage.read([cell])[cell]["requests"] == 1


def test_erasures_are_recorded_without_the_name(desk: Desk) -> None:
    fill(desk)
    with _rolling(desk):
        desk.run("erase")
    assert {change.action for change in desk.audit.changes} == {"users.erase", "users.forget"}
    assert {change.subject for change in desk.audit.changes} == {f"users/{label(ANN)}"}
    assert ANN not in repr(desk.audit.changes)


def test_an_administrator_of_one_team_reaches_no_other(desk: Desk) -> None:
    fill(desk)
    desk.actor = Actor("key", "k", team="sales", scopes=("users:write",), team_bound=True)
    for path, body in (
        ("days", {"user": ANN, "team": "search"}),
        ("entries", {"user": ANN, "partition": f"search#{DAY}#0"}),
        ("erase", {"user": ANN, "partition": f"search#{DAY}#0"}),
        ("forget", {"user": ANN, "team": "search", "days": [DAY]}),
    ):
        with pytest.raises((CommandFailed, GatewayError, ServiceError)):
            desk.call("POST", f"/admin/users/{path}", body)
    assert desk.spent(ANN) == sum(range(10, 20))


def test_a_user_who_is_not_known_leaves_everything_as_it_is(desk: Desk) -> None:
    fill(desk)
    desk.run("erase", user="nobody")
    assert "0 entries" in desk.told[0]
    assert desk.spent(ANN) == sum(range(10, 20))


def stored(number: int, user: str, team: str = "search", content: bytes = b"what was said") -> StoredResponse:
    return StoredResponse(
        f"resp_{number}", team, "key", "openai", "gpt", "gpt", created=1, expires=NOON // 1000 + 60, content=content,
        user=user,
    )  # fmt: skip


def test_stored_responses_are_found_by_their_user_and_deleted(desk: Desk, tmp_path: Path) -> None:
    # More than fits into one item, and random, so that it cannot be packed into one either.
    for response in (stored(1, ANN), stored(2, ANN, content=os.urandom(800_000)), stored(3, BOB), stored(4, "")):
        desk.responses.put(response)
    desk.responses.put(stored(5, ANN, team="sales"))
    desk.run("export", out=tmp_path / "ann.jsonl.gz")
    lines = [json.loads(line) for line in gzip.decompress((tmp_path / "ann.jsonl.gz").read_bytes()).splitlines()]
    assert [line["response"] for line in lines] == ["resp_1", "resp_2"]
    desk.run("erase")
    assert "2 stored responses" in desk.told[-1]
    assert desk.responses.of_user("search", ANN) == []
    left = desk.responses.find_all("search", [f"resp_{number}" for number in range(1, 5)])
    assert sorted(left) == ["resp_3", "resp_4"]
    assert desk.responses.find("sales", "resp_5") is not None


def test_a_stored_response_does_not_hold_its_users_name(desk: Desk) -> None:
    desk.responses.put(stored(1, ANN))
    found = desk.responses.find("search", "resp_1")
    assert found is not None
    assert found.user == ""
    assert desk.responses.of_user("search", ANN) == ["resp_1"]


def test_archived_payloads_are_listed_and_deleted(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        bucket = boto3.resource("s3", region_name=REGION).create_bucket(Bucket="archive")
        mine = [payload_key(days, "search", ANN, NOON, "req_1") for days in (7, 90)]
        others = [payload_key(7, "search", BOB, NOON, "req_2"), payload_key(7, "sales", ANN, NOON, "req_3")]
        for key in (*mine, *others):
            bucket.put_object(Key=key, Body=b"x")
        desk.run("export", out=tmp_path / "ann.jsonl.gz", archive_bucket="archive")
        lines = [json.loads(line) for line in gzip.decompress((tmp_path / "ann.jsonl.gz").read_bytes()).splitlines()]
        assert [line["payload"] for line in lines] == [f"s3://archive/{key}" for key in mine]
        desk.run("erase", archive_bucket="archive")
        assert "2 payloads" in desk.told[-1]
        assert {found.key for found in bucket.objects.all()} == set(others)
