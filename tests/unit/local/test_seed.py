from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from sluice.local.banner import Access
from sluice.local.seed import CEILING, NO_KEY, Found, bundle, document, new_key, providers_of, seed
from sluice.providers.registry import Registry

SIMULATOR = "http://127.0.0.1:5555"


class MemoryAccount:
    def __init__(self) -> None:
        self.pepper = ""
        self.keys: dict[str, tuple[str, tuple[str, ...]]] = {}
        self.revoked: set[str] = set()
        self.providers: Mapping[str, Mapping[str, str]] = {}
        self.live: Mapping[str, object] | None = None

    def put_pepper(self, pepper: str) -> None:
        self.pepper = pepper

    def provider_keys(self) -> Mapping[str, Mapping[str, str]]:
        return self.providers

    def put_provider_keys(self, bundle: Mapping[str, Mapping[str, str]]) -> None:
        self.providers = bundle

    def has_key(self, text: str, pepper: str) -> bool:
        return text in self.keys and text not in self.revoked

    def add_key(self, text: str, pepper: str, name: str, scopes: tuple[str, ...]) -> bool:
        if text in self.keys:
            return False
        self.keys[text] = (name, scopes)
        return True

    def document(self) -> Mapping[str, object] | None:
        return self.live

    def go_live(self, document: Mapping[str, object]) -> None:
        self.live = document


class Start:
    """One stack's folder and account, seeded as often as it is started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.account = MemoryAccount()

    def __call__(self, **environ: str) -> Access:
        return seed(self.account, self.folder, Registry(), environ, SIMULATOR)

    @property
    def configured(self) -> Mapping[str, Mapping[str, object]]:
        assert self.account.live is not None
        providers = self.account.live["providers"]
        assert isinstance(providers, dict)
        return providers


@pytest.fixture
def start(tmp_path: Path) -> Start:
    return Start(tmp_path)


def test_the_first_start_makes_a_demo_key_and_an_admin_key(start: Start) -> None:
    access = start()
    assert start.account.keys == {
        access.api_key: ("demo", ("inference",)),
        access.admin_key: ("administrator", ("admin", "inference")),
    }
    assert start.account.pepper


def test_keys_and_pepper_stay_the_same_at_the_next_start(start: Start) -> None:
    first, pepper = start(), start.account.pepper
    assert start() == first
    assert start.account.pepper == pepper


def test_keys_stay_valid_when_the_account_lost_its_last_seconds(start: Start) -> None:
    first = start()
    start.account = MemoryAccount()
    assert start() == first
    assert first.api_key in start.account.keys


def test_a_revoked_demo_key_is_replaced(start: Start) -> None:
    first = start()
    start.account.revoked.add(first.api_key)
    second = start()
    assert second.api_key != first.api_key
    assert second.admin_key == first.admin_key
    assert second.api_key in start.account.keys


def test_what_it_remembers_is_readable_by_its_owner_only(start: Start) -> None:
    start()
    assert {path.stat().st_mode & 0o777 for path in start.folder.iterdir()} == {0o600}


def test_a_provider_key_in_the_environment_makes_the_provider_usable(start: Start) -> None:
    start(OPENAI_API_KEY="sk-openai")
    assert start.account.providers["openai"] == {"api_key": "sk-openai"}
    assert start.configured["openai"] == {"enabled": True}


def test_a_base_url_in_the_environment_may_be_on_this_machine(start: Start) -> None:
    start(ANTHROPIC_API_KEY="k", ANTHROPIC_BASE_URL="http://127.0.0.1:9")
    assert start.configured["anthropic"] == {
        "enabled": True,
        "base_url": "http://127.0.0.1:9",
        "allow_loopback": True,
        "any_model": True,
    }


def test_a_host_of_ones_own_needs_no_key(start: Start) -> None:
    start(OPENAI_COMPATIBLE_BASE_URL="http://127.0.0.1:9/v1")
    assert start.account.providers["openai_compatible"] == {"api_key": NO_KEY}


def test_an_empty_variable_is_as_good_as_none(start: Start) -> None:
    start(OPENAI_API_KEY="", OPENAI_BASE_URL="")
    assert "openai" not in start.account.providers


def test_the_simulator_is_always_there(start: Start) -> None:
    start()
    assert set(start.account.providers) == {"simulator"}
    assert start.configured["simulator"] == {"enabled": True, "base_url": SIMULATOR, "allow_loopback": True}


def test_a_variable_that_is_gone_takes_its_key_and_address_with_it(start: Start) -> None:
    start(OPENAI_API_KEY="sk-openai", OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    start()
    assert set(start.account.providers) == {"simulator"}
    assert "openai" not in start.configured


def test_nothing_is_left_of_a_provider_that_was_stored_in_full_form(start: Start) -> None:
    start(OPENAI_API_KEY="sk-openai")
    full = {"enabled": True, "allow_loopback": False, "any_model": False, "headers": {}}
    start.account.live = {"providers": {**start.configured, "openai": full, "groq": {"enabled": False}}}
    start()
    assert set(start.configured) == {"simulator", "groq"}


def test_what_an_administrator_set_stays(start: Start) -> None:
    start(OPENAI_API_KEY="sk-openai")
    start.account.providers = {**start.account.providers, "groq": {"api_key": "from the secret"}}
    start.account.live = {
        "routes": {"fast": {"targets": [{"model": "openai/gpt-4o-mini"}]}},
        "providers": {**start.configured, "openai": {"enabled": True, "headers": {"x-team": "search"}}},
        "unpriced_ceiling": {},
    }
    start(OPENAI_API_KEY="sk-new")
    assert start.account.providers["groq"] == {"api_key": "from the secret"}
    assert start.account.live["routes"] == {"fast": {"targets": [{"model": "openai/gpt-4o-mini"}]}}
    assert start.account.live["unpriced_ceiling"] == {}
    assert start.configured["openai"] == {"enabled": True, "headers": {"x-team": "search"}}


def test_models_without_a_price_have_a_ceiling_from_the_first_start(start: Start) -> None:
    start()
    assert start.account.live is not None
    assert start.account.live["unpriced_ceiling"] == CEILING


def test_every_provider_of_the_catalogue_can_be_named_in_the_environment() -> None:
    registry = Registry()
    names = [name for name in registry.names() if name != "simulator"]
    variables = {}
    for name in names:
        provider = registry.provider(name)
        assert provider is not None
        variables[name] = provider.env["api_key"]
    environ = {variable: f"value of {variable}" for variable in variables.values()}
    assert {name: found.credential["api_key"] for name, found in providers_of(registry, environ).items()} == {
        name: f"value of {variables[name]}" for name in names
    }


def test_a_bundle_keeps_what_did_not_come_from_the_environment() -> None:
    existing = {"openai": {"api_key": "old"}, "mistral": {"api_key": "stored"}}
    made = bundle(existing, frozenset({"openai"}), {"groq": Found({"api_key": "g"}, None)})
    assert set(made) == {"simulator", "mistral", "groq"}


def test_a_configuration_is_the_same_when_nothing_changed() -> None:
    found = {"openai": Found({"api_key": "x"}, None)}
    first = document(None, frozenset(), found, SIMULATOR)
    assert document(first, frozenset(found), found, SIMULATOR) == first


def test_new_keys_have_the_form_of_virtual_keys() -> None:
    key = new_key()
    assert len(key) == 54
    assert key.startswith("sk-sluice-")
    assert set(key[10:22]) <= set("abcdefghijklmnopqrstuvwxyz234567")
    assert new_key() != key


def test_secrets_do_not_show_in_reprs(start: Start) -> None:
    access = start()
    assert access.api_key not in repr(access)
    stored = json.loads((start.folder / "secrets.json").read_text())
    assert set(stored) == {"pepper", "api_key", "admin_key"}
    assert os.listdir(start.folder).count("secrets.draft") == 0
