"""Windows of budgets: every moment lies in exactly one, whatever the clocks of a time zone do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sluice.governance.windows import PARTS, bucket_seconds, window_at
from sluice.types.budgets import Window, WindowKind

ZONES = sorted(available_timezones() - {"localtime", "Factory"})
CALENDAR = [kind for kind in get_args(WindowKind) if kind != "rolling"]
# From 1970 to 2099: what the database knows of the past, and the rules that it projects.
moments = st.integers(min_value=86_400 * 40, max_value=4_070_908_800)
windows = st.builds(Window, st.sampled_from(CALENDAR), st.sampled_from(ZONES))
rolling = st.integers(min_value=3600, max_value=366 * 86_400)


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@given(windows, moments)
@example(Window("day", "Pacific/Apia"), int(at("2011-12-30T10:00:00+00:00")))
@example(Window("day", "America/St_Johns"), int(at("2006-10-29T02:31:00+00:00")))
@example(Window("day", "Africa/Cairo"), int(at("2026-04-23T22:00:00+00:00")))
@example(Window("day", "America/Havana"), int(at("2026-11-01T04:30:00+00:00")))
@example(Window("day", "Antarctica/Casey"), int(at("2010-03-05T02:00:00+00:00")))
def test_a_window_holds_its_moment_and_is_the_same_all_through(window: Window, moment: int) -> None:
    current = window_at(window, moment)
    assert current.start <= moment < current.end
    for other in (current.start, current.end - 1, (current.start + current.end) // 2):
        assert window_at(window, other) == current


@given(windows, moments)
def test_windows_follow_each_other_without_a_gap_and_with_rising_names(window: Window, moment: int) -> None:
    current = window_at(window, moment)
    following, before = window_at(window, current.end), window_at(window, current.start - 1)
    assert (following.start, before.end) == (current.end, current.start)
    assert before.id < current.id < following.id


@given(windows, moments)
def test_a_window_begins_when_the_local_calendar_does(window: Window, moment: int) -> None:
    """Found by walking the zone's clock minute by minute around the start, without the arithmetic under test."""
    current = window_at(window, moment)
    zone = ZoneInfo(window.time_zone)
    first = datetime.fromtimestamp(current.start, zone).date()
    if window.kind == "day":
        assert current.id == first.isoformat()
    elif window.kind == "week":
        assert first.weekday() == 0 or zone_skipped(zone, current.start)
        assert current.id == f"{first.isocalendar().year}-W{first.isocalendar().week:02d}"
    else:
        assert first.day == 1 or zone_skipped(zone, current.start)
        assert current.id == first.strftime("%Y-%m")
    last = datetime.fromtimestamp(current.start - 1, zone).date()
    went_back = (
        datetime.fromtimestamp(current.start - 1, zone).utcoffset()
        != datetime.fromtimestamp(current.start, zone).utcoffset()
    )
    assert last < first or went_back


def zone_skipped(zone: ZoneInfo, start: int) -> bool:
    """Whether the zone's calendar jumps at this moment, as Samoa's did over a whole day."""
    before = datetime.fromtimestamp(start - 1, zone).date()
    return datetime.fromtimestamp(start, zone).date() - before > timedelta(days=1)


@given(st.sampled_from(CALENDAR), moments)
def test_utc_needs_no_time_zone_database(kind: WindowKind, moment: int) -> None:
    assert window_at(Window(kind), moment) == window_at(Window(kind, "Etc/UTC"), moment)


@pytest.mark.parametrize(
    ("zone", "moment", "hours"),
    [
        ("Europe/Berlin", "2026-03-29T12:00:00+02:00", 23),
        ("Europe/Berlin", "2026-10-25T12:00:00+01:00", 25),
        ("Australia/Lord_Howe", "2026-10-04T12:00:00+11:00", 23.5),
        ("Africa/Cairo", "2026-04-24T12:00:00+03:00", 23),
        ("America/Sao_Paulo", "2018-11-04T12:00:00-02:00", 23),
    ],
)
def test_days_are_shorter_and_longer_where_clocks_change(zone: str, moment: str, hours: float) -> None:
    current = window_at(Window("day", zone), at(moment))
    assert (current.end - current.start) / 3600 == hours


def test_a_month_begins_at_local_midnight() -> None:
    current = window_at(Window("month", "Europe/Berlin"), at("2026-03-31T23:59:59+02:00"))
    assert (current.id, current.start, current.end) == (
        "2026-03",
        at("2026-03-01T00:00:00+01:00"),
        at("2026-04-01T00:00:00+02:00"),
    )


def test_a_week_begins_on_monday_and_is_named_as_iso_8601_does() -> None:
    current = window_at(Window("week"), at("2027-01-03T23:00:00+00:00"))
    assert current.id == "2026-W53"
    assert datetime.fromtimestamp(current.start, UTC).isoformat() == "2026-12-28T00:00:00+00:00"


@given(rolling, moments)
def test_every_real_interval_lies_within_the_sub_windows_that_count_together(seconds: int, moment: int) -> None:
    window = Window("rolling", seconds=seconds)
    current = window_at(window, moment)
    bucket = bucket_seconds(seconds)
    covered = {current.id, *current.before}
    oldest = moment - seconds + 1
    reached = {window_at(window, second).id for second in (oldest, *range(oldest, moment + 1, bucket), moment)}
    assert reached <= covered
    assert len(current.before) <= PARTS


@given(rolling, moments)
def test_money_of_a_rolling_window_comes_back_at_most_one_sub_window_late(seconds: int, moment: int) -> None:
    window = Window("rolling", seconds=seconds)
    spent_in = window_at(window, moment)
    assert spent_in.id not in window_at(window, moment + seconds + 2 * bucket_seconds(seconds)).before
    assert (
        spent_in.id in window_at(window, moment + seconds - 1).before
        or spent_in.id == window_at(window, moment + seconds - 1).id
    )


@given(rolling, moments, st.lists(st.integers(min_value=0, max_value=100), min_size=60, max_size=60))
def test_no_real_interval_ever_holds_more_than_the_cap(seconds: int, moment: int, wishes: list[int]) -> None:
    """Spend as greedily as the rule allows, then look at every interval of real time."""
    window, cap = Window("rolling", seconds=seconds), 100
    counters: dict[str, int] = {}
    spent: list[tuple[int, int]] = []
    for step, wish in enumerate(wishes):
        now = moment + step * seconds // 7
        current = window_at(window, now)
        free = cap - sum(counters.get(name, 0) for name in (current.id, *current.before))
        taken = min(wish, free)
        counters[current.id] = counters.get(current.id, 0) + taken
        spent.append((now, taken))
    for end, _ in spent:
        assert sum(amount for moment_, amount in spent if end - seconds < moment_ <= end) <= cap


@pytest.mark.parametrize("name", ["Europe/Atlantis", "../../etc/passwd", "Europe", "", "/etc/localtime"])
def test_an_unknown_time_zone_is_refused_with_its_name(name: str) -> None:
    with pytest.raises(ValueError, match="is not known; write an IANA name"):
        window_at(Window("day", name), 0)


@pytest.mark.parametrize(
    ("kind", "before", "behind"),
    [("day", "1919-03-30", "1919-03-31"), ("week", "1919-W13", "1919-W14")],
)
def test_where_clocks_jump_over_midnight_in_the_middle_of_their_jump_windows_leave_no_gap(
    kind: WindowKind, before: str, behind: str
) -> None:
    # Toronto went from 23:30 on Sunday, 30 March 1919 to 00:30 on Monday.
    jump = -1_601_753_400
    window = Window(kind, "America/Toronto")
    earlier, later = window_at(window, jump - 1), window_at(window, jump + 3_600)
    assert (earlier.id, later.id, earlier.end) == (before, behind, later.start)
    assert window_at(window, jump) == window_at(window, later.start - 1) == earlier
    assert window_at(window, later.start).id == behind


def test_where_clocks_go_back_into_the_month_before_the_new_month_goes_on() -> None:
    # St. John's went from 00:01 on 1 November 2009 to 23:01 on 31 October.
    again = 1_257_044_400  # 23:30, for the second time
    found = window_at(Window("month", "America/St_Johns"), again)
    assert (found.id, found.start, found.end) == ("2009-11", 1_257_042_600, 1_259_638_200)


def test_a_sub_window_is_named_by_its_length_and_its_beginning() -> None:
    found = window_at(Window("rolling", seconds=7_200), 1_000_000_123)
    assert (found.id, found.start, found.before[0]) == ("r600-999999600", 999_999_600, "r600-999999000")
