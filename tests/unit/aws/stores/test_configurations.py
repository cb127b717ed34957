"""Configuration versions: immutable, named by their content, live by one conditional move."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from sluice.aws.errors import AwsError
from sluice.aws.stores.configurations import SIZE_LIMIT, DynamoConfigurationStore
from sluice.control.configurations import Conflict, Live
from sluice.errors import BadRequest
from sluice.routing.configuration import parse, version_of
from tests.emulator import Emulator
from tests.unit.aws.stores.connected import connected

FIRST: dict[str, object] = {"routes": {"fast": {"targets": [{"model": "openai/gpt-4o-mini"}]}}}
SECOND: dict[str, object] = {"routes": {"fast": {"targets": [{"model": "anthropic/claude-haiku-4-5"}]}}}


@pytest.fixture
def store(emulator: Emulator, tables: str) -> Iterator[DynamoConfigurationStore]:
    with connected(emulator) as client:
        yield DynamoConfigurationStore(client, f"{tables}-config", now=lambda: 1_795_435_200.0)


def test_nothing_is_live_at_first(store: DynamoConfigurationStore) -> None:
    assert store.current_version() is None
    assert store.live() == Live(None, None, 0)
    assert store.history() == []


def test_a_published_version_is_read_back_and_is_not_live(store: DynamoConfigurationStore) -> None:
    version = store.publish(FIRST)
    assert version == version_of(FIRST)
    assert store.document(version) == FIRST
    assert store.load(version) == parse(FIRST, version)
    assert store.current_version() is None


def test_publishing_the_same_content_twice_is_publishing_it_once(store: DynamoConfigurationStore) -> None:
    assert store.publish(FIRST) == store.publish(dict(reversed(FIRST.items())))


def test_going_live_and_back(store: DynamoConfigurationStore) -> None:
    first, second = store.publish(FIRST), store.publish(SECOND)
    assert store.promote(first, 0) == Live(first, None, 1)
    assert store.promote(second, 1) == Live(second, first, 2)
    assert store.current_version() == second
    assert store.live() == Live(second, first, 2)
    assert store.promote(first, 2) == Live(first, second, 3) == store.live()
    assert [(each.revision, each.version) for each in store.history()] == [(3, first), (2, second), (1, first)]
    assert [each.revision for each in store.history(limit=1)] == [3]
    assert store.history()[0].at_ms == 1_795_435_200_000


def test_promoting_what_is_live_keeps_the_way_back(store: DynamoConfigurationStore) -> None:
    first, second = store.publish(FIRST), store.publish(SECOND)
    store.promote(first, 0)
    store.promote(second, 1)
    assert store.promote(second, 2) == Live(second, first, 2)


@pytest.mark.parametrize("revision", [1, 7])
def test_a_stale_revision_moves_nothing(store: DynamoConfigurationStore, revision: int) -> None:
    first = store.publish(FIRST)
    with pytest.raises(Conflict, match=f"revision {revision}"):
        store.promote(first, revision)
    assert store.current_version() is None


def test_of_two_who_promote_at_once_one_wins(emulator: Emulator, tables: str) -> None:
    def promote(number: int) -> str:
        with connected(emulator) as client:
            store = DynamoConfigurationStore(client, f"{tables}-config")
            version = store.publish({"unpriced_ceiling": {"input": number}})
            try:
                return str(store.promote(version, 0).version)
            except Conflict:
                return ""

    with ThreadPoolExecutor(6) as pool:
        winners = [version for version in pool.map(promote, range(6)) if version]
    with connected(emulator) as client:
        store = DynamoConfigurationStore(client, f"{tables}-config")
        assert winners == [store.current_version()]
        assert store.live().revision == 1


def test_an_unknown_version_is_neither_read_nor_promoted(store: DynamoConfigurationStore) -> None:
    with pytest.raises(KeyError):
        store.load("f" * 64)
    with pytest.raises(KeyError):
        store.promote("f" * 64, 0)
    assert store.current_version() is None


def test_a_document_that_cannot_be_read_is_not_published(store: DynamoConfigurationStore) -> None:
    broken: dict[str, object] = {"routes": {"fast": {"targets": []}}}
    with pytest.raises(ValueError, match=r"routes\.fast"):
        store.publish(broken)
    with pytest.raises(KeyError):
        store.document(version_of(broken))


def test_a_document_that_does_not_fit_says_how_long_it_is(store: DynamoConfigurationStore) -> None:
    with pytest.raises(BadRequest, match=rf"400\d\d\d bytes; at most {SIZE_LIMIT}"):
        store.publish({"note": "x" * 400_000})


def test_a_document_that_was_changed_in_place_is_not_used(
    store: DynamoConfigurationStore, emulator: Emulator, tables: str
) -> None:
    version = store.publish(FIRST)
    with connected(emulator) as client:
        client.put_item(f"{tables}-config", {"pk": f"configuration#{version}", "sk": "version", "document": "{}"})
    with pytest.raises(AwsError, match="does not match its hash"):
        store.load(version)
