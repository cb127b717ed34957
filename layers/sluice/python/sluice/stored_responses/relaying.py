"""Asks the provider that keeps a response about it; charges a background answer once, when its end is first read."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

from sluice.answers import Reading, pass_stream
from sluice.calls import follow_up, quirks_of
from sluice.dialects import EVENTS, JSON, chat_dialect
from sluice.dialects import openai_responses as wire
from sluice.dialects.openai_responses.meter import ended
from sluice.dialects.openai_responses.names import RUNNING
from sluice.dispatch import Exchange, RawError, Trail
from sluice.errors import ProviderError
from sluice.metering.tally import Tally
from sluice.pipeline import Services, answer_headers
from sluice.settle import Closed
from sluice.types.http import Request, Response
from sluice.types.routes import Deployment, Plan, Planned
from sluice.types.stored import StoredResponse

_PASSED = (
    "stream",
    "starting_after",
    "include_obfuscation",
    "include",
    "include[]",
    "limit",
    "order",
    "after",
    "before",
)
"""Query parameters of these calls (API reference, 2026-11)."""


class StoredReading(Reading):
    """Reads an answer about a response: one that has failed is no failure of the call."""

    __slots__ = ()

    def body_error(self, body: bytes, headers: Mapping[str, str]) -> ProviderError | None:  # noqa: ARG002
        """Return None."""
        return None

    def first_events(self, chunks: Iterator[bytes], sent: Deployment) -> bytes:  # noqa: ARG002 - one signature
        """Return the first whole events, whatever they say."""
        for chunk in chunks:
            whole = self.blocks.feed(chunk) if chunk else b""
            if whole:
                return whole
        return self.blocks.rest()


def deployment_of(record: StoredResponse, services: Services) -> Deployment:
    """Return the deployment that keeps a response. Raises NotFound, NoHealthyUpstream."""
    configuration = services.configuration.current()
    found = services.router.deployment(record.deployment, "chat", wire.NAME, configuration)
    return replace(found, region=record.region or None)


def exchanged(
    deployment: Deployment,
    request: Request,
    suffix: str,
    *,
    method: str,
    tally: Tally,
    services: Services,
    body: bytes = b"",
    stream: bool = False,
) -> tuple[Exchange, Reading]:
    """Return the provider's answer to one call about a response. Raises ProviderError."""
    tally.deployment, tally.stream = deployment, stream
    trail = Trail(attempts=tally.attempts, reasons=tally.reasons, trace=tally.trace_headers)
    reading = StoredReading(chat_dialect(deployment.endpoint.dialect), quirks_of(deployment))
    plan = Plan(deployment.name, None, (Planned(deployment, "keeps the response"),))
    try:
        exchange = services.dispatcher.run(
            plan,
            lambda each: follow_up(
                each,
                request,
                suffix,
                authorize=services.credentials.authorize,
                method=method,
                body=body,
                query=_query(request),
                stream=stream,
                region=services.region,
            ),
            lambda _: reading,
            trail=trail,
            deadline=request.deadline,
        )
    finally:
        tally.waited = trail.waited
    return exchange, reading


def relayed(
    record: StoredResponse,
    request: Request,
    suffix: str,
    *,
    method: str,
    tally: Tally,
    closed: Closed,
    services: Services,
) -> Response:
    """Return the provider's own answer about a response that it keeps. Raises ProviderError."""
    deployment = deployment_of(record, services)
    stream = method == "GET" and request.query.get("stream") == "true"
    path = f"/{record.id}{suffix}"
    exchange, reading = exchanged(
        deployment, request, path, method=method, tally=tally, services=services, stream=stream
    )
    tally.first_byte = time.monotonic()
    charge = Charge(record, tally, services)
    if exchange.chunks is not None:
        passing = pass_stream(exchange, reading, tally=tally, finish=closed.line, swallow=charge.watch, with_cost=False)
        return Response(200, answer_headers(tally, EVENTS), passing, closed.after)
    charge.read(exchange.body)
    tally.status = exchange.answer.status
    cost = tally.cost()[0]
    closed.line()
    headers = answer_headers(tally, exchange.answer.headers.get("content-type", JSON))
    headers["x-sluice-cost-usd"] = f"{cost // 1_000_000_000}.{cost % 1_000_000_000:09d}"
    return Response(tally.status, headers, exchange.body, closed.after)


def charge_unread(record: StoredResponse, request: Request, tally: Tally, services: Services) -> None:
    """Charge a background answer that may never be read: after its deletion nobody could. Raises ProviderError.

    One that still runs is cancelled first, so that what it used is known.
    """
    if not record.native or record.charged:
        return
    deployment, charge = deployment_of(record, services), Charge(record, tally, services)
    for method, suffix in (("GET", ""), ("POST", "/cancel")):
        try:
            path = f"/{record.id}{suffix}"
            exchange, _ = exchanged(deployment, request, path, method=method, tally=tally, services=services)
        except ProviderError as error:
            if gone(error):
                charge.close()
            if gone(error) or suffix:
                return  # the provider has the say on the deletion; what is held lapses if nobody charges it
            raise
        if charge.read(exchange.body):
            return


def gone(error: ProviderError) -> bool:
    """Return whether a provider says that it has no such response."""
    return isinstance(error, RawError) and error.answer_status == 404


class Charge:
    """Charges what a background answer used to the first request that reads its end; all others are free."""

    def __init__(self, record: StoredResponse, tally: Tally, services: Services) -> None:
        self._record = record
        self._tally = tally
        self._services = services

    def close(self) -> None:
        """Charge nothing for an answer that is gone."""
        self._take()

    def read(self, body: bytes) -> bool:
        """Look at a whole answer; return whether it is the end."""
        if self._record.charged:
            return True
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            return False
        if isinstance(found, dict) and "usage" in found and found.get("status") not in RUNNING:
            self._tally.usage = wire.read_usage(body, {})
            self._take()
            return True
        return False

    def watch(self, block: bytes) -> bytes:
        """Look at events that pass; the meter reads their usage."""
        if not self._record.charged and ended(block) is not None:
            self._take()
        return block

    def _take(self) -> None:
        store = self._services.responses
        if store is not None and store().charge(self._record.team, self._record.id):
            configuration = self._services.configuration.current()
            self._tally.config_version = configuration.version
            self._tally.ceiling = configuration.unpriced_ceiling
            self._tally.adjustments = configuration.adjustments
            self._tally.free = False
            if self._record.holds and self._services.gate is not None:
                from sluice.standing_holds import Waiting

                self._tally.ticket = Waiting(self._services.gate(), self._record.holds)


def _query(request: Request) -> str:
    from sluice.signing import query_encoded

    sent = [(name, request.repeated.get(name) or (request.query[name],)) for name in _PASSED if name in request.query]
    return "&".join(f"{query_encoded(name)}={query_encoded(value)}" for name, values in sent for value in values)
