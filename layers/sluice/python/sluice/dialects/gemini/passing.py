"""What a request that stays in this dialect needs on its way through: the members that the inbound side added are
taken away again, and so is thinking of another vendor, which the gateway packed for the caller and this vendor would
refuse. This module imports no canonical chat type."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import REMOVED, JsonObject
from sluice.dialects.gemini.signatures import is_packed
from sluice.errors import UnsupportedParameter


def pass_edits(body: JsonObject, quirks: JsonObject) -> dict[str, object]:
    """Return the top-level members to set, from the path's members and the quirks `drop`, `refuse` and `defaults`.

    Raises:
        UnsupportedParameter: the provider rejects a member that may not be left out.
    """
    edits: dict[str, object] = {name: REMOVED for name in ("model", "stream") if name in body}
    contents = without_packed(body.get("contents"))
    if contents is not None:
        edits["contents"] = contents
    for name in names(quirks, "refuse"):
        if name in body:
            raise UnsupportedParameter(f"This model does not take {name}; leave it out.", param=name)
    for name in names(quirks, "drop"):
        if name in body:
            edits[name] = REMOVED
    defaults = quirks.get("defaults")
    if isinstance(defaults, Mapping):
        edits.update({str(name): value for name, value in defaults.items() if name not in body})
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


def names(quirks: JsonObject, quirk: str) -> list[str]:
    """Return the parameter names that a list quirk declares."""
    declared = quirks.get(quirk)
    return [str(name) for name in declared] if isinstance(declared, list | tuple) else []
