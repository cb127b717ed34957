"""The alert job from the tables to a subscriber's queue, against the emulator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import boto3
import pytest

from sluice.aws.alerts import alerts_handler, counters_of
from sluice.aws.dynamodb import DynamoClient
from sluice.aws.stores.configurations import DynamoConfigurationStore
from sluice.aws.stores.keys import DynamoKeyStore
from sluice.control.budget_schema import NANO
from sluice.providers.transport import HttpTransport
from sluice.settings import Settings
from tests.emulator import Emulator
from tests.fakes import KEY, virtual_key
from tests.unit.aws.stores.connected import connected

NOW = 1_794_700_800.0  # 2026-11-15 00:00:00 UTC
COUNTER = "budget#search#search#2026-11-15"
BUDGET = {"scope": {"kind": "team", "value": "search"}, "amount": 100 * NANO, "window": {"kind": "day"}}


class Job:
    """The job, its tables, and a queue that listens to its topic."""

    def __init__(self, emulator: Emulator, client: DynamoClient, prefix: str) -> None:
        self.client, self.prefix = client, prefix
        self.lines: list[dict[str, Any]] = []
        told = {"region_name": emulator.region, "endpoint_url": emulator.url}
        told |= {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        self._sns, self._sqs = boto3.client("sns", **told), boto3.client("sqs", **told)
        self.topic = self._sns.create_topic(Name=f"{prefix}-alerts")["TopicArn"]
        self._queue = self._sqs.create_queue(QueueName=f"{prefix}-heard")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        self._sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)
        self._environ = emulator.environment(prefix)

    def write(self, line: str) -> None:
        self.lines.append(json.loads(line))

    def close(self) -> None:
        self._sns.close()
        self._sqs.close()

    def configure(self, document: dict[str, object]) -> None:
        store = DynamoConfigurationStore(self.client, f"{self.prefix}-config")
        store.promote(store.publish(document), store.live().revision)

    def use(self, usd: int, name: str = COUNTER) -> None:
        item = {"pk": name, "sk": "us-east-1#0", "committed": usd * NANO, "spent": usd * NANO, "slack": 0}
        self.client.put_item(f"{self.prefix}-usage", item)

    def run(self, *, now: float = NOW, topic: bool = True) -> dict[str, int]:
        environ = {**self._environ, "SLUICE_ALERT_TOPIC": self.topic if topic else ""}
        transport = HttpTransport(trusted=True)
        try:
            handler = alerts_handler(
                Settings.from_environment(environ),
                transport=transport,
                lines=self,
                now=lambda: now,
                client=self._sns,
            )
            return handler({}, None)
        finally:
            transport.drop_connections()

    def heard(self) -> list[dict[str, Any]]:
        messages = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]


@pytest.fixture
def job(emulator: Emulator, tables: str) -> Iterator[Job]:
    with connected(emulator) as client, closing(Job(emulator, client, tables)) as made:
        yield made


def test_a_threshold_that_is_passed_reaches_the_topic_once(job: Job) -> None:
    job.configure({"budgets": {"search": BUDGET}})
    job.use(49)
    assert job.run() == {"looked": 1, "alerts": 0, "unread": 0, "failed": 0}
    job.use(81)
    assert job.run(now=NOW + 60)["alerts"] == 1
    assert job.run(now=NOW + 120)["alerts"] == 0
    (message,) = job.heard()
    assert message["Subject"].endswith("budget search has used 80 % of $100.00")
    text, _, card = message["Message"].rpartition("\n\n")
    assert "used $81.00 of $100.00" in text
    assert json.loads(card)["threshold"] == 80
    attributes = {name: each["Value"] for name, each in message["MessageAttributes"].items()}
    assert attributes == {"budget": "search", "scope": "team", "alert": "threshold"}


def test_a_delivery_is_visible_in_the_log_with_and_without_a_topic(job: Job) -> None:
    job.configure({"budgets": {"search": BUDGET}})
    job.use(60)
    job.run(topic=False)
    (alert,) = [line for line in job.lines if line["kind"] == "alert"]
    assert (alert["threshold"], alert["topic"], alert["value"]) == (50, "", "search")
    assert job.heard() == []


def test_a_topic_that_is_gone_loses_no_alert(job: Job) -> None:
    job.configure({"budgets": {"search": BUDGET}})
    job.use(60)
    topic, job.topic = job.topic, job.topic + "-gone"
    assert job.run() == {"looked": 1, "alerts": 0, "unread": 0, "failed": 1}
    assert [line["counter"] for line in job.lines if line["kind"] == "alert_failed"] == [COUNTER]
    job.topic = topic
    assert job.run(now=NOW + 600)["alerts"] == 1
    assert len(job.heard()) == 1


def test_without_a_configuration_or_budgets_there_is_nothing_to_tell(job: Job) -> None:
    quiet = {"looked": 0, "alerts": 0, "unread": 0, "failed": 0}
    assert job.run() == quiet
    job.configure({"routes": {}})
    assert job.run() == quiet
    assert job.lines == []


def test_teams_and_keys_are_known_before_they_have_counters(job: Job, tables: str) -> None:
    keys = DynamoKeyStore(job.client, f"{tables}-config")
    key = virtual_key(KEY)
    keys.create(key)
    settings = Settings.from_environment({**job._environ})
    known = counters_of(job.client, settings, keys).known
    assert (list(known("team")), list(known("key")), list(known("user"))) == ([key.team], [key.id], [])
