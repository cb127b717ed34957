"""One S3 bucket over the pooled transport, without boto3: objects are read, written and deleted by signed URLs.

A URL signed in its query serves callers, providers and the gateway's own calls alike, so there is one way of signing.
Rules of it (Amazon S3 API reference, "Authenticating Requests: Using Query Parameters", read 2026-11; checked against
botocore by a property test): the path is encoded once and not normalised, the payload's hash is the word
UNSIGNED-PAYLOAD, `host` and every header that has to be as it was promised are signed, and a URL is good for a week at
most and never longer than the credentials behind it. A signed `content-length` makes S3 refuse any other size.

Without permission to list the bucket, S3 answers 403 for a key that does not exist (GetObject, "Permissions", 2026-11);
here that is told as absence, like 404.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from collections.abc import Callable, Mapping

from sluice.aws.credentials import CredentialSource
from sluice.aws.errors import AwsError, Refused, Throttled, Unavailable
from sluice.aws.service import endpoint_of
from sluice.errors import ProviderError
from sluice.ports import Transport, UpstreamAnswer, UpstreamCall
from sluice.types.routes import Timeouts

TIMEOUTS = Timeouts(connect=1.0, first_byte=5.0, idle=5.0, total=60.0)
OWN_SECONDS = 60
"""How long the URLs of the gateway's own calls are good for."""
ATTEMPTS = 3
FIRST_WAIT = 0.05
_ERROR_LIMIT = 65_536
_ABSENT = ("AccessDenied", "NoSuchKey")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")


class S3Bucket:
    """Objects of one bucket. `endpoint_url` replaces AWS's address, and then the bucket stands in the path."""

    def __init__(
        self,
        transport: Transport,
        credentials: CredentialSource,
        *,
        bucket: str,
        region: str,
        endpoint_url: str | None = None,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._transport = transport
        self._credentials = credentials
        self._region = region
        self._now = now
        self._sleep = sleep
        self._loopback = endpoint_url is not None
        endpoint = endpoint_of("s3", region, endpoint_url)
        scheme, _, host = endpoint.rstrip("/").partition("://")
        self._origin = f"{scheme}://{host}" if self._loopback else f"{scheme}://{bucket}.{host}"
        self._root = f"/{bucket}/" if self._loopback else "/"

    def signed_url(self, method: str, key: str, *, seconds: int, headers: Mapping[str, str] | None = None) -> str:
        """Return a URL for one object, good for `seconds`; `headers` (lower-case names) have to be sent as they are."""
        credentials = self._credentials.current()
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._now()))
        scope = f"{stamp[:8]}/{self._region}/s3/aws4_request"
        host = self._origin.partition("://")[2].lower().removesuffix(":443").removesuffix(":80")
        signed = {**(headers or {}), "host": host}
        names = ";".join(sorted(signed))
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{credentials.access_key_id}/{scope}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": names,
        }
        if credentials.session_token:
            query["X-Amz-Security-Token"] = credentials.session_token
        pairs = "&".join(f"{name}={_encoded(value)}" for name, value in sorted(query.items()))
        path = self._root + _encoded(key, b"/")
        lines = "".join(f"{name}:{' '.join(signed[name].split())}\n" for name in sorted(signed))
        canonical = f"{method}\n{path}\n{pairs}\n{lines}\n{names}\nUNSIGNED-PAYLOAD"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        secret = f"AWS4{credentials.secret_access_key}".encode()
        for part in (stamp[:8], self._region, "s3", "aws4_request"):
            secret = hmac.digest(secret, part.encode(), "sha256")
        signature = hmac.digest(secret, text.encode(), "sha256").hex()
        return f"{self._origin}{path}?{pairs}&X-Amz-Signature={signature}"

    def open(self, key: str) -> UpstreamAnswer | None:
        """Return the answer that carries an object, its body still to be read or closed; None for no object."""
        return self._call("GET", key)

    def head(self, key: str) -> Mapping[str, str] | None:
        """Return an object's headers, None for no object."""
        answer = self._call("HEAD", key)
        return None if answer is None else answer.headers

    def get(self, key: str, limit: int) -> bytes | None:
        """Return an object of at most `limit` bytes, None for no object."""
        answer = self._call("GET", key)
        return None if answer is None else read(answer, limit)

    def put(self, key: str, body: bytes, content_type: str) -> None:
        """Write an object."""
        answer = self._call("PUT", key, body, {"content-type": content_type})
        if answer is None:
            raise Refused("s3", "PutObject", "s3.PutObject was refused; the function's role may not write here.")
        read(answer, _ERROR_LIMIT)

    def delete(self, key: str) -> None:
        """Delete an object; one that does not exist is deleted already."""
        answer = self._call("DELETE", key)
        if answer is not None:
            read(answer, _ERROR_LIMIT)

    def create(self) -> None:
        """Make the bucket where no CDK app does it: in the local stack. One that exists stays as it is."""
        answer = self._call("PUT", "")
        if answer is not None:
            read(answer, _ERROR_LIMIT)

    def _call(
        self, method: str, key: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> UpstreamAnswer | None:
        """Send one call, again after trouble that passes; every call may be repeated.

        Raises:
            AwsError: Throttled, Unavailable or Refused.
        """
        attempt = 1
        while True:
            outcome = self._attempt(method, key, body, headers or {})
            if not isinstance(outcome, AwsError):
                return outcome
            if attempt >= ATTEMPTS or not isinstance(outcome, (Throttled, Unavailable)):
                raise outcome
            self._sleep(FIRST_WAIT * 2**attempt * int.from_bytes(os.urandom(2), "big") / 65_536)
            attempt += 1

    def _attempt(
        self, method: str, key: str, body: bytes, headers: Mapping[str, str]
    ) -> UpstreamAnswer | AwsError | None:
        url = self.signed_url(method, key, seconds=OWN_SECONDS, headers=headers)
        action = f"{method.capitalize()}Object"
        call = UpstreamCall(method, url, headers, body, TIMEOUTS, allow_loopback=self._loopback)
        try:
            answer = self._transport.send(call)
            if 200 <= answer.status < 300:
                return answer
            words = answer.read(_ERROR_LIMIT)
        except ProviderError as error:
            return Unavailable("s3", action, f"s3.{action} got no answer ({error.error_code}).", detail=error.message)
        return _failure(action, answer.status, _code(words))


def read(answer: UpstreamAnswer, limit: int) -> bytes:
    """Return a whole body of at most `limit` bytes. Raises Unavailable when it breaks off or is longer."""
    try:
        return answer.read(limit)
    except ProviderError as error:
        message = f"s3.GetObject broke off ({error.error_code})."
        raise Unavailable("s3", "GetObject", message, detail=error.message) from None


def _failure(action: str, status: int, code: str) -> AwsError | None:
    # An answer to HEAD has no body, so no code.
    if status == 404 or (status == 403 and code in ("", *_ABSENT)):
        return None
    kind: type[AwsError] = Refused
    if status in (429, 503):
        kind = Throttled  # S3's SlowDown is a 503
    elif status >= 500:
        kind = Unavailable
    return kind("s3", action, f"s3.{action} failed with {status} {code or 'and no reason'}.", aws_code=code)


def _code(document: bytes) -> str:
    """Return the code of an error document; its message may quote the signed request and is left alone."""
    code = document.partition(b"<Code>")[2].partition(b"</Code>")[0]
    return code[:64].decode("ascii", "replace") if code.isalnum() else ""


def _encoded(text: str, kept: bytes = b"") -> str:
    return "".join(chr(byte) if byte in _UNRESERVED or byte in kept else f"%{byte:02X}" for byte in text.encode())
