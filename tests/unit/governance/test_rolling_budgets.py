"""A rolling budget: in no interval of its length is more spent than the cap, whichever clocks the environments have."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.governance.lease import Need, Reservation
from sluice.governance.leases import Leases
from sluice.governance.windows import window_at
from sluice.types.budgets import Window
from tests.counters import MemoryCounters

WINDOW = Window("rolling", seconds=120)
CAP = 1_000
STEPS = st.lists(
    st.tuples(
        st.integers(0, 2), st.sampled_from([0.0, 0.5, 4.0, 11.0, 40.0]), st.integers(1, 600), st.integers(0, 100)
    ),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(steps=STEPS, skews=st.tuples(*[st.sampled_from([0.0, -3.0, 3.0])] * 3), strict=st.booleans())
def test_no_interval_holds_more_than_the_cap(
    steps: list[tuple[int, float, int, int]], skews: tuple[float, ...], strict: bool
) -> None:
    store = MemoryCounters()
    clock = [1_000_000.0]
    environments = [
        Leases(store, region="r", environment=f"e{number}", now=lambda skew=skew: clock[0] + skew)  # type: ignore[misc]
        for number, skew in enumerate(skews)
    ]
    spent: list[tuple[float, int]] = []
    for pick, wait, worst, share in steps:
        clock[0] += wait
        current = window_at(WINDOW, clock[0] + skews[pick])
        before = tuple(f"budget#b#x#{each}" for each in current.before)
        need = Need(f"budget#b#x#{current.id}", worst, CAP, ends=current.end, before=before, strict=strict)
        reservation = environments[pick].reserve([need])
        if isinstance(reservation, Reservation):
            cost = worst * share // 100
            environments[pick].settle(reservation, cost)
            spent.append((clock[0], cost))
        environments[pick].maintain()
    spread = max(skews) - min(skews)
    for begun, _ in spent:
        inside = [cost for at, cost in spent if begun <= at < begun + WINDOW.seconds - spread]
        assert sum(inside) <= CAP


def test_money_comes_back_when_the_window_has_rolled_on() -> None:
    store = MemoryCounters()
    clock = [1_000_000.0]
    leases = Leases(store, region="r", now=lambda: clock[0])

    def served(amount: int) -> bool:
        current = window_at(WINDOW, clock[0])
        before = tuple(f"budget#b#x#{each}" for each in current.before)
        need = Need(f"budget#b#x#{current.id}", amount, CAP, ends=current.end, before=before)
        found = leases.reserve([need])
        if isinstance(found, Reservation):
            leases.settle(found, amount)
        leases.maintain()
        return isinstance(found, Reservation)

    assert served(900)
    clock[0] += 60
    assert served(100)
    assert not served(1)
    clock[0] += 75
    assert served(900)
    assert not served(1)
