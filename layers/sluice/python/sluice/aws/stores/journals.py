"""Journals of the roll-up in the `usage` table: what is to be added to cells, until it is.

    pk=usage#journal#<region>  sk=<epoch ms>#<random>  cells: compressed {partition: {sort key: {column: number}}}
    pk=usage#journal#<region>  sk=!group               number, state, members: the journals that are being added

A pack's transaction leaves one journal. Merging takes many of them as one numbered group, adds them up, adds the sums
to the cells, and deletes them. A cell keeps the number of the last group that is in it (`merged`) and refuses any
group up to that one, so merging may be repeated, run beside itself and be killed at any point:

    open      the group's cells are being written; all of its journals are there
    written   every cell has them; the journals are being deleted
    done      none of them is left; the next group may be opened

What stands in journals only is `pending`: who reads a cell adds it, unless the cell says that it is in it already.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sluice.aws.attributes import Item
from sluice.aws.dynamodb import DynamoClient, Write, update
from sluice.aws.errors import ConditionalCheckFailed
from sluice.metering.rollup import Cell, Cells, add, expires, without_zeros
from sluice.types.clock import Millis

GROUP = "!group"
"""Sorts before every journal, so that a query reads it first."""
GROUP_CELLS = 2_000
GROUP_JOURNALS = 400
"""What one group takes in: some ten seconds of writing."""
TAKEN_MS = 30_000
"""For so long others leave an open group to who opened it."""
TRIES = 8
ALL_TRIES = 200
_OPEN, _WRITTEN, _DONE = "open", "written", "done"


class Unmerged(Exception):
    """Journals that had to be in their cells are not."""


@dataclass(slots=True)
class Pending:
    """What is not in every cell yet. `group` is that of group `number`, `later` what follows it."""

    number: int = 0
    group: Cells = field(default_factory=dict)
    later: Cells = field(default_factory=dict)

    def of(self, cell: Cell, merged: int) -> Mapping[str, int]:
        """Return what a cell still lacks; `merged` is the group that it has come to."""
        lacking: Cells = {}
        if merged < self.number and cell in self.group:
            add(lacking, {cell: self.group[cell]})
        if cell in self.later:
            add(lacking, {cell: self.later[cell]})
        return lacking.get(cell, {})

    def within(self, partition: str, prefix: str) -> Iterable[Cell]:
        """Return the cells of a partition that something is pending for."""
        return [cell for cell in {**self.group, **self.later} if cell[0] == partition and cell[1].startswith(prefix)]


@dataclass(frozen=True, slots=True)
class _Group:
    number: int
    state: str
    members: tuple[str, ...]
    taken_until: Millis


class Journals:
    """The journals of one region."""

    def __init__(self, client: DynamoClient, table: str, region: str) -> None:
        self._client = client
        self._table = table
        self._partition = f"usage#journal#{region}"

    def written(self, cells: Cells, now_ms: Millis) -> Write:
        """Return the write of a journal, for a pack's transaction."""
        key = (self._partition, f"{now_ms:013}#{os.urandom(6).hex()}")
        condition = "attribute_not_exists(pk)"
        return update(self._table, key, "SET cells = :cells", condition=condition, values={":cells": packed(cells)})

    def pending(self) -> Pending:
        """Return what is in no cell yet, or in some only."""
        group, journals = self._read()
        if group is None:
            return Pending(0, {}, _sum(journals.values()))
        members = [journals.pop(name) for name in group.members if name in journals]
        return Pending(group.number, _sum(members) if group.state == _OPEN else {}, _sum(journals.values()))

    def merge(self, now_ms: Millis, *, older_ms: int = 0, groups: int = 1) -> int:
        """Add journals to their cells when the oldest is older than that; return how many cells were written.

        At most `groups` groups are opened. One that somebody else is at is left to them, for a while.
        """
        count = 0
        for _ in range(groups + TRIES):
            group, journals = self._read()
            if group is None or group.state == _DONE:
                if groups <= 0 or not journals or int(min(journals)[:13]) > now_ms - older_ms:
                    break
                groups -= 1
                group = self._opened((group.number if group else 0) + 1, journals, now_ms)
            elif group.state == _OPEN and group.taken_until > now_ms:
                break
            count += self._go_on(group, journals)
        return count

    def merge_all(self, now_ms: Millis) -> None:
        """Add every journal that is there now to its cells, together with whoever else is at it.

        Raises:
            Unmerged: some are left after many tries.
        """
        first: set[str] | None = None
        for _ in range(ALL_TRIES):
            group, journals = self._read()
            first = set(journals) if first is None else first
            if not first & set(journals):
                return
            if group is None or group.state == _DONE:
                group = self._opened((group.number if group else 0) + 1, journals, now_ms)
            self._go_on(group, journals)
        raise Unmerged(f"Journals of {self._partition} could not be added up in {ALL_TRIES} tries.")

    def _go_on(self, group: _Group | None, journals: Mapping[str, Item]) -> int:
        """Bring a group to its end; return how many cells were written. What was overtaken is left as it is."""
        if group is None:
            return 0
        count = 0
        if group.state == _OPEN:
            found = [journals[name] for name in group.members if name in journals]
            if len(found) < len(group.members):
                return 0  # it has been written since it was read
            count = self._add(group.number, _sum(found))
            self._turn(group.number, _OPEN, _WRITTEN)
        for name in group.members:
            self._client.delete_item(self._table, (self._partition, name))
        self._turn(group.number, _WRITTEN, _DONE)
        return count

    def _read(self) -> tuple[_Group | None, dict[str, Item]]:
        group, journals = None, {}
        for item in self._client.query(self._table, self._partition, consistent=True):
            if item["sk"] == GROUP:
                group = _Group(item["number"], item["state"], tuple(item["members"]), item["taken_until"])
            else:
                journals[item["sk"]] = item
        return group, journals

    def _opened(self, number: int, journals: Mapping[str, Item], now_ms: Millis) -> _Group | None:
        """Open the next group with the oldest journals; None when somebody else was faster."""
        members: list[str] = []
        cells: set[Cell] = set()
        for name in sorted(journals)[:GROUP_JOURNALS]:
            cells.update(_unpacked(journals[name]))
            if members and len(cells) > GROUP_CELLS:
                break
            members.append(name)
        values = {
            ":number": number,
            ":before": number - 1,
            ":open": _OPEN,
            ":done": _DONE,
            ":members": members,
            ":until": now_ms + TAKEN_MS,
        }
        try:
            self._client.update_item(
                self._table,
                (self._partition, GROUP),
                "SET #number = :number, #state = :open, #members = :members, taken_until = :until",
                condition="attribute_not_exists(pk) OR (#number = :before AND #state = :done)",
                names={"#number": "number", "#state": "state", "#members": "members"},
                values=values,
            )
        except ConditionalCheckFailed:
            return None
        return _Group(number, _OPEN, tuple(members), now_ms + TAKEN_MS)

    def _add(self, number: int, cells: Cells) -> int:
        """Add a group's sums to its cells, those that have it already left out; return how many were written."""
        count = 0
        for cell, columns in without_zeros(cells).items():
            names = {f"#n{at}": name for at, name in enumerate(columns)}
            values: dict[str, object] = {f":v{at}": value for at, value in enumerate(columns.values())}
            added = ", ".join(f"#n{at} :v{at}" for at in range(len(columns)))
            try:
                self._client.update_item(
                    self._table,
                    cell,
                    f"ADD {added} SET expires_at = :x, merged = :number",
                    condition="attribute_not_exists(merged) OR merged < :number",
                    names=names,
                    values={**values, ":x": expires(cell), ":number": number},
                )
            except ConditionalCheckFailed:
                continue
            count += 1
        return count

    def _turn(self, number: int, before: str, after: str) -> None:
        """Move a group on; somebody else may have done so."""
        try:
            self._client.update_item(
                self._table,
                (self._partition, GROUP),
                "SET #state = :after",
                condition="#number = :number AND #state = :before",
                names={"#number": "number", "#state": "state"},
                values={":number": number, ":before": before, ":after": after},
            )
        except ConditionalCheckFailed:
            return


def _sum(journals: Iterable[Item]) -> Cells:
    cells: Cells = {}
    for journal in journals:
        add(cells, _unpacked(journal))
    return cells


def packed(cells: Cells) -> bytes:
    """Return cells as a journal holds them."""
    nested: dict[str, dict[str, Mapping[str, int]]] = {}
    for (partition, sort_key), columns in cells.items():
        nested.setdefault(partition, {})[sort_key] = columns
    return zlib.compress(json.dumps(nested, separators=(",", ":")).encode(), 6)


def _unpacked(journal: Item) -> Cells:
    nested: dict[str, dict[str, dict[str, Any]]] = json.loads(zlib.decompress(journal["cells"]))
    return {
        (partition, sort_key): columns for partition, cells in nested.items() for sort_key, columns in cells.items()
    }
