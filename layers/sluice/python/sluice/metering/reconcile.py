"""Puts into the ledger what its own environment could not: entries whose write failed, and requests that were lost.

Every request leaves an `open` line before its provider is called and a `request` line just before its last byte. A
`request` line without an entry is put in as it is. An `open` line that nothing followed within the grace time belongs
to an environment that was killed: its entry says "lost", with the prompt's tokens estimated. Both writes are
conditional, so running twice, or beside a late environment, changes nothing and bills nothing twice.

What stands already is only read, and by its key: a sweep costs a fraction of a read for each request it looks at.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sluice.types.clock import Millis
from sluice.types.ledger import LedgerEntry

Line = Mapping[str, object]
BATCH = 100
"""Entries that are looked up together (the most that one BatchGetItem takes)."""


class SweptLedger(Protocol):
    """What the sweep needs of the ledger."""

    def known(self, request_ids: Collection[str]) -> set[str]:
        """Return which of these requests have an entry."""

    def put(self, entry: LedgerEntry) -> bool:
        """Write an entry once; False when one stands already."""


@dataclass(frozen=True)
class Report:
    """What one run found: request lines looked at, entries put in from them, lost requests put in."""

    seen: int
    restored: int
    lost: int


def reconcile(
    lines: Iterable[Line],
    ledger: SweptLedger,
    entry_of: Callable[[Line], LedgerEntry],
    *,
    now_ms: Millis,
    grace_ms: Millis,
    recent_ms: Millis,
) -> Report:
    """Read log lines (any order) and put what is missing into the ledger.

    `entry_of` rebuilds an entry from a line of kind "request" or "open"; lines of other kinds are passed over. Requests
    that ended more than `recent_ms` ago were looked at by earlier runs: here they only close what was opened.
    """
    opened: dict[str, LedgerEntry] = {}
    closed: set[str] = set()
    waiting: list[LedgerEntry] = []
    seen = restored = 0
    for line in lines:
        kind = line.get("kind")
        if kind == "open":
            entry = entry_of(line)
            if entry.request_id not in closed:
                opened[entry.request_id] = entry
        elif kind == "request":
            entry = entry_of(line)
            closed.add(entry.request_id)
            opened.pop(entry.request_id, None)
            if now_ms - entry.started_ms - entry.duration_ms <= recent_ms:
                seen += 1
                waiting.append(entry)
        if len(waiting) >= BATCH:
            restored += _put_missing(waiting, ledger)
            waiting = []
    restored += _put_missing(waiting, ledger)
    overdue = [entry for entry in opened.values() if now_ms - entry.started_ms >= grace_ms]
    lost = sum(_put_missing(overdue[at : at + BATCH], ledger) for at in range(0, len(overdue), BATCH))
    return Report(seen, restored, lost)


def _put_missing(entries: list[LedgerEntry], ledger: SweptLedger) -> int:
    if not entries:
        return 0
    known = ledger.known([entry.request_id for entry in entries])
    return sum(1 for entry in entries if entry.request_id not in known and ledger.put(entry))
