"""What the crash drill's processes do, and how its books are judged."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sluice.aws import entry as functions
from sluice.aws.credentials import Credentials, FixedCredentials
from sluice.aws.dynamodb import DynamoClient
from sluice.aws.emf import entry_from_line, request_line
from sluice.aws.ledger_record import to_record
from sluice.aws.reconcile import Books, books_of
from sluice.aws.rollup import ATTEMPTS, Consumer
from sluice.aws.stores.counters import DynamoCounterStore
from sluice.aws.stores.usage import DynamoUsageStore
from sluice.control.books import partition_cells
from sluice.control.configurations import Configurations
from sluice.errors import GatewayError
from sluice.governance.lease import Need, Reservation, Short
from sluice.governance.leases import Leases
from sluice.local.logs import request_lines
from sluice.local.streams import TableStream
from sluice.metering import request_ids
from sluice.metering.request_ids import SHARDS
from sluice.metering.rollup import Cells, add, without_zeros
from sluice.ports import UpstreamAnswer, UpstreamCall
from sluice.providers.transport import HttpTransport
from sluice.routing.configuration import parse
from sluice.settings import Settings
from sluice.types.ledger import LedgerEntry
from sluice.types.usage import Usage
from tests.emulator import Emulator

TEAMS = ("search", "chat")
CAP = 10**12
LEASE_SECONDS, LONGEST_SECONDS = 5, 2
SWEEP_GRACE_SECONDS, LATE_SECONDS = 2, 4
AT_CALL, AT_STEP = 0.004, 0.01
"""How likely a process ends itself at one call to AWS, and at one step of a request."""
MODELS = ("gpt", "claude", "gemini")


@dataclass(frozen=True)
class World:
    """The account and the folder with the log."""

    settings: Settings
    variables: Mapping[str, str]
    logs: Path

    @classmethod
    def made(cls, emulator: Emulator, logs: Path) -> World:
        """Make tables, teams and a budget in an empty account."""
        logs.mkdir()
        emulator.create_tables("crash")
        variables = emulator.environment("crash")
        settings = replace(
            Settings.from_environment(variables), local_logs=str(logs), sweep_grace_seconds=SWEEP_GRACE_SECONDS
        )
        world = cls(settings, variables, logs)
        with_client = world.client(random.Random(0), mortal=False)
        for team in TEAMS:
            with_client.put_item(settings.table("config"), {"pk": "teams", "sk": team})
        configurations = Configurations(world.books(with_client).configurations, parse, lambda _: [])
        budget = {"scope": "organisation", "amount": "1000", "window": "month"}
        configurations.promote(configurations.publish({"budgets": {"all": budget}}))
        return world

    def client(self, chance: random.Random, *, mortal: bool) -> DynamoClient:
        """Return a client of the account's tables; a mortal one may end its process at any call."""
        credentials = FixedCredentials(Credentials("test", "test"))
        transport = Mortal(chance) if mortal else HttpTransport(trusted=True)
        place = {"region": self.settings.region, "endpoint_url": self.settings.endpoint_url}
        return DynamoClient(transport, credentials, attempts=ATTEMPTS, **place)

    def books(self, client: DynamoClient) -> Books:
        """Return the region's books."""
        return books_of(self.settings, client, Nowhere(), late=LATE_SECONDS)

    @property
    def counter(self) -> str:
        """The name of the budget's counter."""
        return f"budget#all#organisation#{time.strftime('%Y-%m', time.gmtime())}"

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield all request lines."""
        return request_lines(self.logs, 0, 1 << 53)

    def requests(self) -> set[str]:
        """Return every request that was ever begun."""
        return {entry_from_line(line).request_id for line in self.lines()}

    def entries(self, client: DynamoClient) -> Iterator[LedgerEntry]:
        """Yield the whole ledger."""
        books = self.books(client)
        for partition in self.partitions():
            yield from books.ledger.partition(partition)

    def partitions(self) -> Iterator[str]:
        """Yield every ledger partition of the drill's days."""
        now = time.time()
        for team in TEAMS:
            for day in sorted({time.strftime("%Y-%m-%d", time.gmtime(at)) for at in (now - 3600, now)}):
                for shard in range(SHARDS):
                    yield f"{team}#{day}#{shard}"

    def quiet(self) -> bool:
        """Return whether nothing is held, every request has an entry, and the roll-up has come to the end."""
        client = self.client(random.Random(0), mortal=False)
        books = self.books(client)
        if any(state.holds for state in books.counters.parts(self.counter).values()):
            return False
        entries = list(self.entries(client))
        if {found.request_id for found in entries} != self.requests():
            return False
        return _cost(_rolled_up(self, books)) == sum(found.cost for found in entries)


class Nowhere:
    """A log that nobody reads."""

    def write(self, line: str) -> None:
        """Forget the line."""


class Mortal:
    """A transport at whose calls the process may end, just before or just after."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._inner = HttpTransport(trusted=True)

    def send(self, call: UpstreamCall) -> UpstreamAnswer:
        """Send a call, if the process lives so long."""
        perhaps_end(self._chance, AT_CALL)
        answer = self._inner.send(call)
        perhaps_end(self._chance, AT_CALL)
        return answer


def perhaps_end(chance: random.Random, likely: float) -> None:
    """End this process as `kill -9` would."""
    if chance.random() < likely:
        os.kill(os.getpid(), signal.SIGKILL)


def environment(world: World, chance: random.Random, mortal: bool) -> None:
    """Serve requests one after the other, each as the gateway does: lease, line, provider, line, entry, settle."""
    client = world.client(chance, mortal=mortal)
    store = DynamoCounterStore(client, world.settings.table("usage"))
    leases = Leases(store, region=world.settings.region, lease_seconds=LEASE_SECONDS, longest=LONGEST_SECONDS)
    ledger = world.books(client).ledger
    with (world.logs / f"streaming-{os.getpid()}.jsonl").open("ab", buffering=0) as log:

        def step(line: str = "") -> None:
            if line:
                log.write(line.encode() + b"\n")
            perhaps_end(chance, AT_STEP)

        while True:
            worst = chance.randrange(1_000_000, 50_000_000)
            try:
                held = leases.reserve([Need(world.counter, worst, CAP)])
            except GatewayError:
                continue
            assert not isinstance(held, Short)
            step()
            begun = _entry(chance, held, worst)
            step(json.dumps({"kind": "open", "entry": to_record(begun)}))
            time.sleep(chance.random() * 0.02)
            cost = chance.randrange(0, worst)
            step()
            done = replace(begun, outcome="ok", cost=cost, holds=leases.settle(held, cost), duration_ms=20)
            step(request_line(done, False))
            with contextlib.suppress(GatewayError):  # the line stands
                ledger.put(done)
            step()
            leases.maintain()


def consumer(world: World, chance: random.Random, mortal: bool) -> None:
    """Consume the stream as Lambda has it done: from a place that was reached, or from one a little before."""
    client = world.client(chance, mortal=mortal)
    usage = DynamoUsageStore(client, world.settings.table("usage"), region=world.settings.region)
    # Often enough that groups of journals are begun by one process and ended by another.
    worker = Consumer(usage, world.settings.region, Nowhere(), lambda: int(time.time() * 1000), merge_ms=200)
    stream = TableStream(world.variables, world.settings.table("ledger"))
    places = world.logs / "places"
    reached = places.read_text().split() if places.exists() else []
    if reached:
        stream.resume(chance.choice(reached[-4:]))
    while True:
        records = stream.read()[: chance.randrange(1, 200)]
        if not records:
            time.sleep(0.05)
            continue
        failures = worker.consume(records)["batchItemFailures"]
        numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
        done = numbers.index(failures[0]["itemIdentifier"]) if failures else len(records)
        if done:
            stream.take(done)
            with places.open("a") as file:
                file.write(f"{numbers[done - 1]}\n")


def reconcile(world: World, chance: random.Random, mortal: bool) -> None:
    """Sweep and compare, over and over."""
    sweep = functions.reconcile_handler(world.settings)
    books = world.books(world.client(chance, mortal=mortal))
    while True:
        books.run({}, sweep({}, None))
        time.sleep(0.1)


ROLES: dict[str, Callable[[World, random.Random, bool], None]] = {
    "environment": environment,
    "consumer": consumer,
    "reconcile": reconcile,
}


def judged(world: World) -> tuple[dict[str, int], list[str]]:
    """Return the figures of the books, and in words what is wrong with them."""
    client = world.client(random.Random(0), mortal=False)
    books = world.books(client)
    books.usage.merge_all(int(time.time() * 1000))
    entries = list(world.entries(client))
    asked, written = world.requests(), Counter(found.request_id for found in entries)
    rolled_up, expected = _rolled_up(world, books), _expected(world, books)
    states = books.counters.parts(world.counter).values()
    cost = sum(found.cost for found in entries)
    paid = sum(nano for found in entries for _, nano in found.holds)
    figures = {
        "requests": len(asked),
        "entries": len(entries),
        "lost": sum(found.outcome == "lost" for found in entries),
        "cells": len(expected),
        "ledger_nano_usd": cost,
        "usage_nano_usd": _cost(rolled_up),
        "counter_nano_usd": sum(state.spent for state in states),
        "committed_nano_usd": sum(state.committed for state in states),
        "holds_left": sum(len(state.holds) for state in states),
    }
    off = [cell for cell in {**rolled_up, **expected} if rolled_up.get(cell) != expected.get(cell)]
    checks = {
        "no request was begun": not asked,
        f"requests without an entry: {sorted(asked - set(written))[:3]}": bool(asked - set(written)),
        f"entries without a request: {sorted(set(written) - asked)[:3]}": bool(set(written) - asked),
        "requests with more than one entry": any(count > 1 for count in written.values()),
        f"cells that differ from the ledger: {len(off)}, {off[:3]}": bool(off),
        "the ledger's holds do not add up to its cost": paid != cost,
        "the counter differs from the ledger": figures["counter_nano_usd"] != cost,
        "the counter has commitments that nobody spent": figures["committed_nano_usd"] != cost,
        "something is still held": figures["holds_left"] > 0,
    }
    return figures, [words for words, wrong in checks.items() if wrong]


def _entry(chance: random.Random, held: Reservation, worst: int) -> LedgerEntry:
    """Return what would stand if nothing more were heard of a request; it is charged its worst case."""
    now, team = int(time.time() * 1000), chance.choice(TEAMS)
    model = chance.choice(MODELS)
    return LedgerEntry(
        request_id=request_ids.new(now, team),
        team=team,
        key_id=f"key{chance.randrange(3)}",
        operation="chat",
        dialect="openai_chat",
        requested_model="fast",
        deployment=f"sim/{model}",
        provider="sim",
        model=model,
        status=0,
        outcome="lost",
        usage=Usage(input=10, output=20),
        cost=worst,
        price_version="p",
        config_version="c",
        stream=False,
        started_ms=now,
        duration_ms=0,
        first_byte_ms=None,
        overhead_us=1,
        user=f"user{chance.randrange(20)}",
        route="fast",
        holds=held.holds,
    )


def _rolled_up(world: World, books: Books) -> Cells:
    found: Cells = {}
    days = {partition.split("#")[1] for partition in world.partitions()}
    for day in days:
        for scope in ("organisation#", *(f"team#{team}" for team in TEAMS)):
            found.update(books.usage.cells(f"usage#{scope}#{day}"))
    holds = [cell for cell in _expected(world, books) if cell[0].startswith("usage#hold#")]
    found.update({cell: dict(columns) for cell, columns in books.usage.read(holds).items()})
    return without_zeros(found)


def _expected(world: World, books: Books) -> Cells:
    cells: Cells = {}
    for partition in world.partitions():
        add(cells, partition_cells(books.ledger.partition(partition), world.settings.region))
    return without_zeros(cells)


def _cost(cells: Cells) -> int:
    return sum(
        columns.get("cost", 0)
        for (partition, sort_key), columns in cells.items()
        if partition.startswith("usage#organisation#") and sort_key.startswith("all#d#")
    )
