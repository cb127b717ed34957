"""The signer agrees with botocore's, whatever is signed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from botocore import auth, awsrequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.signing import UNSIGNED, Credentials, FixedCredentials, Signer

URL_TEXT = st.text("abcXYZ019-_.~!$'()*+,;:@%", max_size=12)
NAMES = st.from_regex(r"\A[A-Za-z][A-Za-z0-9-]{0,20}\Z").filter(
    lambda name: name.lower() not in {"host", "authorization", "x-amz-date", "x-amz-security-token"}
)
HEADERS = st.dictionaries(NAMES, st.text("abc XYZ=/;,\t09", max_size=30), max_size=5).filter(
    lambda headers: len({name.lower() for name in headers}) == len(headers)
)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2060, 1, 1))


class BotocoreAt(auth.SigV4Auth):
    """botocore's signer at a given time."""

    def __init__(self, credentials: BotocoreCredentials, service: str, region: str, stamp: str) -> None:
        super().__init__(credentials, service, region)
        self.stamp = stamp

    def add_auth(self, request: awsrequest.AWSRequest) -> None:
        request.context["timestamp"] = self.stamp
        self._modify_request_before_signing(request)
        text = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(text, request))


def botocore_authorization(
    method: str, url: str, headers: Mapping[str, str], body: bytes, *, token: str, at: datetime, scope: tuple[str, str]
) -> str:
    request = awsrequest.AWSRequest(method, url, dict(headers), body)
    credentials = BotocoreCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", token or None)
    BotocoreAt(credentials, *scope, at.strftime("%Y%m%dT%H%M%SZ")).add_auth(request)
    return str(request.headers["Authorization"])


@settings(max_examples=300)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    scheme=st.sampled_from(["https://", "http://"]),
    host=st.sampled_from(["dynamodb.eu-west-1.amazonaws.com", "127.0.0.1:4566", "h:443", "h:80", "[::1]:8080"]),
    path=st.lists(st.one_of(URL_TEXT, st.sampled_from(["..", ".", ""])), max_size=4),
    query=st.lists(st.tuples(URL_TEXT, URL_TEXT), max_size=4),
    headers=HEADERS,
    body=st.binary(max_size=60),
    token=st.sampled_from(["", "session-token"]),
    at=TIMES,
    scope=st.sampled_from([("dynamodb", "eu-west-1"), ("secretsmanager", "us-east-1"), ("bedrock", "us-west-2")]),
)
def test_the_signature_equals_botocore_s(
    method: str,
    scheme: str,
    host: str,
    path: list[str],
    query: list[tuple[str, str]],
    headers: dict[str, str],
    body: bytes,
    token: str,
    at: datetime,
    scope: tuple[str, str],
) -> None:
    url = scheme + host + "".join(f"/{segment}" for segment in path)
    if query:
        url += "?" + "&".join(f"{name}={value}" for name, value in query)
    at = at.replace(tzinfo=UTC)
    credentials = FixedCredentials(Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", token))
    signed = Signer(*scope, credentials, now=at.timestamp).sign(method, url, headers, body)
    expected = botocore_authorization(method, url, headers, body, token=token, at=at, scope=scope)
    assert signed["authorization"] == expected
    assert signed.get("x-amz-security-token", "") == token


@settings(max_examples=100)
@given(
    path=st.lists(URL_TEXT, max_size=3),
    query=st.lists(st.tuples(URL_TEXT, URL_TEXT), max_size=3),
    token=st.sampled_from(["", "session+token/="]),
    at=TIMES,
    seconds=st.integers(60, 43_200),
)
def test_the_presigned_address_carries_botocore_s_signature(
    path: list[str], query: list[tuple[str, str]], token: str, at: datetime, seconds: int
) -> None:
    url = "https://sagemaker.amazonaws.com" + "".join(f"/{segment}" for segment in path)
    if query:
        url += "?" + "&".join(f"{name}={value}" for name, value in query)
    at = at.replace(tzinfo=UTC)
    credentials = FixedCredentials(Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", token))
    presigned = Signer("sagemaker", "eu-west-1", credentials, now=at.timestamp).presign("POST", url, seconds)
    unsigned, _, signature = presigned.rpartition("&X-Amz-Signature=")
    request = awsrequest.AWSRequest("POST", unsigned)
    signer = auth.SigV4QueryAuth(
        BotocoreCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", token or None), "sagemaker", "eu-west-1"
    )
    request.context["timestamp"] = at.strftime("%Y%m%dT%H%M%SZ")
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert signature == expected
    assert f"X-Amz-Expires={seconds}" in presigned


def test_a_model_id_in_a_path_is_signed_with_its_escapes_escaped() -> None:
    url = "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-v1%3A0/converse"
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    credentials = FixedCredentials(Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG"))
    scope = ("bedrock", "us-east-1")
    signed = Signer(*scope, credentials, now=at.timestamp).sign("POST", url, {}, b"{}")
    assert signed["authorization"] == botocore_authorization("POST", url, {}, b"{}", token="", at=at, scope=scope)


def test_the_list_of_unsigned_headers_is_botocore_s() -> None:
    assert set(auth.SIGNED_HEADERS_BLACKLIST) == UNSIGNED


def test_the_signing_key_changes_with_the_day_and_with_the_secret() -> None:
    moments = [1_795_435_200.0, 1_795_435_260.0, 1_795_521_600.0]
    secrets = ["one", "one", "two"]

    class Rotating:
        def current(self) -> Credentials:
            return Credentials("AKID", secrets[position])

    signer = Signer("dynamodb", "eu-west-1", Rotating(), now=lambda: moments[position])
    for position in range(3):
        seen = signer.sign("POST", "https://h/", {}, b"")["authorization"]
        credentials = FixedCredentials(Credentials("AKID", secrets[position]))
        fresh = Signer("dynamodb", "eu-west-1", credentials, now=lambda at=moments[position]: at)
        assert seen == fresh.sign("POST", "https://h/", {}, b"")["authorization"]


def test_the_host_is_signed_and_left_to_the_transport() -> None:
    signer = Signer("dynamodb", "eu-west-1", FixedCredentials(Credentials("AKID", "s")))
    signed = signer.sign("POST", "https://h/", {"Content-Type": "x"}, b"")
    assert "host" not in signed
    assert "SignedHeaders=content-type;host;x-amz-date," in signed["authorization"]
