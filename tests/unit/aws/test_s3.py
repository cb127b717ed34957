"""Signed S3 URLs, checked against botocore, and what an answer of S3 means."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

from sluice.aws.credentials import Credentials, FixedCredentials
from sluice.aws.errors import Refused, Throttled, Unavailable
from sluice.aws.s3 import S3Bucket
from sluice.errors import ProviderUnreachable
from tests.unit.aws.fakes import CREDENTIALS, FakeAnswer, FakeTransport, Pauses

NOW, STAMP = 1_700_000_000.0, "20231114T221320Z"
KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=40)
VALUES = st.text(st.sampled_from("abcXYZ019+/=; -."), min_size=1, max_size=30)


def bucket(transport: FakeTransport | None = None, **changes: Any) -> S3Bucket:
    values: dict[str, Any] = {"bucket": "files", "region": "eu-west-1", "now": lambda: NOW, "sleep": Pauses()}
    return S3Bucket(transport or FakeTransport(), changes.pop("credentials", CREDENTIALS), **{**values, **changes})


def botocores(method: str, url: str, headers: dict[str, str], seconds: int, token: str | None) -> str:
    """Return what `add_auth` makes of the request, at our moment instead of now."""
    request = AWSRequest(method=method, url=url, headers=headers)
    request.context["timestamp"] = STAMP
    signer = S3SigV4QueryAuth(BotoCredentials("AKID", "secret", token), "s3", "eu-west-1", expires=seconds)
    signer._modify_request_before_signing(request)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return f"{request.url}&X-Amz-Signature={signer.signature(text, request)}"


def parts(url: str) -> tuple[str, set[str]]:
    address, _, query = url.partition("?")
    return address, set(query.split("&"))


@given(
    key=KEYS,
    method=st.sampled_from(["GET", "PUT", "DELETE", "HEAD"]),
    headers=st.dictionaries(st.sampled_from(["content-type", "content-length", "x-amz-checksum-sha256"]), VALUES),
    seconds=st.integers(1, 604_800),
    token=st.none() | st.text("ABC/+=", min_size=1),
)
def test_a_signed_url_is_the_one_that_botocore_signs(
    key: str, method: str, headers: dict[str, str], seconds: int, token: str | None
) -> None:
    source = FixedCredentials(Credentials("AKID", "secret", token or ""))
    ours = bucket(credentials=source).signed_url(method, key, seconds=seconds, headers=headers)
    theirs = botocores(method, ours.partition("?")[0], headers, seconds, token)
    assert parts(ours) == parts(theirs)


def test_in_aws_the_bucket_is_the_host_and_in_the_emulator_a_part_of_the_path() -> None:
    assert (
        bucket().signed_url("GET", "a/b c", seconds=9).startswith("https://files.s3.eu-west-1.amazonaws.com/a/b%20c?")
    )
    local = bucket(endpoint_url="http://127.0.0.1:4566/").signed_url("GET", "a/b", seconds=9)
    assert local.startswith("http://127.0.0.1:4566/files/a/b?")
    china = bucket(region="cn-north-1").signed_url("GET", "a", seconds=9)
    assert china.startswith("https://files.s3.cn-north-1.amazonaws.com.cn/a?")


def test_a_url_names_the_headers_that_have_to_come_with_it_and_how_long_it_is_good_for() -> None:
    url = bucket().signed_url("PUT", "a", seconds=3600, headers={"content-type": "image/png", "content-length": "8"})
    assert "X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost" in url
    assert "X-Amz-Expires=3600" in url
    assert f"X-Amz-Date={STAMP}" in url


def test_calls_of_the_gateway_s_own_go_over_signed_urls_and_are_not_allowed_on_loopback_in_aws() -> None:
    transport = FakeTransport(FakeAnswer(200, b""))
    bucket(transport).put("k", b"content", "application/json")
    (call,) = transport.calls
    assert (call.method, call.body, call.allow_loopback) == ("PUT", b"content", False)
    assert call.headers == {"content-type": "application/json"}
    assert "X-Amz-Signature=" in call.url


@pytest.mark.parametrize(
    "answer",
    [
        FakeAnswer(404, b"<Error><Code>NoSuchKey</Code></Error>"),
        FakeAnswer(403, b"<Error><Code>AccessDenied</Code></Error>"),
        FakeAnswer(404, b""),
    ],
)
def test_a_key_that_does_not_exist_is_absent_also_where_s3_may_not_say_so(answer: FakeAnswer) -> None:
    assert bucket(FakeTransport(answer)).get("k", 100) is None
    assert bucket(FakeTransport(answer)).open("k") is None
    bucket(FakeTransport(answer)).delete("k")


def test_an_object_is_read_whole() -> None:
    assert bucket(FakeTransport(FakeAnswer(200, b"content"))).get("k", 100) == b"content"
    assert bucket(FakeTransport(FakeAnswer(200, b"", {"content-length": "7"}))).head("k") == {"content-length": "7"}


@pytest.mark.parametrize(
    "trouble",
    [FakeAnswer(500, b""), FakeAnswer(503, b"<Error><Code>SlowDown</Code></Error>"), ProviderUnreachable("x")],
)
def test_a_passing_trouble_is_tried_again(trouble: FakeAnswer | Exception) -> None:
    transport = FakeTransport(trouble, trouble, FakeAnswer(200, b"content"))
    assert bucket(transport).get("k", 100) == b"content"
    assert len(transport.calls) == 3


def test_trouble_that_stays_is_reported_with_its_kind() -> None:
    with pytest.raises(Unavailable, match=r"s3\.GetObject failed with 500"):
        bucket(FakeTransport(*[FakeAnswer(500, b"")] * 3)).get("k", 100)
    with pytest.raises(Throttled):
        bucket(FakeTransport(*[FakeAnswer(503, b"")] * 3)).get("k", 100)
    with pytest.raises(Unavailable, match="got no answer"):
        bucket(FakeTransport(*[ProviderUnreachable("reset")] * 3)).get("k", 100)


def test_a_refusal_is_not_repeated_and_tells_no_more_than_its_code() -> None:
    quoted = (
        b"<Error><Code>SignatureDoesNotMatch</Code><Message>x-amz-security-token:session-token-text</Message></Error>"
    )
    transport = FakeTransport(FakeAnswer(403, quoted))
    with pytest.raises(Refused, match="403 SignatureDoesNotMatch") as raised:
        bucket(transport).get("k", 100)
    assert "session-token-text" not in f"{raised.value}{vars(raised.value)}"
    assert len(transport.calls) == 1


def test_a_write_that_is_denied_is_an_error_of_the_gateway() -> None:
    with pytest.raises(Refused, match="may not write"):
        bucket(FakeTransport(FakeAnswer(403, b"<Error><Code>AccessDenied</Code></Error>"))).put("k", b"", "text/plain")


def test_a_body_that_breaks_off_is_an_error_of_the_store_and_not_of_a_provider() -> None:
    class Broken(FakeAnswer):
        def read(self, limit: int | None = None) -> bytes:
            raise ProviderUnreachable("cut")

    with pytest.raises(Unavailable, match="broke off"):
        bucket(FakeTransport(Broken(200, b""))).get("k", 100)
