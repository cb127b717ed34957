"""How a new version takes over: alias, alarms, rollback, and what moves together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.releases import STRATEGIES, InvalidRelease, Release
from infra.settings import STAGES, stage_named
from sluice.metrics import METRICS
from sluice.settings import metric_namespace
from tests.infra.conftest import PRIMARY, SECONDARY, Assembly

GROUP = "AWS::CodeDeploy::DeploymentGroup"
FUNCTIONS = ("streaming", "completion", "routing", "admin")


def groups(assembly: Assembly, region: str = PRIMARY) -> dict[str, dict[str, Any]]:
    found = assembly.resources("api", GROUP, region=region)
    return {
        name: item["Properties"]
        for name in FUNCTIONS
        for key, item in found.items()
        if key.startswith(f"Release{name.capitalize()}")
    }


def alarm(assembly: Assembly, name: str) -> dict[str, Any]:
    found = assembly.resources("api", "AWS::CloudWatch::Alarm")
    (properties,) = [item["Properties"] for key, item in found.items() if key.startswith(f"Release{name}")]
    return dict(properties)


def test_production_releases_by_canary_and_development_at_once(assembly: Assembly) -> None:
    assert STAGES["prod"].release.strategy == "canary_10_percent_5_minutes"
    assert not STAGES["dev"].release.shifts
    configured = {item["DeploymentConfigName"] for item in groups(assembly).values()}
    assert configured == {"CodeDeployDefault.LambdaCanary10Percent5Minutes"}
    assert assembly.resources("api", GROUP, stage="pr-1") == {}


def test_every_function_behind_the_api_is_shifted_under_alarms_that_roll_it_back(assembly: Assembly) -> None:
    found = groups(assembly)
    assert set(found) == set(FUNCTIONS)
    for name, group in found.items():
        rollback = group["AutoRollbackConfiguration"]
        assert rollback["Enabled"] is True
        assert set(rollback["Events"]) >= {"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"}
        watched = [item["Name"]["Ref"] for item in group["AlarmConfiguration"]["Alarms"]]
        assert group["AlarmConfiguration"]["Enabled"] is True
        expected = [f"Release{name.capitalize()}Errors", "ReleaseFailed", "ReleaseFirstByte", "ReleaseSettleFailures"]
        assert [each.startswith(start) for each, start in zip(watched, expected, strict=True)] == [True] * 4


def test_the_alias_is_moved_by_its_own_deployment_group(assembly: Assembly) -> None:
    for key, item in assembly.resources("api", "AWS::Lambda::Alias").items():
        policy = item["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        assert policy["DeploymentGroupName"]["Ref"].startswith(f"Release{key.partition('Live')[0]}")


def test_errors_are_counted_on_the_version_that_is_new(assembly: Assembly) -> None:
    properties = alarm(assembly, "StreamingErrors")
    dimensions = {item["Name"]: item["Value"] for item in properties["Dimensions"]}
    version, attribute = dimensions["ExecutedVersion"]["Fn::GetAtt"]
    assert (attribute, version in assembly.resources("api", "AWS::Lambda::Version")) == ("Version", True)
    assert dimensions["Resource"]["Fn::Join"][1][1] == ":live"
    assert (properties["MetricName"], properties["Statistic"], properties["Threshold"]) == ("Errors", "Sum", 3)


def test_alarms_watch_metrics_that_sluice_emits(assembly: Assembly) -> None:
    emitted = {metric.name: metric for metric in METRICS}
    first, settled = alarm(assembly, "FirstByte"), alarm(assembly, "SettleFailures")
    assert {first["Namespace"], settled["Namespace"]} == {metric_namespace("prod")}
    assert "p99" in emitted[first["MetricName"]].statistics
    assert first["ExtendedStatistic"] == "p99"
    assert settled["Statistic"] in emitted[settled["MetricName"]].statistics
    for name in ("FirstByte", "SettleFailures"):
        assert "Dimensions" not in alarm(assembly, name)


def test_thresholds_are_those_of_the_stage(shaped: Assembly) -> None:
    assert [alarm(shaped, name)["Threshold"] for name in ("StreamingErrors", "Failed", "FirstByte")] == [7, 9, 4_000]
    configured = {item["DeploymentConfigName"] for item in groups(shaped).values()}
    assert configured == {"CodeDeployDefault.LambdaLinear10PercentEvery1Minute"}
    assert groups(shaped, SECONDARY) == {}


def test_an_idle_api_cannot_trip_a_percentage(assembly: Assembly) -> None:
    (expression,) = [item for item in alarm(assembly, "Failed")["Metrics"] if "Expression" in item]
    assert expression["Expression"] == "IF(count > 20, 100 * failed / count, 0)"
    assert alarm(assembly, "Failed")["TreatMissingData"] == "notBreaching"


def test_whoever_shifts_callers_may_move_these_aliases_and_read_these_alarms(assembly: Assembly) -> None:
    roles = assembly.resources("api", "AWS::IAM::Role")
    (role,) = [item["Properties"] for key, item in roles.items() if key.startswith("ReleaseRole")]
    assert "ManagedPolicyArns" not in role
    shift, watch = role["Policies"][0]["PolicyDocument"]["Statement"]
    assert len(shift["Resource"]) == 2 * len(FUNCTIONS)
    alarms = assembly.resources("api", "AWS::CloudWatch::Alarm")
    assert {arn["Fn::GetAtt"][0] for arn in watch["Resource"]} == {key for key in alarms if key.startswith("Release")}


def test_jobs_change_only_after_callers_were_moved(assembly: Assembly) -> None:
    import json

    manifest = json.loads((assembly.folder / "manifest.json").read_text(encoding="utf-8"))
    for region in (PRIMARY, SECONDARY):
        needed = manifest["artifacts"][f"sluice-prod-{region}-jobs"]["dependencies"]
        assert f"sluice-prod-{region}-api" in needed


def test_a_new_layer_makes_a_new_version_so_that_code_and_layers_move_and_roll_back_together(tmp_path: Path) -> None:
    def version(content: str) -> str:
        from aws_cdk import App, Duration, Stack
        from aws_cdk import aws_lambda as lambda_
        from aws_cdk.assertions import Template

        from infra.app import context_of_project
        from infra.constructs.gateway_function import GatewayFunction
        from infra.constructs.layers import Layers, Platform
        from infra.constructs.permissions import Permissions

        class Given(Layers):
            def _code(self, name: str) -> lambda_.Code:
                return lambda_.Code.from_asset(str(folder))

        folder = tmp_path / content
        folder.mkdir()
        (folder / "module.py").write_text(content, encoding="utf-8")
        stack = Stack(App(context=context_of_project(), analytics_reporting=False), "stack")
        GatewayFunction(
            stack,
            "Function",
            stage=stage_named("dev"),
            folder="routing",
            layers=Given(stack, "Layers", platform=Platform()),
            permissions=Permissions(),
            timeout=Duration.seconds(5),
            description="Under test",
        )
        (made,) = Template.from_stack(stack).find_resources("AWS::Lambda::Version")
        return str(made)

    first, same, other = version("one"), version("two"), version("three")
    assert len({first, same, other}) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"strategy": "canary"},
        {"errors": 0},
        {"failed_percent": 0},
        {"failed_percent": 101},
        {"first_byte_ms": 99},
        {"settle_failures": 0},
    ],
    ids=str,
)
def test_a_release_that_never_or_always_trips_is_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRelease, match=f"{next(iter(wrong))} is .*; it must be"):
        Release(**wrong)


def test_every_strategy_is_one_that_codedeploy_has_of_itself() -> None:
    from aws_cdk import aws_codedeploy as codedeploy

    for strategy, name in STRATEGIES.items():
        assert getattr(codedeploy.LambdaDeploymentConfig, name).deployment_config_name.startswith("CodeDeployDefault.")
        assert Release(strategy).shifts
