"""Tables and secrets as the templates declare them."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.settings import TABLES, TableSchema
from tests.infra.conftest import CUSTOMER_KEY, PRIMARY, SECONDARY, Assembly

TABLE = "AWS::DynamoDB::GlobalTable"
SECRET = "AWS::SecretsManager::Secret"
BUCKET = "AWS::S3::Bucket"

LOGICAL_IDS = {
    "AuditTableB07F8EEB": TABLE,
    "CacheTableC1E6DF7E": TABLE,
    "ConfigTable5CD72349": TABLE,
    "ExportBucket4E99310E": BUCKET,
    "ExportBucketPolicyA383B5FF": "AWS::S3::BucketPolicy",
    "GatewaySecret56F9BE8C": SECRET,
    "LedgerTable38A58B60": TABLE,
    "ProviderSecretB148C1D8": SECRET,
    "UploadBucketD2C1DA78": BUCKET,
    "UploadBucketPolicy180778F4": "AWS::S3::BucketPolicy",
    "UsageTable28300137": TABLE,
}
"""A change of one of these replaces a table, a secret or a bucket, and with it loses what it holds."""


def table(assembly: Assembly, name: str, *, stage: str = "prod", region: str = PRIMARY) -> dict[str, Any]:
    found = assembly.resources("data", TABLE, stage=stage, region=region).values()
    return next(item for item in found if item["Properties"]["TableName"] == f"sluice-{stage}-{name}")


@pytest.mark.parametrize("schema", TABLES, ids=lambda schema: schema.name)
def test_each_table_of_the_schema_is_declared_as_the_schema_says(assembly: Assembly, schema: TableSchema) -> None:
    properties = table(assembly, schema.name)["Properties"]
    assert properties["KeySchema"] == [
        {"AttributeName": schema.partition_key, "KeyType": "HASH"},
        {"AttributeName": schema.sort_key, "KeyType": "RANGE"},
    ]
    assert {item["AttributeName"]: item["AttributeType"] for item in properties["AttributeDefinitions"]} == {
        schema.partition_key: "S",
        schema.sort_key: "S",
    }
    expiry = properties.get("TimeToLiveSpecification")
    assert expiry == (None if schema.ttl is None else {"AttributeName": schema.ttl, "Enabled": True})
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    for replica in properties["Replicas"]:
        recovery = replica["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
        assert recovery is schema.restorable
        assert replica["DeletionProtectionEnabled"] is schema.retained


def test_the_ledger_streams_new_entries(assembly: Assembly) -> None:
    properties = table(assembly, "ledger")["Properties"]
    assert properties["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}


def test_replicated_tables_belong_to_the_primary_region_and_have_a_replica_in_each(assembly: Assembly) -> None:
    for schema in TABLES:
        regions = {replica["Region"] for replica in table(assembly, schema.name)["Properties"]["Replicas"]}
        assert regions == ({PRIMARY, SECONDARY} if schema.replicated else {PRIMARY})
    declared = assembly.resources("data", TABLE, region=SECONDARY).values()
    assert {item["Properties"]["TableName"] for item in declared} == {
        f"sluice-prod-{schema.name}" for schema in TABLES if not schema.replicated
    }


def test_a_secondary_region_waits_for_the_primary_one(assembly: Assembly) -> None:
    import json

    manifest = json.loads((assembly.folder / "manifest.json").read_text(encoding="utf-8"))
    needed = manifest["artifacts"][f"sluice-prod-{SECONDARY}-data"]["dependencies"]
    assert f"sluice-prod-{PRIMARY}-data" in needed


def test_what_cannot_be_made_again_survives_its_stack(assembly: Assembly) -> None:
    for schema in TABLES:
        policies = table(assembly, schema.name)
        expected = "Retain" if schema.retained else "Delete"
        assert (policies["DeletionPolicy"], policies["UpdateReplacePolicy"]) == (expected, expected)
    for secret in assembly.resources("data", SECRET).values():
        assert secret["DeletionPolicy"] == "Retain"


def test_an_ephemeral_stage_leaves_nothing_behind(assembly: Assembly) -> None:
    kept = [
        (kind, name)
        for kind in ("data", "api", "jobs")
        for name, item in assembly.template(kind, stage="pr-1")["Resources"].items()
        # The account's log-writing role is shared with every other API of the region.
        if item.get("DeletionPolicy") == "Retain" and not name.startswith(("ApiRestApiCloudWatchRole", "ApiRestApiAcc"))
    ]
    assert kept == []
    for item in assembly.resources("data", TABLE, stage="pr-1").values():
        assert [replica["DeletionProtectionEnabled"] for replica in item["Properties"]["Replicas"]] == [False]


def test_logical_ids_of_what_holds_state_never_change(assembly: Assembly) -> None:
    for stage in ("prod", "pr-1"):
        resources = assembly.template("data", stage=stage)["Resources"]
        kept = {name: item["Type"] for name, item in resources.items() if item["Type"] != "AWS::SSM::Parameter"}
        assert kept == LOGICAL_IDS


def test_secrets_start_empty_or_random_and_are_copied_to_every_region(assembly: Assembly) -> None:
    secrets = {item["Properties"]["Name"]: item["Properties"] for item in assembly.resources("data", SECRET).values()}
    assert set(secrets) == {"sluice-prod/providers", "sluice-prod/gateway"}
    assert secrets["sluice-prod/providers"]["SecretString"] == "{}"
    generated = secrets["sluice-prod/gateway"]["GenerateSecretString"]
    assert generated["GenerateStringKey"] == "pepper"
    assert generated["PasswordLength"] == 64
    assert all(item["ReplicaRegions"] == [{"Region": SECONDARY}] for item in secrets.values())


def test_a_customers_key_encrypts_tables_and_secrets_and_functions_may_use_it_only_through_them(
    assembly: Assembly,
) -> None:
    for name, item in assembly.template("data", stage="pr-2")["Resources"].items():
        if item["Type"] in ("AWS::S3::BucketPolicy", "AWS::SSM::Parameter"):  # hold nothing
            continue
        assert f"key/{CUSTOMER_KEY}" in str(item["Properties"]), name
    roles = assembly.resources("api", "AWS::IAM::Role", stage="pr-2")
    statements = [
        statement
        for role in roles.values()
        for policy in role["Properties"].get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Sid"] == "CustomerKey"
    ]
    assert len(statements) == 4
    through = []
    for statement in statements:
        assert f":key/{CUSTOMER_KEY}" in str(statement["Resource"])
        services = statement["Condition"]["StringEquals"]["kms:ViaService"]
        through.append([service.removesuffix(f".{PRIMARY}.amazonaws.com") for service in services])
    # The control plane comes to no upload.
    assert sorted(through) == [["dynamodb", "secretsmanager"], *[["dynamodb", "secretsmanager", "s3"]] * 3]
