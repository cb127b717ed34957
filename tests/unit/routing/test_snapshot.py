"""The configuration snapshot: loaded once, renewed after answers, kept through outages."""

from __future__ import annotations

import pytest

from sluice.errors import NoHealthyUpstream
from sluice.routing.snapshot import FRESH_SECONDS, REFRESH_SECONDS, ConfigurationSnapshot
from sluice.types.routes import Configuration


class Store:
    def __init__(self, version: str | None) -> None:
        self.version = version
        self.looks = 0
        self.loads = 0
        self.broken = False

    def current_version(self) -> str | None:
        self.looks += 1
        if self.broken:
            raise RuntimeError("throttled")
        return self.version

    def load(self, version: str) -> Configuration:
        self.loads += 1
        return Configuration(version)


class Now:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_version_is_loaded_once_and_a_new_one_after_the_refresh() -> None:
    store, now = Store("a"), Now()
    snapshot = ConfigurationSnapshot(store, now)
    assert [snapshot.current().version for _ in range(3)] == ["a"] * 3
    assert (store.looks, store.loads) == (1, 1)
    store.version = "b"
    snapshot.refresh()
    assert snapshot.current().version == "a"
    now.seconds += REFRESH_SECONDS + 1
    snapshot.refresh()
    assert snapshot.current().version == "b"
    assert store.loads == 2


def test_an_environment_that_slept_looks_before_it_serves() -> None:
    store, now = Store("a"), Now()
    snapshot = ConfigurationSnapshot(store, now)
    snapshot.current()
    store.version = "b"
    now.seconds += FRESH_SECONDS + 1
    assert snapshot.current().version == "b"


def test_the_version_in_hand_survives_an_outage_without_a_storm_of_reads() -> None:
    store, now = Store("a"), Now()
    snapshot = ConfigurationSnapshot(store, now)
    snapshot.current()
    store.broken = True
    now.seconds += FRESH_SECONDS + 1
    assert [snapshot.current().version for _ in range(4)] == ["a"] * 4
    assert store.looks == 2


def test_without_any_version_the_remedy_is_named() -> None:
    with pytest.raises(NoHealthyUpstream, match="sluice config publish"):
        ConfigurationSnapshot(Store(None), Now()).current()
