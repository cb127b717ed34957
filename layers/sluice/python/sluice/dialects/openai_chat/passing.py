"""What a request or stream that stays in this dialect needs on its way through: nearly nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from sluice.dialects.base import REMOVED, JsonObject
from sluice.dialects.openai_chat.adapt import adapt_members, adapt_messages, adapt_tools
from sluice.dialects.openai_chat.asking import ASKING, ask_anew
from sluice.dialects.openai_chat.chunks import reports_usage
from sluice.dialects.policy import Changes

_ASKED = frozenset(ASKING)


def pass_edits(body: JsonObject, quirks: JsonObject) -> Changes:
    """Return the top-level members to set; see `ChatDialect.pass_edits`.

    Raises:
        UnsupportedParameter: the provider's quirks say that it rejects a member that may not be left out.
    """
    edits = adapt_members(body, quirks) if quirks else Changes()
    if body.get("stream") is True and quirks.get("stream_options") is not False:
        options = body.get("stream_options")
        if not isinstance(options, Mapping):
            edits["stream_options"] = {"include_usage": True}
        elif options.get("include_usage") is not True:
            edits["stream_options"] = {**options, "include_usage": True}
    if quirks:
        for name, changed in (
            ("messages", adapt_messages(body.get("messages"), quirks)),
            ("tools", adapt_tools(body.get("tools"), quirks)),
        ):
            if changed is not None and edits.get(name) is not REMOVED:
                edits[name] = changed
        if not _ASKED.isdisjoint(body):
            ask_anew(body, quirks, edits)
    return edits


def stream_filter(body: JsonObject) -> Callable[[bytes], bytes] | None:
    """Return a function that takes away the usage chunk the caller did not ask for, or None when it did."""
    options, own = body.get("stream_options"), body.get("usage")
    if isinstance(options, Mapping) and options.get("include_usage") is True:
        return None
    if isinstance(own, Mapping) and own.get("include") is True:  # OpenRouter's own way to ask
        return None
    return without_usage_chunk


def without_usage_chunk(block: bytes) -> bytes:
    """Return the block without events that hold nothing but usage; all other bytes stay as they are."""
    if not reports_usage(block):
        return block
    if b'"choices"' in block and b"[]" not in block and b"[ ]" not in block:
        return block
    kept: list[bytes] = []
    event: list[bytes] = []
    for line in block.splitlines(keepends=True):
        event.append(line)
        if not line.strip(b"\r\n"):
            kept.extend(_without_usage(event))
            event = []
    kept.extend(_without_usage(event))
    return b"".join(kept)


def _without_usage(event: list[bytes]) -> list[bytes]:
    data = b"".join(line[5:] for line in event if line.startswith(b"data:"))
    if b'"usage"' not in data:
        return event
    try:
        chunk = json.loads(data)
    except (ValueError, RecursionError):
        return event
    if not isinstance(chunk, dict) or chunk.get("choices") or chunk.get("error"):
        return event
    if not isinstance(chunk.get("usage"), dict):
        return event
    return [line for line in event if line.startswith(b":")]
