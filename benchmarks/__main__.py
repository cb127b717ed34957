"""`make bench`, or `python -m benchmarks [--quick] [--rounds N] [--cold-starts N] [--only NAME,...]`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks import certificates, cold_start, floors, gateway, gauges, load, peers, report, targets
from benchmarks.gateway import Surroundings
from benchmarks.targets import HttpTarget, Target
from benchmarks.workload import Caller

PLAIN = Caller("sk-mock", "gpt-4o-mini")


@dataclass
class Stage:
    """Everything that runs: the mock upstream, the mock AWS and all targets, `direct` first."""

    core: set[int]
    around: Surroundings
    secure: Surroundings | None
    rows: list[Target]

    @property
    def layout(self) -> load.Layout:
        """Who shares the target's core while CPU per chunk is measured: load and both mock providers."""
        mocks = [around.children[0].pid for around in (self.around, self.secure) if around is not None]
        return load.Layout(self.core, (os.getpid(), *mocks))


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
    around = gateway.surroundings(rest)
    secure = _secure(rest)
    direct = HttpTarget("direct", around.upstream, PLAIN)
    rows: list[Target] = [direct]
    wanted = [name for name in options.only.split(",") if name]
    function = gateway.target("sluice", gateway.OPENAI, around, core)
    variants = [
        function,
        replace(function, name="sluice-anthropic", caller=gateway.ANTHROPIC),
        replace(function, name="sluice-translating", caller=gateway.ANTHROPIC_TO_OPENAI),
        gateway.floor_loop(around, core),
    ]
    if secure is not None:
        variants.insert(1, gateway.target("sluice-tls", gateway.OPENAI, secure, core, most=1))
    rows += [target for target in variants if not wanted or target.name in wanted]
    for kind in floors.KINDS:
        if floors.available(kind) and (not wanted or f"floor-{kind}" in wanted):
            module = ["benchmarks.floors", kind, "--upstream", str(direct.port)]
            rows.append(targets.serving(f"floor-{kind}", module, core, PLAIN))
    rows += _peers([name for name in options.peers.split(",") if name], direct, core)
    return Stage(core, around, secure, rows)


def _secure(rest: set[int]) -> Surroundings | None:
    """Start the mocks that speak TLS, where a certificate can be made."""
    if not certificates.available():
        return None
    return gateway.surroundings(rest, certificates.make(targets.LOGS / "tls"))


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
        samples = await load.run(stage.rows, size, stage.layout)
    finally:
        for target in stage.rows:
            await target.close()
    rows = {name: report.figures(found, samples["direct"]) for name, found in samples.items()}
    colds = await cold_start.measure(cold_start.starts(stage.around, stage.secure), times, stage.core) if times else {}
    return {"targets": rows, "cold_starts": {name: report.cold_figures(found) for name, found in colds.items()}}


def _reached(result: Mapping[str, Any]) -> dict[str, float]:
    """Return what the function reached of each target that was measured."""
    own, colds = result["targets"].get("sluice", {}), result["cold_starts"]
    secure = result["targets"].get("sluice-tls", own)
    found = {name: own.get(name) for name in ("cpu_ms_per_request", "cpu_us_per_chunk")}
    found["memory_mb"] = secure.get("memory_mb")
    found["cold_start_ms"] = colds.get("sluice-tls", colds.get("sluice", {})).get("median_ms")
    return {name: found[name] for name in report.LIMITS if found[name] is not None}


def main(arguments: Sequence[str]) -> int:
    """Run, print and judge; 1 when a target is missed."""
    options = _options(arguments)
    stage = _stage(options)
    try:
        result = asyncio.run(_measure(stage, options))
    finally:
        for around in (stage.around, stage.secure):
            if around is not None:
                around.close()
    reached = _reached(result)
    late = report.missed(reached)
    ratios = report.ratios(result["targets"])
    verdict = {"reached": reached, "limits": report.LIMITS, "missed": late, "cpu_ratios": ratios}
    path = report.write({**result, **verdict})
    print(report.table(result["targets"]))
    for block in (report.cold_table(result["cold_starts"]), report.verdict(reached)):
        print(f"\n{block}")
    print(f"\nEverything is in {os.path.relpath(path)}.")
    rounded = {name: round(value, 3) for name, value in reached.items()}
    print(
        json.dumps(
            {
                "bench": "missed" if late else "ok" if reached else "not measured",
                **rounded,
                "missed": late,
                "cpu_ratios": ratios,
            }
        )
    )
    return 1 if late or not reached else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
