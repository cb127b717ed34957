"""The roll-up: every change of the ledger counts once, whatever is repeated, split or cut off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.metering import request_ids
from sluice.metering.rollup import (
    COLUMNS,
    JOURNAL_CELLS,
    TAG_LIMIT,
    WRITES,
    Cells,
    Change,
    Pack,
    add,
    cells_of,
    entry_cells,
    expires,
    figures,
    packs,
    padded,
    total,
    without_zeros,
)
from sluice.types.ledger import LedgerEntry
from sluice.types.usage import Usage
from tests.unit.aws.entries import NOON, typical

REGION = "eu-west-1"
DAY = "2026-11-23"


def entry(number: int = 0, *, team: str = "search", cost: int = 7, **changes: object) -> LedgerEntry:
    request_id = request_ids.new(NOON + number, team, lambda count: number.to_bytes(count, "big"))
    return typical(request_id=request_id, team=team, cost=cost, tags=(), saved=(), holds=(("h1", cost),), **changes)


def change(number: int, found: LedgerEntry, before: LedgerEntry | None = None) -> Change:
    return Change(request_ids.partition_of(found.request_id), padded(str(number)), found, before)


class Books:
    """The usage table in memory; it writes only packs whose checkpoints are as they were read."""

    def __init__(self) -> None:
        self.cells: Cells = {}
        self.seen: dict[str, str] = {}

    def apply(self, pack: Pack) -> bool:
        assert pack.writes <= WRITES
        if any(self.seen.get(name, "") != before for name, (before, _) in pack.checkpoints.items()):
            return False
        add(self.cells, pack.cells)
        self.seen.update({name: after for name, (_, after) in pack.checkpoints.items()})
        return True

    def consume(self, batch: Sequence[Change], most: int = 10**6) -> None:
        """Write at most that many packs of a batch, as a consumer does that is killed after them."""
        for count, pack in enumerate(packs(batch, dict(self.seen), REGION)):
            if count >= most:
                return
            assert self.apply(pack)

    @property
    def organisation(self) -> dict[str, int]:
        return self.cells[f"usage#organisation##{DAY}", f"all#d#{REGION}#"]


def test_an_entry_counts_for_its_team_for_everybody_and_for_each_of_its_parts() -> None:
    found = entry(cost=9, user="ann", route="fast")
    cells = entry_cells(found, REGION)
    for scope in ("organisation#", "team#search"):
        for span in ("d", "h12"):
            for part in ("all", "key", "user", "model", "provider", "route"):
                value = {
                    "all": "",
                    "key": "abcdefghijkl",
                    "user": "ann",
                    "model": "anthropic/claude-sonnet-4-5",
                    "provider": "anthropic",
                    "route": "fast",
                }[part]
                assert cells[f"usage#{scope}#{DAY}", f"{part}#{span}#{REGION}#{value}"]["cost"] == 9
    assert cells["usage#hold#h1", f"{DAY}#{REGION}"] == {"spent": 9}
    assert len(cells) == 2 * (7 + 6) + 1


def test_the_columns_tell_money_tokens_and_savings_apart() -> None:
    found = typical(
        cost=100,
        list_cost=150,
        outcome="failed",
        usage=Usage(input=1, cache_read=2, cache_write_1h=3, output=4, provider_cost_usd="0.00000012"),
        saved=(("cache", 5), ("prompt_cache", -6), ("batch", 7), ("routing", 8)),
    )
    assert figures(found) == {
        "requests": 1,
        "errors": 1,
        "input": 1,
        "cache_read": 2,
        "cache_write_1h": 3,
        "output": 4,
        "cost": 100,
        "list_cost": 150,
        "stated_cost": 120,
        "saved_cache": 5,
        "saved_prompt_cache": -6,
        "saved_batch": 7,
        "saved_routing": 8,
    }
    assert set(figures(found)) <= set(COLUMNS)
    assert figures(typical(usage=Usage(provider_cost_usd="much"))).get("stated_cost") is None


def test_the_list_price_is_the_cost_where_nothing_else_is_said() -> None:
    assert figures(entry(cost=5))["list_cost"] == 5


def test_what_replaces_the_sweeps_guess_counts_instead_of_it() -> None:
    guess = entry(cost=3, outcome="lost")
    own = replace(guess, cost=5, outcome="ok", user="ann", holds=(("h1", 5),))
    books = Books()
    books.consume([change(1, guess), change(2, own, guess)])
    assert without_zeros(books.cells) == without_zeros(entry_cells(own, REGION))


def test_a_later_version_adds_only_the_difference_and_touches_no_hold() -> None:
    first = entry(cost=5)
    second = replace(first, cost=8, version=2)
    books = Books()
    books.consume([change(1, first), change(2, second, replace(second, cost=5))])
    assert books.organisation["cost"] == 8
    assert books.organisation["requests"] == 1
    assert books.cells["usage#hold#h1", f"{DAY}#{REGION}"] == {"spent": 5}


def test_a_version_at_the_same_price_changes_nothing() -> None:
    second = replace(entry(), version=2)
    assert cells_of(change(1, second, second), REGION) == {}


def test_no_entry_makes_more_writes_than_one_transaction_takes() -> None:
    tags = tuple((f"t{number}", "x") for number in range(100))
    holds = tuple((f"h{number}", 1) for number in range(30))
    found = replace(entry(user="u", route="r"), tags=tags, holds=holds)
    (pack,) = packs([change(1, found)], {}, REGION)
    assert pack.writes <= WRITES
    assert sum(sort_key.startswith("tag#d#") for _, sort_key in pack.cells) == 2 * TAG_LIMIT


def test_hours_are_kept_for_a_season_and_days_for_years() -> None:
    hour, day = (expires((f"usage#team#a#{DAY}", f"all#{span}#{REGION}#")) for span in ("h12", "d"))
    assert (day - hour) // 86_400 == 1000
    assert expires(("usage#hold#h", f"{DAY}#{REGION}")) == hour


def test_a_total_adds_up_whatever_columns_there_are() -> None:
    assert total([{"cost": 1}, {"cost": 2, "errors": 1}, {}]) == {"cost": 3, "errors": 1}


ENTRY = st.builds(
    entry,
    st.integers(0, 10**6),
    team=st.sampled_from(["a", "b", "c"]),
    cost=st.integers(0, 10**12),
    user=st.sampled_from(["", *(f"u{number}" for number in range(40))]),
    route=st.sampled_from(["", "fast"]),
)


@given(
    st.lists(ENTRY, min_size=1, max_size=40, unique_by=lambda found: found.request_id),
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40), st.integers(0, 4)), max_size=12),
)
def test_replays_duplicates_and_kills_between_packs_change_nothing(
    entries: list[LedgerEntry], tries: list[tuple[int, int, int]]
) -> None:
    changes = [change(number, found) for number, found in enumerate(entries)]
    books, reached = Books(), 0
    for back, length, most in tries:
        # A stream never skips: each try begins at or before what was reached, and may be cut off after any pack.
        start = max(reached - back, 0)
        batch = changes[start : start + length]
        books.consume(batch, most)
        written = all(books.seen.get(each.partition, "") >= each.sequence for each in batch)
        reached = max(reached, start + len(batch)) if written else reached
    books.consume(changes)
    books.consume(changes)
    expected: Cells = {}
    for found in entries:
        add(expected, entry_cells(found, REGION))
    assert without_zeros(books.cells) == without_zeros(expected)


def test_two_consumers_of_the_same_batch_count_it_once() -> None:
    changes = [change(number, entry(number)) for number in range(20)]
    books = Books()
    ours, theirs = (list(packs(changes, {}, REGION)) for _ in range(2))
    assert all(books.apply(pack) for pack in ours)
    assert not any(books.apply(pack) for pack in theirs)
    assert books.organisation["requests"] == 20


@pytest.mark.parametrize("limit", [40, 100])
def test_a_batch_is_split_so_that_each_pack_has_the_next_changes_of_its_partitions(limit: int) -> None:
    changes = [change(number, replace(entry(number), holds=((f"h{number}", 1),))) for number in range(120)]
    found = list(packs(changes, {}, REGION, limit))
    assert len(found) > 1
    assert sorted(position for pack in found for position in pack.changes) == list(range(120))
    reached: dict[str, str] = {}
    for pack in found:
        assert pack.writes <= limit
        for partition, (before, after) in pack.checkpoints.items():
            assert reached.get(partition, "") == before
            reached[partition] = after


def test_a_journal_holds_no_more_cells_than_an_item_can_take() -> None:
    changes = [change(number, entry(number, user=f"u{number}")) for number in range(1_000)]
    found = list(packs(changes, {}, REGION))
    assert len(found) > 1
    assert all(len(pack.cells) <= JOURNAL_CELLS for pack in found)
    assert sorted(position for pack in found for position in pack.changes) == list(range(1_000))


def test_a_pack_writes_its_holds_and_one_journal_for_all_other_cells() -> None:
    (pack,) = packs([change(number, entry(number, user=f"u{number}")) for number in range(50)], {}, REGION)
    assert pack.direct() == {("usage#hold#h1", f"{DAY}#{REGION}"): {"spent": 350}}
    assert {**pack.journal(), **pack.direct()} == pack.cells
    assert pack.writes == len(pack.checkpoints) + 1 + 1
