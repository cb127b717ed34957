"""Counters against the ledger while both move: what is corrected was wrong, and in the end nothing is."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.control.drift import Comparison, Doubt
from sluice.governance.counter_names import counter_tag
from sluice.types.budgets import CounterKey, Hold
from tests.counters import MemoryCounters

KEY = CounterKey("budget#b#all#2026-11", "eu#0")
TAG = counter_tag(*(KEY.name, KEY.part))
PATIENCE = 100.0


class Region:
    """A counter, its holds, the ledger and the roll-up of it; `between` runs before whatever is read."""

    def __init__(self) -> None:
        self.counters = MemoryCounters()
        self.time = 1_000.0
        self.ledger: list[tuple[str, int]] = []
        self.rolled_up = 0
        self.open: dict[str, int] = {}
        self.made = 0
        self.known: dict[CounterKey, Doubt] = {}
        self.between: Callable[[], None] = lambda: None
        self.corrected: list[int] = []

    # What environments do

    def lease(self) -> None:
        self.made += 1
        hold = Hold(f"e{self.made}.{TAG}-{self.made}", 1_000, 10**9, "lease")
        self.counters.take(KEY, hold, cap=10**12, slack_cap=0)
        self.open[hold.id] = 0

    def serve(self, cost: int) -> None:
        if self.open:
            hold = list(self.open)[cost % len(self.open)]
            self.open[hold] += cost
            self.ledger.append((hold, cost))

    def end(self, pick: int) -> None:
        if self.open:
            hold = list(self.open)[pick % len(self.open)]
            self.counters.close(KEY, self.counters.items[KEY].holds[hold], self.open.pop(hold))

    def roll_up(self, count: int) -> None:
        self.rolled_up = min(len(self.ledger), self.rolled_up + count)

    # Ports

    def hold_spent(self, hold: str) -> int:
        self.between()
        return sum(cost for name, cost in self.ledger[: self.rolled_up] if name == hold)

    def counter_spent(self, tag: str) -> int:
        assert tag == TAG
        self.between()
        return sum(cost for _, cost in self.ledger[: self.rolled_up])

    def get(self, key: CounterKey) -> Doubt | None:
        return self.known.get(key)

    def put(self, key: CounterKey, doubt: Doubt) -> None:
        self.known[key] = doubt

    def drop(self, key: CounterKey) -> None:
        self.known.pop(key, None)

    def settled(self, at_ms: int) -> bool:
        self.rolled_up = len(self.ledger)
        self.between()
        return True

    def compare(self) -> int:
        """Return for how much was certain."""
        self.time += PATIENCE + 1
        found = Comparison(self.counters, self, self, PATIENCE).run([KEY], now=lambda: self.time, settled=self.settled)
        self.corrected += [each.corrected for each in found if each.corrected]
        return sum(each.certain for each in found)

    def off(self) -> int:
        """Return the truth: what the counter says beyond what was spent from closed holds."""
        state = self.counters.items.get(KEY)
        spent = sum(cost for hold, cost in self.ledger if hold not in self.open)
        return 0 if state is None else state.spent - spent


MOVES = st.tuples(st.sampled_from(["lease", "serve", "serve", "end", "roll up"]), st.integers(0, 9))


def move(region: Region, what: str, number: int) -> None:
    if what == "lease":
        region.lease()
    elif what == "serve":
        region.serve(number)
    elif what == "end":
        region.end(number)
    else:
        region.roll_up(number)


@settings(max_examples=300, deadline=None)
@given(
    before=st.lists(MOVES, max_size=30),
    during=st.lists(MOVES, max_size=60),
    wrong=st.integers(-30, 30),
)
def test_a_correction_under_traffic_never_goes_beyond_what_was_wrong_and_silence_brings_the_rest(
    before: list[tuple[str, int]], during: list[tuple[str, int]], wrong: int
) -> None:
    region = Region()
    region.lease()
    region.serve(40)
    region.end(0)
    for each in before:
        move(region, *each)
    region.counters.correct(KEY, wrong, before=0)
    moves = iter(during)

    def between() -> None:
        each = next(moves, None)
        if each is not None:
            move(region, *each)

    region.between = between
    for _ in range(3):
        certain, off = region.compare(), region.off()
        assert abs(off) <= abs(wrong)
        assert off * wrong >= 0, "never from one side to the other"
        assert certain * wrong >= 0
    region.between = lambda: None
    region.roll_up(len(region.ledger))
    for _ in range(3):
        region.compare()
    assert region.off() == 0
    assert sum(region.corrected) == -wrong


def test_a_counter_that_agrees_costs_no_waiting() -> None:
    region = Region()
    region.lease()
    region.serve(7)
    region.roll_up(1)

    def settled(at_ms: int) -> bool:
        raise AssertionError(at_ms)

    comparison = Comparison(region.counters, region, region, PATIENCE)
    assert comparison.run([KEY], now=lambda: 1.0, settled=settled) == []


def test_a_doubt_that_was_explained_starts_anew() -> None:
    region = Region()
    region.lease()
    region.serve(7)
    region.end(0)
    lost = region.ledger.pop()
    region.counters.correct(KEY, 0, before=0)
    comparison = Comparison(region.counters, region, region, PATIENCE)

    def look(time: float) -> int:
        found = comparison.run([KEY], now=lambda: time, settled=region.settled)
        return sum(each.corrected for each in found)

    assert look(10.0) == 0
    region.ledger.append(lost)
    assert look(60.0) == 0
    assert region.known == {}
    region.ledger.pop()
    region.rolled_up = 0
    assert look(120.0) == 0
    assert look(120.0 + PATIENCE) == -7
