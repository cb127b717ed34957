"""The reconcile job against real conditions: usage is corrected, lapsed holds are returned, nothing happens twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from sluice.aws.reconcile import Books, books_of, reconcile_handler
from sluice.aws.rollup import Consumer
from sluice.control.configurations import Configurations
from sluice.metering import request_ids
from sluice.metering.rollup import Cell
from sluice.ports import Taken
from sluice.providers.transport import HttpTransport
from sluice.routing.configuration import parse
from sluice.settings import Settings
from sluice.types.budgets import CounterKey, Hold
from sluice.types.ledger import LedgerEntry
from tests.emulator import REGION, Emulator
from tests.unit.aws.entries import NOON, TEAM, typical
from tests.unit.aws.stores.connected import connected
from tests.unit.aws.streams import stream_records

DAY = "2026-11-23"
ORGANISATION = f"usage#organisation##{DAY}"
COUNTER = "budget#all#organisation#2026-11"
LATE = 60


class Account:
    """One region: its books, the roll-up that is run by hand, and a clock that is set by hand."""

    def __init__(self, books: Books, emulator: Emulator) -> None:
        self.lines: list[str] = []
        self.epoch = NOON / 1000
        self.stalled = False
        self.books = replace(books, lines=self, now=lambda: self.epoch, sleep=self._sleep)
        self.usage = books.usage
        self._emulator = emulator
        self._consumer = Consumer(books.usage, REGION, self, lambda: NOON)

    def write(self, line: str) -> None:
        self.lines.append(line)

    def roll_up(self) -> None:
        records = stream_records(self._emulator, self.books.settings.table("ledger"))
        assert self._consumer.consume(records) == {"batchItemFailures": []}

    def put(self, number: int, **changes: object) -> LedgerEntry:
        request_id = request_ids.new(NOON + number, TEAM, lambda count: (number << 40).to_bytes(count, "big"))
        values: dict[str, object] = {"cost": 10, "holds": (("env-1", 10),), "user": "ann", **changes}
        entry = typical(request_id=request_id, **values)
        assert self.books.ledger.put(entry)
        return entry

    def repair(self) -> dict[str, Any]:
        return self.books.run({"sluice": "repair", "days": [DAY]})

    def whole(self) -> tuple[Cell, dict[str, int]]:
        ((cell, columns),) = self.usage.cells(ORGANISATION, "all#d#")
        return cell, columns

    def _sleep(self, seconds: float) -> None:
        self.epoch += max(seconds, 20.0)
        if not self.stalled:
            self.roll_up()


@pytest.fixture
def account(emulator: Emulator, tables: str) -> Iterator[Account]:
    settings = Settings.from_environment(emulator.environment(tables))
    with connected(emulator) as client:
        books = books_of(settings, client, sink(), late=LATE)
        client.put_item(settings.table("config"), {"pk": "teams", "sk": TEAM})
        configurations = Configurations(books.configurations, parse, lambda _: [])
        budget = {"scope": "organisation", "amount": "1", "window": "month"}
        configurations.promote(configurations.publish({"budgets": {"all": budget}}))
        yield Account(books, emulator)


def sink() -> Any:
    return None


def test_usage_that_agrees_with_the_ledger_is_left_alone(account: Account) -> None:
    for number in range(4):
        account.put(number)
    account.roll_up()
    figures = account.repair()
    assert (figures["UsageCellsWrong"], figures["UsageDriftUSD"]) == (0, 0)


def test_usage_that_lost_or_gained_something_is_what_the_ledger_says_afterwards(account: Account) -> None:
    for number in range(4):
        account.put(number)
    account.roll_up()
    account.usage.merge_all(int(account.epoch * 1000))
    cell, columns = account.whole()
    assert account.usage.replace(cell, columns, {**columns, "cost": 33, "errors": 2})
    assert account.usage.replace((ORGANISATION, f"user#d#{REGION}#bob"), {}, {"cost": 5})
    figures = account.repair()
    assert (figures["UsageCellsWrong"], figures["UsageCellsCorrected"]) == (2, 2)
    assert figures["UsageDriftUSD"] == 7 / 1e9
    assert account.whole()[1]["cost"] == 40
    assert account.repair()["UsageCellsWrong"] == 0


def test_what_is_still_on_its_way_counts_once(account: Account) -> None:
    account.put(1)
    account.roll_up()
    account.put(2)
    figures = account.repair()
    assert figures["UsageCellsWrong"] > 0
    assert figures["UsageCellsCorrected"] == 0
    assert account.whole()[1]["cost"] == 20
    assert account.repair()["UsageCellsWrong"] == 0


def test_nothing_is_corrected_while_the_roll_up_stands_still(account: Account) -> None:
    account.put(1)
    account.stalled = True
    figures = account.repair()
    assert figures["UsageCellsWrong"] > 0
    assert figures["UsageCellsCorrected"] == 0
    assert list(account.usage.cells(ORGANISATION)) == []


def test_later_versions_are_part_of_what_usage_must_be(account: Account) -> None:
    first = account.put(1)
    second = replace(first, version=2, cost=4)
    third = replace(first, version=3, cost=6)
    assert account.books.ledger.put_version(second, first)
    assert account.books.ledger.put_version(third, second)
    account.roll_up()
    assert account.whole()[1]["cost"] == 6
    assert account.repair()["UsageCellsWrong"] == 0


def test_a_lapsed_hold_is_returned_with_what_was_spent_from_it_once_the_roll_up_is_past_it(account: Account) -> None:
    key = CounterKey(COUNTER, f"{REGION}#0")
    end = NOON // 1000 + 100
    hold = Hold("env-1", 100, end, "lease")
    assert isinstance(account.books.counters.take(key, hold, cap=1000, slack_cap=0), Taken)
    account.put(1)
    account.put(2)
    assert account.books.run({})["HoldsReturned"] == 0

    account.epoch = end + LATE + 1
    assert account.books.run({})["HoldsReturned"] == 0, "the roll-up has not come so far"
    account.roll_up()
    figures = account.books.run({})
    assert figures["HoldsReturned"] == 1
    state = account.books.counters.read(key)
    assert (state.committed, state.spent, dict(state.holds)) == (20, 20, {})
    assert account.books.run({})["HoldsReturned"] == 0


def test_a_hold_that_may_still_be_spent_from_stays(account: Account) -> None:
    key = CounterKey(COUNTER, f"{REGION}#0")
    hold = Hold("env-1", 100, NOON // 1000 + 100, "lease")
    account.books.counters.take(key, hold, cap=1000, slack_cap=0)
    for seconds in (50, 110, 150):
        account.epoch = NOON / 1000 + seconds
        account.books.run({})
        account.roll_up()
    assert account.books.run({})["HoldsReturned"] == 0
    assert list(account.books.counters.read(key).holds) == ["env-1"]


def test_counters_of_other_regions_are_left_to_them(account: Account) -> None:
    key = CounterKey(COUNTER, "eu-west-1#0")
    account.books.counters.take(key, Hold("env-1", 100, NOON // 1000, "lease"), cap=1000, slack_cap=0)
    account.epoch += 10_000
    account.books.run({})
    account.roll_up()
    assert account.books.run({})["HoldsReturned"] == 0


def test_counters_and_usage_are_compared(account: Account) -> None:
    key = CounterKey(COUNTER, f"{REGION}#0")
    hold = Hold("env-1", 100, NOON // 1000 + 100, "lease")
    account.books.counters.take(key, hold, cap=1000, slack_cap=0)
    account.put(1)
    account.roll_up()
    assert account.books.run({})["CounterDriftUSD"] == 0
    account.books.counters.close(key, hold, 17)
    assert account.books.run({})["CounterDriftUSD"] == 7 / 1e9


def test_yesterday_is_compared_twice_a_day(account: Account) -> None:
    account.put(1)
    account.stalled = True
    account.epoch += 13 * 3600 + 60  # 01:01 of the next day
    assert account.books.run({})["UsageCellsWrong"] > 0
    account.epoch += 600
    assert account.books.run({})["UsageCellsWrong"] == 0


def test_the_figures_are_metrics_without_dimensions(account: Account) -> None:
    account.books.run({}, {"restored": 3, "lost": 1})
    line = json.loads(account.lines[-1])
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [[]]
    assert {metric["Name"] for metric in directive["Metrics"]} <= set(line)
    assert (line["EntriesRestored"], line["EntriesLost"]) == (3, 1)


def test_the_handler_sweeps_and_compares(emulator: Emulator, tables: str) -> None:
    transport = HttpTransport(trusted=True)
    settings = replace(Settings.from_environment(emulator.environment(tables)), local_logs="")
    assert reconcile_handler(settings, transport)({}, None)["restored"] == 0
    transport.drop_connections()
