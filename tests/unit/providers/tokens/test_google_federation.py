"""Google checks the role's signed request with AWS and gives a token; then one of the service account."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest

from sluice.errors import ProviderError
from sluice.types.catalogue import Auth
from tests.unit.providers.tokens.authority import NOON, REGION, ROLE, Answer, Gateway, Received, authority, resigned

AUDIENCE = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/aws/providers/main"
FEDERATION = Auth("google_federation")
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def google_sts(request: Received) -> Answer:
    form = request.form
    expected = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "audience": AUDIENCE,
        "scope": SCOPE,
        "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
    }
    token = form.pop("subject_token")
    if form != expected:
        return 400, {"error": "invalid_request"}
    signed: dict[str, Any] = json.loads(unquote(token))
    headers = {each["key"]: each["value"] for each in signed["headers"]}
    url = f"https://sts.{REGION}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
    again = resigned("POST", url, headers, b"", keys=ROLE, scope=("sts", REGION))
    right = (signed["url"], signed["method"], headers["host"]) == (url, "POST", f"sts.{REGION}.amazonaws.com")
    names_audience = headers["x-goog-cloud-target-resource"] == AUDIENCE
    if not right or not names_audience or headers["authorization"] != again:
        return 400, {"error": "invalid_grant", "error_description": f"bad request {headers['authorization']}"}
    return 200, {"access_token": "federated-token", "expires_in": 3600, "token_type": "Bearer"}


def impersonated(request: Received) -> Answer:
    if request.headers["authorization"] != "Bearer federated-token":
        return 401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}}
    assert request.json == {"scope": [SCOPE], "lifetime": "3600s"}
    return 200, {"accessToken": "service-account-token", "expireTime": "2026-11-23T13:00:00Z"}


def test_the_role_s_signed_request_is_exchanged_for_a_token() -> None:
    with authority() as server:
        server.answers["/v1/token"] = google_sts
        held = {"audience": AUDIENCE, "token_url": f"{server.url}/v1/token"}
        gateway = Gateway(FEDERATION, held, with_role=True, granted=())  # any role may say who it is
        assert gateway.credentials.has("acme")
        assert gateway.bearer() == "federated-token"


def test_the_federated_identity_asks_for_the_service_account_s_token() -> None:
    path = "/v1/projects/-/serviceAccounts/a@b.iam.gserviceaccount.com:generateAccessToken"
    with authority() as server:
        server.answers = {"/v1/token": google_sts, path: impersonated}
        held = {
            "audience": AUDIENCE,
            "token_url": f"{server.url}/v1/token",
            "service_account_impersonation_url": server.url + path,
        }
        gateway = Gateway(FEDERATION, held, with_role=True)
        assert gateway.bearer() == "service-account-token"
        gateway.clock.now = NOON + 3600 - 61
        assert gateway.bearer() == "service-account-token"
    assert server.paths == ["/v1/token", path]


def test_a_service_account_that_may_not_be_acted_as_is_said_in_google_s_word() -> None:
    with authority() as server:
        server.answers = {
            "/v1/token": google_sts,
            "/x": lambda _: (403, {"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "eyJ-secret"}}),
        }
        held = {
            "audience": AUDIENCE,
            "token_url": f"{server.url}/v1/token",
            "service_account_impersonation_url": f"{server.url}/x",
        }
        with pytest.raises(ProviderError, match=r"403 \(PERMISSION_DENIED\)") as caught:
            Gateway(FEDERATION, held, with_role=True).bearer()
    assert "eyJ-secret" not in caught.value.message


@pytest.mark.parametrize("end", [None, "soon", 7])
def test_a_token_without_an_end_is_not_used(end: object) -> None:
    with authority() as server:
        server.answers = {
            "/v1/token": google_sts,
            "/x": lambda _: (200, {"accessToken": "t", "expireTime": end}),
        }
        held = {
            "audience": AUDIENCE,
            "token_url": f"{server.url}/v1/token",
            "service_account_impersonation_url": f"{server.url}/x",
        }
        with pytest.raises(ProviderError, match="no time at which it ends") as caught:
            Gateway(FEDERATION, held, with_role=True).bearer()
    assert caught.value.kind == "connection"


@pytest.mark.parametrize("member", ["token_url", "service_account_impersonation_url"])
def test_signed_requests_and_tokens_go_to_google_only(member: str) -> None:
    with authority() as server:
        server.answers["/v1/token"] = google_sts
        held = {"audience": AUDIENCE, "token_url": f"{server.url}/v1/token", member: "https://example.com/v1/token"}
        with pytest.raises(ProviderError, match=f"{member} must be an https address"):
            Gateway(FEDERATION, held, with_role=True).bearer()
