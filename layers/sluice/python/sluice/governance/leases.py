"""Budgets as hard caps: an environment spends from leases, and what it leases is committed before it is spent.

A request reserves its worst case from every budget that applies, all or none. Where the lease in memory has room, no
call is made; else one conditional write makes the lease larger by what is missing and by some slack. After the request
its real cost stays spent and the rest returns to the lease. `maintain`, after the last byte, keeps as much room as the
next requests will need and returns the rest.

Rules that keep a cap hard:
* Nothing is spent that the counter has not confirmed. While a change's outcome is unknown, the smaller amount counts.
* A request begins only if it ends (`longest` seconds) before its hold expires, so whoever returns lapsed holds
  afterwards (`sluice.governance.lapse`) returns nothing that somebody still spends.
* The slack of all leases of a part is at most 2.5 % of its cap: the write's own condition says so. From 90 % on, and in
  strict mode, there is none, and every request holds exactly its worst case.
* A rolling window's earlier sub-windows are sealed before their sum is taken off the cap.
* A lowered cap counts from the next request on: what a lease held ahead under the old one is returned first.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from sluice.errors import GatewayError
from sluice.governance.caps import Caps
from sluice.governance.counter_names import counter_tag
from sluice.governance.lease import Lease, Need, Pace, Piece, Reservation, Short, charge_to, reserve_from, undo
from sluice.governance.shares import Part
from sluice.ports import CounterStore, Refused, Taken
from sluice.types.budgets import CounterKey, CounterState, Hold

LEASE_SECONDS = 45 * 60
LONGEST_REQUEST = 15 * 60
"""Seconds that a Lambda function may run (AWS Lambda quotas, 2026-11)."""
IDLE_SECONDS = 60
SLACK_PER_MILLE = 25
NEAR_PER_CENT = 90
_TRIES = 4
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_NOTHING = CounterState()
_REMEMBERED = 1_000


def environment_id() -> str:
    """Return a name that no other execution environment has: 10 letters and digits."""
    return "".join(_LETTERS[byte % 32] for byte in os.urandom(10))


class Leases:
    """The leases of one execution environment; its methods may be called from several threads.

    `regions` are all regions of the deployment. `now` gives epoch seconds. The calls raise what the store raises
    (`GatewayError`): then nothing is reserved.
    """

    def __init__(
        self,
        store: CounterStore,
        *,
        region: str,
        regions: Sequence[str] = (),
        environment: str = "",
        lease_seconds: float = LEASE_SECONDS,
        longest: float = LONGEST_REQUEST,
        rebalance_seconds: float = 30.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._caps = Caps(store, region, regions, rebalance_seconds=rebalance_seconds)
        self.environment = environment or environment_id()
        self._lease_seconds = lease_seconds
        self._longest = longest
        self._now = now
        self._lock = threading.RLock()
        self._current: dict[CounterKey, Lease] = {}
        self._outgoing: list[Lease] = []
        self._doubtful: list[Lease] = []
        self._seen: dict[CounterKey, CounterState] = {}
        self._paces: dict[str, Pace] = {}
        self._sequence = 0

    def reserve(self, needs: Iterable[Need]) -> Reservation | Short:
        """Set aside the worst case of a request in every budget, or nothing at all."""
        wanted = tuple(needs)
        pieces: list[tuple[Piece, ...]] = []
        with self._lock:
            now = self._now()
            try:
                for need in wanted:
                    found = self._cover(need, now)
                    if isinstance(found, Short):
                        return found
                    pieces.append(found)
                return Reservation(wanted, tuple(pieces))
            finally:
                if len(pieces) < len(wanted):
                    undo(pieces)

    def settle(self, reservation: Reservation, cost: int) -> tuple[tuple[str, int], ...]:
        """Charge what a request really cost (nano-USD) to each of its budgets; return which holds paid how much.

        0 releases a reservation. No call is made. Settling again changes nothing and returns nothing.
        """
        with self._lock:
            if reservation.settled:
                return ()
            reservation.settled = True
            now = self._now()
            paid: list[tuple[str, int]] = []
            for need, pieces in zip(reservation.needs, reservation.pieces, strict=True):
                paid += charge_to(pieces, cost, now)
                self._pace(need.name).spent(cost, now)
            return tuple(paid)

    def maintain(self) -> int:
        """Bring every lease to the size that the next requests need; return how many calls failed.

        A lease that is over (window, age, idle for a minute) is closed. A failed call is made again by the next run.
        """
        with self._lock:
            now = self._now()
            steps: list[Callable[[], object]] = [partial(self._drop, lease) for lease in self._doubtful]
            steps += [partial(self._tend, lease, now) for lease in self._all()]
            needs = {lease.need.name: lease.need for lease in self._all()}
            steps += [partial(self._caps.rebalance, need, now) for need in needs.values()]
            failed = _all_of(steps)
            self._forget()
        return failed

    def shutdown(self) -> int:
        """Return everything that no request is using; the rest lapses. Returns how many calls failed."""
        with self._lock:
            return _all_of([partial(self._close, lease) for lease in self._all() if not lease.reserved])

    def held(self) -> dict[CounterKey, int]:
        """Return what can be spent without a call, by counter part."""
        with self._lock:
            now = self._now()
            return {key: lease.room for key, lease in self._current.items() if lease.usable(now, self._longest)}

    def committed(self, name: str) -> int:
        """Return what this region has spent or holds of a counter, as last seen; 0 for one never looked at."""
        with self._lock:
            return sum(state.committed for key, state in self._seen.items() if key.name == name)

    # Covering a need

    def _cover(self, need: Need, now: float) -> tuple[Piece, ...] | Short:
        if need.ends and now >= need.ends:
            return Short(need, 0, 0, 0)
        piece = self._in_memory(need, now)
        found = self._gather(need, now) if piece is None else (piece,)
        if isinstance(found, Short) and self._caps.learn(need, now):
            found = self._gather(need, now)
        if not isinstance(found, Short):
            self._pace(need.name).asked(need.amount)
        return found

    def _in_memory(self, need: Need, now: float) -> Piece | None:
        home = self._home(need)
        for shard in range(need.shards):
            lease = self._usable(self._caps.key(need, (home + shard) % need.shards), now)
            if lease is not None and (need.cap < lease.need.cap or need.strict > lease.need.strict):
                self._empty(lease, need)
            elif lease is not None and lease.room >= need.amount:
                return reserve_from(lease, need, need.amount, now)
        return None

    def _empty(self, lease: Lease, need: Need) -> None:
        """Return what a lease holds ahead: under a cap that was lowered, each request asks for what it needs."""
        self._resolve(lease)
        if lease.room > 0:
            self._resize(lease, self._caps.part(need, lease.key), lease.spent + lease.reserved, 0)
        lease.need = need

    def _gather(self, need: Need, now: float) -> tuple[Piece, ...] | Short:
        parts = self._caps.parts(need, self._home(need), now)
        lease = self._enlarged(need, parts[0], need.amount, now, partly=False)
        if lease is not None:
            return (reserve_from(lease, need, need.amount, now),)
        return self._from_all(need, parts, now) if len(parts) > 1 else self._short(need, parts)

    def _from_all(self, need: Need, parts: Sequence[Part], now: float) -> tuple[Piece, ...] | Short:
        """Cover a need from several shards, the one with the most first, if all together seem to have enough."""
        self._seen.update(self._store.read_all([part.key for part in parts]))
        pieces: list[Piece] = []
        left = need.amount
        try:
            if self._short(need, parts).available >= left:
                for part in sorted(parts, key=lambda part: self._seen[part.key].committed - part.cap):
                    lease = self._enlarged(need, part, left, now, partly=True)
                    if lease is not None and lease.room > 0:
                        pieces.append(reserve_from(lease, need, min(left, lease.room), now))
                        left -= pieces[-1].amount
                    if left <= 0:
                        return tuple(pieces)
        finally:
            if left > 0:
                undo([tuple(pieces)])
        return self._short(need, parts)

    def _enlarged(self, need: Need, part: Part, want: int, now: float, *, partly: bool) -> Lease | None:
        """Return the lease of a part with room for `want`, or (`partly`) with what the part can give."""
        lease = self._usable(part.key, now)
        if lease is not None and lease.pending is not None:
            self._resolve(lease)
            lease = self._usable(part.key, now)
        slack = self._slack(need, part, lease, now)
        for _ in range(_TRIES):
            missing = want - (0 if lease is None else lease.room)
            if lease is not None and missing <= 0:
                return lease
            if lease is None:
                outcome = self._take(need, part, missing, slack)
            else:
                outcome = self._resize(lease, part, lease.hold.amount + missing + slack, slack)
            lease = self._usable(part.key, now)
            if isinstance(outcome, Taken):
                return lease
            free = 0 if outcome.state.sealed else part.cap - outcome.state.committed
            slack = 0
            if free < missing:
                if not partly or free <= 0:
                    break
                want -= missing - free
        return lease if partly else None

    def _take(self, need: Need, part: Part, amount: int, slack: int) -> Taken | Refused:
        now = self._now()
        expires, kept = int(now + self._lease_seconds), amount + slack
        hold = Hold(self._next_id(part.key, now), kept, expires, "request" if need.strict else "lease", slack)
        lease = Lease(part.key, hold, need, now)
        slack_cap = _slack_cap(need, part)
        try:
            outcome = self._store.take(part.key, hold, cap=part.cap, slack_cap=slack_cap, keep_until=need.keep_until)
        except GatewayError:
            self._doubtful.append(lease)
            raise
        self._seen[part.key] = outcome.state
        if isinstance(outcome, Taken):
            self._current[part.key] = lease
        return outcome

    def _resize(self, lease: Lease, part: Part, amount: int, slack: int) -> Taken | Refused:
        old = lease.hold
        return self._send(lease, part, Hold(old.id, amount, old.expires, old.kind, slack, old.revision + 1))

    def _send(self, lease: Lease, part: Part, new: Hold) -> Taken | Refused:
        """Change a lease's hold; until the answer is there, the smaller of both amounts counts."""
        lease.pending = new
        slack_cap = _slack_cap(lease.need, part)
        outcome = self._store.grow(lease.key, lease.hold, new, cap=part.cap, slack_cap=slack_cap)
        lease.pending = None
        self._seen[lease.key] = outcome.state
        if isinstance(outcome, Taken):
            lease.hold = new
        elif lease.hold.id not in outcome.state.holds:
            self._remove(lease)  # it lapsed while this environment stood still
        return outcome

    def _resolve(self, lease: Lease) -> None:
        """Send a change whose outcome is unknown once more: it takes effect once."""
        if lease.pending is not None:
            self._send(lease, self._caps.part(lease.need, lease.key), lease.pending)

    # Tending leases after a request

    def _tend(self, lease: Lease, now: float) -> None:
        self._resolve(lease)
        part = self._caps.part(lease.need, lease.key)
        current = self._current.get(lease.key) is lease
        over = not current or not lease.usable(now, self._longest) or now - lease.used > IDLE_SECONDS
        target = 0 if over else self._slack(lease.need, part, lease, now)
        needed, noted = lease.spent + lease.reserved, lease.hold.slack
        if target == 0 and not lease.reserved:
            self._close(lease)
        elif target == 0:
            if lease.room > 0:
                self._resize(lease, part, needed, 0)
        elif lease.room > max(noted, target) or lease.room < self._pace(lease.need.name).worst():
            self._keep(lease, part, needed, target)
        elif lease.room > noted:
            self._keep(lease, part, needed, lease.room)

    def _keep(self, lease: Lease, part: Part, needed: int, room: int) -> None:
        """Keep so much room, or none that is not noted as slack."""
        outcome = self._resize(lease, part, needed + room, room)
        if isinstance(outcome, Refused) and lease.room > lease.hold.slack:
            self._resize(lease, part, needed, 0)

    def _close(self, lease: Lease) -> None:
        self._resolve(lease)
        self._retire(lease)  # first: nobody may spend from it while the answer is on its way, or when it is lost
        self._seen[lease.key] = self._store.close(lease.key, lease.hold, lease.spent).state
        self._remove(lease)

    def _drop(self, lease: Lease) -> None:
        """Close a hold of which it is not known whether it was ever taken."""
        self._store.close(lease.key, lease.hold, 0)
        self._doubtful.remove(lease)

    def _slack(self, need: Need, part: Part, lease: Lease | None, now: float) -> int:
        """Return how much room to keep in a lease of this part, going by the last state seen."""
        state = self._seen.get(part.key, _NOTHING)
        own = lease.hold.slack if lease is not None else 0
        if need.strict or state.committed * 100 >= part.cap * NEAR_PER_CENT:
            return 0
        pace = self._pace(need.name)
        # Half of what is left, so that one environment does not take the room of all.
        fair = (_slack_cap(need, part) - max(0, state.slack - own)) // 2
        return min(pace.wanted(now), fair) if fair >= pace.worst() else 0

    # Bookkeeping

    def _short(self, need: Need, parts: Sequence[Part]) -> Short:
        states = [(part, self._seen.get(part.key, _NOTHING)) for part in parts]
        free = sum(0 if state.sealed else max(0, part.cap - state.committed) for part, state in states)
        room = sum(lease.room for part in parts if (lease := self._current.get(part.key)) is not None)
        committed = sum(state.committed for _, state in states)
        return Short(need, free + max(0, room), committed, sum(part.cap for part in parts))

    def _usable(self, key: CounterKey, now: float) -> Lease | None:
        lease = self._current.get(key)
        if lease is None or lease.usable(now, self._longest):
            return lease
        self._retire(lease)
        return None

    def _retire(self, lease: Lease) -> None:
        """Let no further request spend from a lease."""
        if self._current.get(lease.key) is lease:
            del self._current[lease.key]
            self._outgoing.append(lease)

    def _remove(self, lease: Lease) -> None:
        if self._current.get(lease.key) is lease:
            del self._current[lease.key]
        elif lease in self._outgoing:
            self._outgoing.remove(lease)

    def _all(self) -> list[Lease]:
        return [*self._current.values(), *self._outgoing]

    def _forget(self) -> None:
        """Drop what is remembered of counters that have no lease, now and then."""
        if len(self._seen) + len(self._paces) < _REMEMBERED:
            return
        names = {lease.need.name for lease in self._all()}
        self._seen = {key: state for key, state in self._seen.items() if key.name in names}
        self._paces = {name: pace for name, pace in self._paces.items() if name in names}
        self._caps.forget(names)

    def _pace(self, name: str) -> Pace:
        pace = self._paces.get(name)
        if pace is None:
            pace = self._paces[name] = Pace()
        return pace

    def _home(self, need: Need) -> int:
        return sum(map(ord, self.environment)) % need.shards if need.shards > 1 else 0

    def _next_id(self, key: CounterKey, now: float) -> str:
        # From the clock, so that a fence tells its age; always larger than the last one.
        self._sequence = max(self._sequence + 1, int(now * 1000))
        return f"{self.environment}.{counter_tag(key.name, key.part)}-{self._sequence}"


def _slack_cap(need: Need, part: Part) -> int:
    return 0 if need.strict else max(0, part.cap) * SLACK_PER_MILLE // 1000


def _all_of(steps: Iterable[Callable[[], object]]) -> int:
    """Run every step, whatever becomes of the others; return how many failed."""
    failed = 0
    for step in steps:
        try:
            step()
        except GatewayError:
            failed += 1
    return failed
