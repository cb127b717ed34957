"""A model's name comes from a caller, and at some providers it stands in the path: it must not lead anywhere else."""

from __future__ import annotations

import json

import pytest

from sluice.calls import _in_path
from sluice.errors import BadRequest
from sluice.types.routes import ProviderSettings
from tests.fakes import KEY, FixedSecrets, Gateway, Scripted, ScriptedTransport, configuration, virtual_key

HARMFUL = (
    "gemini-2.5-flash/../gemini-2.5-pro",
    "gemini-2.5-flash/../../../v1/files",
    "../gemini-2.5-pro",
    "./gemini-2.5-flash",
    "gemini-2.5-flash//gemini-2.5-pro",
    "gemini-2.5-flash/",
    "x/..",
)
PROVIDERS = ("gemini", "azure_openai_legacy")
ESCAPED = ("a?b", "a#b", "a%2e%2e", "a\\..\\b", "a\r\nx-evil: 1", "a b", "ä", "a;b", "\x00")


def gateway(transport: ScriptedTransport) -> Gateway:
    live = configuration(
        providers={
            name: ProviderSettings(base_url="https://models.example.com", enabled=True, any_model=True)
            for name in PROVIDERS
        },
        models={},
        routes={},
        unpriced_ceiling={"input": 1_000_000, "output": 1_000_000},
    )
    secrets = FixedSecrets(gemini="g-key-0123456789", azure_openai_legacy="a-key-0123456789")
    only = virtual_key(
        KEY, models=("gemini/gemini-2.5-flash*", "azure_openai_legacy/gemini-2.5-flash*", "*/x*", "*/.*")
    )
    return Gateway(transport, live=live, secrets=secrets, keys=(only,))


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("name", HARMFUL)
def test_a_name_that_climbs_out_of_its_path_calls_nobody(provider: str, name: str) -> None:
    transport = ScriptedTransport(Scripted(status=200, body=b"{}"))
    body = {"model": f"{provider}/{name}", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 5}
    response, told = gateway(transport).ask("/v1/chat/completions", body)
    assert response.status in (400, 403, 404), told
    assert json.loads(told)["error"]["message"]
    assert transport.calls == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_same_key_reaches_the_model_that_it_may_call(provider: str) -> None:
    transport = ScriptedTransport(Scripted(status=404, body=b"{}"))
    body = {"model": f"{provider}/gemini-2.5-flash", "messages": [{"role": "user", "content": "hello"}]}
    gateway(transport).ask("/v1/chat/completions", body)
    assert "gemini-2.5-flash" in transport.calls[0].url


@pytest.mark.parametrize("name", HARMFUL)
def test_no_path_is_made_of_such_a_name(name: str) -> None:
    with pytest.raises(BadRequest):
        _in_path(name)


@pytest.mark.parametrize("name", ESCAPED)
def test_what_would_end_a_path_is_escaped(name: str) -> None:
    made = _in_path(name)
    assert not set(made) & set("?#\\\r\n \x00;")
    assert "%2e" not in made.lower().replace("%252e", "")
    assert made.isascii()


@pytest.mark.parametrize(
    "name", ["accounts/a/models/b-1.5", "arn:aws:bedrock:us-east-1:1:x/eu.a-v1:0", "@cf/a/b", "a..b"]
)
def test_names_that_are_in_use_stay(name: str) -> None:
    assert _in_path(name) == name


@pytest.mark.parametrize("name", ["x\r\nx-evil: 1", "x\x00y", "\ud800", "ä☃", "x\ty", "x\x7f", "a" * 100_000])
@pytest.mark.parametrize("start", ["openai/", "openai/gpt-4o-", "gpt-4o-"])
def test_a_name_that_could_not_stand_in_a_header_is_no_models(start: str, name: str) -> None:
    transport = ScriptedTransport(Scripted(body=b"{}"))
    live = configuration(
        providers={"openai": ProviderSettings(base_url="https://models.example.com", any_model=True)},
        models={},
        routes={},
        unpriced_ceiling={"input": 1, "output": 1},
    )
    body = {"model": start + name, "messages": [{"role": "user", "content": "hello"}]}
    response, told = Gateway(transport, live=live).ask("/v1/chat/completions", body)
    assert (response.status, transport.calls) == (404, []), told
    assert not [value for value in response.headers.values() if not value.isprintable()]
    assert len(told) < 2_000
