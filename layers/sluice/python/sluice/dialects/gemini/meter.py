"""Reads token counts from bytes that pass through unchanged; imports no canonical chat type.

Every chunk reports usage anew, so a block is kept, not parsed, until usage is asked for. A stream in the array framing
has no events; its bytes are cut into objects as they come.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.gemini import usage as counts
from sluice.dialects.gemini.casing import camel
from sluice.dialects.gemini.chunks import Objects, objects
from sluice.types.usage import Usage

_FINISH = re.compile(rb'"(?:finishReason|finish_reason|blockReason|block_reason)"\s*:\s*"?[A-Z1-9]')
_COUNTS = re.compile(rb'"\w*(?:TokenCount|_token_count)"')
_SEARCHES = re.compile(rb'"(?:webSearchQueries|web_search_queries)"')
_FRAME = 400
"""Bytes of a chunk around its text: usage, model, id."""


class StreamMeter:
    """The meter of one stream."""

    __slots__ = ("_array", "_last", "_searches", "_text_bytes", "_usage", "finished", "response_id")

    def __init__(self, quirks: JsonObject = EMPTY) -> None:  # noqa: ARG002 - one signature
        self.finished = False
        self.response_id = ""
        self._last = b""
        self._usage: Usage | None = None
        self._array: Objects | None = None
        self._text_bytes = 0
        self._searches = 0

    @property
    def usage(self) -> Usage | None:
        """What was reported so far."""
        self._catch_up()
        return counts.with_searches(self._usage, self._searches)

    def feed(self, block: bytes) -> None:
        """Take whole events, or any bytes of an array."""
        if self._array is not None or block.lstrip()[:1] in (b"[", b"{"):
            self._array = self._array or Objects()
            for found in self._array.feed(block):
                self._read(found)
        elif not self.response_id or _SEARCHES.search(block):
            self._catch_up()
            for found in objects((block,)):
                self._read(found)
        elif _COUNTS.search(block):
            self._last = block
        self._text_bytes += max(len(block) - _FRAME, 0)
        self.finished = self.finished or _FINISH.search(block) is not None

    def estimate(self) -> Usage:
        """Return what was reported, with output guessed from the bytes that passed where none was, four a token."""
        known = self.usage or Usage()
        if known.output:
            return replace(known, estimated=True)  # each chunk counts what came so far
        return known.merged(Usage(output=self._text_bytes // 4, estimated=True))

    def _catch_up(self) -> None:
        """Parse the block that was kept."""
        last, self._last = self._last, b""
        for found in objects((last,)) if last else ():
            self._read(found)

    def _read(self, chunk: dict[str, object]) -> None:
        found = camel(chunk)
        self.response_id = self.response_id or str(found.get("responseId") or "")
        self._usage = counts.read(found.get("usageMetadata")) or self._usage
        self._searches = max(self._searches, counts.searches(found))


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:  # noqa: ARG001 - one signature
    """Return the usage of a whole answer, None when it reports none."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(answer, list):  # a stream that was passed on whole
        meter = StreamMeter()
        meter.feed(body)
        return meter.usage
    return counts.of(camel(answer))
