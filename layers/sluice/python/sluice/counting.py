"""Token counts in the shapes of Anthropic, Gemini and Bedrock: asked of the provider where it counts, estimated where
it does not.

An estimate carries `x-sluice-estimated: true`. Either way the request is free and has its ledger entry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Protocol, cast

from sluice.dialects import JSON, chat_dialect
from sluice.dialects.splice import parse_body
from sluice.errors import NoHealthyUpstream
from sluice.metering.tally import Tally
from sluice.pipeline import Services, answer_headers, run, serve
from sluice.settle import Closed
from sluice.types.http import Request, Response

CHAT = {
    "anthropic_count_tokens": "anthropic_messages",
    "gemini_count_tokens": "gemini",
    "bedrock_count_tokens": "bedrock_converse",
}
"""Dialect of the count -> dialect of the chat whose prompt it counts."""


class Counting(Protocol):
    """What a dialect of token counts offers beyond passing through."""

    def estimate(self, body: Mapping[str, object]) -> int:
        """Return a guess of the prompt's tokens."""

    def encode_count(self, tokens: int) -> dict[str, object]:
        """Return the body of an answer."""


def count_tokens(request: Request, dialect: str, services: Services) -> Response:
    """Serve one token count. Raises GatewayError when there is no valid key."""
    return run(request, "count_tokens", dialect, services, step=_count)


def _count(request: Request, tally: Tally, closed: Closed, services: Services) -> Response:
    tally.free = True
    try:
        return serve(request, tally, closed, services)
    except NoHealthyUpstream:
        return _estimate(request, tally, closed, services)


def _estimate(request: Request, tally: Tally, closed: Closed, services: Services) -> Response:
    wire = cast(Counting, chat_dialect(tally.dialect))
    # The model must still be one that the caller may use: a refusal names the reason.
    plan = services.router.plan(
        tally.requested, "chat", CHAT[tally.dialect], services.configuration.current(), tally.caller
    )
    tally.deployment = plan.choices[0].deployment
    tally.reasons.append(f"{tally.deployment.name}: has no counting endpoint, estimated")
    body = json.dumps(wire.encode_count(wire.estimate(parse_body(request.body).members))).encode()
    closed.line()
    return Response(200, {**answer_headers(tally, JSON), "x-sluice-estimated": "true"}, body, closed.after)
