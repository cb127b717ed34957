"""Reads usage from a stream's bytes after they were forwarded, and from a whole answer."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.openai_chat.chunks import chunks_of
from sluice.dialects.openai_chat.meter import Meter as ChatMeter
from sluice.dialects.openai_chat.usage import newer
from sluice.dialects.snowflake_complete import usage as counts
from sluice.types.usage import Usage


class Meter(ChatMeter):
    """See `sluice.dialects.base.Meter`. The last chunk counts tokens; a finish reason it may lack."""

    __slots__ = ()

    def feed(self, block: bytes) -> None:
        """Take whole events."""
        super().feed(block)
        if b'"total_tokens"' in block:
            self.finished = True

    @property
    def usage(self) -> Usage | None:
        """The last usage that counted anything."""
        for block in self._reports:
            for chunk in chunks_of(block, holding='"usage"'):
                self._known = newer(self._known, counts.read(chunk, self._quirks))
        self._reports = ()
        return self._known


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:
    """Return the usage of a whole 200 answer, or None."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return counts.read(answer, quirks) if isinstance(answer, Mapping) else None
