"""Budget counters and token buckets in memory, with the semantics of the tables (see the contract tests).

The effect of each call is a pure function from one state to the next, so that a model checker can use it too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from sluice.ports import Draw, Drawn, Dry, Refused, Taken
from sluice.types.budgets import CounterKey, CounterState, Hold

EMPTY = CounterState()


def take(state: CounterState, hold: Hold, cap: int, slack_cap: int) -> Taken | Refused:
    if state.holds.get(hold.id) == hold:
        return Taken(state)
    fits = state.committed + hold.amount <= cap and (hold.slack <= 0 or state.slack + hold.slack <= slack_cap)
    fenced = hold.id in state.holds or state.fences.get(hold.environment, -1) >= hold.sequence
    if fenced or state.sealed or not fits:
        return Refused(state)
    return Taken(_with(state, {**state.holds, hold.id: hold}, hold.amount, hold.slack))


def grow(state: CounterState, old: Hold, new: Hold, cap: int, slack_cap: int) -> Taken | Refused:
    stands = state.holds.get(old.id)
    if stands == new:
        return Taken(state)
    if stands is None or stands.revision != old.revision:
        return Refused(state)
    more, slack = new.amount - old.amount, new.slack - old.slack
    if (more > 0 and (state.sealed or state.committed + more > cap)) or (slack > 0 and state.slack + slack > slack_cap):
        return Refused(state)
    return Taken(_with(state, {**state.holds, new.id: new}, more, slack))


def close(state: CounterState, hold: Hold, spent: int) -> Taken | Refused:
    stands = state.holds.get(hold.id)
    if stands is None or stands.revision != hold.revision:
        return Refused(state)
    left = {name: each for name, each in state.holds.items() if name != hold.id}
    fence = max(hold.sequence, state.fences.get(hold.environment, -1))
    closed = _with(state, left, spent - hold.amount, -hold.slack)
    fences = {**state.fences, hold.environment: fence}
    return Taken(replace(closed, spent=state.spent + spent, fences=fences))


def give(state: CounterState, part: str, amount: int, before: int, cap: int) -> Taken | Refused:
    stands = state.given.get(part, 0)
    if stands == before + amount:
        return Taken(state)
    if stands != before or state.sealed or state.committed + amount > cap:
        return Refused(state)
    return Taken(replace(state, committed=state.committed + amount, given={**state.given, part: before + amount}))


def correct(state: CounterState, amount: int, before: int) -> Taken | Refused:
    if state.corrections == before + 1:
        return Taken(state)
    if state.corrections != before or state == EMPTY or (amount < 0 and state.spent < -amount):
        return Refused(state)
    changed = replace(state, spent=state.spent + amount, committed=state.committed + amount)
    return Taken(replace(changed, corrections=before + 1))


def _with(state: CounterState, holds: Mapping[str, Hold], amount: int, slack: int) -> CounterState:
    return replace(state, committed=state.committed + amount, slack=state.slack + slack, holds=holds)


class MemoryCounters:
    """`ports.CounterStore`; `calls` counts what a table would have been asked.

    `before` runs ahead of each call with its name and may raise; `after` runs when it took effect, and may raise too:
    an answer that is lost. `log` keeps each write as a callable that sends it again.
    """

    def __init__(self) -> None:
        self.items: dict[CounterKey, CounterState] = {}
        self.calls = 0
        self.before: Callable[[str], None] = lambda name: None
        self.after: Callable[[str], None] = lambda name: None
        self.log: list[Callable[[], object]] = []

    def take(self, key: CounterKey, hold: Hold, *, cap: int, slack_cap: int, keep_until: int = 0) -> Taken | Refused:
        return self._write("take", key, lambda state: take(state, hold, cap, slack_cap))

    def grow(self, key: CounterKey, old: Hold, new: Hold, *, cap: int, slack_cap: int) -> Taken | Refused:
        return self._write("grow", key, lambda state: grow(state, old, new, cap, slack_cap))

    def close(self, key: CounterKey, hold: Hold, spent: int) -> Taken | Refused:
        return self._write("close", key, lambda state: close(state, hold, spent))

    def give(self, key: CounterKey, part: str, amount: int, *, before: int, cap: int) -> Taken | Refused:
        return self._write("give", key, lambda state: give(state, part, amount, before, cap))

    def correct(self, key: CounterKey, amount: int, *, before: int) -> Taken | Refused:
        return self._write("correct", key, lambda state: correct(state, amount, before))

    def read(self, key: CounterKey) -> CounterState:
        self._arrive("read")
        return self.items.get(key, EMPTY)

    def read_all(self, keys: Iterable[CounterKey]) -> dict[CounterKey, CounterState]:
        self._arrive("read")
        return {key: self.items.get(key, EMPTY) for key in keys}

    def seal(self, key: CounterKey, *, keep_until: int = 0) -> CounterState:
        self._arrive("seal")
        self.items[key] = replace(self.items.get(key, EMPTY), sealed=True)
        return self.items[key]

    def parts(self, name: str) -> dict[str, CounterState]:
        self._arrive("parts")
        return {key.part: state for key, state in self.items.items() if key.name == name}

    def prune(self, key: CounterKey, fences: Mapping[str, int]) -> None:
        self._arrive("prune")
        state = self.items.get(key, EMPTY)
        left = {name: number for name, number in state.fences.items() if fences.get(name) != number}
        self.items[key] = replace(state, fences=left)

    def _arrive(self, name: str) -> None:
        self.calls += 1
        self.before(name)

    def _write(self, name: str, key: CounterKey, change: Callable[[CounterState], Taken | Refused]) -> Taken | Refused:
        self._arrive(name)

        def send() -> Taken | Refused:
            outcome = change(self.items.get(key, EMPTY))
            self.items[key] = outcome.state
            return outcome

        self.log.append(send)
        outcome = send()
        self.after(name)
        return outcome


class MemoryBuckets:
    """`ports.BucketStore`; `calls` counts what a table would have been asked."""

    def __init__(self) -> None:
        self.items: dict[CounterKey, dict[str, int]] = {}
        self.calls = 0
        self.before: Callable[[str], None] = lambda name: None

    def draw(self, key: CounterKey, draws: Mapping[str, Draw], now: int) -> Drawn | Dry:
        self.calls += 1
        self.before("draw")
        levels = self.items.setdefault(key, {})
        after = {kind: max(levels.get(kind, 0), now) + draw.cost for kind, draw in draws.items()}
        if any(after[kind] > now + draw.depth for kind, draw in draws.items()):
            return Dry(dict(levels))
        levels.update(after)
        return Drawn(dict(levels))

    def charge(self, key: CounterKey, costs: Mapping[str, int], now: int) -> Mapping[str, int]:
        self.calls += 1
        self.before("charge")
        levels = self.items.setdefault(key, {})
        levels.update({kind: max(levels.get(kind, 0), now) + cost for kind, cost in costs.items()})
        return dict(levels)
