"""The ledger of a running stack, entry by entry, and the simulated providers with their own count."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx

from sluice.aws.attributes import unmarshal_item
from sluice.aws.credentials import Credentials, FixedCredentials
from sluice.aws.dynamodb import DynamoClient
from sluice.aws.stores.ledger import from_item
from sluice.providers.transport import HttpTransport
from sluice.types.ledger import LedgerEntry


def entries_of(url: str, region: str, table: str) -> list[LedgerEntry]:
    """Return every entry of a ledger table; the fences that the sweep keeps there are none."""
    transport = HttpTransport(trusted=True)
    source = FixedCredentials(Credentials("test", "test"))
    client = DynamoClient(transport, source, region=region, endpoint_url=url, budget=60.0)
    payload: dict[str, object] = {"TableName": table, "ConsistentRead": True}
    found: list[LedgerEntry] = []
    try:
        while True:
            page = client.call("Scan", payload)
            items = (unmarshal_item(item) for item in page["Items"])
            found += [from_item(item) for item in items if str(item["sk"]).startswith("req_")]
            if "LastEvaluatedKey" not in page:
                return found
            payload["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    finally:
        transport.drop_connections()


class Vendor:
    """A simulated provider as a process of its own; what it counted outlives its end."""

    def __init__(self, pace: float = 0.0) -> None:
        self._pace = pace
        self._tally: Counter[str] = Counter()
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it where it was."""
        command = [sys.executable, "-m", "sluice.local.simulator", "--port", str(self.port), "--pace", str(self._pace)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self._process.stdout is not None
        self.port = int(json.loads(self._process.stdout.readline())["port"])

    def stop(self) -> None:
        """End it: who calls it is refused the connection."""
        if self._process is None:
            return
        with contextlib.suppress(httpx.HTTPError):
            self._tally += self._counted()
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None

    def weather(self, mix: Sequence[tuple[float, str]], seed: int = 1) -> None:
        """Change the weather."""
        body = {"seed": seed, "mix": [{"share": share, "directive": told} for share, told in mix]}
        httpx.put(f"{self.url}/weather", json=body, timeout=10).raise_for_status()

    @property
    def tally(self) -> Mapping[str, int]:
        """How its calls ended, since the first start."""
        return self._tally if self._process is None else self._tally + self._counted()

    def freeze(self) -> None:
        """Hold the process still: connections are taken and nothing is answered."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGCONT)

    def _counted(self) -> Counter[str]:
        return Counter(httpx.get(f"{self.url}/tally", timeout=10).raise_for_status().json())


@contextlib.contextmanager
def vendors(count: int, pace: float = 0.0) -> Iterator[list[Vendor]]:
    """Run some simulated providers."""
    running: list[Vendor] = []
    try:
        for _ in range(count):
            running.append(Vendor(pace))
        yield running
    finally:
        for vendor in running:
            vendor.stop()


def logged(folder: Path, function: str, kind: str) -> list[Mapping[str, object]]:
    """Return the log lines of a kind that a function wrote."""
    found: list[Mapping[str, object]] = []
    mark = f'"kind":"{kind}"'.encode()
    for path in (folder / f"{function}.jsonl.1", folder / f"{function}.jsonl"):
        if path.exists():
            for raw in path.read_bytes().splitlines():
                with contextlib.suppress(ValueError):
                    if mark in raw:
                        found.append(json.loads(raw))
    return found
