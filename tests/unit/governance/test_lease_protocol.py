"""Every interleaving of the protocol's atomic steps, for small numbers: the cap holds in every state there is.

The states are explored exhaustively. The steps of the counters are those of the fake that keeps the same contract as
the table; environments are reduced to what matters of them: what they believe they hold, and which calls are on their
way. A call on its way may arrive, arrive again, or have its answer lost, at any later point.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pytest

from sluice.governance.shares import Split, part_name, received
from sluice.ports import Taken
from sluice.types.budgets import CounterState, Hold
from tests import counters

LAPSES = 100
HOLDS = 2
"""That one environment opens one after the other: without a bound it could open and close for ever."""


@dataclass(frozen=True)
class Environment:
    """`hold` is what it believes it holds, `asked` what it has sent and not yet heard of, `cost` what it has spent."""

    todo: tuple[tuple[int, int], ...]  # (worst case, real cost) of its requests
    hold: Hold | None = None
    asked: tuple[object, ...] | None = None
    reserved: int = 0
    cost: int = 0
    sequence: int = 1
    alive: bool = True


DEAD = Environment((), alive=False)


@dataclass(frozen=True)
class State:
    counter: tuple[object, ...]
    environments: tuple[Environment, ...]
    sent: frozenset[tuple[object, ...]]
    """Calls that may arrive (again) at any time, until time has passed."""
    truth: int = 0
    ledger: tuple[tuple[str, int], ...] = ()
    late: bool = False
    """Whether all holds have expired and no old call can arrive any more."""


def frozen(state: CounterState) -> tuple[object, ...]:
    return (
        state.committed,
        state.spent,
        state.slack,
        tuple(sorted(state.holds.items(), key=lambda pair: pair[0])),
        tuple(sorted(state.fences.items())),
    )


def thawed(counter: tuple[object, ...]) -> CounterState:
    committed, spent, slack, holds, fences = counter
    return CounterState(committed, spent, slack, dict(holds), fences=dict(fences))  # type: ignore[call-overload, arg-type]


def applied(counter: tuple[object, ...], call: tuple[object, ...], cap: int) -> tuple[bool, tuple[object, ...]]:
    state = thawed(counter)
    kind, *arguments = call
    if kind == "take":
        outcome = counters.take(state, arguments[0], cap, 0)  # type: ignore[arg-type]
    elif kind == "grow":
        outcome = counters.grow(state, arguments[0], arguments[1], cap, 0)  # type: ignore[arg-type]
    else:
        outcome = counters.close(state, arguments[0], arguments[1])  # type: ignore[arg-type]
    return isinstance(outcome, Taken), frozen(outcome.state)


def booked(ledger: tuple[tuple[str, int], ...], hold: str, cost: int) -> tuple[tuple[str, int], ...]:
    sums = dict(ledger)
    sums[hold] = sums.get(hold, 0) + cost
    return tuple(sorted(sums.items()))


def successors(state: State, cap: int) -> Iterator[State]:
    for number, each in enumerate(state.environments):
        yield from moves(state, each, cap, number)
    for call in state.sent:  # a copy arrives, of which nobody hears
        yield replace(state, counter=applied(state.counter, call, cap)[1])
    if not any(each.reserved for each in state.environments if each.alive):
        yield replace(state, late=True, sent=frozenset())
    if state.late:
        for hold in thawed(state.counter).holds.values():
            spent = dict(state.ledger).get(hold.id, 0)
            yield replace(state, counter=applied(state.counter, ("close", hold, spent), cap)[1])


def moves(state: State, each: Environment, cap: int, number: int) -> Iterator[State]:
    def with_(changed: Environment, **more: object) -> State:
        rest = state.environments
        return replace(state, environments=(*rest[:number], changed, *rest[number + 1 :]), **more)  # type: ignore[arg-type]

    if not each.alive:
        return
    yield with_(DEAD)  # killed, or ended; what its requests cost stands in the log
    if each.asked is not None:
        taken, counter = applied(state.counter, each.asked, cap)
        sent = state.sent if state.late else state.sent | {each.asked}
        yield with_(each, counter=counter, sent=sent)  # it arrives, the answer is lost, the same call is sent again
        yield with_(heard(each, taken=taken), counter=counter, sent=sent)
    elif each.reserved:
        _, real = each.todo[0]
        yield with_(replace(each, reserved=0, cost=each.cost + real, todo=each.todo[1:]))
    elif each.hold is not None and not state.late:
        yield with_(replace(each, asked=("close", each.hold, each.cost)))
        if each.todo:
            yield from begin(state, each, number)
    elif each.hold is not None:  # expired: it is not spent from
        yield with_(replace(each, asked=("close", each.hold, each.cost)))
    elif each.todo and not state.late and each.sequence <= HOLDS:
        hold = Hold(f"e{number}-{each.sequence}", each.todo[0][0], LAPSES)
        yield with_(replace(each, asked=("take", hold), sequence=each.sequence + 1))


def begin(state: State, each: Environment, number: int) -> Iterator[State]:
    assert each.hold is not None
    worst, real = each.todo[0]
    room = each.hold.amount - each.cost
    rest = state.environments
    if room >= worst:
        # The provider charges the real cost from now on, whatever becomes of the environment.
        changed = replace(each, reserved=worst)
        yield replace(
            state,
            environments=(*rest[:number], changed, *rest[number + 1 :]),
            truth=state.truth + real,
            ledger=booked(state.ledger, each.hold.id, real),
        )
    else:
        larger = replace(each.hold, amount=each.hold.amount + worst - room, revision=each.hold.revision + 1)
        changed = replace(each, asked=("grow", each.hold, larger))
        yield replace(state, environments=(*rest[:number], changed, *rest[number + 1 :]))


def heard(each: Environment, *, taken: bool) -> Environment:
    assert each.asked is not None
    kind, *arguments = each.asked
    if kind == "close":
        return replace(each, asked=None, hold=None, cost=0)
    if not taken:
        return replace(each, asked=None, todo=each.todo[1:])  # the request is refused
    return replace(each, asked=None, hold=arguments[-1])


def reachable(first: State, cap: int) -> set[State]:
    seen, open_ = {first}, [first]
    while open_:
        state = open_.pop()
        check(state, cap)
        for following in successors(state, cap):
            if following not in seen:
                seen.add(following)
                open_.append(following)
    return seen


def check(state: State, cap: int) -> None:
    counter = thawed(state.counter)
    held = sum(hold.amount for hold in counter.holds.values())
    assert counter.committed == counter.spent + held, state
    assert counter.committed <= cap, state
    assert state.truth <= cap, state
    assert counter.spent <= state.truth, state


EMPTY = frozen(CounterState())


@pytest.mark.parametrize(
    ("cap", "requests"),
    [
        (3, (((2, 1), (2, 2)), ((2, 2),))),
        (4, (((1, 1), (3, 1)), ((3, 3), (1, 1)))),
        (2, (((1, 1),), ((1, 0),), ((1, 1),))),
        (5, (((3, 1), (2, 2), (2, 0)),)),
    ],
)
def test_no_interleaving_breaks_a_cap(cap: int, requests: tuple[tuple[tuple[int, int], ...], ...]) -> None:
    first = State(EMPTY, tuple(Environment(todo) for todo in requests), frozenset())
    states = reachable(first, cap)
    assert len(states) > 200
    ends = [state for state in states if state.late and not any(each.alive for each in state.environments)]
    swept = [state for state in ends if not thawed(state.counter).holds]
    assert swept
    assert all(thawed(state.counter).spent == state.truth for state in swept)
    # From every end the sweep returns everything: as many holds as there are, each by one step.
    assert {strip(state) for state in ends} == {strip(state) for state in swept}


def strip(state: State) -> tuple[object, ...]:
    return state.truth, state.ledger, state.environments


# Two regions


@dataclass(frozen=True)
class Regions:
    """What stands in each region's item, and how each region sees the other's: any version since the last one seen."""

    own: tuple[tuple[int, int], tuple[int, int]]  # (committed, given) of regions a and b
    seen: tuple[tuple[int, int], tuple[int, int]]  # b's item as a sees it, a's item as b sees it
    on_the_way: tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]
    spent: int = 0


NAMES = ("a", "b")


def region_moves(state: Regions, cap: int, step: int) -> Iterator[Regions]:
    split = Split(cap, NAMES, {})
    for me in (0, 1):
        other = 1 - me
        committed, given = state.own[me]
        states: Mapping[str, CounterState] = {
            part_name(NAMES[other], 0): CounterState(
                state.seen[me][0], given={part_name(NAMES[me], 0): state.seen[me][1]}
            ),
            part_name(NAMES[me], 0): CounterState(committed, given={part_name(NAMES[other], 0): given}),
        }
        mine = split.of_region(NAMES[me]) + received(states, part_name(NAMES[me], 0), split)
        if committed + step <= mine:
            yield written(state, me, (committed + step, given), spent=step)
            yield written(state, me, (committed + step, given + step), spent=0)
        if state.on_the_way[me]:  # a version of the other's item arrives here; those before it are skipped
            for position, version in enumerate(state.on_the_way[me]):
                way = _set(state.on_the_way, me, state.on_the_way[me][position + 1 :])
                yield replace(state, seen=_set(state.seen, me, version), on_the_way=way)


def written(state: Regions, me: int, item: tuple[int, int], spent: int) -> Regions:
    other = 1 - me
    way = _set(state.on_the_way, other, (*state.on_the_way[other], item))
    return replace(state, own=_set(state.own, me, item), on_the_way=way, spent=state.spent + spent)


def _set(pair, position, value):  # type: ignore[no-untyped-def]
    return (value, pair[1]) if position == 0 else (pair[0], value)


def test_no_delay_between_two_regions_breaks_a_cap() -> None:
    cap = 4
    first = Regions(((0, 0), (0, 0)), ((0, 0), (0, 0)), ((), ()))
    seen, open_ = {first}, [first]
    most = 0
    while open_:
        state = open_.pop()
        assert state.spent <= cap, state
        most = max(most, state.spent)
        for following in region_moves(state, cap, 1):
            # Given to and fro for ever, nothing new happens.
            if following not in seen and following.own[0][1] <= cap and following.own[1][1] <= cap:
                seen.add(following)
                open_.append(following)
    assert most == cap
    assert any(state.spent == cap and state.own[0][0] - state.own[0][1] > cap // 2 for state in seen)
