"""Work that no caller waits for: the roll-up of the ledger's stream, and the sweep that compares all books."""

from __future__ import annotations

from aws_cdk import CfnOutput, Duration, Environment, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.constructs.acknowledgements import acknowledge
from infra.constructs.alerts import AlertJob
from infra.constructs.exporter import ExporterJob
from infra.constructs.gateway_function import GatewayFunction
from infra.constructs.invoices import InvoiceJob
from infra.constructs.layers import Layers, Platform
from infra.constructs.names import export_bucket_name, ledger_stream_parameter, log_group_name
from infra.constructs.permissions import Permissions
from infra.constructs.rotation import RotationJob
from infra.settings import Stage

RECONCILE_EVERY = Duration.minutes(5)
RECONCILE_TIMEOUT = Duration.minutes(4)
"""Shorter than the interval, so that two sweeps never overlap."""

QUEUE_OUTPUT, JOB_OUTPUT = "RollupLeftUrl", "ReconcileFunction"
"""Outputs that `sluice redrive` reads: where the roll-up's leavings are, and what makes them good."""

LOGGED_REQUESTS = ("streaming", "completion")
"""The functions whose log lines tell of requests that must stand in the ledger."""

SWEEP = Permissions(
    tables={
        "config": ("GetItem", "Query"),
        "ledger": ("BatchGetItem", "PutItem", "Query"),
        "usage": ("BatchGetItem", "DeleteItem", "GetItem", "Query", "UpdateItem"),
    },
    logs_of=LOGGED_REQUESTS,
)
EXPORTS = Permissions(tables={"config": ("Query",), "ledger": ("Query",)}, exports=("GetObject", "PutObject"))
EXPORT_TIMEOUT = Duration.minutes(15)
EXPORT_HOURS = "2-4"
"""UTC; each run goes on where the one before ended, and yesterday's last entries stand by then."""
ROLLUP_TABLES = {"usage": ("BatchGetItem", "DeleteItem", "Query", "UpdateItem")}
"""DeleteItem: journals, once they are added up."""
ROLLUP_TIMEOUT = Duration.minutes(1)
ROLLUP_BATCH = 500
ROLLUP_WINDOW = Duration.seconds(5)
"""What comes within that time is added up together: many entries of one team cost few writes."""
ROLLUP_AGE = Duration.hours(20)
"""A record is tried again for so long, well within the 24 hours that a stream keeps it."""
ACKNOWLEDGED = {
    "AwsSolutions-SQS3": "The queue is itself where records go that could not be added up.",
}


class JobsStack(Stack):
    """One region's scheduled functions."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, region: str, platform: Platform) -> None:
        super().__init__(
            scope,
            construct_id,
            env=Environment(account=stage.account, region=region),
            description=f"Sluice {stage.name}: scheduled jobs",
        )
        layers = Layers(self, "Layers", platform=platform)
        self.rollup = self._rollup(stage, layers)
        self.export = self._export(stage, layers)
        if stage.exporters:
            ExporterJob(self, "Exporter", stage=stage, layers=layers)
        if region == stage.primary:
            AlertJob(self, "Alerts", stage=stage, layers=layers)
            RotationJob(self, "Rotation", stage=stage, layers=layers)
        # The figures of all regions meet in the global tables, so one of them compares.
        if stage.invoices.providers and region == stage.primary:
            InvoiceJob(self, "Invoices", stage=stage, layers=layers)
        self.reconcile = GatewayFunction(
            self,
            "Reconcile",
            stage=stage,
            folder="reconcile",
            layers=layers,
            permissions=SWEEP,
            timeout=RECONCILE_TIMEOUT,
            description="Puts missing entries into the ledger",
            dependencies=True,
            variables={"SLUICE_LOG_GROUPS": ",".join(log_group_name(stage, name) for name in LOGGED_REQUESTS)},
        )
        job = self.reconcile.alias.function_arn
        CfnOutput(self, "ReconcileJob", value=job).override_logical_id(JOB_OUTPUT)
        # No retry and no dead-letter queue: the next sweep finds whatever a failed one has left.
        sweep = targets.LambdaFunction(self.reconcile.alias, retry_attempts=0)
        schedule = events.Schedule.rate(RECONCILE_EVERY)
        events.Rule(self, "ReconcileSchedule", schedule=schedule, targets=[sweep])

    def _rollup(self, stage: Stage, layers: Layers) -> GatewayFunction:
        stream = ssm.StringParameter.value_for_string_parameter(self, ledger_stream_parameter(stage))
        rollup = GatewayFunction(
            self,
            "Rollup",
            stage=stage,
            folder="rollup",
            layers=layers,
            permissions=Permissions(tables=ROLLUP_TABLES, stream=stream),
            timeout=ROLLUP_TIMEOUT,
            description="Adds the ledger up into usage",
        )
        left = sqs.Queue(
            self,
            "RollupLeft",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        acknowledge(left, ACKNOWLEDGED)
        CfnOutput(self, "LeftUrl", value=left.queue_url).override_logical_id(QUEUE_OUTPUT)
        rollup.alias.add_event_source_mapping(
            "LedgerStream",
            event_source_arn=stream,
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            batch_size=ROLLUP_BATCH,
            max_batching_window=ROLLUP_WINDOW,
            report_batch_item_failures=True,
            bisect_batch_on_error=True,
            max_record_age=ROLLUP_AGE,
            on_failure=sources.SqsDlq(left),
        )
        return rollup

    def _export(self, stage: Stage, layers: Layers) -> GatewayFunction:
        export = GatewayFunction(
            self,
            "Export",
            stage=stage,
            folder="export",
            layers=layers,
            permissions=EXPORTS,
            timeout=EXPORT_TIMEOUT,
            description="Puts each day's ledger into S3",
            dependencies=True,
            memory_mb=512,
            variables={"SLUICE_EXPORT_BUCKET": export_bucket_name(self, stage)},
        )
        target = targets.LambdaFunction(export.alias, retry_attempts=0)
        schedule = events.Schedule.cron(minute="10", hour=EXPORT_HOURS)
        events.Rule(self, "ExportSchedule", schedule=schedule, targets=[target])
        return export
