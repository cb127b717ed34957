"""Signed requests in the local stack: what botocore signs is taken, what was changed behind it is not."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sluice.local.gateway.application import Gateway
from sluice.local.gateway.signatures import SKEW_SECONDS, verified_principal
from sluice.local.invocation import Invocation
from tests.unit.local.gateway.test_application import Exchange, Scripted

HOST = "127.0.0.1:8787"
PATH = "/iam/v1/chat/completions"
ROLE = "arn:aws:sts::000000000000:assumed-role/search-api/local"


def signed(
    method: str = "POST", target: str = PATH, body: bytes = b"{}", *, secret: str = "test", token: str | None = None
) -> list[tuple[bytes, bytes]]:
    """Return the headers of a request as botocore signs it."""
    request = AWSRequest(method, f"http://{HOST}{target}", {"content-type": "application/json"}, body)
    SigV4Auth(Credentials("search-api", secret, token), "execute-api", "us-east-1").add_auth(request)
    headers = {**dict(request.headers.items()), "Host": HOST, "User-Agent": "test"}
    return [(name.encode(), str(value).encode()) for name, value in headers.items()]


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("POST", PATH, b'{"model": "x"}'),
        ("GET", "/iam/v1/models", b""),
        ("GET", "/iam/v1/usage?from=2026-11-01&by=model&team=", b""),
        ("POST", "/iam/v1beta/models/gemini-2.0-flash%3AgenerateContent", b"{}"),
    ],
)
def test_what_botocore_signs_is_a_session_of_the_role_named_like_the_key(method: str, target: str, body: bytes) -> None:
    assert verified_principal(method, target, signed(method, target, body), body) == ROLE


def test_a_session_token_is_signed_with_the_rest() -> None:
    assert verified_principal("POST", PATH, signed(token="session"), b"{}") == ROLE


def test_nothing_may_be_changed_behind_the_signature() -> None:
    headers = signed()
    assert verified_principal("POST", PATH, headers, b'{"other": 1}') == ""
    assert verified_principal("PUT", PATH, headers, b"{}") == ""
    assert verified_principal("POST", "/iam/v1/messages", headers, b"{}") == ""
    assert verified_principal("POST", PATH + "?x=1", headers, b"{}") == ""
    for name, _ in headers:
        if name.lower() not in (b"user-agent",):
            changed = [(n, v if n != name else v + b"0") for n, v in headers]
            assert verified_principal("POST", PATH, changed, b"{}") == "", name
    assert verified_principal("POST", PATH, signed(secret="another"), b"{}") == ""
    assert verified_principal("POST", PATH, [], b"{}") == ""


def test_an_old_signature_is_refused() -> None:
    import time

    now = time.time()
    assert verified_principal("POST", PATH, signed(), b"{}", lambda: now + SKEW_SECONDS + 60) == ""
    assert verified_principal("POST", PATH, signed(), b"{}", lambda: now - SKEW_SECONDS - 60) == ""


def answer(invocation: Invocation) -> None:
    invocation.begin(streamed=False)
    invocation.feed(json.dumps({"statusCode": 200, "body": "{}"}).encode())
    invocation.finish()


def served(path: str, headers: list[tuple[bytes, bytes]]) -> tuple[int, list[dict[str, Any]]]:
    functions = {name: Scripted(answer, streamed=False) for name in ("streaming", "routing")}
    exchange = Exchange(Gateway(functions, print), path=path)
    exchange.scope["headers"] = headers
    asyncio.run(exchange.gateway(exchange.scope, exchange.receive, exchange.send))
    return exchange.sent[0]["status"], [event for each in functions.values() for event in each.events]


def test_a_signed_request_comes_with_its_principal_at_its_own_resource() -> None:
    _, (event,) = served(PATH, signed())
    assert (event["resource"], event["path"]) == (PATH, PATH)
    assert event["requestContext"]["resourcePath"] == PATH
    assert event["requestContext"]["identity"]["userArn"] == ROLE


def test_an_unsigned_request_does_not_get_past_the_gateway() -> None:
    status, events = served(PATH, [(b"host", HOST.encode()), (b"x-api-key", b"sk-sluice-x")])
    assert (status, events) == (404, [])
    status, events = served(PATH, signed(secret="another"))
    assert (status, events) == (403, [])


def test_a_signature_says_nothing_at_a_plain_path() -> None:
    _, (event,) = served("/v1/chat/completions", signed(target="/v1/chat/completions"))
    assert event["requestContext"]["identity"]["userArn"] is None
