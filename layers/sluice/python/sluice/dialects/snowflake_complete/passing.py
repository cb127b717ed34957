"""What a request that stays in this dialect needs on its way through: quirks, if any; usage comes unasked."""

from __future__ import annotations

from collections.abc import Callable

from sluice.dialects.base import JsonObject
from sluice.dialects.openai_chat.adapt import adapt_members

_OWN = frozenset({"drop", "refuse", "defaults"})


def pass_edits(body: JsonObject, quirks: JsonObject) -> dict[str, object]:
    """Return the top-level members to set; see `ChatDialect.pass_edits`."""
    return adapt_members(body, own_quirks(quirks))[0] if quirks else {}


def own_quirks(quirks: JsonObject) -> JsonObject:
    """Return the quirks that hold here; the names of a chat endpoint's parameters do not."""
    return {name: value for name, value in quirks.items() if name in _OWN}


def stream_filter(body: JsonObject) -> Callable[[bytes], bytes] | None:  # noqa: ARG001 - one signature
    """Return None: everything passes."""
    return None
