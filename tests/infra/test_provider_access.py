"""What the functions' role may do towards providers: nothing by default, and exactly what a stage lists."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from infra.provider_access import BedrockModel, InvalidAccess, ProviderAccess
from infra.settings import STAGES, stage_named
from tests.infra.conftest import PRIMARY, Assembly

SONNET, NOVA, OPUS = "anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-lite-v1:0", "anthropic.claude-opus-5"
AUDIENCES = ("https://api.openai.com/v1", "https://api.anthropic.com")
ACCESS = ProviderAccess(
    bedrock_models=(
        BedrockModel(NOVA),
        BedrockModel(SONNET, profile=f"us.{SONNET}", regions=("us-east-2", "us-west-2")),
        BedrockModel(OPUS, profile=f"global.{OPUS}"),
    ),
    mantle_projects=("default",),
    sagemaker_endpoints=("my-endpoint",),
    federation_audiences=AUDIENCES,
    private_keys=True,
)
OWN = ("Bedrock", "BedrockCount", "Mantle", "SageMaker", "SageMakerBearer", "Federation")
ACCOUNT = "<account>"


@pytest.fixture(scope="module")
def granted(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The synthesized app of one stage that lists everything, checked by cdk-nag."""
    from aws_cdk import App, Validations
    from cdk_nag import AwsSolutionsChecks

    from infra.app import add_stage, context_of_project
    from infra.constructs.layers import Platform

    folder = tmp_path_factory.mktemp("cdk.providers")
    app = App(context=context_of_project(), outdir=str(folder), analytics_reporting=False)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    stage = dataclasses.replace(stage_named("pr-9", regions=PRIMARY), providers=ACCESS)
    add_stage(app, stage, Platform(skip_layers=True))
    try:
        app.synth()
    except RuntimeError as failure:
        if "ValidationFailed" not in str(failure):
            raise
    return Assembly(folder)


def arns(value: Any) -> list[str]:
    """Return resources or condition values as texts, with the account's number left open."""
    listed = value if isinstance(value, list) else [value]
    return [
        "".join(p if isinstance(p, str) else ACCOUNT for p in v["Fn::Join"][1]) if isinstance(v, dict) else v
        for v in listed
    ]


def statements(assembly: Assembly, name: str, stage: str) -> dict[str, dict[str, Any]]:
    roles = assembly.resources("api", "AWS::IAM::Role", stage=stage)
    (role,) = [item["Properties"] for key, item in roles.items() if key.startswith(f"{name.capitalize()}Role")]
    found = [part for policy in role["Policies"] for part in policy["PolicyDocument"]["Statement"]]
    return {part["Sid"]: part for part in found}


def towards_providers(found: dict[str, dict[str, Any]]) -> set[str]:
    return {sid for sid in found if sid in OWN or sid.startswith("BedrockProfile")}


@pytest.mark.parametrize("name", ["streaming", "completion", "routing", "admin"])
def test_a_stage_that_lists_nothing_grants_nothing(assembly: Assembly, name: str) -> None:
    found = statements(assembly, name, "prod")
    assert not towards_providers(found)
    assert not any(word in json.dumps(list(found.values())) for word in ("bedrock", "sagemaker", "sts:"))
    assert all(stage.providers == ProviderAccess() for stage in STAGES.values())


@pytest.mark.parametrize("name", ["routing", "admin"])
def test_functions_that_call_no_provider_get_none_of_it(granted: Assembly, name: str) -> None:
    assert not towards_providers(statements(granted, name, "pr-9"))


@pytest.mark.parametrize("name", ["streaming", "completion"])
def test_models_are_granted_one_by_one(granted: Assembly, name: str) -> None:
    found = statements(granted, name, "pr-9")
    invoke = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
    profile = f"arn:aws:bedrock:{PRIMARY}:{ACCOUNT}:inference-profile/"
    assert found["Bedrock"]["Action"] == invoke
    assert arns(found["Bedrock"]["Resource"]) == [
        f"arn:aws:bedrock:{PRIMARY}::foundation-model/{NOVA}",
        f"{profile}us.{SONNET}",
        f"{profile}global.{OPUS}",
    ]
    assert found["BedrockCount"]["Action"] == "bedrock:CountTokens"
    assert arns(found["BedrockCount"]["Resource"]) == [f"arn:aws:bedrock:{PRIMARY}::foundation-model/{NOVA}"]


def test_a_profile_s_model_is_granted_in_its_regions_and_through_the_profile_only(granted: Assembly) -> None:
    found = statements(granted, "streaming", "pr-9")
    for sid, model, profile, regions in (
        ("BedrockProfile0", SONNET, f"us.{SONNET}", (PRIMARY, "us-east-2", "us-west-2")),
        ("BedrockProfile1", OPUS, f"global.{OPUS}", (PRIMARY, "")),
    ):
        assert arns(found[sid]["Resource"]) == [
            f"arn:aws:bedrock:{region}::foundation-model/{model}" for region in regions
        ]
        condition = found[sid]["Condition"]
        assert set(condition) == {"StringEquals"}
        assert arns(condition["StringEquals"]["bedrock:InferenceProfileArn"]) == [
            f"arn:aws:bedrock:{PRIMARY}:{ACCOUNT}:inference-profile/{profile}"
        ]


def test_mantle_and_sagemaker_are_granted_by_project_and_endpoint(granted: Assembly) -> None:
    found = statements(granted, "streaming", "pr-9")
    assert found["Mantle"]["Action"] == "bedrock-mantle:CreateInference"
    assert arns(found["Mantle"]["Resource"]) == [f"arn:aws:bedrock-mantle:{PRIMARY}:{ACCOUNT}:project/default"]
    assert arns(found["SageMaker"]["Resource"]) == [f"arn:aws:sagemaker:{PRIMARY}:{ACCOUNT}:endpoint/my-endpoint"]
    assert found["SageMaker"]["Action"] == ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"]
    assert found["SageMakerBearer"]["Action"] == "sagemaker:CallWithBearerToken"


def test_aws_states_who_the_function_is_to_listed_readers_only_and_briefly(granted: Assembly) -> None:
    from sluice.providers.tokens.aws_identity import LIFE_SECONDS

    statement = statements(granted, "streaming", "pr-9")["Federation"]
    assert statement["Action"] == "sts:GetWebIdentityToken"
    assert statement["Condition"] == {
        "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": list(AUDIENCES)},
        "Null": {"sts:IdentityTokenAudience": "false"},
        "NumericLessThanEquals": {"sts:DurationSeconds": LIFE_SECONDS},
        "StringEquals": {"sts:SigningAlgorithm": "RS256"},
    }


def test_the_audiences_of_the_catalogue_are_those_that_the_documentation_lists() -> None:
    from sluice.providers.auth import ways
    from sluice.providers.registry import Registry

    registry = Registry()
    providers = [provider for name in registry.names() if (provider := registry.provider(name)) is not None]
    declared = {way.settings["audience"] for p in providers for way in ways(p.auth) if way.scheme == "aws_federation"}
    assert declared == set(AUDIENCES)


def test_only_the_two_actions_without_resources_have_none(granted: Assembly) -> None:
    found = statements(granted, "streaming", "pr-9")
    assert {sid for sid, part in found.items() if part["Resource"] == "*"} == {"SageMakerBearer", "Federation"}
    assert granted.findings() == []


def test_functions_that_plan_or_make_calls_are_told_what_the_role_may_call(
    assembly: Assembly, granted: Assembly
) -> None:
    def told(where: Assembly, stage: str, name: str) -> str | None:
        functions = where.resources("api", "AWS::Lambda::Function", stage=stage)
        prefix = f"{name.capitalize()}Function"
        (function,) = [item["Properties"] for key, item in functions.items() if key.startswith(prefix)]
        found: str | None = function["Environment"]["Variables"].get("SLUICE_ROLE_SERVICES")
        return found

    for name in ("streaming", "completion", "routing"):
        assert told(granted, "pr-9", name) == "bedrock,bedrock-mantle,sagemaker,sts"
        assert told(assembly, "prod", name) is None


def test_the_library_for_private_keys_comes_with_functions_that_call_providers(
    assembly: Assembly, granted: Assembly
) -> None:
    def layers(where: Assembly, stage: str, name: str) -> int:
        functions = where.resources("api", "AWS::Lambda::Function", stage=stage)
        (function,) = [
            f["Properties"] for key, f in functions.items() if key.startswith(f"{name.capitalize()}Function")
        ]
        return len(function["Layers"])

    for name in ("streaming", "completion"):
        assert layers(granted, "pr-9", name) == layers(assembly, "prod", name) + 1
    assert layers(granted, "pr-9", "routing") == layers(assembly, "prod", "routing")


@pytest.mark.parametrize(
    "make",
    [
        lambda: BedrockModel("*"),
        lambda: BedrockModel("anthropic.claude-*"),
        lambda: BedrockModel(SONNET, profile="us.amazon.nova-lite-v1:0", regions=("us-east-1",)),
        lambda: BedrockModel(SONNET, profile=f"us.{SONNET}"),
        lambda: BedrockModel(SONNET, regions=("us-east-1",)),
        lambda: BedrockModel(SONNET, profile=f"global.{SONNET}", regions=("us-east-1",)),
        lambda: BedrockModel(SONNET, profile=f"us.{SONNET}", regions=("*",)),
        lambda: ProviderAccess(bedrock_models=(BedrockModel(NOVA), BedrockModel(NOVA))),
        lambda: ProviderAccess(mantle_projects=("*",)),
        lambda: ProviderAccess(sagemaker_endpoints=("My-Endpoint",)),
        lambda: ProviderAccess(sagemaker_endpoints=("e", "e")),
        lambda: ProviderAccess(federation_audiences=("*",)),
        lambda: ProviderAccess(federation_audiences=("https://api.openai.com/v?",)),
        lambda: ProviderAccess(federation_audiences=("",)),
    ],
)
def test_an_entry_that_would_grant_more_than_it_says_is_refused(make: Any) -> None:
    with pytest.raises(InvalidAccess, match=r"cannot be .*; it must be"):
        make()
