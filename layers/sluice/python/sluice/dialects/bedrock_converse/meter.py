"""Reads token counts from the frames of a ConverseStream answer that passes through; imports no canonical chat type.

Usage stands in the `metadata` event behind the end, so only that frame's JSON is read while bytes pass; the text is
counted from the payloads, without the padding (`p`) that hides its length, when nobody reported anything.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace

from sluice.dialects import eventstream
from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.bedrock_converse import usage as counts
from sluice.types.usage import Usage

_PADDING = re.compile(rb'"p"\s*:\s*"[A-Za-z0-9]*"')
_AROUND = 55
"""Bytes of a delta around its text."""


class StreamMeter:
    """The meter of one stream."""

    __slots__ = ("_text_bytes", "_usage", "finished")

    def __init__(self, quirks: JsonObject = EMPTY) -> None:  # noqa: ARG002 - one signature
        self.finished = False
        self._usage: Usage | None = None
        self._text_bytes = 0

    @property
    def usage(self) -> Usage | None:
        """What was reported so far."""
        return self._usage

    def feed(self, block: bytes) -> None:
        """Take whole frames."""
        for frame in eventstream.frames(block):
            if frame.name == "contentBlockDelta":
                self._text_bytes += max(len(_PADDING.sub(b"", frame.payload)) - _AROUND, 0)
            elif frame.name == "messageStop":
                self.finished = True
            elif frame.name == "metadata":
                self._usage = _usage_of(frame.payload) or self._usage

    def estimate(self) -> Usage:
        """Return what was reported, with output guessed from the bytes that passed where none was, four a token."""
        known = self._usage or Usage()
        if known.output:
            return replace(known, estimated=True)
        return known.merged(Usage(output=self._text_bytes // 4, estimated=True))


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:  # noqa: ARG001 - one signature
    """Return the usage of a whole answer, None when it reports none."""
    return _usage_of(body)


def _usage_of(body: bytes) -> Usage | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return counts.read(found.get("usage"), found.get("serviceTier")) if isinstance(found, dict) else None
