from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from sluice.local import children
from sluice.local.kept import RESTARTS, Kept


class Program:
    """Starts a small program and counts how often."""

    def __init__(self, folder: Path, code: str) -> None:
        self.started: list[int] = []
        self.refuse = False
        self._folder = folder
        self._code = code

    async def start(self) -> asyncio.subprocess.Process:
        if self.refuse:
            raise OSError("no more")
        with (self._folder / "log").open("ab") as log:
            child = await children.start(
                [sys.executable, "-S", "-c", self._code], environ={}, folder=self._folder, output=log, errors=log
            )
        self.started.append(child.pid)
        return child


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def test_a_child_that_was_killed_is_started_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        program = Program(tmp_path, "import time; time.sleep(600)")
        kept = Kept("it", program.start, 1.0, print)
        await kept.open()
        os.kill(program.started[0], signal.SIGKILL)
        await until(lambda: len(program.started) == 2)
        await kept.close()
        assert len(program.started) == 2

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_a_child_that_keeps_ending_is_given_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        program = Program(tmp_path, "")
        reasons: list[str] = []
        kept = Kept("it", program.start, 1.0, reasons.append)
        await kept.open()
        await until(lambda: reasons)
        await kept.close()
        assert len(program.started) == RESTARTS + 1
        assert reasons == [f"it ended {RESTARTS} times in a row; its log is in the logs folder."]

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_a_child_that_does_not_start_again_is_given_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        program = Program(tmp_path, "import time; time.sleep(600)")
        reasons: list[str] = []
        kept = Kept("it", program.start, 1.0, reasons.append)
        await kept.open()
        program.refuse = True
        os.kill(program.started[0], signal.SIGKILL)
        await until(lambda: reasons)
        await kept.close()
        assert reasons == ["it ended and did not start again: no more."]

    asyncio.run(asyncio.wait_for(scenario(), 30))
