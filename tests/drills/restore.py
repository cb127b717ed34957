"""Disaster recovery: what is left when the tables of a running gateway are emptied, and how it comes back.

    python -m tests.drills.restore [--requests N]

A stack serves requests, its tables are backed up, it serves more. Then every item of configuration (and keys), usage
(and counters) and ledger is deleted, and the environments are killed, so that nothing lives on in memory. `sluice
restore` brings the tables back, the sweep finds what is younger than the backup in the log, and the reconcile job makes
usage equal to the ledger.

It passes when the old key works again, every request has its entry with the cost it had, and usage is the sum of them.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx

from sluice.aws.credentials import Credentials, FixedCredentials
from sluice.aws.dynamodb import DynamoClient
from sluice.aws.reconcile import Books, books_of
from sluice.cli.main import main as sluice
from sluice.cli.restore import RESTORABLE
from sluice.providers.transport import HttpTransport
from sluice.settings import Settings
from tests.drills.faults import Drill
from tests.e2e.ledger import found
from tests.stacks import Stack, running

PATIENCE = 60.0
"""Seconds for entries, sweeps and the roll-up to come through."""


class Nowhere:
    """A log that nobody reads."""

    def write(self, line: str) -> None:
        """Forget the line."""


@dataclass
class Outcome:
    """Figures, and what was wrong."""

    figures: dict[str, object] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def expect(self, holds: bool, words: str) -> None:
        """Note what is wrong."""
        if not holds:
            self.wrong.append(words)


def drill(home: Path, requests: int) -> Outcome:
    """Lose everything and bring it back."""
    outcome = Outcome()
    with running(home, SLUICE_RECONCILE_SECONDS="1", SLUICE_SWEEP_GRACE_SECONDS="2") as stack:
        before = asked(stack, requests)
        costs = entered(stack, before)
        settings = Drill(stack).settings()
        dynamo = boto_client(settings)
        backups = [backup(dynamo, settings.table(name), name) for name in RESTORABLE]
        # The log of what the backup has is gone, as after its days of retention: the sweep cannot bring that back.
        for log in stack.logs.glob("*.jsonl"):
            log.write_bytes(b"")
        after = asked(stack, max(requests // 4, 1))
        costs |= entered(stack, after)
        outcome.figures |= {
            "requests": len(costs),
            "after_the_backup": len(after),
            "cost_nano_usd": sum(costs.values()),
        }

        lost = sum(emptied(dynamo, settings.table(name)) for name in RESTORABLE)
        kill_environments(stack)
        outcome.figures["items_deleted"] = lost
        outcome.expect(one(stack) == 401, "the gateway still served without its tables, so nothing was lost")

        began = time.monotonic()
        told = restore(settings, backups)
        outcome.figures["items_restored"] = sum(each["restored"] for each in told["tables"])
        outcome.figures["items_written"] = sum(each["written"] for each in told["tables"])
        outcome.expect(
            any(each["table"] == "ledger" and each["written"] >= requests for each in told["tables"]),
            "the backup's entries were not written back",
        )
        kill_environments(stack)  # they may remember that the key does not exist
        outcome.expect(until(lambda: one(stack) == 200), "the old key does not work again")
        outcome.figures["serves_after_s"] = round(time.monotonic() - began, 1)

        missing = until_none(lambda: [each for each in costs if found(stack, each) is None])
        outcome.expect(not missing, f"{len(missing)} requests have no entry, such as {missing[:2]}")
        outcome.figures["ledger_whole_after_s"] = round(time.monotonic() - began, 1)
        off = [each for each in costs if (entry := found(stack, each)) and entry["cost_nano_usd"] != costs[each]]
        outcome.expect(not off, f"{len(off)} entries have another cost than before")

        with connected(settings) as books:
            repaired = until(lambda: is_repaired(books))
            outcome.expect(repaired, "usage could not be made equal to the ledger")
        outcome.figures["usage_whole_after_s"] = round(time.monotonic() - began, 1)
        outcome.figures["entries_lost"] = len(missing)
    return outcome


def asked(stack: Stack, count: int) -> list[str]:
    """Send so many requests, eight at a time; return their ids."""
    with httpx.Client(base_url=stack.url, headers=_headers(stack), timeout=30) as client:

        def ask(number: int) -> str:
            body = {"model": "simulator/sim-fast", "messages": [{"role": "user", "content": f"count to {number % 20}"}]}
            answer = client.post("/v1/chat/completions", json=body).raise_for_status()
            return answer.headers["x-request-id"]

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(ask, range(count)))


def one(stack: Stack) -> int:
    """Return the status of one more request, 0 for no answer."""
    body = {"model": "simulator/sim-fast", "messages": [{"role": "user", "content": "say ready"}]}
    try:
        return httpx.post(
            f"{stack.url}/v1/chat/completions", json=body, headers=_headers(stack), timeout=30
        ).status_code
    except httpx.HTTPError:
        return 0


def entered(stack: Stack, ids: list[str]) -> dict[str, int]:
    """Return what each request cost, by the ledger."""
    missing = until_none(lambda: [each for each in ids if found(stack, each) is None])
    assert not missing, f"{len(missing)} requests have no entry before anything happened"
    return {each: found(stack, each)["cost_nano_usd"] for each in ids}


def backup(dynamo: Any, table: str, name: str) -> tuple[str, str]:
    """Back a table up; return its short name and the backup's ARN."""
    made = dynamo.create_backup(TableName=table, BackupName=f"drill-{name}")
    return name, made["BackupDetails"]["BackupArn"]


def emptied(dynamo: Any, table: str) -> int:
    """Delete every item of a table; return how many there were."""
    count = 0
    for page in dynamo.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            dynamo.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})
            count += 1
    return count


def restore(settings: Settings, backups: list[tuple[str, str]]) -> Any:
    """Run the command as an operator does, and return what it says."""
    arguments = ["--json", "restore", "--apply", "--prefix", settings.table_prefix, "--region", settings.region]
    arguments += ["--endpoint-url", str(settings.endpoint_url)]
    for name, arn in backups:
        arguments += ["--backup", f"{name}={arn}"]
    keys = {"AWS_ACCESS_KEY_ID": settings.access_key_id, "AWS_SECRET_ACCESS_KEY": settings.secret_access_key}
    printed = io.StringIO()
    with patch.dict("os.environ", keys), contextlib.redirect_stdout(printed):
        assert sluice(arguments) == 0
    return json.loads(printed.getvalue())


def kill_environments(stack: Stack) -> None:
    """Kill every environment, and wait until they are gone."""
    import os
    import signal

    from tests.stacks import alive

    for function in ("streaming", "completion", "routing", "admin"):
        for pid in stack.environments(function):
            os.kill(pid, signal.SIGKILL)
            until(lambda pid=pid: not alive(pid))  # type: ignore[misc]


def is_repaired(books: Books) -> bool:
    """Compare today and yesterday; return whether nothing was wrong (any more)."""
    now = time.time()
    days = [time.strftime("%Y-%m-%d", time.gmtime(at)) for at in (now - 86_400, now)]
    found = books.run({"sluice": "repair", "days": days})
    return not found["UsageCellsWrong"]


@contextlib.contextmanager
def connected(settings: Settings) -> Any:
    """Yield the books of the stack."""
    transport = HttpTransport(trusted=True)
    source = FixedCredentials(Credentials(settings.access_key_id, settings.secret_access_key))
    try:
        client = DynamoClient(transport, source, region=settings.region, endpoint_url=settings.endpoint_url)
        yield books_of(settings, client, Nowhere())
    finally:
        transport.drop_connections()


def boto_client(settings: Settings) -> Any:
    """Return boto3's client of the stack's tables."""
    import boto3

    return boto3.client(
        "dynamodb",
        region_name=settings.region,
        endpoint_url=settings.endpoint_url,
        aws_access_key_id=settings.access_key_id,
        aws_secret_access_key=settings.secret_access_key,
    )


def until(holds: Callable[[], bool]) -> bool:
    """Wait until something holds; False when it does not in time."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def until_none(left: Callable[[], list[str]]) -> list[str]:
    """Wait until nothing is left; return what still is."""
    rest: list[str] = []

    def nothing() -> bool:
        rest[:] = left()
        return not rest

    until(nothing)
    return rest


def _headers(stack: Stack) -> Mapping[str, str]:
    return {"authorization": f"Bearer {stack.api_key}"}


def main() -> int:
    """Play the drill and print its figures; one line of JSON comes last."""
    parser = argparse.ArgumentParser(prog="python -m tests.drills.restore")
    parser.add_argument("--requests", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        outcome = drill(Path(home), options.requests)
    for name, figure in outcome.figures.items():
        print(f"{name:24} {figure}")
    for words in outcome.wrong:
        print(f"WRONG: {words}")
    print(json.dumps({**outcome.figures, "wrong": len(outcome.wrong), "bar": 0}))
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
