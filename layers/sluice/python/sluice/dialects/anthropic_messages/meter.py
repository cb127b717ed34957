"""Reads token counts from bytes that pass through unchanged; imports no canonical chat type.

A block costs two searches unless it may hold `message_start`, `message_delta` or `message_stop`; only those are parsed.
"""

from __future__ import annotations

import json

from sluice.dialects import sse
from sluice.dialects.anthropic_messages import usage as counts
from sluice.types.usage import Usage

_FRAME = 110
"""Bytes of an event around its text: event line, type, index, delta type."""
_LINES = 35
"""Bytes of that around the event's data."""


class StreamMeter:
    """The meter of one stream."""

    __slots__ = ("_known", "_text_bytes", "_usage", "finished")

    def __init__(self) -> None:
        self.finished = False
        self._known: dict[str, object] = {}
        self._usage: Usage | None = None
        self._text_bytes = 0

    @property
    def usage(self) -> Usage | None:
        """What was reported so far."""
        if self._usage is None and self._known:
            self._usage = counts.read(self._known)
        return self._usage

    def feed(self, block: bytes) -> None:
        """Take whole events."""
        if b"message_" not in block:
            self._text_bytes += len(block) - _FRAME * block.count(b"data:")
            return
        for _, data in sse.events((block,)):
            if '"message_' in data:
                self._read(data)
            else:
                self._text_bytes += max(len(data) - _FRAME + _LINES, 0)

    def estimate(self) -> Usage:
        """Return the reported input with output guessed from the bytes that passed, four of them a token."""
        known = self.usage or Usage()
        return known.merged(Usage(output=max(self._text_bytes, 0) // 4, estimated=True))

    def _read(self, data: str) -> None:
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            return
        if not isinstance(event, dict):
            return
        message = event.get("message")
        match event.get("type"):
            case "message_start" if isinstance(message, dict):
                self._lay(message.get("usage"))
            case "message_delta":
                delta = event.get("delta")
                self.finished = self.finished or (isinstance(delta, dict) and delta.get("stop_reason") is not None)
                self._lay(event.get("usage"))
            case "message_stop":
                self.finished = True

    def _lay(self, report: object) -> None:
        counts.overlay(self._known, report)
        self._usage = None


def read_usage(body: bytes) -> Usage | None:
    """Return the usage of a whole answer, None when it reports none."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found = answer.get("usage") if isinstance(answer, dict) else None
    return counts.read(found if isinstance(found, dict) else None)
