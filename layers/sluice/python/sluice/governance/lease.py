"""What an environment remembers of one lease, and what a request has reserved from leases."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sluice.types.budgets import CounterKey, Hold
from sluice.types.clock import NanoUSD

HORIZON = 10.0
"""Seconds of its own spending that an environment likes to hold ahead."""
MEMORY = 30.0
"""Seconds over which the rate of spending is averaged."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a request needs from one budget: `amount` is the worst case.

    `cap` is the whole cap, grace included, of all regions together. `ends` is the epoch second at which the window is
    over (0: never); nothing is reserved from then on. `before` names the counters whose spending counts with this one
    (the earlier sub-windows of a rolling window); they have up to `before_shards` shards, and of `shares` and those of
    `also` a region has the least. `keep_until` is when the counter may be forgotten.
    """

    name: str
    amount: NanoUSD
    cap: NanoUSD
    ends: int = 0
    before: tuple[str, ...] = ()
    strict: bool = False
    shares: Mapping[str, int] = field(default_factory=dict)
    shards: int = 1
    keep_until: int = 0
    before_shards: int = 1
    also: tuple[Mapping[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Short:
    """A budget has too little left: nothing is reserved anywhere.

    `available` is what this environment could have had of it at that moment, `committed` what is spent or held in this
    region, `cap` what the region may spend.
    """

    need: Need
    available: NanoUSD
    committed: NanoUSD
    cap: NanoUSD


class Lease:
    """A hold that this environment spends from; amounts in nano-USD.

    While the outcome of a change is not known, `pending` is what was asked for, and no more is spent than the smaller
    of the two allows.
    """

    __slots__ = ("hold", "key", "need", "pending", "reserved", "spent", "used")

    def __init__(self, key: CounterKey, hold: Hold, need: Need, now: float) -> None:
        self.key = key
        self.hold = hold
        self.need = need
        self.pending: Hold | None = None
        self.spent = 0
        self.reserved = 0
        self.used = now

    @property
    def room(self) -> int:
        """What can still be reserved."""
        amount = self.hold.amount
        if self.pending is not None:
            amount = min(amount, self.pending.amount)
        return amount - self.spent - self.reserved

    def usable(self, now: float, longest: float) -> bool:
        """Whether a request that begins now is over before the hold expires, and the window is open."""
        ends = self.need.ends
        return now + longest < self.hold.expires and (not ends or now < ends)


class Piece:
    """A part of a reservation: so much from this lease."""

    __slots__ = ("amount", "lease")

    def __init__(self, lease: Lease, amount: int) -> None:
        self.lease = lease
        self.amount = amount


class Reservation:
    """What one request has set aside: for each need the pieces that cover it. It is settled once."""

    __slots__ = ("needs", "pieces", "settled")

    def __init__(self, needs: tuple[Need, ...], pieces: tuple[tuple[Piece, ...], ...]) -> None:
        self.needs = needs
        self.pieces = pieces
        self.settled = False

    @property
    def holds(self) -> tuple[tuple[str, NanoUSD], ...]:
        """The holds that stand behind it, with the amounts reserved from each."""
        return tuple((piece.lease.hold.id, piece.amount) for pieces in self.pieces for piece in pieces)


class Pace:
    """How fast this environment spends from one counter."""

    __slots__ = ("_at", "_recent", "_worst")

    def __init__(self) -> None:
        self._recent = 0.0
        self._at = 0.0
        self._worst: deque[int] = deque(maxlen=8)

    def asked(self, worst: int) -> None:
        """Note what a request might have cost."""
        self._worst.append(worst)

    def spent(self, cost: int, now: float) -> None:
        """Note what a request cost."""
        self._recent = self._recent * self._left(now) + cost
        self._at = now

    def worst(self) -> int:
        """Return what the next request may need, going by the last ones."""
        return max(self._worst, default=0)

    def wanted(self, now: float) -> int:
        """Return what lets the next requests pass without a call: two worst cases or some seconds' spending."""
        ahead = int(self._recent * self._left(now) * HORIZON / MEMORY)
        return max(ahead, 2 * self.worst())

    def _left(self, now: float) -> float:
        # Linear, not exponential: no need for math on the request path.
        return max(0.0, 1.0 - max(0.0, now - self._at) / MEMORY)


def reserve_from(lease: Lease, need: Need, amount: int, now: float) -> Piece:
    """Reserve so much from a lease, by the newest need."""
    lease.need = need  # the newest configuration counts
    lease.reserved += amount
    lease.used = now
    return Piece(lease, amount)


def undo(pieces: Iterable[tuple[Piece, ...]]) -> None:
    """Return what was reserved."""
    for each in pieces:
        for piece in each:
            piece.lease.reserved -= piece.amount


def charge_to(pieces: Sequence[Piece], cost: int, now: float) -> Iterator[tuple[str, int]]:
    """Charge what a request cost to the leases that it reserved from; yield which hold paid how much."""
    for piece, charged in _apportioned(pieces, cost):
        lease = piece.lease
        lease.reserved -= piece.amount
        lease.spent += charged
        lease.used = now
        if charged:
            yield lease.hold.id, charged


def owed(reservation: Reservation, cost: int) -> Iterator[tuple[str, NanoUSD]]:
    """Yield which hold would pay how much if a request cost so much."""
    for pieces in reservation.pieces:
        yield from ((piece.lease.hold.id, share) for piece, share in _apportioned(pieces, cost) if share)


def _apportioned(pieces: Sequence[Piece], cost: int) -> Iterator[tuple[Piece, int]]:
    left = cost
    for number, piece in enumerate(pieces):
        # More than the worst case is never due; if it is, it is charged where it shows, to the last piece.
        share = left if number == len(pieces) - 1 else min(left, piece.amount)
        left -= share
        yield piece, share
