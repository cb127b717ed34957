"""AWS's own bills through its SDK: files of one export and nothing else, and Cost Explorer page by page."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from sluice.aws.billing import BotoCostExplorer, S3Export
from sluice.control.invoices.statements import VendorFailed

DAY = date(2026, 11, 20)
KEYS = {"aws_access_key_id": "x", "aws_secret_access_key": "y", "region_name": "us-east-1"}
MANIFEST = "exports/bedrock/metadata/BILLING_PERIOD=2026-11/bedrock-Manifest.json"


@pytest.fixture
def s3() -> Iterator[tuple[Any, Stubber]]:
    client = boto3.client("s3", **KEYS)
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()
    client.close()


@pytest.fixture
def explorer() -> Iterator[tuple[Any, Stubber]]:
    client = boto3.client("ce", **KEYS)
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()
    client.close()


def export(client: Any) -> S3Export:
    return S3Export(client, bucket="bills", prefix="/exports/", name="bedrock")


def body(content: bytes) -> dict[str, Any]:
    return {"Body": StreamingBody(io.BytesIO(content), len(content))}


def test_the_manifest_and_files_of_an_export_are_read(s3: tuple[Any, Stubber]) -> None:
    client, stubber = s3
    key = "exports/bedrock/data/BILLING_PERIOD=2026-11/bedrock-00001.csv.gz"
    stubber.add_response("get_object", body(b"{}"), {"Bucket": "bills", "Key": MANIFEST})
    stubber.add_response("get_object", body(b"content"), {"Bucket": "bills", "Key": key})
    assert export(client).manifest("2026-11") == b"{}"
    assert b"".join(export(client).file(f"s3://bills/{key}")) == b"content"


def test_a_month_without_a_manifest_has_none(s3: tuple[Any, Stubber]) -> None:
    client, stubber = s3
    stubber.add_client_error("get_object", "NoSuchKey", http_status_code=404)
    assert export(client).manifest("2026-11") is None


@pytest.mark.parametrize(("code", "kind"), [("AccessDenied", "credential"), ("InternalError", "unreachable")])
def test_what_s3_refuses_is_a_failure(s3: tuple[Any, Stubber], code: str, kind: str) -> None:
    client, stubber = s3
    stubber.add_client_error("get_object", code)
    with pytest.raises(VendorFailed, match=code) as failure:
        export(client).manifest("2026-11")
    assert failure.value.kind == kind


@pytest.mark.parametrize(
    "uri", ["s3://others/exports/bedrock/data/x.csv.gz", "s3://bills/payroll.csv.gz", "exports/bedrock/metadata/x"]
)
def test_a_manifest_cannot_name_what_lies_outside_its_export(s3: tuple[Any, Stubber], uri: str) -> None:
    with pytest.raises(VendorFailed, match="outside its export"):
        list(export(s3[0]).file(uri))


def test_a_body_that_breaks_off_is_a_failure(s3: tuple[Any, Stubber]) -> None:
    client, stubber = s3
    stubber.add_response("get_object", {"Body": StreamingBody(io.BytesIO(b"short"), 99)})
    with pytest.raises(VendorFailed, match="GetObject failed"):
        list(export(client).file("s3://bills/exports/bedrock/data/x.csv.gz"))


def request(**more: str) -> dict[str, Any]:
    return {
        "TimePeriod": {"Start": "2026-11-20", "End": "2026-11-21"},
        "Granularity": "DAILY",
        "Metrics": ["UnblendedCost"],
        "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "DIMENSION", "Key": "USAGE_TYPE"}],
        "Filter": {"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Usage"]}},
        **more,
    }


def test_cost_explorers_pages_are_followed(explorer: tuple[Any, Stubber]) -> None:
    client, stubber = explorer
    stubber.add_response("get_cost_and_usage", {"ResultsByTime": [], "NextPageToken": "two"}, request())
    stubber.add_response("get_cost_and_usage", {"ResultsByTime": []}, request(NextPageToken="two"))
    assert len(list(BotoCostExplorer(client).pages(DAY))) == 2


def test_what_cost_explorer_refuses_is_a_failure(explorer: tuple[Any, Stubber]) -> None:
    client, stubber = explorer
    stubber.add_client_error("get_cost_and_usage", "AccessDeniedException")
    with pytest.raises(VendorFailed, match="ce:GetCostAndUsage") as failure:
        list(BotoCostExplorer(client).pages(DAY))
    assert failure.value.kind == "credential"


def test_pages_of_cost_explorer_that_do_not_end_are_told() -> None:
    class Endless:
        def get_cost_and_usage(self, **_: object) -> dict[str, Any]:
            return {"ResultsByTime": [], "NextPageToken": "again"}

    with pytest.raises(VendorFailed, match="do not end"):
        list(BotoCostExplorer(Endless()).pages(DAY))
