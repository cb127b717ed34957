"""Reads token counts from the frames of an InvokeModel stream that passes through.

Each frame holds one chunk of the family's own stream in base64. The last one carries Bedrock's metrics; Anthropic's
first and last but one say more about the cache, so chunks that speak of tokens are read as they come.
"""

from __future__ import annotations

import json
import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from dataclasses import replace

from sluice.dialects import eventstream
from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.bedrock_invoke import counts
from sluice.types.usage import Usage

_TELLS = re.compile(rb'"usage"|[tT]oken_?[cC]ount"|invocationMetrics')
_ENDS = re.compile(
    rb'"(?:stop_reason|stopReason|finish_reason|completionReason)"\s*:\s*"|"is_finished"\s*:\s*true|invocationMetrics|guardrailAction'
)
_AROUND = 60
"""Bytes of a chunk around its text."""


class StreamMeter:
    """The meter of one stream."""

    __slots__ = ("_body", "_text_bytes", "_told", "finished")

    def __init__(self, quirks: JsonObject = EMPTY) -> None:  # noqa: ARG002 - one signature
        self.finished = False
        self._body: Usage | None = None
        self._told: Usage | None = None
        self._text_bytes = 0

    @property
    def usage(self) -> Usage | None:
        """What was reported so far; a bare count of one chunk is no report until the end."""
        return counts.joined(self._body, self._told)

    def feed(self, block: bytes) -> None:
        """Take whole frames."""
        for frame in eventstream.frames(block):
            chunk = chunk_of(frame)
            self._text_bytes += max(len(chunk) - _AROUND, 0)
            self.finished = self.finished or _ENDS.search(chunk) is not None
            if _TELLS.search(chunk):
                self._read(chunk)

    def estimate(self) -> Usage:
        """Return what was reported, with output guessed from the bytes that passed where that is more."""
        known = self.usage or Usage()
        if known.output and self.finished:
            return replace(known, estimated=True)
        return known.merged(Usage(output=self._text_bytes // 4, estimated=True))

    def _read(self, chunk: bytes) -> None:
        try:
            found = json.loads(chunk)
        except (ValueError, RecursionError):
            return
        if not isinstance(found, dict):
            return
        metrics, metadata = found.get(counts.METRICS), found.get("metadata")
        if isinstance(metrics, dict):
            self._told = counts.of_metrics(metrics)
        body = counts.of_body(metadata if isinstance(metadata, dict) else found)
        if body is not None:
            self._body = body if self._body is None else self._body.merged(body)


def chunk_of(frame: eventstream.Frame) -> bytes:
    """Return the chunk that a frame holds, b"" for any other frame."""
    if frame.name != "chunk":
        return b""
    try:
        found = json.loads(frame.payload)
        return a2b_base64(found["bytes"])
    except (ValueError, LookupError, TypeError, Base64Error, RecursionError):
        return b""
