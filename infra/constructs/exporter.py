"""The exporter of telemetry: its function, fed by the ledger's stream, and where records go that nobody took."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.constructs.acknowledgements import acknowledge
from infra.constructs.gateway_function import GatewayFunction
from infra.constructs.layers import Layers
from infra.constructs.names import ledger_stream_parameter
from infra.constructs.permissions import Permissions
from infra.exporters import text_of
from infra.settings import Stage
from sluice.settings import ENTRIES_PREFIX

TIMEOUT = Duration.minutes(2)
BATCH = 200
WINDOW = Duration.seconds(10)
"""What comes within that time goes to a target in one call."""
AGE = Duration.hours(6)
"""So long a target may be out of order before records go to the queue."""
ACKNOWLEDGED = {
    "AwsSolutions-SQS3": "The queue is itself where records go that no target took.",
}


class ExporterJob(Construct):
    """The second consumer of the ledger's stream; a stream serves two at full speed (DynamoDB guide, 2026-11)."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, layers: Layers) -> None:
        super().__init__(scope, construct_id)
        stream = ssm.StringParameter.value_for_string_parameter(self, ledger_stream_parameter(stage))
        to_bucket = any(target.kind == "s3" for target in stage.exporters)
        self.job = GatewayFunction(
            self,
            "Job",
            stage=stage,
            folder="exporter",
            layers=layers,
            permissions=Permissions(
                tables={"config": ("GetItem",)},  # for the fences of teams whose requests must stay somewhere
                provider_secret=True,
                stream=stream,
                archives=ENTRIES_PREFIX if to_bucket else "",
            ),
            timeout=TIMEOUT,
            description="Delivers the ledger to where telemetry goes",
            variables={"SLUICE_EXPORTERS": text_of(stage.exporters)},
        )
        left = sqs.Queue(
            self,
            "ExporterLeft",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        acknowledge(left, ACKNOWLEDGED)
        self.job.alias.add_event_source_mapping(
            "LedgerStream",
            event_source_arn=stream,
            starting_position=lambda_.StartingPosition.LATEST,
            batch_size=BATCH,
            max_batching_window=WINDOW,
            report_batch_item_failures=True,
            max_record_age=AGE,
            on_failure=sources.SqsDlq(left),
        )
