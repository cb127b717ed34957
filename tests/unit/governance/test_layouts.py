"""Shares and shards of a live budget: a window keeps those with which it began, in every environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.governance.layouts import KEEP_SECONDS, MARGIN_SECONDS, STALE_SECONDS, changed, layout_of
from sluice.governance.shares import Split
from sluice.governance.windows import window_at
from sluice.types.budgets import Budget, Layout, Scope, Window

NOON = 1_795_521_600  # 2026-11-24 12:00 UTC
DAY = 86_400
DAILY = Budget("b", Scope("organisation"), 1_000, Window("day"), shares={"eu": 500, "us": 500})
CHANGED = replace(DAILY, shares={"eu": 900, "us": 100}, shards=4)


def after(
    kept: Mapping[str, Sequence[Layout]], old: Budget | None, new: Budget | None, now: float
) -> dict[str, tuple[Layout, ...]]:
    return changed(kept, {} if old is None else {"b": old}, {} if new is None else {"b": new}, now)


def test_a_budget_that_was_never_changed_has_no_history() -> None:
    assert after({}, None, DAILY, NOON) == {}
    assert after({}, DAILY, replace(DAILY, amount=5, strict=True), NOON) == {}
    assert layout_of(DAILY, window_at(DAILY.window, NOON)) == (DAILY.shares, 1, (), 1)


def test_the_open_window_keeps_its_split_and_the_next_one_has_the_new_split() -> None:
    layouts = after({}, DAILY, CHANGED, NOON)["b"]
    budget = replace(CHANGED, layouts=layouts)
    today, tomorrow = (window_at(budget.window, NOON + days * DAY) for days in (0, 1))
    assert layout_of(budget, today)[:2] == (DAILY.shares, 1)
    assert layout_of(budget, tomorrow)[:2] == (CHANGED.shares, 4)


def test_a_window_that_begins_within_the_margin_keeps_the_old_split() -> None:
    late = NOON + DAY // 2 - MARGIN_SECONDS + 1
    budget = replace(CHANGED, layouts=after({}, DAILY, CHANGED, late)["b"])
    assert layout_of(budget, window_at(budget.window, NOON + DAY))[:2] == (DAILY.shares, 1)
    assert layout_of(budget, window_at(budget.window, NOON + 2 * DAY))[:2] == (CHANGED.shares, 4)


def test_a_change_that_is_taken_back_soon_leaves_nothing() -> None:
    once = after({}, DAILY, CHANGED, NOON)
    assert after(once, CHANGED, DAILY, NOON + 60) == {}
    deleted = after({}, DAILY, None, NOON)
    assert after(deleted, None, DAILY, NOON + 60) == {}


def test_a_budget_that_was_deleted_comes_back_with_the_split_of_its_open_window() -> None:
    deleted = after({}, DAILY, None, NOON)
    back = replace(CHANGED, layouts=after(deleted, None, CHANGED, NOON + 600)["b"])
    assert layout_of(back, window_at(back.window, NOON + 600))[:2] == (DAILY.shares, 1)
    assert layout_of(back, window_at(back.window, NOON + DAY))[:2] == (CHANGED.shares, 4)


def test_what_no_window_can_have_any_more_is_forgotten() -> None:
    once = after({}, DAILY, CHANGED, NOON)
    assert after(once, CHANGED, CHANGED, NOON + KEEP_SECONDS) == once
    assert after(once, CHANGED, CHANGED, NOON + KEEP_SECONDS + MARGIN_SECONDS) == {}


SPLITS = st.sampled_from([(500, 500, 1), (900, 100, 1), (100, 900, 3), (500, 500, 4)])
FLIPS = st.lists(st.tuples(st.integers(10, 2 * DAY), st.none() | SPLITS), min_size=1, max_size=8)


@settings(max_examples=300, deadline=None)
@given(flips=FLIPS, late=st.lists(st.integers(0, STALE_SECONDS), min_size=9, max_size=9))
def test_environments_agree_on_the_split_of_every_window_however_late_they_learn(
    flips: list[tuple[int, tuple[int, int, int] | None]], late: list[int]
) -> None:
    kept: Mapping[str, tuple[Layout, ...]] = {}
    live: Budget | None = DAILY
    now = NOON
    versions: list[tuple[int, int, Budget]] = [(now, 0, DAILY)]
    for number, (wait, wanted) in enumerate(flips):
        now += wait
        eu, us, shards = wanted or (0, 0, 0)
        new = None if wanted is None else replace(DAILY, shares={"eu": eu, "us": us}, shards=shards)
        kept = after(kept, live, new, now)
        live = new
        if new is not None:
            versions.append((now, now + late[number], replace(new, layouts=kept.get("b", ()))))
    splits: dict[str, set[tuple[int, int]]] = {}
    for number, (since, _, budget) in enumerate(versions):
        # An environment with this version works by it until it has learned the next one.
        until = versions[number + 1][1] if number + 1 < len(versions) else now + 3 * DAY
        for moment in [*range(since, max(until, since + 1), DAY // 3), max(until - 1, since)]:
            window = window_at(budget.window, moment)
            layout = layout_of(budget, window)
            splits.setdefault(window.id, set()).add((layout.shares["eu"], layout.shards))
    assert all(len(found) == 1 for found in splits.values()), splits


ROLLING = Budget("b", Scope("organisation"), 1_000, Window("rolling", seconds=7_200), shares={"eu": 500, "us": 500})


@settings(max_examples=100, deadline=None)
@given(flips=st.lists(st.tuples(st.integers(10, 9_000), SPLITS), min_size=1, max_size=6))
def test_no_interval_of_a_rolling_window_holds_more_than_the_cap_while_shares_change(
    flips: list[tuple[int, tuple[int, int, int]]],
) -> None:
    kept: Mapping[str, tuple[Layout, ...]] = {}
    live, now = ROLLING, NOON
    versions = [(NOON, ROLLING)]
    for wait, (eu, us, shards) in flips:
        now += wait
        new = replace(ROLLING, shares={"eu": eu, "us": us}, shards=shards)
        kept = after(kept, live, new, now)
        live = new
        versions.append((now, replace(new, layouts=kept.get("b", ()))))
    spent: dict[str, dict[int, int]] = {"eu": {}, "us": {}}
    length = 0
    for moment in range(NOON, now + 20_000, 300):
        budget = [each for since, each in versions if since <= moment][-1]
        window = window_at(budget.window, moment)
        length = window.end - window.start
        layout = layout_of(budget, window)
        for region, by_start in spent.items():
            cap = Split(1_000, ("eu", "us"), layout.shares, layout.shards, layout.also).of_region(region)
            earlier = sum(
                cost for start, cost in by_start.items() if window.start - len(window.before) * length <= start
            )
            # Each region spends all that it may.
            by_start[window.start] = by_start.get(window.start, 0) + max(0, cap - earlier)
    starts = sorted(spent["eu"])
    for first in starts:
        inside = sum(
            cost for by_start in spent.values() for at, cost in by_start.items() if first <= at < first + 7_200
        )
        assert inside <= 1_000


def test_a_rolling_window_looks_at_all_shards_that_its_earlier_parts_had() -> None:
    budget = replace(ROLLING, shards=1, layouts=(Layout(NOON, ROLLING.shares, 4),))
    assert layout_of(budget, window_at(budget.window, NOON + 600)).before_shards == 4
    assert layout_of(budget, window_at(budget.window, NOON + DAY)).before_shards == 1


def test_a_window_that_begins_at_the_very_moment_has_the_new_split() -> None:
    midnight = NOON + DAY // 2
    for until, shards in ((midnight, 4), (midnight + 1, 1)):
        budget = replace(CHANGED, layouts=(Layout(until, DAILY.shares, 1),))
        assert layout_of(budget, window_at(budget.window, midnight))[:2] == (
            budget.shares if shards == 4 else DAILY.shares,
            shards,
        )


def test_a_change_is_forgotten_only_while_no_window_can_have_begun_under_it() -> None:
    kept = {"b": (Layout(NOON, DAILY.shares, 1),)}
    late, early = NOON - STALE_SECONDS, NOON - STALE_SECONDS - 1
    assert after(kept, CHANGED, DAILY, early) == {}
    assert after(kept, CHANGED, DAILY, late) == {"b": (*kept["b"], Layout(late + MARGIN_SECONDS, CHANGED.shares, 4))}


def test_a_window_of_the_same_name_in_another_time_zone_keeps_its_split() -> None:
    moved = replace(CHANGED, window=Window("day", "Pacific/Kiritimati"))
    (layout,) = after({}, DAILY, moved, NOON)["b"]
    assert layout == Layout(NOON + MARGIN_SECONDS + 2 * DAY, DAILY.shares, 1)


def test_a_rolling_window_counts_with_every_split_of_its_length_and_no_other() -> None:
    shares: list[dict[str, int]] = [{"eu": each} for each in (100, 200, 300, 400)]
    window = window_at(ROLLING.window, NOON)
    reach = window.start - (len(window.before) + 1) * (window.end - window.start)
    layouts = (
        Layout(reach, shares[0], 7),
        Layout(reach + 1, shares[1], 5),
        Layout(window.start, shares[2], 2),
    )
    found = layout_of(replace(ROLLING, shares=shares[3], shards=3, layouts=layouts), window)
    assert found == (shares[3], 3, (shares[1], shares[2]), 5)
    ahead = (*layouts, Layout(window.start + 1, shares[0], 1))
    assert layout_of(replace(ROLLING, shares=shares[3], shards=9, layouts=ahead), window) == (
        shares[0],
        1,
        (shares[1], shares[2]),
        5,
    )


def test_a_rolling_window_that_was_never_changed_looks_back_at_all_of_its_shards() -> None:
    budget = replace(ROLLING, shards=4)
    assert layout_of(budget, window_at(budget.window, NOON)).before_shards == 4


def test_a_calendar_window_has_one_split() -> None:
    layouts = (Layout(NOON - DAY // 2 - 100, {"eu": 1}, 9), Layout(NOON + DAY, DAILY.shares, 2))
    found = layout_of(replace(CHANGED, layouts=layouts), window_at(CHANGED.window, NOON))
    assert found == (DAILY.shares, 2, (), 2)
