"""Names lead to providers and models; a provider is one file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from sluice.errors import InternalError
from sluice.local.catalogue import index_of
from sluice.providers.registry import BUNDLED, INDEX, Registry

NEW_HOST = {
    "name": "acme",
    "title": "Acme Inference",
    "docs": "https://acme.example/docs",
    "checked": "2026-11-23",
    "base_url": "https://inference.acme.example/v1",
    "env": {"api_key": "ACME_API_KEY", "base_url": "ACME_BASE_URL"},
    "auth": {"scheme": "bearer"},
    "endpoints": [{"operation": "chat", "dialect": "openai_chat", "path": "/chat/completions"}],
    "quirks": {"developer_role": False},
    "rules": [{"prefixes": ["rocket-"], "capabilities": ["tools"], "max_output": 4096, "source": "its documentation"}],
    "models": {
        "rocket-1": {
            "context": 32000,
            "prices": [{"tiers": [{"rates": {"input": 100_000_000, "output": 200_000_000}}]}],
        },
        "rocket-2-20260101": {"unpriced": "a preview"},
    },
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry()


def found(registry: Registry, name: str) -> list[str]:
    return [f"{provider.name}/{model.id}" for provider, model in registry.resolve(name)]


def directory_with(tmp_path: Path, *files: Mapping[str, object]) -> Path:
    for content in files:
        (tmp_path / f"{content['name']}.json").write_text(json.dumps(content), encoding="utf-8")
    return tmp_path


def test_the_catalogue_offers_the_named_vendors(registry: Registry) -> None:
    seeds = {
        "openai",
        "anthropic",
        "snowflake_cortex",
        "portkey",
        "openrouter",
        "litellm",
        "helicone",
        "baseten",
        "modal",
    }
    assert seeds | {"together", "groq", "mistral", "deepseek", "gemini", "azure_openai", "vllm"} <= set(
        registry.names()
    )
    assert len(registry.names()) >= 35


def test_adding_an_openai_compatible_provider_is_adding_one_file(tmp_path: Path) -> None:
    registry = Registry((BUNDLED, directory_with(tmp_path, NEW_HOST)))
    provider = registry.provider("acme")
    assert provider is not None
    assert (provider.base_url, provider.enabled, provider.auth.scheme) == (NEW_HOST["base_url"], True, "bearer")
    assert [(e.operation, e.dialect, e.path) for e in provider.endpoints] == [
        ("chat", "openai_chat", "/chat/completions")
    ]
    for name in ("acme/rocket-1", "rocket-1"):
        ((owner, model),) = registry.resolve(name)
        assert owner is provider
        assert (model.id, model.context, model.max_output) == ("rocket-1", 32000, 4096)
        assert model.capabilities == {"tools"}
        assert model.prices[0].tiers[0].rates == {"input": 100_000_000, "output": 200_000_000}
    assert "rocket-1" in [model.id for _, model in registry.all_models()]
    assert found(registry, "gpt-4o") == ["openai/gpt-4o"]


def test_a_file_added_to_the_catalogue_folder_needs_no_new_index(tmp_path: Path) -> None:
    for path in Path(BUNDLED).glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    registry = Registry((directory_with(tmp_path, NEW_HOST),))
    assert found(registry, "rocket-1") == ["acme/rocket-1"]
    assert found(registry, "claude-sonnet-4-5") == ["anthropic/claude-sonnet-4-5"]


def test_a_later_directory_replaces_a_bundled_provider(tmp_path: Path) -> None:
    own = {**NEW_HOST, "name": "groq", "models": {"own-model": {"unpriced": "internal"}}}
    registry = Registry((BUNDLED, directory_with(tmp_path, own)))
    assert found(registry, "own-model") == ["groq/own-model"]
    assert found(registry, "llama-3.3-70b-versatile") == []


def test_without_an_index_every_file_is_looked_into(tmp_path: Path) -> None:
    for path in Path(BUNDLED).glob("*.json"):
        if path.name != INDEX:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    assert found(Registry((tmp_path,)), "gpt-4o-2024-08-06") == ["openai/gpt-4o-2024-08-06"]


def test_a_provider_is_read_only_when_it_is_needed(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    registry = Registry((directory_with(tmp_path, NEW_HOST),))
    assert found(registry, "acme/rocket-1") == ["acme/rocket-1"]
    with pytest.raises(InternalError, match=r"broken\.json cannot be read"):
        registry.provider("broken")


def test_a_file_must_be_named_for_its_provider(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(json.dumps(NEW_HOST), encoding="utf-8")
    with pytest.raises(InternalError, match="'acme'"):
        Registry((tmp_path,)).provider("other")


@pytest.mark.parametrize("name", ["../../etc/passwd", "index", "", ".", "openai.json", "nobody"])
def test_a_name_that_is_no_provider_opens_no_file(registry: Registry, name: str) -> None:
    assert registry.provider(name) is None
    assert registry.resolve(f"{name}/gpt-4o") == []


@pytest.mark.parametrize(
    ("name", "offers"),
    [
        ("openai/gpt-4o-mini", ["openai/gpt-4o-mini"]),
        ("gpt-4o-mini", ["openai/gpt-4o-mini"]),
        ("openrouter/openai/gpt-4o", ["openrouter/openai/gpt-4o"]),
        ("anthropic/claude-sonnet-4-5", ["anthropic/claude-sonnet-4-5"]),
        ("claude-sonnet-4-5", ["anthropic/claude-sonnet-4-5"]),
        ("claude-sonnet-4-5-20250929", ["anthropic/claude-sonnet-4-5-20250929"]),
        ("gpt-4.1-2025-04-14", ["openai/gpt-4.1-2025-04-14"]),
        ("claude-3-5-haiku", ["anthropic/claude-3-5-haiku-latest"]),
        ("mistral-medium", ["mistral/mistral-medium"]),
        ("magistral-medium-2509", ["mistral/magistral-medium-2509"]),
        ("ft:gpt-4o-mini-2024-07-18:acme::abc123", ["openai/ft:gpt-4o-mini-2024-07-18:acme::abc123"]),
        ("simulator/sim-fast", ["simulator/sim-fast"]),
        ("openai_compatible/some/model", ["openai_compatible/some/model"]),
        ("text-embedding-3-small", ["openai/text-embedding-3-small"]),
        ("gpt-17", []),
        ("openai/gpt-17", []),
        ("openai/", []),
        ("", []),
    ],
)
def test_a_name_leads_to_its_model(registry: Registry, name: str, offers: list[str]) -> None:
    assert found(registry, name) == offers


def test_the_prefix_of_a_provider_is_tried_before_a_name_with_a_slash(registry: Registry) -> None:
    hosts = found(registry, "openai/gpt-oss-120b")
    assert {"groq/openai/gpt-oss-120b", "together/openai/gpt-oss-120b"} <= set(hosts)
    assert all(host.endswith("/openai/gpt-oss-120b") for host in hosts)
    assert found(registry, "groq/openai/gpt-oss-120b") == ["groq/openai/gpt-oss-120b"]


def test_the_vendor_of_a_model_wins_a_bare_name_over_hosts(tmp_path: Path) -> None:
    vendor = {**NEW_HOST, "name": "vendor", "first_party": True}
    registry = Registry((directory_with(tmp_path, NEW_HOST, vendor),))
    assert found(registry, "rocket-1") == ["vendor/rocket-1"]
    assert found(registry, "acme/rocket-1") == ["acme/rocket-1"]


def test_a_search_can_be_restricted_to_some_providers(registry: Registry) -> None:
    among = {"groq", "together"}
    names = [provider.name for provider, _ in registry.resolve("openai/gpt-oss-120b", among)]
    assert names == ["groq", "together"]
    assert registry.resolve("openai/gpt-4o", among) == []


def test_a_bare_name_that_only_has_a_date_stands_for_the_newest(tmp_path: Path) -> None:
    models = {f"rocket-2-{date}": {"unpriced": "a preview"} for date in ("20260101", "20260301", "20250601")}
    registry = Registry((directory_with(tmp_path, {**NEW_HOST, "models": models}),))
    assert found(registry, "rocket-2") == ["acme/rocket-2-20260301"]
    assert found(registry, "acme/rocket-2") == ["acme/rocket-2-20260301"]


def test_a_dated_name_is_sent_as_it_was_asked_for_and_priced_like_its_model(registry: Registry) -> None:
    ((_, dated),) = registry.resolve("claude-haiku-4-5-20251001")
    ((_, plain),) = registry.resolve("claude-haiku-4-5")
    assert dated.id == "claude-haiku-4-5-20251001"
    assert (dated.prices, dated.context, dated.max_output) == (plain.prices, plain.context, plain.max_output)


def test_a_host_that_takes_any_model_answers_no_bare_name(tmp_path: Path) -> None:
    registry = Registry((directory_with(tmp_path, {**NEW_HOST, "any_model": True}),))
    assert found(registry, "acme/anything") == ["acme/anything"]
    assert found(registry, "anything") == []
    assert found(registry, "rocket-1") == ["acme/rocket-1"]
    ((_, unknown),) = registry.resolve("acme/anything")
    assert unknown.prices == ()


def test_rules_state_what_a_family_can_do_and_a_later_rule_wins(registry: Registry) -> None:
    gpt_4o, gpt_5, codex = (registry.resolve(name)[0][1] for name in ("gpt-4o", "gpt-5", "gpt-5-codex"))
    assert gpt_4o.quirks["json_schema"] is True
    assert gpt_4o.max_output == 16384
    assert gpt_5.quirks["max_tokens_field"] == "max_completion_tokens"
    assert (codex.operations, codex.dialects) == (("chat",), ("openai_responses",))
    assert (gpt_5.operations, gpt_5.dialects) == (("chat",), ())


def test_a_model_can_be_confined_to_one_dialect(registry: Registry) -> None:
    assert registry.resolve("sim-claude")[0][1].dialects == ("anthropic_messages",)
    assert registry.resolve("sim-fast")[0][1].dialects == ("openai_chat",)


def test_models_are_listed_without_families_of_names(registry: Registry) -> None:
    names = [f"{provider.name}/{model.id}" for provider, model in registry.all_models()]
    assert len(names) == len(set(names)) > 800
    assert "openai/gpt-4o" in names
    assert not [name for name in names if name.startswith("openai/ft:")]


def test_a_listing_is_a_mapping_of_ids(registry: Registry) -> None:
    provider = registry.provider("openai")
    assert provider is not None
    assert provider.models["gpt-4o"].id == "gpt-4o"
    assert "gpt-4o" in provider.models
    assert "gpt-4o-2024-08-06" not in provider.models
    assert len(provider.models) == len(list(provider.models))


@contextmanager
def opened(directory: str) -> Iterator[list[str]]:
    """Collect the files of a directory that are opened meanwhile."""
    heard = _Ears(directory)
    sys.addaudithook(heard)  # it cannot be taken off again, so it is switched off
    try:
        yield heard.files
    finally:
        heard.listening = False


class _Ears:
    def __init__(self, directory: str) -> None:
        self.directory, self.files, self.listening = directory, [], True  # type: tuple[str, list[str], bool]

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.listening and event == "open" and str(arguments[0]).startswith(self.directory):
            self.files.append(Path(str(arguments[0])).name)


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("openai/gpt-4o-mini", ["openai.json"]),
        ("gpt-4o-mini", ["index.json", "openai.json"]),
        ("ft:gpt-4o-mini-2024-07-18:acme::abc123", ["index.json", "openai.json"]),
        ("claude-haiku-4-5-20251001", ["index.json", "anthropic.json"]),
        ("gpt-17", ["index.json"]),
        ("nobody/has-this", ["index.json"]),
    ],
)
def test_a_name_opens_only_the_files_that_may_have_it(name: str, files: list[str]) -> None:
    registry = Registry()
    with opened(BUNDLED) as heard:
        registry.resolve(name)
    assert [file for file in heard if file in {INDEX, *files}] == files
    assert set(heard) <= {
        *files,
        "bedrock.json",
        "vertex_anthropic.json",
        "azure_openai.json",
        "azure_openai_legacy.json",
    }


def test_what_only_a_prefix_tells_is_found_by_the_index(tmp_path: Path) -> None:
    family = {"rocket-": {"unpriced": "a family of names", "listed": False, "prefixes": ["ft:rocket-"]}}
    folder = directory_with(tmp_path, {**NEW_HOST, "models": family}, {**NEW_HOST, "name": "other", "models": {}})
    contents = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    (folder / INDEX).write_text(json.dumps(index_of(contents)), encoding="utf-8")
    registry = Registry((folder,))
    with opened(str(folder)) as heard:
        assert found(registry, "ft:rocket-7") == ["acme/ft:rocket-7"]
    assert heard == [INDEX, "acme.json"]


def test_a_model_that_is_not_listed_has_what_the_rules_say(registry: Registry) -> None:
    openai = registry.provider("openai")
    assert openai is not None
    new = registry.unlisted(openai, "gpt-5-brand-new")
    assert new.quirks["max_tokens_field"] == "max_completion_tokens"
    assert (new.max_output, new.prices) == (128000, ())
    assert "tools" in new.capabilities
    assert {"chat", "embeddings", "images"} <= set(new.operations), "no rule says what it is for"
    assert registry.unlisted(openai, "text-embedding-9").operations == ("embeddings",)
    openrouter = registry.provider("openrouter")
    assert openrouter is not None
    assert "embeddings" in registry.unlisted(openrouter, "acme/new").operations, "the rule for all is of listed models"
