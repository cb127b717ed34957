"""Read what the kernel knows about a target's processes, and keep them on a core of their own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return user and system time of processes and their threads, to the nanosecond where the kernel counts so."""
    return sum(_one(pid) for pid in pids)


def _one(pid: int) -> float:
    try:
        threads = [path.read_text().split()[0] for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    except OSError:
        threads = []
    precise = sum(map(int, threads)) / 1e9
    return precise or _ticks(pid)


def _ticks(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK


def resident_mb(pid: int) -> float:
    """Return resident memory in MB (10^6 bytes), shared pages included."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmRSS")), 0.0)


def family(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    found = [pid]
    for member in found:
        with contextlib.suppress(OSError):
            for path in Path(f"/proc/{member}/task").glob("*/children"):
                found.extend(int(child) for child in path.read_text().split() if int(child) not in found)
    return found


def cores() -> tuple[set[int], set[int]]:
    """Return the core for the target and those for everything else; the same ones where there is only one."""
    if not hasattr(os, "sched_getaffinity"):
        return set(), set()
    usable = sorted(os.sched_getaffinity(0))
    return ({usable[-1]}, set(usable[:-1])) if len(usable) > 1 else (set(usable), set(usable))


@contextlib.contextmanager
def gathered(pids: Iterable[int], on: set[int]) -> Iterator[None]:
    """Run single-threaded processes on these cores for a while.

    Waking a process on an idle core of a virtual machine costs its waker tens of microseconds (an interrupt that the
    host must deliver). Lambda's sandbox and the function's peers share one virtual core, so that is no part of a chunk.
    """
    moved = [(pid, os.sched_getaffinity(pid)) for pid in pids] if on else []
    for pid, _ in moved:
        os.sched_setaffinity(pid, on)
    try:
        yield
    finally:
        for pid, before in moved:
            os.sched_setaffinity(pid, before)


@contextlib.contextmanager
def placed(on: set[int]) -> Iterator[None]:
    """Start processes on these cores: a child inherits where its parent may run."""
    if not on:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, on)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
