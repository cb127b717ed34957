"""What API Gateway makes of a function's answer: the head of a stream, a buffered proxy result, its own errors.

A streamed answer begins with a JSON prelude and eight NUL bytes within its first 16 KB; a buffered one is a proxy
result. Both end up as a status, headers and body. The gateway's own errors read as an OpenAI and as an Anthropic error
at once, because it does not know which SDK is calling; the deployed API has the same text in its gateway responses.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass

DELIMITER = b"\0" * 8
PRELUDE_LIMIT = 16 * 1024
# API Gateway sets these itself.
_OWN = frozenset({"connection", "transfer-encoding", "keep-alive", "upgrade", "te", "trailer", "proxy-authenticate"})
WireHeaders = list[tuple[bytes, bytes]]


class Garbled(Exception):
    """A function's answer is not of the form that a proxy integration takes."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of an answer."""

    status: int
    headers: WireHeaders

    @property
    def bodiless(self) -> bool:
        """Whether HTTP forbids a body with this status."""
        return self.status in (204, 304) or self.status < 200

    @property
    def wire_headers(self) -> WireHeaders:
        """The headers to send; without a length where there is no body."""
        if not self.bodiless:
            return self.headers
        return [(name, value) for name, value in self.headers if name != b"content-length"]


def split_prelude(block: bytes) -> tuple[Head, bytes] | None:
    """Return the head and the first bytes of the body, None while the prelude is incomplete. Raises Garbled."""
    end = block.find(DELIMITER)
    if end < 0:
        if len(block) > PRELUDE_LIMIT:
            raise Garbled(f"The first {PRELUDE_LIMIT} bytes of the streamed answer hold no prelude.")
        return None
    return head_of(_parsed(block[:end])), block[end + len(DELIMITER) :]


def proxy_result(document: bytes) -> tuple[Head, bytes]:
    """Return the head and body of a buffered proxy result. Raises Garbled."""
    fields = _parsed(document)
    if "statusCode" not in fields:
        raise Garbled("The function's result has no statusCode.")
    body = fields.get("body")
    if body is None:
        return head_of(fields), b""
    if not isinstance(body, str):
        raise Garbled(f"The body of the function's result is a {type(body).__name__}, not text.")
    if not fields.get("isBase64Encoded"):
        return head_of(fields), body.encode("utf-8", "replace")
    try:
        return head_of(fields), base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Garbled("The body of the function's result is not the Base64 that it claims to be.") from error


def head_of(fields: dict[str, object]) -> Head:
    """Return the head that `statusCode`, `headers`, `multiValueHeaders` and `cookies` describe. Raises Garbled."""
    status = fields.get("statusCode", 200)
    if isinstance(status, str) and status.isdigit():
        status = int(status)
    if not isinstance(status, int) or not 100 <= status <= 599:
        raise Garbled(f"The status code is {status!r}.")
    headers: WireHeaders = []
    many = fields.get("multiValueHeaders") or {}
    one = fields.get("headers") or {}
    cookies = fields.get("cookies") or []
    if not isinstance(many, dict) or not isinstance(one, dict) or not isinstance(cookies, list):
        raise Garbled("The headers are not an object.")
    for name, values in many.items():
        _add(headers, name, values if isinstance(values, list) else [values])
    for name, value in one.items():
        if name not in many:
            _add(headers, name, [value])
    _add(headers, "set-cookie", cookies)
    return Head(status, headers)


def _add(headers: WireHeaders, name: str, values: Iterable[object]) -> None:
    if name.lower() in _OWN:
        return
    for value in values:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        headers.append((name.lower().encode("latin-1"), text.encode("latin-1", "replace")))


def _parsed(document: bytes) -> dict[str, object]:
    try:
        fields = json.loads(document)
    except ValueError as error:
        raise Garbled("The function's answer is not JSON.") from error
    if not isinstance(fields, dict):
        raise Garbled("The function's answer is not a JSON object.")
    return fields


def own_error(status: int, kind: str, code: str, message: str, request_id: str) -> tuple[Head, bytes]:
    """Return an error of the gateway's own; one of the 5xx kind may be tried again."""
    error = {"message": message, "type": kind, "param": None, "code": code}
    body = json.dumps({"type": "error", "error": error, "request_id": request_id}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"x-request-id", request_id.encode()),
        (b"x-should-retry", b"true" if status >= 500 else b"false"),
    ]
    return Head(status, headers), body
