"""Names of members: the dialect writes camelCase, but snake_case is understood wherever the vendor's parser takes it.

Only members of the dialect's own objects are renamed, never what a caller put into arguments, results or schemas.
This module imports no canonical chat type.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache


def camel(found: object) -> dict[str, object]:
    """Return an object's members under their camelCase names, nulls left out; {} for anything else."""
    if not isinstance(found, Mapping):
        return {}
    return {_name(name) if "_" in name else name: value for name, value in found.items() if value is not None}


@lru_cache(maxsize=512)
def _name(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)


def word(value: object) -> str:
    """Return an enum's word in upper case; "" for anything else."""
    return value.upper() if isinstance(value, str) else ""
