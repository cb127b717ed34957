"""Uploads in an emulated bucket: put by signed URL, found by their own team alone."""

from __future__ import annotations

import hashlib
import http.client
import itertools
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from sluice.aws.credentials import Credentials, FixedCredentials
from sluice.aws.s3 import S3Bucket
from sluice.aws.stores.uploads import S3UploadStore
from sluice.providers.transport import HttpTransport
from sluice.types.uploads import StoredFile, Upload
from tests.emulator import Emulator

CONTENT = b"\x89PNG\r\n\x1a\n" + b"x" * 1000
UPLOAD = Upload("upl_01", "search", "a.png", len(CONTENT), "image/png", "vision", 1_700_000_000_000)
_NAMES = itertools.count(1)


@pytest.fixture
def store(emulator: Emulator) -> Iterator[S3UploadStore]:
    name = f"uploads-{next(_NAMES)}"
    transport = HttpTransport(trusted=True)
    source = FixedCredentials(Credentials(emulator.access_key_id, emulator.secret_access_key))
    bucket = S3Bucket(transport, source, bucket=name, region=emulator.region, endpoint_url=emulator.url)
    bucket.create()
    bucket.create()
    yield S3UploadStore(bucket)
    transport.drop_connections()


def send(method: str, url: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    address = urlsplit(url)
    with closing(http.client.HTTPConnection(address.netloc, timeout=30)) as connection:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, f"{address.path}?{address.query}", body, named)
        answer = connection.getresponse()
        return answer.status, answer.read()


def put(store: S3UploadStore, upload: Upload, content: bytes) -> int:
    address = store.put_address(upload, 60)
    headers = {name.replace("-", "_"): value for name, value in address.headers.items() if name != "content-length"}
    return send("PUT", address.url, content, **headers)[0]


def test_what_was_declared_and_what_was_put_come_back(store: S3UploadStore) -> None:
    store.declare(UPLOAD)
    assert store.find("search", UPLOAD.id) == UPLOAD
    assert store.stored("search", UPLOAD.id) is None
    assert store.open("search", UPLOAD.id) is None
    assert put(store, UPLOAD, CONTENT) == 200
    assert store.stored("search", UPLOAD.id) == StoredFile(len(CONTENT), "image/png")
    found = store.open("search", UPLOAD.id)
    assert found is not None
    assert (found.size, found.mime_type, found.read()) == (len(CONTENT), "image/png", CONTENT)


def test_another_team_finds_nothing(store: S3UploadStore) -> None:
    store.declare(UPLOAD)
    assert put(store, UPLOAD, CONTENT) == 200
    assert store.find("ads", UPLOAD.id) is None
    assert store.stored("ads", UPLOAD.id) is None
    assert store.open("ads", UPLOAD.id) is None


def test_a_deleted_upload_is_gone_and_may_be_deleted_again(store: S3UploadStore) -> None:
    store.declare(UPLOAD)
    assert put(store, UPLOAD, CONTENT) == 200
    store.delete("search", UPLOAD.id)
    assert store.find("search", UPLOAD.id) is None
    assert store.open("search", UPLOAD.id) is None
    store.delete("search", UPLOAD.id)


def test_the_address_takes_the_declared_size_and_type_only(store: S3UploadStore) -> None:
    url = store.put_address(UPLOAD, 60).url
    assert send("PUT", url, CONTENT + b"!", content_type="image/png")[0] == 403
    assert send("PUT", url, CONTENT[:-1], content_type="image/png")[0] == 403
    assert send("PUT", url, CONTENT, content_type="image/gif")[0] == 403
    assert send("PUT", url, CONTENT)[0] == 403
    assert send("PUT", url, CONTENT, content_type="image/png")[0] == 200


def test_the_address_takes_only_content_of_the_declared_hash(store: S3UploadStore) -> None:
    upload = replace(UPLOAD, sha256=hashlib.sha256(CONTENT).hexdigest())
    assert put(store, upload, CONTENT[:-1] + b"!") == 400
    assert send("PUT", store.put_address(upload, 60).url, CONTENT, content_type="image/png")[0] == 403
    assert put(store, upload, CONTENT) == 200


def test_the_address_for_reading_needs_no_key_and_reads_one_file(store: S3UploadStore) -> None:
    assert put(store, UPLOAD, CONTENT) == 200
    url = store.get_address("search", UPLOAD.id, 900)
    assert "X-Amz-Expires=900" in url
    assert send("GET", url) == (200, CONTENT)
    assert send("GET", url.replace("/upl_01", "/upl_02"))[0] == 403
    assert send("PUT", url, b"x")[0] == 403


def test_an_address_shows_in_no_log(store: S3UploadStore) -> None:
    assert "X-Amz" not in repr(store.put_address(UPLOAD, 60))
