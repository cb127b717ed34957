"""The partitions of the ledger in a span of days: `<team>#<YYYY-MM-DD>#<shard>`."""

from __future__ import annotations

import time
from calendar import timegm
from collections.abc import Iterable, Iterator

from sluice.metering.request_ids import SHARDS

DAYS_LIMIT = 400
_DAY = 86_400


def days(start: str, end: str) -> list[str]:
    """Return the UTC days from `start` to the day before `end`. Raises ValueError."""
    first, last = _epoch(start), _epoch(end)
    if not 0 < last - first <= DAYS_LIMIT * _DAY:
        raise ValueError(f"The end, {end}, must be 1 to {DAYS_LIMIT} days after the start, {start}.")
    return [time.strftime("%Y-%m-%d", time.gmtime(at)) for at in range(first, last, _DAY)]


def partitions(teams: Iterable[str], start: str, end: str) -> Iterator[str]:
    """Yield the partitions of these teams, day by day. Raises ValueError for what is no date or too long."""
    names = sorted(teams)
    for day in days(start, end):
        for team in names:
            for shard in range(SHARDS):
                yield f"{team}#{day}#{shard}"


def _epoch(day: str) -> int:
    try:
        return timegm(time.strptime(day, "%Y-%m-%d"))
    except ValueError:
        raise ValueError(f"{day[:32]!r} is no date such as 2026-11-23.") from None
