"""What the gateway's own infrastructure costs: `python -m benchmarks.costs [--write]` (or `make costs`).

Idle: every region of the stage `prod`, from its synthesized templates (`infra.costs.idle`); the bar is under
`IDLE_BAR` dollars a month in each. Busy: a million requests, from the inputs of `Workload` and figures that are taken
from the code itself: the size of a ledger item and of a log line, and the writes of the roll-up, which adds what
arrives in one window up in as few cells as there are, so that it costs the less a request the busier the gateway is.

`--write` puts the tables into docs/costs.md. It prints one line of JSON last and fails over the bar.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from infra.costs import list_prices as prices
from infra.costs.idle import Item, idle_bills
from sluice.aws.attributes import marshal_item
from sluice.aws.emf import request_line
from sluice.aws.ledger_record import to_record
from sluice.aws.rollup import MERGE_MS
from sluice.aws.stores.journals import packed
from sluice.metering import request_ids
from sluice.metering.rollup import Cell, Change, packs, padded
from sluice.types.ledger import Attempt, LedgerEntry
from sluice.types.usage import Usage

DOCUMENT = Path(__file__).parents[1] / "docs" / "costs.md"
IDLE_BAR = Decimal(25)
MILLION = Decimal(1_000_000)
SECONDS_A_MONTH = 60 * 60 * 24 * 30
MEMORIES = (256, 512, 1024)
DURATIONS = (
    ("an answer from the cache", "0.02"),
    ("a short answer", "1.5"),
    ("a streamed answer", "5"),
    ("reasoning", "15"),
)
VOLUMES = (100_000, 1_000_000, 10_000_000)
RECORD_BYTES = 100
"""What DynamoDB adds to an item for point-in-time recovery, keys and index (developer guide, item sizes)."""
GROUP_WRITES = 3
"""Of a group of journals: opened, written, done."""
ALWAYS_ON_FLOOR = Decimal(378)
"""Dollars a month and region: AWS's own guidance for a gateway in containers (two tasks, database, cache, NAT gateway,
load balancer), before any request."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What is assumed of the traffic."""

    memory_mb: int = 512
    seconds: Decimal = Decimal(5)
    requests_a_month: int = 1_000_000
    peak: Decimal = Decimal(3)
    """How much denser requests come in the hours that most of them come in."""
    rollup_seconds: int = 5
    """How long the roll-up collects; `ROLLUP_WINDOW` of infra/stacks/jobs.py."""
    teams: int = 10
    keys: int = 40
    users: int = 500
    models: int = 12
    routes: int = 6
    lease_writes: Decimal = Decimal("0.1")
    """Writes to counters of budgets and limits a request (`make bench-accounting` counts them)."""
    answer_kb: Decimal = Decimal(80)
    """400 tokens in events of 200 bytes."""
    regions: int = 1


def sample(workload: Workload, chance: random.Random, at_ms: int) -> LedgerEntry:
    """Return an entry as such traffic leaves it."""
    team = f"team-{chance.randrange(workload.teams)}"
    number = chance.randrange(workload.models)
    model, provider = f"model-number-{number}", f"provider-{number % 5}"
    deployment = f"{provider}/{model}"
    return LedgerEntry(
        request_id=request_ids.new(at_ms, team, chance.randbytes),
        team=team,
        key_id=f"key{chance.randrange(workload.keys):09}",
        operation="chat",
        dialect="openai_chat",
        requested_model=f"route-{chance.randrange(workload.routes)}",
        deployment=deployment,
        provider=provider,
        model=model,
        status=200,
        outcome="ok",
        usage=Usage(input=1_400, cache_read=600, output=400),
        cost=7_500_000,
        price_version="genai-prices 0.2.3#0123456789ab",
        config_version="f" * 64,
        stream=True,
        started_ms=at_ms,
        duration_ms=5_012,
        first_byte_ms=612,
        overhead_us=742,
        attempts=(Attempt(deployment, 200, "ok", at_ms + 1, 611, "chatcmpl-Ao4tKsq83nVvJ2vL0TQ0w6QJ8aJ1G"),),
        tags=(("env", "prod"),),
        region="us-east-1",
        reasons=(f"{deployment}: first of route",),
        holds=(("3f2a9c1d7e5b4a60", 7_500_000),),
        user=f"user-{chance.randrange(workload.users)}",
        route=f"route-{chance.randrange(workload.routes)}",
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
    )


def item_bytes(entry: LedgerEntry) -> int:
    """Return how large an entry's item is, about as DynamoDB counts it: names and values."""
    return len(json.dumps(marshal_item(to_record(entry)), separators=(",", ":"))) + RECORD_BYTES


def line_bytes(entry: LedgerEntry) -> int:
    """Return how long a request's log lines are: the canonical one, the one before the call, the access log's."""
    return 2 * len(request_line(entry, cold_start=False)) + 300


@dataclass(frozen=True, slots=True)
class RollUp:
    """Write request units of the roll-up a request: transactions with journals, and merging these into cells."""

    journals: Decimal
    merging: Decimal

    @property
    def units(self) -> Decimal:
        """Both of them."""
        return self.journals + self.merging


def rollup_writes(workload: Workload, minutes: int = 12) -> RollUp:
    """Return what the roll-up writes a request, by rolling up made-up traffic of some minutes.

    A transaction's writes cost two units each for every KB; a cell costs one, and so does the deletion of a journal for
    every KB of it.
    """
    chance = random.Random(1)
    a_second = float(workload.requests_a_month * workload.peak / SECONDS_A_MONTH)
    span = MERGE_MS // 1000
    moments = [second for second in range(minutes * span) for _ in range(_poisson(chance, min(a_second, 40)))]
    journals = merging = 0
    merged: set[Cell] = set()
    minute = 0
    for batch in _batches(moments or [0], workload.rollup_seconds):
        if batch[0] // span > minute:
            merging, merged, minute = merging + len(merged) + GROUP_WRITES, set(), batch[0] // span
        found = [sample(workload, chance, 1_770_000_000_000 + second * 1000) for second in batch]
        changes = [
            Change(request_ids.partition_of(entry.request_id), padded(str(position + 1)), entry)
            for position, entry in enumerate(found)
        ]
        for pack in packs(changes, {}, "us-east-1"):
            kilobytes = -(-(len(packed(pack.journal())) + RECORD_BYTES) // 1024)
            journals += 2 * (pack.writes - 1 + kilobytes)
            merging += kilobytes
            merged.update(pack.journal())
    count = len(moments) or 1
    return RollUp(Decimal(journals) / count, Decimal(merging + len(merged) + GROUP_WRITES) / count)


def _batches(moments: Sequence[int], window: int) -> Iterator[list[int]]:
    """Yield what Lambda would take together: from the first record on what comes within the window, 500 at most."""
    batch: list[int] = []
    for moment in moments:
        if batch and (moment - batch[0] >= window or len(batch) >= 500):
            yield batch
            batch = []
        batch.append(moment)
    if batch:
        yield batch


def _poisson(chance: random.Random, mean: float) -> int:
    limit, product, count = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return count


def busy_items(workload: Workload) -> list[Item]:
    """Return what a million requests cost, in dollars, dearest first; the model providers' own prices are not in it."""
    entry = sample(workload, random.Random(2), 1_770_000_000_000)
    gigabytes = Decimal(workload.memory_mb) / 1024
    put = -(-item_bytes(entry) // 1024)
    usage = rollup_writes(workload).units * workload.regions
    items = [
        Item("API Gateway, requests", Decimal(1), prices.REST_REQUESTS),
        Item("Lambda, invocations", Decimal(1), prices.LAMBDA_REQUESTS),
        Item("Lambda, GB-seconds (million)", gigabytes * workload.seconds, prices.LAMBDA_GB_SECOND * MILLION),
        Item("DynamoDB, ledger: write units (million)", Decimal(put), prices.WRITES),
        Item("DynamoDB, usage: write units (million)", round(usage, 2), prices.WRITES),
        Item("DynamoDB, budgets: write units (million)", workload.lease_writes * workload.regions, prices.WRITES),
        Item("CloudWatch, GB of logs", round(Decimal(line_bytes(entry)) / 1024, 2), prices.LOGS_GB),
        Item("Answers out to the internet, GB", workload.answer_kb, prices.EGRESS_GB),
    ]
    return sorted(items, key=lambda item: -item.dollars)


def total(items: Sequence[Item]) -> Decimal:
    """Return the sum in dollars."""
    return sum((item.dollars for item in items), Decimal(0))


def production_templates(folder: Path) -> dict[str, list[Mapping[str, Any]]]:
    """Synthesize the stage `prod` without its layers; return each region's templates, "global" for what has none."""
    from infra.app import main
    from infra.settings import STAGES

    if main(["-c", "stage=prod", "-c", "skip_layer_build=1", "--output", str(folder)]):
        raise SystemExit("The stage prod cannot be synthesized.")
    return by_region(folder, STAGES["prod"].regions)


def by_region(folder: Path, regions: Sequence[str], stage: str = "prod") -> dict[str, list[Mapping[str, Any]]]:
    """Return the templates of a stage in a cloud assembly by region, "global" for those of none."""
    found: dict[str, list[Mapping[str, Any]]] = {region: [] for region in regions}
    for path in sorted(folder.glob(f"sluice-{stage}-*.template.json")):
        region = next((name for name in regions if f"-{name}-" in path.name), "global")
        found.setdefault(region, []).append(json.loads(path.read_text(encoding="utf-8")))
    return found


def idle_table(bills: Mapping[str, Sequence[Item]]) -> Iterator[str]:
    """Yield a Markdown table of what each region costs idle."""
    for region, items in bills.items():
        yield f"**{region}: ${total(items):.2f} a month**\n"
        yield "| item | quantity | $ each | $ a month |\n|---|---:|---:|---:|"
        for item in items:
            yield f"| {item.what} | {float(item.quantity):.4g} | {float(item.price):.4g} | {item.dollars:.2f} |"
        yield ""


def busy_tables() -> Iterator[str]:
    """Yield the Markdown tables of what a million requests cost."""
    base = Workload()
    yield "| Lambda alone, a million requests of | " + " | ".join(f"{mb} MB" for mb in MEMORIES) + " |"
    yield "|---|" + "---:|" * len(MEMORIES)
    for words, seconds in DURATIONS:
        cells = (Decimal(mb) / 1024 * Decimal(seconds) * prices.LAMBDA_GB_SECOND * MILLION for mb in MEMORIES)
        yield (
            f"| {seconds} s ({words}) | " + " | ".join(f"${cost + prices.LAMBDA_REQUESTS:.2f}" for cost in cells) + " |"
        )
    yield ""
    names = [item.what for item in sorted(busy_items(base), key=lambda item: item.what)]
    yield f"| a million streamed requests of {base.seconds} s | " + " | ".join(f"{mb} MB" for mb in MEMORIES) + " |"
    yield "|---|" + "---:|" * len(MEMORIES)
    columns = [{i.what: i for i in busy_items(replace(base, memory_mb=mb))} for mb in MEMORIES]
    for name in names:
        yield f"| {name} | " + " | ".join(f"${column[name].dollars:.2f}" for column in columns) + " |"
    yield "| **sum** | " + " | ".join(f"**${total(list(column.values())):.2f}**" for column in columns) + " |"
    yield ""
    windows = (5, 30, 60, 300)
    yield "| write units of usage a request, roll-up window | " + " | ".join(f"{s} s" for s in windows) + " |"
    yield "|---|" + "---:|" * len(windows)
    for volume in VOLUMES:
        cells = (rollup_writes(replace(base, requests_a_month=volume, rollup_seconds=s)).units for s in windows)
        yield f"| {volume:,} requests a month | " + " | ".join(f"{cell:.1f}" for cell in cells) + " |"
    yield ""
    yield "| requests a month | " + " | ".join(f"{mb} MB" for mb in MEMORIES) + " | always-on floor |"
    yield "|---|" + "---:|" * (len(MEMORIES) + 1)
    for volume in VOLUMES:
        millions = Decimal(volume) / MILLION
        sums = (total(busy_items(replace(base, memory_mb=mb, requests_a_month=volume))) * millions for mb in MEMORIES)
        yield f"| {volume:,} | " + " | ".join(f"${cost:,.0f}" for cost in sums) + f" | ${ALWAYS_ON_FLOOR} and more |"


def written(document: str, name: str, lines: Iterator[str]) -> str:
    """Return a document with the part between its markers `<!-- name -->` and `<!-- /name -->` replaced."""
    body = "\n".join(lines).rstrip()
    pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
    if not re.search(pattern, document, re.S):
        raise ValueError(f"The document has no markers for {name}.")
    return re.sub(pattern, lambda match: f"{match[1]}{body}\n{match[2]}", document, count=1, flags=re.S)


def main() -> int:
    """Print the tables; write them into the document when that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costs", description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the tables into docs/costs.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bills = idle_bills(production_templates(Path(folder)))
    print("\n".join(idle_table(bills)))
    print("\n".join(busy_tables()))
    if options.write:
        text = DOCUMENT.read_text(encoding="utf-8")
        text = written(text, "idle", idle_table(bills))
        DOCUMENT.write_text(written(text, "busy", busy_tables()), encoding="utf-8")
    idle = {region: float(round(total(items), 2)) for region, items in bills.items()}
    million = {f"{mb} MB": float(round(total(busy_items(Workload(memory_mb=mb))), 2)) for mb in MEMORIES}
    passed = all(total(items) < IDLE_BAR for items in bills.values())
    print(json.dumps({"idle_usd": idle, "bar_usd": float(IDLE_BAR), "million_usd": million, "passed": passed}))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
