"""Reads usage from a stream's bytes after they were forwarded, and from a whole answer; imports no canonical chat type.

Only the event that ends the stream is parsed, and the first ones when the id is asked for; a delta costs two searches.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from sluice.dialects import sse
from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.openai_responses import usage as counts
from sluice.dialects.openai_responses.names import RUNNING, TERMINAL
from sluice.types.usage import Usage

_FRAME = 200
"""Bytes of a delta event around its text: event line, type, ids, indexes, sequence number."""
ended = re.compile(rb'"response\.(?:completed|incomplete|failed|cancelled)"').search
"""Finds the type of an event that ends a stream in a block of events."""
_TEXT_BYTES = 4


class StreamMeter:
    """See `sluice.dialects.base.Meter`."""

    __slots__ = ("_id", "_quirks", "_start", "_text_bytes", "_usage", "finished")

    def __init__(self, quirks: JsonObject = EMPTY) -> None:
        self.finished = False
        self._quirks = quirks
        self._start = b""
        self._id = ""
        self._usage: Usage | None = None
        self._text_bytes = 0

    def feed(self, block: bytes) -> None:
        """Take whole events."""
        if self.finished:
            return
        if b'"response.' in block and ended(block) is not None:
            self._read_end(block)
        elif b"delta" in block:
            self._text_bytes += max(0, len(block) - _FRAME * block.count(b"data:"))
        if not self._start and b'"id"' in block:
            self._start = block

    @property
    def usage(self) -> Usage | None:
        """The usage of the event that ended the stream."""
        return self._usage

    def _read_end(self, block: bytes) -> None:
        for event in events_of(block):
            if event.get("type") in TERMINAL:
                answer = event.get("response")
                self._usage = counts.read(answer, self._quirks) if isinstance(answer, Mapping) else None
                self.finished = True
                return

    @property
    def response_id(self) -> str:
        """The provider's id of the answer."""
        if not self._id and self._start:
            for event in events_of(self._start):
                answer = event.get("response")
                found = answer.get("id") if isinstance(answer, Mapping) else None
                if isinstance(found, str) and found:
                    self._id = found
                    break
        return self._id

    def estimate(self) -> Usage:
        """Return a guess of the output from the bytes that passed, four of them a token."""
        return Usage(output=-(-self._text_bytes // _TEXT_BYTES), estimated=True)


def events_of(block: bytes) -> Iterator[Mapping[str, object]]:
    """Yield the JSON objects in a block of whole events; whatever else there is, is left out."""
    for name, data in sse.events((block,)):
        if data.lstrip()[:1] != "{":
            continue
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict):
            yield event if "type" in event or not name else {"type": name, **event}


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:
    """Return the usage of a whole 200 answer, or None."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, Mapping):
        return None
    if answer.get("status") in RUNNING:
        return Usage()  # a background answer: whoever reads its end is charged
    return counts.read(answer, quirks)
