"""The nightly comparison with invoices: its function, its schedule, and one alarm per provider."""

from __future__ import annotations

from aws_cdk import CfnOutput, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra.constructs.gateway_function import GatewayFunction
from infra.constructs.layers import Layers
from infra.constructs.permissions import Permissions
from infra.settings import Stage
from sluice.metrics import INVOICE_DRIFT
from sluice.settings import metric_namespace

TIMEOUT = Duration.minutes(15)
MEMORY_MB = 512
OUTPUT = "InvoicesFunction"
"""The stack's output that says what to invoke; `sluice invoices run` reads it."""

GRANTED = Permissions(
    tables={"usage": ("DeleteItem", "GetItem", "PutItem", "Query")}, provider_secret=True, invoices=True
)


class InvoiceJob(Construct):
    """Compares at night, when the days that vendors call final by then are complete in UTC."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, layers: Layers) -> None:
        super().__init__(scope, construct_id)
        self.job = GatewayFunction(
            self,
            "Job",
            stage=stage,
            folder="invoices",
            layers=layers,
            permissions=GRANTED,
            timeout=TIMEOUT,
            description="Compares the ledger with what vendors charge",
            dependencies=True,
            memory_mb=MEMORY_MB,
            variables={"SLUICE_INVOICES": stage.invoices.text()},
        )
        # No retry: the next night takes up what a run has left.
        target = targets.LambdaFunction(self.job.alias, retry_attempts=0)
        schedule = events.Schedule.cron(hour="5", minute="17")
        events.Rule(self, "Schedule", schedule=schedule, targets=[target])
        for provider in stage.invoices.providers:
            self._alarm(stage, provider)
        CfnOutput(self, "Function", value=self.job.alias.function_arn).override_logical_id(OUTPUT)

    def _alarm(self, stage: Stage, provider: str) -> None:
        metric = cloudwatch.Metric(
            namespace=metric_namespace(stage.name),
            metric_name=INVOICE_DRIFT.name,
            dimensions_map={INVOICE_DRIFT.by[0].names[0]: provider},
            statistic="Maximum",
            period=Duration.days(1),
        )
        metric.create_alarm(
            self,
            f"Drift-{provider}",
            alarm_description=f"The ledger and {provider} differ by more than {stage.invoices.bar_bp} basis points.",
            threshold=stage.invoices.bar_bp,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
