"""The exporter exists where a stage lists targets, and may do what they need and nothing else."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from infra.exporters import ExporterTarget, InvalidExporter, text_of
from infra.settings import InvalidStage, stage_named
from sluice.settings import PAYLOAD_DAYS, Settings
from sluice.telemetry.options import options_from
from tests.infra.conftest import PRIMARY, Assembly, synthesized

LANGFUSE = ExporterTarget(
    "langfuse", "otlp", "https://cloud.langfuse.com/api/public/otel", flavour="langfuse", sample=0.5, teams=("search",)
)
TARGETS = (
    LANGFUSE,
    ExporterTarget("helicone", "helicone", "https://api.worker.helicone.ai"),
    ExporterTarget("kept", "s3"),
)


@pytest.fixture(scope="module")
def exporting(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """pr-7 has every kind of target and an archive, pr-8 a collector alone."""
    everything = dataclasses.replace(stage_named("pr-7", regions=PRIMARY), exporters=TARGETS, archive=True)
    alone = dataclasses.replace(stage_named("pr-8", regions=PRIMARY), exporters=(LANGFUSE,))
    return synthesized(tmp_path_factory.mktemp("cdk.exporter"), everything, alone)


def one(found: dict[str, Any], beginning: str) -> dict[str, Any]:
    (item,) = [item["Properties"] for name, item in found.items() if name.startswith(beginning)]
    return dict(item)


def statements(assembly: Assembly, stage: str, kind: str, role: str) -> dict[str, dict[str, Any]]:
    found = one(assembly.resources(kind, "AWS::IAM::Role", stage=stage), role)
    return {part["Sid"]: part for policy in found["Policies"] for part in policy["PolicyDocument"]["Statement"]}


def test_a_stage_without_targets_has_no_exporter_and_no_archive(assembly: Assembly) -> None:
    functions = assembly.resources("jobs", "AWS::Lambda::Function")
    assert not [name for name in functions if name.startswith("Exporter")]
    buckets = assembly.resources("data", "AWS::S3::Bucket")
    assert not [name for name in buckets if name.startswith("Archive")]


def test_the_function_reads_the_targets_as_they_were_written(exporting: Assembly) -> None:
    found = one(exporting.resources("jobs", "AWS::Lambda::Function", stage="pr-7"), "ExporterJobFunction")
    variables = {name: str(value) for name, value in found["Environment"]["Variables"].items()}
    read = Settings.from_environment(variables | {"AWS_REGION": PRIMARY})
    told = options_from(read.exporters)
    assert [target._asdict() for target in told] == [dataclasses.asdict(target) for target in TARGETS]
    assert "archive" in read.archive_bucket


def test_the_stream_feeds_it_and_what_nobody_takes_is_kept(exporting: Assembly) -> None:
    mapping = one(exporting.resources("jobs", "AWS::Lambda::EventSourceMapping", stage="pr-7"), "Exporter")
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["MaximumRecordAgeInSeconds"] == 6 * 3600
    assert mapping["StartingPosition"] == "LATEST"
    assert "ExporterLeft" in str(mapping["DestinationConfig"]["OnFailure"]["Destination"])


def test_it_may_read_the_stream_and_the_secret_and_put_entries(exporting: Assembly) -> None:
    found = statements(exporting, "pr-7", "jobs", "ExporterJobRole")
    assert set(found) == {"Logs", "ConfigTable", "Secrets", "Stream", "Archive"}
    assert found["ConfigTable"]["Action"] == "dynamodb:GetItem"
    assert found["Archive"]["Action"] == "s3:PutObject"
    assert str(found["Archive"]["Resource"]).count("/entries/*") == 1
    assert set(statements(exporting, "pr-8", "jobs", "ExporterJobRole")) == {"Logs", "ConfigTable", "Secrets", "Stream"}


def test_the_request_path_may_put_payloads_where_there_is_an_archive(exporting: Assembly) -> None:
    statement = statements(exporting, "pr-7", "api", "StreamingRole")["Archive"]
    assert (statement["Action"], "/payloads/*" in str(statement["Resource"])) == ("s3:PutObject", True)
    assert "Archive" not in statements(exporting, "pr-8", "api", "StreamingRole")
    found = exporting.resources("api", "AWS::Lambda::Function", stage="pr-7")
    assert "SLUICE_ARCHIVE_BUCKET" in one(found, "StreamingFunction")["Environment"]["Variables"]


def test_payloads_go_when_their_days_are_over(exporting: Assembly) -> None:
    bucket = one(exporting.resources("data", "AWS::S3::Bucket", stage="pr-7"), "ArchiveBucket")
    rules = {rule["Prefix"]: rule["ExpirationInDays"] for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert rules == {f"payloads/{days}d/": days for days in PAYLOAD_DAYS}
    assert bucket["PublicAccessBlockConfiguration"]["RestrictPublicBuckets"] is True


def test_cdk_nag_finds_nothing(exporting: Assembly) -> None:
    assert exporting.findings() == []


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"name": "A", "kind": "s3"}, "name is 'A'"),
        ({"name": "a", "kind": "kafka"}, "kind is 'kafka'"),
        ({"name": "a", "kind": "otlp", "url": "http://otel.example"}, "url is"),
        ({"name": "a", "kind": "s3", "url": "https://x.example"}, "url is"),
        ({"name": "a", "kind": "helicone", "url": "https://x.example", "flavour": "langfuse"}, "flavour is"),
        ({"name": "a", "kind": "s3", "sample": 2}, "sample is 2"),
    ],
)
def test_a_target_that_cannot_work_is_refused(members: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidExporter, match=words):
        ExporterTarget(**members)


def test_an_exporter_to_s3_needs_the_archive() -> None:
    with pytest.raises(InvalidStage, match="archive is False"):
        dataclasses.replace(stage_named("pr-7"), exporters=(ExporterTarget("kept", "s3"),))


def test_the_text_is_json() -> None:
    assert json.loads(text_of(TARGETS))[0]["teams"] == ["search"]
