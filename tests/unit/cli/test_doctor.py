"""`sluice doctor`: what it sees in an account that is right, and in one that is not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from sluice.cli import checks
from sluice.cli.checks import FAILED, OK, UNKNOWN, WARNING, Finding, Place, examine
from sluice.cli.main import main
from sluice.settings import TABLES, TableSchema, table_name

REGION, OTHER = "us-east-1", "eu-west-1"
PEPPER = "p" * 40
KEY = "sk-provider-secret-text"


@cache
def real(service: str) -> Any:
    """Return a client of moto's AWS; making one takes longer than all that a test does with it."""
    return boto3.client(service, region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing")


class Fake:
    """A client whose operations answer what they are told, or raise it."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            answer = self._answers[name]
            answer = answer(**arguments) if callable(answer) else answer
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Operation")


def identity(shift: float = 0.0) -> Fake:
    def answer() -> dict[str, Any]:
        headers = {"date": formatdate(time.time() + shift, usegmt=True)}
        return {
            "Account": "123456789012",
            "Arn": "arn:aws:sts::1:assumed-role/ops/me",
            "ResponseMetadata": {"HTTPHeaders": headers},
        }

    return Fake(get_caller_identity=answer)


class Account:
    """An account as a deployment leaves it, partly moto's and partly made up."""

    def __init__(self) -> None:
        self.fakes: dict[str, Any] = {
            "sts": identity(),
            "lambda": self.limits(1000),
            "apigateway": Fake(get_account={"throttleSettings": {"rateLimit": 10_000.0, "burstLimit": 5000}}),
            "cloudformation": Fake(describe_stacks={"Stacks": [{"StackStatus": "UPDATE_COMPLETE"}]}),
        }

    @staticmethod
    def limits(free: int) -> Fake:
        limit = {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": free}
        return Fake(get_account_settings={"AccountLimit": limit})

    def client(self, service: str) -> Any:
        return self.fakes.get(service) or real(service)

    def place(self, *regions: str, **values: Any) -> Place:
        return Place("prod", REGION, regions or (REGION,), self.client, **values)

    def findings(self, *regions: str, **values: Any) -> dict[str, Finding]:
        return {finding.about: finding for finding in examine(self.place(*regions, **values))}


def create(schema: TableSchema) -> None:
    client, name = real("dynamodb"), table_name("sluice-prod", schema.name)
    stream = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": schema.stream}} if schema.stream else {}
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("pk", "sk")],
        **stream,
    )
    if schema.ttl:
        spec = {"Enabled": True, "AttributeName": schema.ttl}
        client.update_time_to_live(TableName=name, TimeToLiveSpecification=spec)
    if schema.restorable:
        client.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )


@pytest.fixture
def account() -> Iterator[Account]:
    with mock_aws():
        for schema in TABLES:
            create(schema)
        secrets = real("secretsmanager")
        bundle = {"openai": {"api_key": KEY}, "anthropic": {"api_key": ""}}
        secrets.create_secret(Name="sluice-prod/providers", SecretString=json.dumps(bundle))
        secrets.create_secret(Name="sluice-prod/gateway", SecretString=json.dumps({"pepper": PEPPER}))
        sns = real("sns")
        topic = sns.create_topic(Name="sluice-prod-alerts")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:q")
        yield Account()


def test_an_account_as_it_must_be_has_nothing_but_good_findings(account: Account) -> None:
    found = account.findings()
    assert {finding.state for finding in found.values()} == {OK}
    assert set(found) >= {"credentials", "clock", "Lambda concurrency", "table sluice-prod-ledger", "alarms"}
    assert found["secret sluice-prod/providers"].seen == "keys of openai"


def test_no_secret_is_in_any_finding(account: Account) -> None:
    told = repr(account.findings())
    assert KEY not in told
    assert PEPPER not in told


def test_too_little_concurrency_comes_with_the_command_that_asks_for_more(account: Account) -> None:
    account.fakes["lambda"] = account.limits(90)
    found = account.findings(requests_per_second=200)["Lambda concurrency"]
    assert found.state == FAILED
    assert "200 requests a second of 5 s take 1000" in found.seen
    assert "--quota-code L-B99A9384 --desired-value 1500" in found.remedy


def test_little_room_is_a_warning(account: Account) -> None:
    assert account.findings(requests_per_second=180)["Lambda concurrency"].state == WARNING


@pytest.mark.parametrize(("shift", "state"), [(0, OK), (-60, WARNING), (3600, FAILED)])
def test_a_clock_that_is_wrong_is_seen(account: Account, shift: float, state: str) -> None:
    account.fakes["sts"] = identity(shift)
    assert account.findings()["clock"].state == state


def test_an_api_that_lets_too_few_in_fails(account: Account) -> None:
    account.fakes["apigateway"] = Fake(get_account={"throttleSettings": {"rateLimit": 10.0}})
    assert account.findings()["API Gateway throttle"].state == FAILED


@pytest.mark.parametrize(
    ("status", "state"), [("CREATE_COMPLETE", OK), ("UPDATE_ROLLBACK_COMPLETE", WARNING), ("UPDATE_FAILED", FAILED)]
)
def test_stacks_are_seen_as_the_last_deployment_left_them(account: Account, status: str, state: str) -> None:
    account.fakes["cloudformation"] = Fake(describe_stacks={"Stacks": [{"StackStatus": status}]})
    assert account.findings()["stack sluice-prod-us-east-1-api"].state == state


def test_a_stack_that_is_missing_fails(account: Account) -> None:
    account.fakes["cloudformation"] = Fake(describe_stacks=refused("ValidationError"))
    assert account.findings()["stack sluice-prod-us-east-1-jobs"].seen == "does not exist"


def test_tables_that_were_changed_by_hand_are_told_with_what_they_lost(account: Account) -> None:
    dynamo = account.client("dynamodb")
    dynamo.update_continuous_backups(
        TableName="sluice-prod-config", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    off = {"Enabled": False, "AttributeName": "expires_at"}
    dynamo.update_time_to_live(TableName="sluice-prod-cache", TimeToLiveSpecification=off)
    dynamo.update_table(TableName="sluice-prod-ledger", StreamSpecification={"StreamEnabled": False})
    dynamo.delete_table(TableName="sluice-prod-usage")
    found = account.findings()
    assert found["table sluice-prod-config"].seen == "has no point-in-time recovery"
    assert found["table sluice-prod-cache"].seen == "nothing expires by expires_at"
    assert found["table sluice-prod-ledger"].seen == "has no stream with NEW_AND_OLD_IMAGES"
    assert found["table sluice-prod-usage"].seen == "does not exist"


def test_global_tables_need_a_replica_in_every_region(account: Account) -> None:
    found = account.findings(REGION, OTHER)
    assert found["table sluice-prod-config"].seen == f"has no replica in {OTHER}"
    assert found["table sluice-prod-ledger"].state == OK


@pytest.mark.parametrize(
    ("kind", "text", "state"),
    [
        ("providers", "{}", WARNING),
        ("providers", "not json", FAILED),
        ("providers", '["a"]', FAILED),
        ("gateway", '{"pepper": "short"}', FAILED),
        ("gateway", '"text"', FAILED),
    ],
)
def test_secrets_that_the_gateway_cannot_use_are_told(account: Account, kind: str, text: str, state: str) -> None:
    account.client("secretsmanager").put_secret_value(SecretId=f"sluice-prod/{kind}", SecretString=text)
    assert account.findings()[f"secret sluice-prod/{kind}"].state == state


def test_a_replica_of_a_secret_that_is_behind_fails(account: Account) -> None:
    late = {"ReplicationStatus": [{"Region": OTHER, "Status": "Failed"}]}
    text = json.dumps({"pepper": PEPPER})
    account.fakes["secretsmanager"] = Fake(describe_secret=late, get_secret_value={"SecretString": text})
    states = [
        finding.state for finding in checks.secrets(account.place()) if "not in sync in eu-west-1" in finding.seen
    ]
    assert states == [FAILED, FAILED]


def test_alerts_that_nobody_hears_are_a_warning(account: Account) -> None:
    waiting = {"Subscriptions": [{"SubscriptionArn": "PendingConfirmation"}]}
    topics = {"Topics": [{"TopicArn": "arn:aws:sns:us-east-1:1:sluice-prod-alerts"}]}
    account.fakes["sns"] = Fake(list_topics=topics, list_subscriptions_by_topic=waiting)
    found = account.findings()["topic sluice-prod-alerts"]
    assert (found.state, found.seen) == (WARNING, "1 wait for confirmation")


def test_what_lies_in_a_queue_comes_with_the_command_that_makes_it_good(account: Account) -> None:
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName="sluice-prod-left")["QueueUrl"]
    assert account.findings()["queue sluice-prod-left"].state == OK
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    found = account.findings()["queue sluice-prod-left"]
    assert (found.state, found.remedy) == (WARNING, "sluice redrive --stage prod --region us-east-1")


def test_alarms_that_are_on_are_named(account: Account) -> None:
    cloudwatch = account.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="sluice-prod-failures", MetricName="Failures", Namespace="Sluice/prod", Period=60, Statistic="Sum",
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    cloudwatch.set_alarm_state(AlarmName="sluice-prod-failures", StateValue="ALARM", StateReason="test")
    assert account.findings()["alarms"].seen == "on: sluice-prod-failures"


def test_what_may_not_be_seen_is_unknown_and_names_the_permission(account: Account) -> None:
    account.fakes["lambda"] = Fake(get_account_settings=refused("AccessDeniedException"))
    account.fakes["cloudformation"] = Fake(describe_stacks=refused("Throttling"))
    found = account.findings()
    assert found["concurrency"].state == UNKNOWN
    assert found["concurrency"].remedy == "It takes lambda:GetAccountSettings."
    assert found["stacks"].state == UNKNOWN
    assert found["clock"].state == OK


def test_an_account_that_cannot_be_reached_fails(account: Account) -> None:
    account.fakes["sts"] = Fake(get_caller_identity=EndpointConnectionError(endpoint_url="https://example.com"))
    found = account.findings()["identity and clock"]
    assert (found.state, found.seen) == (FAILED, "no answer (EndpointConnectionError)")


def test_the_command_prints_what_to_do_and_fails_when_something_failed(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SLUICE_API_KEY", raising=False)
    monkeypatch.setattr("sluice.cli.doctor._clients", lambda region, url: account.client)
    assert main(["doctor", "--stage", "prod", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["passed"] is True
    account.fakes["lambda"] = account.limits(1)
    assert main(["doctor", "--stage", "prod", "--rps", "50"]) == 1
    printed = capsys.readouterr()
    assert "request-service-quota-increase" in printed.out
    assert "1 of" in printed.err
