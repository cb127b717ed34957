"""The page on privacy against schema, settings and templates: it names every store, and each row says what is so."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from infra.build import ROOT
from infra.settings import STAGES, Stage
from sluice.control.configurations import ConfigurationModel
from sluice.metering import rollup
from sluice.settings import PAYLOAD_DAYS, TABLES, TableSchema
from sluice.stored_responses.keeping import DAYS as RESPONSE_DAYS
from sluice.types.batches import RETENTION_DAYS
from tests.infra.conftest import PRIMARY, SECONDARY, Assembly

PAGE = (ROOT / "docs/privacy.md").read_text(encoding="utf-8")
STORES = PAGE.split("<!-- stores")[1].split("\n\n")[0]
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in STORES.splitlines() if line.startswith("| ")]
EVERYWHERE, HERE = "all regions of the stage", "region"
STATEFUL = {
    "AWS::DynamoDB::GlobalTable": "table",
    "AWS::S3::Bucket": "bucket",
    "AWS::SecretsManager::Secret": "secret",
    "AWS::Logs::LogGroup": "log group",
    "AWS::SQS::Queue": "queue",
    "AWS::SNS::Topic": "topic",
    "AWS::SSM::Parameter": "parameters (SSM)",
}
STATELESS = {
    "ApiGateway", "ApplicationAutoScaling", "CDK", "CertificateManager", "CloudWatch", "CodeDeploy", "Events", "IAM",
    "Lambda", "Logs::QueryDefinition", "Route53", "Scheduler", "SecretsManager::RotationSchedule", "WAFv2", "XRay",
}  # fmt: skip
"""Services whose resources hold no records."""


def row(*names: str) -> list[str]:
    found = [each for each in ROWS if all(f"`{name}`" in each[0] for name in names)]
    assert len(found) == 1, f"the page has {len(found)} rows for {names}"
    return found[0]


def stores(assembly: Assembly, stage: str = "prod") -> dict[str, dict[str, Any]]:
    """Return the resources of a stage that hold something, by logical id."""
    found = {}
    for name, template in assembly.templates().items():
        if name.startswith(f"sluice-{stage}-"):
            found |= {k: v for k, v in template["Resources"].items() if v["Type"] in STATEFUL}
    return found


@pytest.mark.parametrize("schema", TABLES, ids=lambda schema: schema.name)
def test_a_tables_row_says_what_the_schema_says(schema: TableSchema) -> None:
    _, _, where, kept, backups, encrypted = row(schema.name)
    assert where == (EVERYWHERE if schema.replicated else HERE)
    assert (kept == "until deleted") is (schema.ttl is None)
    assert backups == ("35 days" if schema.restorable else "none")
    assert encrypted == "AWS-owned or customer_key"


def test_every_store_of_a_stage_has_a_row(assembly: Assembly) -> None:
    names = " ".join(each[0] for each in ROWS)
    for logical_id, resource in stores(assembly).items():
        kind = STATEFUL[resource["Type"]]
        if kind == "table":
            assert f"`{resource['Properties']['TableName'].removeprefix('sluice-prod-')}`" in names
        elif kind == "log group":
            assert "log groups" in names
        elif kind == "parameters (SSM)":
            assert kind in names
            assert "SecureString" not in json.dumps(resource)
        else:
            assert f"`{logical_id[:-8]}`" in names, f"the page does not name {logical_id}"


def test_no_stack_has_a_kind_of_store_that_the_page_does_not_know(assembly: Assembly) -> None:
    kinds = {item["Type"] for template in assembly.templates().values() for item in template["Resources"].values()}
    strange = {kind for kind in kinds - set(STATEFUL) if not any(kind.startswith(f"AWS::{name}") for name in STATELESS)}
    policies = {kind for kind in strange if kind.endswith(("Policy", "Subscription"))}
    assert strange - policies == set()


def test_every_row_stands_for_something_that_is_deployed(assembly: Assembly) -> None:
    there = {logical_id[:-8] for logical_id in stores(assembly)} | {schema.name for schema in TABLES} | {"access"}
    only_if_asked_for = {"ArchiveBucket", "ExporterLeft"}
    named = {name for each in ROWS for name in re.findall(r"`(\w+)`", each[0])}
    assert named <= there | only_if_asked_for
    source = "".join((ROOT / path).read_text() for path in ("infra/stacks/data.py", "infra/constructs/exporter.py"))
    assert all(f'"{name}"' in source for name in only_if_asked_for)


def test_how_long_things_are_kept_is_what_the_code_says(assembly: Assembly) -> None:
    defaults = Stage("x", regions=("eu-west-1",))
    prod, dev = STAGES["prod"], STAGES["dev"]
    assert f"({defaults.ledger_days}; prod {prod.ledger_days})" in row("ledger")[3]
    assert f"({defaults.log_days}; dev {dev.log_days}, prod {prod.log_days})" in STORES
    assert f"({defaults.upload_days})" in row("UploadBucket")[3]
    assert f"hours {rollup._HOUR_DAYS} days, days {rollup._DAY_DAYS:,} days" in row("usage")[3]
    assert f"{RESPONSE_DAYS} days; records of batches, {RETENTION_DAYS} days" in row("cache")[1]
    listed = ", ".join(map(str, PAYLOAD_DAYS[:-1])) + f" or {PAYLOAD_DAYS[-1]} days"
    assert listed in row("ArchiveBucket")[1]
    rules = stores(assembly)["UploadBucketD2C1DA78"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert [each["ExpirationInDays"] for each in rules] == [defaults.upload_days]
    queues = [item["Properties"] for item in stores(assembly).values() if item["Type"] == "AWS::SQS::Queue"]
    assert {each["MessageRetentionPeriod"] for each in queues} == {14 * 86_400}
    assert all(each["SqsManagedSseEnabled"] for each in queues)


def test_a_customers_key_encrypts_what_the_page_says_and_log_groups_never(assembly: Assembly) -> None:
    for logical_id, resource in stores(assembly, "pr-2").items():
        kind, text = STATEFUL[resource["Type"]], json.dumps(resource["Properties"])
        if kind in ("table", "bucket", "secret") or logical_id.startswith("AlertsTopic"):
            assert "mrk-" in text, f"{logical_id} is not encrypted by the customer's key"
        else:
            assert "mrk-" not in text, f"{logical_id} is encrypted by the customer's key, which its row denies"
    for resource in stores(assembly).values():
        if resource["Type"] == "AWS::S3::Bucket":
            assert "AES256" in json.dumps(resource["Properties"]["BucketEncryption"])


def test_replicas_stand_in_the_stages_regions_alone(assembly: Assembly) -> None:
    for resource in assembly.resources("data", "AWS::DynamoDB::GlobalTable").values():
        places = {each["Region"] for each in resource["Properties"]["Replicas"]}
        replicated = resource["Properties"]["TableName"].removeprefix("sluice-prod-") in {
            schema.name for schema in TABLES if schema.replicated
        }
        assert places == ({PRIMARY, SECONDARY} if replicated else {PRIMARY})
    for resource in assembly.resources("data", "AWS::SecretsManager::Secret").values():
        assert [each["Region"] for each in resource["Properties"]["ReplicaRegions"]] == [SECONDARY]


def test_the_pages_fence_can_be_published() -> None:
    (example,) = [json.loads(each) for each in re.findall(r"```json\n(.*?)```", PAGE, re.S)]
    fence = ConfigurationModel.model_validate(example).residency["eu"]
    assert fence.at_rest is not False
