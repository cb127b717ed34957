"""AWS Signature Version 4 with the standard library alone, for the AWS adapters and for providers that want it.

botocore's signer drags in 0.3 s of imports; this one costs a few microseconds a call, because the signing key is kept
for its day. Source: AWS, "Create a signed AWS API request" (IAM user guide, read 2026-11); checked by a property test
against botocore. For services other than S3: the path as it goes over the wire, which is encoded already, is encoded
once more, so a colon in a Bedrock model id is sent as it is, or as %3A, and signed as %3A, or as %253A.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from typing import Protocol

# fmt: off
UNSIGNED = frozenset({
    "baggage", "connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "traceparent",
    "tracestate", "trailer", "transfer-encoding", "upgrade", "user-agent", "x-amzn-trace-id",
})
# fmt: on
"""Headers that something on the way may change (the list of botocore 1.44)."""
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~/")
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")
_ENCODED = tuple(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in range(256))


class Credentials:
    """One set of AWS credentials. `session_token` is "" for long-lived ones."""

    __slots__ = ("access_key_id", "secret_access_key", "session_token")

    def __init__(self, access_key_id: str, secret_access_key: str, session_token: str = "") -> None:
        self.access_key_id = access_key_id
        self.secret_access_key = secret_access_key
        self.session_token = session_token

    def __repr__(self) -> str:
        return "Credentials(hidden)"


class CredentialSource(Protocol):
    """Where a signer takes its credentials from; the function's own role, or a set that somebody stored."""

    def current(self) -> Credentials:
        """Return credentials that are valid now."""


class FixedCredentials:
    """Credentials that stay as they are."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def current(self) -> Credentials:
        """Return the credentials."""
        return self._credentials


class Signer:
    """Signs calls to one service in one region. `now` gives epoch seconds."""

    def __init__(
        self, service: str, region: str, credentials: CredentialSource, *, now: Callable[[], float] = time.time
    ) -> None:
        self._service = service
        self._region = region
        self._credentials = credentials
        self._now = now
        self._key: bytes = b""
        self._key_of: tuple[str, str] = ("", "")

    def sign(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        """Return the headers to send: the given ones with lower-case names, the date, the token, the signature.

        `url` is absolute and encoded as it goes over the wire. The transport adds `host`, which is signed too.
        """
        credentials = self._credentials.current()
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._now()))
        host, path, query = _split(url)
        sent = {name.lower(): value for name, value in headers.items()}
        sent["x-amz-date"] = stamp
        if credentials.session_token:
            sent["x-amz-security-token"] = credentials.session_token
        signed = {name: value for name, value in sent.items() if name not in UNSIGNED}
        signed["host"] = host
        names = sorted(signed)
        lines = "".join([f"{name}:{' '.join(signed[name].split())}\n" for name in names])
        listed = ";".join(names)
        digest = hashlib.sha256(body).hexdigest()
        canonical = f"{method}\n{_path(path)}\n{_query(query)}\n{lines}\n{listed}\n{digest}"
        scope, signature = self._signature(canonical, stamp, credentials)
        sent["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={credentials.access_key_id}/{scope}, "
            f"SignedHeaders={listed}, Signature={signature}"
        )
        return sent

    def presign(self, method: str, url: str, seconds: int) -> str:
        """Return `url` with a signature in its query, which is good for `seconds`; the body is signed as empty."""
        credentials = self._credentials.current()
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._now()))
        host, path, query = _split(url)
        added = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{credentials.access_key_id}/{self._scope(stamp)}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": "host",
        }
        if credentials.session_token:
            added["X-Amz-Security-Token"] = credentials.session_token
        pairs = "&".join([f"{name}={query_encoded(value)}" for name, value in added.items()])
        query = f"{query}&{pairs}" if query else pairs
        empty = hashlib.sha256(b"").hexdigest()
        canonical = f"{method}\n{_path(path)}\n{_query(query)}\nhost:{host}\n\nhost\n{empty}"
        _, signature = self._signature(canonical, stamp, credentials)
        return f"{url.partition('?')[0]}?{query}&X-Amz-Signature={signature}"

    def _scope(self, stamp: str) -> str:
        return f"{stamp[:8]}/{self._region}/{self._service}/aws4_request"

    def _signature(self, canonical: str, stamp: str, credentials: Credentials) -> tuple[str, str]:
        scope = self._scope(stamp)
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = self._signing_key(credentials.secret_access_key, stamp[:8])
        return scope, hmac.digest(key, text.encode(), "sha256").hex()

    def _signing_key(self, secret: str, day: str) -> bytes:
        if self._key_of != (secret, day):
            key = f"AWS4{secret}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key, self._key_of = key, (secret, day)
        return self._key


def region_of(url: str) -> str:
    """Return the AWS region that the host of `url` names, "" when it names none.

    Hosts are `<service>.<region>.amazonaws.com`, `<service>.<region>.api.aws`, or a private name before such a one.
    """
    host = url.partition("://")[2].partition("/")[0].partition(":")[0]
    return next((label for label in host.split(".")[1:] if _is_region(label)), "")


def _is_region(label: str) -> bool:
    first, *middle, last = label.split("-") if "-" in label else [label, ""]
    return bool(middle) and len(first) == 2 and last.isdigit() and all(part.isalpha() for part in (first, *middle))


def query_encoded(text: str) -> str:
    """Return `text` as the value of a query parameter: all but the unreserved characters of RFC 3986 as %XX."""
    return "".join([chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in text.encode()])


def _split(url: str) -> tuple[str, str, str]:
    """Return the authority without a default port, the path and the query of an absolute URL."""
    scheme, _, rest = url.partition("://")
    rest = rest.partition("#")[0]
    rest, _, query = rest.partition("?")
    authority, slash, path = rest.partition("/")
    host = authority.rpartition("@")[2].lower()
    default = ":443" if scheme == "https" else ":80"
    return host.removesuffix(default), slash + path, query


def _path(path: str) -> str:
    if path in ("", "/"):
        return "/"
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    trailing = "/" if kept and path.endswith("/") else ""
    return "".join([_ENCODED[byte] for byte in f"/{'/'.join(kept)}{trailing}".encode()])


def _query(query: str) -> str:
    if not query:
        return ""
    pairs = [pair.partition("=") for pair in query.split("&")]
    return "&".join([f"{name}={value}" for name, value in sorted((name, value) for name, _, value in pairs)])
