"""The rehearsal itself: the steps of `docs/deploy.md`, then all that runs in the regions, then the end of the stage.

The regions are deployed in waves by the same code as `make deploy`, from one assembly.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

from infra.build import LAYERS, ROOT, build, host
from infra.deploy import Wave, roll_out, waves
from infra.drill import cdk, jobs
from infra.drill.calls import SIMULATOR, Calls
from infra.drill.cdk import ACCOUNT, Cdk
from infra.drill.definition import Account
from infra.drill.edge import serving
from infra.drill.guard import Guard
from infra.drill.region import Region, Standing, read_back, replicate, served, unreplicate
from infra.drill.report import Elsewhere, RehearsalFailed, Report
from infra.settings import Stage
from sluice.local import children
from sluice.local.emulator import Emulator
from sluice.local.invocation import FunctionFailed
from sluice.local.simulator_child import SimulatorChild

Say = Callable[[str], None]
REQUESTS = 60


class Rehearsal:
    """One rehearsal of `stage`, with its files in `folder`; `say` is told of each step.

    `requests` is how much traffic goes through all regions at once.
    """

    def __init__(self, stage: Stage, folder: Path, say: Say, *, requests: int = REQUESTS) -> None:
        self._stage = stage
        self._folder = folder
        self._say = say
        self._requests = requests
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
            command = Cdk(emulator.url, self._folder)
            with self._step("bootstrap"):
                for region in self._stage.regions:
                    await command.bootstrap(region)
            with self._step("synth"):
                regions = ",".join(self._stage.regions)
                await command.synth({"stage": self._stage.name, "regions": regions, "local": "1"})
            accounts = {region: Account(emulator.url, region) for region in self._stage.regions}
            with self._step("deploy"):
                urls = await self._deploy(command, accounts[self._stage.primary])
            standing = {
                region: read_back(account, urls[region], self._folder / "functions" / region)
                for region, account in accounts.items()
            }
            try:
                await self._use(accounts, standing, emulator.url, simulator.url)
            except FunctionFailed as failure:
                raise RehearsalFailed(f"{failure}{_denials(self.report)}") from failure
            with self._step("destroy"):
                unreplicate(accounts[self._stage.primary], self._stage)
                for account in accounts.values():
                    account.empty(jobs.export_bucket(self._stage, account))
                await command.destroy()
            self.report.left = tuple(each for account in accounts.values() for each in self._existing(account))
        return self.report

    async def _deploy(self, command: Cdk, primary: Account) -> dict[str, str]:
        """Deploy in waves; return the API's address in each region. Raises CdkFailed."""
        urls: dict[str, str] = {}

        def check(region: str, url: str) -> None:
            urls[region] = url
            if region == primary.region:
                # The emulator leaves them out; in AWS they stand when the wave ends.
                replicate(primary, self._stage)

        planned: tuple[Wave, ...] = waves(command.assembly, self._stage)
        runner = command.runner(asyncio.get_running_loop())
        options = ("--require-approval", "never", "--concurrency", "2")
        result = await asyncio.to_thread(
            roll_out, planned, command.assembly, run=runner, check=check, say=self._say, options=options
        )
        if result.failed is not None:
            raise runner.failure or RehearsalFailed(f"The wave {result.failed} failed: {result.reason}")
        self.report.waves = tuple(result.done)
        return urls

    async def _use(
        self, accounts: dict[str, Account], standing: dict[str, Standing], endpoint: str, simulator_url: str
    ) -> None:
        """Serve what was deployed and use it."""
        report, primary = self.report, self._stage.primary
        self._note(accounts, standing)
        guard = Guard(endpoint, ACCOUNT, report.roles)
        report.used, report.denied = guard.used, guard.denied
        async with AsyncExitStack() as exits:
            exits.push_async_callback(guard.close)
            guard_url = await exits.enter_async_context(serving(guard))
            logs = self._folder / "logs"
            regions = {
                name: await exits.enter_async_context(
                    served(
                        self._stage,
                        account,
                        standing[name],
                        guard_url=guard_url,
                        logs=logs,
                        tell=self._say,
                        changed=jobs.rotation_variables(simulator_url),
                    )
                )
                for name, account in accounts.items()
            }
            here = regions[primary]
            calls = Calls(here.client, report)
            with self._step("call"):
                await self._call(here, calls, simulator_url)
            with self._step("elsewhere"):
                for name, region in regions.items():
                    if name != primary:
                        report.regions[name] = await self._call_elsewhere(region, calls)
            with self._step("traffic"):
                report.traffic = await calls.traffic([region.client for region in regions.values()], self._requests)
            with self._step("rotation"):
                clients = [region.client for region in regions.values()]
                during = calls.traffic(clients, self._requests // 2)
                report.rotated, report.traffic_rotating = await asyncio.gather(jobs.rotate(self._stage, here), during)
            with self._step("jobs"):
                await jobs.run_all(self._stage, list(regions.values()), report)
                report.counted = await calls.counted()
                await calls.administer()

    async def _call(self, here: Region, calls: Calls, simulator_url: str) -> None:
        await calls.strangers()
        await calls.set_up(await self._first_key(here), simulator_url)
        await calls.chat()
        await jobs.sweep(self._stage, here, self._folder / "logs", self.report)
        await calls.others()
        await calls.uploads()
        await calls.responses()
        await calls.batches()

    async def _call_elsewhere(self, region: Region, calls: Calls) -> Elsewhere:
        """Call another region with what was set up in the primary one."""
        found = await calls.elsewhere(region.client)
        found.items = len(region.account.items(jobs.ledger(self._stage)))
        return found

    def _note(self, accounts: dict[str, Account], standing: dict[str, Standing]) -> None:
        report, primary = self.report, standing[self._stage.primary]
        report.stacks = tuple(name for account in accounts.values() for name in account.stacks())
        report.routes, report.schedules, report.functions = primary.routes, primary.schedules, primary.functions
        report.all_functions = {name: each for found in standing.values() for name, each in found.functions.items()}
        report.roles = {role: held for found in standing.values() for role, held in found.roles.items()}

    async def _first_key(self, here: Region) -> str:
        """Put the provider's key, and return the first admin key."""
        secret = json.dumps({SIMULATOR: {"api_key": "sim-local"}})
        secrets = here.account.client("secretsmanager")
        secrets.put_secret_value(SecretId=self._stage.provider_secret, SecretString=secret)
        answer = await here.run("Admin", {"sluice": "create-first-admin-key"})
        if not isinstance(answer, dict) or not isinstance(answer.get("key"), str):
            raise RehearsalFailed(f"The admin function gave no first key but members {sorted(answer or ())}.")
        return str(answer["key"])

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


def _denials(report: Report) -> str:
    """Return what the roles did not grant, which is the likeliest reason for a function to fail here."""
    told = sorted({f"{role} may not {access.action} on {access.resource}" for role, access in report.denied})
    return f" ({'; '.join(told)})" if told else ""


def _build_layers() -> None:
    # Here and not in the CDK app, which would build them in the scrubbed environment of its command line.
    for layer in LAYERS:
        build(layer, host())
