"""A child that the stack needs: started again when it ends by itself, given up when that keeps happening."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from sluice.local import children

RESTARTS = 5
STEADY_SECONDS = 60.0

Start = Callable[[], Awaitable[asyncio.subprocess.Process]]


class Kept:
    """One child. `give_up` is called with a sentence when it cannot be kept running."""

    def __init__(self, name: str, start: Start, grace: float, give_up: Callable[[str], None]) -> None:
        self._name = name
        self._start = start
        self._grace = grace
        self._give_up = give_up
        self._child: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start it. Raises OSError."""
        self._child = await self._start()
        self._keeper = asyncio.get_running_loop().create_task(self._keep(self._child))

    async def close(self) -> None:
        """Stop it."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if self._child is not None:
            await children.stop(self._child, self._grace)

    async def _keep(self, child: asyncio.subprocess.Process) -> None:
        left = RESTARTS
        while left:
            started = time.monotonic()
            await child.wait()
            left = RESTARTS if time.monotonic() - started > STEADY_SECONDS else left - 1
            try:
                child = self._child = await self._start()
            except OSError as error:
                self._give_up(f"{self._name} ended and did not start again: {error}.")
                return
        self._give_up(f"{self._name} ended {RESTARTS} times in a row; its log is in the logs folder.")
