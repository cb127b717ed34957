"""One region of a deployment on this machine: emulated AWS behind a proxy that can fail, functions, API Gateway."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from sluice.local import children, seed, streams
from sluice.local.banner import Access
from sluice.local.environments import Settings as EnvironmentSettings
from sluice.local.functions import PREFIX, functions, variables
from sluice.local.gateway import answers
from sluice.local.gateway.application import Gateway, _respond
from sluice.local.pool import Pool
from sluice.local.provision import Account
from sluice.local.schedule import scheduled_event
from sluice.local.server import bind, server
from sluice.providers.registry import Registry
from tests.drills.failover_aws import AwsProxy
from tests.emulator import ROOT, Emulator
from tests.stacks import alive, scrubbed

GRACE_SECONDS = "2"
ENVIRONMENTS = 6
SERVED = ("streaming", "routing")


class Region:
    """A region. `broken` lets every function fail, as after a bad deployment."""

    def __init__(self, name: str, everywhere: tuple[str, ...], emulator: Emulator, home: Path) -> None:
        self.name = name
        self.emulator = emulator
        self.home = home
        self.proxy = AwsProxy(emulator.url)
        self.broken = False
        self.told: list[str] = []
        self._everywhere = everywhere
        self._pools: dict[str, Pool] = {}
        self.url = ""

    @property
    def logs(self) -> Path:
        """The folder of the functions' logs."""
        return self.home / "logs"

    def variables(self, address: str) -> dict[str, str]:
        """Return the functions' environment variables; `address` is where they reach AWS."""
        told = variables(ROOT, self.logs, address, {"SLUICE_SWEEP_GRACE_SECONDS": GRACE_SECONDS})
        place = {"AWS_REGION": self.name, "AWS_DEFAULT_REGION": self.name}
        return {**told, **place, "SLUICE_REGIONS": ",".join(self._everywhere)}

    def provision(self, state: Path, vendor: str, rules: Mapping[str, object]) -> Access:
        """Make tables, secrets, keys and configuration; regions with the same `state` get the same ones."""
        registry = Registry()
        with contextlib.closing(Account(self.variables(self.emulator.url), registry)) as account:
            account.create_tables()
            access = seed.seed(account, state, registry, {}, vendor)
            account.go_live({**(account.document() or {}), **rules})
            return access

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve while the block runs."""
        self.logs.mkdir(parents=True, exist_ok=True)
        await self.proxy.start()
        shared = {**children.base_environment(scrubbed()), **self.variables(self.proxy.url)}
        settings = EnvironmentSettings(shared, self.logs, self.told.append)
        known = functions(ROOT / "functions", ENVIRONMENTS)
        self._pools = {name: Pool(known[name], settings) for name in (*SERVED, "reconcile", "rollup")}
        listener = bind(0)
        listener.listen(512)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        http = server(self._entrance(Gateway(self._pools, self.told.append)))
        running = asyncio.ensure_future(http.serve(sockets=[listener]))
        stream = streams.TableStream(self.variables(self.emulator.url), ledger_table())
        rolling = asyncio.ensure_future(streams.follow(stream, self._pools["rollup"]))
        try:
            yield
        finally:
            rolling.cancel()
            http.should_exit = True
            await running
            listener.close()
            await asyncio.gather(*(pool.close() for pool in self._pools.values()))
            await self.proxy.close()

    def environments(self) -> tuple[int, ...]:
        """Return the process ids of the streaming function."""
        return tuple(pid for pid in self._pools["streaming"].pids if alive(pid))

    def kill_environments(self, most: int = 100) -> int:
        """Kill environments of the streaming function, whatever they are doing; return how many."""
        pids = self.environments()[:most]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(pids)

    async def sweep(self) -> dict[str, int]:
        """Run the reconcile job once."""
        answer = await self._pools["reconcile"].invoke(scheduled_event("reconcile")).whole()
        return dict(json.loads(answer))

    def _entrance(self, gateway: Gateway) -> Any:
        async def enter(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http" and self.broken:
                await _respond(send, *answers.own_error(502, "api_error", "internal_error", "It is broken.", "none"))
                return
            await gateway(scope, receive, send)

        return enter


def ledger_table() -> str:
    """Return the name of a region's ledger table."""
    return f"{PREFIX}-ledger"
