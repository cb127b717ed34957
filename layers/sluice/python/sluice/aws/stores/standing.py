"""Standing holds as a list in the record of what they wait for: [counter, part, id, amount, expires, [models]]."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sluice.types.budgets import CounterKey, Hold, StandingHold


def to_rows(holds: Iterable[StandingHold]) -> list[list[Any]]:
    """Return the attribute's value."""
    return [
        [each.key.name, each.key.part, each.hold.id, each.hold.amount, each.hold.expires, list(each.models)]
        for each in holds
    ]


def from_rows(rows: Iterable[Any]) -> tuple[StandingHold, ...]:
    """Return the holds of an attribute's value."""
    return tuple(
        StandingHold(CounterKey(name, part), Hold(identity, amount, expires), tuple(models))
        for name, part, identity, amount, expires, models in rows
    )
