"""What a budget will have spent when its window ends, by two simple extrapolations.

`linear` draws the line from the window's start through what is spent now; `recent` goes on at the pace of the last
hour, or of the last day where a window is longer than two: a month that is forecast from an office hour would always
be overspent. Either is None while there is too little to go by.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sluice.types.clock import NanoUSD

HOUR, DAY = 3600, 86_400
EARLY = 20
"""A line is drawn after one part of so many of the window."""


class Sample(NamedTuple):
    """What was used at a moment (epoch seconds)."""

    at: int
    used: NanoUSD


class Forecast(NamedTuple):
    """What will be used at the end of the window."""

    linear: NanoUSD | None = None
    recent: NanoUSD | None = None

    @property
    def highest(self) -> NanoUSD | None:
        """The worse of the two."""
        return max((each for each in self if each is not None), default=None)


def forecast(now: Sample, start: int, end: int, samples: Sequence[Sample]) -> Forecast:
    """Return what is used at `end`; `samples` are of the same window, oldest first."""
    length, elapsed = end - start, now.at - start
    linear = now.used * length // elapsed if elapsed * EARLY >= length else None
    span = pace_seconds(length)
    since = [sample for sample in samples if now.at - span <= sample.at < now.at]
    if not since or (now.at - since[0].at) * 2 < span:
        return Forecast(linear)
    gained = max(now.used - since[0].used, 0)
    return Forecast(linear, now.used + gained * max(end - now.at, 0) // (now.at - since[0].at))


def pace_seconds(length: int) -> int:
    """Return over how many seconds the recent pace of a window is measured."""
    return HOUR if length <= 2 * DAY else DAY


def kept(samples: Sequence[Sample], now: Sample, length: int) -> list[Sample]:
    """Return the samples to keep: those that the next forecasts need, in steps of a twelfth of their span."""
    span = pace_seconds(length)
    young = [sample for sample in samples if sample.at >= now.at - span - span // 12]
    if young and now.at - young[-1].at < span // 12:
        return young
    return [*young, now]
