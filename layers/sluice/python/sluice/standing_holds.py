"""What may cost something long after the request that began it: message batches and background answers.

Their worst case is set aside as holds of their own when they begin, in the window of that moment, and remembered in
their record. Whoever charges them writes the ledger entry, which names the holds, and closes them with what it says;
the holds of what can never be charged again are closed with nothing. Imported with the first of them under a budget.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from sluice.admission import Ticket, needs_of, refuse, refuse_request
from sluice.governance.applying import Applied
from sluice.governance.lease import Reservation, Short
from sluice.governance.leases import LONGEST_REQUEST
from sluice.governance.standing import holds_of, paid_from
from sluice.metering.adjusting import iso
from sluice.metering.pricing import price_of
from sluice.metering.worst_case import Candidate

if TYPE_CHECKING:
    from sluice.admission import Gate
    from sluice.governance.applying import Applicable, AppliedBudget
    from sluice.metering.tally import Tally
    from sluice.types.budgets import StandingHold
    from sluice.types.clock import Millis, NanoUSD
    from sluice.types.routes import Configuration, Deployment


class Part(NamedTuple):
    """What all requests of one deployment may cost at worst, and the dearest of them alone.

    `routes` are the routes by which it was asked for.
    """

    deployment: Deployment
    worst: NanoUSD = 0
    dearest: NanoUSD = 0
    routes: tuple[str, ...] = ()


@dataclass
class StandingTicket(Ticket):
    """What was set aside for one batch: the holds of all of its models."""

    reservation: Reservation | None = None
    models: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def settle(self, tally: Tally, now: float) -> tuple[tuple[str, NanoUSD], ...]:
        """Give everything back, but for holds that are kept; the batch itself is charged later."""
        first = not self.settled
        super().settle(tally, now)
        if first and self.reservation is not None and not self.kept:
            self.gate.standing.settle(self.reservation, 0)
        return ()

    def owed(self, cost: NanoUSD, served: str) -> tuple[tuple[str, NanoUSD], ...]:  # noqa: ARG002 - one shape
        """Nothing: creating a batch is free."""
        return ()

    def keep(self) -> tuple[StandingHold, ...]:
        """Leave the holds open for whoever charges the batch, and return them."""
        self.kept = True
        return () if self.reservation is None else holds_of(self.reservation, self.models)


@dataclass
class Waiting:
    """The ticket of a request that charges what another one began."""

    gate: Gate
    holds: tuple[StandingHold, ...]
    headers: Mapping[str, str] = field(default_factory=dict)
    settled: bool = False

    def settle(self, tally: Tally, now: float) -> tuple[tuple[str, NanoUSD], ...]:
        """Close the holds with what this request costs, and return what each paid; acts once."""
        if self.settled:
            return ()
        self.settled = True
        served = tally.deployment.name if tally.deployment is not None else ""
        paid = paid_from(self.holds, {served: tally.cost(now)[0]})
        self.gate.standing.close(self.holds, paid)
        return paid

    def owed(self, cost: NanoUSD, served: str) -> tuple[tuple[str, NanoUSD], ...]:
        """Return what each hold would pay for so much at the deployment `served`."""
        return paid_from(self.holds, {served: cost})

    def keep(self) -> tuple[StandingHold, ...]:
        """Return the holds, which are to be closed by another request."""
        self.settled = True
        return self.holds

    def take_back(self) -> None:
        """Close them here after all."""
        self.settled = False


def until(moment: float) -> int:
    """Return when holds expire of what can be charged up to `moment` (epoch seconds): a request's length later."""
    return int(moment) + LONGEST_REQUEST


def set_aside(
    gate: Gate, tally: Tally, configuration: Configuration, parts: Sequence[Part], expires: int
) -> StandingTicket | None:
    """Return what was set aside for a batch in all budgets and limits, None where none applies.

    It counts as one request in limits. Raises BudgetExceeded and RateLimited, with nothing set aside.
    """
    rules = gate.rules(configuration)
    if rules is None:
        return None
    now = tally.wall_ms / 1000
    applied = rules.to_request(tally.caller, user=tally.user, now=now)
    apart = [_own(rules, part, tally, now) for part in parts]
    if not applied and not any(apart):
        return None
    ticket = StandingTicket(gate)
    try:
        gate.draw(ticket, (applied, *apart), {"requests": 1, "input": 0, "output": 0}, tally.dialect)
        _hold(ticket, applied, list(zip(parts, apart, strict=True)), expires)
    except BaseException:
        ticket.settle(tally, now)
        raise
    return ticket


def batch_priced(candidate: Candidate, wall_ms: Millis) -> Candidate:
    """Return a candidate at the price of batches, which has no other to fall back to; itself where it has no price."""
    price = price_of(candidate.model, iso(wall_ms), "batch")
    if price is None:
        return candidate
    alone = replace(candidate.model, prices=(replace(price, service_tiers=(), hours=()),))
    return replace(candidate, model=alone, bounds=replace(candidate.bounds, service_tier=None))


def _own(rules: Applicable, part: Part, tally: Tally, now: float) -> Applied:
    """Return what applies to one deployment's requests alone.

    Results tell the model, not the route: a route's budget pays for all that the batch asks of its models.
    """
    found = rules.to_deployment(part.deployment.provider.name, part.deployment.model.id, now=now)
    for route in part.routes:
        more = rules.to_request(tally.caller, route=route, now=now)
        budgets = (each for each in more.budgets if each.budget.scope.kind == "route")
        limits = (each for each in more.limits if each.limit.scope.kind == "route")
        found = Applied((*found.budgets, *budgets), (*found.limits, *limits))
    return found


def _hold(ticket: StandingTicket, applied: Applied, parts: Sequence[tuple[Part, Applied]], expires: int) -> None:
    """Set aside in each budget what the requests that it is for can cost."""
    amounts: dict[str, NanoUSD] = {}
    budgets: dict[str, AppliedBudget] = {}
    models: dict[str, list[str]] = {}
    for part, own in parts:
        for each in (*applied.budgets, *own.budgets):
            limit = each.budget.per_request
            if limit is not None and part.dearest > limit:
                refuse_request(each, part.dearest, limit)
            budgets[each.name] = each
            amounts[each.name] = amounts.get(each.name, 0) + part.worst
        for each in own.budgets:
            models.setdefault(each.name, []).append(part.deployment.name)
    needs = [need for name, each in budgets.items() for need in needs_of((each,), amounts[name])]
    if not needs:
        return
    found = ticket.gate.standing.reserve(needs, expires)
    if isinstance(found, Short):
        refuse(budgets[found.need.name], found.need.amount, found)
    ticket.reservation, ticket.models = found, models
