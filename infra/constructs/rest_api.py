"""The public API: one REST API, one proxy method per row of `sluice.endpoints.ENDPOINTS`.

Regional, because an edge-optimised endpoint cuts a stream that is idle for 30 s. Integrations of streaming functions
use STREAM, which carries answers of up to 15 minutes byte by byte; the others are buffered. Paths go over as they
stand in the table: API Gateway's `{name}` and `{name+}` mean the same there. Forms come to the functions in Base64.
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

from infra.constructs.acknowledgements import acknowledge
from infra.constructs.gateway_function import GatewayFunction
from infra.constructs.gateway_responses import add_gateway_responses
from infra.constructs.retention import log_group
from infra.settings import Stage
from sluice.endpoints import BINARY_MEDIA_TYPES, ENDPOINTS, SIGNED_PREFIX

STREAM_TIMEOUT = Duration.minutes(15)
"""The most that API Gateway grants a streamed answer."""
BUFFERED_TIMEOUT = Duration.seconds(29)
API_STAGE = "api"

ACCESS_LOG = {
    "requestId": "$context.requestId",
    "time": "$context.requestTimeEpoch",
    "method": "$context.httpMethod",
    "resource": "$context.resourcePath",
    "status": "$context.status",
    "responseLength": "$context.responseLength",
    "latencyMs": "$context.responseLatency",
    "integrationLatencyMs": "$context.integrationLatency",
    "integrationStatus": "$context.integrationStatus",
    "integrationError": "$context.integrationErrorMessage",
    "errorType": "$context.error.responseType",
    "ip": "$context.identity.sourceIp",
}
"""No headers, no bodies, and the path as a pattern: neither keys nor prompts can get into the access log.

API Gateway puts values in as they are, so nothing that a caller words freely (user agent, path) may stand here: a quote
in it would break the line.
"""

_LOG_WRITER = "arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"

ACKNOWLEDGED = {
    "AwsSolutions-APIG2": "Bodies are checked by the function, in the caller's dialect and with its error envelope.",
    "AwsSolutions-APIG3": "A web ACL is the account's choice: managed body rules take prompts for attacks.",
    "AwsSolutions-APIG4": "Callers authenticate with virtual keys inside the function; a Lambda authorizer would be a "
    "second billed cold start for each request.",
    "AwsSolutions-APIG6": "Execution logs may hold headers and bodies, so keys and prompts, and never expire; the "
    "access log has status, latency and error of every request.",
    "AwsSolutions-COG4": "Callers are programs with virtual keys, not members of a user pool.",
    f"AwsSolutions-IAM4[Policy::{_LOG_WRITER}]": "API Gateway asks for this policy to write access logs; the role is "
    "its own, no code of ours holds it.",
}


class GatewayApi(Construct):
    """The REST API in front of `functions` (by the names that the endpoint table uses)."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stage: Stage, functions: Mapping[str, GatewayFunction]
    ) -> None:
        super().__init__(scope, construct_id)
        self.access_log = log_group(self, "AccessLog", stage, "access")
        self.rest_api = apigateway.RestApi(
            self,
            "RestApi",
            rest_api_name=stage.prefix,
            description="Sluice: the LLM gateway",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            # For requests: forms with files. Streamed answers need no binary types (Amazon API Gateway Developer Guide,
            # binary media types, 2026-11), and no buffered one is binary.
            binary_media_types=list(BINARY_MEDIA_TYPES),
            # Callers come by the stage's own names, where it has some: one way in, with one TLS policy.
            disable_execute_api_endpoint=stage.domain is not None,
            # The role belongs to the account and region, so it outlives any one stage (RETAIN is its default).
            cloud_watch_role=True,
            deploy_options=self._stage_options(stage),
        )
        integrations = {name: _integration(function) for name, function in functions.items()}
        for endpoint in ENDPOINTS:
            resource = self.rest_api.root.resource_for_path(endpoint.path)
            resource.add_method(endpoint.method, integrations[endpoint.function])
        if stage.signed_callers:
            self._signed(integrations)
        add_gateway_responses(self.rest_api)
        acknowledge(self, ACKNOWLEDGED)
        # The stack has an output of its own for it.
        self.rest_api.node.try_remove_child("Endpoint")

    def _signed(self, integrations: Mapping[str, apigateway.LambdaIntegration]) -> None:
        """Give every endpoint a second path, where API Gateway takes only requests that AWS credentials signed.

        A method has one way in, so one path cannot take both (Amazon API Gateway Developer Guide, "Control access to a
        REST API with IAM permissions", 2026-11).
        """
        for endpoint in ENDPOINTS:
            if not endpoint.public:
                resource = self.rest_api.root.resource_for_path(SIGNED_PREFIX + endpoint.path)
                resource.add_method(
                    endpoint.method,
                    integrations[endpoint.function],
                    authorization_type=apigateway.AuthorizationType.IAM,
                )

    @property
    def url(self) -> str:
        """Where the API answers, without a slash at the end."""
        return self.rest_api.url_for_path("/").rstrip("/")

    def _stage_options(self, stage: Stage) -> apigateway.StageOptions:
        return apigateway.StageOptions(
            stage_name=API_STAGE,
            access_log_destination=apigateway.LogGroupLogDestination(self.access_log),
            access_log_format=apigateway.AccessLogFormat.custom(_json_line(ACCESS_LOG)),
            throttling_rate_limit=stage.requests_per_second,
            throttling_burst_limit=stage.burst,
            metrics_enabled=True,
            data_trace_enabled=False,
        )


def _integration(function: GatewayFunction) -> apigateway.LambdaIntegration:
    transfer = apigateway.ResponseTransferMode
    return apigateway.LambdaIntegration(
        function.alias,
        proxy=True,
        response_transfer_mode=transfer.STREAM if function.streaming else transfer.BUFFERED,
        timeout=STREAM_TIMEOUT if function.streaming else BUFFERED_TIMEOUT,
        allow_test_invoke=False,
        # One statement for each function: with one for each method its policy outgrows the 20 KB that it may have
        # (Lambda quotas, 2026-11). Every method of the API is one of the table's.
        scope_permission_to_method=False,
    )


def _json_line(members: Mapping[str, str]) -> str:
    return "{" + ",".join(f'"{name}":"{variable}"' for name, variable in members.items()) + "}"
