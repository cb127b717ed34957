"""Comparisons are written whole, read back, and written over without a trace; sums come from the roll-up's cells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from sluice.aws.dynamodb import DynamoClient
from sluice.aws.stores.invoices import CellSums, DynamoInvoiceStore
from sluice.control.invoices.job import Outcome, State
from sluice.control.invoices.matching import compare
from sluice.control.invoices.statements import Figures, Line, Statement
from tests.emulator import Emulator
from tests.unit.aws.stores.connected import connected

DAY = date(2026, 11, 20)
OURS = [Line("gpt-5", Figures(990, 10, 5, 2)), Line("unbilled", Figures(1, 1, 1, 1))]


@pytest.fixture
def client(emulator: Emulator) -> Iterator[DynamoClient]:
    with connected(emulator) as made:
        yield made


def outcome(*theirs: Line, day: date = DAY, state: State = "final", checked: int = 7) -> Outcome:
    statement = Statement("openai", day, theirs, frozenset({"cost", "input", "output"}))
    return Outcome("openai", day, state, checked, compare(OURS, statement))


def test_a_comparison_is_one_item_per_model_and_a_summary(client: DynamoClient, tables: str) -> None:
    store = DynamoInvoiceStore(client, f"{tables}-usage")
    assert store.state("openai", DAY) is None
    assert store.day("openai", DAY) == []
    store.save(outcome(Line("gpt-5-2025-08-07", Figures(1000, 10, 5)), Line("bypassed", Figures(9, 1, 1))))
    summary, bypassed, model, unbilled = store.day("openai", DAY)
    assert (summary["model"], summary["state"], summary["drift_bp"]) == ("*", "final", -179)
    assert summary["unmatched"] == {"ours": 1, "theirs": 1}
    assert (bypassed["side"], bypassed["drift_bp"], unbilled["side"]) == ("theirs", -10_000, "ours")
    assert model["ours"] == {"cost": 990, "input": 10, "output": 5, "requests": 2}
    assert model["theirs"] == {"cost": 1000, "input": 10, "output": 5}
    assert model["names"] == {"ours": ["gpt-5"], "theirs": ["gpt-5-2025-08-07"]}
    item = client.get_item(f"{tables}-usage", ("invoice#openai#2026-11-20", "gpt-5"))
    assert item is not None
    assert item["expires_at"] > 1_795_132_800
    assert json.loads(json.dumps(store.day("openai", DAY))) == store.day("openai", DAY)


def test_the_same_day_again_changes_nothing_and_another_comparison_leaves_nothing_of_the_first(
    client: DynamoClient, tables: str
) -> None:
    store = DynamoInvoiceStore(client, f"{tables}-usage")
    first = outcome(Line("gpt-5", Figures(990, 10, 5)), Line("bypassed", Figures(9, 1, 1)))
    store.save(first)
    written = store.day("openai", DAY)
    store.save(first)
    assert store.day("openai", DAY) == written
    store.save(outcome(Line("gpt-5", Figures(990, 10, 5))))
    assert [card["model"] for card in store.day("openai", DAY)] == ["*", "gpt-5", "unbilled"]


def test_names_that_no_key_can_hold_are_cut_and_none_takes_the_summarys_place(
    client: DynamoClient, tables: str
) -> None:
    store = DynamoInvoiceStore(client, f"{tables}-usage")
    store.save(outcome(Line("\u00e9" * 2000, Figures(1, 1, 1)), Line("*", Figures(2, 1, 1)), Line("", Figures(3))))
    cards = {card["model"]: card for card in store.day("openai", DAY)}
    assert cards["*"]["state"] == "final"
    assert cards["*"]["theirs"]["cost"] == 6
    assert cards["(*)"]["theirs"]["cost"] == 2
    assert cards["(no model)"]["theirs"]["cost"] == 3
    assert cards["\u00e9" * 250]["theirs"]["cost"] == 1


class Breaking:
    """A client that breaks off at the write of a summary, as a function does that is out of time."""

    def __init__(self, client: DynamoClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_item(self, table: str, item: dict[str, Any]) -> None:
        if item["sk"] == "*":
            raise TimeoutError
        self._client.put_item(table, item)


def test_a_day_whose_run_broke_off_is_not_compared_and_is_taken_up_without_a_trace(
    client: DynamoClient, tables: str
) -> None:
    broken: Any = Breaking(client)
    with pytest.raises(TimeoutError):
        DynamoInvoiceStore(broken, f"{tables}-usage").save(outcome(Line("bypassed", Figures(9, 1, 1))))
    store = DynamoInvoiceStore(client, f"{tables}-usage")
    assert store.state("openai", DAY) is None
    assert store.summaries(["openai"], [DAY]) == []
    store.save(outcome(Line("gpt-5", Figures(990, 10, 5))))
    assert [card["model"] for card in store.day("openai", DAY)] == ["*", "gpt-5", "unbilled"]


def test_a_failure_is_kept_until_a_comparison_and_never_over_one(client: DynamoClient, tables: str) -> None:
    store = DynamoInvoiceStore(client, f"{tables}-usage")
    failed = Outcome("openai", DAY, "failed", 8, failure="openai: answered 429.", kind="busy")
    store.save(failed)
    (card,) = store.day("openai", DAY)
    assert (card["state"], card["failure"], card["kind"]) == ("failed", "openai: answered 429.", "busy")
    store.save(outcome())
    store.save(failed)
    assert store.state("openai", DAY) == "final"
    assert "failure" not in store.day("openai", DAY)[0]


def test_summaries_are_listed_by_provider_from_the_latest_day_on(client: DynamoClient, tables: str) -> None:
    store = DynamoInvoiceStore(client, f"{tables}-usage")
    days = [date(2026, 11, number) for number in (18, 19, 20)]
    for day in days[1:]:
        store.save(outcome(day=day))
    store.save(Outcome("anthropic", DAY, "failed", 8, failure="x", kind="busy"))
    found = store.summaries(["openai", "anthropic"], days)
    assert [(card["provider"], card["day"]) for card in found] == [
        ("anthropic", "2026-11-20"),
        ("openai", "2026-11-20"),
        ("openai", "2026-11-19"),
    ]


def test_sums_add_the_cells_of_all_regions_and_split_providers_from_models(client: DynamoClient, tables: str) -> None:
    def cell(region: str, deployment: str, kind: str = "model#d", **columns: int) -> None:
        key = {"pk": "usage#organisation##2026-11-20", "sk": f"{kind}#{region}#{deployment}"}
        client.put_item(f"{tables}-usage", {**key, **columns})

    cell(
        "us-east-1",
        "openai/gpt-5",
        cost=5,
        input=1,
        cache_read=2,
        cache_write_5m=3,
        cache_write_1h=4,
        output=6,
        requests=1,
    )
    cell("eu-central-1", "openai/gpt-5", cost=7, input=1, output=1, requests=2)
    cell("us-east-1", "openai/ft:gpt-4o#x", cost=1, requests=1)
    cell("us-east-1", "openrouter/openai/gpt-5", cost=100, requests=1)
    cell("us-east-1", "openai/gpt-5", kind="model#h05", cost=1000)
    cell("us-east-1", "openai", kind="provider#d", cost=1000)
    sums = CellSums(client, f"{tables}-usage")
    assert sums.sums("openai", DAY) == (
        Line("ft:gpt-4o#x", Figures(1, 0, 0, 1)),
        Line("gpt-5", Figures(12, 11, 7, 3)),
    )
    assert sums.sums("openrouter", DAY) == (Line("openai/gpt-5", Figures(100, 0, 0, 1)),)
    assert sums.sums("openai", date(2026, 11, 21)) == ()
