"""What one side says of one day: figures per model, in the same units whoever says it.

A figure that a vendor does not state is None, which is not 0: it is never compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

from sluice.types.clock import Millis, NanoUSD

MEMBERS = ("cost", "input", "output", "requests")


@dataclass(frozen=True, slots=True)
class Figures:
    """Nano-USD, tokens of the whole prompt, tokens of the output, and calls; None where nobody says."""

    cost: NanoUSD | None = None
    input: int | None = None
    output: int | None = None
    requests: int | None = None

    def plus(self, other: Figures) -> Figures:
        """Return the sum; what only one side states counts as it is."""
        return Figures(*(_plus(getattr(self, spec.name), getattr(other, spec.name)) for spec in fields(Figures)))

    @property
    def tokens(self) -> int | None:
        """Input and output together, None where neither is stated."""
        return _plus(self.input, self.output)


NOTHING = Figures(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Line:
    """What is said under one name: a model as the speaker spells it, or "" for what belongs to no model."""

    name: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Statement:
    """A vendor's figures for one day. `states` are the members of `Figures` that it states for each model."""

    provider: str
    day: date
    lines: tuple[Line, ...]
    states: frozenset[str] = frozenset(MEMBERS)


class LedgerSums(Protocol):
    """The ledger's own sums, which leave out what a cache answered: no vendor saw that."""

    def sums(self, provider: str, day: date) -> tuple[Line, ...]:
        """Return one line per model that was called that UTC day, all four figures stated."""


class VendorFailed(Exception):
    """A vendor gave no usable figures. `kind` is one of `KINDS`; the message never quotes what the vendor sent."""

    def __init__(self, provider: str, kind: str, problem: str) -> None:
        super().__init__(f"{provider}: {problem}")
        self.provider = provider
        self.kind = kind


KINDS = ("credential", "refused", "busy", "unreachable", "malformed", "missing", "unexpected")


def bounds(day: date) -> tuple[datetime, datetime]:
    """Return the first moment of a UTC day and of the next one."""
    start = datetime.combine(day, time(), UTC)
    return start, start + timedelta(days=1)


def day_of(at_ms: Millis) -> date:
    """Return the UTC day of a moment."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).date()


def nano(dollars: Decimal) -> NanoUSD:
    """Return an amount in nano-USD, rounded half up (away from zero) once."""
    return int((dollars * 1_000_000_000).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def lines_of(costs: Mapping[str, Decimal], tokens: Iterable[Line]) -> tuple[Line, ...]:
    """Return one line per name from amounts in dollars and lines of tokens, sorted by name.

    Amounts are rounded after they have been added up.
    """
    found: dict[str, Figures] = {}
    for line in tokens:
        found[line.name] = found.get(line.name, Figures()).plus(line.figures)
    for name, dollars in costs.items():
        found[name] = found.get(name, Figures()).plus(Figures(cost=nano(dollars)))
    return tuple(Line(name, found[name]) for name in sorted(found))


def _plus(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return one if other is None else other
    return one + other
