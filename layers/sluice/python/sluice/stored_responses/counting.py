"""POST /v1/responses/input_tokens: asked of the provider where it counts, estimated where it does not.

An estimate carries `x-sluice-estimated: true`. Either way the request is free and has its ledger entry.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace

from sluice.calls import Incoming
from sluice.dialects import JSON
from sluice.dialects import openai_responses as wire
from sluice.errors import BadRequest, GatewayError
from sluice.metering.tally import Tally
from sluice.pipeline import Services, answer_headers, read, run
from sluice.settle import Closed
from sluice.stored_responses.continuing import continued
from sluice.stored_responses.creating import bound_to, edited, store_of
from sluice.stored_responses.relaying import exchanged
from sluice.types.http import Request, Response
from sluice.types.routes import Deployment

COUNTING = "input_tokens"
"""The operation of a provider's counting endpoint."""
_BYTES_PER_TOKEN = 3


def count_input(request: Request, services: Services) -> Response:
    """Serve one token count. Raises GatewayError when there is no valid key."""
    return run(request, "count_tokens", wire.NAME, services, step=_count)


def _count(request: Request, tally: Tally, closed: Closed, services: Services) -> Response:
    tally.free = True
    incoming = read(request, tally)
    if incoming.outline.stream:
        raise BadRequest("A token count does not stream; leave stream out.", param="stream")
    tally.stream = False
    past = continued(incoming.document.members, tally.caller.team, store_of(services))
    counted = edited(incoming, past.edits, tally)
    configuration = services.configuration.current()
    plan = services.router.plan(counted.outline.model, "chat", wire.NAME, configuration, tally.caller)
    narrow = bound_to(past)
    deployment = (plan if narrow is None else narrow(plan)).choices[0].deployment
    counting = _counting(deployment)
    if counting is None:
        return _estimated(counted, deployment, tally, closed)
    body = counted.document.edited({"model": deployment.upstream_model})
    sent = body if isinstance(body, bytes) else body.encode()
    exchange, _ = exchanged(counting, request, "", method="POST", tally=tally, services=services, body=sent)
    tally.first_byte = time.monotonic()
    closed.line()
    return Response(200, answer_headers(tally, JSON), exchange.body, closed.after)


def _counting(deployment: Deployment) -> Deployment | None:
    """Return the deployment with its provider's counting endpoint, None where it has none."""
    if deployment.endpoint.dialect != wire.NAME:
        return None
    for endpoint in deployment.provider.endpoints:
        if endpoint.operation == COUNTING and endpoint.dialect == wire.NAME:
            return replace(deployment, endpoint=endpoint)
    return None


def _estimated(incoming: Incoming, deployment: Deployment, tally: Tally, closed: Closed) -> Response:
    tally.deployment, tally.first_byte = deployment, time.monotonic()
    tally.reasons.append(f"{deployment.name}: has no counting endpoint, estimated")
    closed.line()
    body = json.dumps({"object": "response.input_tokens", "input_tokens": _estimate(incoming)}).encode()
    return Response(200, {**answer_headers(tally, JSON), "x-sluice-estimated": "true"}, body, closed.after)


def _estimate(incoming: Incoming) -> int:
    """Return a guess of the prompt's tokens: that of a Messages request that says the same."""
    from sluice.dialects.anthropic_messages import encode_request
    from sluice.dialects.anthropic_messages.tokens import estimate

    try:
        written = encode_request(incoming.chat, incoming.outline.model, {}, False)
    except GatewayError:
        return max(-(-incoming.outline.prompt_bytes // _BYTES_PER_TOKEN), 1)
    return estimate(written.body)
