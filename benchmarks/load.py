"""Take turns: every target gets the same calls in every round, and every sample stays with its target."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks import gauges, workload
from benchmarks.targets import FunctionTarget, Target

CALLERS = (1, 8, 32)
ENDS = (b"[DONE]", b"message_stop")
SPARE = 2
"""Environments beyond the number of callers: the next event need not wait for the last one's ledger entry."""


@dataclass
class Samples:
    """What one target showed. Latencies are in seconds by number of callers, CPU in seconds."""

    latency: dict[int, list[float]] = field(default_factory=lambda: {callers: [] for callers in CALLERS})
    burst: list[float] = field(default_factory=list)
    first_event: list[float] = field(default_factory=list)
    request_cpu: list[float] = field(default_factory=list)
    loaded_cpu: list[float] = field(default_factory=list)
    chunk_cpu: list[float] = field(default_factory=list)
    burst_cpu: list[float] = field(default_factory=list)
    memory_mb: float = 0.0


@dataclass(frozen=True)
class Size:
    """How much is measured: rounds, calls a round at each number of callers, streams a round."""

    rounds: int = 8
    calls: int = 64
    streams: int = 3
    bursts: int = 6
    callers: tuple[int, ...] = CALLERS


@dataclass(frozen=True)
class Layout:
    """The target's core, and the processes (this one among them) that join it while CPU per chunk is measured."""

    core: set[int]
    joining: tuple[int, ...]


async def run(targets: Sequence[Target], size: Size, layout: Layout) -> dict[str, Samples]:
    """Measure all targets in turns."""
    samples = {target.name: Samples() for target in targets}
    await _warm(targets, size)
    for number in range(size.rounds):
        turn = number % len(targets)
        for target in (*targets[turn:], *targets[:turn]):
            await _round(target, samples[target.name], size, layout)
    for target in targets:
        samples[target.name].memory_mb = max((gauges.resident_mb(pid) for pid in target.pids()), default=0.0)
    return samples


async def _warm(targets: Sequence[Target], size: Size) -> None:
    for target in targets:
        if isinstance(target, FunctionTarget):
            await target.grow(min(max(size.callers), target.most) + SPARE)
            await target.warm()
        for wish in (None, workload.BURST, workload.SINGLE):
            await _calls(target, wish, 1, 3)
        most = min(max(size.callers), target.most)
        await _calls(target, None, most, 2 * most)
        await target.settled()


async def _round(target: Target, samples: Samples, size: Size, layout: Layout) -> None:
    for callers in (number for number in size.callers if number <= target.most):
        latencies, cpu = await _metered(target, None, callers, size.calls)
        samples.latency[callers].extend(latencies)
        (samples.request_cpu if callers == 1 else samples.loaded_cpu).append(cpu / size.calls)
    bursts, cpu = await _metered(target, workload.BURST, 1, size.bursts)
    samples.burst.extend(bursts)
    samples.burst_cpu.append(cpu / size.bursts)
    with gauges.gathered(layout.joining, layout.core):
        _, short = await _metered(target, workload.SINGLE, 1, size.streams)
        _, long = await _metered(target, workload.PACED, 1, size.streams)
    samples.chunk_cpu.append((long - short) / size.streams / workload.PACED_CHUNKS)


async def _metered(target: Target, wish: str | None, callers: int, calls: int) -> tuple[list[float], float]:
    """Return latencies, and the CPU seconds until all that follows the answers was done too."""
    pids = target.pids()
    before = gauges.cpu_seconds(pids)
    latencies = await _calls(target, wish, callers, calls)
    await target.settled()
    return latencies, gauges.cpu_seconds(pids) - before


async def _calls(target: Target, wish: str | None, callers: int, calls: int) -> list[float]:
    """Let `callers` callers make `calls` calls between them, each caller one after the other."""
    left = iter(range(calls))
    latencies: list[float] = []

    async def one_caller() -> None:
        for _ in left:
            timing = await target.call(wish)
            if wish is not None and not any(mark in timing.body for mark in ENDS):
                raise RuntimeError(f"{target.name} did not end its stream: ...{timing.body[-300:]!r}")
            latencies.append(timing.total)

    await asyncio.gather(*(one_caller() for _ in range(callers)))
    return latencies
