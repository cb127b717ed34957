"""Which window of a budget is open at a moment: its id, its first second, and the second after its last one.

A calendar window begins at local midnight and follows the time zone through clock changes: a day may have 23 or 25
hours. Where a clock change swallows midnight, the day begins with the change; a date that a zone skipped has no window.
Windows never overlap and leave no gap. The ids of different kinds never collide: `2026-11-23`, `2026-W48`, `2026-11`.

A rolling window of `seconds` is kept as sub-windows of fixed length, at most `PARTS` to a window, each with a counter
of its own. What may be spent in the current one is the cap less what stands in all sub-windows of `before`. They reach
back at least `seconds` from the first second of the current one, so every interval of that length lies within the
current sub-window and those before it: no such interval ever holds more than the cap. The price is that money comes
back up to one sub-window late. A request counts at the moment at which it was admitted, so nothing may be admitted into
a sub-window after its end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from sluice.types.budgets import Window

if TYPE_CHECKING:
    from datetime import date, tzinfo

PARTS = 12
"""Sub-windows of a rolling window."""
DAY = 86_400


class Current(NamedTuple):
    """An open window: epoch seconds, `end` excluded. `before` are the sub-windows that count with a rolling one."""

    id: str
    start: int
    end: int
    before: tuple[str, ...] = ()


def window_at(window: Window, epoch: float) -> Current:
    """Return the window that is open at `epoch` (seconds). Raises ValueError for an unknown time zone."""
    second = int(epoch // 1)
    if window.kind == "rolling":
        return _rolling(window.seconds, second)
    if window.time_zone == "UTC":
        return _UTC[window.kind](second)
    return _in_zone(window, second)


def bucket_seconds(seconds: int) -> int:
    """Return the length of the sub-windows of a rolling window."""
    return -(-seconds // PARTS)


def zone_named(name: str) -> tzinfo:
    """Return an IANA time zone. Raises ValueError for a name that is none."""
    # The database is the operating system's: Lambda's Amazon Linux 2023 has it (aws/aws-lambda-dotnet issue 1620, read
    # 2026-11), and the function that publishes a configuration runs on the same one as those that read it.
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # A folder of the database and a name that leads out of it are errors of other kinds.
        raise ValueError(f"time zone {name[:64]!r} is not known; write an IANA name such as 'Europe/Berlin'") from None


def _rolling(seconds: int, second: int) -> Current:
    bucket = bucket_seconds(seconds)
    start = second - second % bucket
    count = -(-seconds // bucket)
    before = tuple(f"r{bucket}-{start - step * bucket}" for step in range(1, count + 1))
    return Current(f"r{bucket}-{start}", start, start + bucket, before)


# UTC has no clock changes: whole days, and no import of datetime on the request path.
def _utc_day(second: int) -> Current:
    start = second - second % DAY
    return Current(time.strftime("%Y-%m-%d", time.gmtime(start)), start, start + DAY)


def _utc_week(second: int) -> Current:
    # The epoch was a Thursday.
    start = second - second % DAY - (second // DAY + 3) % 7 * DAY
    return Current(time.strftime("%G-W%V", time.gmtime(start)), start, start + 7 * DAY)


def _utc_month(second: int) -> Current:
    start = _month_start(second)
    return Current(time.strftime("%Y-%m", time.gmtime(start)), start, _month_start(start + 32 * DAY))


def _month_start(second: int) -> int:
    return second - second % DAY - (time.gmtime(second).tm_mday - 1) * DAY


_UTC: dict[str, Callable[[int], Current]] = {"day": _utc_day, "week": _utc_week, "month": _utc_month}


def _in_zone(window: Window, second: int) -> Current:
    from datetime import datetime

    zone = zone_named(window.time_zone)
    first = _first_date(window.kind, datetime.fromtimestamp(second, zone).date())
    # Where clocks go back over midnight, a date's name comes twice; its window begins once.
    while second < _midnight(first, zone):
        first = _first_date(window.kind, _shifted(first, -1))
    following = _following(window.kind, first)
    while second >= _midnight(following, zone):
        first, following = following, _following(window.kind, following)
    return Current(_name(window.kind, first), _midnight(first, zone), _midnight(following, zone))


def _midnight(day: date, zone: tzinfo) -> int:
    from datetime import datetime

    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() // 1)


def _first_date(kind: str, day: date) -> date:
    if kind == "week":
        return _shifted(day, -day.weekday())
    return day.replace(day=1) if kind == "month" else day


def _following(kind: str, first: date) -> date:
    if kind == "month":
        return _shifted(first, 32).replace(day=1)
    return _shifted(first, 7 if kind == "week" else 1)


def _shifted(day: date, days: int) -> date:
    from datetime import timedelta

    return day + timedelta(days=days)


def _name(kind: str, first: date) -> str:
    if kind == "week":
        year, week, _ = first.isocalendar()
        return f"{year}-W{week:02d}"
    return f"{first:%Y-%m}" if kind == "month" else first.isoformat()
