"""What a request or stream that stays in this dialect needs on its way through: usage asked for, and quirks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sluice.dialects.base import JsonObject
from sluice.dialects.openai_chat.adapt import adapt_members
from sluice.dialects.openai_chat.passing import without_usage_chunk
from sluice.dialects.policy import Changes


def pass_edits(body: JsonObject, quirks: JsonObject) -> Changes:
    """Return the top-level members to set; see `ChatDialect.pass_edits`.

    Raises:
        UnsupportedParameter: the provider's quirks say that it rejects a member that may not be left out.
    """
    edits = adapt_members(body, own_quirks(quirks)) if quirks else Changes()
    if body.get("stream") is True and quirks.get("stream_options") is not False:
        options = body.get("stream_options")
        if not isinstance(options, Mapping):
            edits["stream_options"] = {"include_usage": True}
        elif options.get("include_usage") is not True:
            edits["stream_options"] = {**options, "include_usage": True}
    return edits


def own_quirks(quirks: JsonObject) -> JsonObject:
    """Return the quirks that hold here: the bound on output is called max_tokens whatever the chat endpoint says."""
    if "max_tokens_field" not in quirks:
        return quirks
    return {name: value for name, value in quirks.items() if name != "max_tokens_field"}


def stream_filter(body: JsonObject) -> Callable[[bytes], bytes] | None:
    """Return a function that takes away the usage chunk the caller did not ask for, or None when it did."""
    options = body.get("stream_options")
    if isinstance(options, Mapping) and options.get("include_usage") is True:
        return None
    return without_usage_chunk
