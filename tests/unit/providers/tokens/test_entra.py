"""Microsoft Entra ID: the key where one is held, else a token for the client."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sluice.errors import ProviderError
from sluice.providers.registry import Registry
from sluice.types.catalogue import Auth
from tests.unit.providers.tokens.authority import Answer, Authority, Gateway, Received, authority

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
HELD = {"tenant_id": TENANT, "client_id": "11111111-2222-3333-4444-555555555555", "client_secret": "entra~s3cret.value"}
SCOPE = "https://cognitiveservices.azure.com/.default"


def at(server: Authority) -> Auth:
    """Return what the catalogue declares, signing in at the stub."""
    declared = Registry().provider("azure_openai")
    assert declared is not None
    key, entra = declared.auth, declared.auth.alternatives[0]
    assert entra.settings == {"authority": "https://login.microsoftonline.com", "scope": SCOPE}
    return replace(key, alternatives=(replace(entra, settings={**entra.settings, "authority": server.url}),))


def entra(request: Received) -> Answer:
    form = request.form
    expected = {"grant_type": "client_credentials", "scope": SCOPE, "client_id": HELD["client_id"]}
    if {name: form.get(name) for name in expected} != expected or len(form) != 4:
        return 400, {"error": "invalid_request"}
    if form["client_secret"] != HELD["client_secret"]:
        description = f"AADSTS7000215: Invalid client secret provided: {form['client_secret']}"
        return 401, {"error": "invalid_client", "error_description": description}
    # Microsoft's older endpoints state the seconds as text.
    return 200, {"token_type": "Bearer", "expires_in": "3599", "access_token": "entra-token"}


def test_the_client_signs_in_to_its_tenant_and_the_token_goes_along_as_bearer() -> None:
    with authority() as server:
        server.answers[f"/{TENANT}/oauth2/v2.0/token"] = entra
        headers = Gateway(at(server), HELD).sent(headers={"accept": "*/*"})
    assert headers == {"accept": "*/*", "authorization": "Bearer entra-token"}


def test_an_api_key_is_preferred_and_asks_nobody() -> None:
    with authority() as server:
        headers = Gateway(at(server), {**HELD, "api_key": "azure-key-1"}).sent()
        assert headers == {"api-key": "azure-key-1"}
        assert not server.received


def test_microsoft_s_number_is_repeated_and_its_sentence_is_not() -> None:
    with authority() as server:
        server.answers[f"/{TENANT}/oauth2/v2.0/token"] = entra
        with pytest.raises(ProviderError) as caught:
            Gateway(at(server), {**HELD, "client_secret": "wrong-s3cret-1"}).bearer()
    assert "(invalid_client, AADSTS7000215)" in caught.value.message
    assert "wrong-s3cret-1" not in str(caught.value)


@pytest.mark.parametrize("tenant", ["common/../x", "a b", "x?y", "../evil", "a" * 200])
def test_a_tenant_that_would_bend_the_address_is_refused(tenant: str) -> None:
    with authority() as server, pytest.raises(ProviderError, match="tenant_id must be"):
        Gateway(at(server), {**HELD, "tenant_id": tenant}).bearer()
    assert not server.received


def test_only_microsoft_s_own_sign_in_hosts_get_the_secret() -> None:
    with authority() as server:
        gateway = Gateway(at(server), {**HELD, "authority": "https://login.example.com"})
        with pytest.raises(ProviderError, match=r"authority must be one of login\.microsoftonline\.com"):
            gateway.bearer()
    assert not server.received


def test_a_client_without_its_secret_opens_no_way_in() -> None:
    with authority() as server:
        gateway = Gateway(at(server), {name: value for name, value in HELD.items() if name != "client_secret"})
        assert not gateway.credentials.has("acme")
        with pytest.raises(ProviderError, match=r'\{"tenant_id": "\.\.\.", "client_id": "\.\.\.", "client_secret"'):
            gateway.bearer()
