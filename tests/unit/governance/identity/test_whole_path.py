"""A token on its way through the whole gateway: charged to its team, refused in its caller's dialect."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from sluice.ports import UpstreamCall
from sluice.types.http import Request
from sluice.types.identity import ClaimRule, Grant, Identity, PrincipalRule
from tests.fakes import (
    ADMIN_KEY,
    KEY,
    OTHER_KEY,
    Gateway,
    Scripted,
    ScriptedTransport,
    configuration,
    virtual_key,
)
from tests.unit.governance.identity.issuers import JWKS, Now, good, issuer
from tests.unit.governance.identity.signers import jwk, rsa_key

ANSWER = json.dumps(
    {
        "id": "c",
        "object": "chat.completion",
        "model": "test-gpt",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5},
    }
).encode()
ARN = "arn:aws:sts::123456789012:assumed-role/search-api/session"
IDENTITY = Identity(
    (issuer(rules=(ClaimRule(Grant(team="growth", models=("both", "openai/*"))),)),),
    (PrincipalRule("arn:aws:iam::123456789012:role/search-api", Grant(team="search")),),
)
CHAT = {"model": "both", "messages": [{"role": "user", "content": "x"}], "user": "somebody else"}


def outside(call: UpstreamCall) -> Scripted:
    if call.url == JWKS:
        return Scripted(body=json.dumps({"keys": [jwk(rsa_key())]}).encode())
    return Scripted(body=ANSWER)


def gateway(identity: Identity | None = IDENTITY) -> tuple[Gateway, ScriptedTransport]:
    transport = ScriptedTransport(outside)
    return Gateway(transport, live=configuration(identity=identity), epoch=Now()), transport


def test_a_request_with_a_token_is_charged_to_its_team_and_its_verified_user() -> None:
    built, transport = gateway()
    response, _ = built.ask("/v1/chat/completions", CHAT, key=good(), x_sluice_user="forged")
    assert response.status == 200
    entry = built.ledger.only
    assert (entry.team, entry.key_id, entry.user) == ("growth", "oidc:okta", "ann")
    assert entry.request_id.endswith("_growth")
    # The provider gets the company's key and never the token.
    assert good() not in json.dumps([dict(call.headers) for call in transport.calls])


def test_a_token_is_held_to_the_models_of_its_rule() -> None:
    built, _ = gateway()
    response, body = built.ask("/v1/chat/completions", {**CHAT, "model": "anthropic/test-claude"}, key=good())
    assert response.status == 403
    assert b"oidc:okta" in body


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("/v1/chat/completions", CHAT, lambda d: (d["error"]["type"], d["error"]["code"])),
        ("/v1/messages", {"model": "both", "max_tokens": 5}, lambda d: (d["error"]["type"], "expired_token")),
        ("/v1/models", None, lambda d: (d["error"]["type"], d["error"]["code"])),
    ],
)
def test_a_refused_token_is_a_401_in_the_callers_dialect(path: str, body: Any, told: Any) -> None:
    built, _ = gateway()
    method = "GET" if body is None else "POST"
    response, content = built.ask(path, body, key=good(exp=Now()() - 1000), method=method)
    assert response.status == 401
    assert told(json.loads(content)) == ("authentication_error", "expired_token")
    assert response.headers["x-should-retry"] == "false"
    assert built.ledger.entries == {}


def test_gemini_callers_are_refused_in_their_own_words_too() -> None:
    built, _ = gateway()
    response, content = built.ask("/v1beta/models/both:generateContent", {"contents": []}, key=good(aud="x"))
    assert (response.status, json.loads(content)["error"]["status"]) == (401, "UNAUTHENTICATED")


def test_every_lookup_takes_a_token_and_a_principal() -> None:
    built, _ = gateway()
    for path in ("/v1/models", "/v1/models/both"):
        assert built.ask(path, None, key=good(), method="GET")[0].status == 200
        signed = built.app.handle(Request("GET", path, {}, principal=ARN))
        assert signed.status == 200


def test_a_principal_is_charged_to_its_team() -> None:
    built, _ = gateway()
    body = json.dumps(CHAT).encode()
    response = built.app.handle(Request("POST", "/v1/chat/completions", {}, body, principal=ARN))
    assert response.status == 200
    assert response.after is not None
    response.after()
    assert (built.ledger.only.team, built.ledger.only.key_id) == ("search", "iam:role/search-api")


def test_an_administrator_of_one_team_sees_no_request_of_another() -> None:
    whole = virtual_key(ADMIN_KEY, team="ops", scopes=("admin", "inference"))
    bound = virtual_key(OTHER_KEY, team="ops", scopes=("admin", "inference"), team_bound=True)
    built = Gateway(ScriptedTransport(outside), keys=(virtual_key(KEY), whole, bound))
    built.ask("/v1/chat/completions", CHAT)
    path = f"/v1/requests/{built.ledger.only.request_id}"
    found = {key: built.ask(path, None, key=key, method="GET")[0].status for key in (KEY, ADMIN_KEY, OTHER_KEY)}
    assert found == {KEY: 200, ADMIN_KEY: 200, OTHER_KEY: 404}


def test_a_gateway_without_issuers_says_so() -> None:
    built, transport = gateway(None)
    response, content = built.ask("/v1/chat/completions", CHAT, key=good())
    assert response.status == 401
    assert b"lists no issuers" in content
    assert transport.calls == []


LOADED = """
import sys
from tests.fakes import Gateway, Scripted, ScriptedTransport
from tests.unit.governance.identity.test_whole_path import ANSWER, CHAT
for name in [n for n in sys.modules if "identit" in n and n.startswith("sluice")]:
    del sys.modules[name]
built = Gateway(ScriptedTransport(Scripted(body=ANSWER)))
response, _ = built.ask("/v1/chat/completions", CHAT)
assert response.status == 200, response
print(sorted(n for n in sys.modules if "identit" in n and n.startswith("sluice")))
"""


def test_nothing_of_it_is_loaded_where_callers_have_keys() -> None:
    found = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
