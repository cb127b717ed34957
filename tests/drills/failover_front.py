"""Callers of two regions: latency records with health checks, as Route 53 answers them, and what an SDK does then.

Times of Route 53 are at `SCALE`: a check each 10 s that fails three times, and 60 s in which names are remembered,
become 0.5 s and 3 s. A caller's pauses between tries are those of the vendors' SDKs (0.5 s, then 1 s), unscaled.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import httpx

from tests.drills.chaos_callers import Line, Told, Wish

SCALE = 20
CHECK_SECONDS = 10 / SCALE
FAILURES = 3
REMEMBERED_SECONDS = 60 / SCALE
ANSWER_SECONDS = 2.0
"""How long a health checker waits; unscaled, since the gateway's own bounds are."""
PAUSES = (0.5, 1.0)


class Checker:
    """Asks one region's deep health check again and again, as Route 53's checkers do."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.healthy = True
        self.changes: list[tuple[float, bool]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        """Stop asking."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        row = 0
        with httpx.Client(timeout=ANSWER_SECONDS) as client:
            while not self._stop.wait(CHECK_SECONDS):
                well = _is_ready(client, f"{self._url}/health/ready")
                row = row + 1 if well != self.healthy else 0
                if row >= FAILURES:
                    row, self.healthy = 0, well
                    self.changes.append((time.monotonic(), well))


def _is_ready(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == 200
    except httpx.HTTPError:
        return False


@dataclass(frozen=True)
class Outcome:
    """What a caller got: the last answer, how many tries it took by name alone, and whether the other region helped.

    `by_name` is the verdict after the SDK's retries at the name; `tries` those at the name.
    """

    told: Told
    first: str
    by_name: str
    tries: int
    region: str
    at: float
    ids: tuple[str, ...]


class Caller:
    """A caller near one region, who asks where the name points, and in the end the other region by its own address."""

    def __init__(self, home: str, urls: Mapping[str, str], checkers: Mapping[str, Checker], key: str) -> None:
        self._home = home
        self._checkers = checkers
        self._lines = {region: Line(url, key) for region, url in urls.items()}
        self._pointed = home
        self._until = 0.0

    def ask(self, wish: Wish, fine: Callable[[Told], bool]) -> Outcome:
        """Send a wish until an answer is fine, or everything was tried."""
        ids: list[str] = []
        first = ""
        for number in range(len(PAUSES) + 1):
            region = self._region()
            told = self._lines[region].ask(wish)
            ids.append(told.request_id)
            first = first or told.verdict
            if fine(told):
                return Outcome(told, first, told.verdict, number + 1, region, time.monotonic(), tuple(ids))
            if number < len(PAUSES):
                time.sleep(PAUSES[number])
        by_name, other = told.verdict, next(name for name in self._lines if name != region)
        told = self._lines[other].ask(wish)
        ids.append(told.request_id)
        return Outcome(told, first, by_name, len(PAUSES) + 1, other, time.monotonic(), tuple(ids))

    def close(self) -> None:
        """Hang up."""
        for line in self._lines.values():
            line.close()

    def _region(self) -> str:
        """Resolve the name: the nearest region that is healthy; all of them count as healthy when none is."""
        now = time.monotonic()
        if now >= self._until:
            well = [name for name, checker in self._checkers.items() if checker.healthy]
            self._pointed = self._home if self._home in well or not well else well[0]
            self._until = now + REMEMBERED_SECONDS
        return self._pointed


class Traffic:
    """Callers who go on until they are told to stop, each at a steady pace."""

    def __init__(
        self, callers: list[Caller], wishes: Iterator[Wish], fine: Callable[[Told], bool], pause: float
    ) -> None:
        self.outcomes: list[Outcome] = []
        self._wishes = wishes
        self._fine = fine
        self._pause = pause
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(caller,)) for caller in callers]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let every caller end its request."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, caller: Caller) -> None:
        while not self._stop.wait(self._pause):
            with self._lock:
                wish = next(self._wishes)
            outcome = caller.ask(wish, self._fine)
            with self._lock:
                self.outcomes.append(outcome)
        caller.close()
