"""What a request that stays in this dialect needs on its way through: nothing but the declared quirks, since usage
comes unasked. This module imports no canonical chat type."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import REMOVED, JsonObject
from sluice.errors import UnsupportedParameter


def pass_edits(body: JsonObject, quirks: JsonObject) -> dict[str, object]:
    """Return the top-level members to set, from the quirks `drop`, `refuse` and `defaults`.

    Raises:
        UnsupportedParameter: the provider rejects a member that may not be left out.
    """
    for name in names(quirks, "refuse"):
        if body.get(name) is not None:
            raise UnsupportedParameter(f"This model does not take {name}; leave it out.", param=name)
    edits: dict[str, object] = {name: REMOVED for name in names(quirks, "drop") if name in body}
    defaults = quirks.get("defaults")
    if isinstance(defaults, Mapping):
        edits.update({str(name): value for name, value in defaults.items() if name not in body})
    return edits


def names(quirks: JsonObject, quirk: str) -> list[str]:
    """Return the parameter names that a list quirk declares."""
    declared = quirks.get(quirk)
    return [str(name) for name in declared] if isinstance(declared, list | tuple) else []
