"""Which deployments answer, as one environment sees it: ejected after failures, tried by a real request, restored.

Closed, open, half-open: a deployment is ejected after `IN_A_ROW` failures in a row, or when half of at least `LEAST`
attempts within `WINDOW` seconds failed. It is left alone for `FIRST_SECONDS`, twice as long each time it fails again,
up to `LONGEST_SECONDS`. Then one request is the probe: its success restores the deployment, its failure ejects it anew.
What a provider says with Retry-After is honoured beside that, up to `LONGEST_REST`.

Ejected means asked last, never refused: where nobody else can serve, a provider that may have recovered is a better
answer than none. It is asked once then, without retries.

Retries come out of a budget for each deployment, so that a provider in trouble is not buried under them: every request
earns a fifth of a retry, and at most `RETRIES` are saved up.

Nothing is shared with other environments, so nothing is read or written on the way of a request. This module is
imported with the first failure. Moments are epoch seconds: the monotonic clock may stand still while an environment is
frozen.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

IN_A_ROW = 5
WINDOW = 30.0
LEAST = 20
FIRST_SECONDS = 10.0
LONGEST_SECONDS = 160.0
LONGEST_REST = 300.0
FORGIVEN_SECONDS = 300.0
"""After so long without a failure the next ejection is as short as the first."""
RETRIES = 10.0
EARNED = 0.2
KNOWN = 256
"""Deployments that are remembered; names that callers choose must not fill the memory."""

WEIGHTS = {
    "timeout": 3,  # two in a row eject: each of them cost its caller the whole time-out
    "rate_limit": 1,
    "overloaded": 1,
    "server": 1,
    "connection": 1,
    "garbled": 1,
    "authentication": 1,
    "quota": 1,
}
"""Kind of failure -> for how many it counts. Kinds that are missing are the request's own fault and count for none."""


@dataclass(slots=True)
class _Record:
    """What is known of one deployment. `ejected_until` 0: it is not ejected."""

    in_a_row: int = 0
    begun: float = 0.0
    counts: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    """Successes and failures of this half of the window, then of the half before it."""
    ejections: int = 0
    ejected_until: float = 0.0
    probing: bool = False
    rests_until: float = 0.0
    failed_at: float = 0.0
    retries: float = RETRIES
    reason: str = ""


class Health:
    """The deployments of one environment. `now` gives epoch seconds, `tell` writes a log line about each change."""

    def __init__(self, now: Callable[[], float], random: Callable[[], float], tell: Callable[[str], None]) -> None:
        self._now = now
        self._random = random
        self._tell = tell
        self._records: dict[str, _Record] = {}

    def ejected(self, name: str) -> str:
        """Return why a deployment should be asked last, "" when it should not."""
        record = self._records.get(name)
        now = self._now()
        if record is None:
            return ""
        if now < record.ejected_until:
            return f"ejected for another {record.ejected_until - now:.1f} s: {record.reason}"
        if now < record.rests_until:
            return f"asked to be left alone for another {record.rests_until - now:.1f} s"
        return ""

    def begin(self, name: str) -> bool:
        """Note that a deployment is about to be asked; return whether it may be asked again if that fails.

        The first to ask one whose ejection is over is its probe; until that is decided, all others ask elsewhere.
        """
        record = self._records.get(name)
        if record is None:
            return True
        now = self._now()
        record.retries = min(RETRIES, record.retries + EARNED)
        if not record.ejected_until:
            return now >= record.rests_until
        if now >= record.ejected_until:
            record.ejected_until, record.probing = now + FIRST_SECONDS, True
            record.reason = "a request is trying it"
        return False

    def may_retry(self, name: str) -> bool:
        """Take one retry out of a deployment's budget; False when it is empty."""
        record = self._of(name)
        if record.retries < 1:
            return False
        record.retries -= 1
        return True

    def failed(self, name: str, kind: str, retry_after: float | None = None) -> None:
        """Note a failed attempt, or a stream that broke."""
        weight = WEIGHTS.get(kind, 0)
        if not weight:
            return
        record, now = self._of(name), self._now()
        if retry_after:
            record.rests_until = now + min(retry_after, LONGEST_REST)
            if kind == "rate_limit":
                return  # it works, and said when it can do more
        if record.ejections and now - record.failed_at > FORGIVEN_SECONDS:
            record.ejections = 0
        record.failed_at = now
        record.in_a_row += weight
        self._count(record, now, 1)
        good, bad = record.counts[0] + record.counts[2], record.counts[1] + record.counts[3]
        if record.probing:
            self._eject(name, record, f"it failed again with {kind}")
        elif record.ejected_until:
            return  # asked for want of anybody else
        elif record.in_a_row >= IN_A_ROW:
            self._eject(name, record, f"it failed again and again, the last time with {kind}")
        elif good + bad >= LEAST and bad >= good:
            self._eject(name, record, f"{bad} of {good + bad} attempts failed, the last with {kind}")

    def succeeded(self, name: str) -> None:
        """Note an answer that came whole."""
        record = self._records.get(name)
        if record is None:
            return
        record.in_a_row = 0
        record.rests_until = 0.0
        self._count(record, self._now(), 0)
        if record.ejected_until:
            record.ejected_until, record.probing = 0.0, False
            record.counts = [0, 0, 0, 0]
            self._say(name, "restored", "it answered", 0.0)

    def _eject(self, name: str, record: _Record, reason: str) -> None:
        # Spread out, so that all environments do not ask at the same moment.
        seconds = min(FIRST_SECONDS * 2.0**record.ejections, LONGEST_SECONDS) * (0.75 + self._random() / 2)
        record.ejections += 1
        record.probing = False
        record.ejected_until = self._now() + seconds
        record.reason = reason
        record.in_a_row = 0
        record.counts = [0, 0, 0, 0]
        self._say(name, "ejected", reason, seconds)

    def _count(self, record: _Record, now: float, which: int) -> None:
        halves = (now - record.begun) // (WINDOW / 2)
        if halves >= 1:
            record.counts = [0, 0, *(record.counts[:2] if halves < 2 else [0, 0])]
            record.begun = now
        record.counts[which] += 1

    def _of(self, name: str) -> _Record:
        record = self._records.get(name)
        if record is None:
            if len(self._records) >= KNOWN:
                self._records.pop(next(iter(self._records)))
            record = self._records[name] = _Record(begun=self._now())
        return record

    def _say(self, name: str, state: str, reason: str, seconds: float) -> None:
        line = {"kind": "health", "deployment": name, "state": state, "reason": reason, "seconds": round(seconds, 1)}
        self._tell(json.dumps(line, separators=(",", ":")))
