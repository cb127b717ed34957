from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from sluice.local.options import Unusable
from sluice.local.provision import Account
from sluice.local.seed import new_key, seed
from sluice.providers.registry import Registry
from tests.emulator import Emulator

SIMULATOR = "http://127.0.0.1:5555"


@pytest.fixture
def variables(emulator: Emulator, request: pytest.FixtureRequest) -> Mapping[str, str]:
    """The variables of a deployment that does not exist yet."""
    return emulator.environment(f"new-{abs(hash(request.node.name)) % 10**9}")


@pytest.fixture
def account(variables: Mapping[str, str]) -> Iterator[Account]:
    with closing(Account(variables, Registry())) as made:
        made.create_tables()
        yield made


def test_tables_that_exist_are_left_alone(account: Account) -> None:
    account.create_tables()
    account.put_pepper("p")
    assert account.add_key(new_key(), "p", "demo", ("inference",))


def test_the_bucket_of_uploads_may_be_there_already(account: Account) -> None:
    account.create_bucket()
    account.create_bucket()


def test_a_key_works_once_it_was_added(account: Account) -> None:
    text = new_key()
    assert not account.has_key(text, "pepper")
    assert account.add_key(text, "pepper", "demo", ("inference",))
    assert account.has_key(text, "pepper")
    assert not account.has_key(text, "another pepper")
    assert not account.add_key(text, "pepper", "demo", ("inference",))


def test_provider_keys_are_read_back(account: Account) -> None:
    assert account.provider_keys() == {}
    account.put_provider_keys({"openai": {"api_key": "a"}})
    account.put_provider_keys({"openai": {"api_key": "b"}})
    assert account.provider_keys() == {"openai": {"api_key": "b"}}


def test_an_account_can_be_seeded_again_and_again(account: Account, tmp_path: Path) -> None:
    first = seed(account, tmp_path, Registry(), {"OPENAI_API_KEY": "sk-x"}, SIMULATOR)
    before = account.document()
    second = seed(account, tmp_path, Registry(), {"OPENAI_API_KEY": "sk-x"}, SIMULATOR)
    assert first == second
    assert account.document() == before
    assert before is not None
    assert isinstance(before["providers"], dict)
    assert before["providers"]["simulator"]["base_url"] == SIMULATOR


def test_a_base_url_that_is_none_is_refused_with_its_name(account: Account, tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"providers\.openai\.base_url"):
        seed(account, tmp_path, Registry(), {"OPENAI_BASE_URL": "not a url"}, SIMULATOR)
