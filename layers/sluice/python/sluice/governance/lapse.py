"""Returns what dead environments held.

An environment does not spend from a hold that expires before its request would be over, so a hold that expired more
than `GRACE_SECONDS` ago (clocks differ, and the ledger's roll-up takes a moment) has no spender any more. What was
really spent from it is the sum of the ledger entries that name it.
"""

from __future__ import annotations

from collections.abc import Callable

from sluice.ports import CounterStore, Taken
from sluice.types.budgets import CounterKey, CounterState, Hold
from sluice.types.clock import NanoUSD

GRACE_SECONDS = 300
STANDING_SECONDS = 4 * 3_600
"""Leases and requests are over long before that, batches and background answers long after."""
FENCE_SECONDS = 3_600
"""A signed request is refused after minutes, so no copy of an older call can still be on its way."""


def lapsed(state: CounterState, now: float) -> tuple[Hold, ...]:
    """Return the holds that nobody spends from any more; `now` in epoch seconds."""
    return tuple(hold for hold in state.holds.values() if hold.expires + GRACE_SECONDS <= now)


def is_standing(hold: Hold) -> bool:
    """Whether a hold waited for something longer than a lease: a batch, a background answer."""
    return hold.expires - hold.sequence / 1000 > STANDING_SECONDS


def lapse(
    store: CounterStore, key: CounterKey, spent_of: Callable[[str], NanoUSD], now: float
) -> tuple[tuple[Hold, NanoUSD], ...]:
    """Close the lapsed holds of a counter with what `spent_of` tells for each hold id; return them, and what each paid.

    Old fences are forgotten on the way. Any number of these may run at once, and die at any point.
    """
    state = store.read(key)
    closed = []
    for hold in lapsed(state, now):
        spent = spent_of(hold.id)
        if isinstance(store.close(key, hold, spent), Taken):
            closed.append((hold, spent))
    holders = {hold.environment for hold in state.holds.values()}
    old = {
        environment: sequence
        for environment, sequence in state.fences.items()
        if environment not in holders and sequence / 1000 + FENCE_SECONDS <= now
    }
    if old:
        store.prune(key, old)
    return tuple(closed)
