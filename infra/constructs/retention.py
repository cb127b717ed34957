"""How long things stay: log lines by the stage's retention, resources by whether the stage is ephemeral."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.constructs.names import log_group_name
from infra.settings import LOG_RETENTION, Stage


def log_group(scope: Construct, construct_id: str, stage: Stage, name: str) -> logs.LogGroup:
    """Return the log group `name` (of `names.log_group_name`) whose lines go after the stage's retention."""
    retention = logs.RetentionDays[LOG_RETENTION[stage.log_days]]
    return logs.LogGroup(
        scope,
        construct_id,
        log_group_name=log_group_name(stage, name),
        retention=retention,
        removal_policy=kept(stage),
    )


def kept(stage: Stage) -> RemovalPolicy:
    """Return what becomes of a resource that its stack no longer has."""
    return RemovalPolicy.DESTROY if stage.ephemeral else RemovalPolicy.RETAIN
