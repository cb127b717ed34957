"""Whether a request may be served, by budgets and rate limits, and what is set aside for it while it is.

Everything is set aside before the provider is called, or nothing: the worst case of the plan in every hard budget, the
request and its tokens in every limit. A budget that cannot hold the worst case lowers the bound on the answer as far as
it must and says so (`clamped:max_tokens`), sends the request to its cheaper route, or refuses it. What was set aside is
settled with the real cost just before the last byte, in memory; `maintain` brings the leases up to size afterwards.

This module is imported with the first configuration that has budgets or limits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NoReturn

from sluice.bounding import Adjusting, Inputs, candidate_of
from sluice.calls import Incoming
from sluice.dialects import chat_dialect, parse
from sluice.errors import BudgetExceeded
from sluice.governance.applying import Applicable, Applied, AppliedBudget, Applying
from sluice.governance.layouts import layout_of
from sluice.governance.lease import Need, Reservation, Short, owed
from sluice.metering.worst_case import largest_output, output_bound, worst_case

if TYPE_CHECKING:
    from sluice.governance.buckets import Admission, Buckets, Limited
    from sluice.governance.leases import Leases
    from sluice.governance.standing import StandingHolds
    from sluice.metering.tally import Tally
    from sluice.types.budgets import StandingHold
    from sluice.types.clock import NanoUSD
    from sluice.types.routes import Configuration, Deployment, Plan

UNBOUNDED = 1 << 60
"""The cap of a budget that only alerts."""
DAY = 86_400
_ANSWERS = ("chat", "completions")


@dataclass
class Ticket:
    """What stands behind one admitted request; `settle` acts once."""

    gate: Gate
    shared: Reservation | None = None
    apart: dict[str, Reservation] = field(default_factory=dict)
    """By deployment: what is charged only if that one serves."""
    limits: Admission | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    until: int = 0
    """When not 0: each hold stands by itself up to this epoch second, so that the answer can be charged later."""
    kept: bool = False
    settled: bool = False

    def owed(self, cost: NanoUSD, served: str) -> tuple[tuple[str, NanoUSD], ...]:
        """Return what each hold would pay for a request that cost so much at the deployment `served`."""
        paying = (self.shared, self.apart.get(served))
        return tuple(paid for each in paying if each is not None for paid in owed(each, cost))

    def settle(self, tally: Tally, now: float) -> tuple[tuple[str, NanoUSD], ...]:
        """Charge the real cost and release the rest; return what was paid from which hold."""
        if self.settled:
            return ()
        self.settled = True
        cost = tally.cost(now)[0]
        served = tally.deployment.name if tally.deployment is not None else ""
        holder = self.gate.standing if self.until else self.gate.leases
        paid: list[tuple[str, NanoUSD]] = []
        if self.shared is not None and not self.kept:
            paid += holder.settle(self.shared, cost)
        for name, reservation in self.apart.items():
            if not self.kept:
                paid += holder.settle(reservation, cost if name == served else 0)
        if self.limits is not None and self.gate.buckets is not None:
            usage = tally.usage
            used = {"input": usage.prompt, "output": usage.output} if usage is not None else {"input": 0, "output": 0}
            self.gate.buckets.settle(self.limits, used)
        return tuple(each for each in paid if each[1])

    def keep(self) -> tuple[StandingHold, ...]:
        """Leave the holds open for whoever is to charge what comes of the request, and return them."""
        from sluice.governance.standing import holds_of

        if not self.until:
            return ()
        self.kept = True
        found = () if self.shared is None else holds_of(self.shared)
        for name, each in self.apart.items():
            found += holds_of(each, {need.name: (name,) for need in each.needs})
        return found

    def take_back(self) -> None:
        """Charge the holds here after all."""
        self.kept = False


class Gate:
    """Admits the requests of one environment. `now` gives epoch seconds."""

    def __init__(
        self, leases: Leases, buckets: Buckets | None, now: Callable[[], float], standing: StandingHolds
    ) -> None:
        self.leases = leases
        self.buckets = buckets
        self.standing = standing
        self._now = now
        self._applying = Applying()

    def admit(
        self,
        incoming: Incoming,
        plan: Plan,
        tally: Tally,
        configuration: Configuration,
        planned: Callable[[str], Plan],
        *,
        until: int = 0,
    ) -> tuple[Incoming, Plan, Ticket | None]:
        """Return the request and the plan as they may go on, and what was set aside; None where nothing applies.

        `planned` makes the plan of another route; `until` is as in `Ticket`. Raises BudgetExceeded and RateLimited,
        with nothing set aside.
        """
        rules = self.rules(configuration)
        if rules is None:
            return incoming, plan, None
        now = self._now()
        applied = rules.to_request(tally.caller, user=tally.user, route=plan.route, now=now)
        cheaper = self._cheaper(applied)
        if cheaper is not None and cheaper.budget.downgrade not in (None, plan.requested):
            tally.asked = plan.choices[0].deployment
            plan = planned(str(cheaper.budget.downgrade))
            tally.reasons.append(f"budget {cheaper.budget.id}: {plan.requested} serves instead")
            applied = rules.to_request(tally.caller, user=tally.user, route=plan.route, now=now)
        apart = {
            choice.deployment.name: found
            for choice in plan.choices
            if (found := rules.to_deployment(choice.deployment.provider.name, choice.deployment.model.id, now=now))
        }
        if not applied and not apart:
            return incoming, plan, None
        ticket = Ticket(self, until=until)
        try:
            inputs = Inputs(incoming.document.members)
            self._draw(ticket, (applied, *apart.values()), incoming, plan, inputs)
            if not tally.free:
                incoming = self._hold(ticket, applied, apart, inputs=inputs, incoming=incoming, plan=plan, tally=tally)
        except BaseException:
            ticket.settle(tally, now)
            raise
        return incoming, plan, ticket

    def rules(self, configuration: Configuration) -> Applicable | None:
        """Return what a configuration has of budgets and limits, None for nothing."""
        return self._applying.rules(configuration)

    def maintain(self) -> None:
        """Bring leases and buckets up to what the next requests need; runs after answers."""
        self.leases.maintain()
        self.standing.retry()
        if self.buckets is not None:
            self.buckets.maintain()

    def _cheaper(self, applied: Applied) -> AppliedBudget | None:
        """Return the first budget that is spent as far as its cheaper route wants."""
        for each in applied.budgets:
            budget = each.budget
            if budget.downgrade is not None and self._spent(each) * 100 >= budget.amount * budget.downgrade_at:
                return each
        return None

    def _spent(self, applied: AppliedBudget) -> NanoUSD:
        return self.leases.committed(applied.name)

    # Rate limits

    def _draw(
        self, ticket: Ticket, applied: tuple[Applied, ...], incoming: Incoming, plan: Plan, inputs: Inputs
    ) -> None:
        if self.buckets is None or not any(part.limits for part in applied):
            return
        tokens = 0
        if any(each.limit.input_tokens for part in applied for each in part.limits):
            tokens = max((inputs.bound(choice.deployment).tokens for choice in plan.choices), default=0)
        output = min(output_bound(incoming.outline.max_output, incoming.outline.choices, _first(plan).model), 1 << 40)
        self.draw(ticket, applied, {"requests": 1, "input": tokens, "output": output}, incoming.dialect)

    def draw(self, ticket: Ticket, applied: Iterable[Applied], units: Mapping[str, int], dialect: str) -> None:
        """Draw requests and tokens from every limit, or raise RateLimited; the ticket gives back what was not used."""
        limits = {each.name: each.limit for part in applied for each in part.limits}
        if not limits or self.buckets is None:
            return
        from sluice.governance.buckets import Demand, Limited
        from sluice.governance.outages import admitted
        from sluice.governance.rate_headers import anthropic_headers, openai_headers, refusal

        demands = []
        for name, limit in limits.items():
            kinds = {"requests": limit.requests, "input": limit.input_tokens, "output": limit.output_tokens}
            rates = {kind: rate for kind, rate in kinds.items() if rate is not None}
            # More than the bucket ever holds could never pass; it is drawn as a full bucket and charged in arrears.
            asked = {kind: min(units[kind], rate.capacity) for kind, rate in rates.items()}
            demands.append(
                Demand(
                    name,
                    rates,
                    asked,
                    concurrent=limit.concurrent,
                    strict=limit.strict,
                    shares=limit.shares,
                    shards=limit.shards,
                )
            )

        def told(outcome: Admission | Limited) -> dict[str, str]:
            if dialect.startswith("anthropic"):
                return anthropic_headers(outcome.statuses, self._now())
            return openai_headers(outcome.statuses)

        outcome = admitted(self.buckets.admit, demands)
        if outcome is None:
            return
        if isinstance(outcome, Limited):
            raise refusal(outcome, told(outcome))
        ticket.limits = outcome
        ticket.headers = told(outcome)

    # Budgets

    def _hold(
        self,
        ticket: Ticket,
        applied: Applied,
        apart: Mapping[str, Applied],
        *,
        inputs: Inputs,
        incoming: Incoming,
        plan: Plan,
        tally: Tally,
    ) -> Incoming:
        """Set the worst case aside, with a lower bound on the answer where no more fits."""
        budgets = [*applied.budgets, *(each for part in apart.values() for each in part.budgets)]
        if not budgets:
            return incoming
        asked = _Asked(incoming, plan, tally, inputs, certain=any(each.budget.strict for each in budgets))
        limit = min((each.budget.per_request for each in budgets if each.budget.per_request is not None), default=None)
        if limit is not None and asked.worst > limit:
            capped = next(each for each in budgets if each.budget.per_request == limit)
            asked = asked.within(limit, capped) or refuse_request(capped, asked.worst, limit)
        for tries in range(3):  # what is left may change between two tries
            short = self._reserve(ticket, applied, apart, asked)
            if short is None:
                break
            budget = next(each for each in budgets if each.name == short.need.name)
            smaller = asked.within(short.available, budget) if tries < 2 else None
            asked = smaller or refuse(budget, asked.worst, short)
        return asked.incoming

    def _reserve(self, ticket: Ticket, applied: Applied, apart: Mapping[str, Applied], asked: _Asked) -> Short | None:
        shared = self._set_aside(needs_of(applied.budgets, asked.worst), ticket) if applied.budgets else None
        if isinstance(shared, Short):
            return shared
        kept: dict[str, Reservation] = {}
        for name, part in apart.items():
            found = self._set_aside(needs_of(part.budgets, asked.worst), ticket)
            if isinstance(found, Short):
                holder = self.standing if ticket.until else self.leases
                for reservation in (shared, *kept.values()):
                    if reservation is not None:
                        holder.settle(reservation, 0)
                return found
            kept[name] = found
        ticket.shared, ticket.apart = shared, kept
        return None

    def _set_aside(self, needs: Iterable[Need], ticket: Ticket) -> Reservation | Short:
        from sluice.governance.outages import held

        def reserve(each: Iterable[Need]) -> Reservation | Short:
            return self.standing.reserve(each, ticket.until) if ticket.until else self.leases.reserve(each)

        return held(reserve, needs, unbounded=UNBOUNDED)


class _Asked:
    """A request with what it can cost at worst."""

    def __init__(self, incoming: Incoming, plan: Plan, tally: Tally, inputs: Inputs, *, certain: bool) -> None:
        self.incoming = incoming
        self.inputs = inputs
        self.certain = certain
        self.plan = plan
        self.tally = tally
        adjusting = Adjusting(tally.adjustments, tally.caller.team, tally.wall_ms, tally.region)
        self.candidates = [
            candidate_of(incoming, choice.deployment, certain=certain, adjusting=adjusting, inputs=inputs)
            for choice in plan.choices
        ]
        self.worst = worst_case(self.candidates, tally.wall_ms, ceiling=tally.ceiling)

    def within(self, amount: NanoUSD, applied: AppliedBudget) -> _Asked | None:
        """Return the request with a bound on its answer that an amount pays for; None where it pays too little."""
        incoming = self.incoming
        if incoming.operation not in _ANSWERS or amount <= 0:
            return None
        choices = incoming.outline.choices
        most = largest_output(self.candidates, amount, self.tally.wall_ms, choices=choices, ceiling=self.tally.ceiling)
        if most is None or most < max(applied.budget.min_output, 1):
            return None
        lowered = _lowered(incoming, most)
        # Only the bound on the answer is another one; the prompt's is known.
        return None if lowered is None else _Asked(lowered, self.plan, self.tally, self.inputs, certain=self.certain)


def needs_of(budgets: Iterable[AppliedBudget], worst: NanoUSD) -> Iterator[Need]:
    """Yield what a request of this worst case needs from each budget."""
    for budget, name, window in budgets:
        cap = budget.amount + budget.grace if budget.hard else UNBOUNDED
        prefix = name.removesuffix(window.id)
        layout = layout_of(budget, window)
        yield Need(
            name,
            worst,
            cap,
            ends=window.end,
            before=tuple(f"{prefix}{each}" for each in window.before),
            strict=budget.strict,
            shares=layout.shares,
            shards=layout.shards,
            keep_until=window.end + 400 * DAY,
            before_shards=layout.before_shards,
            also=layout.also,
        )


def _lowered(incoming: Incoming, most: int) -> Incoming | None:
    """Return the request with a bound of `most` tokens on each answer; None for a dialect without one."""
    from sluice.dialects.bounds import lowered

    try:
        changes = lowered(incoming.dialect, incoming.document.members, most)
    except KeyError:
        return None
    own = incoming.request.members  # they stand in the path
    body = incoming.document.edited({name: each for name, each in changes.items() if name not in own})
    raw = body if isinstance(body, bytes) else body.encode()
    request = replace(incoming.request, body=raw)
    document = parse(chat_dialect(incoming.dialect), request)
    document.members.update(request.members)
    return replace(
        incoming,
        request=request,
        document=document,
        outline=replace(incoming.outline, max_output=most),
        notes=(*incoming.notes, "clamped:max_tokens"),
        _resolved={},
    )


def _first(plan: Plan) -> Deployment:
    return plan.choices[0].deployment


def _dollars(nano: NanoUSD) -> str:
    """Return an amount as people write it, with as many digits as it needs to be told from zero."""
    text = f"{nano / 1e9:.2f}" if abs(nano) >= 10_000_000 else f"{nano / 1e9:.9f}".rstrip("0").rstrip(".")
    return f"${text or 0}"


def refuse(applied: AppliedBudget, worst: NanoUSD, short: Short) -> NoReturn:
    """Raise the refusal (402) of a request that a budget cannot pay; `worst` is in nano-USD."""
    budget = applied.budget
    raise BudgetExceeded(
        f"Budget {budget.id!r} has {_dollars(max(short.available, 0))} of {_dollars(budget.amount)} left in this "
        f"{budget.window.kind} window ({applied.window.id}); this request could cost up to {_dollars(worst)}. Lower "
        "the bound on the answer, wait for the next window, or have the budget raised."
    )


def refuse_request(applied: AppliedBudget, worst: NanoUSD, limit: NanoUSD) -> NoReturn:
    """Raise the refusal (402) of one that could cost more than a budget's `limit` for a single request, in nano-USD."""
    raise BudgetExceeded(
        f"Budget {applied.budget.id!r} allows a request to cost at most {_dollars(limit)}; this one could cost up to "
        f"{_dollars(worst)}. Shorten the prompt or lower the bound on the answer."
    )
