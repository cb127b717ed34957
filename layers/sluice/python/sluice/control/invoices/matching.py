"""Brings the ledger's lines and a vendor's statement together, so that nothing of either is lost or counted twice.

Drift is what the ledger says minus what the vendor says, in basis points of the larger of the two: 0 exactly when they
agree, 10000 when only the ledger knows of it, -10000 when only the vendor does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from sluice.control.invoices.names import Key, plain
from sluice.control.invoices.statements import MEMBERS, NOTHING, Figures, Line, Statement

Side = Literal["both", "ours", "theirs"]
WHOLE = 10_000
NO_MODEL = "(no model)"
"""Under which a comparison shows what the vendor put under no model."""


@dataclass(frozen=True, slots=True)
class Row:
    """One model. `our_names` and `their_names` are the spellings that met; `side` says who knows of it."""

    model: str
    side: Side
    ours: Figures
    theirs: Figures
    our_names: tuple[str, ...] = ()
    their_names: tuple[str, ...] = ()

    @property
    def drift_bp(self) -> int | None:
        """The drift of the cost, None where the vendor does not state it for this model."""
        return drift(self.ours.cost, self.theirs.cost)

    @property
    def token_drift_bp(self) -> int | None:
        """The drift of all tokens, None where the vendor does not state them for this model."""
        return drift(*_tokens_both_state(self.ours, self.theirs))


@dataclass(frozen=True, slots=True)
class Comparison:
    """One provider's day: its rows by model, and `total` over all of them."""

    provider: str
    day: date
    total: Row
    rows: tuple[Row, ...]

    def unmatched(self, side: Side) -> int:
        """Return how many models only this side knows of."""
        return sum(1 for row in self.rows if row.side == side)


def compare(
    ours: Iterable[Line],
    statement: Statement,
    *,
    key: Callable[[str], Key] = plain,
    renamed: Mapping[str, str] | None = None,
) -> Comparison:
    """Return the comparison of the ledger's lines with a statement.

    `key` brings a name to what it means; `renamed` maps the vendor's names to the ledger's where `key` does not.
    """
    named = renamed or {}
    left, right = _grouped(ours, key, {}), _grouped(statement.lines, key, named)
    rows = tuple(
        sorted(
            (_row(left.get(each, []), right.get(each, []), statement.states) for each in left.keys() | right.keys()),
            key=lambda row: row.model,
        )
    )
    said_ours, said_theirs = Figures(), Figures()
    for lines in left.values():
        said_ours = _sum(lines, said_ours)
    for lines in right.values():
        said_theirs = _sum(lines, said_theirs)
    stated = statement.states | {name for name in MEMBERS if getattr(said_theirs, name) is not None}
    side: Side = "both" if left and right else ("ours" if left else "theirs" if right else "both")
    total = Row("*", side, _filled(said_ours, frozenset(MEMBERS)), _filled(said_theirs, frozenset(stated)))
    return Comparison(statement.provider, statement.day, total, rows)


def drift(ours: int | None, theirs: int | None) -> int | None:
    """Return the drift in basis points, from -10000 to 10000, rounded away from 0; None where a side is not stated."""
    if ours is None or theirs is None:
        return None
    if ours == theirs:
        return 0
    if (ours >= 0) != (theirs >= 0):  # a vendor's corrections may make a day negative
        return WHOLE if ours > theirs else -WHOLE
    size = -(-abs(ours - theirs) * WHOLE // max(abs(ours), abs(theirs)))
    return size if ours > theirs else -size


def _grouped(lines: Iterable[Line], key: Callable[[str], Key], renamed: Mapping[str, str]) -> dict[Key, list[Line]]:
    groups: dict[Key, list[Line]] = {}
    for line in lines:
        # Whatever has no name is a group of its own: "" means no model, not any model.
        group = key(renamed.get(line.name, line.name)) if line.name else ("",)
        groups.setdefault(group, []).append(line)
    return groups


def _row(ours: list[Line], theirs: list[Line], states: frozenset[str]) -> Row:
    our_names, their_names = _names(ours), _names(theirs)
    side: Side = "both" if ours and theirs else "ours" if ours else "theirs"
    return Row(
        min(our_names or their_names, key=lambda name: (len(name), name)) or NO_MODEL,
        side,
        _sum(ours, NOTHING),
        _sum(theirs, Figures()) if theirs else _filled(Figures(), states),
        our_names,
        their_names,
    )


def _names(lines: list[Line]) -> tuple[str, ...]:
    return tuple(sorted({line.name for line in lines}))


def _sum(lines: list[Line], start: Figures) -> Figures:
    for line in lines:
        start = start.plus(line.figures)
    return start


def _filled(figures: Figures, stated: frozenset[str]) -> Figures:
    """Return the figures with 0 for members that the speaker states in general but had nothing to say of here."""
    return Figures(
        *(0 if getattr(figures, name) is None and name in stated else getattr(figures, name) for name in MEMBERS)
    )


def _tokens_both_state(ours: Figures, theirs: Figures) -> tuple[int | None, int | None]:
    stated = [name for name in ("input", "output") if getattr(theirs, name) is not None]
    if not stated:
        return None, None
    return sum(getattr(ours, name) or 0 for name in stated), sum(getattr(theirs, name) for name in stated)
