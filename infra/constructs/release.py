"""Moves callers from one version to the next step by step, and back when an alarm says so.

CodeDeploy shifts the alias of each function behind the API as the stage's release setting says; an alarm stops the
shift and points the alias at the old version again. CloudFormation takes the stack back with it. A version is code,
layers and variables together, so a rollback takes back all of them; a stream that is under way ends on the version
that it began on, whatever becomes of the alias meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.constructs.gateway_function import ALIAS, GatewayFunction
from infra.constructs.rest_api import API_STAGE
from infra.releases import STRATEGIES
from infra.settings import Stage
from sluice.metrics import FIRST_BYTE, SETTLE_FAILURES
from sluice.settings import metric_namespace

MINUTE = Duration.minutes(1)
FEW = 20
"""Requests a minute below which a percentage says nothing."""


class Release(Construct):
    """The alarms of a release and one deployment group per function, for stages that shift callers step by step."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stage: Stage, functions: Mapping[str, GatewayFunction]
    ) -> None:
        super().__init__(scope, construct_id)
        self._stage = stage
        shared = [self._failed(), self._first_byte(), self._settle_failures()]
        own = {name: self._errors(name, function) for name, function in functions.items()}
        self.alarms = [*shared, *own.values()]
        role = self._role(functions)
        application = codedeploy.LambdaApplication(self, "Application")
        for name, function in functions.items():
            codedeploy.LambdaDeploymentGroup(
                self,
                name.capitalize(),
                application=application,
                alias=function.alias,
                alarms=[own[name], *shared],
                deployment_config=getattr(codedeploy.LambdaDeploymentConfig, STRATEGIES[stage.release.strategy]),
                auto_rollback=codedeploy.AutoRollbackConfig(
                    deployment_in_alarm=True, failed_deployment=True, stopped_deployment=True
                ),
                # The policy below in place of the managed one, which may change every function of the account.
                role=role.without_policy_updates(),
            )

    def _errors(self, name: str, function: GatewayFunction) -> cloudwatch.Alarm:
        """Look at the new version alone: at a tenth of the callers its errors would drown among those of the old."""
        version = function.function.current_version
        metric = cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name="Errors",
            dimensions_map={
                "FunctionName": function.function.function_name,
                "Resource": f"{function.function.function_name}:{ALIAS}",
                "ExecutedVersion": version.version,
            },
            statistic="Sum",
            period=MINUTE,
        )
        return self._alarm(
            f"{name.capitalize()}Errors", metric, self._stage.release.errors, f"The new version of {name} crashes."
        )

    def _failed(self) -> cloudwatch.Alarm:
        dimensions = {"ApiName": self._stage.prefix, "Stage": API_STAGE}

        def metric(name: str) -> cloudwatch.Metric:
            return cloudwatch.Metric(
                namespace="AWS/ApiGateway",
                metric_name=name,
                dimensions_map=dimensions,
                statistic="Sum",
                period=MINUTE,
            )

        percent = cloudwatch.MathExpression(
            expression=f"IF(count > {FEW}, 100 * failed / count, 0)",
            using_metrics={"failed": metric("5XXError"), "count": metric("Count")},
            label="5xx in per cent",
            period=MINUTE,
        )
        threshold = self._stage.release.failed_percent
        return self._alarm("Failed", percent, threshold, "Too many answers of the API are 5xx.", within=3, of_them=2)

    def _first_byte(self) -> cloudwatch.Alarm:
        metric = cloudwatch.Metric(
            namespace=metric_namespace(self._stage.name), metric_name=FIRST_BYTE.name, statistic="p99", period=MINUTE
        )
        threshold = self._stage.release.first_byte_ms
        told = "The first token of streams takes too long (p99)."
        return self._alarm("FirstByte", metric, threshold, told, within=3, of_them=3)

    def _settle_failures(self) -> cloudwatch.Alarm:
        metric = cloudwatch.Metric(
            namespace=metric_namespace(self._stage.name),
            metric_name=SETTLE_FAILURES.name,
            statistic="Sum",
            period=MINUTE,
        )
        threshold = self._stage.release.settle_failures
        return self._alarm("SettleFailures", metric, threshold, "Requests cannot be settled.")

    def _alarm(
        self,
        construct_id: str,
        metric: cloudwatch.IMetric,
        threshold: int,
        told: str,
        *,
        within: int = 1,
        of_them: int = 1,
    ) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            self,
            construct_id,
            metric=metric,
            threshold=threshold,
            evaluation_periods=within,
            datapoints_to_alarm=of_them,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=f"{told} A release that is under way is rolled back.",
        )

    def _role(self, functions: Mapping[str, GatewayFunction]) -> iam.Role:
        # What AWSCodeDeployRoleForLambdaLimited grants on everything, on these functions and alarms. Metric alarms may
        # be named one by one; only composite ones need "*" (CloudWatch API reference, DescribeAlarms, 2026-11).
        names = [function.function.function_arn for function in functions.values()]
        aliases = [f"{arn}:{ALIAS}" for arn in names]
        shift = iam.PolicyStatement(
            sid="Shift",
            actions=["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"],
            resources=[*names, *aliases],
        )
        watch = iam.PolicyStatement(
            sid="Watch", actions=["cloudwatch:DescribeAlarms"], resources=[alarm.alarm_arn for alarm in self.alarms]
        )
        return iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("codedeploy.amazonaws.com"),
            inline_policies={"Granted": iam.PolicyDocument(statements=[shift, watch])},
        )
