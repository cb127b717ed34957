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
from sluice.metering.request_ids import new as new_request_id
from sluice.metering.tally import Tally
from sluice.pipeline import Services, answer_headers
from sluice.settle import Closed
from sluice.types.clock import NanoUSD
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

    def line() -> None:
        charge.line()
        closed.line()

    def after() -> None:
        charge.after()
        closed.after()

    if exchange.chunks is not None:
        passing = pass_stream(exchange, reading, tally=tally, finish=line, swallow=charge.watch, with_cost=False)
        return Response(200, answer_headers(tally, EVENTS), passing, after)
    charge.read(exchange.body)
    tally.status = exchange.answer.status
    line()
    cost = charge.cost
    headers = answer_headers(tally, exchange.answer.headers.get("content-type", JSON))
    headers["x-sluice-cost-usd"] = f"{cost // 1_000_000_000}.{cost % 1_000_000_000:09d}"
    return Response(tally.status, headers, exchange.body, after)


def charge_unread(record: StoredResponse, request: Request, tally: Tally, services: Services) -> None:
    """Charge a background answer that may never be read: after its deletion nobody could. Raises ProviderError.

    One that still runs is cancelled first, so that what it used is known.
    """
    if not record.native or (record.charged and not record.due):
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
            charge.after()  # the record is about to go, and with it the way to find out
            return


def gone(error: ProviderError) -> bool:
    """Return whether a provider says that it has no such response."""
    return isinstance(error, RawError) and error.answer_status == 404


class Charge:
    """Charges what a background answer used when its end is first read, as a ledger entry of its own.

    The entry's id follows from the response, and it is due until somebody saw it stand: if an environment dies between
    the note that it is charged and the entry, the next request for it writes the same entry. So it is charged once. The
    requests that read it are free.
    """

    def __init__(self, record: StoredResponse, tally: Tally, services: Services) -> None:
        self._record = record
        self._tally = tally
        self._services = services
        self._takes = False
        self._closed: Closed | None = None
        self.cost: NanoUSD = 0

    def close(self) -> None:
        """Charge nothing for an answer that is gone."""
        if self._may_take() and self._record.holds and self._services.gate is not None:
            self._services.gate().standing.close(self._record.holds, ())

    def read(self, body: bytes) -> bool:
        """Look at a whole answer; return whether it is the end."""
        if self._is_settled:
            return True
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            return False
        if isinstance(found, dict) and "usage" in found and found.get("status") not in RUNNING:
            if self._may_take():
                self._tally.usage, self._takes = wire.read_usage(body, {}), True
            return True
        return False

    def watch(self, block: bytes) -> bytes:
        """Look at events that pass; the meter reads their usage."""
        if not self._is_settled and not self._takes and ended(block) is not None:
            self._takes = self._may_take()
        return block

    def line(self) -> None:
        """Write the entry's line, before the last byte."""
        if self._takes and self._closed is None:
            bill = self._bill()
            self._tally.usage = None
            self._closed = self._services.settlement.close(bill, False)
            self.cost = bill.cost()[0]
            self._closed.line()

    def after(self) -> None:
        """Write the entry, after the last byte."""
        self.line()
        if self._closed is not None:
            self._closed.after()

    @property
    def _is_settled(self) -> bool:
        return self._record.charged and not self._record.due

    def _may_take(self) -> bool:
        """Return whether this request is to charge the answer."""
        if self._services.responses is None:
            return False
        store, team, identity = self._services.responses(), self._record.team, self._record.id
        if not self._record.charged:
            return store.charge(team, identity, due=True)
        if self._services.ledger.get(charged_as(self._record)) is None:
            return self._record.due
        store.paid(team, identity)
        return False

    def _bill(self) -> Tally:
        """Return what the ledger entry is made of."""
        configuration = self._services.configuration.current()
        holds = self._record.holds
        if holds and self._services.gate is not None:
            from sluice.standing_holds import Waiting

            ticket = Waiting(self._services.gate(), holds)
        else:
            ticket = None
        return replace(
            self._tally,
            request_id=charged_as(self._record),
            wall_ms=self._record.created * 1000,
            config_version=configuration.version,
            ceiling=configuration.unpriced_ceiling,
            adjustments=configuration.adjustments,
            free=False,
            ticket=ticket,
            attempts=[],
            reasons=[f"background answer {self._record.id}"],
            priced=None,
        )


def charged_as(record: StoredResponse) -> str:
    """Return the request id under which a background answer is charged: the same each time."""
    from hashlib import sha256

    digest = sha256(f"response/{record.id}".encode()).digest()
    return new_request_id(record.created * 1000, record.team, lambda size: digest[:size])


def _query(request: Request) -> str:
    from sluice.signing import query_encoded

    sent = [(name, request.repeated.get(name) or (request.query[name],)) for name in _PASSED if name in request.query]
    return "&".join(f"{query_encoded(name)}={query_encoded(value)}" for name, values in sent for value in values)
