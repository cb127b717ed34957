"""POST /v1/messages/count_tokens: asked of the provider where it counts, estimated where it does not.

An estimate carries `x-sluice-estimated: true`. Either way the request is free and has its ledger entry.
"""

from __future__ import annotations

import json

from sluice.dialects import JSON
from sluice.dialects.splice import parse_body
from sluice.errors import NoHealthyUpstream
from sluice.metering.tally import Tally
from sluice.pipeline import Services, answer_headers, run, serve
from sluice.settle import Closed
from sluice.types.http import Request, Response


def count_tokens(request: Request, services: Services) -> Response:
    """Serve one token count. Raises GatewayError when there is no valid key."""
    return run(request, "count_tokens", "anthropic_count_tokens", services, step=_count)


def _count(request: Request, tally: Tally, closed: Closed, services: Services) -> Response:
    tally.free = True
    try:
        return serve(request, tally, closed, services)
    except NoHealthyUpstream:
        return _estimate(request, tally, closed, services)


def _estimate(request: Request, tally: Tally, closed: Closed, services: Services) -> Response:
    from sluice.dialects.anthropic_messages.tokens import encode_count, estimate

    members = parse_body(request.body).members
    # The model must still be one that the caller may use: a refusal names the reason.
    plan = services.router.plan(
        tally.requested, "chat", "anthropic_messages", services.configuration.current(), tally.caller
    )
    tally.deployment = plan.choices[0].deployment
    tally.reasons.append(f"{tally.deployment.name}: has no counting endpoint, estimated")
    closed.line()
    body = json.dumps(encode_count(estimate(members))).encode()
    return Response(200, {**answer_headers(tally, JSON), "x-sluice-estimated": "true"}, body, closed.after)
