"""What a request that stays in this dialect needs on its way through: nothing, but for declared quirks and for
reasoning of another vendor, which the gateway sealed for the caller and this vendor would refuse."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import REMOVED, JsonObject
from sluice.dialects.openai_responses.names import SEAL
from sluice.errors import UnsupportedParameter


def pass_edits(body: JsonObject, quirks: JsonObject) -> dict[str, object]:
    """Return the top-level members to set, from the quirks `drop`, `refuse`, `rename`, `defaults` and
    `stores_responses`.

    Raises:
        UnsupportedParameter: the provider rejects a member that may not be left out.
    """
    edits: dict[str, object] = {}
    items = without_sealed(body.get("input"))
    if items is not None:
        edits["input"] = items
    if not quirks:
        return edits
    if quirks.get("stores_responses") is False and body.get("store") is not None:
        edits["store"] = REMOVED  # some refuse to be asked (OpenRouter documentation, Responses API, 2026-11)
    for name in names(quirks, "refuse"):
        if body.get(name) is not None:
            raise UnsupportedParameter(f"This model does not take {name}; leave it out.", param=name)
    for name in names(quirks, "drop"):
        if name in body:
            edits[name] = REMOVED
    renames, defaults = quirks.get("rename"), quirks.get("defaults")
    for old, new in renames.items() if isinstance(renames, Mapping) else ():
        if old in body:
            edits[old] = REMOVED
            edits.setdefault(str(new), body[old])
    for name, value in defaults.items() if isinstance(defaults, Mapping) else ():
        if body.get(name) is None:
            edits[str(name)] = value
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


def names(quirks: JsonObject, quirk: str) -> list[str]:
    """Return the parameter names that a list quirk declares."""
    declared = quirks.get(quirk)
    return [str(name) for name in declared] if isinstance(declared, list | tuple) else []
