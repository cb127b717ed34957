"""Places among the requests that may be served at the same time: holds of one unit that expire with their request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sluice.errors import GatewayError
from sluice.governance.counter_names import places_counter
from sluice.governance.shares import Part, Split
from sluice.ports import CounterStore, Taken
from sluice.types.budgets import CounterKey, CounterState, Hold

CLOCKS_SECONDS = 5
"""Beyond a hold's expiry, before somebody else clears it away: clocks differ."""
KEEP_SECONDS = 86_400


class Places:
    """The places that one environment has taken; `longest` is how many seconds a request may take."""

    def __init__(
        self, store: CounterStore, region: str, regions: Sequence[str], environment: str, longest: float
    ) -> None:
        self._store = store
        self._region = region
        self._regions = regions
        self._environment = environment
        self._longest = longest
        self._sequence = 0
        self._unreturned: list[tuple[CounterKey, Hold]] = []
        self.names: set[str] = set()
        """The counters that places were taken in, for whoever lists them to take away."""

    def take(
        self, name: str, limit: int, shares: Mapping[str, int], shards: int, now: float
    ) -> tuple[CounterKey, Hold] | int:
        """Take a place of a limit, or return how many this region has: all are taken. `now` in epoch seconds."""
        parts = Split(limit, self._regions, shares, shards).parts(places_counter(name), self._region)
        home = sum(map(ord, self._environment)) % len(parts)
        for part in parts[home:] + parts[:home]:
            hold = self._take(part, now)
            if hold is not None:
                self.names.add(part.key.name)
                return part.key, hold
        return sum(part.cap for part in parts)

    def leave(self, places: Iterable[tuple[CounterKey, Hold]]) -> None:
        """Return places; one whose return fails is returned by `retry`."""
        self._unreturned += places
        self.retry()

    def retry(self) -> int:
        """Return what could not be returned before; return how many calls failed."""
        left: list[tuple[CounterKey, Hold]] = []
        for key, hold in self._unreturned:
            try:
                self._store.close(key, hold, 0)
            except GatewayError:
                left.append((key, hold))
        self._unreturned = left
        return len(left)

    def _take(self, part: Part, now: float) -> Hold | None:
        for _ in range(2):
            self._sequence = max(self._sequence + 1, int(now * 1000))
            hold = Hold(f"{self._environment}-{self._sequence}", 1, int(now + self._longest) + 1)
            keep = int(now + self._longest) + KEEP_SECONDS
            try:
                outcome = self._store.take(part.key, hold, cap=part.cap, slack_cap=0, keep_until=keep)
            except GatewayError:
                self._unreturned.append((part.key, hold))
                raise
            if isinstance(outcome, Taken):
                return hold
            if not self._clear(part.key, outcome.state, now):
                return None
        return None

    def _clear(self, key: CounterKey, state: CounterState, now: float) -> bool:
        """Take away the places of requests that must be over; tell whether there were any."""
        over = [hold for hold in state.holds.values() if hold.expires + CLOCKS_SECONDS <= now]
        cleared = [self._store.close(key, hold, 0) for hold in over]
        return any(isinstance(outcome, Taken) for outcome in cleared)
