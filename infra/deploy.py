"""Deploy a stage region by region, and stop at the first region that does not stand afterwards.

    python -m infra.deploy STAGE [--regions ...] [--account ...] [--bake MINUTES] [--approve] [--from REGION]

The app is synthesized once, so every region gets the same code, layers and templates. Then, wave by wave (the primary
region first, the others in the order of the stage, what is global last): the CDK command line deploys the stacks, the
region is called (with SLUICE_API_KEY by `sluice smoke` too), and its alarms must stay quiet for the bake time. Inside
a wave CodeDeploy shifts callers as the stage's release setting says and shifts them back by itself. A wave that fails
ends the run; no later region has been touched. Prints a line for each step and a JSON summary last; ends with 1 when a
wave failed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.build import ROOT
from infra.drill.cdk import COMMAND, missing
from infra.region_checks import RegionFailed, answers, quiet, smoked
from infra.settings import InvalidStage, Stage, stage_named

URL_OUTPUT = "GatewayUrl"
GLOBAL = "global"
"""What the last wave is called: it has the names of all regions."""

Run = Callable[[Sequence[str]], int]
Check = Callable[[str, str], None]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wave:
    """What is deployed in one go: a region, or what is global, and the names of its stacks."""

    name: str
    stacks: tuple[str, ...]


@dataclass
class Result:
    """How far a run has come. `failed` is None where all waves are done."""

    done: list[str] = field(default_factory=list)
    failed: str | None = None
    reason: str = ""
    left: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def waves(assembly: Path, stage: Stage) -> tuple[Wave, ...]:
    """Return the waves of a synthesized stage, in the order in which they are deployed."""
    manifest = json.loads((assembly / "manifest.json").read_text(encoding="utf-8"))
    found = [name for name, item in manifest["artifacts"].items() if item["type"] == "aws:cloudformation:stack"]
    regional = [
        Wave(region, tuple(name for name in found if name.startswith(f"{stage.prefix}-{region}-")))
        for region in stage.regions
    ]
    placed = {name for wave in regional for name in wave.stacks}
    rest = tuple(name for name in found if name not in placed)
    return (*regional, Wave(GLOBAL, rest)) if rest else tuple(regional)


def roll_out(
    planned: Sequence[Wave], assembly: Path, *, run: Run, check: Check, say: Say, options: Sequence[str] = ()
) -> Result:
    """Deploy the waves one after the other; `check(region, url)` raises RegionFailed where a region does not stand."""
    result = Result()
    for position, wave in enumerate(planned):
        began = time.monotonic()
        say(f"{wave.name}: {', '.join(wave.stacks)}")
        reason = _wave(wave, assembly, run, check, options)
        result.seconds[wave.name] = round(time.monotonic() - began, 1)
        if reason is not None:
            result.failed, result.reason = wave.name, reason
            result.left = [later.name for later in planned[position + 1 :]]
            say(f"{wave.name}: {reason}")
            return result
        result.done.append(wave.name)
    return result


def _wave(wave: Wave, assembly: Path, run: Run, check: Check, options: Sequence[str]) -> str | None:
    """Deploy one wave; return why it failed, or None."""
    outputs = assembly / f"outputs-{wave.name}.json"
    outputs.unlink(missing_ok=True)
    # Exclusively: the stacks that these depend on in other regions have had their wave, or are not asked for.
    command = ["deploy", *wave.stacks, "--exclusively", "--app", str(assembly), "--outputs-file", str(outputs)]
    status = run([*command, *options])
    if status != 0:
        return f"cdk deploy ended with status {status}; CloudFormation and CodeDeploy have gone back to what was there."
    if wave.name == GLOBAL:
        return None
    try:
        check(wave.name, _url(outputs))
    except RegionFailed as failure:
        return str(failure)
    return None


def _url(outputs: Path) -> str:
    found = json.loads(outputs.read_text(encoding="utf-8")) if outputs.exists() else {}
    urls = [values[URL_OUTPUT] for values in found.values() if URL_OUTPUT in values]
    if len(urls) != 1:
        raise RegionFailed(f"The API's stack told {len(urls)} addresses ({URL_OUTPUT}) where one was to be expected.")
    return str(urls[0])


def main(arguments: Iterable[str] | None = None) -> int:
    """Synthesize, deploy in waves, and say how to go on or back where one failed."""
    options = _options(arguments)
    try:
        stage = stage_named(options.stage, regions=options.regions, account=options.account)
    except InvalidStage as reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    absent = missing()
    if absent is not None:
        sys.stderr.write(f"Nothing can be deployed from here: {absent}.\n")
        return 1
    assembly = ROOT / "cdk.out" / stage.name
    if _synthesized(options, assembly) != 0:
        return 1
    planned = waves(assembly, stage)
    if options.first:
        names = [wave.name for wave in planned]
        if options.first not in names:
            sys.stderr.write(f"There is no wave {options.first!r}; there are {', '.join(names)}.\n")
            return 1
        planned = planned[names.index(options.first) :]

    def check(region: str, url: str) -> None:
        answers(url)
        if not smoked(url, os.environ):
            _say(f"{region}: without SLUICE_API_KEY no call to a model is tried.")
        quiet(stage.prefix, region, options.bake * 60)

    approval = "broadening" if options.approve else "never"
    given = ("--require-approval", approval, "--no-notices")
    result = roll_out(planned, assembly, run=_cdk, check=check, say=_say, options=given)
    if result.failed is not None:
        _say(_advice(stage, result))
    _say(json.dumps({"stage": stage.name, **vars(result), "ok": result.failed is None}))
    return 0 if result.failed is None else 1


def _advice(stage: Stage, result: Result) -> str:
    """Return what an operator can do after a wave has failed."""
    told = [f"Not touched: {', '.join(result.left) or 'nothing is left'}."]
    again = f"make deploy STAGE={stage.name}"
    told.append(f"Put it right and go on: {again} FROM={result.failed}.")
    if result.done:
        told.append(f"Or go back in {', '.join(result.done)}: check out what ran before, and {again}.")
    return " ".join(told)


def _options(arguments: Iterable[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.deploy", description="Deploy a stage, region by region.")
    parser.add_argument("stage", help="a stage of infra/settings.py, or pr-<anything>")
    parser.add_argument("--regions", default="", help="other regions than the stage's, the primary one first")
    parser.add_argument("--account", default="", help="the AWS account, where the stage names none")
    parser.add_argument("--from", dest="first", default="", metavar="REGION", help="begin with this region's wave")
    parser.add_argument("--bake", type=float, default=5.0, help="minutes for which alarms must be quiet (default 5)")
    parser.add_argument("--approve", action="store_true", help="ask before permissions get broader")
    return parser.parse_args(None if arguments is None else list(arguments))


def _synthesized(options: argparse.Namespace, assembly: Path) -> int:
    context = {"stage": options.stage, "regions": options.regions, "account": options.account}
    given = [part for name, value in context.items() if value for part in ("-c", f"{name}={value}")]
    command = [sys.executable, "-m", "infra.app", "--build", "--output", str(assembly), *given]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def _cdk(arguments: Sequence[str]) -> int:
    return subprocess.run([str(COMMAND), *arguments], cwd=ROOT, check=False).returncode


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
