"""The bundled catalogue files are valid, priced, dated and up to date."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sluice.control.catalogue_schema import ProviderSchema
from sluice.local.catalogue import PAGE, main, outdated, regenerated
from sluice.providers.registry import BUNDLED, INDEX, Registry

FILES = sorted(path for path in Path(BUNDLED).glob("*.json") if path.name != INDEX)
VENDORS = [path.stem for path in FILES if path.stem not in ("simulator", "openai_compatible")]


def content(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((Path(BUNDLED) / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_fits_the_schema(path: Path) -> None:
    assert ProviderSchema.model_validate_json(path.read_bytes()).name == path.stem


def test_files_index_and_page_are_what_the_build_tool_writes() -> None:
    assert sorted(outdated(BUNDLED, PAGE)) == []


def test_the_build_tool_reports_and_mends_an_outdated_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stale = content("deepseek")
    stale["models"]["deepseek-flash"]["prices"][0]["tiers"][0]["rates"]["input"] = 1
    (tmp_path / "deepseek.json").write_text(json.dumps(stale), encoding="utf-8")
    assert main(["--check"], str(tmp_path)) == 1
    assert "deepseek.json is out of date" in capsys.readouterr().out
    assert main([], str(tmp_path)) == 0
    assert main(["--check"], str(tmp_path)) == 0
    assert (tmp_path / "deepseek.json").read_bytes() == (Path(BUNDLED) / "deepseek.json").read_bytes()


def test_every_listed_model_has_a_price_or_says_why_not() -> None:
    unpriced = [(provider.name, model) for provider, model in Registry().all_models() if not model.prices]
    assert all(model.unpriced for _, model in unpriced)
    vendors = {name for name, _ in unpriced}
    resellers = {"openrouter", "together", "groq", "cerebras", "gemini", "fireworks", "bedrock", "mistral"}
    assert vendors <= resellers, "the vendors themselves publish prices"


def test_every_price_names_its_source_and_fingerprint() -> None:
    versions = {price.version for _, model in Registry().all_models() for price in model.prices}
    sources = {version.partition("#")[0] for version in versions}
    assert all(source in ("genai-prices-0.2.3", "simulated") or source.startswith("https://") for source in sources)
    assert all(len(version.partition("#")[2]) == 12 for version in versions)


@pytest.mark.parametrize("name", VENDORS)
def test_every_vendor_names_its_environment_and_documentation(name: str) -> None:
    loaded = content(name)
    assert {"api_key", "base_url"} <= set(loaded["env"])
    assert loaded["docs"].startswith("https://")
    if "generated" in loaded:
        assert loaded["source"].startswith("genai-prices-")
    else:
        assert loaded.get("any_model"), "models are generated, or any model is passed on"


def test_no_two_vendors_share_an_environment_variable() -> None:
    registry = Registry()
    named = [variable for name in registry.names() for variable in content(name).get("env", {}).values()]
    shared = {variable for variable in named if named.count(variable) > 1}
    assert shared <= {"AWS_BEARER_TOKEN_BEDROCK"}, "one key of Amazon's opens both of its endpoints"


def test_at_least_three_hundred_models_have_a_price() -> None:
    assert sum(bool(model.prices) for _, model in Registry().all_models()) >= 300


def test_what_needs_an_address_is_off_until_it_has_one() -> None:
    registry = Registry()
    for name in ("simulator", "openai_compatible"):
        provider = registry.provider(name)
        assert provider is not None
        assert (provider.enabled, provider.base_url) == (False, "")


@pytest.mark.parametrize(
    ("provider", "operation", "dialect"),
    [
        ("openai", "chat", "openai_chat"),
        ("openai", "embeddings", "openai_embeddings"),
        ("anthropic", "chat", "anthropic_messages"),
        ("anthropic", "count_tokens", "anthropic_count_tokens"),
        ("openrouter", "chat", "openai_chat"),
        ("openrouter", "chat", "anthropic_messages"),
        ("deepseek", "chat", "anthropic_messages"),
        ("mistral", "embeddings", "openai_embeddings"),
        ("together", "embeddings", "openai_embeddings"),
        ("simulator", "embeddings", "openai_embeddings"),
        ("cohere", "embeddings", "cohere_embeddings"),
        ("gemini", "embeddings", "gemini_embeddings"),
        ("ollama", "embeddings", "ollama_embeddings"),
        ("cohere", "rerank", "cohere_rerank"),
        ("voyage", "rerank", "voyage_rerank"),
        ("jina", "rerank", "jina_rerank"),
        ("nvidia_nim", "rerank", "nvidia_ranking"),
        ("openai", "moderations", "openai_moderations"),
        ("mistral", "moderations", "openai_moderations"),
    ],
)
def test_vendors_offer_their_operations(provider: str, operation: str, dialect: str) -> None:
    endpoints = content(provider)["endpoints"]
    assert any((e["operation"], e["dialect"]) == (operation, dialect) for e in endpoints)


def test_every_operation_of_an_own_vendor_has_a_model_that_serves_it() -> None:
    registry = Registry()
    for name in registry.names():
        provider = registry.provider(name)
        assert provider is not None
        served = {operation for model in provider.models.values() for operation in model.operations}
        if "chat" in served:
            served.add("input_tokens")  # whoever answers a Responses request counts it
        assert provider.any_model or served.issuperset(endpoint.operation for endpoint in provider.endpoints)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"surprise": 1}, "surprise"),
        ({"base_url": "http://api.deepseek.com"}, "https"),
        ({"base_url": "https://169.254.169.254"}, "not a public address"),
        ({"base_url": ""}, "without a base URL"),
        ({"auth": {"scheme": "header"}}, "header's name"),
        ({"quirks": {"max_token_field": "max_tokens"}}, "Unknown quirk"),
        ({"first_byte_seconds": 601}, "first_byte_seconds"),
        ({"rules": [{"prefixes": ["x"], "capabilities": ["telepathy"], "source": "s"}]}, "capabilities"),
        ({"rules": [{"prefixes": ["x"]}]}, "source"),
        ({"models": {"m": {}}}, "states prices"),
        ({"models": {"m": {"unpriced": "free", "prices": [{"tiers": [{"rates": {"input": 1}}]}]}}}, "states prices"),
        ({"models": {"m": {"prices": [{"tiers": [{"rates": {"input": -1}}]}]}}}, "greater than or equal"),
        ({"models": {"m": {"prices": [{"tiers": [{"rates": {"inputs": 1}}]}]}}}, "inputs"),
        ({"models": {"m": {"prices": [{"tiers": [{"over": 5, "rates": {"input": 1}}]}]}}}, "begin at 0"),
        ({"models": {"m": {"prices": [{"starts": "soon", "tiers": [{"rates": {"input": 1}}]}]}}}, "starts"),
        (
            {"models": {"m": {"prices": [{"hours": [["22:00", "06:00"]], "tiers": [{"rates": {"input": 1}}]}]}}},
            "midnight",
        ),
        (
            {"models": {"m": {"prices": [{"service_tiers": ["flex"], "tiers": [{"rates": {"input": 1}}]}]}}},
            "standard price comes first",
        ),
        ({"models": {"m": {"unpriced": "?"}, "n": {"unpriced": "?", "aliases": ["m"]}}}, "two models: m"),
        ({"models": {"m": {"unpriced": "?", "dialects": ["anthropic_messages"]}}}, "no endpoint speaks"),
    ],
)
def test_a_faulty_file_is_refused_with_the_place(change: dict[str, object], fault: str) -> None:
    whole = {**content("groq"), "models": {}, **change}
    with pytest.raises(ValidationError, match=fault):
        ProviderSchema.model_validate(whole)


def test_a_model_billed_in_an_uncounted_unit_must_be_left_out() -> None:
    head = content("mistral")
    head["generated"]["leave_out"] = []
    with pytest.raises(Exception, match="leave it out"):
        regenerated(head)


def test_heads_survive_regeneration() -> None:
    head = {key: value for key, value in content("mistral").items() if key not in ("models", "source")}
    assert {key: value for key, value in regenerated(head).items() if key not in ("models", "source")} == head
