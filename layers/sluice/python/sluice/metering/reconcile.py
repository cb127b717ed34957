"""Puts into the ledger what its own environment could not: entries whose write failed, and requests that were lost.

Every request leaves an `open` line before its provider is called and a `request` line just before its last byte. A
`request` line without an entry is put in as it is. An `open` line that nothing followed within the grace time belongs
to an environment that was killed: its entry says "lost", with the prompt's tokens estimated. Both writes are
conditional, so running twice, or beside a late environment, changes nothing and bills nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sluice.ports import LedgerStore
from sluice.types.clock import Millis
from sluice.types.ledger import LedgerEntry

Line = Mapping[str, object]


@dataclass(frozen=True)
class Report:
    """What one run found: request lines read, entries put in from them, lost requests put in."""

    seen: int
    restored: int
    lost: int


def reconcile(
    lines: Iterable[Line],
    ledger: LedgerStore,
    entry_of: Callable[[Line], LedgerEntry],
    *,
    now_ms: Millis,
    grace_ms: Millis,
) -> Report:
    """Read log lines (any order) and put what is missing into the ledger.

    `entry_of` rebuilds an entry from a line of kind "request" or "open". Lines of other kinds are passed over.
    """
    opened: dict[str, LedgerEntry] = {}
    closed: dict[str, LedgerEntry] = {}
    for line in lines:
        kind = line.get("kind")
        if kind in ("request", "open"):
            entry = entry_of(line)
            (closed if kind == "request" else opened)[entry.request_id] = entry
    restored = sum(1 for entry in closed.values() if ledger.put(entry))
    lost = 0
    for request_id, entry in opened.items():
        if request_id in closed or now_ms - entry.started_ms < grace_ms:
            continue
        if ledger.put(entry):
            lost += 1
    return Report(len(closed), restored, lost)
