"""What a request that stays in this dialect needs on its way through: nothing, but for declared quirks and for
reasoning of another vendor, which the gateway sealed for the caller and this vendor would refuse."""

from __future__ import annotations

from sluice.dialects.base import REMOVED, JsonObject
from sluice.dialects.openai_responses.names import SEAL
from sluice.dialects.policy import Changes, changes_of


def pass_edits(body: JsonObject, quirks: JsonObject) -> Changes:
    """Return the top-level members to set, with the declared policy and the quirk `stores_responses`.

    Raises:
        UnsupportedParameter: the provider rejects a member that may not be left out.
    """
    edits = changes_of(body, quirks)
    items = without_sealed(body.get("input"))
    if items is not None:
        edits["input"] = items
        edits.say("dropped:reasoning", "input")
    if quirks.get("stores_responses") is False and body.get("store") is not None:
        edits["store"] = REMOVED  # some refuse to be asked (OpenRouter documentation, Responses API, 2026-11)
        edits.silence("store")  # the gateway keeps the answer itself
    return edits


def without_sealed(items: object) -> list[object] | None:
    """Return the input without sealed reasoning items; None when there is none."""
    if not isinstance(items, list) or not any(map(is_sealed, items)):
        return None
    return [item for item in items if not is_sealed(item)]


def is_sealed(item: object) -> bool:
    """Return whether an input item is reasoning that the gateway sealed."""
    if not isinstance(item, dict) or item.get("type") != "reasoning":
        return False
    secret = item.get("encrypted_content")
    return isinstance(secret, str) and secret.startswith(SEAL)
