"""The request path: one function, read from top to bottom.

    authenticate -> decode -> plan -> dispatch -> encode -> settle

Every refusal comes before the first byte and has its own HTTP status; every authenticated request ends in exactly one
ledger entry, however it ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sluice.answers import Reading, pass_body, pass_stream, translate_body, translate_stream
from sluice.calls import Incoming, prepare, quirks_of
from sluice.dialects import JSON, chat_dialect, parse, stream_type
from sluice.dialects.splice import to_bytes
from sluice.dispatch import Clock, Dispatcher, Exchange, RawError, Trail
from sluice.errors import GatewayError, InternalError, ProviderError
from sluice.governance.authentication import Authenticator
from sluice.governance.end_user import end_user
from sluice.metering.request_ids import new as new_request_id
from sluice.metering.tally import Recorder, Tally
from sluice.ports import LedgerStore, ResponseStore, UploadAccess
from sluice.providers.credentials import Credentials
from sluice.routing.router import Router
from sluice.routing.snapshot import ConfigurationSnapshot
from sluice.settle import Closed, Settlement
from sluice.telemetry.traceparent import span_id, trace_of
from sluice.types.http import Request, Response
from sluice.types.routes import Configuration, Deployment, Plan

if TYPE_CHECKING:
    from sluice.admission import Gate
    from sluice.types.archives import ArchivePolicy

UPLOAD_MARK = b"sluice:"
"""What a body that refers to an upload holds, also where its slashes are escaped (`sluice:\\/\\/uploads\\/`)."""


@dataclass(frozen=True)
class Services:
    """Everything the request path uses, composed in `wiring`."""

    authenticator: Authenticator
    configuration: ConfigurationSnapshot
    router: Router
    dispatcher: Dispatcher
    credentials: Credentials
    settlement: Settlement
    ledger: LedgerStore
    clock: Clock
    open_line: Callable[[Tally], str]
    region: str = ""
    uploads: UploadAccess | None = None
    responses: Callable[[], ResponseStore] | None = None
    gate: Callable[[], Gate] | None = None
    """Budgets and limits, loaded with the first configuration that has some."""
    gate_calls: Callable[[], int] = int
    """How many calls it made so far; those that a request waits for are its lease misses."""
    recorder: Callable[[ArchivePolicy, Request, str], Recorder | None] | None = None
    """Makes what keeps one request and its answer, for routes that say so."""


Step = Callable[[Request, Tally, Closed, Services], Response]


def run(request: Request, operation: str, dialect: str, services: Services, *, step: Step | None = None) -> Response:
    """Serve one request to a model; `step` replaces `serve` for operations with an answer of their own.

    Raises GatewayError when the request was refused before it could be charged to anybody (no valid key).
    """
    caller = services.authenticator.authenticate(request.headers, principal=request.principal)
    now_ms = int(services.clock.epoch() * 1000)
    request_id = new_request_id(now_ms, caller.team)
    tally = Tally(
        request_id=request_id,
        caller=caller,
        operation=operation,
        dialect=dialect,
        started=request.started or services.clock.monotonic(),
        wall_ms=request.received_ms or now_ms,
        region=services.region,
        trace=trace_of(request.headers, request_id),
    )
    closed = services.settlement.close(tally, request.cold_start)
    response = _answered(request, tally, closed, services, step or serve)
    return response if tally.recorder is None else tally.recorder.over(response, tally)


def _answered(request: Request, tally: Tally, closed: Closed, services: Services, step: Step) -> Response:
    try:
        return step(request, tally, closed, services)
    except GatewayError as error:
        tally.refuse(error)
        return _refused(error, tally, closed)
    except Exception as error:
        services.settlement.report("defect", error, tally.request_id)
        failure = InternalError("The gateway failed on this request. Nothing was charged beyond what its entry says.")
        tally.refuse(failure)
        return _refused(failure, tally, closed)


def serve(request: Request, tally: Tally, closed: Closed, services: Services) -> Response:
    """Serve an authenticated request. Raises GatewayError."""
    return respond(read(request, tally), tally, closed, services)


def read(request: Request, tally: Tally) -> Incoming:
    """Return the caller's request, checked by its dialect and noted in the tally. Raises BadRequest."""
    wire = chat_dialect(tally.dialect)
    document = parse(wire, request)
    document.members.update(request.members)
    outline = wire.outline(document.members, len(request.body))
    tally.requested = outline.model[:256].encode("utf-8", "replace").decode()
    tally.stream, tally.prompt_bytes = outline.stream, outline.prompt_bytes
    tally.user = tally.caller.user or end_user(request.headers, tally.dialect, document.members)
    return Incoming(request, tally.operation, tally.dialect, document, outline)


def respond(
    incoming: Incoming,
    tally: Tally,
    closed: Closed,
    services: Services,
    *,
    narrow: Callable[[Plan], Plan] | None = None,
    until: int = 0,
) -> Response:
    """Plan, dispatch and answer a request; `narrow` leaves those deployments in the plan that hold its state.

    `until` is the epoch second up to which its answer may still be charged, if that can be later than its last byte.

    Raises GatewayError.
    """
    if UPLOAD_MARK in incoming.request.body:
        incoming = _with_references(incoming, tally, services)

    configuration = services.configuration.current()
    tally.config_version, tally.ceiling = configuration.version, configuration.unpriced_ceiling
    tally.adjustments = configuration.adjustments
    plan = services.router.plan(incoming.outline.model, tally.operation, tally.dialect, configuration, tally.caller)
    plan = plan if narrow is None else narrow(plan)
    if (configuration.budgets or configuration.limits) and services.gate is not None:
        incoming, plan = _admitted(incoming, plan, tally, services, configuration, until=until)

    tally.route = plan.route or ""
    route = configuration.routes.get(tally.route) if tally.route else None
    if route is not None and route.archive is not None and services.recorder is not None:
        tally.recorder = services.recorder(route.archive, incoming.request, tally.request_id)
    tally.reasons += [f"{c.deployment.name}: {c.reason}" for c in plan.choices]
    tally.reasons += [f"{r.name}: not used, {r.reason}" for r in plan.rejected]
    tally.deployment = plan.choices[0].deployment
    services.settlement.lines.write(services.open_line(tally))
    exchange, reading = _dispatch(incoming, plan, tally, services)
    return _answer(incoming.resolved(exchange.deployment), exchange, reading, tally, closed)


def _admitted(
    incoming: Incoming, plan: Plan, tally: Tally, services: Services, configuration: Configuration, *, until: int
) -> tuple[Incoming, Plan]:
    """Set aside what the request may cost and use; the bound on its answer or its route may change."""

    def planned(name: str) -> Plan:
        return services.router.plan(name, tally.operation, tally.dialect, configuration, tally.caller)

    if services.gate is None:
        return incoming, plan
    before = services.gate_calls()
    try:
        incoming, plan, ticket = services.gate().admit(incoming, plan, tally, configuration, planned, until=until)
    finally:
        tally.lease_misses = services.gate_calls() - before
    if ticket is not None:
        tally.ticket = ticket
    return incoming, plan


def _with_references(incoming: Incoming, tally: Tally, services: Services) -> Incoming:
    """Return the request with the uploads that it may refer to; they are fetched for the first deployment."""
    from sluice.references import References

    now_ms = int(services.clock.epoch() * 1000)
    found = References(services.uploads, tally.caller.team, tally.dialect, incoming.document, now_ms=now_ms)
    return replace(incoming, references=found)


def _dispatch(incoming: Incoming, plan: Plan, tally: Tally, services: Services) -> tuple[Exchange, Reading]:
    trail = Trail(attempts=tally.attempts, reasons=tally.reasons, trace=tally.trace_headers)
    readings: list[Reading] = []

    def read(deployment: Deployment) -> Reading:
        readings.append(Reading(chat_dialect(deployment.endpoint.dialect), quirks_of(deployment)))
        return readings[-1]

    try:
        exchange = services.dispatcher.run(
            plan,
            lambda deployment: prepare(
                incoming,
                deployment,
                authorize=services.credentials.authorize,
                strict=plan.strict_parameters,
                region=services.region,
            ),
            read,
            trail=trail,
            deadline=incoming.request.deadline,
        )
    except RawError as error:
        tally.deployment = error.deployment
        raise
    finally:
        tally.waited = trail.waited
    tally.deployment = exchange.deployment
    tally.edits = exchange.prepared.edits
    return exchange, readings[-1]


def _answer(incoming: Incoming, exchange: Exchange, reading: Reading, tally: Tally, closed: Closed) -> Response:
    same = exchange.deployment.endpoint.dialect == incoming.dialect
    with_cost = incoming.request.headers.get("x-sluice-include-cost", "").lower() == "true"
    body: bytes | Iterator[bytes]
    if exchange.chunks is not None:
        tally.first_byte = time.monotonic()
        # A format without a stream type of its own (audio) is named by the provider.
        kind = stream_type(incoming.wire) or exchange.answer.headers.get("content-type", "application/octet-stream")
        headers = answer_headers(tally, kind)
        if same:
            swallow = incoming.wire.stream_filter(incoming.document.members)
            body = pass_stream(
                exchange,
                reading,
                tally=tally,
                finish=closed.line,
                swallow=swallow,
                with_cost=with_cost,
                members=incoming.document.members,
            )
        else:
            body = translate_stream(
                exchange,
                reading,
                caller=incoming.wire,
                request=incoming.chat,
                tally=tally,
                finish=closed.line,
                with_cost=with_cost,
            )
        return Response(200, headers, body, closed.after)
    if same:
        body = incoming.passed(pass_body(exchange, reading, tally, incoming.document.members))
    else:
        body = translate_body(exchange, reading, caller=incoming.wire, request=incoming.chat, tally=tally)
    tally.status = exchange.answer.status
    tally.first_byte = time.monotonic()
    cost = tally.cost()[0]
    headers = answer_headers(tally, exchange.answer.headers.get("content-type", JSON) if same else JSON)
    if same:
        # Where the vendor's own client looks for what its bodies do not say.
        told = exchange.answer.headers.items()
        headers.update({name: value for name, value in told if name.startswith("x-amzn-bedrock-")})
    headers["x-sluice-cost-usd"] = f"{cost // 1_000_000_000}.{cost % 1_000_000_000:09d}"
    closed.line()
    return Response(tally.status, headers, body, closed.after)


def _refused(error: GatewayError, tally: Tally, closed: Closed) -> Response:
    """Render an error that has a ledger entry; a provider's own bytes pass where the dialect is the same."""
    tally.first_byte = time.monotonic()
    headers = {**answer_headers(tally, JSON), **error_headers(error, tally.dialect)}
    if not isinstance(error, ProviderError):
        headers.update(error.headers)
    body: bytes
    if isinstance(error, RawError) and error.deployment.endpoint.dialect == tally.dialect:
        # A 200 that holds an error would be read as an answer.
        tally.status = error.answer_status if error.answer_status >= 400 else error.http_status
        from sluice.dialects.masking import masked_keys

        headers["content-type"] = error.headers.get("content-type", JSON)
        # Vendors quote a part of the key they refused; it is the company's, not the caller's.
        body = masked_keys(error.body)
    else:
        body = envelope(error, tally.dialect, tally.request_id)
    closed.line()
    return Response(tally.status, headers, body, closed.after)


def envelope(error: GatewayError, dialect: str, request_id: str) -> bytes:
    """Return the error in the caller's dialect."""
    return to_bytes(chat_dialect(dialect).encode_error(error, request_id))


def error_headers(error: GatewayError, dialect: str) -> dict[str, str]:
    """Return the headers that tell an SDK whether and when to try again, and what its dialect says in headers."""
    headers = {
        "x-should-retry": "true" if error.may_retry else "false",
        "x-sluice-error-source": "provider" if isinstance(error, ProviderError) else "gateway",
    }
    if error.retry_after is not None:
        headers["retry-after"] = str(max(int(-(-error.retry_after // 1)), 1))
    own = getattr(chat_dialect(dialect), "error_headers", None)
    return headers if own is None else {**headers, **own(error)}


def answer_headers(tally: Tally, content_type: str) -> dict[str, str]:
    """Return the headers of every answer to an authenticated request."""
    headers = {
        "content-type": content_type,
        "cache-control": "no-store",
        "x-request-id": tally.request_id,
        "x-sluice-cache": "off",
        "x-sluice-attempts": str(len(tally.attempts)),
        "x-sluice-overhead-ms": f"{tally.overhead_us(time.monotonic()) / 1000:.3f}",
    }
    if tally.trace.trace_id:
        headers["traceresponse"] = tally.trace.header(span_id(tally.request_id))
    if tally.dialect.startswith("anthropic"):
        headers["request-id"] = tally.request_id  # where Anthropic's SDKs look for it
    if tally.deployment is not None:
        headers["x-sluice-provider"] = tally.deployment.provider.name
        headers["x-sluice-model"] = tally.deployment.model.id
    if tally.ticket is not None:
        headers.update(tally.ticket.headers)
    if tally.edits:
        headers["x-sluice-edits"] = ",".join(tally.edits)[:1024]
    return headers
