"""What a company changes about list prices, and what a call then costs.

Adjustments are members of the configuration. List price, stated cost and what was charged are kept apart, so that
history can be costed again and an invoice be compared with the list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sluice.types.clock import NanoUSD

AdjustmentKind = Literal["discount", "margin", "surcharge", "batch"]


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A change in basis points (hundredths of a per cent): 500 adds five per cent, -500 takes them off.

    It applies where all that it names match: `team`, `provider`, `model` (the provider's id), `region` (a prefix, so
    "eu-" is all of Europe) and `service_tier`; "" matches all. Of several of one kind, the one that names most applies;
    different kinds multiply. `starts` and `ends` are ISO dates, from and before; "" is open.
    """

    id: str
    kind: AdjustmentKind
    basis_points: int
    team: str = ""
    provider: str = ""
    model: str = ""
    region: str = ""
    service_tier: str = ""
    starts: str = ""
    ends: str = ""


@dataclass(frozen=True, slots=True)
class Charge:
    """What one call costs. `list_cost` is by the price book, None for an unpriced model; `stated` is the provider's.

    `cost` is what budgets and the ledger count: the stated cost where the provider bills as it states, else the list's,
    else the ceiling's, adjusted once by `adjustments` (their ids, in order).
    """

    cost: NanoUSD
    list_cost: NanoUSD | None
    stated: NanoUSD | None
    price_version: str
    adjustments: tuple[str, ...] = ()
