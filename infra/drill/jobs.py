"""The jobs of a rehearsal: each scheduled function runs as its schedule would run it, and its work is looked at."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.drill.calls import SIMULATOR
from infra.drill.cdk import ACCOUNT
from infra.drill.definition import Account
from infra.drill.region import Region
from infra.drill.report import Report
from infra.rotation_plan import RotationPlan, StagedRotation
from infra.settings import Stage
from infra.stacks.jobs import QUEUE_OUTPUT
from sluice.cli.redrive import redrive
from sluice.settings import table_name

STAGED = "SLUICESTAGED"
"""The label under which operators stage keys (docs/rotation.md)."""
ROTATED = "sim-rotated"
STAGED_VERSION = "00000000-0000-4000-8000-000000000001"
"""The id of the staged version; Secrets Manager takes 32 characters and more."""


def ledger(stage: Stage) -> str:
    """Return the name of the stage's ledger."""
    return table_name(stage.prefix, "ledger")


def export_bucket(stage: Stage, account: Account) -> str:
    """Return the name of a region's bucket of exports."""
    return f"{stage.prefix}-exports-{ACCOUNT}-{account.region}"


async def sweep(stage: Stage, here: Region, logs: Path, report: Report) -> None:
    """Lose the entry of the chat call, then run the scheduled sweep over the function's log."""
    account = here.account
    report.items = account.items(ledger(stage))
    account.take_item(ledger(stage), next(item for item in report.items if item["sk"]["S"] == report.request_id))
    streaming = here.standing.function("Streaming")
    # Here functions print into files; on Lambda the same lines go to the function's log group.
    written = (logs / f"{streaming.name}.jsonl").read_text(encoding="utf-8").splitlines()
    account.put_lines(streaming.log_group, written)
    found = await here.run("Reconcile", {"source": "aws.events"})
    report.swept = {name: found[name] for name in ("seen", "restored", "lost")}
    # The job also leaves the marks by which it knows how far the roll-up has come.
    report.items_after_sweep = _entries(account, stage)


async def run_all(stage: Stage, regions: Sequence[Region], report: Report) -> None:
    """Run the nightly export and the alerts, and make good what the roll-up has left."""
    here = regions[0]
    today = time.strftime("%Y-%m-%d", time.gmtime())
    for region in regions:
        await region.run("Export", {"sluice": "export", "days": [today]})
        report.exported += region.account.objects(export_bucket(stage, region.account))
        report.entries += len(_entries(region.account, stage))
    report.alerted = await here.run("Alerts", {"source": "aws.events"})
    report.redriven = await _redrive(stage, here)
    for region in regions[1:]:
        # What the roll-up there has only written down becomes a sum.
        await region.run("Reconcile", {"source": "aws.events"})


def rotation_variables(simulator_url: str) -> dict[str, dict[str, str]]:
    """Return the rotation's plan in which the simulated provider is one whose keys an operator stages."""
    place = "https://simulator"
    plan = RotationPlan({SIMULATOR: StagedRotation(test_url=place)})
    # A stage may name https alone; the simulator is on this machine.
    return {"Rotation": {"SLUICE_ROTATION": plan.text().replace(place, f"{simulator_url}/openai/v1/models")}}


async def rotate(stage: Stage, here: Region) -> dict[str, Any]:
    """Stage a new key as an operator does, take the four steps, and look what is in force, as every hour.

    The emulator's Secrets Manager takes no steps of itself.
    """
    secrets, name = here.account.client("secretsmanager"), stage.provider_secret
    staged = json.dumps({SIMULATOR: {"api_key": ROTATED}})
    secrets.put_secret_value(
        SecretId=name, SecretString=staged, VersionStages=[STAGED], ClientRequestToken=STAGED_VERSION
    )
    made = await here.run("Rotation", {"sluice": "rotate"})
    looked = await here.run("Rotation", {"source": "aws.events"})
    held = json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
    versions = secrets.describe_secret(SecretId=name)["VersionIdsToStages"]
    current = next(version for version, labels in versions.items() if "AWSCURRENT" in labels)
    return {
        "current": current.startswith(made["version"]),
        "in_force": held[SIMULATOR]["api_key"] == ROTATED,
        "staged": any(STAGED in labels for labels in versions.values()),
        "due": looked["due"],
    }


async def _redrive(stage: Stage, here: Region) -> dict[str, Any]:
    """Put word of a batch where Lambda puts it, and run what `sluice redrive` runs."""
    loop = asyncio.get_running_loop()
    queue = here.account.output(f"{stage.prefix}-{here.name}-jobs", QUEUE_OUTPUT)
    sqs = here.account.client("sqs")
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    batch = {"approximateArrivalOfFirstRecord": moment, "approximateArrivalOfLastRecord": moment, "batchSize": 1}
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"DDBStreamBatchInfo": batch}))

    def repair(days: list[str]) -> Mapping[str, Any]:
        event = {"sluice": "repair", "days": days}
        found: Mapping[str, Any] = asyncio.run_coroutine_threadsafe(here.run("Reconcile", event), loop).result()
        return found

    found = await asyncio.to_thread(redrive, sqs, queue, repair)
    return {name: getattr(found, name) for name in ("messages", "wrong", "corrected", "left")}


def _entries(account: Account, stage: Stage) -> list[dict[str, Any]]:
    return [item for item in account.items(ledger(stage)) if item["sk"]["S"] != "fence"]
