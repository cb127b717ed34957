"""Reads usage from a stream's bytes after they were forwarded; only the estimate differs from a chat stream's."""

from __future__ import annotations

from sluice.dialects.openai_chat.chunks import chunks_of
from sluice.dialects.openai_chat.meter import Meter as ChatMeter
from sluice.types.usage import Usage


class Meter(ChatMeter):
    """See `sluice.dialects.base.Meter`."""

    __slots__ = ()

    def estimate(self) -> Usage:
        """Return a guess of the output from its text: four ASCII letters or one and a half others are a token."""
        tokens = 0.0
        for block in self._kept:
            for chunk in chunks_of(block):
                choices = chunk.get("choices")
                for choice in choices if isinstance(choices, list) else ():
                    text = choice.get("text") if isinstance(choice, dict) else None
                    if isinstance(text, str):
                        plain = len(text.encode("ascii", "ignore"))
                        tokens += plain / 4 + (len(text) - plain) / 1.5
        kept = sum(map(len, self._kept))
        if kept < self._seen:
            tokens *= self._seen / kept
        return Usage(output=-int(-tokens // 1), estimated=True)
