"""A cheap call with a new credential, vouched for as the request path will: a GET that costs nothing.

2xx: the provider takes it. 429: it knows who calls. 401 and 403: it does not; a key made a moment ago is tried a few
times, since vendors take seconds to know it everywhere. Anything else says nothing about the key.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from sluice.control.rotation.calls import Vendor
from sluice.control.rotation.failures import RotationFailed
from sluice.errors import GatewayError
from sluice.ports import Transport
from sluice.providers.auth import CredentialHeaders, KeyedUrl, Outgoing
from sluice.providers.credentials import Credentials
from sluice.providers.registry import Registry
from sluice.types.catalogue import Provider

MODELS = {"cohere": "/v1/models", "gemini": "/v1beta/models"}
"""Where the list of models is, below the base URL, for those whose calls do not tell."""
CALLS = ("/chat/completions", "/messages", "/embeddings", "/responses")
"""What stands in the place of `/models` in the paths of calls; vendors list their models beside them (OpenAI,
Anthropic, Groq, Mistral: API references, 2026-11)."""
PAUSES = (1.0, 2.0, 4.0, 8.0)


class Trial(Protocol):
    """Tries a credential."""

    def __call__(self, name: str, entry: Mapping[str, str], url: str) -> None:
        """Return when the provider takes it; `url` replaces the address of its models. Raises RotationFailed."""


class ProviderTrial:
    """Calls the provider. `vendor` gives the way to one by its name."""

    def __init__(
        self,
        registry: Registry,
        transport: Transport,
        vendor: Callable[[str], Vendor],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._registry = registry
        self._transport = transport
        self._vendor = vendor
        self._sleep = sleep

    def __call__(self, name: str, entry: Mapping[str, str], url: str) -> None:
        """Return when the provider takes the credential. Raises RotationFailed."""
        provider = self._registry.provider(name)
        if provider is None:
            raise RotationFailed(name, "the catalogue has no such provider, so its key cannot be tried.")
        url = url or models_url(provider)
        if not url:
            raise RotationFailed(
                name, "nobody knows where it lists its models; name a test_url in the stage's rotation."
            )
        address, headers = self._vouched(provider, entry, url)
        for pause in (*PAUSES, None):
            answer = self._vendor(name).send("GET", address, headers, taken=(429,))
            if answer.is_success or answer.status_code == 429:
                return
            if answer.status_code not in (401, 403) or pause is None:
                break
            self._sleep(pause)
        raise self._vendor(name).refusal(answer)

    def _vouched(self, provider: Provider, entry: Mapping[str, str], url: str) -> tuple[str, CredentialHeaders]:
        credentials = Credentials(_Held({provider.name: entry}), self._transport, catalogue=self._registry.provider)
        outgoing = Outgoing("GET", url, dict(provider.headers), b"")
        problem = ""
        try:
            address, headers = credentials.authorize(outgoing, provider)
            # A key in the address hides behind the class; what is sent must be the whole of it.
            return (str.__str__(address) if isinstance(address, KeyedUrl) else address), headers
        except GatewayError as error:
            problem = error.message
        raise RotationFailed(provider.name, problem)


def models_url(provider: Provider) -> str:
    """Return the address of a provider's list of models, "" where it differs by account or has another form."""
    if provider.base_url and provider.name in MODELS:
        return provider.base_url + MODELS[provider.name]
    for endpoint in provider.endpoints if provider.base_url else ():
        for call in CALLS:
            if endpoint.path.endswith(call) and "{" not in endpoint.path:
                return f"{provider.base_url}{endpoint.path.removesuffix(call)}/models"
    return ""


class _Held:
    """A secret store with what is to be tried."""

    def __init__(self, bundle: Mapping[str, Mapping[str, str]]) -> None:
        self._bundle = bundle

    def provider_keys(self) -> Mapping[str, Mapping[str, str]]:
        return self._bundle

    def refresh(self) -> None:
        return
