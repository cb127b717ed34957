"""Holds that outlive the request that opened them: what a batch or a background answer may cost, until it is known.

Each is a hold of its own in its counter, in the window in which it was opened, and never a lease: its expiry lies
behind the last moment at which somebody may still charge it, so nothing returns it before. Whoever charges closes it,
from any environment of the region; closing it again changes nothing. One that nobody ever charges lapses
(`sluice.governance.lapse`) like a dead environment's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from sluice.errors import GatewayError
from sluice.governance.caps import Caps
from sluice.governance.counter_names import counter_tag
from sluice.governance.lease import Lease, Need, Piece, Reservation, Short
from sluice.governance.leases import environment_id
from sluice.governance.shares import Part
from sluice.ports import CounterStore, Refused, Taken
from sluice.types.budgets import CounterKey, Hold, StandingHold
from sluice.types.clock import NanoUSD

_TRIES = 3


class StandingHolds:
    """Opens and closes such holds for one environment; its methods may be called from several threads.

    `regions` are all regions of the deployment; `now` gives epoch seconds. `names` are the counters that something was
    opened in, for whoever lists them to take away.
    """

    def __init__(
        self,
        store: CounterStore,
        *,
        region: str,
        regions: Sequence[str] = (),
        environment: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._caps = Caps(store, region, regions, rebalance_seconds=0)
        # Not the environment's own name: its leases number their holds by themselves.
        self._environment = environment or environment_id()
        self._now = now
        self._lock = threading.RLock()
        self._sequence = 0
        self._unclosed: list[tuple[CounterKey, Hold, NanoUSD]] = []
        self.names: set[str] = set()

    def reserve(self, needs: Iterable[Need], expires: int) -> Reservation | Short:
        """Set every need's amount aside until epoch second `expires`, or nothing at all.

        Raises what the store raises (`GatewayError`): then nothing is reserved.
        """
        wanted = tuple(needs)
        pieces: list[tuple[Piece, ...]] = []
        with self._lock:
            try:
                for need in wanted:
                    found = self._cover(need, expires)
                    if isinstance(found, Short):
                        return found
                    pieces.append(found)
                return Reservation(wanted, tuple(pieces))
            finally:
                if len(pieces) < len(wanted):
                    self._undo([piece for each in pieces for piece in each])

    def settle(self, reservation: Reservation, cost: NanoUSD) -> tuple[tuple[str, NanoUSD], ...]:
        """Close the holds of a reservation; each need's pieces pay `cost`. Return what was paid from which hold."""
        if reservation.settled:
            return ()
        reservation.settled = True
        holds = holds_of(reservation)
        paid = paid_from(holds, {"": cost})
        self.close(holds, paid)
        return paid

    def close(self, holds: Iterable[StandingHold], paid: Iterable[tuple[str, NanoUSD]]) -> None:
        """Close holds with what was paid from each; one that is closed already stays as it is.

        A call that fails is made again by `retry`; if this environment ends before, the hold lapses with what the
        ledger says was paid from it.
        """
        amounts = dict(paid)
        with self._lock:
            self._unclosed += [(each.key, each.hold, amounts.get(each.hold.id, 0)) for each in holds]
            self.retry()

    def retry(self) -> int:
        """Close what could not be closed before; return how many calls failed."""
        with self._lock:
            left: list[tuple[CounterKey, Hold, NanoUSD]] = []
            for key, hold, spent in self._unclosed:
                try:
                    self._store.close(key, hold, spent)
                except GatewayError:
                    left.append((key, hold, spent))
            self._unclosed = left
            return len(left)

    def _cover(self, need: Need, expires: int) -> tuple[Piece, ...] | Short:
        now = self._now()
        if need.ends and now >= need.ends:
            return Short(need, 0, 0, 0)
        found = self._gather(need, expires, now)
        if isinstance(found, Short) and self._caps.learn(need, now):
            found = self._gather(need, expires, now)
        return found

    def _gather(self, need: Need, expires: int, now: float) -> tuple[Piece, ...] | Short:
        """Cover a need from the parts of this region, each with what it can give."""
        home = sum(map(ord, self._environment)) % need.shards
        parts = self._caps.parts(need, home, now)
        pieces: list[Piece] = []
        left, free, committed = need.amount, 0, 0
        try:
            for part in parts:
                found = self._take(need, part, left, expires, partly=len(parts) > 1)
                if isinstance(found, Piece):
                    pieces.append(found)
                    left -= found.amount
                    if left <= 0:
                        return tuple(pieces)
                else:
                    free += 0 if found.state.sealed else max(part.cap - found.state.committed, 0)
                    committed += found.state.committed
        finally:
            if left > 0:
                self._undo(pieces)
        return Short(need, free + need.amount - left, committed, sum(part.cap for part in parts))

    def _take(self, need: Need, part: Part, amount: int, expires: int, *, partly: bool) -> Piece | Refused:
        """Open a hold of `amount` in one part, or (`partly`) of what is free there."""
        for _ in range(_TRIES):
            now = self._now()
            self._sequence = max(self._sequence + 1, int(now * 1000))
            tag = counter_tag(part.key.name, part.key.part)
            hold = Hold(f"{self._environment}.{tag}-{self._sequence}", amount, expires)
            try:
                outcome = self._store.take(part.key, hold, cap=part.cap, slack_cap=0, keep_until=need.keep_until)
            except GatewayError:
                self._unclosed.append((part.key, hold, 0))  # it may stand
                raise
            if isinstance(outcome, Taken):
                self.names.add(need.name)
                return Piece(Lease(part.key, hold, need, now), amount)
            free = 0 if outcome.state.sealed else part.cap - outcome.state.committed
            refused = outcome
            if not partly or free <= 0:
                break
            amount = min(amount, free)
        return refused

    def _undo(self, pieces: Iterable[Piece]) -> None:
        self._unclosed += [(piece.lease.key, piece.lease.hold, 0) for piece in pieces]
        self.retry()


def holds_of(reservation: Reservation, models: Mapping[str, Sequence[str]] | None = None) -> tuple[StandingHold, ...]:
    """Return the holds behind a reservation; `models` names, by counter, those whose cost it pays (none: all)."""
    named = models or {}
    return tuple(
        StandingHold(piece.lease.key, piece.lease.hold, tuple(named.get(need.name, ())))
        for need, pieces in zip(reservation.needs, reservation.pieces, strict=True)
        for piece in pieces
    )


def paid_from(holds: Sequence[StandingHold], costs: Mapping[str, NanoUSD]) -> tuple[tuple[str, NanoUSD], ...]:
    """Return what each hold pays of costs by `provider/model`; a hold that pays nothing is left out.

    Every counter pays what its holds are for, once, from its first hold on; its last one pays whatever is left.
    """
    left: dict[str, NanoUSD] = {}
    last: dict[str, str] = {}
    for each in holds:
        left[each.key.name] = sum(cost for model, cost in costs.items() if not each.models or model in each.models)
        last[each.key.name] = each.hold.id
    paid: list[tuple[str, NanoUSD]] = []
    for each in holds:
        due, identity = left[each.key.name], each.hold.id
        share = due if last[each.key.name] == identity else min(due, each.hold.amount)
        left[each.key.name] = due - share
        if share:
            paid.append((identity, share))
    return tuple(paid)
