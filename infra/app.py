"""The CDK app: for each region of a stage a data, an API and a jobs stack, and one stack for the names of all.

    python -m infra.app [--build] [-c stage=dev] [-c regions=eu-central-1,...] [-c account=123456789012] [-c local=1]

Without the CDK command line it writes the same cloud assembly (to `cdk.out`, or `--output`). It asks nothing of AWS.
`--build` builds layers that are missing. Context: `stage` names an entry of `infra/settings.py`; `regions` and
`account` replace its own; `local=1` builds for this machine instead of arm64 and leaves out what the emulator cannot
do; `skip_layer_build=1` synthesizes without the layers' files, to look at templates.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aws_cdk import App

from infra.build import DEPLOYED, LAYERS, ROOT, BuildFailed, LayerMissing, build, host
from infra.constructs.layers import Platform
from infra.constructs.published import publish
from infra.emulator import strip
from infra.settings import InvalidStage, Stage, stage_named
from infra.stacks.api import ApiStack
from infra.stacks.data import DataStack
from infra.stacks.global_ import GlobalStack
from infra.stacks.jobs import JobsStack
from infra.stacks.observability import ObservabilityStack


@dataclass(frozen=True, slots=True)
class RegionStacks:
    """The stacks of one region."""

    data: DataStack
    api: ApiStack
    jobs: JobsStack
    observability: ObservabilityStack


def add_stage(app: App, stage: Stage, platform: Platform) -> dict[str, RegionStacks]:
    """Add every stack of `stage` to `app`; return them by region."""
    regions: dict[str, RegionStacks] = {}
    for region in stage.regions:
        name, here = f"{stage.prefix}-{region}", stage.at(region)
        data = DataStack(app, f"{name}-data", stage=here, region=region)
        if region != stage.primary:
            # Replicas of the tables and secrets come from there.
            data.add_stack_dependency(regions[stage.primary].data, "the primary region owns the global tables")
        api = ApiStack(app, f"{name}-api", stage=here, region=region, platform=platform)
        jobs = JobsStack(app, f"{name}-jobs", stage=here, region=region, platform=platform)
        api.add_stack_dependency(data, "functions use the tables by name")
        jobs.add_stack_dependency(data, "functions use the tables by name")
        jobs.add_stack_dependency(api, "jobs change once callers have been moved to the new version, and not before")
        publish(api, here)
        watched = ObservabilityStack(app, f"{name}-observability", stage=here, region=region, jobs=publish(jobs, here))
        watched.add_stack_dependency(jobs, "names of functions and queues are read when it is deployed")
        regions[region] = RegionStacks(data, api, jobs, watched)
    if stage.domain is not None:
        names = GlobalStack(app, f"{stage.prefix}-global", stage=stage, domain=stage.domain)
        for region, stacks in regions.items():
            names.add_stack_dependency(stacks.api, f"the records point at the one of {region}")
    return regions


def context_of_project() -> dict[str, object]:
    """Return the context that the CDK command line would give, so that a synth without it gives the same templates."""
    document: dict[str, dict[str, object]] = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))
    return document["context"] | {"aws:cdk:enable-path-metadata": True}


def synthesize(app: App, *, build_layers: bool) -> None:
    """Write the assembly of the stage that the app's context chooses."""

    def text(name: str, default: str = "") -> str:
        return str(app.node.try_get_context(name) or default)

    stage = stage_named(text("stage", "dev"), regions=text("regions"), account=text("account"))
    local = text("local") == "1"
    platform = Platform(target=host() if local else DEPLOYED, skip_layers=text("skip_layer_build") == "1")
    if build_layers and not platform.skip_layers:
        for layer in LAYERS:
            build(layer, platform.target)
    regions = add_stage(app, stage, platform)
    if local:
        strip(app, [alarm for stacks in regions.values() for alarm in stacks.observability.on_expressions])
    app.synth()


def main(arguments: Iterable[str] | None = None) -> int:
    """Synthesize; print a clear message and return 1 when the stage or a layer is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m infra.app", description="Synthesize the CDK app.")
    parser.add_argument("-c", "--context", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--build", action="store_true", help="build layers that are missing")
    parser.add_argument("--output", default=None, help="folder of the cloud assembly")
    options = parser.parse_args(None if arguments is None else list(arguments))
    app = App(context=_context(options.context), outdir=options.output, analytics_reporting=False)
    try:
        synthesize(app, build_layers=options.build)
    except (InvalidStage, LayerMissing, BuildFailed) as reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    return 0


def _context(pairs: Iterable[str]) -> Mapping[str, object]:
    given = (pair.partition("=") for pair in pairs)
    return context_of_project() | {name: value for name, _, value in given}


if __name__ == "__main__":
    sys.exit(main())
