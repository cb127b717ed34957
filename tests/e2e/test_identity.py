"""Callers without a virtual key and the audit log, through the whole local stack and the command line."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sluice.cli.main import main
from tests.stacks import Stack, missing, running
from tests.unit.governance.identity.signers import jwk, rsa_key, token

pytestmark = pytest.mark.stack
CHAT = {"messages": [{"role": "user", "content": "Say hello."}]}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of this file's own: it configures who may call."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    with running(tmp_path_factory.mktemp("identity")) as started:
        yield started


class Issuer:
    """An issuer on this machine: publishes its keys and signs tokens."""

    def __init__(self) -> None:
        self.asked = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                pages: dict[str, object] = {
                    "/.well-known/openid-configuration": {"issuer": outer.url, "jwks_uri": f"{outer.url}/keys"},
                    "/keys": {"keys": [jwk(rsa_key())]},
                }
                body = json.dumps(pages[self.path]).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def token(self, **changes: object) -> str:
        claims = {"iss": self.url, "aud": "sluice", "sub": "ann", "exp": time.time() + 600, "groups": ["growth"]}
        return token(rsa_key(), {**claims, **changes})


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def sluice(stack: Stack, capsys: Any, *arguments: str, key: str | None = None) -> tuple[int, str]:
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLUICE_URL", stack.url)
        patch.setenv("SLUICE_ADMIN_KEY", key or stack.admin_key)
        status = main(arguments)
    told = capsys.readouterr()
    return status, told.out + told.err


def admin(stack: Stack, method: str, path: str, body: object = None, key: str | None = None) -> httpx.Response:
    headers = {"authorization": f"Bearer {key or stack.admin_key}"}
    return httpx.request(method, stack.url + path, json=body, headers=headers, timeout=60)


def signed(stack: Stack, method: str, path: str, body: object = None, who: str = "search-api") -> httpx.Response:
    content = b"" if body is None else json.dumps(body).encode()
    request = AWSRequest(method, stack.url + path, {"content-type": "application/json"}, content)
    SigV4Auth(Credentials(who, "test"), "execute-api", "us-east-1").add_auth(request)
    return httpx.request(method, stack.url + path, content=content, headers=dict(request.headers.items()), timeout=60)


@pytest.fixture(scope="module")
def configured(own: Stack, issuer: Issuer) -> Stack:
    """The stack, with an issuer and two roles in its configuration."""
    document = admin(own, "GET", "/admin/configuration").json()["document"]
    document["identity"] = {
        "issuers": [
            {
                "name": "here",
                "issuer": issuer.url,
                "audiences": "sluice",
                "algorithms": "RS256",
                "rules": [{"when": {"groups": "growth"}, "team": "growth"}],
                "allow_loopback": True,
            }
        ],
        "principals": [
            {"arn": "arn:aws:iam::000000000000:role/search-*", "team": "search"},
            {"arn": "arn:aws:iam::000000000000:role/ops", "team": "ops", "scopes": ["admin"]},
        ],
    }
    published = admin(own, "POST", "/admin/configuration/versions", document).json()
    assert "version" in published, published
    moved = admin(own, "POST", f"/admin/configuration/versions/{published['version']}/promote")
    assert moved.status_code == 200, moved.text
    return own


def model(stack: Stack) -> str:
    listed = httpx.get(stack.url + "/v1/models", headers={"authorization": f"Bearer {stack.api_key}"}, timeout=60)
    return str(listed.json()["data"][0]["id"])


def eventually(ask: Any, status: int) -> httpx.Response:
    """Ask until an environment that holds the configuration from before has read the new one."""
    limit = time.monotonic() + 90
    while True:
        found: httpx.Response = ask()
        if found.status_code == status or time.monotonic() > limit:
            assert found.status_code == status, found.text
            return found
        time.sleep(1)


def test_a_token_of_the_issuer_is_served_and_charged_to_its_team(configured: Stack, issuer: Issuer) -> None:
    body = {**CHAT, "model": model(configured)}

    def ask(text: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {text}"}
        return httpx.post(configured.url + "/v1/chat/completions", json=body, headers=headers, timeout=60)

    served = eventually(lambda: ask(issuer.token()), 200)
    assert served.headers["x-request-id"].endswith("_growth")
    assert ask(issuer.token(exp=time.time() - 1000)).json()["error"]["code"] == "expired_token"
    assert ask(issuer.token(aud="other")).status_code == 401
    assert ask(issuer.token(groups=["x"])).status_code == 403
    head, _, rest = issuer.token().partition(".")
    forged = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    assert head != forged
    assert ask(f"{forged}.{rest}").status_code == 401


def test_a_signed_request_is_served_and_charged_to_its_roles_team(configured: Stack) -> None:
    body = {**CHAT, "model": model(configured)}
    path = "/iam/v1/chat/completions"
    served = eventually(lambda: signed(configured, "POST", path, body), 200)
    assert served.headers["x-request-id"].endswith("_search")
    assert signed(configured, "POST", path, body, who="stranger").status_code == 403
    unsigned = httpx.post(configured.url + path, json=body, headers={"x-api-key": configured.api_key}, timeout=60)
    assert unsigned.status_code == 404


def test_a_signed_administrator_and_keys_with_scopes_leave_records_that_verify(
    configured: Stack, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    created = eventually(lambda: signed(configured, "POST", "/iam/admin/keys", {"team": "search"}, who="ops"), 201)
    status, told = sluice(configured, capsys, "keys", "create", "--team", "audit", "--scope", "audit:read")
    assert status == 0
    auditor = told.split()[0]
    status, told = sluice(configured, capsys, "audit", "list", key=auditor)
    assert status == 0
    assert created.json()["id"] in told
    assert "role/ops" in told
    assert "configuration.promote" in told
    assert created.json()["key"] not in told
    status, told = sluice(configured, capsys, "audit", "verify", key=auditor)
    assert (status, "records hold" in told) == (0, True)
    status, told = sluice(configured, capsys, "keys", "create", "--team", "x", key=auditor)
    assert (status, "'keys:write' scope" in told) == (1, True)
