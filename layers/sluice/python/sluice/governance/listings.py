"""Lists which values of a budget or limit have counters, so that one for every team, user or tag can be looked at.

Each environment lists a counter once, after an answer; listing one twice changes nothing, so what an environment that
died did not list, the next one does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

KEPT_SECONDS = 400 * 86_400
"""As long as counters themselves are kept after their window."""
REMEMBERED = 4096


class Listings:
    """What this environment has listed. `add` writes one name and how long to keep it, `now` gives epoch seconds."""

    def __init__(self, add: Callable[[str, int], None], now: Callable[[], float]) -> None:
        self._add = add
        self._now = now
        self._listed: set[str] = set()

    def note(self, names: Iterable[str]) -> None:
        """List counters that were not listed yet. Raises what `add` raises."""
        for name in names:
            if name in self._listed:
                continue
            self._add(name, int(self._now()) + KEPT_SECONDS)
            if len(self._listed) >= REMEMBERED:
                self._listed.clear()
            self._listed.add(name)
