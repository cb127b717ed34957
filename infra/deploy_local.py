"""Rehearse a deployment: deploy to a fresh emulator with the CDK CLI, use all of it, destroy it.

    python -m infra.deploy_local [--regions us-east-1,eu-west-1] [--requests 400] [--keep]

The steps are those of `docs/deploy.md`: bootstrap, deploy in waves, put the providers' keys, create the first admin
key, publish a configuration, create a key. Then calls of every kind go through the deployed definition to the simulated
provider in the primary region, and with the same key through the others; traffic goes through all of them; a lost
entry is put back by the sweep; ledgers are added up from their streams; exports, alerts and the redrive of what the
roll-up left run. Every call to AWS is held to the role of the function that makes it. Prints a line for each step and a
JSON summary last; exits with 1 when a step failed. `--keep` leaves the folder with the logs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import httpx

from infra.build import BuildFailed
from infra.drill.cdk import CdkFailed
from infra.drill.rehearsal import Rehearsal, missing
from infra.drill.report import RehearsalFailed, Report
from infra.settings import InvalidStage, stage_named
from sluice.local.invocation import FunctionFailed

STAGE = "pr-local"
REGIONS = "us-east-1,eu-west-1"
ROTATED = {"current": True, "in_force": True, "staged": False, "due": []}


def summary(report: Report) -> dict[str, object]:
    """Return the figures of a rehearsal, and whether all of it went as it must."""
    usage = report.entry.get("usage", {})
    figures: dict[str, object] = {
        "stacks": sum(name.startswith("sluice-") for name in report.stacks),
        "routes": len(report.routes),
        "functions": len(report.functions),
        "health": report.health,
        "without_key": report.without_key,
        "unknown_path": report.unknown_path[0],
        "stream_pieces": len(report.pieces),
        "other_calls": report.others,
        "ledger_items": len(report.items),
        "usage": {name: usage.get(name) for name in ("input", "output")},
        "swept": report.swept,
        "waves": report.waves,
        "elsewhere": {name: vars(each) for name, each in report.regions.items()},
        "traffic": report.traffic,
        "rotated": report.rotated,
        "traffic_rotating": report.traffic_rotating,
        "exports": len(report.exported),
        "alerted": report.alerted,
        "redriven": report.redriven,
        "entries": report.entries,
        "counted": report.counted,
        "denied": [f"{role}: {access.action} on {access.resource}" for role, access in report.denied],
        "left": report.left,
        "seconds": report.seconds,
    }
    statuses = (report.health, report.without_key, report.unknown_path[0]) == (200, 401, 404)
    answered = set(report.others.values()) == {"200"} and bool(report.items) and report.swept.get("restored") == 1
    figures["ok"] = statuses and answered and _jobs_done(report) and not report.denied and not report.left
    return figures


def _jobs_done(report: Report) -> bool:
    """Say whether traffic and jobs went as they must, in every region."""
    elsewhere = all(each.health == 200 and each.models == 200 and each.pieces > 3 for each in report.regions.values())
    books = report.redriven.get("messages") == 1 and report.redriven.get("left") == 0
    told = report.alerted.get("alerts", 0) > 0 and report.alerted.get("failed") == 0
    exported = all(any(f"region={region}/" in key for key in report.exported) for region in report.waves)
    rotated = report.rotated == ROTATED and report.traffic_rotating.get("failed") == 0
    served = report.traffic.get("failed") == 0 and rotated
    return elsewhere and books and told and exported and served and _counted(report)


def _counted(report: Report) -> bool:
    return 0 < report.entries == report.counted


def main(arguments: Iterable[str] | None = None) -> int:
    """Run the rehearsal in a new folder."""
    parser = argparse.ArgumentParser(prog="python -m infra.deploy_local", description="Rehearse a deployment.")
    parser.add_argument("--regions", default=REGIONS, help=f"the primary one first (default {REGIONS})")
    parser.add_argument("--requests", type=int, default=400, help="traffic through all regions (default 400)")
    parser.add_argument("--keep", action="store_true", help="leave the folder with the logs")
    options = parser.parse_args(None if arguments is None else list(arguments))
    reason = missing()
    if reason is not None:
        sys.stderr.write(f"Nothing can be deployed here: {reason}.\n")
        return 1
    folder = Path(tempfile.mkdtemp(prefix="sluice-deploy-"))
    try:
        stage = stage_named(STAGE, regions=options.regions)
        report = asyncio.run(Rehearsal(stage, folder, _say, requests=options.requests).run())
    except (BuildFailed, CdkFailed, RehearsalFailed, FunctionFailed, InvalidStage, OSError, httpx.HTTPError) as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    finally:
        if options.keep:
            _say(f"Logs: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    figures = summary(report)
    _say(json.dumps(figures))
    return 0 if figures["ok"] else 1


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
