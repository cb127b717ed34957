"""From the start of a process to its first whole answer, in turns with the smallest function there is."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks import gateway, gauges, targets
from benchmarks.gateway import Surroundings
from benchmarks.runtime_stub import RuntimeStub
from benchmarks.workload import Caller

_SECONDS = 60.0


@dataclass(frozen=True)
class Start:
    """One way to start."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    event: bytes


@dataclass(frozen=True)
class Cold:
    """One start: seconds to the first whole answer, CPU seconds until then, memory after it."""

    seconds: float
    cpu: float
    memory_mb: float


def starts(around: Surroundings, secure: Surroundings | None) -> list[Start]:
    """Return the ways to start that are compared; `secure` is what speaks TLS, as everything deployed does."""
    handlers = str(targets.ROOT / "benchmarks/handlers")
    plain = {**gateway.environ(around), "_HANDLER": "plain.handler", "LAMBDA_TASK_ROOT": handlers}
    loop = {**plain, "PYTHONPATH": os.pathsep.join([*map(str, gateway.PATH[:2]), handlers])}
    ric = {**plain, "PYTHONPATH": os.pathsep.join([str(gateway.site_packages()), handlers])}
    event = gateway.OPENAI.event(None)
    small = Caller("none", "none").event(None)
    tls = [Start("sluice-tls", gateway.command(), gateway.environ(secure), event)] if secure else []
    return [
        *tls,
        Start("sluice", gateway.command(), gateway.environ(around), event),
        Start("loop, empty handler", gateway.command(), loop, small),
        Start(
            "awslambdaric, empty handler", [gateway.interpreter(), "-m", "awslambdaric", "plain.handler"], ric, small
        ),
    ]


async def measure(kinds: Sequence[Start], times: int, core: set[int]) -> dict[str, list[Cold]]:
    """Start each kind `times` times, in turns; the first turn only warms the disk and the .pyc files."""
    found: dict[str, list[Cold]] = {kind.name: [] for kind in kinds}
    for turn in range(times + 1):
        for kind in kinds:
            cold = await _once(kind, core)
            if turn:
                found[kind.name].append(cold)
    return found


async def _once(kind: Start, core: set[int]) -> Cold:
    stub = RuntimeStub()
    await stub.start()
    environ = {**kind.environ, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{stub.port}"}
    answer = stub.prepare(kind.event, time.perf_counter())
    child = targets.start(kind.command, environ, core, f"cold-{kind.name.partition(',')[0]}", quiet=True)
    try:
        timing = await asyncio.wait_for(answer, _SECONDS)
        cold = Cold(timing.total, gauges.cpu_seconds([child.pid]), gauges.resident_mb(child.pid))
        if timing.failed:
            raise RuntimeError(f"{kind.name} answered {timing.body[:400]!r}")
        return cold
    except TimeoutError:
        raise RuntimeError(f"{kind.name} did not answer within {_SECONDS:.0f} s; see {targets.LOGS}.") from None
    finally:
        targets.end(child)
        stub.close()


def python_version() -> str:
    """Return the interpreter's version, for the report."""
    return ".".join(map(str, sys.version_info[:3]))
