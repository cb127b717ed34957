"""The simulated provider as a child of the stack, on the same port at every start where that is free."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from sluice.local import children

START_SECONDS = 30.0


class SimulatorChild:
    """The simulator process; `port` is known once it has started."""

    def __init__(self, home: Path, environ: Mapping[str, str]) -> None:
        self.port = 0
        self._home = home
        self._memory = home / "state" / "simulator.port"
        self._environ = children.base_environment(environ)
        pace = environ.get("SIMULATOR_PACE")
        if pace:
            self._environ["SIMULATOR_PACE"] = pace

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> asyncio.subprocess.Process:
        """Start it and wait until it listens. Raises OSError when it does not."""
        wanted = self.port or self._remembered()
        child, port = await self._attempt(wanted)
        if port is None and wanted:
            child, port = await self._attempt(0)
        if port is None:
            raise OSError("the simulated provider did not start; logs/simulator.log says why")
        self.port = port
        self._memory.write_text(f"{port}\n")
        return child

    async def _attempt(self, port: int) -> tuple[asyncio.subprocess.Process, int | None]:
        with (self._home / "logs" / "simulator.log").open("ab") as log:
            child = await children.start(
                [sys.executable, "-m", "sluice.local.simulator", "--port", str(port)],
                environ=self._environ,
                folder=self._home,
                output=asyncio.subprocess.PIPE,
                errors=log,
            )
        assert child.stdout is not None  # noqa: S101 - a pipe was asked for
        try:
            line = await asyncio.wait_for(child.stdout.readline(), START_SECONDS)
            return child, int(json.loads(line)["port"])
        except (TimeoutError, ValueError, KeyError, TypeError):
            await children.stop(child)
            return child, None

    def _remembered(self) -> int:
        try:
            return int(self._memory.read_text())
        except (OSError, ValueError):
            return 0
