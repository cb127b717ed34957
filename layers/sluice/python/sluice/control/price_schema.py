"""What people may write about prices beside the models' own: adjustments, and what a host's unit costs.

    "adjustments": {"contract": {"kind": "discount", "percent": "15", "provider": "openai"},
                    "showback": {"kind": "margin", "percent": "2.5", "team": "search"}},
    "units": {"snowflake_credit": "2.00"}

Percentages are text or whole numbers, and positive: the kind says whether they are taken off or put on. What is
published has basis points instead, below 0 for what is taken off.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from sluice.control.budget_schema import Money
from sluice.control.catalogue_schema import Date
from sluice.types.adjustments import AdjustmentKind

UnitName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
UnitCost = Annotated[Money, Field(gt=0)]
_PERCENT = re.compile(r"(\d{1,4})(?:\.(\d{1,2}))?\s*%?")
_OFF = ("discount", "batch")
MOST = 100_000
"""Ten times the list price on top."""


class AdjustmentModel(BaseModel):
    """A discount, margin or surcharge; `sluice.types.adjustments.Adjustment` says what the members mean."""

    model_config = ConfigDict(extra="forbid")

    kind: AdjustmentKind
    basis_points: int = Field(ge=-10_000, le=MOST)
    team: str = Field(default="", max_length=256)
    provider: str = Field(default="", max_length=64)
    model: str = Field(default="", max_length=256)
    region: str = Field(default="", max_length=64)
    service_tier: str = Field(default="", max_length=64)
    starts: Date | Literal[""] = ""
    ends: Date | Literal[""] = ""

    @model_validator(mode="before")
    @classmethod
    def _from_percent(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "percent" not in given:
            return given
        if "basis_points" in given:
            raise ValueError("state percent or basis_points, not both")
        rest = {name: value for name, value in given.items() if name != "percent"}
        points = basis_points(given["percent"])
        return {**rest, "basis_points": -points if rest.get("kind") in _OFF else points}

    @model_validator(mode="after")
    def _signed(self) -> AdjustmentModel:
        if self.kind in _OFF and self.basis_points > 0:
            raise ValueError(f"a {self.kind} has basis_points from -10000 (all of it) to 0; write a margin to add some")
        if self.kind not in _OFF and self.basis_points < 0:
            raise ValueError(f"a {self.kind} has basis_points from 0 on; write a discount to take some off")
        if self.starts and self.ends and self.starts >= self.ends:
            raise ValueError(f"it ends on {self.ends}, before which it must start; it starts on {self.starts}")
        return self


def basis_points(percent: object) -> int:
    """Return a percentage as people write it, in hundredths of a per cent. Raises ValueError."""
    text = str(percent) if isinstance(percent, int) and not isinstance(percent, bool) else percent
    found = _PERCENT.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise ValueError("write a percentage as text with at most 2 decimals, such as '12.5', and without a sign")
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
