"""What the dialects without streams (embeddings, rerank, moderations) share: errors in OpenAI's envelope, and the
stream functions of `sluice.dialects.base`, which have nothing to do here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects.lazy import STREAMLESS, borrowed, lazily
from sluice.errors import UnsupportedParameter

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__, {**borrowed("openai_chat", *STREAMLESS), "stream_filter": "sluice.dialects.base"})


class Leaving:
    """Collects the parameters that a target cannot be told: reported as dropped, or refused when `strict`."""

    def __init__(self, strict: bool) -> None:
        self._strict = strict
        self._names: list[str] = []

    def drop(self, name: str) -> None:
        """Leave one parameter out. Raises UnsupportedParameter when strict."""
        if self._strict:
            raise UnsupportedParameter(
                f"This model's provider cannot be told {name}; leave it out, or take a route that is not strict.",
                param=name,
            )
        self._names.append(name)

    def drop_if(self, wanted: bool, name: str) -> None:
        """Leave one parameter out where the caller sent it."""
        if wanted:
            self.drop(name)

    @property
    def edits(self) -> tuple[str, ...]:
        """What was dropped, as the caller is told."""
        return tuple(f"dropped:{name}" for name in self._names)
