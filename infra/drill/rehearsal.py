"""The rehearsal itself: the steps of `docs/deploy.md`, then calls through what was deployed."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from infra.build import LAYERS, ROOT, build, host
from infra.drill import cdk
from infra.drill.cdk import ACCOUNT, Cdk
from infra.drill.definition import Account, DeployedFunction, Route
from infra.drill.edge import Edge, RouteTable, invoke, pool_of, running, serving
from infra.drill.guard import Access, Guard
from infra.settings import Stage
from sluice.local import children
from sluice.local.emulator import Emulator
from sluice.local.pool import Pool
from sluice.local.simulator_child import SimulatorChild
from sluice.settings import table_name

SIMULATOR = "simulator"
MODEL = "simulator/sim-fast"
SIMULATOR_KEY = "sim-local"
SETTLED_SECONDS = 10.0
Say = Callable[[str], None]


class RehearsalFailed(RuntimeError):
    """A step did not give what it must; the message says which step, and what it gave."""


@dataclass
class Report:
    """What the rehearsal saw. Statuses are those of HTTP answers."""

    seconds: dict[str, float] = field(default_factory=dict)
    stacks: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    functions: dict[str, DeployedFunction] = field(default_factory=dict)
    health: int = 0
    without_key: int = 0
    unknown_path: tuple[int, str] = (0, "")
    pieces: list[tuple[float, str]] = field(default_factory=list)
    """The streamed answer as it came in: seconds since the request, text."""
    request_id: str = ""
    entry: dict[str, Any] = field(default_factory=dict)
    items: list[dict[str, Any]] = field(default_factory=list)
    """The ledger entry as the API tells it, and the items of the ledger table."""
    used: dict[str, set[Access]] = field(default_factory=dict)
    denied: list[tuple[str, Access]] = field(default_factory=list)
    left: tuple[str, ...] = ()
    """Stacks and tables of the stage that exist after it was destroyed."""

    @property
    def text(self) -> str:
        """The whole streamed answer."""
        return "".join(text for _, text in self.pieces)


class Rehearsal:
    """One rehearsal of `stage`, with its files in `folder`; `say` is told of each step."""

    def __init__(self, stage: Stage, folder: Path, say: Say) -> None:
        self._stage = stage
        self._folder = folder
        self._say = say
        self.report = Report()

    async def run(self) -> Report:
        """Deploy, call, destroy. Raises CdkFailed, RehearsalFailed, OSError, httpx.HTTPError."""
        for name in ("state", "logs", "tmp"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        async with AsyncExitStack() as exits:
            emulator = Emulator(ROOT, self._folder, os.environ)
            exits.callback(emulator.close)
            simulator = SimulatorChild(self._folder, os.environ)
            with self._step("start"):
                exits.push_async_callback(children.stop, await emulator.start())
                exits.push_async_callback(children.stop, await simulator.start())
            with self._step("build"):
                await asyncio.to_thread(_build_layers)
            command = Cdk(emulator.url, self._folder, {"stage": self._stage.name, "local": "1"})
            with self._step("bootstrap"):
                await command.bootstrap(self._stage.primary)
            with self._step("deploy"):
                outputs = await command.deploy(self._stage.primary)
            account = Account(emulator.url, self._stage.primary)
            with self._step("call"):
                await self._call(account, emulator.url, simulator.url, outputs)
            with self._step("destroy"):
                await command.destroy(self._stage.primary)
            self.report.left = self._existing(account)
        return self.report

    async def _call(
        self, account: Account, endpoint: str, simulator_url: str, outputs: Mapping[str, Mapping[str, str]]
    ) -> None:
        report = self.report
        report.stacks = account.stacks()
        api_id = _api_id(outputs[f"{self._stage.prefix}-{self._stage.primary}-api"]["GatewayUrl"])
        report.routes = account.routes(api_id)
        for route in report.routes:
            if route.function not in report.functions:
                report.functions[route.function] = account.function(route.function, route.alias, self._folder / "tasks")
        roles = {function.role: list(account.statements(function.role)) for function in report.functions.values()}
        guard = Guard(endpoint, ACCOUNT, roles)
        async with AsyncExitStack() as exits:
            exits.push_async_callback(guard.close)
            platform = _platform(await exits.enter_async_context(serving(guard)), self._stage.primary)
            logs = self._folder / "logs"
            pools = {name: pool_of(each, platform, logs, self._say) for name, each in report.functions.items()}
            await exits.enter_async_context(running(pools.values()))
            refusal = account.refusal(api_id, "MISSING_AUTHENTICATION_TOKEN")
            edge = Edge(RouteTable(report.routes), pools, refusal, self._say)
            url = await exits.enter_async_context(serving(edge))
            client = await exits.enter_async_context(httpx.AsyncClient(base_url=url, timeout=30, trust_env=False))
            await self._refusals(client)
            key = await self._set_up(client, account, pools, simulator_url)
            await self._chat(client, key)
            await self._look_up(client, key)
        report.items = account.items(table_name(self._stage.prefix, "ledger"))
        report.used, report.denied = guard.used, guard.denied

    async def _refusals(self, client: httpx.AsyncClient) -> None:
        self.report.health = (await client.get("/health")).status_code
        self.report.without_key = (await client.post("/v1/chat/completions", json=_question())).status_code
        unknown = await client.get("/v1/nothing")
        self.report.unknown_path = (unknown.status_code, unknown.text)

    async def _set_up(
        self, client: httpx.AsyncClient, account: Account, pools: Mapping[str, Pool], simulator_url: str
    ) -> str:
        """Do what an operator does after the first deployment; return a key for callers."""
        secret = json.dumps({SIMULATOR: {"api_key": SIMULATOR_KEY}})
        secrets = account.client("secretsmanager")
        secrets.put_secret_value(SecretId=self._stage.provider_secret, SecretString=secret)
        admin = next(route.function for route in self.report.routes if route.path.startswith("/admin/"))
        first = await invoke(pools[admin], {"sluice": "create-first-admin-key"})
        headers = {"authorization": f"Bearer {_key_in(first)}"}
        # A deployed gateway reaches no loopback address; the drill's functions do, because they run with SLUICE_LOCAL.
        provider = {"enabled": True, "base_url": simulator_url, "allow_loopback": True}
        document = {"providers": {SIMULATOR: provider}}
        versions = "/admin/configuration/versions"
        version = _done(await client.post(versions, json=document, headers=headers))["version"]
        _done(await client.post(f"{versions}/{version}/promote", headers=headers))
        wanted = {"team": "rehearsal", "name": "caller"}
        return str(_done(await client.post("/admin/keys", json=wanted, headers=headers))["key"])

    async def _chat(self, client: httpx.AsyncClient, key: str) -> None:
        headers = {"authorization": f"Bearer {key}"}
        began = time.monotonic()
        async with client.stream("POST", "/v1/chat/completions", json=_question(), headers=headers) as answer:
            if answer.status_code != 200:
                raise RehearsalFailed(f"The chat call gave {answer.status_code}: {(await answer.aread())[:500]!r}")
            self.report.request_id = answer.headers["x-request-id"]
            async for piece in answer.aiter_text():
                self.report.pieces.append((time.monotonic() - began, piece))

    async def _look_up(self, client: httpx.AsyncClient, key: str) -> None:
        """Ask for the entry until it is there: it is written after the last byte of the answer."""
        headers = {"authorization": f"Bearer {key}"}
        limit = time.monotonic() + SETTLED_SECONDS
        while True:
            answer = await client.get(f"/v1/requests/{self.report.request_id}", headers=headers)
            if answer.status_code == 200:
                self.report.entry = answer.json()
                return
            if time.monotonic() > limit:
                raise RehearsalFailed(f"The ledger entry was not there in time: {answer.status_code} {answer.text}")
            await asyncio.sleep(0.05)

    def _existing(self, account: Account) -> tuple[str, ...]:
        return tuple(name for name in (*account.stacks(), *account.tables()) if name.startswith(self._stage.prefix))

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.report.seconds[name] = round(time.monotonic() - began, 1)
        self._say(f"{name:<10} {self.report.seconds[name]:6.1f} s")


def missing() -> str | None:
    """Return why nothing can be rehearsed here, or None."""
    if not (ROOT / ".venv-ministack" / "bin" / "python").exists():
        return ".venv-ministack is absent; `make setup-dev` installs it"
    return cdk.missing()


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


def _build_layers() -> None:
    # Here and not in the CDK app, which would build them in the scrubbed environment of its command line.
    for layer in LAYERS:
        build(layer, host())


def _question() -> dict[str, object]:
    words = "Count from one to twenty in words."
    return {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": words}]}


def _api_id(url: str) -> str:
    return url.removeprefix("https://").partition(".")[0]


def _key_in(answer: Any) -> str:
    if not isinstance(answer, dict) or not isinstance(answer.get("key"), str):
        raise RehearsalFailed(f"The admin function gave no first key but members {sorted(answer or ())}.")
    return str(answer["key"])


def _done(answer: httpx.Response) -> Any:
    if answer.status_code >= 300:
        raise RehearsalFailed(f"{answer.request.url.path} gave {answer.status_code}: {answer.text[:500]}")
    return answer.json()
