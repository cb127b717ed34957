"""What each part of a budget's counter may commit, as one region knows it.

The share of the region and its shards, plus what other regions gave, less what stands in the earlier sub-windows of a
rolling window. Those are sealed before they are summed, so that the sum can only fall afterwards.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sluice.governance.lease import Need
from sluice.governance.shares import Part, Split, evenly, part_name, rebalance, received
from sluice.ports import CounterStore
from sluice.types.budgets import CounterKey

LEARN_SECONDS = 1.0
"""Refusals within this time do not look again for what other regions gave."""
LOOK_BACK_SECONDS = 5.0
"""How long the sum of earlier sub-windows is believed; it can only have become less."""


class Caps:
    """The caps of one region; remembers what it has seen. `rebalance_seconds` 0 leaves rebalancing to others."""

    def __init__(
        self, store: CounterStore, region: str, regions: Sequence[str], *, rebalance_seconds: float = 30.0
    ) -> None:
        self._store = store
        self._region = region
        self._regions = tuple(regions) or (region,)
        self._rebalance_seconds = rebalance_seconds
        self._received: dict[CounterKey, int] = {}
        self._earlier: dict[str, int] = {}
        self._asked: dict[tuple[str, str], float] = {}
        self._caps: dict[str, int] = {}
        self._bases: dict[str, tuple[Split, list[Part]]] = {}

    def key(self, need: Need, shard: int) -> CounterKey:
        """Return the part of a counter in this region."""
        return CounterKey(need.name, part_name(self._region, shard))

    def parts(self, need: Need, home: int, now: float) -> list[Part]:
        """Return the parts of this region, the shard `home` first. May read and seal earlier sub-windows."""
        self._notice(need)
        if need.before:
            self._look_back(need, now)
        parts = self._parts(need)
        return parts[home:] + parts[:home]

    def part(self, need: Need, key: CounterKey) -> Part:
        """Return one part by what is known already; a part that the split does not have may commit nothing."""
        self._notice(need)
        return next((part for part in self._parts(need) if part.key == key), Part(key, 0))

    def learn(self, need: Need, now: float) -> bool:
        """Look at what other regions gave; tell whether there is more than before."""
        if len(self._regions) < 2 or not self._due("given", need.name, LEARN_SECONDS, now):
            return False
        states = self._store.parts(need.name)
        more = False
        for shard in range(need.shards):
            key = self.key(need, shard)
            given = received(states, key.part, self._split(need))
            # A copy of another region's item may be older than the one seen before; what was given stays given.
            if given > self._received.get(key, 0):
                self._received[key] = given
                more = True
        return more

    def rebalance(self, need: Need, now: float) -> int:
        """Give what is not needed here to regions that run short, if it is time to look; return how much."""
        if len(self._regions) < 2 or not self._rebalance_seconds or need.before:
            return 0
        if not self._due("rebalance", need.name, self._rebalance_seconds, now):
            return 0
        return rebalance(self._store, need.name, self._split(need), self._region)

    def forget(self, names: Collection[str]) -> None:
        """Forget what is known of all counters but these."""
        self._received = {key: given for key, given in self._received.items() if key.name in names}
        for name in {*self._earlier, *self._caps, *self._bases}.difference(names):
            for memory in (self._earlier, self._caps, self._bases):
                memory.pop(name, None)
        self._asked = {pair: at for pair, at in self._asked.items() if pair[1] in names}

    def _notice(self, need: Need) -> None:
        """Believe nothing of what other regions gave, until it was looked at again, once a cap was lowered."""
        known = self._caps.get(need.name, 0)
        if need.cap < known:
            self._received = {key: given for key, given in self._received.items() if key.name != need.name}
            self._asked.pop(("given", need.name), None)
        if need.cap != known:
            self._caps[need.name] = need.cap

    def _split(self, need: Need) -> Split:
        return Split(need.cap, self._regions, need.shares, need.shards, need.also)

    def _parts(self, need: Need) -> list[Part]:
        split = self._split(need)
        if not need.before:
            known = self._bases.get(need.name)
            if known is None or known[0] != split:
                known = self._bases[need.name] = split, split.parts(need.name, self._region)
            parts = known[1]
            if not self._received:
                return list(parts)
            return [Part(part.key, part.cap + self._received.get(part.key, 0)) for part in parts]
        # The sum over all shards, because an earlier sub-window may have had other ones. It only falls, so each part of
        # what it leaves only grows.
        left = split.of_region(self._region) - self._earlier.get(need.name, 0)
        return [Part(self.key(need, shard), cap) for shard, cap in enumerate(evenly(left, need.shards))]

    def _look_back(self, need: Need, now: float) -> None:
        if not self._due("earlier", need.name, LOOK_BACK_SECONDS, now) and need.name in self._earlier:
            return
        shards = range(max(need.shards, need.before_shards))
        keys = [CounterKey(name, part_name(self._region, shard)) for name in need.before for shard in shards]
        states = dict(self._store.read_all(keys))
        for key, state in states.items():
            if not state.sealed:
                states[key] = self._store.seal(key, keep_until=need.keep_until)
        self._earlier[need.name] = sum(state.committed for state in states.values())

    def _due(self, what: str, name: str, seconds: float, now: float) -> bool:
        last = self._asked.get((what, name))
        if last is not None and now - last < seconds:
            return False
        self._asked[what, name] = now
        return True
