"""Reads token counts from bytes that pass through unchanged; imports no canonical chat type.

A block costs a search unless it may hold `message_start`, `message_delta` or `message_stop`; only those are parsed, and
the rest when an estimate is asked for.
"""

from __future__ import annotations

import json

from sluice.dialects import sse
from sluice.dialects.anthropic_messages import usage as counts
from sluice.dialects.base import EMPTY, JsonObject
from sluice.types.usage import Usage

KEEP_LIMIT = 4 * 1024 * 1024
"""Bytes of forwarded blocks that are remembered for an estimate."""
_TEXTS = ("text", "thinking", "partial_json")


class StreamMeter:
    """The meter of one stream."""

    __slots__ = ("_kept", "_known", "_seen", "_usage", "finished")

    def __init__(self, quirks: JsonObject = EMPTY) -> None:  # noqa: ARG002 - one signature
        self.finished = False
        self._known: dict[str, object] = {}
        self._usage: Usage | None = None
        self._kept: list[bytes] = []
        self._seen = 0

    @property
    def usage(self) -> Usage | None:
        """What was reported so far."""
        if self._usage is None and self._known:
            self._usage = counts.read(self._known)
        return self._usage

    def feed(self, block: bytes) -> None:
        """Take whole events."""
        if self._seen < KEEP_LIMIT:
            self._kept.append(block)
        self._seen += len(block)
        if b"message_" not in block:
            return
        for _, data in sse.events((block,)):
            if '"message_' in data:
                self._read(data)

    def estimate(self) -> Usage:
        """Return the reported input with output guessed from its text.

        Four ASCII letters or one and a half others are a token.
        """
        texts = [_text(data) for block in self._kept for _, data in sse.events((block,))]
        ascii_letters = sum(len(text.encode("ascii", "ignore")) for text in texts)
        tokens = ascii_letters / 4 + (sum(map(len, texts)) - ascii_letters) / 1.5
        kept = sum(map(len, self._kept))
        if kept < self._seen:
            tokens *= self._seen / kept
        known = self.usage or Usage()
        return known.merged(Usage(output=-int(-tokens // 1), estimated=True))

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


def _text(data: str) -> str:
    """Return what one event adds to the answer's text, thinking or tool arguments."""
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        return ""
    delta = event.get("delta") if isinstance(event, dict) else None
    if not isinstance(delta, dict):
        return ""
    return "".join(text for name in _TEXTS if isinstance(text := delta.get(name), str))


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:  # noqa: ARG001 - one signature
    """Return the usage of a whole answer, None when it reports none."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found = answer.get("usage") if isinstance(answer, dict) else None
    return counts.read(found if isinstance(found, dict) else None)
