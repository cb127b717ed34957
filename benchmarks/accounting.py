"""What accounting costs a request: calls to DynamoDB and CPU. `python -m benchmarks.accounting [--requests N]`.

There are three gateways: one without budgets or limits, one with three budgets (organisation, team, key), one with
limits on requests and tokens as well. Their ledger and counters are tables of an emulated AWS, behind the client of the
request path; the provider answers from memory. Calls are counted while a gateway serves without a pause. CPU is that of
this process alone, the gateway with its client and not the emulator, while the three serve by turns, so that all have
the same weather; the best quarter of blocks counts, because what else runs on the machine only ever adds. The bar: at
steady state no call before the answer, and at most 0.3 ms more CPU with everything than without.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from sluice.app import App
from sluice.aws.credentials import Credentials, FixedCredentials
from sluice.aws.dynamodb import DynamoClient
from sluice.aws.emf import open_line, request_line
from sluice.aws.stores.buckets import DynamoBucketStore
from sluice.aws.stores.counters import DynamoCounterStore
from sluice.aws.stores.ledger import DynamoLedgerStore
from sluice.ports import Transport, UpstreamAnswer, UpstreamCall
from sluice.providers.transport import HttpTransport
from sluice.types.budgets import Budget, Limit, Rate, Scope, Window
from sluice.types.http import Request
from sluice.wiring import Adapters, application
from tests.emulator import Emulator, missing, started
from tests.fakes import (
    KEY,
    FixedSecrets,
    MemoryConfigurations,
    MemoryKeys,
    Scripted,
    ScriptedTransport,
    configuration,
    virtual_key,
)

BAR_MS = 0.3
BLOCK = 25
"""Requests of one gateway before it is the next one's turn."""
WARM_UP = 50
READS = ("GetItem", "BatchGetItem", "Query")
MODES = ("nothing", "budgets", "budgets and limits")
ASK = json.dumps(
    {"model": "openai/test-gpt", "messages": [{"role": "user", "content": "How are you?"}], "max_tokens": 200}
).encode()
ANSWER = json.dumps(
    {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "test-gpt",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Fine"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 80, "total_tokens": 92},
    }
).encode()
MONTH = Window("month")
TEAM = Scope("team", "search")
BUDGETS = {
    "organisation": Budget("organisation", Scope("organisation"), 10**14, MONTH),
    "team": Budget("team", TEAM, 10**13, MONTH),
    "key": Budget("key", Scope("key"), 10**13, MONTH),
}
LIMITS = {"team": Limit("team", TEAM, Rate(600_000), Rate(600_000_000), Rate(600_000_000))}
RULES = {MODES[0]: ({}, {}), MODES[1]: (BUDGETS, {}), MODES[2]: (BUDGETS, LIMITS)}


@dataclass
class Counted:
    """A transport that counts calls by table, action and whether they came before the answer."""

    inner: Transport
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    before: int = 0
    answering: bool = False

    def send(self, call: UpstreamCall) -> UpstreamAnswer:
        """Count and pass on."""
        action = call.headers["x-amz-target"].rpartition(".")[2]
        table = json.loads(call.body).get("TableName", "").rpartition("-")[2]
        self.calls[table, action] += 1
        self.before += self.answering
        return self.inner.send(call)


class Nowhere:
    """A log that nobody reads."""

    def write(self, line: str) -> None:
        """Forget the line."""


class Gateway:
    """One gateway with tables of its own."""

    def __init__(self, emulator: Emulator, number: int, mode: str) -> None:
        prefix = f"accounting-{number}"
        emulator.create_tables(prefix)
        self.wire = HttpTransport(trusted=True)
        self.counted = Counted(self.wire)
        credentials = FixedCredentials(Credentials(emulator.access_key_id, emulator.secret_access_key))
        client = DynamoClient(self.counted, credentials, region=emulator.region, endpoint_url=emulator.url)
        budgets, limits = RULES[mode]
        usage = f"{prefix}-usage"
        self.cpu: list[float] = []
        self.app: App = application(
            Adapters(
                keys=MemoryKeys(virtual_key(KEY)),
                configurations=MemoryConfigurations(configuration(budgets=budgets, limits=limits)),
                ledger=DynamoLedgerStore(client, f"{prefix}-ledger", days=90),
                secrets=FixedSecrets(openai="sk-openai-secret"),
                transport=ScriptedTransport(Scripted(body=ANSWER)),
                lines=Nowhere(),
                encode_line=request_line,
                open_line=open_line,
                region="us-east-1",
                counters=lambda: (DynamoCounterStore(client, usage), DynamoBucketStore(client, usage)),
            )
        )

    def ask(self) -> int:
        """Serve one request and settle it; return its status."""
        self.counted.answering = True
        response = self.app.handle(Request("POST", "/v1/chat/completions", {"authorization": f"Bearer {KEY}"}, ASK))
        self.counted.answering = False
        if response.after is not None:
            response.after()
        return response.status

    def warm(self) -> None:
        """Serve until leases have their size, and forget what that took."""
        for _ in range(WARM_UP):
            self.ask()
        self.counted.calls.clear()
        self.counted.before = 0

    def count(self, requests: int) -> None:
        """Serve without a pause; the calls are counted."""
        for _ in range(requests):
            if self.ask() != 200:
                raise RuntimeError("a request was refused")

    def block(self) -> None:
        """Serve one block and note its CPU, in ms a request."""
        begun = time.process_time()
        self.count(BLOCK)
        self.cpu.append((time.process_time() - begun) * 1000 / BLOCK)


def measured(emulator: Emulator, requests: int) -> dict[str, dict[str, float]]:
    """Return the figures of each mode: calls for 1,000 requests, and CPU in ms a request."""
    gateways = {mode: Gateway(emulator, number, mode) for number, mode in enumerate(MODES)}
    try:
        found: dict[str, dict[str, float]] = {}
        for mode, gateway in gateways.items():
            gateway.warm()
            gateway.count(requests)
            found[mode] = _calls(gateway, requests)
        for _ in range(max(4, requests // BLOCK)):
            for gateway in gateways.values():
                gateway.block()
        for mode, gateway in gateways.items():
            found[mode]["cpu_ms"] = round(statistics.quantiles(gateway.cpu, n=4)[0], 4)
        return found
    finally:
        for gateway in gateways.values():
            gateway.wire.drop_connections()


def _calls(gateway: Gateway, served: int) -> dict[str, float]:
    calls, times = gateway.counted.calls, 1000 / served
    accounting = {action: count for (table, action), count in calls.items() if table == "usage"}
    return {
        "before_the_answer": gateway.counted.before * times,
        "ledger_writes": sum(count for (table, _), count in calls.items() if table == "ledger") * times,
        "counter_writes": sum(count for action, count in accounting.items() if action not in READS) * times,
        "counter_reads": sum(count for action, count in accounting.items() if action in READS) * times,
    }


def main(arguments: list[str] | None = None) -> int:
    """Print the table and one line of JSON; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--requests", type=int, default=1_000, help="of each gateway")
    options = parser.parse_args(arguments)
    reason = missing()
    if reason is not None:
        print(f"the benchmark cannot run: {reason}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="sluice-accounting-") as folder, started(Path(folder)) as emulator:
        found = measured(emulator, options.requests)
    print(f"{'for 1,000 requests':<22}{'before':>8}{'ledger':>8}{'writes':>8}{'reads':>7}{'CPU a request':>16}")
    for mode, each in found.items():
        print(
            f"{mode:<22}{each['before_the_answer']:>8.0f}{each['ledger_writes']:>8.0f}{each['counter_writes']:>8.0f}"
            f"{each['counter_reads']:>7.0f}{each['cpu_ms']:>13.3f} ms"
        )
    without, everything = found[MODES[0]]["cpu_ms"], found[MODES[2]]["cpu_ms"]
    more = everything - without
    early = max(each["before_the_answer"] for each in found.values())
    summary = {
        "cpu_ms": {mode: each["cpu_ms"] for mode, each in found.items()},
        "cpu_more_ms": round(more, 4),
        "cpu_ratio": round(everything / without, 3),
        "counter_writes_per_1000": {mode: round(each["counter_writes"], 1) for mode, each in found.items()},
        "calls_before_answers": early,
        "bar_ms": BAR_MS,
    }
    print(json.dumps(summary))
    return 0 if more <= BAR_MS and early == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
