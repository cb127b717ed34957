"""IAM in front of the emulator, which enforces none: a call that the caller's role does not grant is denied.

Each function signs with an access key of its own, by which the guard knows its role's statements. `infra.drill.access`
says what a call needs. Signed URLs go on without their signature, which names a host that the emulator does not know.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import httpx

from infra.drill.access import Access, Call, needed

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
_SIGNED_URL = re.compile(r"X-Amz-Credential=([^&%]+)%2F\d{8}%2F([^&%]+)%2F(s3)%2Faws4_request")
_ANYBODY = b"AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
_DROPPED = {b"host", b"content-length", b"connection", b"transfer-encoding", b"accept-encoding"}


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
        given, query = dict(headers), scope["query_string"].decode()
        signed = _SIGNED_URL.search(query)
        credential = signed or _CREDENTIAL.search(given.get(b"authorization", b"").decode())
        if credential is None:
            await _answer(send, 400, b"application/x-amz-json-1.0", _denial("The call is not signed."))
            return
        key, region, service = credential.groups()
        target = given.get(b"x-amz-target", b"").decode()
        call = Call(scope["method"], scope["path"], query, target, body, region, service)
        refused = [access for access in needed(call, self._account) if not self._allows(key, access)]
        if refused:
            await _answer(send, *_refusal(call, key, refused[0]))
            return
        if signed is not None:
            # Without its signature, which names a host that the emulator does not know.
            headers, query = [*headers, (b"authorization", _ANYBODY)], ""
        path = f"{scope['path']}?{query}" if query else scope["path"]
        answer = await self._client.request(scope["method"], path, headers=headers, content=body)
        await _answer(send, answer.status_code, *_type_and_body(answer), _kept(answer))

    async def close(self) -> None:
        """Close the connections to the emulator."""
        await self._client.aclose()

    def _allows(self, key: str, access: Access) -> bool:
        """Note an access of whoever signs with `key`, and say whether the role grants it."""
        self.used.setdefault(key, set()).add(access)
        if grants(self._roles.get(key, ()), access):
            return True
        self.denied.append((key, access))
        return False


def _refusal(call: Call, key: str, access: Access) -> tuple[int, bytes, bytes]:
    """Return status, type and body in the service's own protocol."""
    if call.service == "s3":
        return 403, b"application/xml", b"<Error><Code>AccessDenied</Code></Error>"
    told = f"{key} is not authorized to perform {access.action} on {access.resource}"
    if not call.target:
        error = (
            f"<ErrorResponse><Error><Code>AuthorizationError</Code><Message>{told}</Message></Error></ErrorResponse>"
        )
        return 403, b"text/xml", error.encode()
    return 400, b"application/x-amz-json-1.0", _denial(told)


def _type_and_body(answer: httpx.Response) -> tuple[bytes, bytes]:
    return answer.headers.get("content-type", "application/x-amz-json-1.0").encode(), answer.content


def _kept(answer: httpx.Response) -> list[tuple[bytes, bytes]]:
    """Return the headers that a caller needs beside the type: an object's size (HEAD has no body) and its mark."""
    wanted = ("content-length", "etag", "last-modified", "x-amzn-requestid", "x-amz-request-id")
    return [(name.encode(), answer.headers[name].encode()) for name in wanted if name in answer.headers]


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


async def _answer(
    send: Send, status: int, kind: bytes, body: bytes, headers: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    sent = [(b"content-type", kind), *headers]
    if not any(name == b"content-length" for name, _ in headers):
        sent.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})
