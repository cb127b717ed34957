"""Archived payloads in the region's own bucket: they never leave the region that served the request."""

from __future__ import annotations

from sluice.aws.credentials import CredentialSource
from sluice.aws.s3 import S3Bucket
from sluice.providers.transport import HttpTransport
from sluice.settings import Settings

CONTENT_TYPE = "application/gzip"


class S3PayloadStore:
    """Writes payloads (`ports.PayloadStore`)."""

    def __init__(self, bucket: S3Bucket) -> None:
        self._bucket = bucket

    @classmethod
    def of(cls, settings: Settings, credentials: CredentialSource) -> S3PayloadStore:
        """Return the store of the bucket that the settings name."""
        bucket = S3Bucket(
            HttpTransport(trusted=True),
            credentials,
            bucket=settings.archive_bucket,
            region=settings.region,
            endpoint_url=settings.endpoint_url,
        )
        return cls(bucket)

    def put(self, key: str, packed: bytes) -> None:
        """Write one object. Raises AwsError."""
        self._bucket.put(key, packed, CONTENT_TYPE)
