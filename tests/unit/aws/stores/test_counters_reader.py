"""Budget counters as they are looked at: all regions and shards together."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sluice.aws.dynamodb import DynamoClient
from sluice.aws.stores.counter_listing import DynamoCounterListing
from sluice.aws.stores.counters_reader import DynamoCounterReader
from sluice.control.budget_status import Totals
from sluice.governance.counter_names import budget_counter
from tests.emulator import Emulator
from tests.unit.aws.stores.connected import connected

NAME = budget_counter("each", "a#b", "2026-11")


@pytest.fixture
def client(emulator: Emulator) -> Iterator[DynamoClient]:
    with connected(emulator) as made:
        yield made


def test_the_parts_of_a_counter_are_one_sum(client: DynamoClient, tables: str) -> None:
    table = f"{tables}-usage"
    hold = {"a": 10, "x": 1, "n": 0, "s": 2, "k": "l"}
    parts = [
        {"sk": "us-east-1#0", "committed": 30, "spent": 20, "slack": 2, "h#e1-1": hold},
        {"sk": "us-east-1#1", "committed": 5, "spent": 5},
        {"sk": "us-west-2#0", "committed": 100, "spent": 40, "slack": 0, "g#us-east-1#0": 50, "g#us-east-1#1": 7},
    ]
    for part in parts:
        client.put_item(table, {"pk": NAME, **part})
    client.put_item(table, {"pk": budget_counter("each", "a", "2026-11"), "sk": "us-east-1#0", "committed": 999})
    reader = DynamoCounterReader(client, table)
    assert reader.totals(NAME) == Totals(committed=30 + 5 + 100 - 57, spent=65, slack=2)
    assert reader.totals(budget_counter("each", "nobody", "2026-11")) == Totals()


def test_the_values_that_have_counters_are_listed_by_window(client: DynamoClient, tables: str) -> None:
    table = f"{tables}-usage"
    for value, window in (("a#b", "2026-11"), ("ads", "2026-11"), ("gone", "2026-10")):
        for _ in range(2):
            DynamoCounterListing(client, table).add(budget_counter("each", value, window), 2_000_000_000)
    assert list(DynamoCounterReader(client, table).listed("each", "2026-11")) == ["a%23b", "ads"]
