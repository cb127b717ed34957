"""A credential is tried as the request path will show it, with a call that costs nothing."""

from __future__ import annotations

import httpx
import pytest

from sluice.control.rotation.calls import Vendor
from sluice.control.rotation.failures import RotationFailed
from sluice.control.rotation.trial import ProviderTrial
from sluice.providers.registry import Registry
from tests.fakes import Scripted, ScriptedTransport


class Host:
    """Answers with the statuses it is given, the last one for ever."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return httpx.Response(status, json={"error": {"type": "authentication_error", "message": "key sk-secret"}})


def tried(host: Host, name: str, entry: dict[str, str], url: str = "") -> None:
    client = httpx.Client(transport=httpx.MockTransport(host))
    ProviderTrial(
        Registry(), ScriptedTransport(Scripted()), lambda name: Vendor(name, client, lambda _: None), lambda _: None
    )(name, entry, url)


@pytest.mark.parametrize(
    ("name", "address", "header"),
    [
        ("openai", "https://api.openai.com/v1/models", "authorization"),
        ("anthropic", "https://api.anthropic.com/v1/models", "x-api-key"),
        ("gemini", "https://generativelanguage.googleapis.com/v1beta/models", "x-goog-api-key"),
        ("cohere", "https://api.cohere.com/v1/models", "authorization"),
        ("groq", "https://api.groq.com/openai/v1/models", "authorization"),
        ("mistral", "https://api.mistral.ai/v1/models", "authorization"),
    ],
)
def test_the_list_of_models_is_asked_with_the_provider_s_own_way_in(name: str, address: str, header: str) -> None:
    host = Host(200)
    tried(host, name, {"api_key": "sk-secret"})
    assert str(host.seen[0].url) == address
    assert "sk-secret" in host.seen[0].headers[header]


@pytest.mark.parametrize("statuses", [(200,), (204,), (429,), (503, 200), (401, 401, 200)])
def test_a_key_that_is_known_passes(statuses: tuple[int, ...]) -> None:
    tried(Host(*statuses), "openai", {"api_key": "sk-secret"})


@pytest.mark.parametrize(("status", "final"), [(401, True), (403, True), (404, True), (500, False)])
def test_a_key_that_is_not_known_fails_without_the_vendor_s_words(status: int, final: bool) -> None:
    with pytest.raises(RotationFailed) as raised:
        tried(Host(status), "openai", {"api_key": "sk-secret"})
    assert raised.value.final is final
    assert "sk-secret" not in str(raised.value)


def test_an_address_that_differs_by_account_must_be_named() -> None:
    with pytest.raises(RotationFailed, match="test_url"):
        tried(Host(200), "azure_openai", {"api_key": "secret"})
    host = Host(200)
    tried(host, "azure_openai", {"api_key": "sk-secret"}, "https://acct.openai.azure.com/openai/v1/models")
    assert host.seen[0].url.host == "acct.openai.azure.com"


@pytest.mark.parametrize("name", ["openai", "no-such-provider"])
def test_what_cannot_be_vouched_for_is_never_sent(name: str) -> None:
    host = Host(200)
    with pytest.raises(RotationFailed):
        tried(host, name, {})
    assert host.seen == []


def test_a_key_in_the_address_is_sent_whole() -> None:
    from sluice.types.catalogue import Auth, Provider, ProviderEndpoint

    class One(Registry):
        def provider(self, name: str) -> Provider | None:
            auth = Auth("query", name="key")
            endpoint = ProviderEndpoint("chat", "openai_chat", "/v1/chat/completions")
            return Provider(name, name, "https://host.example", auth, (endpoint,), {})

    host = Host(200)
    client = httpx.Client(transport=httpx.MockTransport(host))
    trial = ProviderTrial(One(), ScriptedTransport(Scripted()), lambda name: Vendor(name, client), lambda _: None)
    trial("asked", {"api_key": "sk-secret"}, "")
    assert host.seen[0].url.params["key"] == "sk-secret"
