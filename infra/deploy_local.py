"""Rehearse a deployment: deploy to a fresh emulator with the CDK CLI, call what was deployed, destroy it.

    python -m infra.deploy_local [--keep]

The steps are those of `docs/deploy.md`: bootstrap, deploy, put the providers' keys, create the first admin key, publish
a configuration, create a key. Then a streamed chat call goes through the deployed definition to the simulated provider;
its entry is looked up in the deployed ledger, taken out, and put back by the scheduled sweep. Prints a line for each
step and a JSON summary last; exits with 1 when a step failed. `--keep` leaves the folder with the logs.
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
from infra.settings import stage_named
from sluice.local.invocation import FunctionFailed

STAGE = "pr-local"


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
        "denied": [f"{role}: {access.action} on {access.resource}" for role, access in report.denied],
        "left": report.left,
        "seconds": report.seconds,
    }
    statuses = (report.health, report.without_key, report.unknown_path[0]) == (200, 401, 404)
    answered = set(report.others.values()) == {"200"} and bool(report.items) and report.swept.get("restored") == 1
    figures["ok"] = statuses and answered and not report.denied and not report.left
    return figures


def main(arguments: Iterable[str] | None = None) -> int:
    """Run the rehearsal in a new folder."""
    parser = argparse.ArgumentParser(prog="python -m infra.deploy_local", description="Rehearse a deployment.")
    parser.add_argument("--keep", action="store_true", help="leave the folder with the logs")
    options = parser.parse_args(None if arguments is None else list(arguments))
    reason = missing()
    if reason is not None:
        sys.stderr.write(f"Nothing can be deployed here: {reason}.\n")
        return 1
    folder = Path(tempfile.mkdtemp(prefix="sluice-deploy-"))
    try:
        report = asyncio.run(Rehearsal(stage_named(STAGE), folder, _say).run())
    except (BuildFailed, CdkFailed, RehearsalFailed, FunctionFailed, OSError, httpx.HTTPError) as failure:
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
