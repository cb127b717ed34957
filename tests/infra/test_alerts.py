"""Alerts about budgets: one job and one topic, in the primary region alone, each allowed exactly what it needs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from infra.settings import InvalidStage, Stage, stage_named
from sluice.settings import Settings
from tests.infra.conftest import CUSTOMER_KEY, PRIMARY, SECONDARY, Assembly


def only(assembly: Assembly, of_type: str, beginning: str, stage: str = "prod") -> dict[str, Any]:
    found = assembly.resources("jobs", of_type, stage=stage)
    (item,) = [item["Properties"] for name, item in found.items() if name.startswith(beginning)]
    return dict(item)


def statements(assembly: Assembly, stage: str = "prod") -> dict[str, dict[str, Any]]:
    role = only(assembly, "AWS::IAM::Role", "AlertsJobRole", stage)
    found = [part for policy in role["Policies"] for part in policy["PolicyDocument"]["Statement"]]
    return {part["Sid"]: part for part in found}


def test_only_the_primary_region_tells(assembly: Assembly) -> None:
    assert len(assembly.resources("jobs", "AWS::SNS::Topic")) == 1
    assert assembly.resources("jobs", "AWS::SNS::Topic", region=SECONDARY) == {}
    functions = assembly.resources("jobs", "AWS::Lambda::Function", region=SECONDARY)
    assert not [name for name in functions if name.startswith("Alerts")]


def test_the_job_looks_every_minute_and_ends_before_the_next_one(assembly: Assembly) -> None:
    rule = only(assembly, "AWS::Events::Rule", "AlertsSchedule")
    assert rule["ScheduleExpression"] == "rate(1 minute)"
    (target,) = rule["Targets"]
    assert "AlertsJobLive" in str(target["Arn"])
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 0}
    assert only(assembly, "AWS::Lambda::Function", "AlertsJobFunction")["Timeout"] == 55


def test_the_job_may_read_counters_note_and_publish_and_nothing_else(assembly: Assembly) -> None:
    found = statements(assembly)
    assert set(found) == {"Logs", "ConfigTable", "UsageTable", "Alerts"}
    assert found["ConfigTable"]["Action"] == "dynamodb:GetItem"
    assert found["UsageTable"]["Action"] == ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"]
    assert found["Alerts"]["Action"] == "sns:Publish"
    assert found["Alerts"]["Resource"] == {
        "Fn::Join": ["", [f"arn:aws:sns:{PRIMARY}:", {"Ref": "AWS::AccountId"}, ":sluice-prod-alerts"]]
    }


def test_no_other_function_may_publish(assembly: Assembly) -> None:
    publishing = [
        (file, name)
        for file, template in assembly.templates().items()
        for name, item in template["Resources"].items()
        if item["Type"] == "AWS::IAM::Role" and "sns:" in json.dumps(item)
    ]
    assert {name[: len("AlertsJobRole")] for _, name in publishing} == {"AlertsJobRole"}


def test_the_job_is_told_the_topic_that_exists(assembly: Assembly) -> None:
    topic = only(assembly, "AWS::SNS::Topic", "AlertsTopic")
    assert topic["TopicName"] == "sluice-prod-alerts"
    variables = only(assembly, "AWS::Lambda::Function", "AlertsJobFunction")["Environment"]["Variables"]
    arn = "".join(part if isinstance(part, str) else "1" for part in variables["SLUICE_ALERT_TOPIC"]["Fn::Join"][1])
    told = Settings.from_environment({**variables, "SLUICE_ALERT_TOPIC": arn, "AWS_REGION": PRIMARY})
    assert told.alert_topic == f"arn:aws:sns:{PRIMARY}:1:sluice-prod-alerts"


def test_the_topic_takes_messages_over_tls_only(assembly: Assembly) -> None:
    policy = only(assembly, "AWS::SNS::TopicPolicy", "AlertsTopic")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_a_customers_key_encrypts_the_topic_and_the_job_may_use_it(assembly: Assembly) -> None:
    assert "KmsMasterKeyId" not in only(assembly, "AWS::SNS::Topic", "AlertsTopic")
    assert CUSTOMER_KEY in str(only(assembly, "AWS::SNS::Topic", "AlertsTopic", "pr-2")["KmsMasterKeyId"])
    through = statements(assembly, "pr-2")["CustomerKey"]["Condition"]["StringEquals"]["kms:ViaService"]
    assert f"sns.{PRIMARY}.amazonaws.com" in through


def test_each_address_of_the_stage_is_subscribed(tmp_path: Path) -> None:
    from aws_cdk import App

    from infra.app import add_stage, context_of_project
    from infra.constructs.layers import Platform

    stage = dataclasses.replace(stage_named("pr-9", regions=PRIMARY), alert_emails=("a@example.com", "b@example.com"))
    app = App(context=context_of_project(), outdir=str(tmp_path), analytics_reporting=False)
    add_stage(app, stage, Platform(skip_layers=True))
    template = app.synth().get_stack_by_name(f"sluice-pr-9-{PRIMARY}-jobs").template
    found = [item["Properties"] for item in template["Resources"].values() if item["Type"] == "AWS::SNS::Subscription"]
    assert sorted((each["Protocol"], each["Endpoint"]) for each in found) == [
        ("email", "a@example.com"),
        ("email", "b@example.com"),
    ]


@pytest.mark.parametrize("address", ["finops", "a b@example.com", "@example.com"])
def test_what_is_no_address_is_refused_before_anything_is_deployed(address: str) -> None:
    with pytest.raises(InvalidStage, match="alert_emails"):
        Stage("dev", regions=("us-east-1",), alert_emails=(address,))
