"""Delivers ledger entries to targets: at least once, in batches, off the request path.

A target that is out of order is tried a few times within one run; then the batch is left to whoever called, and comes
again as a whole. What a target took already is remembered by request, so it is not sent there twice by the same
environment; beyond that, targets know an entry again by its ids (spans, object keys).
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from sluice.telemetry.options import TargetOptions
from sluice.telemetry.traceparent import own_trace_id
from sluice.types.ledger import LedgerEntry

BATCH = 200
"""Entries of one call; a span with its attempts is 2 to 3 KB of JSON."""
TRIES = 4
FIRST_WAIT = 0.5
LONGEST_WAIT = 10.0
REMEMBERED = 20_000


class Later(Exception):
    """A target cannot take the batch now, or no more of it than the first `done` entries, of which it refused some.

    `wait` is what it asks for in seconds, None where it says nothing.
    """

    def __init__(self, reason: str, wait: float | None = None, *, done: int = 0, refused: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait
        self.done = done
        self.refused = refused


class Never(Exception):
    """A target will never take the batch as it is; sending it again would only hold up what follows."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Target(Protocol):
    """Somebody who takes entries."""

    def deliver(self, entries: Sequence[LedgerEntry]) -> int:
        """Deliver entries and return how many were refused one by one. Raises Later or Never."""


class Outcome(NamedTuple):
    """What became of a batch: deliveries made, entries that a target refused for good, and targets to come back to."""

    delivered: int
    dropped: int
    failures: int
    late: tuple[str, ...]


@dataclass
class Feed:
    """One target with what it wants and what it has."""

    options: TargetOptions
    target: Target
    known: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def wanted(self, entries: Iterable[LedgerEntry], fenced: Callable[[str], bool]) -> list[LedgerEntry]:
        """Return those entries that are for this target and that it does not have yet."""
        return [entry for entry in entries if key_of(entry) not in self.known and self._is_for(entry, fenced)]

    def note(self, entries: Iterable[LedgerEntry]) -> None:
        """Remember that the target has these entries."""
        for entry in entries:
            self.known[key_of(entry)] = None
        while len(self.known) > REMEMBERED:
            self.known.popitem(last=False)

    def _is_for(self, entry: LedgerEntry, fenced: Callable[[str], bool]) -> bool:
        if self.options.teams and entry.team not in self.options.teams:
            return False
        # A bucket of the region's own keeps what must not leave; anybody else has to be allowed by name.
        if not self.options.teams and self.options.kind != "s3" and fenced(entry.team):
            return False
        return sampled(entry, self.options.sample)


def _nobody(team: str) -> bool:  # noqa: ARG001 - without fences no team is asked for
    return False


@dataclass
class Exporter:
    """Delivers to all targets of a stage. `tell(event, target, reason)` writes a line; `left` gives seconds left.

    Of a team that is `fenced` (residency), only targets that name the team get anything, and the region's own bucket.
    """

    feeds: Sequence[Feed]
    tell: Callable[[str, str, str], None]
    left: Callable[[], float]
    sleep: Callable[[float], None]
    chance: Callable[[], float] = random.random
    fenced: Callable[[str], bool] = _nobody

    def deliver(self, entries: Sequence[LedgerEntry]) -> Outcome:
        """Deliver entries to every target that wants them; one target's trouble leaves the others alone."""
        delivered = dropped = failures = 0
        late: list[str] = []
        for feed in self.feeds:
            wanted = feed.wanted(entries, self.fenced)
            for start in range(0, len(wanted), BATCH):
                part = wanted[start : start + BATCH]
                try:
                    refused, failed = self._sent(feed, part)
                except Never as error:
                    self.tell("export_refused", feed.options.name, error.reason)
                    refused, failed = len(part), 1
                    feed.note(part)
                except Later as error:
                    self.tell("export_late", feed.options.name, error.reason)
                    late.append(feed.options.name)
                    failures += 1
                    break
                delivered += len(part) - refused
                dropped += refused
                failures += failed
        return Outcome(delivered, dropped, failures, tuple(late))

    def _sent(self, feed: Feed, part: Sequence[LedgerEntry]) -> tuple[int, int]:
        """Return how many entries were refused, and how many calls failed before the last one went well."""
        refused = 0
        for tries in range(TRIES):
            try:
                refused += feed.target.deliver(part)
                feed.note(part)
                return refused, tries
            except Later as error:
                feed.note(part[: error.done])
                part, refused = part[error.done :], refused + error.refused
                backoff = min(FIRST_WAIT * 2.0**tries, LONGEST_WAIT) * (0.5 + self.chance() / 2)
                wait = backoff if error.wait is None else max(error.wait, backoff)
                if tries + 1 >= TRIES or wait > LONGEST_WAIT or wait >= self.left():
                    raise
                self.sleep(wait)
        raise Later("no try was left")


def key_of(entry: LedgerEntry) -> str:
    """Return what tells an entry from others, and a request's own from the sweep's guess about it."""
    return f"{entry.request_id}/{entry.outcome}"


def sampled(entry: LedgerEntry, part: float) -> bool:
    """Return whether an entry is among the part of all traces; the same trace always is, or never."""
    if part >= 1:
        return True
    trace_id = entry.trace_id or own_trace_id(entry.request_id)
    return int(trace_id[-14:], 16) < part * 16**14
