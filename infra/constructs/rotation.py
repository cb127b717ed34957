"""Rotation of the providers' keys: the function, who may invoke it, and when.

Only the primary region has it: the secret belongs there, and AWS copies each version to the replicas. Every hour the
function looks whether something is due and asks Secrets Manager to begin; the rotation schedule on the secret itself is
the way in which Secrets Manager knows the function, and begins a rotation alone if the look should have stopped.
"""

from __future__ import annotations

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.constructs.gateway_function import GatewayFunction
from infra.constructs.layers import Layers
from infra.constructs.permissions import Permissions
from infra.settings import Stage

EVERY = Duration.hours(1)
TIMEOUT = Duration.minutes(10)
MEMORY_MB = 512
OUTPUT = "RotationFunction"
"""The stack's output that says what to invoke; `sluice rotation` reads it."""

GRANTED = Permissions(rotates_secret=True)
"""Read and write versions of the providers' secret, move its labels, begin a rotation of it."""


class RotationJob(Construct):
    """The function, its hourly look and the secret's rotation schedule."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, layers: Layers) -> None:
        super().__init__(scope, construct_id)
        self.job = GatewayFunction(
            self,
            "Job",
            stage=stage,
            folder="rotation",
            layers=layers,
            permissions=GRANTED,
            timeout=TIMEOUT,
            description="Rotates the providers' keys",
            dependencies=True,
            memory_mb=MEMORY_MB,
            variables={"SLUICE_ROTATION": stage.rotation.text()},
        )
        # Whoever begins a rotation must be allowed to invoke its function (API reference, RotateSecret, 2026-11).
        itself = iam.PolicyStatement(
            sid="Itself", actions=["lambda:InvokeFunction"], resources=[self.job.alias.function_arn]
        )
        role = self.job.function.role
        if role is not None:
            iam.Policy(self, "BeginsRotation", statements=[itself], roles=[role])
        # No retry: the next hour looks again.
        look = targets.LambdaFunction(self.job.alias, retry_attempts=0)
        events.Rule(self, "Schedule", schedule=events.Schedule.rate(EVERY), targets=[look])
        self._schedule(stage)
        CfnOutput(self, "Function", value=self.job.alias.function_arn).override_logical_id(OUTPUT)

    def _schedule(self, stage: Stage) -> None:
        # By account and not by the secret: its ARN ends in characters that nobody knows, and the function itself
        # refuses every other secret (user guide, "Permissions for rotation", 2026-11).
        self.job.alias.add_permission(
            "SecretsManager",
            principal=iam.ServicePrincipal("secretsmanager.amazonaws.com"),
            source_account=Stack.of(self).account,
        )
        schedule = secretsmanager.CfnRotationSchedule(
            self,
            "Backstop",
            secret_id=stage.provider_secret,
            rotation_lambda_arn=self.job.alias.function_arn,
            # A deployment is no reason to change keys.
            rotate_immediately_on_update=False,
            rotation_rules=secretsmanager.CfnRotationSchedule.RotationRulesProperty(
                automatically_after_days=stage.rotation.backstop_days
            ),
        )
        schedule.node.add_dependency(self.job.alias)
