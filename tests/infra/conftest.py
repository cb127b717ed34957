"""One synth for all tests of the CDK app: starting the CDK's JavaScript side takes seconds, the templates do not."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from infra.settings import Stage

# Read when the CDK's library starts its Node process, which importing it does.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")

CUSTOMER_KEY = "mrk-" + "0123456789abcdef" * 2
PRIMARY, SECONDARY, THIRD = "us-east-1", "us-west-2", "eu-west-1"


@dataclass(frozen=True)
class Assembly:
    """The cloud assembly of three stages: prod (two regions), pr-1 (ephemeral) and pr-2 (with a customer's key)."""

    folder: Path

    def template(self, kind: str, *, stage: str = "prod", region: str = PRIMARY) -> dict[str, Any]:
        """Return one stack's template; `kind` is data, api or jobs."""
        path = self.folder / f"sluice-{stage}-{region}-{kind}.template.json"
        return dict(json.loads(path.read_text(encoding="utf-8")))

    def templates(self) -> dict[str, dict[str, Any]]:
        """Return every template by file name."""
        paths = sorted(self.folder.glob("*.template.json"))
        return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in paths}

    def resources(self, kind: str, of_type: str, *, stage: str = "prod", region: str = PRIMARY) -> dict[str, Any]:
        """Return the resources of one CloudFormation type in a stack, by logical id."""
        template = self.template(kind, stage=stage, region=region)
        return {name: item for name, item in template["Resources"].items() if item["Type"] == of_type}

    def findings(self) -> list[str]:
        """Return what cdk-nag found and nobody acknowledged: rule and construct."""
        report = json.loads((self.folder / "validation-report.json").read_text(encoding="utf-8"))
        return [
            f"{violation['ruleName']}: {construct['constructPath']}"
            for plugin in report["pluginReports"]
            for violation in plugin["violations"]
            for construct in violation["violatingConstructs"]
        ]


def synthesized(folder: Path, *stages: Stage) -> Assembly:
    """Return the assembly of `stages`, without the layers' files, looked over by cdk-nag."""
    from aws_cdk import App, Validations
    from cdk_nag import AwsSolutionsChecks

    from infra.app import add_stage, context_of_project
    from infra.constructs.layers import Platform

    app = App(context=context_of_project(), outdir=str(folder), analytics_reporting=False)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    for stage in stages:
        add_stage(app, stage, Platform(skip_layers=True))
    try:
        app.synth()
    except RuntimeError as failure:
        # Findings of cdk-nag raise after everything was written; the test that reads the report shows them.
        if "ValidationFailed" not in str(failure):
            raise
    return Assembly(folder)


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The synthesized app as its settings stand, and two stages more."""
    from infra.settings import stage_named

    with_key = dataclasses.replace(stage_named("pr-2"), customer_key=CUSTOMER_KEY)
    return synthesized(tmp_path_factory.mktemp("cdk.out"), stage_named("prod"), stage_named("pr-1"), with_key)


@pytest.fixture(scope="session")
def shaped(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """A production stage in three regions that uses every setting of its shape, with a region that differs."""
    from infra.capacity import Capacity
    from infra.domain import Domain
    from infra.releases import Release
    from infra.settings import RegionSettings, stage_named

    other = RegionSettings(
        memory_mb=256, requests_per_second=50, burst=60, capacity={}, firewall_rate=0, release=Release()
    )
    stage = dataclasses.replace(
        stage_named("prod", regions=f"{PRIMARY},{SECONDARY},{THIRD}"),
        release=Release("linear_10_percent_every_1_minute", errors=7, failed_percent=9, first_byte_ms=4_000),
        capacity={"streaming": Capacity(ready=2, ready_limit=20), "routing": Capacity(ready=1, reserved=50)},
        domain=Domain("llm.example.com", "example.com", "Z0123456789ABCDEFGHIJ", unhealthy_percent=40),
        firewall_rate=2_000,
        per_region={SECONDARY: other},
    )
    return synthesized(tmp_path_factory.mktemp("cdk.shaped"), stage)
