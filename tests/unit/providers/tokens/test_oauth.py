"""Client credentials become a bearer token, at the provider's own host or where the secret says."""

from __future__ import annotations

from base64 import b64decode
from urllib.parse import unquote

import pytest

from sluice.errors import ProviderError
from sluice.types.catalogue import Auth
from tests.unit.providers.tokens.authority import Answer, Gateway, Received, authority

DATABRICKS = Auth("oauth", settings={"token_url": "/oidc/v1/token", "scope": "all-apis"})
CLIENT, SECRET = "client:one", "dose-s3cret/+&=%"
HELD = {"client_id": CLIENT, "client_secret": SECRET}


def databricks(request: Received) -> Answer:
    kind, _, pair = request.headers["authorization"].partition(" ")
    client, _, secret = b64decode(pair).decode().partition(":")
    if (kind, unquote(client), unquote(secret)) != ("Basic", CLIENT, SECRET):
        return 401, {"error": "invalid_client"}
    if request.form != {"grant_type": "client_credentials", "scope": "all-apis"}:
        return 400, {"error": "invalid_request"}
    return 200, {"access_token": "dapi-token-1", "token_type": "Bearer", "expires_in": 3600}


def test_the_client_s_token_is_asked_for_at_the_provider_s_own_host() -> None:
    with authority() as server:
        server.answers["/oidc/v1/token"] = databricks
        gateway = Gateway(DATABRICKS, HELD, base_url=f"{server.url}/serving/v1")
        assert gateway.bearer() == "dapi-token-1"
        assert gateway.credentials.has("acme")


def test_a_wrong_secret_is_said_to_be_refused_and_not_shown() -> None:
    with authority() as server:
        server.answers["/oidc/v1/token"] = databricks
        gateway = Gateway(DATABRICKS, {**HELD, "client_secret": "another-s3cret"}, base_url=server.url)
        with pytest.raises(ProviderError) as caught:
            gateway.bearer()
    assert (caught.value.kind, caught.value.provider, caught.value.http_status) == ("authentication", "acme", 503)
    assert "refused the credential with 401 (invalid_client)" in caught.value.message
    assert "another-s3cret" not in caught.value.message


def test_the_client_goes_into_the_body_where_the_catalogue_says_so() -> None:
    seen: list[dict[str, str]] = []

    def endpoint(request: Received) -> Answer:
        assert "authorization" not in request.headers
        seen.append(request.form)
        return 200, {"access_token": "t", "expires_in": 60}

    with authority() as server:
        server.answers["/token"] = endpoint
        auth = Auth("oauth", settings={"client_auth": "post"}, token_body={"audience": "models"})
        held = {**HELD, "token_url": f"{server.url}/token", "scope": "chat"}
        assert Gateway(auth, held).bearer() == "t"
    assert seen == [
        {
            "grant_type": "client_credentials",
            "audience": "models",
            "scope": "chat",
            "client_id": CLIENT,
            "client_secret": SECRET,
        }
    ]


def test_an_address_that_nobody_states_is_named_as_what_is_missing() -> None:
    with pytest.raises(ProviderError, match="states no token_url"):
        Gateway(Auth("oauth"), HELD).bearer()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/token", "https://169.254.169.254/token", "http://api.example.com/t"]
)
def test_a_token_address_inside_a_network_or_in_the_clear_is_refused(url: str) -> None:
    gateway = Gateway(Auth("oauth"), {**HELD, "token_url": url}, loopback=False)
    with pytest.raises(ProviderError) as caught:
        gateway.bearer()
    assert caught.value.error_code == "provider_address_refused"
