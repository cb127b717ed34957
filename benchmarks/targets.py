"""What is measured: an HTTP server, or a function in environments of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from benchmarks import gauges
from benchmarks.runtime_stub import LAST_CHUNK, RuntimeStub, Timing
from benchmarks.workload import Caller

ROOT = Path(__file__).resolve().parents[1]
LOGS = ROOT / ".cache" / "bench"
_CALL_SECONDS = 120.0


class Target(Protocol):
    """One row of the table, called by at most `most` callers at a time."""

    name: str
    caller: Caller
    most: int

    async def call(self, wish: str | None) -> Timing:
        """Make one call."""

    async def settled(self) -> None:
        """Wait until nothing is left to do after the last answers."""

    def pids(self) -> list[int]:
        """Its processes."""

    async def close(self) -> None:
        """End it."""


class _Lane(asyncio.Protocol):
    """One kept connection of a caller."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self._buffer = bytearray()
        self._answer: asyncio.Future[Timing] | None = None
        self._sent = self._first = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    async def call(self, request: bytes) -> Timing:
        self._answer = asyncio.get_running_loop().create_future()
        self._buffer.clear()
        self._first = 0.0
        self._sent = time.perf_counter()
        self.transport.write(request)
        return await asyncio.wait_for(self._answer, _CALL_SECONDS)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n", 0, 16384)
        if end < 0:
            return
        if not self._first and len(self._buffer) > end + 4:
            self._first = time.perf_counter()
        head = bytes(self._buffer[:end]).lower()
        sized = head.partition(b"\r\ncontent-length:")[2]
        if sized:
            whole = len(self._buffer) >= end + 4 + int(sized.partition(b"\r\n")[0])
        else:
            whole = self._buffer.endswith(LAST_CHUNK)
        if whole:
            self._done()

    def connection_lost(self, _: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._done()

    def _done(self) -> None:
        now = time.perf_counter()
        if self._answer is not None and not self._answer.done():
            first = (self._first or now) - self._sent
            self._answer.set_result(Timing(first, now - self._sent, bytes(self._buffer)))


@dataclass
class HttpTarget:
    """A server on loopback. `child` None: it is somebody else's process."""

    name: str
    port: int
    caller: Caller
    child: subprocess.Popen[str] | None = None
    most: int = 32
    _lanes: list[_Lane] = field(default_factory=list)

    async def call(self, wish: str | None) -> Timing:
        """Call over a free connection, or a new one."""
        lane = self._lanes.pop() if self._lanes else await self._connected()
        if lane.transport.is_closing():
            lane = await self._connected()
        timing = await lane.call(self.caller.http(self.port, wish))
        self._lanes.append(lane)
        return _judged(timing, b" 200 ")

    async def _connected(self) -> _Lane:
        _, lane = await asyncio.get_running_loop().create_connection(_Lane, "127.0.0.1", self.port)
        return lane

    async def settled(self) -> None:
        """Servers do not tell; give them a moment."""
        await asyncio.sleep(0.05)

    def pids(self) -> list[int]:
        """The server and its children."""
        return gauges.family(self.child.pid) if self.child else []

    async def close(self) -> None:
        """Close the connections and end the server."""
        for lane in self._lanes:
            lane.transport.close()
        if self.child is not None:
            end(self.child)


@dataclass
class Environment:
    """One execution environment: a process behind a Runtime API of its own."""

    child: subprocess.Popen[str]
    stub: RuntimeStub


@dataclass
class FunctionTarget:
    """A Lambda function. `command` and `environ` start one environment of it."""

    name: str
    caller: Caller
    command: Sequence[str]
    environ: Mapping[str, str]
    core: set[int]
    most: int = 32
    _all: list[Environment] = field(default_factory=list)
    _idle: list[Environment] = field(default_factory=list)
    _settling: set[asyncio.Task[None]] = field(default_factory=set)

    async def grow(self, size: int) -> None:
        """Have `size` environments, started and warm."""
        while len(self._all) < size:
            environment = await start_environment(self.command, self.environ, self.core, self.name)
            await environment.stub.idle()
            self._all.append(environment)
            self._idle.append(environment)

    async def warm(self) -> None:
        """Let every environment serve once, so that all of them have their key, configuration and connections."""
        for environment in self._all:
            _judged(await environment.stub.call(self.caller.event(None)), b"200")
            await environment.stub.idle()

    async def call(self, wish: str | None) -> Timing:
        """Hand the event to the environment that was last busy, or to a new one."""
        if not self._idle:
            await self.grow(len(self._all) + 1)
        environment = self._idle.pop()
        timing = await environment.stub.call(self.caller.event(wish), _CALL_SECONDS)
        task = asyncio.create_task(self._settle(environment))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)
        if timing.failed:
            raise RuntimeError(f"{self.name} answered {timing.body[:400]!r}")
        return timing

    async def _settle(self, environment: Environment) -> None:
        await environment.stub.idle()
        self._idle.append(environment)

    async def settled(self) -> None:
        """Wait until every environment waits for its next event."""
        while self._settling:
            await asyncio.gather(*self._settling)

    def pids(self) -> list[int]:
        """The environments."""
        return [environment.child.pid for environment in self._all]

    async def close(self) -> None:
        """End the environments."""
        for environment in self._all:
            end(environment.child)
            environment.stub.close()


async def start_environment(
    command: Sequence[str], environ: Mapping[str, str], core: set[int], name: str
) -> Environment:
    """Start one environment; its Runtime API is listening, the process may still be starting."""
    stub = RuntimeStub()
    await stub.start()
    child = start(command, {**environ, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{stub.port}"}, core, name, quiet=True)
    return Environment(child, stub)


def start(
    command: Sequence[str],
    environ: Mapping[str, str],
    core: set[int],
    name: str,
    *,
    quiet: bool = False,
    reads: IO[str] | int | None = subprocess.DEVNULL,
) -> subprocess.Popen[str]:
    """Start a process on a core; what it complains about goes to `.cache/bench/<name>.log`.

    `quiet` drops its standard output instead of offering it as a pipe.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    out = subprocess.DEVNULL if quiet else subprocess.PIPE
    with (LOGS / f"{name}.log").open("a") as log, gauges.placed(core):
        return subprocess.Popen(command, env=dict(environ), cwd=ROOT, stdin=reads, stdout=out, stderr=log, text=True)


def end(child: subprocess.Popen[str]) -> None:
    """End a process of ours, kindly at first."""
    child.terminate()
    try:
        child.wait(timeout=5)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    if child.stdout:
        child.stdout.close()


def serving(name: str, module: Sequence[str], core: set[int], caller: Caller) -> HttpTarget:
    """Start one of our own servers, which prints its port."""
    child = start([sys.executable, "-m", *module], os.environ, core, name)
    return HttpTarget(name, port_of(child), caller, child)


def port_of(child: subprocess.Popen[str]) -> int:
    """Return the port that one of our own servers prints once it listens."""
    assert child.stdout is not None
    line = child.stdout.readline()
    if not line.strip().isdigit():
        raise RuntimeError(f"A mock did not start: {child.args!r}. See {LOGS}.")
    return int(line)


def _judged(timing: Timing, wanted: bytes) -> Timing:
    if wanted not in timing.body[:400]:
        raise RuntimeError(f"A target answered {timing.body[:400]!r}")
    return timing
