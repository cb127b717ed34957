"""Adds ledger entries up into usage, so that every change of the ledger counts exactly once; nothing here does I/O.

Usage is kept in cells, one item each, by hour and by day:

    usage#organisation##<YYYY-MM-DD>    all#h<HH>#<region>#              everything
    usage#team#<team>#<YYYY-MM-DD>      all#d#<region>#                  one team
                                        <dimension>#d#<region>#<value>   a part of either, such as one model
    usage#hold#<hold id>                <YYYY-MM-DD>#<region>            what was spent from a hold
    usage#hold#counter.<tag>            <YYYY-MM-DD>#<region>            and from all holds of one part of a counter

Each region writes its own cells alone (the table is a global one). A change is an entry that was written, together with
what it takes the place of: the sweep's guess about the same request, or the version before. Its cells are those of the
entry less those of what it replaced. What was spent from holds is what the request spent at the time; costing it again
later changes usage and no hold.

Changes come from the ledger's stream, in order for each ledger partition, and some of them more than once. The
checkpoint of a partition is the last sequence number that is in the cells. A pack holds changes that fit into one
transaction: per partition a run of changes without a gap. It is written whole or not at all, and only while its
checkpoints are as they were read; so a crash between two packs loses nothing, and a repetition finds itself behind the
checkpoint.

An entry has some thirty cells, and a transaction's writes cost double, so a pack writes one journal that says what is
to be added to which cell. Many journals are added up before the cells themselves are written, once each
(`aws.stores.journals`). Only the cells of holds are written with the pack: what they say decides what is returned.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sluice.metering.pricing import stated_nano
from sluice.metering.request_ids import parse
from sluice.types.budgets import tag_of
from sluice.types.ledger import LOST, LedgerEntry

Cell = tuple[str, str]
"""The partition and the sort key of an item of the usage table."""
Columns = Mapping[str, int]
Cells = dict[Cell, dict[str, int]]

TOKENS = (
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "output",
    "reasoning",
    "audio_input",
    "audio_output",
    "image_input",
    "image_output",
)
UNITS = ("search_requests", "images", "audio_ms", "characters")
MONEY = ("cost", "list_cost", "stated_cost", "saved_cache", "saved_routing", "saved_batch", "saved_prompt_cache")
"""Nano-USD."""
COLUMNS = ("requests", "errors", *TOKENS, *UNITS, *MONEY)
DIMENSIONS = ("team", "key", "user", "model", "provider", "route", "tag")
ALL = "all"
TAG_LIMIT = 8
"""Tags of one entry that are counted: each costs four cells."""
WRITES = 100
"""What one transaction may write (DynamoDB, TransactWriteItems, 2026-11)."""
JOURNAL_CELLS = 3_000
"""Of one journal: compressed they take some 50 KB, of the 400 KB that an item may have."""
HOLDS = "usage#hold#"
"""What the partitions of the cells of holds begin with."""
SEQUENCE_DIGITS = 40
"""Stream sequence numbers have up to 40 digits (DynamoDB Streams API reference, StreamRecord, 2026-11)."""
_FAULTS = ("error", "failed", LOST)
_DAY = 86_400
_HOUR_DAYS, _DAY_DAYS, _HOLD_DAYS = 100, 1100, 100


@dataclass(frozen=True, slots=True)
class Change:
    """One record of the ledger's stream. `sequence` is padded, so that texts compare as the numbers do.

    An entry counts less what it took the place of (`before`). Where an item was changed that counted in this way
    itself, `undone` is what it was: an entry, and what that had taken the place of.
    """

    partition: str
    sequence: str
    entry: LedgerEntry
    before: LedgerEntry | None = None
    undone: tuple[LedgerEntry, LedgerEntry | None] | None = None


@dataclass(slots=True)
class Pack:
    """One transaction: what is added to cells, and the checkpoints as they are and as they will be.

    `changes` are the positions, in the batch, of the changes that it holds.
    """

    cells: Cells = field(default_factory=dict)
    checkpoints: dict[str, tuple[str, str]] = field(default_factory=dict)
    changes: list[int] = field(default_factory=list)

    held: int = 0
    """How many of the cells are those of holds."""

    @property
    def writes(self) -> int:
        """How many writes its transaction has: the journal is one of them."""
        return self.held + len(self.checkpoints) + (len(self.cells) > self.held)

    def direct(self) -> Cells:
        """Return the cells of holds."""
        return {cell: columns for cell, columns in self.cells.items() if cell[0].startswith(HOLDS)}

    def journal(self) -> Cells:
        """Return all other cells."""
        return {cell: columns for cell, columns in self.cells.items() if not cell[0].startswith(HOLDS)}


def padded(sequence: str) -> str:
    """Return a stream's sequence number as a text of a fixed length."""
    return sequence.zfill(SEQUENCE_DIGITS)


def packs(changes: Sequence[Change], seen: Mapping[str, str], region: str, limit: int = WRITES) -> Iterator[Pack]:
    """Yield the transactions for a batch; `seen` is the checkpoint of each partition that has one.

    A change at or below its partition's checkpoint is in the cells already and left out.
    """
    last = dict(seen)
    pack = Pack()
    by_partition: dict[str, list[int]] = {}
    for position, change in enumerate(changes):
        by_partition.setdefault(change.partition, []).append(position)
    for partition, positions in by_partition.items():
        for position in positions:
            change = changes[position]
            known = last.get(partition, "")
            if change.sequence <= known:
                continue
            added = cells_of(change, region)
            if pack.changes and not _fits(pack, partition, added, limit):
                yield pack
                pack = Pack()
            _put(pack, partition, known, change.sequence, added)
            pack.changes.append(position)
            last[partition] = change.sequence
    if pack.changes:
        yield pack


def cells_of(change: Change, region: str) -> Cells:
    """Return what a change adds to which cells; columns that it leaves as they are stand nowhere."""
    cells = entry_cells(change.entry, region)
    if change.before is not None:
        add(cells, entry_cells(change.before, region), -1)
    if change.undone is not None:
        was, before = change.undone
        add(cells, entry_cells(was, region), -1)
        if before is not None:
            add(cells, entry_cells(before, region))
    return without_zeros(cells)


def entry_cells(entry: LedgerEntry, region: str) -> Cells:
    """Return the cells of one entry, by the moment in its id, as its ledger partition has it too."""
    moment = time.gmtime(parse(entry.request_id)[0] // 1000)
    day = time.strftime("%Y-%m-%d", moment)
    columns = figures(entry)
    cells: Cells = {}
    parts = tuple(dimensions(entry))
    for scope, kinds in (("organisation#", DIMENSIONS), (f"team#{entry.team}", DIMENSIONS[1:])):
        partition = f"usage#{scope}#{day}"
        for span in (f"h{moment.tm_hour:02}", "d"):
            cells[partition, f"{ALL}#{span}#{region}#"] = dict(columns)
            for dimension, value in parts:
                if dimension in kinds:
                    cells[partition, f"{dimension}#{span}#{region}#{value}"] = dict(columns)
    if entry.version == 1:
        for hold, nano in entry.holds:
            tag = tag_of(hold)
            for paid in (hold_partition(hold), *([counter_partition(tag)] if tag else [])):
                spent = cells.setdefault((paid, f"{day}#{region}"), {"spent": 0})
                spent["spent"] += nano
    return cells


def hold_partition(hold: str) -> str:
    """Return the partition of the cells that say what was spent from a hold."""
    return f"{HOLDS}{hold}"


def counter_partition(tag: str) -> str:
    """Return the partition of the cells that say what was spent from all holds of one part of a counter."""
    return f"{HOLDS}counter.{tag}"


def dimensions(entry: LedgerEntry) -> Iterator[tuple[str, str]]:
    """Yield (dimension, value) of an entry; those that it has no value for are left out."""
    values = (entry.team, entry.key_id, entry.user, entry.deployment, entry.provider, entry.route)
    for dimension, value in zip(DIMENSIONS, values, strict=False):
        if value:
            yield dimension, value
    for name, value in dict(entry.tags[:TAG_LIMIT]).items():
        yield "tag", f"{name}={value}"


def figures(entry: LedgerEntry) -> dict[str, int]:
    """Return the columns of one entry, zeros left out."""
    usage, saved = entry.usage, dict(entry.saved)
    columns = {name: int(getattr(usage, name)) for name in (*TOKENS, *UNITS)}
    columns["requests"] = 1
    columns["errors"] = int(entry.outcome in _FAULTS)
    columns["cost"] = entry.cost
    columns["list_cost"] = entry.cost if entry.list_cost is None else entry.list_cost
    columns["stated_cost"] = _stated(usage.provider_cost_usd)
    for kind in ("cache", "routing", "batch", "prompt_cache"):
        columns[f"saved_{kind}"] = saved.get(kind, 0)
    return {name: value for name, value in columns.items() if value}


def add(cells: Cells, others: Mapping[Cell, Columns], times: int = 1) -> None:
    """Add other cells to these, `times` 1 or -1."""
    for cell, columns in others.items():
        mine = cells.setdefault(cell, {})
        for name, value in columns.items():
            mine[name] = mine.get(name, 0) + times * value


def without_zeros(cells: Mapping[Cell, Columns]) -> Cells:
    """Return the cells without columns that are 0, and without empty cells."""
    kept = {cell: {name: value for name, value in columns.items() if value} for cell, columns in cells.items()}
    return {cell: columns for cell, columns in kept.items() if columns}


def total(columns: Iterable[Columns]) -> dict[str, int]:
    """Return the sum of several cells."""
    summed: dict[str, int] = {}
    for each in columns:
        for name, value in each.items():
            summed[name] = summed.get(name, 0) + value
    return summed


def expires(cell: Cell) -> int:
    """Return the epoch second after which a cell may be deleted: hours and holds live 100 days, days three years."""
    partition, sort_key = cell
    if partition.startswith(HOLDS):
        return _epoch(sort_key[:10]) + _HOLD_DAYS * _DAY
    days = _DAY_DAYS if sort_key.split("#", 2)[1] == "d" else _HOUR_DAYS
    return _epoch(partition[-10:]) + days * _DAY


def _epoch(day: str) -> int:
    from calendar import timegm

    return timegm(time.strptime(day, "%Y-%m-%d"))


def _fits(pack: Pack, partition: str, added: Cells, limit: int) -> bool:
    fresh = [cell[0].startswith(HOLDS) for cell in added if cell not in pack.cells]
    writes = pack.held + sum(fresh) + len(pack.checkpoints) + (partition not in pack.checkpoints) + 1
    return writes <= limit and len(pack.cells) + len(fresh) <= JOURNAL_CELLS


def _put(pack: Pack, partition: str, known: str, sequence: str, added: Cells) -> None:
    pack.held += sum(cell[0].startswith(HOLDS) for cell in added if cell not in pack.cells)
    add(pack.cells, added)
    before = pack.checkpoints.get(partition, (known, ""))[0]
    pack.checkpoints[partition] = (before, sequence)


def _stated(text: str | None) -> int:
    if text is None:
        return 0
    try:
        return stated_nano(text)
    except ValueError:
        return 0  # what cannot be read is as good as not stated
