"""The nightly comparison with invoices: its function and its schedule; its alarm is one of infra.observability."""

from __future__ import annotations

from aws_cdk import CfnOutput, Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra.constructs.gateway_function import GatewayFunction
from infra.constructs.layers import Layers
from infra.constructs.permissions import Permissions
from infra.settings import Stage

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
        CfnOutput(self, "Function", value=self.job.alias.function_arn).override_logical_id(OUTPUT)
