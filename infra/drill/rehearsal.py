"""The rehearsal itself: the steps of `docs/deploy.md`, then calls through what was deployed, then its end."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import httpx

from infra.build import LAYERS, ROOT, build, host
from infra.drill import cdk
from infra.drill.calls import SIMULATOR, Calls
from infra.drill.cdk import ACCOUNT, Cdk
from infra.drill.definition import Account
from infra.drill.edge import Edge, RouteTable, invoke, pool_of, running, serving
from infra.drill.guard import Guard
from infra.drill.report import RehearsalFailed, Report
from infra.settings import Stage
from sluice.local import children
from sluice.local.emulator import Emulator
from sluice.local.pool import Pool
from sluice.local.simulator_child import SimulatorChild
from sluice.settings import table_name

Say = Callable[[str], None]


class Rehearsal:
    """One rehearsal of `stage` in its primary region, with its files in `folder`; `say` is told of each step."""

    def __init__(self, stage: Stage, folder: Path, say: Say) -> None:
        self._stage = stage
        self._folder = folder
        self._say = say
        self.report = Report()

    async def run(self) -> Report:
        """Deploy, call, destroy. Raises CdkFailed, RehearsalFailed, FunctionFailed, OSError, httpx.HTTPError."""
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
        """Serve what was deployed and use it."""
        report = self.report
        api_id = _api_id(outputs[f"{self._stage.prefix}-{self._stage.primary}-api"]["GatewayUrl"])
        self._read_back(account, api_id)
        guard = Guard(endpoint, ACCOUNT, report.roles)
        report.used, report.denied = guard.used, guard.denied
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
            calls = Calls(client, report)
            await calls.strangers()
            await calls.set_up(await self._first_key(account, pools), simulator_url)
            await calls.chat()
            await self._sweep(account, pools)
            await calls.others()
            await calls.uploads()
            await calls.responses()
            await calls.batches()

    def _read_back(self, account: Account, api_id: str) -> None:
        report = self.report
        report.stacks = account.stacks()
        report.routes = account.routes(api_id)
        report.schedules = account.scheduled()
        called = {(route.function, route.alias) for route in report.routes}
        called |= {(schedule.function, schedule.alias) for schedule in report.schedules}
        for name, alias in sorted(called):
            function = report.functions[name] = account.function(name, alias, self._folder / "functions")
            report.roles[function.role] = list(account.statements(function.role))

    async def _first_key(self, account: Account, pools: Mapping[str, Pool]) -> str:
        """Put the provider's key, and return the first admin key."""
        secret = json.dumps({SIMULATOR: {"api_key": "sim-local"}})
        secrets = account.client("secretsmanager")
        secrets.put_secret_value(SecretId=self._stage.provider_secret, SecretString=secret)
        admin = next(route.function for route in self.report.routes if route.path.startswith("/admin/"))
        answer = await invoke(pools[admin], {"sluice": "create-first-admin-key"})
        if not isinstance(answer, dict) or not isinstance(answer.get("key"), str):
            raise RehearsalFailed(f"The admin function gave no first key but members {sorted(answer or ())}.")
        return str(answer["key"])

    async def _sweep(self, account: Account, pools: Mapping[str, Pool]) -> None:
        """Lose the entry of the chat call, then run the scheduled sweep over the function's log."""
        report = self.report
        ledger = table_name(self._stage.prefix, "ledger")
        report.items = account.items(ledger)
        account.take_item(ledger, next(item for item in report.items if item["sk"]["S"] == report.request_id))
        route = next(route for route in report.routes if route.path == "/v1/chat/completions")
        written = self._folder / "logs" / f"{route.function}.jsonl"
        # Here functions print into files; on Lambda the same lines go to the function's log group.
        account.put_lines(report.functions[route.function].log_group, written.read_text(encoding="utf-8").splitlines())
        for schedule in report.schedules:
            if "Export" in schedule.function:
                continue  # it speaks to S3 by an SDK whose calls the guard does not read
            found = await invoke(pools[schedule.function], {"source": "aws.events"})
            if "Reconcile" in schedule.function:
                report.swept = {name: found[name] for name in ("seen", "restored", "lost")}
        # The job also leaves the marks by which it knows how far the roll-up has come.
        report.items_after_sweep = [item for item in account.items(ledger) if item["sk"]["S"] != "fence"]

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


def _api_id(url: str) -> str:
    return url.removeprefix("https://").partition(".")[0]
