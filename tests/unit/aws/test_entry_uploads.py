"""How the functions come to uploads: not at all without a bucket, and no client before the first of them."""

from __future__ import annotations

from sluice.aws.entry import upload_access
from sluice.settings import Settings
from tests.unit.aws.fakes import CREDENTIALS, FakeAnswer, FakeTransport

TOLD = {
    "SLUICE_STAGE": "dev",
    "SLUICE_TABLE_PREFIX": "sluice-dev",
    "SLUICE_PROVIDER_SECRET": "providers",
    "SLUICE_GATEWAY_SECRET": "gateway",
    "AWS_REGION": "eu-west-1",
}


def test_a_function_without_a_bucket_offers_no_uploads() -> None:
    assert upload_access(Settings.from_environment(TOLD), FakeTransport(), CREDENTIALS) is None


def test_a_function_with_a_bucket_keeps_to_its_settings() -> None:
    told = {**TOLD, "SLUICE_UPLOAD_BUCKET": "files", "SLUICE_UPLOAD_DAYS": "3", "SLUICE_UPLOAD_INLINE_MB": "2"}
    transport = FakeTransport(FakeAnswer(404, b""))
    access = upload_access(Settings.from_environment(told), transport, CREDENTIALS)
    assert access is not None
    assert (access.days, access.inline_limit) == (3, 2 * 1024 * 1024)
    assert access.store().stored("search", "upl_1") is None
    assert transport.calls[0].url.startswith("https://files.s3.eu-west-1.amazonaws.com/uploads/search/upl_1?")
