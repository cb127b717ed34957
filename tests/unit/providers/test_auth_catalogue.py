"""The ways in that catalogue files declare: whole, known, and of the vendors that offer more than a key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sluice.control.catalogue_schema import AUTH_SETTINGS, ProviderSchema
from sluice.providers.auth import DIRECT, chosen, wanted, ways
from sluice.providers.registry import BUNDLED, Registry
from sluice.providers.tokens import SCHEMES
from sluice.types.catalogue import Auth

FEDERATION = {
    "scheme": "aws_federation",
    "parts": {"service_account_id": "service_account_id"},
    "needs": ["service_account_id"],
    "settings": {"token_url": "/v1/token", "audience": "a", "grant_type": "g", "assertion": "assertion"},
}


def with_auth(auth: object, **changes: object) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((Path(BUNDLED) / "groq.json").read_text(encoding="utf-8"))
    return {**content, "models": {}, "auth": auth, **changes}


@pytest.mark.parametrize(
    ("provider", "schemes"),
    [
        ("openai", ["bearer", "aws_federation"]),
        ("anthropic", ["header", "aws_federation"]),
        ("azure_openai", ["header", "entra"]),
        ("vertex", ["bearer", "google", "google_federation"]),
        ("databricks", ["bearer", "oauth"]),
        ("snowflake_cortex", ["bearer", "snowflake"]),
        ("sagemaker", ["bearer", "aws_bearer"]),
        ("bedrock_mantle", ["bearer", "sigv4"]),
        ("modal", ["pair"]),
        ("vllm", ["bearer", "none"]),
        ("ollama", ["bearer", "none"]),
    ],
)
def test_vendors_declare_their_ways_in_a_stored_key_first(provider: str, schemes: list[str]) -> None:
    known = Registry().provider(provider)
    assert known is not None
    assert [way.scheme for way in ways(known.auth)] == schemes


def test_every_declared_scheme_is_served() -> None:
    registry = Registry()
    declared = {way.scheme for name in registry.names() if (p := registry.provider(name)) for way in ways(p.auth)}
    assert declared <= DIRECT | SCHEMES | {"sigv4"}
    assert set(AUTH_SETTINGS) <= SCHEMES | {"sigv4"}


@pytest.mark.parametrize(
    ("auth", "fault"),
    [
        ([], "at least 1 item"),
        ({"scheme": "magic"}, "scheme"),
        ({"scheme": "query"}, "'query' the parameter's"),
        ({"scheme": "bearer", "name": "x"}, "needs the header's name"),
        ({"scheme": "pair"}, "need 'parts'"),
        ({"scheme": "sigv4"}, "needs the settings \\['service'\\]"),
        ({"scheme": "bearer", "settings": {"scope": "x"}}, "does not know \\['scope'\\]"),
        ({"scheme": "oauth", "settings": {"token_url": "http://login.example.com/token"}}, "over https"),
        ({"scheme": "oauth", "settings": {"token_url": "https://169.254.169.254/token"}}, "not a public address"),
        ({"scheme": "entra", "settings": {"scope": "x", "authority": "https://10.0.0.1"}}, "not a public address"),
        ({**FEDERATION, "needs": ["organization_id"]}, "must be in its parts"),
        ({**FEDERATION, "settings": {}}, "needs the settings"),
        ([{"scheme": "bearer"}, {"scheme": "header"}], "header's name"),
    ],
)
def test_a_faulty_way_in_is_refused(auth: object, fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        ProviderSchema.model_validate(with_auth(auth))


def test_a_variable_that_no_way_in_takes_is_refused() -> None:
    env = {"api_key": "GROQ_API_KEY", "base_url": "GROQ_BASE_URL", "tenant_id": "GROQ_TENANT"}
    with pytest.raises(ValidationError, match="no way in takes: tenant_id"):
        ProviderSchema.model_validate(with_auth({"scheme": "bearer"}, env=env))
    entra = {"scheme": "entra", "settings": {"scope": "s", "authority": "https://login.microsoftonline.com"}}
    assert ProviderSchema.model_validate(with_auth([{"scheme": "bearer"}, entra], env=env)).env == env


def test_one_way_and_a_list_of_one_mean_the_same() -> None:
    one = ProviderSchema.model_validate(with_auth({"scheme": "bearer"}))
    assert one == ProviderSchema.model_validate(with_auth([{"scheme": "bearer"}]))
    assert ProviderSchema.model_validate(with_auth(FEDERATION)).auth[0].needs == ["service_account_id"]


def test_every_scheme_and_what_it_needs_is_documented() -> None:
    text = (Path(__file__).parents[3] / "docs/credentials.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| `")]
    documented = {name.strip(" `"): needs for names, needs in rows for name in names.split(",")}
    for scheme in DIRECT | SCHEMES | {"sigv4"}:
        assert scheme in documented
        first = wanted(Auth(scheme))[0]
        assert not [member for member in first if f"`{member}`" not in documented[scheme]]


def test_a_host_of_ones_own_needs_no_key_and_no_other_provider_goes_without() -> None:
    registry = Registry()
    providers = [provider for name in registry.names() if (provider := registry.provider(name)) is not None]
    keyless = {p.name for p in providers if chosen(p.auth, {}) is not None}
    assert keyless == {"vllm", "ollama", "llamacpp", "lmstudio", "nvidia_nim", "openai_compatible"}
    assert not [p.name for p in providers if p.name in keyless and p.enabled], "only a configuration enables them"
