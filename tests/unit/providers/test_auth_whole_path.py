"""A request's whole way with each scheme: re-minting, falling over, and no secret in anything that anybody can read."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import sluice
from sluice.app import App
from sluice.aws.emf import open_line, request_line
from sluice.dispatch import Clock
from sluice.providers.transport import HttpTransport
from sluice.signing import FixedCredentials
from sluice.types.http import Request, Response
from sluice.types.routes import Configuration, ProviderSettings, Route, RouteTarget
from sluice.wiring import Adapters, application
from tests.fakes import KEY, PEPPER, Lines, MemoryConfigurations, MemoryKeys, MemoryLedger, virtual_key
from tests.unit.providers.tokens.authority import (
    GRANTED,
    REGION,
    ROLE,
    Answer,
    Authority,
    Hands,
    Received,
    authority,
    pem,
    role,
    rsa_key,
)

PRIVATE = pem(rsa_key())
MINTED = "minted.token-0123456789"
STATEMENT = "eyJhd3M.eyJzdGF0ZW1lbnQ.c2lnbmF0dXJl"
PATH = "/v1/chat/completions"
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
TOKEN: Answer = (200, {"access_token": MINTED, "token_type": "Bearer", "expires_in": 3600})

WAYS: dict[str, dict[str, Any]] = {
    "bearer": {"scheme": "bearer"},
    "header": {"scheme": "header", "name": "api-key"},
    "query": {"scheme": "query", "name": "key"},
    "pair": {"scheme": "pair", "parts": {"x-id": "token_id", "x-secret": "token_secret"}},
    "sigv4": {"scheme": "sigv4", "settings": {"service": "bedrock"}},
    "aws_bearer": {
        "scheme": "aws_bearer",
        "settings": {"service": "sagemaker", "host": "sagemaker.amazonaws.com", "prefix": "sagemaker-api-key-"},
    },
    "oauth": {"scheme": "oauth", "settings": {"token_url": "/token"}},
    "snowflake": {"scheme": "snowflake"},
    "google": {"scheme": "google"},
    "aws_federation": {
        "scheme": "aws_federation",
        "parts": {"service_account_id": "service_account_id"},
        "needs": ["service_account_id"],
        "settings": {"token_url": "/token", "audience": "aud", "grant_type": "g", "assertion": "assertion"},
    },
}
STATIC = "stored key/with+odd=letters"
HELD: dict[str, dict[str, str]] = {
    "bearer": {"api_key": STATIC.replace(" ", "-")},
    "header": {"api_key": STATIC.replace(" ", "-")},
    "query": {"api_key": STATIC.replace(" ", "-")},
    "pair": {"token_id": "pair-id-12345", "token_secret": "pair-secret-12345"},
    "sigv4": {},
    "aws_bearer": {},
    "oauth": {"client_id": "the-client", "client_secret": "client-secret-12345"},
    "snowflake": {"account": "acct", "user": "gateway", "private_key": PRIVATE},
    "google": {"client_email": "a@b.example", "private_key": PRIVATE},
    "aws_federation": {"service_account_id": "svac_1"},
}
PUBLIC = {"the-client", "acct", "gateway", "a@b.example", "svac_1"}


class Store:
    """The secret store with one entry for each scheme."""

    def __init__(self, bundle: Mapping[str, Mapping[str, str]]) -> None:
        self.bundle = bundle
        self.reads = 0

    def provider_keys(self) -> Mapping[str, Mapping[str, str]]:
        return self.bundle

    def refresh(self) -> None:
        self.reads += 1

    def renew(self) -> None:
        return

    def pepper(self) -> bytes:
        return PEPPER


class Deployed:
    """A composed gateway whose providers, one for each way in, are all at the same stub."""

    def __init__(self, folder: Path, server: Authority, **options: Any) -> None:
        prices = [{"tiers": [{"rates": {"input": 1, "output": 1}}]}]
        for scheme, way in WAYS.items():
            file = {
                "name": scheme,
                "title": scheme,
                "base_url": server.url,
                "auth": way,
                "endpoints": [{"operation": "chat", "dialect": options.get("dialect", "openai_chat"), "path": PATH}],
                "models": {"m": {"prices": prices}},
            }
            (folder / f"{scheme}.json").write_text(json.dumps(file), encoding="utf-8")
        held = {name: dict(values) for name, values in HELD.items()}
        held["google"]["token_uri"] = f"{server.url}/token"
        self.ledger, self.lines, self.store = MemoryLedger(), Lines(), Store(held)
        settings = {scheme: ProviderSettings(base_url=server.url, allow_loopback=True) for scheme in WAYS}
        routes = {"both": Route("both", (RouteTarget("oauth/m"), RouteTarget("bearer/m")))}
        adapters = Adapters(
            keys=MemoryKeys(virtual_key(KEY)),
            configurations=MemoryConfigurations(Configuration("v1", routes=routes, providers=settings)),
            ledger=self.ledger,
            secrets=self.store,
            transport=HttpTransport(),
            lines=self.lines,
            encode_line=partial(request_line, namespace="test"),
            open_line=open_line,
            region=REGION,
            role=role(),
            role_services=GRANTED,
            sts_url=server.url,
            clock=Clock(epoch=options.get("epoch", time.time), sleep=lambda _: None, random=lambda: 0.5),
            catalogues=(folder,),
        )
        self.adapters = adapters
        self.app: App = application(adapters)

    def ask(self, model: str) -> tuple[Response, bytes]:
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hi"}]}).encode()
        response = self.app.handle(Request("POST", PATH, {"authorization": f"Bearer {KEY}"}, body))
        read = response.body if isinstance(response.body, bytes) else b"".join(response.body)
        if response.after is not None:
            response.after()
        return response, read

    def readable(self, response: Response, body: bytes) -> str:
        """Return everything of a request that somebody may read: the caller, the operator, the auditor."""
        entries = "".join(f"{entry!r}" for entry in self.ledger.entries.values())
        return "\n".join(
            (repr(response), body.decode(), *self.lines.written, entries, repr(self.adapters), repr(self.app))
        )


def sts(_: Received) -> Answer:
    return 200, f"<WebIdentityToken>{STATEMENT}</WebIdentityToken>".encode()


@pytest.fixture
def server() -> Iterator[Authority]:
    with authority() as running:
        running.answers = {"/token": lambda _: TOKEN, "/": sts, PATH: lambda _: (200, ANSWER)}
        yield running


def secrets_of(scheme: str, server: Authority) -> set[str]:
    """Return the words that must not show: what is held, what was minted, what went over the wire to the provider."""
    words = {word for word in HELD[scheme].values() if word not in PUBLIC}
    words |= {line for word in words for line in word.splitlines() if len(line) > 16 and "KEY-" not in line}
    words |= {MINTED, STATEMENT, ROLE[1], ROLE[2], PRIVATE}
    for request in server.received:
        words |= {request.headers.get("x-amz-security-token", ROLE[2])}
        carried = request.headers.get("authorization", "")
        if carried.startswith("Bearer ") and request.path.startswith(PATH):
            words.add(carried.removeprefix("Bearer "))
    return words


def quoting(status: int) -> Any:
    """Return a provider that quotes the whole request in its error, as proxies and debug pages do."""

    def answer(request: Received) -> Answer:
        told = " ".join((request.path, *(f"{name}: {value}" for name, value in request.headers.items())))
        return status, {"error": {"message": f"Refused: {told}", "type": "x", "code": told[:400], "param": None}}

    return answer


@pytest.mark.parametrize("scheme", WAYS)
def test_every_scheme_carries_a_call(scheme: str, server: Authority, tmp_path: Path) -> None:
    gateway = Deployed(tmp_path, server)
    response, body = gateway.ask(f"{scheme}/m")
    assert (response.status, json.loads(body)["choices"][0]["message"]["content"]) == (200, "Hi")
    shown = gateway.readable(response, body)
    assert not [word for word in secrets_of(scheme, server) if word in shown]
    assert gateway.ledger.only.attempts[0].outcome == "ok"


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic_messages"])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
@pytest.mark.parametrize("scheme", WAYS)
def test_a_provider_that_quotes_the_call_gives_no_secret_away(
    scheme: str, status: int, dialect: str, server: Authority, tmp_path: Path
) -> None:
    gateway = Deployed(tmp_path, server, dialect=dialect)
    server.answers[PATH] = quoting(status)
    response, body = gateway.ask(f"{scheme}/m")
    assert response.status >= 400
    shown = gateway.readable(response, body)
    assert "Refused" in shown
    leaked = [word for word in secrets_of(scheme, server) if word in shown]
    assert not leaked
    assert "stored-key%2Fwith%2Bodd%3Dletters" not in shown


@pytest.mark.parametrize("scheme", ["oauth", "google", "aws_federation"])
def test_a_token_endpoint_that_quotes_the_credential_gives_none_away(
    scheme: str, server: Authority, tmp_path: Path
) -> None:
    gateway = Deployed(tmp_path, server)
    server.answers["/token"] = lambda request: (
        400,
        {"error": request.body.decode()[:300], "error_description": f"{request.headers} {request.body.decode()}"},
    )
    response, body = gateway.ask(f"{scheme}/m")
    shown = gateway.readable(response, body)
    assert response.status == 503
    assert f"No token for provider {scheme}" in shown
    assert not [word for word in secrets_of(scheme, server) if word in shown]
    assert "assertion=" not in shown


@pytest.mark.parametrize("scheme", ["oauth", "google", "aws_federation", "snowflake", "aws_bearer"])
def test_a_401_costs_one_new_token_and_not_the_request(scheme: str, server: Authority, tmp_path: Path) -> None:
    gateway = Deployed(tmp_path, server)
    answers = [(200, ANSWER), (401, {"error": {"message": "expired"}}), (200, ANSWER)]
    server.answers[PATH] = lambda _: answers.pop(0)
    assert gateway.ask(f"{scheme}/m")[0].status == 200
    minted = server.paths.count("/token")
    assert gateway.ask(f"{scheme}/m")[0].status == 200
    assert not answers
    assert server.paths.count("/token") == 2 * minted
    last = list(gateway.ledger.entries.values())[-1]
    assert [attempt.outcome for attempt in last.attempts] == ["authentication", "ok"]


@pytest.mark.parametrize(("status", "said"), [(401, "refused the credential"), (503, "cannot serve")])
def test_without_a_token_the_next_deployment_serves_and_the_ledger_says_why(
    status: int, said: str, server: Authority, tmp_path: Path
) -> None:
    gateway = Deployed(tmp_path, server)
    server.answers["/token"] = lambda _: (status, {"error": "invalid_client"})
    response, _ = gateway.ask("both")
    assert response.status == 200
    assert response.headers["x-sluice-provider"] == "bearer"
    entry = gateway.ledger.only
    assert [(attempt.deployment, attempt.outcome) for attempt in entry.attempts] == [("bearer/m", "ok")]
    assert any("oauth/m: No token for provider oauth" in reason and said in reason for reason in entry.reasons)


def test_tokens_are_renewed_behind_the_answer(server: Authority, tmp_path: Path) -> None:
    clock = Hands()
    gateway = Deployed(tmp_path, server, epoch=clock)
    gateway.ask("oauth/m")
    clock.now += 3000
    gateway.ask("oauth/m")
    assert server.paths == ["/token", PATH, PATH, "/token"]


def test_what_needs_a_role_is_not_planned_without_one(server: Authority, tmp_path: Path) -> None:
    from dataclasses import replace

    gateway = Deployed(tmp_path, server)
    without = application(replace(gateway.adapters, role=None))
    for scheme in ("sigv4", "aws_bearer", "aws_federation"):
        body = json.dumps({"model": f"{scheme}/m", "messages": [{"role": "user", "content": "Hi"}]}).encode()
        response = without.handle(Request("POST", PATH, {"authorization": f"Bearer {KEY}"}, body))
        assert response.status == 503
        assert isinstance(response.body, bytes)
        assert f"the gateway holds no key for {scheme}" in response.body.decode()


def test_the_function_s_role_is_in_no_representation() -> None:
    shown = f"{role()!r} {role().current()!r} {FixedCredentials(role().current())!r}"
    assert not [word for word in ROLE if word in shown]


def test_what_mints_and_signs_is_loaded_by_the_first_provider_that_wants_it() -> None:
    code = (
        "import sys, sluice.aws.entry, sluice.providers.credentials;"
        "print([n for n in sys.modules if n.startswith(('cryptography', 'sluice.providers.tokens')) or 'sigv4' in n])"
    )
    paths = [str(Path(sluice.__file__).parents[1])]
    found = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {paths!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "[]"
