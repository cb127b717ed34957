"""The ledger's part of the admin API against real tables: pages of rows, and history that is costed again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from aws_lambda_powertools.event_handler import APIGatewayRestResolver

from sluice.aws import admin_ledger
from sluice.aws.admin_usage import usage_routes
from sluice.aws.rollup import Consumer
from sluice.aws.stores.ledger import DynamoLedgerStore
from sluice.aws.stores.usage import DynamoUsageStore
from sluice.metering import request_ids
from sluice.types.audit import OPERATOR
from sluice.types.usage import Usage
from tests.emulator import REGION, Emulator
from tests.unit.aws.entries import NOON, TEAM, typical
from tests.unit.aws.stores.connected import connected
from tests.unit.aws.streams import stream_records

DEPLOYMENT = "anthropic/claude-sonnet-4-5"
PRICES = [{"starts": "", "tiers": [{"over": 0, "rates": {"input": 2_000_000, "output": 4_000_000}}]}]
PARTITION = f"{TEAM}#2026-11-23#0"


class Api:
    def __init__(self, emulator: Emulator, ledger: DynamoLedgerStore, usage: DynamoUsageStore) -> None:
        self.ledger = ledger
        self.usage = usage
        self._emulator = emulator
        self._app = APIGatewayRestResolver(enable_validation=True)
        admin_ledger.ledger_routes(self._app, ledger, lambda: [TEAM], "sluice-test")
        usage_routes(self._app, usage, lambda: NOON)

    def call(self, method: str, path: str, body: object = None, **query: str) -> Any:
        self._app.append_context(actor=OPERATOR)  # type: ignore[no-untyped-call]
        event = {
            "path": path,
            "httpMethod": method,
            "headers": {"content-type": "application/json"},
            "multiValueHeaders": {"content-type": ["application/json"]},
            "queryStringParameters": query or None,
            "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
            "requestContext": {"requestId": "r", "httpMethod": method, "path": path, "stage": "x"},
            "body": None if body is None else json.dumps(body),
            "isBase64Encoded": False,
        }
        answer = self._app.resolve(event, SimpleNamespace(aws_request_id="r"))
        assert answer["statusCode"] == 200, answer
        return json.loads(answer["body"])

    def put(self, number: int) -> None:
        request_id = request_ids.new(NOON + number, TEAM, lambda count: number.to_bytes(count, "big"))
        assert self.ledger.put(typical(request_id=request_id, cost=5, usage=Usage(input=10, output=5), saved=()))

    def rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after: str | None = ""
        while after is not None:
            page = self.call("GET", "/admin/ledger/rows", partition=PARTITION, **({"after": after} if after else {}))
            found += page["data"]
            after = page["next"]
        return found

    def recost(self) -> tuple[int, int]:
        wanted: dict[str, Any] = {"partition": PARTITION, "model": DEPLOYMENT, "prices": PRICES, "after": ""}
        written = difference = 0
        while wanted["after"] is not None:
            page = self.call("POST", "/admin/ledger/recost", wanted)
            written, difference = written + page["written"], difference + page["difference"]
            wanted["after"] = page["next"]
        return written, difference

    def roll_up(self) -> int:
        consumer = Consumer(self.usage, REGION, SimpleNamespace(write=print), lambda: NOON)
        consumer.consume(stream_records(self._emulator, self.ledger._table))
        return int(self.call("GET", "/admin/usage")["total"]["cost_nano_usd"])


@pytest.fixture
def api(emulator: Emulator, tables: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setattr(admin_ledger, "EXPORT_PAGE", 4)
    monkeypatch.setattr(admin_ledger, "RECOST_PAGE", 3)
    with connected(emulator) as client:
        ledger = DynamoLedgerStore(client, f"{tables}-ledger", days=90)
        yield Api(emulator, ledger, DynamoUsageStore(client, f"{tables}-usage", region=REGION))


def test_the_partitions_of_a_span_are_listed(api: Api) -> None:
    found = api.call("GET", "/admin/ledger/partitions", **{"from": "2026-11-23", "to": "2026-11-24"})
    assert found["data"] == [f"{TEAM}#2026-11-23#{shard}" for shard in range(8)]


def test_rows_come_page_by_page_and_each_once(api: Api) -> None:
    for number in range(11):
        api.put(number)
    ids = [row["ResourceId"] for row in api.rows()]
    assert len(ids) == len(set(ids)) == 11


def test_history_costed_again_adds_versions_rows_and_usage_once(api: Api) -> None:
    for number in range(7):
        api.put(number)
    assert api.roll_up() == 35
    assert api.recost() == (7, 7 * 35)
    assert api.recost() == (0, 0)
    assert api.roll_up() == api.roll_up() == 7 * 40
    rows = api.rows()
    assert sum(row["x_CostNanoUSD"] for row in rows) == 7 * 40
    assert [row["ChargeClass"] for row in rows] == [None, "Correction"] * 7
