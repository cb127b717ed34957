"""Two regions, one of which loses its tables, its secrets or its functions: do callers still get answers?

Callers near either region ask by one name, which latency records and health checks point at a region, with Route 53's
times at 1:20 (`failover_front`). Under steady load and in turn: one region's tables hang, the other's fail; secrets
fail in one region while its environments are replaced; the functions of one and then of the other region fail as a
whole, and what they had under way is killed. Tables and secrets of each region are emulated AWS of its own; the global
tables are copied both ways with a delay, and not while a region's tables are down.

Three rates of success: what one try by name gets; what an SDK's two retries by name get; and what a caller gets who
then tries the other region by its own address. The last one has the bar of 99.9 %: DNS alone cannot be faster than its
checks and the callers' memory for names. Budgets: callers tagged `job=capped` share a small one; what they were charged
in both regions together never exceeds it. Ledger: after the log sweep each answer has its entry, in its own region.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sluice.types.ledger import LedgerEntry
from tests.drills.chaos_books import Vendor, entries_of, logged, vendors
from tests.drills.chaos_callers import CHAT, MESSAGES, RESPONSES, Told, Wish, percentile
from tests.drills.failover_aws import Replication, background
from tests.drills.failover_front import SCALE, Caller, Checker, Outcome, Traffic
from tests.drills.failover_regions import Region, ledger_table
from tests.emulator import missing, started

BAR_PER_CENT = 99.9
REGIONS = ("us-east-1", "eu-west-1")
MODEL = "simulator/sim-fast"
CAPPED = "capped"
CALLERS = 6
DELAY_SECONDS = 0.4


@dataclass(frozen=True)
class Shape:
    """How long the drill is: seconds of each outage and of each calm, the pause of each caller, the small cap."""

    outage: float = 24.0
    calm: float = 12.0
    pause: float = 0.05
    cap: int = 20_000_000


FULL = Shape()
SHORT = Shape(outage=1.6, calm=0.4, pause=0.05, cap=2_000_000)


@dataclass
class Result:
    """What the drill came to."""

    outcomes: list[Outcome] = field(default_factory=list)
    entries: Mapping[str, Sequence[LedgerEntry]] = field(default_factory=dict)
    phases: list[tuple[str, float, float]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)

    def expect(self, holds: bool, words: str) -> None:
        """Note what is wrong."""
        if not holds:
            self.wrong.append(words)


def rules(cap: int) -> dict[str, object]:
    """Return the budgets: one for all that is large, and a small one for what is tagged as capped."""
    # Too little for the worst case means a refusal, not a shorter answer, which callers would take for a broken one.
    capped = {"scope": f"tag:job={CAPPED}", "amount": cap, "window": "month", "min_output": 200}
    return {"budgets": {"all": {"scope": "organisation", "amount": "1000", "window": "month"}, CAPPED: capped}}


def wishes(seed: int) -> Iterator[Wish]:
    """Yield requests for ever; one in four belongs to the capped job."""
    dice = random.Random(seed)
    for number in itertools.count():
        speech = dice.choice((CHAT, MESSAGES, RESPONSES))
        tags = CAPPED if dice.random() < 0.25 else ""
        yield Wish(
            speech, MODEL, f"answer {number} is for one caller and for nobody else", dice.random() < 0.6, tags=tags
        )


def fine(told: Told) -> bool:
    """Return whether a caller has what it is due: the whole answer, or a refusal by the small budget."""
    return told.verdict == "whole" or (told.verdict == "status 402" and told.wish.tags == CAPPED)


@dataclass
class Stage:
    """Where the drill takes place."""

    regions: tuple[Region, ...]
    replication: Replication
    result: Result
    shape: Shape

    @contextlib.asynccontextmanager
    async def outage(self, name: str) -> AsyncIterator[None]:
        """Note an outage of so long, and the calm after it."""
        begun = time.monotonic()
        yield
        await asyncio.sleep(0)
        self.result.phases.append((name, begun, time.monotonic()))
        print(f"over: {name}", flush=True)
        await asyncio.sleep(self.shape.calm)

    async def services(self, region: Region, service: str, fault: str, killed: int) -> None:
        """Let one AWS service of a region fail, and some of its environments be replaced meanwhile."""
        async with self.outage(f"{service} of {region.name}: {fault}"):
            region.proxy.faults[service] = fault
            if service == "dynamodb":
                self.replication.cut.add(region.name)
            await asyncio.sleep(self.shape.outage / 3)
            region.kill_environments(killed)
            await asyncio.sleep(self.shape.outage * 2 / 3)
            region.proxy.faults.clear()
            self.replication.cut.discard(region.name)

    async def functions(self, region: Region) -> None:
        """Let a region's functions fail as a whole, with what they had under way."""
        async with self.outage(f"functions of {region.name}"):
            region.broken = True
            region.kill_environments()
            await asyncio.sleep(self.shape.outage)
            region.broken = False

    async def play(self) -> None:
        """Let everything fail in turn."""
        east, west = self.regions
        await asyncio.sleep(self.shape.calm)
        await self.services(east, "dynamodb", "hang", killed=1)
        await self.services(west, "dynamodb", "error", killed=1)
        await self.services(east, "secretsmanager", "error", killed=2)
        await self.functions(west)
        await self.functions(east)


async def drill(home: Path, shape: Shape, vendor: Vendor) -> Result:
    """Run the drill."""
    result = Result()
    async with contextlib.AsyncExitStack() as exits:
        regions = tuple(exits.enter_context(_region(home, name)) for name in REGIONS)
        (home / "state").mkdir()
        for region in regions:
            access = await asyncio.to_thread(region.provision, home / "state", vendor.url, rules(shape.cap))
        replication = Replication({region.name: region.emulator.url for region in regions}, "sluice-local")
        exits.callback(replication.close)
        await exits.enter_async_context(background(replication.run(DELAY_SECONDS)))
        for region in regions:
            await exits.enter_async_context(region.serving())
        urls = {region.name: region.url for region in regions}
        checkers = {name: Checker(url) for name, url in urls.items()}
        callers = [Caller(REGIONS[n % 2], urls, checkers, access.api_key) for n in range(CALLERS)]
        traffic = Traffic(callers, wishes(7), fine, shape.pause)
        await asyncio.sleep(1.0)
        traffic.start()
        try:
            await Stage(regions, replication, result, shape).play()
        finally:
            await asyncio.to_thread(traffic.stop)
            for checker in checkers.values():
                await asyncio.to_thread(checker.close)
        result.outcomes = traffic.outcomes
        result.figures["moves_by_health_checks"] = sum(len(checker.changes) for checker in checkers.values())
        await _swept(regions, result)
        result.figures["items_replicated"] = replication.copied
    return result


@contextlib.contextmanager
def _region(home: Path, name: str) -> Iterator[Region]:
    folder = home / name
    folder.mkdir(parents=True)
    with started(folder) as emulator:
        yield Region(name, REGIONS, emulator, folder)


async def _swept(regions: Sequence[Region], result: Result) -> None:
    """Let the sweep find what is missing, and read both ledgers."""
    await asyncio.sleep(3.0)  # beyond the grace, and over what a service rests after an outage
    found: Counter[str] = Counter()
    entries: dict[str, Sequence[LedgerEntry]] = {}
    for region in regions:
        found.update(await region.sweep())
        entries[region.name] = await asyncio.to_thread(entries_of, region.emulator.url, region.name, ledger_table())
        begun = {str(line["entry"]["id"]) for line in logged(region.logs, "streaming", "open")}  # type: ignore[index]
        missing_ones = begun - {entry.request_id for entry in entries[region.name]}
        result.expect(not missing_ones, f"{region.name}: {len(missing_ones)} requests that were begun have no entry")
    result.entries = entries
    result.figures |= {"restored_by_sweep": found["restored"], "lost_entered_by_sweep": found["lost"]}


def judge(result: Result, cap: int, answered: int) -> None:
    """Hold answers, budget and ledger to the bars; `answered` is the provider's own count."""
    outcomes = result.outcomes
    total = max(len(outcomes), 1)
    bad = [each for each in outcomes if not fine(each.told)]
    rates = {
        "first_try_percent": sum(_is_fine(each.first, each) for each in outcomes),
        "with_sdk_retries_percent": sum(_is_fine(each.by_name, each) for each in outcomes),
        "with_both_addresses_percent": total - len(bad),
    }
    result.figures |= {name: round(100 * number / total, 3) for name, number in rates.items()}
    success = 100 * (total - len(bad)) / total
    result.expect(success >= BAR_PER_CENT, f"success {success:.3f} %: {Counter(e.told.verdict for e in bad)}")
    everything = [entry for each in result.entries.values() for entry in each]
    by_id = {entry.request_id: entry for entry in everything}
    result.expect(len(by_id) == len(everything), "a request has two entries")
    got = {each.told.request_id for each in outcomes if each.told.verdict == "whole"}
    result.expect(got <= set(by_id), f"{len(got - set(by_id))} answers without an entry")
    unpaid = [each for each in got & set(by_id) if by_id[each].outcome != "ok" or by_id[each].cost <= 0]
    result.expect(not unpaid, f"{len(unpaid)} answers are not entered as paid")
    paid = sum(entry.outcome == "ok" for entry in everything)
    lost = sum(entry.outcome == "lost" for entry in everything)
    result.expect(paid <= answered, f"{paid} answers were charged, and the provider gave {answered}")
    result.expect(answered <= paid + lost + _failed(everything), f"{answered} answers given, {paid} paid, {lost} lost")
    spent = sum(entry.cost for entry in everything if ("job", CAPPED) in entry.tags)
    refused = sum(each.told.verdict == "status 402" for each in outcomes)
    result.expect(spent <= cap, f"the small budget of {cap} nUSD was overspent by {spent - cap}")
    result.expect(refused > 0, "the small budget was never spent, so nothing was tried")
    result.figures |= {
        "requests": len(outcomes),
        "entries": len(everything),
        "answers_charged": paid,
        "answers_given": answered,
        "entered_as_lost": lost,
        "overspend_nano_usd": max(spent - cap, 0),
        "cap_used_percent": round(100 * spent / cap, 1),
        "refused_by_cap": refused,
        "p99_ms": round(1000 * percentile((each.told.seconds for each in outcomes), 0.99)),
    }


def _failed(entries: Sequence[LedgerEntry]) -> int:
    return sum(entry.outcome in ("failed", "aborted") for entry in entries)


def _is_fine(verdict: str, outcome: Outcome) -> bool:
    return verdict == "whole" or (verdict == "status 402" and outcome.told.wish.tags == CAPPED)


def tell(result: Result) -> None:
    """Print what each outage came to."""
    for name, begun, ended in result.phases:
        inside = [each for each in result.outcomes if begun <= each.at <= ended]
        counts = Counter(each.first for each in inside if not _is_fine(each.first, each))
        by_name = sum(_is_fine(each.by_name, each) for each in inside)
        well = sum(fine(each.told) for each in inside)
        regions = Counter(each.region for each in inside)
        print(
            f"{name:34} {len(inside):5} requests, first tries that failed {dict(counts)}, with retries {by_name}, "
            f"in the end {well}; served by {dict(regions)}",
            flush=True,
        )


def run(home: Path, shape: Shape) -> Result:
    """Run the drill with a provider of its own, and judge it."""
    with vendors(1) as (vendor,):
        result = asyncio.run(drill(home, shape, vendor))
        judge(result, shape.cap, vendor.tally["whole"])
    return result


def main() -> int:
    """Print the figures and the summary; 1 when a bar was missed. `--short` plays a few seconds of each outage."""
    reason = missing()
    if reason is not None:
        print(f"the drill cannot run: {reason}", file=sys.stderr)
        return 1
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sluice-failover-") as folder:
        result = run(Path(folder), SHORT if "--short" in sys.argv else FULL)
    tell(result)
    for wrong in result.wrong:
        print(f"WRONG {wrong}")
    summary = {"drill": "failover", **result.figures, "bar_percent": BAR_PER_CENT, "dns_scale": SCALE}
    print(json.dumps({**summary, "wrong": len(result.wrong), "seconds": round(time.monotonic() - begun)}))
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
