"""Reads usage from a stream's bytes after they were forwarded, and from a whole answer.

A block costs a few substring searches; JSON is read when `usage` or `estimate` is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.openai_chat import usage as counts
from sluice.dialects.openai_chat.chunks import chunks_of, reports_finish, reports_usage
from sluice.types.usage import Usage

KEEP_LIMIT = 4 * 1024 * 1024
"""Bytes of forwarded blocks that are remembered for an estimate."""


class Meter:
    """See `sluice.dialects.base.Meter`."""

    __slots__ = ("_kept", "_known", "_quirks", "_reports", "_seen", "finished")

    def __init__(self, quirks: JsonObject = EMPTY) -> None:
        self.finished = False
        self._quirks = quirks
        self._kept: list[bytes] = []
        self._seen = 0
        self._reports: tuple[bytes, ...] = ()
        self._known: Usage | None = None

    def feed(self, block: bytes) -> None:
        """Take whole events."""
        if self._seen < KEEP_LIMIT:
            self._kept.append(block)
        self._seen += len(block)
        if reports_usage(block):
            self._reports = (*self._reports[-1:], block)
        if not self.finished and reports_finish(block):
            self.finished = True

    @property
    def usage(self) -> Usage | None:
        """The last usage that counted anything."""
        if self._reports:
            for block in self._reports:
                for chunk in chunks_of(block, holding='"usage"'):
                    self._known = counts.newer(self._known, counts.read(chunk, self._quirks))
            self._reports = ()
        return self._known

    def estimate(self) -> Usage:
        """Return a guess of the output from its text: four ASCII letters or one and a half others are a token."""
        ascii_letters = others = 0
        for block in self._kept:
            for chunk in chunks_of(block):
                text = _text(chunk)
                plain = len(text.encode("ascii", "ignore"))
                ascii_letters += plain
                others += len(text) - plain
        tokens = ascii_letters / 4 + others / 1.5
        kept = sum(map(len, self._kept))
        if kept < self._seen:
            tokens *= self._seen / kept
        return Usage(output=-int(-tokens // 1), estimated=True)


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:
    """Return the usage of a whole 200 answer, or None."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return counts.read(answer, quirks) if isinstance(answer, Mapping) else None


def _text(chunk: Mapping[str, object]) -> str:
    """Return all text of a chunk's deltas that the model wrote."""
    choices = chunk.get("choices")
    found: list[str] = []
    for choice in choices if isinstance(choices, list) else ():
        delta = choice.get("delta") if isinstance(choice, Mapping) else None
        if isinstance(delta, Mapping):
            reasoning = delta.get("reasoning_content") or delta.get("reasoning") or delta.get("reasoning_details")
            _collect((delta.get("content"), reasoning, delta.get("refusal"), delta.get("tool_calls")), found)
    return "".join(found)


def _collect(value: object, found: list[str]) -> None:
    if isinstance(value, str):
        found.append(value)
    elif isinstance(value, list | tuple):
        for item in value:
            _collect(item, found)
    elif isinstance(value, Mapping):
        for name in ("text", "summary", "thinking", "name", "arguments", "input", "function", "custom"):
            _collect(value.get(name), found)
