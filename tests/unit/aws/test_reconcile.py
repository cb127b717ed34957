"""The reconcile job against real conditions: usage is corrected, lapsed holds are returned, nothing happens twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from sluice.aws.reconcile import Books, books_of, reconcile_handler
from sluice.aws.rollup import Consumer
from sluice.aws.stores.counter_listing import DynamoCounterListing
from sluice.control.configurations import Configurations
from sluice.governance.counter_names import counter_tag
from sluice.governance.lapse import GRACE_SECONDS
from sluice.governance.windows import window_at
from sluice.metering import request_ids
from sluice.metering.rollup import Cell
from sluice.ports import Taken
from sluice.providers.transport import HttpTransport
from sluice.routing.configuration import parse
from sluice.settings import Settings
from sluice.types.budgets import CounterKey, Hold, Window
from sluice.types.ledger import LedgerEntry
from tests.emulator import REGION, Emulator
from tests.unit.aws.entries import NOON, TEAM, typical
from tests.unit.aws.stores.connected import connected
from tests.unit.aws.streams import stream_records

DAY = "2026-11-23"
ORGANISATION = f"usage#organisation##{DAY}"
COUNTER = "budget#all#organisation#2026-11"
LATE = 60
ROLLING = Window("rolling", seconds=7_200)


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
        zone, rolling = {"kind": "month", "time_zone": "Europe/Berlin"}, {"kind": "rolling", "seconds": ROLLING.seconds}
        budgets = {
            "all": budget,
            "berlin": {**budget, "window": zone},
            "rolls": {**budget, "window": rolling},
        }
        limits = {"few": {"scope": "organisation", "concurrent": 5}, "each": {"scope": "user", "concurrent": 5}}
        configurations.promote(configurations.publish({"budgets": budgets, "limits": limits}))
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


def tagged(key: CounterKey, sequence: int) -> str:
    return f"env.{counter_tag(key.name, key.part)}-{sequence}"


@pytest.mark.parametrize(
    "counter",
    [
        COUNTER,
        "budget#berlin#organisation#2026-11",
        f"budget#rolls#organisation#{window_at(ROLLING, NOON / 1000).id}",
    ],
)
def test_counters_of_any_window_are_held_to_the_ledger(account: Account, counter: str) -> None:
    key = CounterKey(counter, f"{REGION}#0")
    hold = Hold(tagged(key, 1), 100, NOON // 1000 + 100, "lease")
    account.books.counters.take(key, hold, cap=1000, slack_cap=0)
    account.put(1, holds=((hold.id, 10),))
    account.roll_up()
    assert account.books.run({})["CounterDriftUSD"] == 0
    account.books.counters.close(key, hold, 4)
    assert account.books.run({})["CounterDriftUSD"] == 6 / 1e9
    state = account.books.counters.read(key)
    assert (state.spent, state.committed) == (10, 10), "what was missing is spent"
    assert account.books.run({})["CounterDriftUSD"] == 0
    (told,) = (json.loads(line) for line in account.lines if '"correction"' in line)
    assert (told["counter"], told["off"], told["added"]) == (counter, -6, 6)


def test_a_counter_that_says_too_much_is_lowered_once_no_entry_is_to_come_any_more(account: Account) -> None:
    key = CounterKey(COUNTER, f"{REGION}#0")
    hold = Hold(tagged(key, 1), 100, NOON // 1000 + 100, "lease")
    account.books.counters.take(key, hold, cap=1000, slack_cap=0)
    account.put(1, holds=((hold.id, 10),))
    account.roll_up()
    account.books.counters.close(key, hold, 17)
    assert account.books.run({})["CounterDriftUSD"] == 7 / 1e9
    assert account.books.counters.read(key).spent == 17
    account.put(2, cost=3, holds=((hold.id, 3),))  # the sweep finds it
    account.epoch += 2 * LATE + 1
    assert account.books.run({})["CounterDriftUSD"] == 4 / 1e9
    assert account.books.counters.read(key).spent == 13
    assert account.books.run({})["CounterDriftUSD"] == 0


def test_a_standing_roll_up_corrects_nothing_downwards(account: Account) -> None:
    key = CounterKey(COUNTER, f"{REGION}#0")
    hold = Hold(tagged(key, 1), 100, NOON // 1000 + 100, "lease")
    account.books.counters.take(key, hold, cap=1000, slack_cap=0)
    account.put(1, holds=((hold.id, 10),))
    account.books.counters.close(key, hold, 10)
    account.stalled = True
    for _ in range(4):
        account.epoch += 2 * LATE
        assert account.books.run({})["CounterDriftUSD"] == 0
    assert account.books.counters.read(key).spent == 10


def test_work_that_nobody_charged_is_told_when_its_hold_lapses(account: Account) -> None:
    key, counters = CounterKey(COUNTER, f"{REGION}#0"), account.books.counters
    end = NOON // 1000 + 30 * 86_400
    unread, charged = Hold(tagged(key, NOON), 70, end), Hold(tagged(key, NOON + 1), 50, end)
    for hold in (unread, charged):
        counters.take(key, hold, cap=1000, slack_cap=0)
    account.put(1, holds=((charged.id, 10),))
    account.epoch = end + LATE + 1
    account.books.run({})
    account.roll_up()
    figures = account.books.run({})
    assert (figures["HoldsReturned"], figures["UnchargedUSD"]) == (2, 70 / 1e9)
    assert "UnchargedUSD" not in account.books.run({})
    assert counters.read(key).committed == 10


def test_places_of_dead_environments_are_returned(account: Account) -> None:
    counters, usage = account.books.counters, account.books.settings.table("usage")
    mine = CounterKey("limit#few#organisation#concurrent", f"{REGION}#0")
    each = CounterKey("limit#each#ann#concurrent", f"{REGION}#0")
    DynamoCounterListing(account.books.client, usage).add(each.name, NOON)
    now = NOON // 1000
    for key in (mine, each):
        counters.take(key, Hold("dead-1", 1, now + 10), cap=5, slack_cap=0)
        counters.take(key, Hold("alive-1", 1, now + 4_000), cap=5, slack_cap=0)
    assert account.books.run({})["HoldsReturned"] == 0
    account.epoch += 10 + GRACE_SECONDS
    assert account.books.run({})["HoldsReturned"] == 2
    for key in (mine, each):
        assert (list(counters.read(key).holds), counters.read(key).committed) == (["alive-1"], 1)


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


def test_books_are_compared_also_where_the_log_cannot_be_read(
    emulator: Emulator, tables: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreadable(event: object, context: object) -> dict[str, int]:
        raise ConnectionError("throttled")

    transport = HttpTransport(trusted=True)
    settings = Settings.from_environment(emulator.environment(tables))
    with pytest.raises(ConnectionError):
        reconcile_handler(settings, transport, unreadable)({}, None)
    assert "CounterDriftUSD" in capsys.readouterr().out
    transport.drop_connections()


def test_the_handler_sweeps_and_compares(emulator: Emulator, tables: str) -> None:
    transport = HttpTransport(trusted=True)
    settings = replace(Settings.from_environment(emulator.environment(tables)), local_logs="")
    assert reconcile_handler(settings, transport)({}, None)["restored"] == 0
    transport.drop_connections()
