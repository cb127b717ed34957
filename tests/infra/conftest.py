"""One synth for all tests of the CDK app: starting the CDK's JavaScript side takes seconds, the templates do not."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# Read when the CDK's library starts its Node process, which importing it does.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")

CUSTOMER_KEY = "mrk-" + "0123456789abcdef" * 2
PRIMARY, SECONDARY = "us-east-1", "us-west-2"


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


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The synthesized app, without the layers' files, checked by cdk-nag."""
    from aws_cdk import App, Validations
    from cdk_nag import AwsSolutionsChecks

    from infra.app import add_stage, context_of_project
    from infra.constructs.layers import Platform
    from infra.settings import stage_named

    folder = tmp_path_factory.mktemp("cdk.out")
    app = App(context=context_of_project(), outdir=str(folder), analytics_reporting=False)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    platform = Platform(skip_layers=True)
    add_stage(app, stage_named("prod"), platform)
    add_stage(app, stage_named("pr-1"), platform)
    add_stage(app, dataclasses.replace(stage_named("pr-2"), customer_key=CUSTOMER_KEY), platform)
    try:
        app.synth()
    except RuntimeError as failure:
        # Findings of cdk-nag raise after everything was written; the test that reads the report shows them.
        if "ValidationFailed" not in str(failure):
            raise
    return Assembly(folder)
