"""The whole local stack: emulated AWS, simulated provider, functions and API Gateway, owned by one process.

Order of a start: take the folder and the port (both may be refused), start the children, make tables, secrets and keys,
serve, tell. The end runs backwards, so that requests under way can still settle.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from sluice.local import banner, children, logs, schedule, streams
from sluice.local.banner import Access
from sluice.local.emulator import Emulator
from sluice.local.environments import Settings
from sluice.local.functions import functions, variables
from sluice.local.gateway.application import Gateway
from sluice.local.kept import Kept
from sluice.local.options import Options, Unusable, prepare
from sluice.local.pool import Pool
from sluice.local.server import bind, server
from sluice.local.simulator_child import SimulatorChild
from sluice.settings import table_name

HOUSEKEEPING_SECONDS = 10.0
EMULATOR_GRACE_SECONDS = 15.0
HEALTH_TRIES = 3
BACKLOG = 2048
WARM = ("streaming", "routing")


class Stack:
    """The stack from its start to its end."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._stopping = asyncio.Event()
        self._broken = ""

    def stop(self) -> None:
        """Begin to stop; `run` returns when everything has."""
        self._stopping.set()

    async def run(self) -> None:
        """Run until `stop` is called. Raises Unusable when the stack cannot start or cannot go on."""
        options = self._options
        prepare(options.home)
        async with contextlib.AsyncExitStack() as exits:
            if options.ephemeral:
                exits.callback(shutil.rmtree, options.home, ignore_errors=True)
            exits.enter_context(_owned(options.home))
            listener = exits.enter_context(contextlib.closing(bind(options.port)))
            emulator = Emulator(options.root, options.home, options.environ)
            exits.callback(emulator.close)
            simulator = SimulatorChild(options.home, options.environ)
            await self._start_children(exits, emulator, simulator)
            shared = variables(options.root, options.home / "logs", emulator.url, options.environ)
            access, providers = await asyncio.to_thread(self._provision, shared, simulator.url)
            await self._serve(exits, listener, shared)
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            await self._await_health(url)
            self._announce(replace(access, url=url), providers)
            await self._stopping.wait()
            if self._broken:
                raise Unusable(self._broken)
            say("Stopping.")

    async def _start_children(
        self, exits: contextlib.AsyncExitStack, emulator: Emulator, simulator: SimulatorChild
    ) -> None:
        kept = (
            Kept("the AWS emulator", emulator.start, EMULATOR_GRACE_SECONDS, self._break),
            Kept("the simulated provider", simulator.start, children.GRACE_SECONDS, self._break),
        )
        for child in kept:
            exits.push_async_callback(child.close)
        opened = await asyncio.gather(*(child.open() for child in kept), return_exceptions=True)
        for outcome in opened:
            if isinstance(outcome, OSError):
                raise Unusable(f"a part of the stack did not start: {outcome}")
            if isinstance(outcome, BaseException):
                raise outcome

    def _break(self, reason: str) -> None:
        self._broken = reason
        self.stop()

    def _provision(self, shared: Mapping[str, str], simulator_url: str) -> tuple[Access, list[str]]:
        from sluice.local import seed
        from sluice.local.provision import Account
        from sluice.providers.registry import Registry

        registry = Registry()
        environ = self._options.environ
        with contextlib.closing(Account(shared, registry)) as account:
            account.create_tables()
            account.create_bucket()
            access = seed.seed(account, self._options.home / "state", registry, environ, simulator_url)
        return access, sorted(seed.providers_of(registry, environ))

    async def _serve(
        self, exits: contextlib.AsyncExitStack, listener: socket.socket, shared: Mapping[str, str]
    ) -> None:
        options = self._options
        folder = options.home / "logs"
        settings = Settings({**children.base_environment(options.environ), **shared}, folder, tell)
        known = functions(options.functions, options.environments)
        pools = {name: Pool(function, settings) for name, function in known.items()}

        async def close_pools() -> None:
            await asyncio.gather(*(pool.close() for pool in pools.values()))

        exits.push_async_callback(close_pools)
        http = server(Gateway(pools, tell))
        listener.listen(BACKLOG)
        serving = asyncio.ensure_future(http.serve(sockets=[listener]))

        async def stop_serving() -> None:
            http.should_exit = True
            await serving

        exits.push_async_callback(stop_serving)
        for name in WARM:
            if name in pools:
                pools[name].warm()
        background = [asyncio.ensure_future(_keep_house(pools, folder))]
        if "reconcile" in pools:
            job = schedule.every(options.reconcile_seconds, pools["reconcile"])
            background.append(asyncio.ensure_future(job))
        if "alerts" in pools:
            background.append(asyncio.ensure_future(schedule.every(options.alert_seconds, pools["alerts"])))
        if "rollup" in pools:
            stream = streams.TableStream(shared, table_name(shared["SLUICE_TABLE_PREFIX"], "ledger"))
            background.append(asyncio.ensure_future(streams.follow(stream, pools["rollup"])))
        if "exporter" in pools and shared.get("SLUICE_EXPORTERS"):
            stream = streams.TableStream(shared, table_name(shared["SLUICE_TABLE_PREFIX"], "ledger"))
            background.append(asyncio.ensure_future(streams.follow(stream, pools["exporter"])))
        for task in background:
            exits.callback(task.cancel)

    async def _await_health(self, url: str) -> None:
        status = 0
        for _ in range(HEALTH_TRIES):
            status = await _status_of(url, "/health")
            if status == 200 or self._stopping.is_set():
                return
            await asyncio.sleep(0.5)
        raise Unusable(f"GET /health answers {status} instead of 200; the lines above say why.")

    def _announce(self, access: Access, providers: list[str]) -> None:
        if self._stopping.is_set():
            return
        path = self._options.home / "demo.env"
        banner.write_environment(path, access)
        say(banner.banner(access, path, providers))


async def _keep_house(pools: Mapping[str, Pool], folder: Path) -> None:
    """Stop environments that nobody used for long, and rotate logs, until cancelled."""
    while True:
        await asyncio.sleep(HOUSEKEEPING_SECONDS)
        for pool in pools.values():
            pool.reap()
        for name in logs.rotate(folder):
            pools[name].recycle()


async def _status_of(url: str, path: str) -> int:
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    with contextlib.closing(writer):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        return int((await reader.readline()).split(b" ")[1])


@contextlib.contextmanager
def _owned(home: Path) -> Iterator[None]:
    """Hold the folder, so that two stacks never share one. Raises Unusable."""
    with (home / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            raise Unusable(
                f"a local stack is running in this folder already (process {owner}). "
                "Stop it, or use another copy of the project and another PORT."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def say(words: str) -> None:
    """Tell the person at the console."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def tell(words: str) -> None:
    """Report what went wrong on the console."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {words}\n")
    sys.stderr.flush()
