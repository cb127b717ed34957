"""Many processes race for one budget, one rate limit, and one budget in two regions: does any cap give way?

Each process is killed or lives on; its network loses calls and answers and delivers copies of old calls late. For every
seed: what providers charged never exceeds the cap (overspend exactly 0), the counter agrees with the journals to the
nano-dollar once lapsed holds are returned, and at least 97 % of the cap was spent before the last refusal. Rates never
exceed the burst and what flows in, in any window. `--short` plays one small round of each.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sluice.aws.stores.counters import DynamoCounterStore
from sluice.governance.lapse import lapsed
from sluice.governance.shares import Split, rebalance
from sluice.providers.transport import HttpTransport
from sluice.types.budgets import CounterKey
from tests.drills.racing import dynamo
from tests.emulator import ROOT, Emulator, missing, started

BAR_PER_CENT = 97.0
CAP = 1_000_000_000_000
FAR = 10_000_000_000
"""An epoch second at which every hold has lapsed."""


@dataclass
class Round:
    """What one round is about."""

    kind: str
    seed: int
    processes: int = 5
    environments: int = 12
    in_flight: int = 200
    grain: int = 200
    """A request may cost at most one part in so many of the cap."""
    length: int = 400
    shards: int = 1
    strict: bool = False
    kills: int = 2
    regions: tuple[str, ...] = ("eu",)
    quiet: int = 10**9
    """The requests that the second region's callers have, beyond which it is idle."""


@dataclass
class Result:
    """What it came to."""

    kind: str
    seed: int
    served: int = 0
    refused: int = 0
    failed: int = 0
    calls: int = 0
    killed: int = 0
    overspend: int = 0
    utilisation: float = 0.0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


@dataclass
class Runner:
    """A process of the race."""

    orders: dict[str, Any]
    process: subprocess.Popen[str]

    def say(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, int]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"a process of the race ended with {self.process.wait()}; its journal: {self.orders}")
        return dict(json.loads(line))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.close()

    def close(self) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


class Field:
    """Where a round takes place: tables, journals, processes."""

    def __init__(self, emulator: Emulator, folder: Path, plan: Round) -> None:
        self.plan = plan
        self.folder = folder
        self.emulator = emulator
        self.dice = random.Random(plan.seed)
        self.prefixes = {region: f"{plan.kind.replace(' ', '-')}-{plan.seed}-{region}" for region in plan.regions}
        for prefix in self.prefixes.values():
            emulator.create_tables(prefix)
        self.transport = HttpTransport(trusted=True)
        client = dynamo(emulator.url, emulator.region, self.transport)
        self.stores = {
            region: DynamoCounterStore(client, f"{prefix}-usage") for region, prefix in self.prefixes.items()
        }
        self.runners: list[Runner] = []
        self.started = 0

    def start(self, region: str, **more: object) -> Runner:
        """Start one process with environments of its own."""
        plan = self.plan
        self.started += 1
        names = [f"p{self.started}e{number}" for number in range(plan.environments)]
        orders: dict[str, Any] = {
            "what": "spend",
            "seed": self.dice.random(),
            "url": self.emulator.url,
            "table": f"{self.prefixes[region]}-usage",
            "region": region,
            "regions": plan.regions,
            "environments": names,
            "journal": str(self.folder / f"journal-{self.started}"),
            "name": "budget#race#all#2026-11",
            "cap": CAP,
            "grain": plan.grain,
            "length": plan.length,
            "in_flight": plan.in_flight,
            "shards": plan.shards,
            "strict": plan.strict,
            "requests": plan.quiet if region != plan.regions[0] else 10**9,
            **more,
        }
        arguments = [sys.executable, "-m", "tests.drills.racing", json.dumps(orders)]
        process = subprocess.Popen(arguments, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        runner = Runner(orders, process)
        self.runners.append(runner)
        return runner

    def kill_one(self) -> None:
        """Kill a process and start another one in its place."""
        victim = self.runners.pop(self.dice.randrange(len(self.runners)))
        victim.kill()
        self.start(victim.orders["region"])

    def journal(self) -> list[dict[str, Any]]:
        """Return every request that a provider charged."""
        lines: list[dict[str, Any]] = []
        for path in self.folder.glob("journal-*"):
            # A line that a kill cut short was never followed by a call.
            lines += [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
        return lines

    def spent_by_hold(self) -> dict[str, int]:
        """Return what the ledger would say of each hold."""
        spent: dict[str, int] = {}
        for request in self.journal():
            left = request["cost"]
            for number, (hold, amount) in enumerate(request["holds"]):
                paid = left if number == len(request["holds"]) - 1 else min(left, amount)
                spent[hold] = spent.get(hold, 0) + paid
                left -= paid
        return spent

    def keys(self, region: str) -> list[CounterKey]:
        """Return the parts of the counter that a region owns."""
        return [CounterKey("budget#race#all#2026-11", f"{region}#{shard}") for shard in range(self.plan.shards)]

    def sweep(self) -> None:
        """Return what is still held, as the lapse does when all leases have expired."""
        spent = self.spent_by_hold()
        for region, store in self.stores.items():
            for key in self.keys(region):
                # Not `lapse`: it forgets old fences, but here copies of calls come later than any signature lives.
                for hold in lapsed(store.read(key), FAR):
                    store.close(key, hold, spent.get(hold.id, 0))

    def close(self) -> None:
        """End every process that still runs."""
        for runner in self.runners:
            if runner.process.poll() is None:
                runner.process.kill()
            runner.process.wait()
            runner.close()
        self.transport.drop_connections()


def budget_round(emulator: Emulator, folder: Path, plan: Round) -> Result:
    """Race for a budget until everything is refused for good."""
    begun = time.monotonic()
    result = Result(plan.kind, plan.seed)
    field_ = Field(emulator, folder, plan)
    try:
        with copying(field_):
            for number in range(plan.processes):
                field_.start(plan.regions[min(number // (plan.processes - 1), len(plan.regions) - 1)])
            for _ in range(plan.kills):
                time.sleep(0.5 + field_.dice.random() * 1.0)
                field_.kill_one()
                result.killed += 1
            until_refused_for_good(field_, result)
        judge(field_, result)
    finally:
        field_.close()
    result.seconds = time.monotonic() - begun
    return result


def until_refused_for_good(field_: Field, result: Result) -> None:
    """Let everybody come back until a whole round of retries, all money returned, serves nobody."""
    told = [runner.hear() for runner in field_.runners]
    idle = 0
    while idle < (1 if len(field_.plan.regions) == 1 else 3):
        # Nobody alive holds anything now. What is left belonged to the dead, or was taken by a late copy of a call.
        field_.sweep()
        settle_regions(field_)
        for runner in field_.runners:
            runner.say("again")
        before = sum(each["served"] for each in told)
        told = [runner.hear() for runner in field_.runners]
        idle = idle + 1 if sum(each["served"] for each in told) == before else 0
    for runner in field_.runners:
        runner.say("finish")
    told = [runner.hear() for runner in field_.runners]
    for name in ("served", "refused", "failed", "calls"):
        setattr(result, name, sum(each[name] for each in told))


def judge(field_: Field, result: Result) -> None:
    """Compare the journals, the counters and the cap."""
    field_.sweep()
    truth = sum(request["cost"] for request in field_.journal())
    states = [store.read(key) for region, store in field_.stores.items() for key in field_.keys(region)]
    spent = sum(state.spent for state in states)
    committed = sum(state.committed - state.given_away for state in states)
    result.overspend = max(0, truth - CAP)
    result.utilisation = 100 * truth / CAP
    if result.overspend:
        result.wrong.append(f"overspent by {result.overspend} nUSD")
    if result.utilisation < BAR_PER_CENT:
        result.wrong.append(f"only {result.utilisation:.2f} % of the cap was spent")
    if not spent == committed == truth:
        result.wrong.append(f"counters say {spent} spent and {committed} committed, the journals {truth}")
    if any(state.holds for state in states):
        result.wrong.append("something is held for ever")


@contextmanager
def copying(field_: Field) -> Iterator[None]:
    """Replicate between the regions' tables, with a delay of up to a second; the order of versions is kept."""
    if len(field_.prefixes) == 1:
        yield
        return
    stop = threading.Event()
    threads = [
        threading.Thread(target=_copy, args=(field_, source, target, stop))
        for source in field_.prefixes
        for target in field_.prefixes
        if source != target
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _copy(field_: Field, source: str, target: str, stop: threading.Event) -> None:
    dice = random.Random(f"{field_.plan.seed}{source}")
    while not stop.is_set():
        page = field_.emulator.call("DynamoDB_20120810.Scan", {"TableName": f"{field_.prefixes[source]}-usage"})
        stop.wait(dice.uniform(0.1, 1.0))
        for item in page["Items"]:  # type: ignore[attr-defined]
            if item["sk"]["S"].startswith(f"{source}#"):
                table = f"{field_.prefixes[target]}-usage"
                field_.emulator.call("DynamoDB_20120810.PutItem", {"TableName": table, "Item": item})


def settle_regions(field_: Field) -> None:
    """Do what the scheduled job of each region does, and give the copies time to arrive."""
    if len(field_.plan.regions) == 1:
        return
    for region, store in field_.stores.items():
        rebalance(store, "budget#race#all#2026-11", Split(CAP, field_.plan.regions, {}, field_.plan.shards), region)
    time.sleep(1.5)


def rate_round(emulator: Emulator, folder: Path, plan: Round, seconds: float) -> Result:
    """Race for a rate limit."""
    begun = time.monotonic()
    result = Result(plan.kind, plan.seed)
    field_ = Field(emulator, folder, plan)
    limits = {"requests": (30_000, 200), "output": (120_000, 3_000)}
    orders = {"what": "hurry", "name": "limit#race#all", "seconds": seconds, "most": 30, **limits}
    try:
        for number in range(plan.processes):
            field_.start(plan.regions[number % len(plan.regions)], **orders)
        for _ in range(plan.kills):
            time.sleep(seconds / (plan.kills + 2))
            field_.runners.pop(0).kill()
            result.killed += 1
        told = [runner.hear() for runner in field_.runners]
    finally:
        field_.close()
    for name in ("served", "refused", "failed", "calls"):
        setattr(result, name, sum(each[name] for each in told))
    events = sorted(
        (int(at), int(used))
        for path in folder.glob("journal-*")
        for at, used in (line.split() for line in path.read_text().splitlines())
    )
    for kind, counted in (("requests", [(at, 1) for at, _ in events]), ("output", events)):
        over, used = excess(counted, *limits[kind])
        result.overspend = max(result.overspend, over)
        result.utilisation = max(result.utilisation, used)
        if over:
            result.wrong.append(f"{over} {kind} beyond burst and rate")
    if not result.served:
        result.wrong.append("nothing was admitted")
    result.seconds = time.monotonic() - begun
    return result


def excess(events: list[tuple[int, int]], per_minute: int, burst: int) -> tuple[int, float]:
    """Return by how many units the worst window exceeds burst and rate, and the share of both that was used (%)."""
    lowest, total, worst = 0.0, 0, 0.0
    first = events[0][0] if events else 0
    for at, units in events:
        flow = per_minute * (at - first) / 60e9
        lowest = min(lowest, total - flow)
        total += units
        worst = max(worst, total - flow - lowest - burst)
    whole = burst + (per_minute * (events[-1][0] - first) / 60e9 if events else 0)
    return int(worst + 1 - 1e-6), 100 * total / whole


def plans(seeds: int) -> Iterator[Round]:
    """Yield the rounds: by turns few environments with many requests each, many of them, strict, and shards."""
    turns: tuple[dict[str, Any], ...] = (
        {},
        {"environments": 30, "shards": 4},
        {"strict": True, "shards": 2},
        {"environments": 30},
    )
    for seed in range(seeds):
        yield Round("budget", seed, **turns[seed % len(turns)])
    for seed in range(max(1, seeds // 4)):
        yield Round("two regions", seed, environments=4, processes=5, in_flight=100, grain=300, quiet=60)
    for seed in range(max(1, seeds // 4)):
        regions = ("eu", "us") if seed % 2 else ("eu",)
        yield Round("rate", seed, environments=4, processes=6, shards=1 + seed % 2, regions=regions)


def short_plans() -> Iterator[Round]:
    """Yield one small round of each kind."""
    small: dict[str, Any] = {"processes": 3, "in_flight": 40, "environments": 4, "length": 60, "kills": 1, "grain": 100}
    yield Round("budget", 1, **small)
    yield Round("two regions", 1, **{**small, "quiet": 20, "kills": 0})
    yield Round("rate", 1, processes=3, environments=3, kills=1)


def play(emulator: Emulator, folder: Path, plan: Round, seconds: float) -> Result:
    """Play one round in a folder of its own."""
    place = folder / f"{plan.kind.replace(' ', '-')}-{plan.seed}"
    place.mkdir()
    if plan.kind == "rate":
        return rate_round(emulator, place, plan, seconds)
    return budget_round(emulator, place, plan)


def told(result: Result) -> None:
    """Print a line of the table."""
    print(
        f"{result.kind:<12}{result.seed:>5}{result.served:>8}{result.refused:>9}{result.failed:>8}{result.calls:>8}"
        f"{result.killed:>7}{result.overspend:>11}{result.utilisation:>9.2f} %{result.seconds:>7.1f} s  "
        + ("; ".join(result.wrong) or "ok"),
        flush=True,
    )


def main(arguments: list[str] | None = None) -> int:
    """Print the table and the summary; 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args(arguments)
    reason = missing()
    if reason is not None:
        print(f"the drill cannot run: {reason}", file=sys.stderr)
        return 1
    print(
        f"{'':<12}{'seed':>5}{'served':>8}{'refused':>9}{'failed':>8}{'calls':>8}{'kills':>7}{'overspend':>11}"
        f"{'utilised':>11}{'time':>9}"
    )
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="sluice-race-") as name, started(Path(name)) as emulator:
        for plan in short_plans() if options.short else plans(options.seeds):
            results.append(play(emulator, Path(name), plan, 2.0 if options.short else 5.0))
            told(results[-1])
    budgets = [result for result in results if result.kind != "rate"]
    wrong = sum(bool(result.wrong) for result in results)
    summary = {
        "rounds": len(results),
        "served": sum(result.served for result in results),
        "killed": sum(result.killed for result in results),
        "overspend_nano_usd": sum(result.overspend for result in budgets),
        "over_rate_units": sum(result.overspend for result in results if result.kind == "rate"),
        "lowest_utilisation_percent": round(min(result.utilisation for result in budgets), 2),
        "bar_percent": BAR_PER_CENT,
        "wrong": wrong,
    }
    print(json.dumps(summary))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
