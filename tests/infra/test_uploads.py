"""The bucket of uploads as the templates declare it, and the variables by which functions find it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from infra.settings import InvalidStage, Stage, stage_named
from infra.stacks.data import DataStack
from tests.infra.conftest import CUSTOMER_KEY, PRIMARY, SECONDARY, Assembly

BUCKET = "AWS::S3::Bucket"


def bucket(assembly: Assembly, stage: str = "prod", region: str = PRIMARY) -> dict[str, Any]:
    buckets = assembly.resources("data", BUCKET, stage=stage, region=region)
    (found,) = [item for name, item in buckets.items() if name.startswith("UploadBucket")]
    return dict(found)


@pytest.mark.parametrize("region", [PRIMARY, SECONDARY])
def test_each_region_has_a_bucket_of_its_own_name(assembly: Assembly, region: str) -> None:
    name = bucket(assembly, region=region)["Properties"]["BucketName"]
    assert name == {"Fn::Join": ["", ["sluice-prod-uploads-", {"Ref": "AWS::AccountId"}, f"-{region}"]]}


def test_a_bucket_s_name_is_never_longer_than_s3_allows() -> None:
    longest = Stage("x" * 20, regions=("ap-southeast-2",))
    assert len(f"{longest.prefix}-uploads-123456789012-ap-southeast-2") <= 63


def test_nothing_in_the_bucket_can_be_made_public(assembly: Assembly) -> None:
    properties = bucket(assembly)["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def test_the_bucket_is_reached_over_tls_only(assembly: Assembly) -> None:
    policies = assembly.resources("data", "AWS::S3::BucketPolicy").values()
    assert len(policies) == 2  # of uploads and of exports
    for policy in policies:
        statements = policy["Properties"]["PolicyDocument"]["Statement"]
        assert {statement["Effect"] for statement in statements} == {"Deny"}
        conditions = [statement["Condition"] for statement in statements]
        assert {"Bool": {"aws:SecureTransport": "false"}} in conditions
        assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in conditions


def test_uploads_go_after_the_stage_s_days(assembly: Assembly) -> None:
    (rule,) = bucket(assembly)["Properties"]["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["Prefix"], rule["ExpirationInDays"]) == ("Enabled", "uploads/", 7)
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert "VersioningConfiguration" not in bucket(assembly)["Properties"]  # deleted is deleted


def test_a_bucket_is_not_kept_because_uploads_can_be_made_again(assembly: Assembly) -> None:
    assert bucket(assembly)["DeletionPolicy"] == "Delete"


def encryption(assembly: Assembly, stage: str) -> dict[str, Any]:
    (rule,) = bucket(assembly, stage)["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    return dict(rule)


def test_uploads_are_encrypted_with_s3_s_keys_or_a_customer_s(assembly: Assembly) -> None:
    assert encryption(assembly, "prod") == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    customers = encryption(assembly, "pr-2")
    assert customers["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert CUSTOMER_KEY in str(customers["ServerSideEncryptionByDefault"]["KMSMasterKeyID"])
    assert customers["BucketKeyEnabled"] is True


def test_no_browser_may_put_uploads_unless_the_stage_names_its_origin(assembly: Assembly) -> None:
    assert "CorsConfiguration" not in bucket(assembly)["Properties"]
    stage = dataclasses.replace(stage_named("pr-1"), upload_origins=("https://chat.example.com",))
    stack = DataStack(App(analytics_reporting=False), "data", stage=stage, region=PRIMARY)
    buckets = Template.from_stack(stack).find_resources(BUCKET)
    (found,) = [item for name, item in buckets.items() if name.startswith("UploadBucket")]
    (rule,) = found["Properties"]["CorsConfiguration"]["CorsRules"]
    assert (rule["AllowedMethods"], rule["AllowedOrigins"]) == (["PUT"], ["https://chat.example.com"])
    assert rule["AllowedHeaders"] == ["content-type", "x-amz-checksum-sha256"]


@pytest.mark.parametrize("name", ["streaming", "completion", "routing", "admin"])
def test_functions_that_come_to_uploads_know_the_bucket(assembly: Assembly, name: str) -> None:
    found = assembly.resources("api", "AWS::Lambda::Function")
    (function,) = [item["Properties"] for key, item in found.items() if key.startswith(f"{name.capitalize()}Function")]
    variables = function["Environment"]["Variables"]
    told = (variables.get("SLUICE_UPLOAD_BUCKET"), variables.get("SLUICE_UPLOAD_DAYS"))
    expected = (bucket(assembly)["Properties"]["BucketName"], "7") if name != "admin" else (None, None)
    assert told == expected
    assert variables.get("SLUICE_UPLOAD_INLINE_MB") == (None if name == "admin" else "16")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("upload_days", 0),
        ("upload_days", 31),
        ("upload_inline_mb", 0),
        ("upload_inline_mb", 65),
        ("upload_origins", ("*",)),
        ("upload_origins", ("https://a.example/path",)),
        ("upload_origins", ("http://a.example",)),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(setting: str, value: object) -> None:
    with pytest.raises(InvalidStage, match=setting):
        dataclasses.replace(stage_named("dev"), **{setting: value})  # type: ignore[arg-type]
