"""Counts the calls that are made to a store, so that a request knows how many it waited for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class CountedCalls:
    """Stands in front of stores; `count` is how many calls all of them took."""

    def __init__(self) -> None:
        self.count = 0

    def counting(self, store: object) -> Any:
        """Return a store that does what `store` does, and is counted."""
        return _Counted(store, self)


class _Counted:
    def __init__(self, store: object, calls: CountedCalls) -> None:
        self._store = store
        self._calls = calls

    def __getattr__(self, name: str) -> object:
        act = getattr(self._store, name)
        if not callable(act):
            return act
        counted = self._counted(act)
        setattr(self, name, counted)
        return counted

    def _counted(self, act: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            self._calls.count += 1
            return act(*args, **options)

        return call
