"""Every function's role, evaluated against every action and resource that any of them knows, and some that none may.

`MAY` says in full what each function does. The evaluator allows exactly that: more is a hole, less is a function that
cannot do its job. The deployed rehearsal (tests/e2e/test_deploy.py) holds the functions' real calls to the same roles.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import pytest

from infra.drill.access import Access
from infra.drill.guard import grants
from sluice.settings import TABLES
from tests.infra.conftest import PRIMARY, SECONDARY, Assembly

ACCOUNT = "111122223333"
REQUEST_PATH: dict[str, str] = {
    "config": "GetItem",
    "ledger": "GetItem PutItem",
    "usage": "BatchGetItem Query UpdateItem",
    "providers": "GetSecretValue",
    "gateway": "GetSecretValue",
    "upload": "GetObject",
}
MAY: dict[str, dict[str, str]] = {
    "streaming": REQUEST_PATH | {"cache": "BatchGetItem DeleteItem GetItem PutItem UpdateItem"},
    "completion": REQUEST_PATH | {"cache": "DeleteItem GetItem PutItem Query"},
    "routing": {
        "config": "GetItem",
        "ledger": "Query",
        "usage": "Query",
        "providers": "GetSecretValue",
        "gateway": "GetSecretValue",
        "upload": "DeleteObject GetObject PutObject",
    },
    "admin": {
        "audit": "PutItem Query",
        "config": "ConditionCheckItem GetItem PutItem Query UpdateItem",
        "ledger": "PutItem Query UpdateItem",
        "usage": "BatchGetItem DeleteItem GetItem Query",
        "cache": "DeleteItem GetItem Query",
        "gateway": "GetSecretValue",
    },
    "reconcile": {
        "config": "GetItem Query",
        "ledger": "BatchGetItem PutItem Query",
        "usage": "BatchGetItem DeleteItem GetItem Query UpdateItem",
        "log of streaming": "FilterLogEvents",
        "log of completion": "FilterLogEvents",
    },
    "rollup": {
        "usage": "BatchGetItem DeleteItem Query UpdateItem",
        "stream": "DescribeStream GetRecords GetShardIterator ListStreams",
        "what the roll-up left": "GetQueueAttributes GetQueueUrl SendMessage",
    },
    "export": {"config": "Query", "ledger": "Query", "export": "GetObject PutObject"},
    "alerts": {"config": "GetItem", "usage": "GetItem Query UpdateItem", "alerts": "Publish"},
    "rotation": {
        "rotation": "InvokeFunction",
        "providers": "DescribeSecret GetSecretValue PutSecretValue RotateSecret UpdateSecretVersionStage",
    },
}
"""Function -> resource -> actions. Beside these each writes its own log, and nothing else."""
TO_LOG = "CreateLogStream PutLogEvents"
ROLES = {"alerts": "AlertsJobRole", "rotation": "RotationJobRole"}
NOBODY_MAY = {
    "dynamodb": "BatchWriteItem CreateTable DeleteTable Scan UpdateTable UpdateContinuousBackups PartiQLDelete",
    "secretsmanager": "DeleteSecret ListSecrets PutResourcePolicy RemoveRegionsFromReplication",
    "s3": "DeleteBucket ListBucket PutBucketPolicy PutObjectAcl GetObjectVersion",
    "logs": "DeleteLogGroup GetLogEvents StartQuery",
    "sns": "Subscribe DeleteTopic",
    "lambda": "UpdateAlias UpdateFunctionCode",
    "sqs": "ReceiveMessage DeleteMessage PurgeQueue SetQueueAttributes",
}
"""Actions that no function has, on anything."""
ELSEWHERE = {
    "lambda": ("InvokeFunction UpdateFunctionCode UpdateAlias", f"function:sluice-prod-{PRIMARY}-api-Admin"),
    "iam": ("PassRole CreateRole PutRolePolicy", "role/admin"),
    "sts": ("AssumeRole GetWebIdentityToken", "role/admin"),
    "kms": ("Decrypt GenerateDataKey", "key/1"),
    "bedrock": ("InvokeModel", "foundation-model/anthropic.claude"),
    "sqs": ("SendMessage ReceiveMessage DeleteMessage", "left"),
    "ce": ("GetCostAndUsage", "any"),
}
"""Services that functions of this stage never speak to."""


def resources(stage: str, region: str) -> dict[str, str]:
    """Return every resource that roles know by a short name, as one stage's and region's ARNs."""
    tables = {name: f"table/sluice-{stage}-{name}" for name in (schema.name for schema in TABLES)}
    found = {name: f"arn:aws:dynamodb:{region}:{ACCOUNT}:{table}" for name, table in tables.items()}
    found["stream"] = f"{found['ledger']}/stream/2026-11-24T00:00:00.000"
    for name in ("providers", "gateway"):
        found[name] = f"arn:aws:secretsmanager:{region}:{ACCOUNT}:secret:sluice-{stage}/{name}-AbCdEf"
    for name, path in (("upload", "uploads/search/upl_1"), ("export", "focus/day=2026-11-23/a.jsonl.gz")):
        found[name] = f"arn:aws:s3:::sluice-{stage}-{name}s-{ACCOUNT}-{region}/{path}"
        found[f"the {name}s' bucket"] = found[name].partition("/")[0]
        found[f"other things beside the {name}s"] = f"{found[name].partition('/')[0]}/other"
    for name in MAY:
        found[f"log of {name}"] = f"arn:aws:logs:{region}:{ACCOUNT}:log-group:/sluice-{stage}/{name}:log-stream:1"
    found["rotation"] = f"arn:aws:lambda:{region}:{ACCOUNT}:function:sluice-{stage}-RotationJob:live"
    found["what the roll-up left"] = f"arn:aws:sqs:{region}:{ACCOUNT}:sluice-{stage}-left"
    found["alerts"] = f"arn:aws:sns:{region}:{ACCOUNT}:sluice-{stage}-alerts"
    return found


def resolved(value: Any, stage: str, region: str, logs: Mapping[str, str]) -> Any:
    """Return what CloudFormation would make of a part of a policy."""
    if isinstance(value, list):
        return [resolved(each, stage, region, logs) for each in value]
    if not isinstance(value, dict):
        return value
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return separator.join(resolved(part, stage, region, logs) for part in parts)
    if "Fn::GetAtt" in value:
        target = value["Fn::GetAtt"][0]
        if target.startswith("RollupLeft"):
            return resources(stage, region)["what the roll-up left"]
        return f"arn:aws:logs:{region}:{ACCOUNT}:log-group:{logs[target]}:*"
    reference = value["Ref"]
    if reference == "AWS::AccountId":
        return ACCOUNT
    if "Live" in reference:
        return f"arn:aws:lambda:{region}:{ACCOUNT}:function:sluice-{stage}-{reference.partition('Live')[0]}:live"
    assert "ledgerstream" in reference, value
    return resources(stage, region)["stream"]


@functools.cache
def statements(assembly: Assembly, name: str, region: str) -> list[dict[str, Any]]:
    kind = "api" if name in ("streaming", "completion", "routing", "admin") else "jobs"
    roles = assembly.resources(kind, "AWS::IAM::Role", region=region)
    groups = assembly.resources(kind, "AWS::Logs::LogGroup", region=region)
    logs = {key: item["Properties"]["LogGroupName"] for key, item in groups.items()}
    beginning = ROLES.get(name, f"{name.capitalize()}Role")
    ((logical, role),) = [(key, item["Properties"]) for key, item in roles.items() if key.startswith(beginning)]
    apart = [item["Properties"] for item in assembly.resources(kind, "AWS::IAM::Policy", region=region).values()]
    policies = [*role["Policies"], *(policy for policy in apart if {"Ref": logical} in policy["Roles"])]
    found = [part for policy in policies for part in policy["PolicyDocument"]["Statement"]]
    return [{**part, "Resource": resolved(part["Resource"], "prod", region, logs)} for part in found]


def service_of(arn: str) -> str:
    return arn.split(":")[2]


def known_actions() -> dict[str, set[str]]:
    """Return every action that is tried, by service: what some function may, and what none may."""
    tried = {service: set(verbs.split()) for service, verbs in NOBODY_MAY.items()}
    here = resources("prod", PRIMARY)
    for held in (*MAY.values(), {"log of streaming": TO_LOG}):
        for resource, verbs in held.items():
            tried[service_of(here[resource])] |= set(verbs.split())
    return tried


TRIED = known_actions()


def allowed(assembly: Assembly, name: str, region: str, stage: str, at: str) -> dict[str, set[str]]:
    """Return what a function of prod in `region` may do with the resources of `stage` in region `at`."""
    held = statements(assembly, name, region)
    found: dict[str, set[str]] = {}
    for label, arn in resources(stage, at).items():
        service = service_of(arn)
        for verb in TRIED[service]:
            if grants(held, Access(f"{service}:{verb}", arn)):
                found.setdefault(label, set()).add(verb)
    return found


def regions_of(name: str) -> tuple[str, ...]:
    return (PRIMARY,) if name in ROLES else (PRIMARY, SECONDARY)


@pytest.mark.parametrize(("name", "region"), [(name, region) for name in MAY for region in regions_of(name)])
def test_a_function_can_do_its_job_and_nothing_else(assembly: Assembly, name: str, region: str) -> None:
    expected = {resource: set(verbs.split()) for resource, verbs in MAY[name].items()}
    own = f"log of {name}"
    expected[own] = expected.get(own, set()) | set(TO_LOG.split())
    assert allowed(assembly, name, region, "prod", region) == expected


@pytest.mark.parametrize("name", MAY)
def test_a_function_reaches_nothing_of_another_stage_or_region(assembly: Assembly, name: str) -> None:
    assert allowed(assembly, name, PRIMARY, "dev", PRIMARY) == {}
    elsewhere = allowed(assembly, name, PRIMARY, "prod", SECONDARY)
    assert elsewhere == {}


@pytest.mark.parametrize("name", MAY)
def test_a_function_speaks_to_no_other_service(assembly: Assembly, name: str) -> None:
    held = statements(assembly, name, PRIMARY)
    for service, (verbs, resource) in ELSEWHERE.items():
        for verb in verbs.split():
            access = Access(f"{service}:{verb}", f"arn:aws:{service}:{PRIMARY}:{ACCOUNT}:{resource}")
            assert not grants(held, access), access


def test_every_function_of_the_stage_is_simulated(assembly: Assembly) -> None:
    roles = [
        key
        for kind in ("api", "jobs")
        for key, item in assembly.resources(kind, "AWS::IAM::Role").items()
        if item["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"].get("Service")
        == "lambda.amazonaws.com"
    ]
    simulated = [ROLES.get(name, f"{name.capitalize()}Role") for name in MAY]
    assert sorted(key[: len(each)] for key in roles for each in simulated if key.startswith(each)) == sorted(simulated)
    assert len(roles) == len(simulated)
