"""IAM in front of the emulator, which enforces none: a call that the caller's role does not grant is denied.

Each function signs with an access key of its own, by which the guard knows its role's statements. It reads AWS's JSON
protocol, which is what DynamoDB, Secrets Manager and CloudWatch Logs speak, and signed S3 URLs. Those it passes on
without their signature, which names a host and a key that the emulator does not know.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import httpx

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
_SIGNED_URL = re.compile(r"X-Amz-Credential=([^&%]+)%2F\d{8}%2F([^&%]+)%2Fs3%2Faws4_request")
_OBJECTS = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
_ANYBODY = b"AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
_SERVICES = {"DynamoDB_20120810": "dynamodb", "secretsmanager": "secretsmanager", "Logs_20140328": "logs"}
_WRITES = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
_DROPPED = {b"host", b"content-length", b"connection", b"transfer-encoding", b"accept-encoding"}


@dataclass(frozen=True, slots=True, order=True)
class Access:
    """One action on one resource, in IAM's words."""

    action: str
    resource: str


def accesses(target: str, payload: Mapping[str, Any], region: str, account: str) -> list[Access]:
    """Return what a call of AWS's JSON protocol needs; `target` is its X-Amz-Target.

    A transaction needs the actions of its parts. Raises ValueError for a service that the guard does not know.
    """
    prefix, _, action = target.partition(".")
    service = _SERVICES.get(prefix)
    if service is None:
        raise ValueError(f"{target} is a call of a service that the guard does not know.")
    here = f"arn:aws:{service}:{region}:{account}"
    if service == "secretsmanager":
        secret = str(payload["SecretId"])
        # The six characters that Secrets Manager appends to a name when it makes the ARN.
        return [
            Access(f"{service}:{action}", secret if secret.startswith("arn:") else f"{here}:secret:{secret}-x1y2z3")
        ]
    if service == "logs":
        return [Access(f"{service}:{action}", f"{here}:log-group:{payload['logGroupName']}:log-stream:")]
    if action == "TransactWriteItems":
        parts = [(_WRITES[kind], item) for part in payload["TransactItems"] for kind, item in part.items()]
        return [Access(f"{service}:{verb}", f"{here}:table/{item['TableName']}") for verb, item in parts]
    tables = [payload["TableName"]] if "TableName" in payload else list(payload["RequestItems"])
    return [Access(f"{service}:{action}", f"{here}:table/{table}") for table in tables]


def grants(statements: Iterable[Mapping[str, Any]], access: Access) -> bool:
    """Say whether policy statements allow an access: some statement does, and none denies it."""
    matching = [
        statement["Effect"]
        for statement in statements
        if any(fnmatchcase(access.action, action) for action in _listed(statement["Action"]))
        and any(fnmatchcase(access.resource, resource) for resource in _listed(statement["Resource"]))
    ]
    return "Allow" in matching and "Deny" not in matching


def idle(statements: Iterable[Mapping[str, Any]], used: Iterable[Access]) -> list[Access]:
    """Return the actions and resources that statements allow and that nothing has used."""
    done = list(used)
    return [
        Access(action, resource)
        for statement in statements
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
        if not any(fnmatchcase(one.action, action) and fnmatchcase(one.resource, resource) for one in done)
    ]


class Guard:
    """An ASGI application that passes granted calls on. `roles` maps access keys to statements."""

    def __init__(self, endpoint: str, account: str, roles: Mapping[str, list[dict[str, Any]]]) -> None:
        self.used: dict[str, set[Access]] = {}
        self.denied: list[tuple[str, Access]] = []
        self._account = account
        self._roles = roles
        self._client = httpx.AsyncClient(base_url=endpoint, timeout=30, trust_env=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        body = await _body(receive)
        headers = [(name, value) for name, value in scope["headers"] if name not in _DROPPED]
        signed = _SIGNED_URL.search(scope["query_string"].decode())
        if signed is not None:
            await self._object(signed[1], scope, headers, body, send)
            return
        refusal = self._refusal(dict(scope["headers"]), body)
        if refusal is not None:
            await _answer(send, 400, b"application/x-amz-json-1.0", refusal)
            return
        answer = await self._client.request(scope["method"], scope["path"], headers=headers, content=body)
        kind = answer.headers.get("content-type", "application/x-amz-json-1.0").encode()
        await _answer(send, answer.status_code, kind, answer.content)

    async def _object(
        self, key: str, scope: Scope, headers: list[tuple[bytes, bytes]], body: bytes, send: Send
    ) -> None:
        """Serve one request for an S3 object."""
        method, path = scope["method"], scope["path"]
        access = Access(f"s3:{_OBJECTS[method]}", f"arn:aws:s3:::{path.removeprefix('/')}")
        self.used.setdefault(key, set()).add(access)
        if not grants(self._roles.get(key, ()), access):
            self.denied.append((key, access))
            await _answer(send, 403, b"application/xml", b"<Error><Code>AccessDenied</Code></Error>")
            return
        answer = await self._client.request(
            method, path, headers=[*headers, (b"authorization", _ANYBODY)], content=body
        )
        kind = answer.headers.get("content-type", "application/xml").encode()
        await _answer(send, answer.status_code, kind, answer.content, answer.headers.get("content-length"))

    async def close(self) -> None:
        """Close the connections to the emulator."""
        await self._client.aclose()

    def _refusal(self, headers: Mapping[bytes, bytes], body: bytes) -> bytes | None:
        credential = _CREDENTIAL.search(headers.get(b"authorization", b"").decode())
        if credential is None:
            return _denial("The call is not signed.")
        key, region, _ = credential.groups()
        for access in accesses(headers[b"x-amz-target"].decode(), json.loads(body), region, self._account):
            self.used.setdefault(key, set()).add(access)
            if not grants(self._roles.get(key, ()), access):
                self.denied.append((key, access))
                return _denial(f"{key} is not authorized to perform {access.action} on {access.resource}")
        return None


def _denial(message: str) -> bytes:
    return json.dumps({"__type": "com.amazon.coral.service#AccessDeniedException", "Message": message}).encode()


def _listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _answer(send: Send, status: int, kind: bytes, body: bytes, length: str | None = None) -> None:
    headers = [(b"content-type", kind), (b"content-length", (length or str(len(body))).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
