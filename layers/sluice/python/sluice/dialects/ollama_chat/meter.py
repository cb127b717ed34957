"""Reads token counts from bytes that pass through unchanged; imports no canonical chat type.

Only a stream's last line, the one that is done, reports usage, so nothing else is parsed.
"""

from __future__ import annotations

import json
import re

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.ndjson import objects
from sluice.dialects.ollama_chat import usage as counts
from sluice.types.usage import Usage

_DONE = re.compile(rb'"done"\s*:\s*true')


class StreamMeter:
    """The meter of one stream."""

    __slots__ = ("_lines", "finished", "usage")

    def __init__(self, quirks: JsonObject = EMPTY) -> None:  # noqa: ARG002 - one signature
        self.finished = False
        self.usage: Usage | None = None
        self._lines = 0

    def feed(self, block: bytes) -> None:
        """Take whole lines."""
        self._lines += block.count(b"\n")
        if _DONE.search(block):
            for found in objects((block,)):
                if found.get("done") is True:
                    self.finished = True
                    self.usage = counts.read(found) or self.usage

    def estimate(self) -> Usage:
        """Return what was reported, or else a token for each line that passed."""
        guess = Usage(output=self._lines, estimated=True)
        return guess if self.usage is None else self.usage.merged(guess)


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:  # noqa: ARG001 - one signature
    """Return the usage of a whole answer, None when it reports none."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return counts.read(answer) if isinstance(answer, dict) else None
