"""What an environment remembers of its spending, and for how long."""

from __future__ import annotations

from sluice.governance.lease import HORIZON, MEMORY, Lease, Need, Pace, Reservation
from sluice.types.budgets import CounterKey, Hold

NEED = Need("budget#b#all#2026-11", 10, 1_000)


def test_a_lease_was_used_when_it_was_taken_and_a_reservation_is_not_yet_settled() -> None:
    lease = Lease(CounterKey(NEED.name, "r#0"), Hold("e-1", 10, 100), NEED, 7.0)
    assert (lease.used, lease.room) == (7.0, 10)
    assert Reservation((), ()).settled is False


def test_nothing_is_wanted_before_anything_was_asked_or_spent() -> None:
    pace = Pace()
    assert [pace.wanted(now) for now in (0.0, 1.0, 1e6)] == [0, 0, 0]


def test_the_worst_of_the_last_eight_requests_counts() -> None:
    pace = Pace()
    pace.asked(500)
    for _ in range(7):
        pace.asked(20)
    assert (pace.worst(), pace.wanted(0.0)) == (500, 1_000)
    pace.asked(20)
    assert (pace.worst(), pace.wanted(0.0)) == (20, 40)


def test_spending_is_forgotten_evenly_within_half_a_minute() -> None:
    assert (HORIZON, MEMORY) == (10.0, 30.0)
    pace = Pace()
    pace.spent(3_000, 1_000.0)
    wanted = [pace.wanted(1_000.0 + age) for age in (-5, 0, 0.3, 15, 30, 90)]
    assert wanted == [1_000, 1_000, 990, 500, 0, 0]
    pace.spent(600, 1_015.0)
    assert pace.wanted(1_015.0) == 700
    pace.spent(300, 1_100.0)
    assert pace.wanted(1_100.0) == 100
