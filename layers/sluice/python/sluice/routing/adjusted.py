"""Reads discounts, margins and surcharges of a published configuration.

Imported with the first document that has some; what people write is checked by `sluice.control.price_schema`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.types.adjustments import Adjustment

KINDS = ("discount", "margin", "surcharge", "batch")
_TEXTS = ("team", "provider", "model", "region", "service_tier", "starts", "ends")


def adjustment(raw: Mapping[str, Any], name: str) -> Adjustment:
    """Return one adjustment. Raises ValueError or KeyError, which name the member at fault."""
    kind, points = raw["kind"], raw["basis_points"]
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}")
    if not isinstance(points, int) or isinstance(points, bool):
        raise ValueError("basis_points must be a whole number")
    texts = {member: raw.get(member) or "" for member in _TEXTS}
    for member, text in texts.items():
        if not isinstance(text, str):
            raise ValueError(f"{member} must be text")
    return Adjustment(name, kind, points, **texts)
