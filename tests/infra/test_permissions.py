"""What each function may do. A wildcard needs a reason here."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sluice.endpoints import ENDPOINTS
from sluice.settings import TABLES
from tests.infra.conftest import PRIMARY, SECONDARY, Assembly

FUNCTIONS = {
    "streaming": "api",
    "completion": "api",
    "routing": "api",
    "admin": "api",
    "reconcile": "jobs",
    "rollup": "jobs",
    "export": "jobs",
}
ANY_SIX_CHARACTERS = "-??????"
"""How a secret's ARN ends: with six characters that nobody chose, so this stands for exactly one secret."""
ANY_UPLOAD = re.compile(r"(arn:aws:s3:::sluice-[a-z0-9-]+-uploads-.*/uploads/)\*")
"""How a policy spells all uploads of one bucket; their ids are made at run time."""
ANY_EXPORT = re.compile(r"(arn:aws:s3:::sluice-[a-z0-9-]+-exports-.*/focus/)\*")
"""How a policy spells all exports of one bucket; they are named by day and team."""
ANY_LOG_STREAM = re.compile(r"(:log-group:/sluice-[a-z0-9-]+/[a-z]+):\*")
"""How a policy spells one log group; Lambda chooses the names of the streams in it."""


def statements(assembly: Assembly, name: str, region: str = PRIMARY) -> list[dict[str, Any]]:
    roles = assembly.resources(FUNCTIONS[name], "AWS::IAM::Role", region=region)
    (role,) = [item["Properties"] for key, item in roles.items() if key.startswith(f"{name.capitalize()}Role")]
    assert "ManagedPolicyArns" not in role
    return [statement for policy in role["Policies"] for statement in policy["PolicyDocument"]["Statement"]]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def granted(assembly: Assembly, name: str) -> dict[str, list[str]]:
    """Return the actions of each statement by the end of its resources' ARNs."""
    found: dict[str, list[str]] = {}
    for statement in statements(assembly, name):
        for resource in listed(statement["Resource"]):
            text = resource["Fn::Join"][1][-1] if "Fn::Join" in resource else str(resource)
            found.setdefault(text, []).extend(listed(statement["Action"]))
    return found


@pytest.mark.parametrize("stages", ["assembly", "shaped"])
def test_no_statement_anywhere_holds_a_wildcard(stages: str, request: pytest.FixtureRequest) -> None:
    seen = 0
    synthesized: Assembly = request.getfixturevalue(stages)
    for file, template in synthesized.templates().items():
        for name, item in template["Resources"].items():
            policies = item["Properties"].get("Policies", [])
            if item["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
                policies = [item["Properties"]]
            for statement in (part for policy in policies for part in policy["PolicyDocument"]["Statement"]):
                seen += 1
                assert "*" not in str(statement["Action"]), (file, name)
                resource = ANY_UPLOAD.sub(r"\1", ANY_LOG_STREAM.sub(r"\1", str(statement["Resource"])))
                resource = ANY_EXPORT.sub(r"\1", resource)
                assert "*" not in resource, (file, name)
                assert "?" not in resource.replace(ANY_SIX_CHARACTERS, ""), (file, name)
                assert "NotAction" not in statement
                assert "NotResource" not in statement
    assert seen > 20


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("region", [PRIMARY, SECONDARY])
def test_a_function_reaches_tables_of_its_own_stage_and_region_only(assembly: Assembly, name: str, region: str) -> None:
    known = {f":table/sluice-prod-{schema.name}" for schema in TABLES}
    for statement in statements(assembly, name, region):
        if statement["Sid"] == "Stream":
            assert "ledgerstream" in statement["Resource"]["Ref"]
        elif "dynamodb" in str(statement["Action"]):
            head, account, tail = statement["Resource"]["Fn::Join"][1]
            assert head == f"arn:aws:dynamodb:{region}:"
            assert account == {"Ref": "AWS::AccountId"}
            assert tail in known


def test_functions_that_plan_no_call_cannot_read_the_keys_of_providers(assembly: Assembly) -> None:
    ending = ":secret:sluice-prod/providers-??????"
    assert {name for name in FUNCTIONS if ending not in granted(assembly, name)} == {
        "admin",
        "reconcile",
        "rollup",
        "export",
    }


def test_the_request_path_cannot_write_the_configuration(assembly: Assembly) -> None:
    for name in ("streaming", "completion", "routing"):
        assert granted(assembly, name)[":table/sluice-prod-config"] == ["dynamodb:GetItem"]


def test_the_function_that_serves_responses_keeps_reads_and_deletes_them(assembly: Assembly) -> None:
    served = {e.function for e in ENDPOINTS if e.path.startswith("/v1/responses")}
    assert served == {"streaming"}
    actions = granted(assembly, "streaming")[":table/sluice-prod-cache"]
    assert {f"dynamodb:{name}" for name in ("BatchGetItem", "GetItem", "PutItem", "UpdateItem", "DeleteItem")} == set(
        actions
    )


def test_the_function_that_serves_batches_may_keep_find_list_and_forget_their_records(assembly: Assembly) -> None:
    actions = granted(assembly, "completion")[":table/sluice-prod-cache"]
    assert sorted(actions) == [f"dynamodb:{action}" for action in ("DeleteItem", "GetItem", "PutItem", "Query")]


def test_only_the_function_that_keeps_uploads_may_write_and_delete_them(assembly: Assembly) -> None:
    found = {
        name: {
            action
            for statement in statements(assembly, name)
            for action in listed(statement["Action"])
            if action.startswith("s3:")
        }
        for name in FUNCTIONS
    }
    assert found == {
        "streaming": {"s3:GetObject"},
        "completion": {"s3:GetObject"},
        "routing": {"s3:DeleteObject", "s3:GetObject", "s3:PutObject"},
        "admin": set(),
        "reconcile": set(),
        "rollup": set(),
        "export": {"s3:GetObject", "s3:PutObject"},
    }


@pytest.mark.parametrize("region", [PRIMARY, SECONDARY])
def test_a_function_reaches_uploads_of_its_own_stage_and_region_only(assembly: Assembly, region: str) -> None:
    for name in ("streaming", "completion", "routing"):
        (statement,) = [part for part in statements(assembly, name, region) if part["Sid"] == "Uploads"]
        head, account, tail = statement["Resource"]["Fn::Join"][1]
        assert head == "arn:aws:s3:::sluice-prod-uploads-"
        assert account == {"Ref": "AWS::AccountId"}
        assert tail == f"-{region}/uploads/*"


def test_the_export_reaches_its_own_bucket_and_reads_no_upload(assembly: Assembly) -> None:
    (statement,) = [part for part in statements(assembly, "export") if "s3:" in str(part["Action"])]
    head, account, tail = statement["Resource"]["Fn::Join"][1]
    assert (head, tail) == ("arn:aws:s3:::sluice-prod-exports-", f"-{PRIMARY}/focus/*")
    assert account == {"Ref": "AWS::AccountId"}


def test_nobody_can_delete_a_ledger_entry_and_only_the_control_plane_takes_names_out(assembly: Assembly) -> None:
    for name in FUNCTIONS:
        actions = set(granted(assembly, name).get(":table/sluice-prod-ledger", []))
        assert "dynamodb:DeleteItem" not in actions
        assert ("dynamodb:UpdateItem" in actions) == (name == "admin")


def test_the_audit_log_is_only_ever_added_to_and_by_the_control_plane_alone(assembly: Assembly) -> None:
    found = {name: granted(assembly, name).get(":table/sluice-prod-audit", []) for name in FUNCTIONS}
    assert {name for name, actions in found.items() if actions} == {"admin"}
    assert sorted(found["admin"]) == ["dynamodb:PutItem", "dynamodb:Query"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_writes_to_its_own_log_group_only(assembly: Assembly, name: str) -> None:
    (statement,) = [part for part in statements(assembly, name) if part["Sid"] == "Logs"]
    group, attribute = statement["Resource"]["Fn::GetAtt"]
    assert group.startswith(f"{name.capitalize()}Logs")
    assert attribute == "Arn"


def test_the_sweep_reads_the_logs_of_functions_that_call_providers(assembly: Assembly) -> None:
    (statement,) = [part for part in statements(assembly, "reconcile") if part["Sid"] == "ReadLogs"]
    assert statement["Action"] == "logs:FilterLogEvents"
    read = {resource["Fn::Join"][1][-1] for resource in statement["Resource"]}
    assert read == {":log-group:/sluice-prod/streaming:*", ":log-group:/sluice-prod/completion:*"}


def test_only_the_api_and_the_schedule_may_invoke_and_only_the_alias(assembly: Assembly) -> None:
    for kind, principal in (("api", "apigateway.amazonaws.com"), ("jobs", "events.amazonaws.com")):
        for permission in assembly.resources(kind, "AWS::Lambda::Permission").values():
            properties = permission["Properties"]
            assert "Live" in properties["FunctionName"]["Ref"]
            if properties["Principal"] == "secretsmanager.amazonaws.com":
                # Its secret's ARN is not known; the rotation function refuses every other one.
                assert properties["SourceAccount"] == {"Ref": "AWS::AccountId"}
                assert "RotationJobLive" in properties["FunctionName"]["Ref"]
                continue
            assert properties["Principal"] == principal
            assert "SourceArn" in properties
