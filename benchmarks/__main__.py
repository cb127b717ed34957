"""`make bench`, or `python -m benchmarks [--quick] [--rounds N] [--cold-starts N] [--only NAME,...]`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks import cold_start, floors, gateway, gauges, load, peers, report, targets
from benchmarks.targets import HttpTarget, Target
from benchmarks.workload import Caller

PLAIN = Caller("sk-mock", "gpt-4o-mini")


@dataclass
class Stage:
    """Everything that runs: the mock upstream, the mock AWS and all targets, `direct` first."""

    core: set[int]
    joining: tuple[int, ...]
    aws: int
    servers: list[subprocess.Popen[str]]
    rows: list[Target]


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure what the gateway costs.")
    parser.add_argument("--quick", action="store_true", help="two rounds without 32 callers, three cold starts")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--cold-starts", type=int, default=15)
    parser.add_argument("--only", default="", help="names of the targets to measure, with commas")
    parser.add_argument("--peers", default=os.environ.get("PEERS", ""), help="litellm,portkey")
    return parser.parse_args(arguments)


def _stage(options: argparse.Namespace) -> Stage:
    """Start the mocks and every target that is wanted."""
    core, rest = gauges.cores()
    if rest:
        os.sched_setaffinity(0, rest)
    direct = targets.serving("direct", ["benchmarks.mock_upstream"], rest, PLAIN)
    aws, mock_aws = gateway.stub_aws(direct.port, rest)
    rows: list[Target] = [direct]
    wanted = [name for name in options.only.split(",") if name]
    function = gateway.target("sluice", gateway.OPENAI, aws, core)
    variants = [
        function,
        replace(function, name="sluice-anthropic", caller=gateway.ANTHROPIC),
        replace(function, name="sluice-translating", caller=gateway.ANTHROPIC_TO_OPENAI),
        gateway.floor_loop(direct.port, core),
    ]
    rows += [target for target in variants if not wanted or target.name in wanted]
    for kind in floors.KINDS:
        if floors.available(kind) and (not wanted or f"floor-{kind}" in wanted):
            module = ["benchmarks.floors", kind, "--upstream", str(direct.port)]
            rows.append(targets.serving(f"floor-{kind}", module, core, PLAIN))
    rows += _peers([name for name in options.peers.split(",") if name], direct, core)
    joining = (os.getpid(), *direct.pids())
    return Stage(core, joining, aws, [mock_aws], rows)


def _peers(names: Sequence[str], direct: HttpTarget, core: set[int]) -> list[Target]:
    found: list[Target] = []
    for name in names:
        try:
            print(f"Starting {name} ...", flush=True)
            found.append(peers.start(name, direct.port, core))
        except peers.PeerUnavailable as why:
            print(f"{name} is left out: {why}", flush=True)
    return found


async def _measure(stage: Stage, options: argparse.Namespace) -> dict[str, Any]:
    size = load.Size(rounds=options.rounds)
    times = options.cold_starts
    if options.quick:
        size = load.Size(rounds=2, calls=24, streams=1, bursts=3, callers=(1, 8))
        times = min(times, 3)
    try:
        samples = await load.run(stage.rows, size, load.Layout(stage.core, stage.joining))
    finally:
        for target in stage.rows:
            await target.close()
    rows = {name: report.figures(found, samples["direct"]) for name, found in samples.items()}
    colds = await cold_start.measure(cold_start.starts(stage.aws), times, stage.core) if times else {}
    return {"targets": rows, "cold_starts": {name: report.cold_figures(found) for name, found in colds.items()}}


async def _with_upstream(stage: Stage, options: argparse.Namespace) -> dict[str, Any]:
    """Keep the mock upstream alive until the cold starts are over, which also call it."""
    direct = stage.rows[0]
    assert isinstance(direct, HttpTarget)
    child, direct.child = direct.child, None
    try:
        return await _measure(stage, options)
    finally:
        for server in (*stage.servers, *([child] if child else [])):
            targets.end(server)


def _reached(result: Mapping[str, Any]) -> dict[str, float]:
    """Return what the function reached of each target that was measured."""
    own, cold = result["targets"].get("sluice", {}), result["cold_starts"].get("sluice", {})
    found = {name: own.get(name) for name in ("cpu_ms_per_request", "cpu_us_per_chunk", "memory_mb")}
    found["cold_start_ms"] = cold.get("median_ms")
    return {name: found[name] for name in report.LIMITS if found[name] is not None}


def main(arguments: Sequence[str]) -> int:
    """Run, print and judge; 1 when a target is missed."""
    options = _options(arguments)
    result = asyncio.run(_with_upstream(_stage(options), options))
    reached = _reached(result)
    late = report.missed(reached)
    path = report.write({**result, "reached": reached, "limits": report.LIMITS, "missed": late})
    print(report.table(result["targets"]))
    for block in (report.cold_table(result["cold_starts"]), report.verdict(reached)):
        print(f"\n{block}")
    print(f"\nEverything is in {os.path.relpath(path)}.")
    rounded = {name: round(value, 3) for name, value in reached.items()}
    print(json.dumps({"bench": "missed" if late else "ok", **rounded, "missed": late}))
    return 1 if late or not reached else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
