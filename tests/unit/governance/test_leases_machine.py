"""A cap is never exceeded, whatever happens: many environments, clocks, crashes, delayed and repeated calls.

The machine drives the real `Leases` against counters in memory. Environments vanish in the middle of requests; answers
are lost; calls arrive a second time at any later moment; windows end; the sweep returns what lapsed.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sluice.errors import GatewayError, InternalError
from sluice.governance.lapse import GRACE_SECONDS, lapse
from sluice.governance.lease import Need, Reservation
from sluice.governance.leases import LEASE_SECONDS, LONGEST_REQUEST, Leases
from sluice.types.budgets import CounterKey
from tests.counters import MemoryCounters

CAP = 1_000
REGION = "r"
WINDOW = 4_000
SKEW = 20.0
FATES = st.lists(st.sampled_from(["fine", "fine", "unsent", "lost"]), max_size=3)


class Fates:
    """Decides what becomes of the next calls to the store: fine, never sent, or done with the answer lost."""

    def __init__(self, store: MemoryCounters) -> None:
        self.next: list[str] = []
        store.before = self.before
        store.after = self.after

    def before(self, name: str) -> None:
        if self.next and self.next[0] == "unsent":
            self.next.pop(0)
            raise InternalError("unsent")

    def after(self, name: str) -> None:
        if self.next and self.next.pop(0) == "lost":
            raise InternalError("lost")


class Environment:
    def __init__(self, machine: LeaseMachine, number: int, skew: float) -> None:
        self.leases = Leases(
            machine.store,
            region=REGION,
            environment=f"e{number}",
            now=lambda: machine.time + skew,
        )
        self.open: list[tuple[Reservation, int, float]] = []


class LeaseMachine(RuleBasedStateMachine):
    shards = 1
    strict = False

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryCounters()
        self.fates = Fates(self.store)
        self.time = 1_000_000.0
        self.born = 0
        self.environments: list[Environment] = []
        self.spent: dict[str, int] = {}
        """What the ledger says: real cost by hold."""
        self.truth: dict[str, int] = {}
        """Real cost by counter, of answered and of crashed requests alike."""

    def name(self) -> str:
        return f"budget#b#x#{int(self.time // WINDOW)}"

    def need(self, amount: int) -> Need:
        ends = int(self.time // WINDOW + 1) * WINDOW
        return Need(self.name(), amount, CAP, ends=ends, strict=self.strict, shards=self.shards)

    @rule(skew=st.sampled_from([0.0, -SKEW, SKEW]))
    def start(self, skew: float) -> None:
        if len(self.environments) < 5:
            self.born += 1
            self.environments.append(Environment(self, self.born, skew))

    @precondition(lambda self: self.environments)
    @rule(
        pick=st.integers(0, 9),
        worst=st.integers(1, 300),
        share=st.integers(0, 100),
        fates=FATES,
    )
    def request(self, pick: int, worst: int, share: int, fates: list[str]) -> None:
        environment = self.environments[pick % len(self.environments)]
        self.fates.next = list(fates)
        try:
            reservation = environment.leases.reserve([self.need(worst)])
        except GatewayError:
            return
        finally:
            self.fates.next = []
        if isinstance(reservation, Reservation):
            # The provider will charge this, whatever becomes of the environment.
            cost = worst * share // 100
            self.truth[self.name()] = self.truth.get(self.name(), 0) + cost
            environment.open.append((reservation, cost, self.time))

    @precondition(lambda self: any(environment.open for environment in self.environments))
    @rule(
        pick=st.integers(0, 99),
        tend=st.booleans(),
        fates=FATES,
    )
    def answer(self, pick: int, tend: bool, fates: list[str]) -> None:
        busy = [environment for environment in self.environments if environment.open]
        environment = busy[pick % len(busy)]
        reservation, cost, _ = environment.open.pop(pick % len(environment.open))
        for hold, paid in environment.leases.settle(reservation, cost):
            self.spent[hold] = self.spent.get(hold, 0) + paid
        if tend:
            self.fates.next = list(fates)
            environment.leases.maintain()
            self.fates.next = []

    @precondition(lambda self: self.environments)
    @rule(pick=st.integers(0, 9), politely=st.booleans())
    def end(self, pick: int, politely: bool) -> None:
        environment = self.environments.pop(pick % len(self.environments))
        if politely:
            environment.leases.shutdown()
        for reservation, cost, _ in environment.open:
            # The sweep rebuilds these entries from the log lines, which name the holds.
            left = cost
            for number, (hold, amount) in enumerate(reservation.holds):
                paid = left if number == len(reservation.holds) - 1 else min(left, amount)
                self.spent[hold] = self.spent.get(hold, 0) + paid
                left -= paid

    @precondition(lambda self: self.store.log)
    @rule(pick=st.integers(0, 10_000))
    def arrive_again(self, pick: int) -> None:
        self.store.log[pick % len(self.store.log)]()

    @rule(seconds=st.sampled_from([0.5, 5, 70, 400]))
    def wait(self, seconds: float) -> None:
        # No request outlives the function's time limit.
        oldest = min((begun for each in self.environments for *_, begun in each.open), default=None)
        if oldest is None or self.time + seconds - oldest < LONGEST_REQUEST - 2 * SKEW:
            self.time += seconds

    @precondition(lambda self: not any(environment.open for environment in self.environments))
    @rule()
    def wait_long(self) -> None:
        self.time += LEASE_SECONDS + GRACE_SECONDS + SKEW
        # A copy of a call cannot arrive any more: its signature is too old.
        self.store.log.clear()

    @rule()
    def sweep(self) -> None:
        for key in list(self.store.items):
            lapse(self.store, key, lambda hold: self.spent.get(hold, 0), self.time)

    def check(self, key: CounterKey) -> None:
        state = self.store.items[key]
        assert state.committed == state.spent + sum(hold.amount for hold in state.holds.values())
        assert state.slack == sum(hold.slack for hold in state.holds.values())
        assert state.slack <= CAP * 25 // 1000

    @invariant()
    def what_is_committed_is_what_was_spent_and_what_is_held(self) -> None:
        for key in self.store.items:
            self.check(key)

    @invariant()
    def no_more_than_the_cap_is_committed_or_spent(self) -> None:
        committed: dict[str, int] = {}
        for key, state in self.store.items.items():
            committed[key.name] = committed.get(key.name, 0) + state.committed
        assert all(amount <= CAP for amount in committed.values())
        assert all(amount <= CAP for amount in self.truth.values())

    @invariant()
    def what_environments_can_spend_is_held_for_them(self) -> None:
        spendable: dict[CounterKey, int] = {}
        for environment in self.environments:
            for key, room in environment.leases.held().items():
                spendable[key] = spendable.get(key, 0) + room
        for key, room in spendable.items():
            state = self.store.items[key]
            live = {environment.leases.environment for environment in self.environments}
            theirs = [hold for hold in state.holds.values() if hold.environment.partition(".")[0] in live]
            assert room <= sum(hold.amount for hold in theirs)

    def teardown(self) -> None:
        """Let everything end, wait for the lapse, sweep: nothing is held for ever, and every cent is accounted for."""
        while self.environments:
            self.end(0, politely=False)
        self.wait_long()
        self.sweep()
        for name in {key.name for key in self.store.items}:
            parts = self.store.parts(name).values()
            assert not any(state.holds for state in parts)
            assert sum(state.committed for state in parts) == sum(state.spent for state in parts)
            assert sum(state.spent for state in parts) == self.truth.get(name, 0)


class ShardedMachine(LeaseMachine):
    shards = 3

    def need(self, amount: int) -> Need:
        return replace(super().need(amount), shards=3)

    def check(self, key: CounterKey) -> None:
        state = self.store.items[key]
        assert state.committed == state.spent + sum(hold.amount for hold in state.holds.values())


class StrictMachine(LeaseMachine):
    strict = True


LeaseMachine.TestCase.settings = settings(max_examples=120, stateful_step_count=60, deadline=None)
ShardedMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
StrictMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
TestLeases = LeaseMachine.TestCase
TestShardedLeases = ShardedMachine.TestCase
TestStrictLeases = StrictMachine.TestCase
