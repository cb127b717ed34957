"""What is kept about an end user: found, told, and made nobody's.

An end user is a name that callers send along (`governance.end_user`). It stands in ledger entries, in cells of usage,
and in the names of counters of budgets that are for each user. The days on which a user was there are read from the
cells, so nothing has to be searched through.

Erasing replaces the name in an entry and takes its session away; cost, tokens and time stay, because the books must add
up. It is the one change that an entry ever sees. The roll-up then moves the usage from the name to `ERASED` by itself;
the cells that are empty afterwards are deleted, since the name is a part of their keys. All of it may be repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from sluice.metering.request_ids import SHARDS
from sluice.metering.rollup import Cell, Columns
from sluice.types.ledger import LedgerEntry

ERASED = "erased"
"""What stands in place of a name."""
HOURS = tuple(f"h{hour:02}" for hour in range(24))


class Cells(Protocol):
    """Cells of usage as they stand in the table."""

    def read(self, cells: Iterable[Cell]) -> Mapping[Cell, Columns]:
        """Return those cells that exist."""

    def drop_empty(self, cell: Cell) -> bool:
        """Delete a cell whose columns are all 0; False when they are not, or it has changed."""


class Entries(Protocol):
    """The ledger of one region."""

    def partition(self, partition: str, after: str = "") -> Iterator[LedgerEntry]:
        """Yield the entries of a partition."""

    def rename_user(self, entry: LedgerEntry, name: str) -> bool:
        """Put another name in place of an entry's user and take its session away; False when it has changed."""


def days_with(user: str, team: str, days: Sequence[str], regions: Sequence[str], cells: Cells) -> list[str]:
    """Return those of the days on which usage of the user is known, the last two always: they may not be rolled up."""
    keys = {(f"usage#team#{team}#{day}", f"user#d#{region}#{user}"): day for day in days for region in regions}
    known = {keys[cell] for cell in cells.read(keys)}
    return [day for day in days if day in known or day in days[-2:]]


def partitions_of(team: str, days: Iterable[str]) -> list[str]:
    """Return the partitions of the ledger that may hold a team's entries of these days."""
    return [f"{team}#{day}#{shard}" for day in days for shard in range(SHARDS)]


def entries_of(user: str, page: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """Return those entries that name the user."""
    return [entry for entry in page if entry.user == user]


def erase(user: str, page: Iterable[LedgerEntry], ledger: Entries) -> int:
    """Take the user's name out of these entries; return how many there were."""
    return sum(ledger.rename_user(entry, ERASED) for entry in entries_of(user, page))


def forget(user: str, team: str, days: Iterable[str], region: str, cells: Cells) -> tuple[int, int]:
    """Delete the user's cells of one region that are empty; return how many were, and how many are not empty yet."""
    keys = [
        (f"usage#{scope}#{day}", f"user#{span}#{region}#{user}")
        for day in days
        for scope in ("organisation#", f"team#{team}")
        for span in ("d", *HOURS)
    ]
    deleted = left = 0
    for cell, columns in cells.read(keys).items():
        if not any(columns.values()) and cells.drop_empty(cell):
            deleted += 1
        elif cell[0].startswith("usage#team#"):
            # The organisation's cell may hold what the user did in other teams.
            left += 1
    return deleted, left
