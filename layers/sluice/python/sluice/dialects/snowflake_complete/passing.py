"""What a request that stays in this dialect needs on its way through: quirks, if any; usage comes unasked."""

from __future__ import annotations

from collections.abc import Callable

from sluice.dialects.base import JsonObject
from sluice.dialects.policy import Changes, changes_of


def pass_edits(body: JsonObject, quirks: JsonObject) -> Changes:
    """Return the top-level members to set; see `ChatDialect.pass_edits`."""
    return changes_of(body, quirks)


def stream_filter(body: JsonObject) -> Callable[[bytes], bytes] | None:  # noqa: ARG001 - one signature
    """Return None: everything passes."""
    return None
