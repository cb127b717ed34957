"""Which counters there are is listed once by each environment."""

from __future__ import annotations

import pytest

from sluice.governance.listings import KEPT_SECONDS, REMEMBERED, Listings


class Shelf:
    def __init__(self) -> None:
        self.added: list[tuple[str, int]] = []
        self.broken = False

    def add(self, name: str, keep_until: int) -> None:
        if self.broken:
            raise ConnectionError
        self.added.append((name, keep_until))


def test_a_counter_is_listed_once() -> None:
    shelf = Shelf()
    listings = Listings(shelf.add, lambda: 1000.5)
    names = ["budget#b#x#2026-11", "limit#l#x#concurrent", "budget#b#y#2026-11"]
    for _ in range(3):
        listings.note(names)
    assert shelf.added == [(name, 1000 + KEPT_SECONDS) for name in names]


def test_what_could_not_be_listed_is_listed_next_time() -> None:
    shelf = Shelf()
    listings = Listings(shelf.add, lambda: 0.0)
    shelf.broken = True
    with pytest.raises(ConnectionError):
        listings.note(["budget#b#x#2026-11"])
    shelf.broken = False
    listings.note(["budget#b#x#2026-11"])
    assert len(shelf.added) == 1


def test_what_is_remembered_does_not_grow_for_ever() -> None:
    shelf = Shelf()
    listings = Listings(shelf.add, lambda: 0.0)
    listings.note(f"budget#b#u{number}#2026-11" for number in range(REMEMBERED + 5))
    assert len(shelf.added) == REMEMBERED + 5
    assert len(listings._listed) == 5
