"""Journals come into their cells once, whoever merges them, however often, and wherever that is cut off."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from sluice.aws.dynamodb import DynamoClient
from sluice.aws.errors import Unavailable
from sluice.aws.stores import journals as module
from sluice.aws.stores.journals import TAKEN_MS, Unmerged
from sluice.aws.stores.usage import DynamoUsageStore
from sluice.metering import request_ids
from sluice.metering.rollup import Cells, Change, add, entry_cells, packs, padded, without_zeros
from sluice.types.ledger import LedgerEntry
from tests.emulator import REGION, Emulator
from tests.unit.aws.entries import NOON, typical
from tests.unit.aws.stores.connected import connected

DAY = "2026-11-23"
SCOPES = ("organisation#", "team#search", "team#sales")


class Mortal:
    """Makes its process, so to speak, die before the n-th write."""

    def __init__(self, client: DynamoClient, left: int) -> None:
        self._client = client
        self.left = left

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if name not in ("update_item", "delete_item"):
            return call

        def counted(*arguments: Any, **named: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                raise Unavailable("dynamodb", name, "killed")
            return call(*arguments, **named)

        return counted


class Usage:
    """One usage table, stores of it as several processes have them, and what must be in it."""

    def __init__(self, client: DynamoClient, prefix: str) -> None:
        self.client = client
        self.table = f"{prefix}-usage"
        self.expected: Cells = {}
        self._sequence = itertools.count(1)
        self._seen: dict[str, str] = {}

    def store(self, client: Any = None, region: str = REGION) -> DynamoUsageStore:
        return DynamoUsageStore(client or self.client, self.table, region=region)

    def roll_up(self, entries: Sequence[LedgerEntry], at_ms: int = NOON) -> None:
        changes = [
            Change(request_ids.partition_of(e.request_id), padded(str(next(self._sequence))), e) for e in entries
        ]
        for pack in packs(changes, self._seen, REGION):
            self.store().apply(pack, at_ms)
            self._seen.update({name: after for name, (_, after) in pack.checkpoints.items()})
        for entry in entries:
            add(self.expected, entry_cells(entry, REGION))

    def shown(self, store: DynamoUsageStore | None = None) -> Cells:
        """Return all cells but those of holds, as a reader sees them."""
        store = store or self.store()
        return without_zeros(dict(cell for scope in SCOPES for cell in store.cells(f"usage#{scope}#{DAY}")))

    def stored(self) -> Cells:
        """Return all cells but those of holds, as they stand there."""
        wanted = [cell for cell in self.expected if not cell[0].startswith("usage#hold#")]
        return without_zeros({cell: dict(columns) for cell, columns in self.store().read(wanted).items()})

    def due(self) -> Cells:
        return without_zeros({c: columns for c, columns in self.expected.items() if not c[0].startswith("usage#hold#")})


@pytest.fixture
def usage(emulator: Emulator, tables: str) -> Iterator[Usage]:
    with connected(emulator) as client:
        yield Usage(client, tables)


def entries(count: int, first: int = 0) -> list[LedgerEntry]:
    made = []
    for number in range(first, first + count):
        team = ("search", "sales")[number % 2]
        request_id = request_ids.new(NOON + number, team, lambda size, n=number: n.to_bytes(size, "big"))  # type: ignore[misc]
        made.append(typical(request_id=request_id, team=team, cost=10 + number, user=f"u{number % 3}", tags=()))
    return made


def test_what_is_only_in_journals_is_shown(usage: Usage) -> None:
    usage.roll_up(entries(5))
    assert usage.stored() == {}
    assert usage.shown() == usage.due()


def test_merging_puts_everything_into_the_cells_once(usage: Usage) -> None:
    usage.roll_up(entries(5))
    usage.roll_up(entries(5, first=5))
    store = usage.store()
    assert store.merge(NOON) == len(usage.due())
    assert store.merge(NOON) == 0
    assert usage.stored() == usage.shown(store) == usage.due()


def test_a_cell_is_written_once_for_many_journals(usage: Usage) -> None:
    for first in range(0, 20, 2):
        usage.roll_up(entries(2, first=first))
    assert usage.store().merge(NOON) == len(usage.due())


def test_young_journals_wait(usage: Usage) -> None:
    usage.roll_up(entries(2), NOON)
    assert usage.store().merge(NOON + 59_999, older_ms=60_000) == 0
    assert usage.store().merge(NOON + 60_000, older_ms=60_000) > 0


def test_a_group_takes_in_so_much_and_the_next_one_the_rest(usage: Usage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GROUP_CELLS", 30)
    for first in range(0, 8, 2):
        usage.roll_up(entries(2, first=first))
    store = usage.store()
    store.merge(NOON)
    assert usage.stored() != usage.due()
    assert usage.shown() == usage.due()
    store.merge(NOON, groups=10)
    assert usage.stored() == usage.due()


@pytest.mark.parametrize(
    ("cells", "writes"),
    [(0, 0), (0, 1), (0, 2), (0.5, 1), (1, 0), (1, 1), (1, 2), (1, 4), (1, 6)],
    ids=lambda number: f"{number}",
)
def test_a_merge_that_was_killed_is_ended_by_the_next(usage: Usage, cells: float, writes: int) -> None:
    """Killed when it opens the group, among the cells, when it has them, among the deletions, and at the end."""
    for first in range(0, 8, 2):
        usage.roll_up(entries(2, first=first))
    mortal = Mortal(usage.client, int(cells * len(usage.due())) + writes)
    with pytest.raises(Unavailable):
        usage.store(mortal).merge(NOON, groups=3)
    usage.roll_up(entries(4, first=8))
    assert usage.shown() == usage.due()
    late = NOON + TAKEN_MS + 1
    usage.store().merge(late, groups=3)
    assert usage.stored() == usage.shown() == usage.due()


def test_an_open_group_is_left_to_who_is_at_it(usage: Usage) -> None:
    usage.roll_up(entries(4))
    with pytest.raises(Unavailable):
        usage.store(Mortal(usage.client, 5)).merge(NOON)
    assert usage.store().merge(NOON + 1) == 0
    usage.store().merge_all(NOON + 1)
    assert usage.stored() == usage.due()


def test_one_who_was_overtaken_adds_nothing(usage: Usage, monkeypatch: pytest.MonkeyPatch) -> None:
    usage.roll_up(entries(4))
    slow = usage.store()
    others = [lambda: usage.store().merge_all(NOON), lambda: usage.roll_up(entries(4, first=4))]
    write = slow._journals._add

    def late(number: int, cells: Cells) -> int:
        while others:
            others.pop(0)()
        return write(number, cells)

    monkeypatch.setattr(slow._journals, "_add", late)
    assert slow.merge(NOON) == 0
    assert usage.shown() == usage.due()
    usage.store().merge_all(NOON)
    assert usage.stored() == usage.due()


@pytest.mark.parametrize("seed", range(4))
def test_many_who_merge_and_die_at_random_leave_every_cell_right(usage: Usage, seed: int) -> None:
    chance = random.Random(seed)
    now = NOON
    for step in range(12):
        usage.roll_up(entries(chance.randrange(1, 5), first=step * 5), now)
        now += chance.choice((1, TAKEN_MS + 1))
        mortal = Mortal(usage.client, chance.randrange(0, 120))
        try:
            usage.store(mortal).merge(now, groups=chance.randrange(1, 3))
        except Unavailable:
            assert usage.shown() == usage.due()
    usage.store().merge_all(now)
    assert usage.stored() == usage.shown() == usage.due()


def test_a_reader_that_knows_old_journals_reads_them_again_when_cells_are_ahead(usage: Usage) -> None:
    usage.roll_up(entries(4))
    reader = usage.store()
    assert usage.shown(reader) == usage.due()
    usage.store().merge_all(NOON)
    assert usage.shown(reader) == usage.due()


def test_journals_of_another_region_are_its_own_affair(usage: Usage) -> None:
    usage.roll_up(entries(4))
    assert usage.shown(usage.store(region="eu-west-1")) == {}
    usage.store(region="eu-west-1").merge_all(NOON)
    assert usage.stored() == {}


def test_journals_that_cannot_be_merged_are_an_error_where_they_must_be(
    usage: Usage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ALL_TRIES", 3)
    usage.roll_up(entries(2))
    store = usage.store()
    monkeypatch.setattr(store._journals, "_go_on", lambda group, journals: 0)
    with pytest.raises(Unmerged, match="3 tries"):
        store.merge_all(NOON)
