"""Alerts about budgets: the job that looks at counters every minute, and the topic that it publishes to.

Only the primary region has them: a condition on an item of a global table proves nothing in another region, so two jobs
would tell everything twice.
"""

from __future__ import annotations

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.constructs.gateway_function import GatewayFunction
from infra.constructs.layers import Layers
from infra.constructs.names import alert_topic_arn, alert_topic_name, customer_key_arn
from infra.constructs.permissions import Permissions
from infra.settings import Stage

EVERY = Duration.minutes(1)
TIMEOUT = Duration.seconds(55)
"""Shorter than the interval, so that two runs never overlap."""
MEMORY_MB = 512

GRANTED = Permissions(
    tables={"config": ("GetItem",), "usage": ("GetItem", "Query", "UpdateItem")},
    publishes_alerts=True,
)
"""Read the configuration and the counters; note what was told; publish."""


class AlertJob(Construct):
    """The job, its schedule and its topic."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, layers: Layers) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        key = kms.Key.from_key_arn(self, "Key", customer_key_arn(stack, stage)) if stage.customer_key else None
        topic = sns.Topic(self, "Topic", topic_name=alert_topic_name(stage), enforce_ssl=True, master_key=key)
        for address in stage.alert_emails:
            topic.add_subscription(subscriptions.EmailSubscription(address))
        self.job = GatewayFunction(
            self,
            "Job",
            stage=stage,
            folder="alerts",
            layers=layers,
            permissions=GRANTED,
            timeout=TIMEOUT,
            description="Tells when budgets pass a threshold",
            dependencies=True,
            memory_mb=MEMORY_MB,
            variables={"SLUICE_ALERT_TOPIC": alert_topic_arn(stack, stage)},
        )
        # No retry: the next minute looks again.
        look = targets.LambdaFunction(self.job.alias, retry_attempts=0)
        events.Rule(self, "Schedule", schedule=events.Schedule.rate(EVERY), targets=[look])
        CfnOutput(self, "TopicArn", value=topic.topic_arn, description="Subscribe to it for alerts about budgets")
