"""ARNs of things that are known by name, so that no stack imports a value from another one.

An exported value ties two stacks together until neither can change; a name that both derive from the stage does not.
"""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack

from infra.settings import Stage
from sluice.settings import EXPORT_PREFIX, UPLOAD_PREFIX, table_name


def table_arn(stack: Stack, stage: Stage, name: str) -> str:
    """Return the ARN, in the stack's own region, of the table that the schema calls `name`."""
    return stack.format_arn(service="dynamodb", resource="table", resource_name=table_name(stage.prefix, name))


def ledger_stream_parameter(stage: Stage) -> str:
    """Return the name of the parameter that holds the ARN of the ledger's stream, which no name can tell."""
    return f"/{stage.prefix}/ledger-stream"


def secret_arn(stack: Stack, name: str) -> str:
    """Return the ARN pattern of one secret.

    Secrets Manager appends six random characters to the name; `??????` matches exactly those, so the pattern means
    this one secret (IAM guide of Secrets Manager, "Secret ARN format").
    """
    arn_format = ArnFormat.COLON_RESOURCE_NAME
    return stack.format_arn(
        service="secretsmanager", resource="secret", resource_name=f"{name}-??????", arn_format=arn_format
    )


def upload_bucket_name(stack: Stack, stage: Stage) -> str:
    """Return the name of the region's bucket of uploads; account and region make it unique among all of AWS's."""
    return f"{stage.prefix}-uploads-{stack.account}-{stack.region}"


def export_bucket_name(stack: Stack, stage: Stage) -> str:
    """Return the name of the region's bucket of ledger exports."""
    return f"{stage.prefix}-exports-{stack.account}-{stack.region}"


def archive_bucket_name(stack: Stack, stage: Stage) -> str:
    """Return the name of the region's bucket of payloads and of exported entries."""
    return f"{stage.prefix}-archive-{stack.account}-{stack.region}"


def archive_arn(stack: Stack, stage: Stage, prefix: str) -> str:
    """Return the ARN pattern of every object in the region's archive whose key begins with `prefix`."""
    return f"arn:{stack.partition}:s3:::{archive_bucket_name(stack, stage)}/{prefix}*"


def exports_arn(stack: Stack, stage: Stage) -> str:
    """Return the ARN pattern of every export in the region's bucket, and of nothing else in it."""
    return f"arn:{stack.partition}:s3:::{export_bucket_name(stack, stage)}/{EXPORT_PREFIX}*"


def uploads_arn(stack: Stack, stage: Stage) -> str:
    """Return the ARN pattern of every upload in the region's bucket, and of nothing else in it."""
    return f"arn:{stack.partition}:s3:::{upload_bucket_name(stack, stage)}/{UPLOAD_PREFIX}*"


def customer_key_arn(stack: Stack, stage: Stage, *, region: str | None = None) -> str:
    """Return the ARN of the stage's multi-Region key in `region` (the stack's own by default)."""
    return stack.format_arn(service="kms", resource="key", resource_name=stage.customer_key, region=region)


def alert_topic_name(stage: Stage) -> str:
    """Return the name of the topic for alerts about budgets, which only the primary region has."""
    return f"{stage.prefix}-alerts"


def alert_topic_arn(stack: Stack, stage: Stage) -> str:
    """Return the ARN of that topic in the stack's region."""
    return stack.format_arn(service="sns", resource=alert_topic_name(stage))


def log_group_name(stage: Stage, name: str) -> str:
    """Return the name of a log group: of a function by its folder, or of the API's access log ("access")."""
    return f"/{stage.prefix}/{name}"


def health_alarm_name(stage: Stage) -> str:
    """Return the name, the same in every region, of the alarm by which Route 53 knows that a region fails."""
    return f"{stage.prefix}-health"


def log_group_arn(stack: Stack, stage: Stage, name: str) -> str:
    """Return a log group's ARN as policies on its log events spell it.

    The `*` stands for the group's streams, whose names Lambda chooses (CloudWatch Logs guide, "Log groups").
    """
    arn_format = ArnFormat.COLON_RESOURCE_NAME
    resource_name = f"{log_group_name(stage, name)}:*"
    return stack.format_arn(service="logs", resource="log-group", resource_name=resource_name, arn_format=arn_format)
