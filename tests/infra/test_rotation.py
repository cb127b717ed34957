"""Rotation of provider keys: one function in the primary region, its schedule, and what a stage may ask for."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from infra.rotation_plan import (
    BACKSTOP_DAYS,
    InvalidRotation,
    OpenAIRotation,
    RoleOnly,
    RotationPlan,
    SnowflakeRotation,
    StagedRotation,
)
from infra.settings import stage_named
from sluice.aws.secretsmanager import TTL_SECONDS
from sluice.control.rotation.options import options_from
from sluice.settings import SECRET_REPLICATION_SECONDS
from tests.infra.conftest import PRIMARY, SECONDARY, Assembly

OPENAI = OpenAIRotation(project="proj_1", service_account="user-1")
SNOWFLAKE = SnowflakeRotation(base_url="https://org-acct.snowflakecomputing.com", role="ROTATOR")
SECRET = f":secretsmanager:{PRIMARY}:"


def only(assembly: Assembly, of_type: str, beginning: str) -> dict[str, Any]:
    found = assembly.resources("jobs", of_type)
    (item,) = [item["Properties"] for name, item in found.items() if name.startswith(beginning)]
    return dict(item)


def statements(assembly: Assembly) -> dict[str, dict[str, Any]]:
    role = only(assembly, "AWS::IAM::Role", "RotationJobRole")
    found = [part for policy in role["Policies"] for part in policy["PolicyDocument"]["Statement"]]
    found += only(assembly, "AWS::IAM::Policy", "Rotation")["PolicyDocument"]["Statement"]
    return {part["Sid"]: part for part in found}


def test_only_the_primary_region_rotates_and_the_others_get_copies(assembly: Assembly) -> None:
    assert len(assembly.resources("jobs", "AWS::SecretsManager::RotationSchedule")) == 1
    assert assembly.resources("jobs", "AWS::SecretsManager::RotationSchedule", region=SECONDARY) == {}
    functions = assembly.resources("jobs", "AWS::Lambda::Function", region=SECONDARY)
    assert not [name for name in functions if name.startswith("Rotation")]
    secrets = assembly.resources("data", "AWS::SecretsManager::Secret").values()
    assert all(item["Properties"]["ReplicaRegions"] == [{"Region": SECONDARY}] for item in secrets)


def test_the_function_reaches_the_providers_secret_and_itself_and_nothing_else(assembly: Assembly) -> None:
    found = statements(assembly)
    assert set(found) == {"Logs", "RotatedSecret", "Itself"}
    verbs = {action.removeprefix("secretsmanager:") for action in found["RotatedSecret"]["Action"]}
    assert verbs == {"DescribeSecret", "GetSecretValue", "PutSecretValue", "RotateSecret", "UpdateSecretVersionStage"}
    parts = found["RotatedSecret"]["Resource"]["Fn::Join"][1]
    assert parts[0].endswith(SECRET)
    assert parts[-1] == ":secret:sluice-prod/providers-??????"
    assert found["Itself"]["Action"] == "lambda:InvokeFunction"
    assert "RotationJobLive" in found["Itself"]["Resource"]["Ref"]


def test_nobody_else_may_change_a_secret(assembly: Assembly) -> None:
    writing = [
        name
        for template in assembly.templates().values()
        for name, item in template["Resources"].items()
        if item["Type"] in ("AWS::IAM::Role", "AWS::IAM::Policy") and "PutSecretValue" in json.dumps(item)
    ]
    assert writing
    assert all(name.startswith("RotationJobRole") for name in writing)


def test_secrets_manager_knows_the_function_and_a_deployment_rotates_nothing(assembly: Assembly) -> None:
    schedule = only(assembly, "AWS::SecretsManager::RotationSchedule", "Rotation")
    assert schedule["SecretId"] == "sluice-prod/providers"
    assert schedule["RotateImmediatelyOnUpdate"] is False
    assert "RotationJobLive" in schedule["RotationLambdaARN"]["Ref"]
    item = next(iter(assembly.resources("jobs", "AWS::SecretsManager::RotationSchedule").values()))
    assert any("SecretsManager" in each for each in item["DependsOn"]), "the permission comes first"


def test_the_function_looks_every_hour(assembly: Assembly) -> None:
    rule = only(assembly, "AWS::Events::Rule", "RotationSchedule")
    assert rule["ScheduleExpression"] == "rate(1 hour)"
    function = only(assembly, "AWS::Lambda::Function", "RotationJobFunction")
    assert function["Timeout"] == 600
    assert options_from(function["Environment"]["Variables"]["SLUICE_ROTATION"]).providers == {}


def test_the_function_reads_what_the_stage_says() -> None:
    plan = RotationPlan(
        {
            "openai": dataclasses.replace(OPENAI, days=14),
            "snowflake_cortex": SNOWFLAKE,
            "anthropic": StagedRotation(days=60, test_url="https://api.anthropic.com/v1/models"),
            "bedrock": RoleOnly(),
        },
        overlap_minutes=120,
    )
    stage = dataclasses.replace(stage_named("prod"), rotation=plan)
    read = options_from(stage.rotation.text())
    assert read.overlap_seconds == 7200
    assert {name: each.strategy for name, each in read.providers.items()} == {
        "openai": "openai_service_account",
        "snowflake_cortex": "snowflake_key_pair",
        "anthropic": "staged",
        "bedrock": "role",
    }
    assert plan.backstop_days == 14 + BACKSTOP_DAYS


def test_an_overlap_covers_what_environments_keep_in_memory_and_replication() -> None:
    least = RotationPlan().least_overlap_minutes
    assert least * 60 >= TTL_SECONDS + SECRET_REPLICATION_SECONDS
    RotationPlan({"openai": OPENAI}, overlap_minutes=least)
    with pytest.raises(InvalidRotation, match=r"overlap_minutes is 19; it must be at least 20: .* 15 minutes"):
        RotationPlan({"openai": OPENAI}, overlap_minutes=least - 1)


def test_an_overlap_covers_tokens_that_the_old_key_pair_has_signed() -> None:
    assert RotationPlan({"snowflake_cortex": SNOWFLAKE}).least_overlap_minutes == 80
    with pytest.raises(InvalidRotation, match=r"at least 80: .* tokens signed"):
        RotationPlan({"snowflake_cortex": SNOWFLAKE}, overlap_minutes=79)


def test_an_overlap_ends_before_the_next_rotation() -> None:
    with pytest.raises(InvalidRotation, match="days of openai"):
        RotationPlan({"openai": dataclasses.replace(OPENAI, days=1)}, overlap_minutes=1440)


def test_a_key_outlives_its_rotation_a_week_of_failures_and_the_overlap() -> None:
    RotationPlan({"openai": dataclasses.replace(OPENAI, expires_days=38)})
    with pytest.raises(InvalidRotation, match=r"expires_days of openai is 37; .* at least 38"):
        RotationPlan({"openai": dataclasses.replace(OPENAI, expires_days=37)})


@pytest.mark.parametrize(
    ("make", "setting"),
    [
        (lambda: OpenAIRotation(project="proj 1", service_account="x"), "project"),
        (lambda: OpenAIRotation(project="proj_1", service_account="a/b"), "service_account"),
        (lambda: OpenAIRotation(project="proj_1", service_account="x", days=0), "days"),
        (lambda: OpenAIRotation(project="proj_1", service_account="x", expires_days=366), "expires_days"),
        (lambda: SnowflakeRotation(base_url="https://elsewhere.example"), "base_url"),
        (lambda: SnowflakeRotation(base_url=SNOWFLAKE.base_url, role="a b"), "role"),
        (lambda: StagedRotation(days=1000), "days"),
        (lambda: StagedRotation(test_url="http://host.example"), "test_url"),
        (lambda: RotationPlan({"Open AI": OPENAI}), "provider"),
    ],
)
def test_what_could_not_work_is_refused_before_anything_is_deployed(make: Any, setting: str) -> None:
    with pytest.raises(InvalidRotation, match=setting):
        make()
