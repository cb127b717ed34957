"""A REST proxy event (payload version 1.0) from an HTTP request, as API Gateway builds it.

As there, `path` stays percent-encoded while path and query parameters are decoded, standard header names come in
their usual capitals whatever the caller wrote, and the body is text unless its media type is a binary one.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Iterable
from urllib.parse import parse_qsl, unquote

from sluice.endpoints import BINARY_MEDIA_TYPES, Match

STAGE = "local"
ACCOUNT = "000000000000"
API_ID = "local"
_CAPITALS = {
    name.lower(): name
    for name in (
        "Accept",
        "Accept-Encoding",
        "Authorization",
        "Cache-Control",
        "Content-Type",
        "Host",
        "Idempotency-Key",
        "User-Agent",
    )
}
_FIXED_CONTEXT = {
    "accountId": ACCOUNT,
    "apiId": API_ID,
    "protocol": "HTTP/1.1",
    "resourceId": "local",
    "stage": STAGE,
}
_NOBODY = dict.fromkeys(
    (
        "accessKey",
        "accountId",
        "apiKey",
        "apiKeyId",
        "caller",
        "cognitoAuthenticationProvider",
        "cognitoAuthenticationType",
        "cognitoIdentityId",
        "cognitoIdentityPoolId",
        "principalOrgId",
        "user",
        "userArn",
    )
)
Headers = Iterable[tuple[bytes, bytes]]


def proxy_event(
    method: str,
    raw_path: str,
    *,
    query: str,
    headers: Headers,
    body: bytes,
    source: str,
    match: Match | None,
    request_id: str,
    principal: str = "",
) -> bytes:
    """Return the event as JSON. `match` is None where the API has only its catch-all resource.

    `principal` is the ARN of who signed the request, "" where nobody did.
    """
    now = time.time()
    many = _headers(headers, source, now)
    single = {name: values[-1] for name, values in many.items()}
    resource = match.endpoint.path if match is not None else "/{proxy+}"
    params = match.params if match is not None else (("proxy", raw_path.lstrip("/")),)
    parameters = {name: unquote(value) for name, value in params}
    queries: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        queries.setdefault(name, []).append(value)
    host = single.get("Host", "127.0.0.1")
    binary = single.get("Content-Type", "").partition(";")[0].strip().lower() in BINARY_MEDIA_TYPES
    event = {
        "resource": resource,
        "path": raw_path,
        "httpMethod": method,
        "headers": single,
        "multiValueHeaders": many,
        "queryStringParameters": {name: values[-1] for name, values in queries.items()} or None,
        "multiValueQueryStringParameters": queries or None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {
            **_FIXED_CONTEXT,
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "extendedRequestId": request_id.replace("-", "")[:15] + "=",
            "httpMethod": method,
            "identity": {
                **_NOBODY,
                "userArn": principal or None,
                "sourceIp": source,
                "userAgent": single.get("User-Agent"),
            },
            "path": f"/{STAGE}{raw_path}",
            "requestId": request_id,
            "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "requestTimeEpoch": int(now * 1000),
            "resourcePath": resource,
        },
        "body": _body(body, binary),
        "isBase64Encoded": binary and bool(body),
    }
    return json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _body(body: bytes, binary: bool) -> str | None:
    if not body:
        return None
    if binary:
        return base64.b64encode(body).decode("ascii")
    return body.decode("utf-8", "replace")


def _headers(headers: Headers, source: str, now: float) -> dict[str, list[str]]:
    many: dict[str, list[str]] = {}
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1")
        many.setdefault(_CAPITALS.get(name, name), []).append(raw_value.decode("latin-1"))
    for dropped in ("connection", "transfer-encoding", "content-length", "expect", "keep-alive"):
        many.pop(dropped, None)
    many["X-Forwarded-For"] = [source]
    many["X-Forwarded-Port"] = ["443"]
    many["X-Forwarded-Proto"] = ["https"]
    many["X-Amzn-Trace-Id"] = [f"Root=1-{int(now):08x}-{uuid.uuid4().hex[:24]}"]
    return many
