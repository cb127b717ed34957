"""What is enforced while the table of counters is out of reach.

A hard budget stands: what environments have leased is spent, and then requests are refused (503, to be tried again). A
budget that only alerts lets pass, and so does a rate limit that is not `strict`, because it guards against floods and
not against an outage of its own table. What was not counted meanwhile comes back into the counters of budgets when
they are next compared with the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from sluice.errors import GatewayError
from sluice.governance.buckets import Demand
from sluice.governance.lease import Need

Found = TypeVar("Found")


def held(reserve: Callable[[Sequence[Need]], Found], needs: Iterable[Need], *, unbounded: int) -> Found:
    """Reserve what is needed; when the counters cannot be reached, only what has a cap (below `unbounded`)."""
    wanted = tuple(needs)
    try:
        return reserve(wanted)
    except GatewayError as error:
        capped = tuple(need for need in wanted if need.cap < unbounded)
        if not is_outage(error) or len(capped) == len(wanted):
            raise
        return reserve(capped)


def admitted(admit: Callable[[Sequence[Demand]], Found], demands: Sequence[Demand]) -> Found | None:
    """Draw from rate limits; None when they cannot be reached and none of them is strict."""
    try:
        return admit(demands)
    except GatewayError as error:
        if not is_outage(error) or any(demand.strict for demand in demands):
            raise
        return None


def is_outage(error: GatewayError) -> bool:
    """Return whether a service could not be reached or turned everybody away (503), not that it refused the call."""
    return error.http_status == 503
