"""The one way in which Sluice makes a Lambda function.

A function is a folder under `functions/` with `handler.handler`, its own role and log group, and an alias `live` on a
published version: whatever invokes it invokes the alias, so a deployment moves traffic from one version to another.
Streaming functions start the loop of the runtime layer in place of the managed one.
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.build import ROOT
from infra.capacity import Capacity
from infra.constructs.acknowledgements import acknowledge
from infra.constructs.layers import Layers
from infra.constructs.names import archive_bucket_name, upload_bucket_name
from infra.constructs.permissions import Permissions
from infra.constructs.retention import kept, log_group
from infra.settings import Stage

STREAMING_WRAPPER = "/opt/streaming-wrapper"
ALIAS = "live"
BUSY = 0.7
"""The part of the ready environments that scaling aims to keep busy."""
NO_CAPACITY = Capacity()

ACKNOWLEDGED = {
    "AwsSolutions-L1": "The Python version is the one that layers are built, compiled and measured for; it moves with "
    "infra.build.DEPLOYED, not with the newest runtime.",
}


class GatewayFunction(Construct):
    """A function of the gateway; `alias` is what may be invoked, `log_group` where its lines go."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        folder: str,
        layers: Layers,
        permissions: Permissions,
        timeout: Duration,
        description: str,
        streaming: bool = False,
        dependencies: bool = False,
        memory_mb: int | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.streaming = streaming
        self.folder = folder
        capacity = stage.capacity.get(folder, NO_CAPACITY)
        self.log_group = log_group(self, "Logs", stage, folder)
        self.function = lambda_.Function(
            self,
            "Function",
            description=description,
            code=lambda_.Code.from_asset(str(ROOT / "functions" / folder), exclude=["__pycache__", "*.pyc"]),
            handler="handler.handler",
            runtime=layers.platform.runtime,
            architecture=layers.platform.architecture,
            layers=layers.of(
                *layer_names(
                    # cryptography is in there; without private keys to sign with, cold starts are spared the layer.
                    dependencies=dependencies or (permissions.calls_providers and stage.providers.private_keys),
                    streaming=streaming,
                )
            ),
            memory_size=memory_mb or stage.memory_mb,
            timeout=timeout,
            reserved_concurrent_executions=capacity.reserved or None,
            role=self._role(stage, permissions),
            environment=environment(stage, streaming=streaming)
            | (upload_environment(Stack.of(self), stage) if permissions.uploads else {})
            | (archive_environment(Stack.of(self), stage) if permissions.archives and stage.archive else {})
            | dict(variables or {}),
            log_group=self.log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            system_log_level_v2=lambda_.SystemLogLevel.WARN,
            application_log_level_v2=lambda_.ApplicationLogLevel.INFO,
            # Published versions stay: the one before is what a rollback points the alias at, and a stream that is
            # under way ends on the version that it began on.
            current_version_options=lambda_.VersionOptions(removal_policy=kept(stage)),
        )
        acknowledge(self, ACKNOWLEDGED | permissions.acknowledged(Stack.of(self), stage))
        self.alias = self._alias(capacity)

    def _alias(self, capacity: Capacity) -> lambda_.Alias:
        alias = lambda_.Alias(
            self,
            "Live",
            alias_name=ALIAS,
            version=self.function.current_version,
            # With a limit, scaling sets the number; a fixed one beside it would undo that with every deployment.
            provisioned_concurrent_executions=None if capacity.ready_limit else capacity.ready or None,
        )
        if capacity.ready_limit:
            scaled = alias.add_auto_scaling(min_capacity=capacity.ready, max_capacity=capacity.ready_limit)
            scaled.scale_on_utilization(utilization_target=BUSY)
        return alias

    def _role(self, stage: Stage, permissions: Permissions) -> iam.Role:
        # Not the managed policy AWSLambdaBasicExecutionRole: it may write to every log group of the account.
        to_log = iam.PolicyStatement(
            sid="Logs",
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[self.log_group.log_group_arn],
        )
        granted = [to_log, *permissions.statements(Stack.of(self), stage)]
        return iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={"Granted": iam.PolicyDocument(statements=granted)},
        )


def layer_names(*, dependencies: bool, streaming: bool) -> list[str]:
    """Return the layers of a function, in the order in which Lambda unpacks them over each other."""
    optional = {"dependencies": dependencies, "runtime": streaming}
    return [*(name for name, is_needed in optional.items() if is_needed), "sluice"]


def environment(stage: Stage, *, streaming: bool) -> dict[str, str]:
    """Return the variables that `sluice.settings` reads, and the wrapper of streaming functions."""
    variables = {
        "SLUICE_STAGE": stage.name,
        "SLUICE_REGIONS": ",".join(stage.regions),
        "SLUICE_TABLE_PREFIX": stage.prefix,
        "SLUICE_PROVIDER_SECRET": stage.provider_secret,
        "SLUICE_GATEWAY_SECRET": stage.gateway_secret,
        "SLUICE_LEDGER_DAYS": str(stage.ledger_days),
    }
    if stage.providers.services:
        variables["SLUICE_ROLE_SERVICES"] = ",".join(stage.providers.services)
    return variables | ({"AWS_LAMBDA_EXEC_WRAPPER": STREAMING_WRAPPER} if streaming else {})


def upload_environment(stack: Stack, stage: Stage) -> dict[str, str]:
    """Return the variables of functions that come to uploads."""
    return {
        "SLUICE_UPLOAD_BUCKET": upload_bucket_name(stack, stage),
        "SLUICE_UPLOAD_DAYS": str(stage.upload_days),
        "SLUICE_UPLOAD_INLINE_MB": str(stage.upload_inline_mb),
    }


def archive_environment(stack: Stack, stage: Stage) -> dict[str, str]:
    """Return the variables of functions that put something into the archive."""
    return {"SLUICE_ARCHIVE_BUCKET": archive_bucket_name(stack, stage)}
