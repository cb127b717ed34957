"""Children end with the process that started them, however that ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sluice.local import children

PARENT = """
import asyncio, os, sys
from pathlib import Path
from sluice.local import children
async def main():
    with open(os.devnull, "wb") as nothing:
        child = await children.start(
            [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"],
            environ={}, folder=Path("/"), output=asyncio.subprocess.PIPE, errors=nothing)
    await child.stdout.readline()
    print(child.pid, flush=True)
    await child.wait()
asyncio.run(main())
"""
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(grandchild.pid, flush=True)
time.sleep(600)
"""


def alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the kernel's parent death signal")
def test_children_end_with_a_parent_that_was_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert alive(child)
        os.kill(parent.pid, signal.SIGKILL)
        asyncio.run(asyncio.wait_for(until(lambda: not alive(child)), 20))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
def test_a_child_that_ignores_the_request_is_killed_with_its_own_children(tmp_path: Path) -> None:
    async def scenario() -> None:
        with (tmp_path / "errors").open("wb") as errors:
            child = await children.start(
                [sys.executable, "-c", STUBBORN],
                environ={},
                folder=tmp_path,
                output=asyncio.subprocess.PIPE,
                errors=errors,
            )
        assert child.stdout is not None
        grandchild = int(await child.stdout.readline())
        await children.stop(child, grace=0.1)
        assert child.returncode == -signal.SIGKILL
        await until(lambda: not alive(grandchild))

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_a_child_that_is_gone_can_be_stopped_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        with (tmp_path / "log").open("wb") as log:
            child = await children.start(
                [sys.executable, "-c", ""], environ={}, folder=tmp_path, output=log, errors=log
            )
        await child.wait()
        await children.stop(child)
        children.signal_group(child, signal.SIGTERM)
        assert child.returncode == 0

    asyncio.run(scenario())
