"""Puts a plan and a request's body together into what each deployment could cost.

Rules. Each deployment has its own bound, since a prompt's tokens depend on the model. What a request leaves open takes
the declared allowance, once for each kind of it. The tier of service is the one that the body asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sluice.metering.adjusting import Billed, applying, iso
from sluice.metering.bounds import EXACT, InputBound, input_bound
from sluice.metering.worst_case import DEFAULT_OUTPUT, Candidate, chat_bounds, output_beyond, output_bound
from sluice.types.adjustments import Adjustment
from sluice.types.clock import Millis
from sluice.types.routes import Deployment, Plan

_SEARCHING = frozenset(("server tools", "web search", "plugins"))


@dataclass(frozen=True, slots=True)
class Allowances:
    """What is set aside for what has no bound: tokens for each open thing, searches, output where nothing bounds it."""

    tokens: int = 100_000
    searches: int = 10
    output: int = DEFAULT_OUTPUT


DEFAULTS = Allowances()


def candidates(
    plan: Plan,
    body: Mapping[str, object],
    *,
    asked: int | None,
    choices: int,
    wall_ms: Millis,
    allowances: Allowances = DEFAULTS,
    corrections: Mapping[str, int] | None = None,
    adjustments: Iterable[Adjustment] = (),
    billed: Billed | None = None,
) -> tuple[Candidate, ...]:
    """Return what each deployment of a plan could cost for a request.

    `asked` and `choices` are the caller's bound on output and how many answers (`Outline`); `corrections` by
    `provider/model` in basis points (`bounds.learned`). Raises BadRequest for a body nested too deeply.
    """
    known, tier, day = corrections or {}, service_tier_of(body), iso(wall_ms)[:10]
    given, found = tuple(adjustments), []
    for planned in plan.choices:
        deployment = planned.deployment
        model = deployment.model
        bound = _bound(deployment, body, known.get(deployment.name, EXACT))
        bounds = chat_bounds(
            bound,
            model,
            output=output_bound(asked, choices, model, allowances.output),
            beyond=output_beyond(asked, choices, model, allowances.output),
            allowance=allowances.tokens * len(bound.open),
            searches=allowances.searches if _SEARCHING.intersection(bound.open) else 0,
            service_tier=tier,
        )
        who = Billed(billed.team if billed is not None else "", deployment.region or (billed.region if billed else ""))
        changes = applying(given, model, who, day, tier) if given else ()
        found.append(Candidate(model, bounds, changes, plan.retry.attempts))
    return tuple(found)


def service_tier_of(body: Mapping[str, object]) -> str | None:
    """Return the tier of service that a body asks for, as usage reports call it; None for the standard one."""
    if body.get("speed") == "fast":
        return "fast"
    for name in ("service_tier", "serviceTier"):
        value = body.get(name)
        if isinstance(value, Mapping):
            value = value.get("type")
        if isinstance(value, str) and value:
            return value
    return None


def _bound(deployment: Deployment, body: Mapping[str, object], correction: int) -> InputBound:
    quirks = {**deployment.provider.quirks, **deployment.model.quirks}
    return input_bound(body, deployment.upstream_model, quirks=quirks, correction=correction)
