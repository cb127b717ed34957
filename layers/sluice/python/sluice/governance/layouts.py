"""Which shares and shards a budget's counter has when they were changed: those with which its window began.

Parts that were written by one split and read by another would lose money or count it twice, and no region can see at
that moment what the others have committed. So a change of `shares` or `shards` counts for windows that begin
`MARGIN_SECONDS` after it went live or later, by when every environment has it; the store of configurations keeps the
earlier splits beside the pointer to the live version, whichever version that is. A change that is replaced before any
window could have begun under it is forgotten.

A rolling window has no beginning of its own. Its sub-windows have the split of the moment at which they began, and a
region has the least share of all that count in them, so no interval that reaches over a change holds more than the cap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sluice.governance.windows import Current
from sluice.types.budgets import Budget, Layout

MARGIN_SECONDS = 3_600
STALE_SECONDS = 1_800
"""No environment works by a configuration that was replaced longer ago: they look after every 20 to 60 seconds."""
KEEP_SECONDS = 400 * 86_400
_ZONES = 2 * 86_400
"""In another time zone a window of the same name may begin so much later."""


class InForce(NamedTuple):
    """The split of one window; `also` and `before_shards` as in `Need`."""

    shares: Mapping[str, int]
    shards: int
    also: tuple[Mapping[str, int], ...] = ()
    before_shards: int = 1


def layout_of(budget: Budget, window: Current) -> InForce:
    """Return how the counter of a window is split."""
    if not budget.layouts:
        return InForce(budget.shares, budget.shards, (), budget.shards)
    begins = window.start
    first = begins - (len(window.before) + 1) * (window.end - begins) if window.before else begins
    own = Layout(1 << 60, budget.shares, budget.shards)
    found: list[Layout] = []
    for each in (*budget.layouts, own):
        if each.until > first:
            found.append(each)
        if each.until > begins:
            break
    last = found[-1]
    return InForce(
        last.shares, last.shards, tuple(each.shares for each in found[:-1]), max(each.shards for each in found)
    )


def changed(
    kept: Mapping[str, Sequence[Layout]], before: Mapping[str, Budget], after: Mapping[str, Budget], now: float
) -> dict[str, tuple[Layout, ...]]:
    """Return the earlier splits of all budgets when the budgets `after` go live in place of those `before`.

    `kept` are those until then, by budget id. A budget that is gone keeps its last one, for when it comes back.
    """
    found: dict[str, tuple[Layout, ...]] = {}
    for name in sorted({*kept, *before, *after}):
        layouts = _moved(kept.get(name, ()), before.get(name), after.get(name), int(now))
        recent = tuple(each for each in layouts if each.until + KEEP_SECONDS > now)
        if recent:
            found[name] = recent
    return found


def _moved(kept: Iterable[Layout], old: Budget | None, new: Budget | None, now: int) -> tuple[Layout, ...]:
    layouts = tuple(kept)
    if new is None:
        return layouts if old is None else (*layouts, _of(old, now + KEEP_SECONDS))
    margin = now + MARGIN_SECONDS
    if old is not None and old.window != new.window:
        margin += _ZONES
    if layouts and layouts[-1].until > now + STALE_SECONDS:
        # What followed it was never in force.
        *rest, last = layouts
        return tuple(rest) if _same(last, new) else (*rest, _of(last, min(last.until, margin)))
    if old is None or _same(old, new):
        return layouts
    return (*layouts, _of(old, margin))


def _of(split: Budget | Layout, until: int) -> Layout:
    return Layout(until, split.shares, split.shards)


def _same(one: Budget | Layout, other: Budget | Layout) -> bool:
    return (dict(one.shares), one.shards) == (dict(other.shares), other.shards)
