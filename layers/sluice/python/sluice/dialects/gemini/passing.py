"""What a request that stays in this dialect needs on its way through: the members that the inbound side added are
taken away again, and so is thinking of another vendor, which the gateway packed for the caller and this vendor would
refuse. This module imports no canonical chat type."""

from __future__ import annotations

from sluice.dialects.base import REMOVED, JsonObject
from sluice.dialects.gemini.names import SECTIONS
from sluice.dialects.gemini.signatures import is_packed
from sluice.dialects.policy import Changes, changes_of


def pass_edits(body: JsonObject, quirks: JsonObject) -> Changes:
    """Return the top-level members to set: the path's members go, and the declared policy holds.

    Raises:
        UnsupportedParameter: the provider rejects a member that may not be left out.
    """
    edits = changes_of(body, quirks, SECTIONS)
    for name in ("model", "stream"):
        if name in body:
            edits[name] = REMOVED
            edits.silence(name)
    contents = without_packed(body.get("contents"))
    if contents is not None:
        edits["contents"] = contents
        edits.say("dropped:thoughts", "contents")
    return edits


def without_packed(contents: object) -> list[object] | None:
    """Return the turns without packed thinking; None when there is none."""
    if not isinstance(contents, list) or not any(_holds_packed(content) for content in contents):
        return None
    kept: list[object] = []
    for content in contents:
        if not _holds_packed(content):
            kept.append(content)
        elif parts := [part for part in content["parts"] if not _is_packed(part)]:
            kept.append({**content, "parts": parts})
    return kept


def _holds_packed(content: object) -> bool:
    parts = content.get("parts") if isinstance(content, dict) else None
    return isinstance(parts, list) and any(_is_packed(part) for part in parts)


def _is_packed(part: object) -> bool:
    return isinstance(part, dict) and is_packed(part.get("thoughtSignature", part.get("thought_signature")))
