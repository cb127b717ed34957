"""What a batch may cost at worst, set aside while it is created."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sluice.bounding import Adjusting, candidate_of
from sluice.calls import Incoming
from sluice.dialects.anthropic_batches import Item
from sluice.dialects.base import Outline
from sluice.dialects.splice import Document
from sluice.metering.tally import Tally
from sluice.metering.worst_case import worst_of
from sluice.standing_holds import Part, batch_priced, set_aside, until
from sluice.types.batches import RETENTION_DAYS
from sluice.types.http import Request
from sluice.types.routes import Configuration, Deployment

if TYPE_CHECKING:
    from sluice.admission import Gate
    from sluice.governance.applying import Applicable
    from sluice.standing_holds import StandingTicket


def batch_ticket(
    gate: Gate,
    items: Sequence[Item],
    deployments: Mapping[str, Deployment],
    tally: Tally,
    configuration: Configuration,
) -> StandingTicket | None:
    """Return what was set aside for a batch, up to the end of its record. Raises BudgetExceeded, RateLimited."""
    rules = gate.rules(configuration)
    if rules is None:
        return None
    found: dict[str, Part] = {}
    for item in items:
        deployment = deployments[item.model]
        adjusting = Adjusting(configuration.adjustments, tally.caller.team, tally.wall_ms, tally.region)
        certain = _is_strict(rules, tally, deployment, item.model)
        candidate = candidate_of(_single(item), deployment, certain=certain, adjusting=adjusting)
        worst = worst_of(batch_priced(candidate, tally.wall_ms), tally.wall_ms, configuration.unpriced_ceiling)
        before = found.get(deployment.name, Part(deployment))
        routes = before.routes
        if item.model in configuration.routes and item.model not in routes:
            routes = (*routes, item.model)
        found[deployment.name] = Part(deployment, before.worst + worst, max(before.dearest, worst), routes)
    # 24 hours to end and 29 days of results (Anthropic, "Batch processing", 2026-11): as long as the record is kept.
    expires = until(tally.wall_ms / 1000 + RETENTION_DAYS * 86_400)
    return set_aside(gate, tally, configuration, list(found.values()), expires)


def _is_strict(rules: Applicable, tally: Tally, deployment: Deployment, asked: str) -> bool:
    """Whether a budget applies that must hold against any text."""
    now = tally.wall_ms / 1000
    applied = (
        rules.to_request(tally.caller, user=tally.user, route=asked, now=now),
        rules.to_deployment(deployment.provider.name, deployment.model.id, now=now),
    )
    return any(each.budget.strict for part in applied for each in part.budgets)


def _single(item: Item) -> Incoming:
    """Return one request of a batch as if it came by itself."""
    text = json.dumps({**item.params, "service_tier": "batch"})
    most = item.params.get("max_tokens")
    bound = most if isinstance(most, int) and most > 0 else None
    outline = Outline(item.model, False, False, bound, 1, len(text))
    request = Request("POST", "/v1/messages", {}, text.encode())
    return Incoming(request, "chat", "anthropic_messages", Document(text), outline)
