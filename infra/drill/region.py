"""One region of a rehearsed stage: what stands there, served, with its stream and its jobs driven as AWS drives them.

The emulator would run jobs and streams by itself, on its own interpreter and with every permission; they are switched
off there and driven here, through the environments that the guard watches.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from infra.drill.definition import Account, DeployedFunction, Route, Schedule
from infra.drill.edge import Edge, RouteTable, invoke, pool_of, running, serving
from infra.drill.report import RehearsalFailed
from infra.settings import Stage
from sluice.local.environments import Tell
from sluice.local.pool import Pool
from sluice.local.streams import TableStream, follow
from sluice.settings import TABLES, table_name

FED_PAUSE = 0.1


@dataclass(frozen=True)
class Standing:
    """What was read back from one region's account."""

    api_id: str
    routes: tuple[Route, ...]
    schedules: tuple[Schedule, ...]
    functions: dict[str, DeployedFunction]
    roles: dict[str, list[dict[str, Any]]]
    """Role -> the statements of its policies."""

    def function(self, part: str) -> DeployedFunction:
        """Return the one function whose deployed name has `part` in it, such as "Reconcile"."""
        found = [function for name, function in self.functions.items() if f"{part}Function" in name or part in name]
        if len(found) != 1:
            raise RehearsalFailed(f"There are {len(found)} functions called {part}, not one.")
        return found[0]


@dataclass(frozen=True)
class Region:
    """A region that is served: its account, what stands in it, its environments, and a client of its API."""

    name: str
    account: Account
    standing: Standing
    pools: Mapping[str, Pool]
    client: httpx.AsyncClient

    async def run(self, part: str, event: object) -> Any:
        """Invoke a function as its schedule or an operator would; return its result."""
        return await invoke(self.pools[self.standing.function(part).name], event)


def read_back(account: Account, url: str, folder: Path) -> Standing:
    """Return what stands in a region; `url` is the output that tells its API's address. Switches its triggers off."""
    api_id = url.removeprefix("https://").partition(".")[0]
    routes, schedules, fed = account.routes(api_id), account.scheduled(), account.fed()
    called = {(each.function, each.alias) for each in routes}
    called |= {(each.function, each.alias) for each in schedules} | {(each.function, each.alias) for each in fed}
    functions = {name: account.function(name, alias, folder) for name, alias in sorted(called)}
    roles = {function.role: list(account.statements(function.role)) for function in functions.values()}
    account.switch_off()
    return Standing(api_id, routes, schedules, functions, roles)


@asynccontextmanager
async def served(
    stage: Stage,
    account: Account,
    standing: Standing,
    *,
    guard_url: str,
    logs: Path,
    tell: Tell,
    changed: Mapping[str, Mapping[str, str]],
) -> AsyncIterator[Region]:
    """Serve what stands in a region until the end; every call to AWS goes to `guard_url`.

    `changed` are variables of functions, by a part of their name, that must be others here than the template says.
    """
    async with AsyncExitStack() as exits:
        platform = _platform(guard_url, account.region)
        pools = {
            name: pool_of(each, {**platform, **_changed(name, changed)}, logs, tell)
            for name, each in standing.functions.items()
        }
        await exits.enter_async_context(running(pools.values()))
        refusal = account.refusal(standing.api_id, "MISSING_AUTHENTICATION_TOKEN")
        edge = Edge(RouteTable(standing.routes), pools, refusal, tell)
        url = await exits.enter_async_context(serving(edge))
        client = await exits.enter_async_context(httpx.AsyncClient(base_url=url, timeout=30, trust_env=False))
        stream = TableStream(account.variables, table_name(stage.prefix, "ledger"))
        fed = asyncio.ensure_future(follow(stream, pools[standing.function("Rollup").name], FED_PAUSE))
        exits.push_async_callback(_ended, fed)
        yield Region(account.region, account, standing, pools, client)


def replicate(account: Account, stage: Stage) -> None:
    """Give the replicated tables of the primary region their replicas, which the emulator leaves out."""
    for schema in TABLES:
        if schema.replicated:
            account.replicate(table_name(stage.prefix, schema.name), stage.regions[1:])


def unreplicate(account: Account, stage: Stage) -> None:
    """Take the replicas away, as deleting a global table does in AWS."""
    for schema in TABLES:
        if schema.replicated:
            account.replicate(table_name(stage.prefix, schema.name), stage.regions[1:], verb="Delete")


def _changed(name: str, changed: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    found = [variables for part, variables in changed.items() if part in name]
    return {key: value for variables in found for key, value in variables.items()}


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _platform(endpoint: str, region: str) -> dict[str, str]:
    """Return the variables that the platform sets: Lambda's own, and those that stand for AWS being emulated here."""
    return {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "SLUICE_LOCAL": "1",
    }
