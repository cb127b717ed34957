"""The shape of token buckets, and what was drawn ahead of need, to the unit and to the nanosecond."""

from __future__ import annotations

import pytest

from sluice.governance.flow import AGE, FLATTEST, MINUTE, SECOND, SHORTEST, Ahead, Flow, age_of, flow_of
from sluice.types.budgets import Rate


@pytest.mark.parametrize(
    ("rate", "part", "whole", "flow"),
    [
        (Rate(60), 1, 1, Flow(SECOND, 60 * SECOND)),
        (Rate(60, 10), 1, 2, Flow(2 * SECOND, 10 * SECOND)),
        (Rate(7), 1, 1, Flow(-(-MINUTE // 7), 7 * -(-MINUTE // 7))),
        (Rate(5, 5), 1, 2, Flow(24 * SECOND, 2 * 24 * SECOND)),
        (Rate(1), 1, 1, Flow(MINUTE, MINUTE)),
        (Rate(60), 0, 1, Flow(MINUTE, 0)),
        (Rate(0, 5), 1, 1, Flow(MINUTE, 0)),
        (Rate(0), 0, 1, Flow(MINUTE, 0)),
    ],
)
def test_a_bucket_never_lets_through_more_than_its_part_of_a_rate(
    rate: Rate, part: int, whole: int, flow: Flow
) -> None:
    found = flow_of(rate, part, whole)
    assert found == flow
    assert all(isinstance(each, int) for each in found)


def test_what_is_left_is_whole_units_of_the_time_until_the_bucket_is_full() -> None:
    flow = Flow(10, 95)
    assert [flow.left(level, 1_000) for level in (0, 1_000, 1_005, 1_006, 1_085, 1_086, 2_000)] == [9, 9, 9, 8, 1, 0, 0]
    assert isinstance(flow.left(0, 1_000), int)
    assert Flow(1, 0).left(2_000, 1_000) == 0


def test_only_a_deep_bucket_is_drawn_from_ahead_and_never_for_longer_than_two_seconds() -> None:
    deep, shallow = Flow(1, 1000 * SECOND), Flow(1, FLATTEST * SHORTEST)
    assert age_of({"a": deep}) == AGE
    assert age_of({"a": deep, "b": shallow}) == SHORTEST
    assert age_of({"b": Flow(1, FLATTEST * SHORTEST - 1)}) == 0
    assert age_of({"b": Flow(1, FLATTEST * SHORTEST + 7)}) == SHORTEST
    assert age_of({}) == 0


def test_tokens_are_spent_from_the_oldest_on_and_dropped_at_their_age() -> None:
    ahead = Ahead()
    ahead.add(200, {"a": 4})
    ahead.add(100, {"a": 3, "b": 1})
    assert ahead.fresh(150, 100) == {"a": 7, "b": 1}
    assert ahead.fresh(200, 100) == {"a": 4}
    assert ahead.spend({"a": 5, "b": 9}) == 100
    assert ahead.fresh(200, 1_000) == {"a": 2, "b": 0}
    assert ahead.spend({"a": 1}) == 200
    assert ahead.spend({"c": 1}) is None
    ahead.drop(300, 100)
    assert ahead.fresh(300, 1_000) == {}


def test_what_comes_back_joins_what_was_drawn_at_the_same_moment() -> None:
    ahead = Ahead()
    ahead.add(100, {"a": 3})
    ahead.add(100, {"a": 2, "b": 5})
    ahead.add(300, {"a": 1})
    assert ahead.fresh(300, 1_000) == {"a": 6, "b": 5}
    assert ahead.spend({"a": 6, "b": 5}) == 100
    assert ahead.spend({"a": 1}) is None
    ahead.drop(300, 1_000)
    assert ahead.fresh(300, 1_000) == {}


def test_a_clock_that_was_set_back_makes_nothing_young() -> None:
    ahead = Ahead()
    ahead.add(100, {"a": 3})
    ahead.drop(99, 50)
    assert ahead.fresh(100, 50) == {}
    ahead.add(100, {"a": 3})
    ahead.drop(149, 50)
    assert ahead.fresh(149, 50) == {"a": 3}
    ahead.drop(150, 50)
    assert ahead.fresh(100, 50) == {}


def test_a_part_of_what_is_wanted_is_taken_from_each_batch_in_turn() -> None:
    ahead = Ahead()
    for at in (30, 10, 20):
        ahead.add(at, {"a": 2})
    assert ahead.spend({"a": 3}) == 10
    assert ahead.fresh(30, 100) == {"a": 3}
    assert ahead.spend({"a": 1}) == 20
    assert ahead.spend({"a": 5}) == 30
