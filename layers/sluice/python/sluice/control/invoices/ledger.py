"""The ledger's side without a roll-up: its entries, added up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sluice.control.invoices.statements import Figures, Line, day_of
from sluice.types.ledger import LedgerEntry

SERVED_BY_CACHE = ("hit", "semantic")


class EntrySums:
    """Adds up entries directly (`statements.LedgerSums`); an entry belongs to the UTC day on which it began."""

    def __init__(self, entries: Iterable[LedgerEntry]) -> None:
        self._entries = tuple(entries)

    def sums(self, provider: str, day: date) -> tuple[Line, ...]:
        """Return one line per model that was called that UTC day."""
        found: dict[str, Figures] = {}
        for entry in self._entries:
            # What a cache answered was never called.
            if entry.provider == provider and day_of(entry.started_ms) == day and entry.cache not in SERVED_BY_CACHE:
                figures = Figures(entry.cost, entry.usage.prompt, entry.usage.output, 1)
                found[entry.model] = found.get(entry.model, Figures()).plus(figures)
        return tuple(Line(model, found[model]) for model in sorted(found))
