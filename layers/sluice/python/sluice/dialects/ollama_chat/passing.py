"""What a request that stays in this dialect needs on its way through: nothing but the declared quirks, since usage
comes unasked. This module imports no canonical chat type."""

from __future__ import annotations

from sluice.dialects.base import JsonObject
from sluice.dialects.ollama_chat.names import SECTIONS
from sluice.dialects.policy import Changes, changes_of


def pass_edits(body: JsonObject, quirks: JsonObject) -> Changes:
    """Return the top-level members to set, with the declared policy.

    Raises:
        UnsupportedParameter: the provider rejects a member that may not be left out.
    """
    return changes_of(body, quirks, SECTIONS)
