"""Where AWS says what it charges: a Data Export in S3, and Cost Explorer. For the jobs alone (it imports boto3).

botocore retries what is throttled or fails, with pauses of its own; what it gives up on is a `VendorFailed`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any, NoReturn

from sluice.control.invoices.statements import VendorFailed

CHUNK = 256 * 1024
COST_EXPLORER_REGION = "us-east-1"
"""Cost Explorer has this endpoint alone (API reference, 2026-11)."""
PAGES = 200
TRIES = 6
_ABSENT = ("NoSuchKey", "404")
_DENIED = ("AccessDenied", "AccessDeniedException", "403", "ExpiredToken", "InvalidAccessKeyId")


def client(service: str, region: str, endpoint_url: str | None = None) -> Any:
    """Return a boto3 client that is patient with throttling."""
    import boto3
    from botocore.config import Config

    config = Config(retries={"mode": "standard", "total_max_attempts": TRIES}, connect_timeout=10, read_timeout=60)
    return boto3.client(service, region_name=region, endpoint_url=endpoint_url, config=config)


class S3Export:
    """A CUR 2.0 export at s3://bucket/prefix/name/ (`control.invoices.bedrock.BillingExport`)."""

    def __init__(self, client: Any, *, bucket: str, prefix: str, name: str) -> None:
        self._client = client
        self._bucket = bucket
        self._name = name
        self._root = "/".join(part for part in (prefix.strip("/"), name) if part)

    def manifest(self, month: str) -> bytes | None:
        """Return the manifest of a billing period, None before there is one. Raises VendorFailed."""
        key = f"{self._root}/metadata/BILLING_PERIOD={month}/{self._name}-Manifest.json"
        chunks = self._read(key, absent_is_fine=True)
        return None if chunks is None else b"".join(chunks)

    def file(self, uri: str) -> Iterator[bytes]:
        """Yield the bytes of a file of this export, as they are stored. Raises VendorFailed."""
        key = uri.removeprefix(f"s3://{self._bucket}/")
        if not key.startswith(f"{self._root}/data/"):
            raise VendorFailed("bedrock", "malformed", "the manifest names a file outside its export.")
        yield from self._read(key) or ()

    def _read(self, key: str, *, absent_is_fine: bool = False) -> Iterator[bytes] | None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
        except ClientError as error:
            if absent_is_fine and error.response.get("Error", {}).get("Code") in _ABSENT:
                return None
            _fail("s3:GetObject", error)
        except BotoCoreError as error:
            _fail("s3:GetObject", error)
        return _chunks(body)


class BotoCostExplorer:
    """GetCostAndUsage (`control.invoices.bedrock.CostExplorer`)."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def pages(self, day: date) -> Iterator[Mapping[str, Any]]:
        """Yield the answers for one day by service and usage type. Raises VendorFailed."""
        from botocore.exceptions import BotoCoreError, ClientError

        asked: dict[str, Any] = {
            "TimePeriod": {"Start": day.isoformat(), "End": (day + timedelta(days=1)).isoformat()},
            "Granularity": "DAILY",
            "Metrics": ["UnblendedCost"],
            "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "DIMENSION", "Key": "USAGE_TYPE"}],
            "Filter": {"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Usage"]}},
        }
        for _ in range(PAGES):
            try:
                page = self._client.get_cost_and_usage(**asked)
            except (ClientError, BotoCoreError) as error:
                _fail("ce:GetCostAndUsage", error)
            yield page
            if not page.get("NextPageToken"):
                return
            asked["NextPageToken"] = page["NextPageToken"]
        raise VendorFailed("bedrock", "malformed", "Cost Explorer's pages do not end.")


def _chunks(body: Any) -> Iterator[bytes]:
    from botocore.exceptions import BotoCoreError

    try:
        yield from body.iter_chunks(CHUNK)
    except BotoCoreError as error:
        _fail("s3:GetObject", error)


def _fail(action: str, error: Exception) -> NoReturn:
    code = str(getattr(error, "response", {}).get("Error", {}).get("Code") or type(error).__name__)
    kind = "credential" if code in _DENIED else "unreachable"
    raise VendorFailed("bedrock", kind, f"{action} failed ({code}).") from None
