"""Looks into the events of a chat stream while their bytes pass by."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from sluice.dialects.sse import events

# A literal start makes these searches as fast as `in`; quotes inside the model's text are escaped, so never match.
_USAGE = re.compile(rb'"usage"[ \t]*:[ \t]*\{').search
_FINISH = re.compile(rb'"finish_reason"[ \t]*:[ \t]*"[^"]').search


def chunks_of(block: bytes, holding: str = "") -> Iterator[dict[str, object]]:
    """Yield the JSON objects in a block of whole events, those whose text holds `holding`; all else is left out."""
    for _, data in events((block,)):
        if holding not in data or data.lstrip()[:1] != "{":
            continue
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError):
            continue
        if isinstance(chunk, dict):
            yield chunk


def reports_usage(block: bytes) -> bool:
    """Return whether a member `usage` is an object somewhere in the block; reads no JSON."""
    return _USAGE(block) is not None


def reports_finish(block: bytes) -> bool:
    """Return whether the block holds a finish reason or is the stream's last; reads no JSON."""
    return _FINISH(block) is not None or b"[DONE]" in block[-24:]
