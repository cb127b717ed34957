"""Rate limits: token buckets for requests, input tokens and output tokens, and requests at the same time.

An environment draws what a request needs and, when it is busy, what it will need within about a second more; that waits
in memory for two seconds at most and is then dropped. What is drawn at one moment may thus be spent a little later, so
the shared bucket is kept that much flatter: in no window is more admitted than the burst and what flows in meanwhile. A
limit that is strict, or whose burst is too small for that, is never drawn from ahead.

What a request asks for is charged when it is admitted. `settle` charges what it used beyond that; what it used less of
goes back into memory while it is fresh, and is lost afterwards: putting it back into the bucket, which was filling all
the time, would let through more than the limit.

Requests at the same time are holds of one unit in a counter of their own (`counter_names.places_counter`): one write
before the answer and one after it. A place that was never returned counts until its request's time is over.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sluice.errors import GatewayError
from sluice.governance.flow import SECOND, Ahead, Flow, age_of, flow_of
from sluice.governance.leases import LONGEST_REQUEST, environment_id
from sluice.governance.places import Places
from sluice.governance.shares import Split, part_name
from sluice.ports import BucketStore, CounterStore, Draw, Drawn
from sluice.types.budgets import CounterKey, Hold, Rate

SPARE = 4
"""Nothing is drawn ahead when less than one part in this many of the bucket is left."""
CONCURRENT = "concurrent"
_WHOLE = 1_000 * 720_720
"""A rate is split as a share of this, which the usual numbers of regions and shards divide evenly."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a request needs of one limit.

    `rates` has the rate of each bucket that the limit has ("requests", "input", "output"), `units` how much is asked of
    it. `concurrent` is how many requests may be served at the same time. A request that asks for more than a bucket
    ever holds could never pass: with `arrears` it is admitted when the bucket is full and charged for the rest
    afterwards, without it is refused.
    """

    name: str
    rates: Mapping[str, Rate]
    units: Mapping[str, int]
    concurrent: int | None = None
    strict: bool = False
    shares: Mapping[str, int] = field(default_factory=dict)
    shards: int = 1
    arrears: bool = True


class Status(NamedTuple):
    """How one bucket stands, for the answer's headers: units, and the seconds until it is full again."""

    kind: str
    limit: int
    remaining: int
    reset: float


class Limited(NamedTuple):
    """A limit is used up; nothing was admitted.

    `needed` units of `kind` were asked for, `remaining` are there, `most` are ever there at once. `wait` is the seconds
    after which it may fit; None: never, because more is needed than `most`.
    """

    demand: Demand
    kind: str
    needed: int
    remaining: int
    most: int
    wait: float | None
    statuses: tuple[Status, ...] = ()


class Admission:
    """An admitted request; `at` is the moment that counts (epoch nanoseconds)."""

    __slots__ = ("at", "drawn", "places", "settled", "statuses")

    def __init__(self, at: int) -> None:
        self.at = at
        self.drawn: list[tuple[Demand, dict[str, int], int]] = []
        """For each limit what was drawn, and when the oldest of it was."""
        self.places: list[tuple[CounterKey, Hold]] = []
        self.statuses: tuple[Status, ...] = ()
        self.settled = False


class _Bucket:
    """What is known here of one part of a limit: its shape, its levels when last seen, and what was drawn ahead."""

    __slots__ = ("_shape", "age", "ahead", "debts", "demand", "flows", "interval", "key", "last", "levels")

    def __init__(self, key: CounterKey) -> None:
        self.key = key
        self.demand = Demand(key.name, {}, {})
        self.ahead = Ahead()
        self.levels: Mapping[str, int] = {}
        self.debts: dict[str, int] = {}
        self.flows: dict[str, Flow] = {}
        self.age = 0
        self.last = 0
        self.interval = 60 * SECOND
        self._shape: object = None

    def shaped_for(self, demand: Demand) -> bool:
        """Whether the shape is still right: it costs more to make than everything else."""
        return self._shape == (demand.rates, demand.shares, demand.shards, demand.strict)

    def shape(self, demand: Demand, flows: Mapping[str, Flow]) -> None:
        """Take on a shape; buckets that are drawn from ahead are flatter by what may wait in memory."""
        self._shape = (demand.rates, demand.shares, demand.shards, demand.strict)
        self.age = 0 if demand.strict else age_of(flows)
        self.flows = {kind: Flow(flow.per_unit, flow.depth - self.age) for kind, flow in flows.items()}

    def asked(self, now: int) -> None:
        """Note that a request came; the time between requests is a running mean."""
        self.interval = (self.interval + min(max(now - self.last, 0), 60 * SECOND)) // 2
        self.last = now

    def asked_of(self, demand: Demand) -> dict[str, int]:
        """Return what is drawn for a demand: with arrears no more than the bucket ever holds."""
        units = _asked(demand)
        if demand.arrears:
            units = {kind: min(count, max(self.flows[kind].most, 1)) for kind, count in units.items()}
        return units

    def left(self, kind: str, now: int) -> int:
        """Return the units that can be drawn, going by the levels seen last."""
        return self.flows[kind].left(self.levels.get(kind, 0), now)


class Buckets:
    """The rate limits as one execution environment sees them; its methods may be called from several threads.

    `now` gives epoch nanoseconds, `longest` is how many seconds a request may take. Calls raise what the stores raise.
    """

    def __init__(
        self,
        store: BucketStore,
        counters: CounterStore,
        *,
        region: str,
        regions: Sequence[str] = (),
        environment: str = "",
        longest: float = LONGEST_REQUEST,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        self._store = store
        self._region = region
        self._regions = tuple(regions) or (region,)
        self._environment = environment or environment_id()
        self._now = now
        self._lock = threading.RLock()
        self._buckets: dict[CounterKey, _Bucket] = {}
        self._places = Places(counters, region, self._regions, self._environment, longest)

    @property
    def names(self) -> set[str]:
        """The counters that places were taken in, for whoever lists them to take away."""
        return self._places.names

    def admit(self, demands: Iterable[Demand]) -> Admission | Limited:
        """Draw what a request needs from every limit, or admit nothing."""
        with self._lock:
            now = self._now()
            admission = Admission(now)
            done = False
            statuses: list[Status] = []
            try:
                for demand in demands:
                    limited = self._draw(demand, admission, now) or self._place(demand, admission, now)
                    statuses += self._statuses(demand, now)
                    if limited is not None:
                        return limited._replace(statuses=tuple(statuses))
                done = True
            finally:
                if not done:
                    self._give_back(admission)
            admission.statuses = tuple(statuses)
            return admission

    def settle(self, admission: Admission, used: Mapping[str, int]) -> None:
        """Tell what a request really used, by bucket ("output": tokens); one that is not named was used as asked.

        No call is made but for places, which are returned at once.
        """
        with self._lock:
            if admission.settled:
                return
            admission.settled = True
            for demand, units, oldest in admission.drawn:
                bucket = self._bucket(self._keys(demand)[0], demand)
                over = {kind: used.get(kind, demand.units[kind]) - count for kind, count in units.items()}
                bucket.ahead.add(oldest, {kind: -count for kind, count in over.items() if count < 0})
                for kind, count in over.items():
                    if count > 0:
                        bucket.debts[kind] = bucket.debts.get(kind, 0) + count
            self._places.leave(admission.places)

    def maintain(self) -> int:
        """After an answer: charge what was used beyond what was asked, and draw ahead for the next request.

        Returns how many calls failed; they are made again by the next run.
        """
        failed = 0
        with self._lock:
            now = self._now()
            failed += self._places.retry()
            for bucket in list(self._buckets.values()):
                try:
                    self._charge(bucket, now)
                    self._draw_ahead(bucket, now)
                except GatewayError:
                    failed += 1
                if now - bucket.last > 600 * SECOND and not bucket.debts:
                    del self._buckets[bucket.key]
        return failed

    # Drawing

    def _draw(self, demand: Demand, admission: Admission, now: int) -> Limited | None:
        if not _asked(demand):
            return None
        keys = self._keys(demand)
        bucket = self._bucket(keys[0], demand)
        units = bucket.asked_of(demand)
        bucket.asked(now)
        bucket.ahead.drop(now, bucket.age)
        missing = _less(units, bucket.ahead.fresh(now, bucket.age))
        if missing:
            drawn = self._from_parts(keys, demand, missing, now)
            if isinstance(drawn, Limited):
                return drawn
            bucket.ahead.add(now, drawn)
        oldest = bucket.ahead.spend(units)
        admission.drawn.append((demand, units, now if oldest is None else oldest))
        return None

    def _from_parts(
        self, keys: Sequence[CounterKey], demand: Demand, missing: Mapping[str, int], now: int
    ) -> Mapping[str, int] | Limited:
        """Draw from the first part that has enough, this environment's own first; return what was drawn."""
        own = self._bucket(keys[0], demand)
        more = _sum(missing, self._extra(own, now))
        if more != missing and self._taken(own, more, now):
            return more
        limited: list[Limited] = []
        for key in keys:
            bucket = self._bucket(key, demand)
            if self._taken(bucket, missing, now):
                return missing
            limited.append(_limited(bucket, missing, now))
        return min(limited, key=lambda each: float("inf") if each.wait is None else each.wait)

    def _taken(self, bucket: _Bucket, units: Mapping[str, int], now: int) -> bool:
        flows = bucket.flows
        draws = {kind: Draw(count * flows[kind].per_unit, flows[kind].depth) for kind, count in units.items()}
        outcome = self._store.draw(bucket.key, draws, now)
        bucket.levels = outcome.levels
        return isinstance(outcome, Drawn)

    def _extra(self, bucket: _Bucket, now: int) -> dict[str, int]:
        """Return what to draw beyond need: what this environment uses in about a second, if there is plenty."""
        if not bucket.age or bucket.interval >= SECOND:
            return {}
        times = min(SECOND // max(bucket.interval, 1), 1_000)
        return {
            kind: min(count * times, SECOND // bucket.flows[kind].per_unit, bucket.left(kind, now) // SPARE)
            for kind, count in bucket.asked_of(bucket.demand).items()
        }

    def _draw_ahead(self, bucket: _Bucket, now: int) -> None:
        if not bucket.age or bucket.interval >= bucket.age:
            return
        # Tokens that will have been dropped when the next request comes do not help it.
        soon = now + min(bucket.interval, bucket.age // 2)
        missing = _less(bucket.asked_of(bucket.demand), bucket.ahead.fresh(soon, bucket.age))
        plenty = all(
            bucket.left(kind, now) * SPARE >= bucket.flows[kind].most + count * SPARE for kind, count in missing.items()
        )
        if missing and plenty:
            wanted = _sum(missing, self._extra(bucket, now))
            if self._taken(bucket, wanted, now):
                bucket.ahead.add(now, wanted)

    def _charge(self, bucket: _Bucket, now: int) -> None:
        if bucket.debts:
            flows = bucket.flows
            costs = {kind: count * flows[kind].per_unit for kind, count in bucket.debts.items() if kind in flows}
            if costs:  # else the limit no longer has any of these rates
                bucket.levels = self._store.charge(bucket.key, costs, now)
            bucket.debts = {}

    def _place(self, demand: Demand, admission: Admission, now: int) -> Limited | None:
        if demand.concurrent is None:
            return None
        found = self._places.take(demand.name, demand.concurrent, demand.shares, demand.shards, now / SECOND)
        if isinstance(found, int):
            return Limited(demand, CONCURRENT, 1, 0, found, 1.0 if found else None)
        admission.places.append(found)
        return None

    def _give_back(self, admission: Admission) -> None:
        for demand, units, oldest in admission.drawn:
            self._bucket(self._keys(demand)[0], demand).ahead.add(oldest, units)
        self._places.leave(admission.places)

    # Shapes

    def _keys(self, demand: Demand) -> list[CounterKey]:
        home = sum(map(ord, self._environment)) % demand.shards if demand.shards > 1 else 0
        order = [(home + shard) % demand.shards for shard in range(demand.shards)]
        return [CounterKey(demand.name, part_name(self._region, shard)) for shard in order]

    def _flows(self, demand: Demand, key: CounterKey) -> dict[str, Flow]:
        split = Split(_WHOLE, self._regions, demand.shares, demand.shards)
        part = next((cap for each, cap in split.parts(demand.name, self._region) if each == key), 0)
        return {kind: flow_of(rate, part, _WHOLE) for kind, rate in demand.rates.items()}

    def _bucket(self, key: CounterKey, demand: Demand) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(key)
        if not bucket.shaped_for(demand):
            bucket.shape(demand, self._flows(demand, key))
        bucket.demand = demand
        return bucket

    def _statuses(self, demand: Demand, now: int) -> list[Status]:
        key = self._keys(demand)[0]
        bucket = self._buckets.get(key)
        if bucket is None:
            return []
        fresh = bucket.ahead.fresh(now, bucket.age)
        statuses = []
        for kind, flow in bucket.flows.items():
            limit = demand.rates[kind].capacity
            # The other parts of the limit are taken to be as full as this one.
            left = bucket.left(kind, now) * limit // flow.most if flow.most else 0
            reset = max(0, bucket.levels.get(kind, 0) - now) / SECOND
            statuses.append(Status(kind, limit, min(limit, left + fresh.get(kind, 0)), reset))
        return statuses


def _asked(demand: Demand) -> dict[str, int]:
    return {kind: count for kind, count in demand.units.items() if kind in demand.rates and count > 0}


def _less(units: Mapping[str, int], there: Mapping[str, int]) -> dict[str, int]:
    return {kind: count - there.get(kind, 0) for kind, count in units.items() if count > there.get(kind, 0)}


def _sum(units: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return {kind: count + more.get(kind, 0) for kind, count in units.items()}


def _limited(bucket: _Bucket, missing: Mapping[str, int], now: int) -> Limited:
    """Return the refusal of the bucket that takes the longest to fill."""
    refusals = [_refusal(bucket, kind, count, now) for kind, count in missing.items()]
    return max(refusals, key=lambda each: float("inf") if each.wait is None else each.wait)


def _refusal(bucket: _Bucket, kind: str, count: int, now: int) -> Limited:
    flow = bucket.flows[kind]
    level = max(bucket.levels.get(kind, 0), now)
    over = level + count * flow.per_unit - now - flow.depth
    wait = None if count > flow.most else max(0, over) / SECOND
    demand = bucket.demand
    return Limited(demand, kind, demand.units[kind], bucket.left(kind, now), flow.most, wait)
