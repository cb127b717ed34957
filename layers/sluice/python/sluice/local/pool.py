"""The environments of one function: started on demand, kept warm, capped, reaped.

An event goes to the environment that was used last; when none is free it waits, and environments are started for those
that wait, a few at a time. Whichever environment asks next gets the event that has waited longest.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque

from sluice.local import children
from sluice.local.environments import Environment, Settings, described
from sluice.local.functions import Function
from sluice.local.invocation import FunctionFailed, Invocation

START_LIMIT = 4
IDLE_SECONDS = 300.0
QUEUE_SECONDS = 60.0
SETTLE_SECONDS = 0.025


class Pool:
    """The environments of one function. A request waits `patience` seconds for one that is about to be free."""

    def __init__(self, function: Function, settings: Settings, patience: float = SETTLE_SECONDS) -> None:
        self.function = function
        self._patience = patience
        self._settings = settings
        self._all: dict[Environment, asyncio.Task[None]] = {}
        self._idle: list[Environment] = []
        self._waiting: deque[tuple[Invocation, asyncio.TimerHandle]] = deque()
        self._closed = False

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of all environments."""
        return tuple(environment.pid for environment in self._all if environment.pid is not None)

    @property
    def idle(self) -> int:
        """How many environments wait for an event."""
        return len(self._idle)

    def invoke(self, event: bytes) -> Invocation:
        """Hand an event to an environment, or queue it; returns at once."""
        invocation = Invocation(event)
        while self._idle:
            environment = self._idle.pop()
            if environment.usable:
                environment.take(invocation)
                return invocation
        loop = asyncio.get_running_loop()
        self._waiting.append((invocation, loop.call_later(QUEUE_SECONDS, self._give_up, invocation)))
        if any(environment.settling for environment in self._all):
            # It is back sooner than another could be started.
            loop.call_later(self._patience, self._grow)
        else:
            self._grow()
        return invocation

    def warm(self) -> None:
        """Start one environment ahead of the first request."""
        if not self._all:
            self._start()

    def reap(self, idle_seconds: float = IDLE_SECONDS) -> None:
        """Stop environments that were idle for long, all but one."""
        oldest = time.monotonic() - idle_seconds
        for environment in sorted(self._idle, key=lambda candidate: candidate.idle_since)[:-1]:
            if environment.idle_since < oldest:
                self._idle.remove(environment)
                environment.stop()

    def recycle(self) -> None:
        """Replace every environment once its request is done."""
        for environment in self._all:
            environment.retired = True
        for environment in self._idle:
            environment.stop()
        self._idle.clear()

    async def close(self, grace: float = children.GRACE_SECONDS) -> None:
        """End all environments: requests under way have `grace` seconds, then their work after the answer has."""
        self._closed = True
        # The runtime finishes its request at the first signal and cuts it short at the second.
        for end in (Environment.stop, Environment.stop, Environment.kill):
            tasks = list(self._all.values())
            for environment in list(self._all):
                end(environment)
            if tasks:
                await asyncio.wait(tasks, timeout=grace)

    def _grow(self) -> None:
        starting = sum(not environment.ready for environment in self._all)
        while starting < min(len(self._waiting), START_LIMIT) and len(self._all) < self.function.limit:
            self._start()
            starting += 1

    def _start(self) -> None:
        if self._closed:
            return
        environment = Environment(self.function, self._settings, self._on_idle, self._on_end)
        self._all[environment] = asyncio.get_running_loop().create_task(environment.run())

    def _on_idle(self, environment: Environment) -> None:
        while self._waiting:
            invocation, timer = self._waiting.popleft()
            timer.cancel()
            if not invocation.settled:
                environment.take(invocation)
                self._grow()
                return
        self._idle.append(environment)

    def _on_end(self, environment: Environment, failure: FunctionFailed | None) -> None:
        self._all.pop(environment, None)
        if environment in self._idle:
            self._idle.remove(environment)
        if failure is not None and not self._closed:
            self._settings.tell(described(f"An environment of function {self.function.name} ended", failure))
        if not environment.ready and self._waiting:
            # An environment that cannot start fails one request, so a broken handler does not start for ever.
            invocation, timer = self._waiting.popleft()
            timer.cancel()
            invocation.fail(failure or FunctionFailed("Runtime.ExitError", "The environment ended before its start."))
        self._grow()

    def _give_up(self, invocation: Invocation) -> None:
        message = (
            f"All {self.function.limit} environments of function {self.function.name} were busy for "
            f"{QUEUE_SECONDS:.0f} seconds. Raise SLUICE_MAX_ENVIRONMENTS or send fewer requests at once."
        )
        invocation.fail(FunctionFailed("TooManyRequests", message))
