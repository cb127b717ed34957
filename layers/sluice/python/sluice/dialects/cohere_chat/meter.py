"""Reads token counts from bytes that pass through unchanged; imports no canonical chat type.

Only a stream's last event, `message-end`, reports usage, so nothing else is parsed.
"""

from __future__ import annotations

import json

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.cohere_chat import usage as counts
from sluice.dialects.sse import events
from sluice.types.usage import Usage

_END = b'"message-end"'
_DELTA = b'-delta"'
"""Stands once in each delta, and each delta holds one token."""


class StreamMeter:
    """The meter of one stream."""

    __slots__ = ("_deltas", "finished", "usage")

    def __init__(self, quirks: JsonObject = EMPTY) -> None:  # noqa: ARG002 - one signature
        self.finished = False
        self.usage: Usage | None = None
        self._deltas = 0

    def feed(self, block: bytes) -> None:
        """Take whole events."""
        self._deltas += block.count(_DELTA)
        if _END in block:
            self.finished = True
            for _, data in events((block,)):
                if _END.decode() in data:
                    self.usage = _used(data) or self.usage

    def estimate(self) -> Usage:
        """Return what was reported, or else a token for each delta that passed."""
        guess = Usage(output=self._deltas, estimated=True)
        return guess if self.usage is None else self.usage.merged(guess)


def _used(data: str) -> Usage | None:
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        return None
    delta = event.get("delta") if isinstance(event, dict) else None
    return counts.read(delta.get("usage")) if isinstance(delta, dict) else None


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:  # noqa: ARG001 - one signature
    """Return the usage of a whole answer, None when it reports none."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return counts.read(answer.get("usage")) if isinstance(answer, dict) else None
