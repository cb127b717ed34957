"""IAM statements for providers that let the function's own role in: one for each thing that the stage lists.

Sources: Amazon Bedrock, "Prerequisites for inference profiles" and "Global cross-Region inference"; "IAM policies for
Amazon Bedrock Projects"; SageMaker AI, "Invoke endpoints with OpenAI-compatible APIs"; IAM, "Outbound identity
federation" (all read 2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam

from infra.provider_access import BedrockModel, ProviderAccess

STATEMENT_SECONDS = 300
"""The longest life of a statement that AWS makes; what the function asks for (`providers/tokens/aws_identity.py`)."""
INVOKE = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
"""Converse and ConverseStream are allowed by the same two actions."""

_ANYTHING = "AwsSolutions-IAM5[Resource::*]"


def provider_statements(stack: Stack, access: ProviderAccess) -> list[iam.PolicyStatement]:
    """Return the statements for what `access` lists, for a function in the stack's region."""
    return [
        *_bedrock(stack, access.bedrock_models),
        *_mantle(stack, access.mantle_projects),
        *_sagemaker(stack, access.sagemaker_endpoints),
        *_federation(access.federation_audiences),
    ]


def provider_acknowledgements(access: ProviderAccess) -> dict[str, str]:
    """Return the findings of cdk-nag that the statements cause, with the reason."""
    if not access.federation_audiences and not access.sagemaker_endpoints:
        return {}
    return {
        _ANYTHING: "sts:GetWebIdentityToken and sagemaker:CallWithBearerToken have no resource to name: the first is "
        "bound to audiences, algorithm and life, the second does nothing without InvokeEndpoint on an endpoint."
    }


def _bedrock(stack: Stack, models: tuple[BedrockModel, ...]) -> Iterator[iam.PolicyStatement]:
    direct = [_foundation(stack, stack.region, model.id) for model in models if not model.profile]
    profiles = [_profile(stack, model) for model in models if model.profile]
    if direct or profiles:
        yield iam.PolicyStatement(sid="Bedrock", actions=list(INVOKE), resources=[*direct, *profiles])
    if direct:
        yield iam.PolicyStatement(sid="BedrockCount", actions=["bedrock:CountTokens"], resources=direct)
    for position, model in enumerate([model for model in models if model.profile]):
        regions = [stack.region, ""] if model.is_global else list(dict.fromkeys([stack.region, *model.regions]))
        yield iam.PolicyStatement(
            sid=f"BedrockProfile{position}",
            actions=list(INVOKE),
            resources=[_foundation(stack, region, model.id) for region in regions],
            # Not by itself: only where the profile sends a request.
            conditions={"StringEquals": {"bedrock:InferenceProfileArn": _profile(stack, model)}},
        )


def _mantle(stack: Stack, projects: tuple[str, ...]) -> Iterator[iam.PolicyStatement]:
    if projects:
        resources = [
            stack.format_arn(service="bedrock-mantle", resource="project", resource_name=name) for name in projects
        ]
        yield iam.PolicyStatement(sid="Mantle", actions=["bedrock-mantle:CreateInference"], resources=resources)


def _sagemaker(stack: Stack, endpoints: tuple[str, ...]) -> Iterator[iam.PolicyStatement]:
    if endpoints:
        actions = ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"]
        resources = [stack.format_arn(service="sagemaker", resource="endpoint", resource_name=n) for n in endpoints]
        yield iam.PolicyStatement(sid="SageMaker", actions=actions, resources=resources)
        yield iam.PolicyStatement(sid="SageMakerBearer", actions=["sagemaker:CallWithBearerToken"], resources=["*"])


def _federation(audiences: tuple[str, ...]) -> Iterator[iam.PolicyStatement]:
    if audiences:
        yield iam.PolicyStatement(
            sid="Federation",
            actions=["sts:GetWebIdentityToken"],
            resources=["*"],
            conditions={
                "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": list(audiences)},
                # ForAllValues holds for a request without any audience as well.
                "Null": {"sts:IdentityTokenAudience": "false"},
                "NumericLessThanEquals": {"sts:DurationSeconds": STATEMENT_SECONDS},
                "StringEquals": {"sts:SigningAlgorithm": "RS256"},
            },
        )


def _foundation(stack: Stack, region: str, model: str) -> str:
    # Foundation models belong to no account.
    return f"arn:{stack.partition}:bedrock:{region}::foundation-model/{model}"


def _profile(stack: Stack, model: BedrockModel) -> str:
    return stack.format_arn(
        service="bedrock",
        resource="inference-profile",
        resource_name=model.profile,
        arn_format=ArnFormat.SLASH_RESOURCE_NAME,
    )
