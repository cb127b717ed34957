"""POST /v1/responses: what the request follows is found, the request is served, and its answer is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sluice.calls import Incoming
from sluice.dialects import openai_responses as wire
from sluice.dialects.base import JsonObject
from sluice.dialects.splice import parse_body
from sluice.errors import BadRequest
from sluice.metering.tally import Tally
from sluice.pipeline import Services, read, respond, run
from sluice.ports import ResponseStore
from sluice.routing.pinning import pinned
from sluice.settle import Closed
from sluice.stored_responses.continuing import Continuation, continued
from sluice.stored_responses.keeping import DAYS, Keeper, Kept, Turn
from sluice.types.http import Request, Response
from sluice.types.routes import Plan


def create(request: Request, services: Services) -> Response:
    """Serve one request. Raises GatewayError when there is no valid key."""
    return run(request, "chat", wire.NAME, services, step=_create)


def store_of(services: Services) -> ResponseStore | None:
    """Return where responses are kept, None where the configuration turned that off."""
    if services.responses is None or not services.configuration.current().stored_responses:
        return None
    return services.responses()


def edited(incoming: Incoming, edits: dict[str, object], tally: Tally) -> Incoming:
    """Return a request with members of its body changed."""
    if not edits:
        return incoming
    text = incoming.document.edited(edits)
    body = text if isinstance(text, bytes) else text.encode()
    document = parse_body(body)
    outline = wire.outline(document.members, len(body))
    tally.prompt_bytes = outline.prompt_bytes
    return replace(incoming, request=replace(incoming.request, body=body), document=document, outline=outline)


def bound_to(kept: Continuation) -> Callable[[Plan], Plan] | None:
    """Return what leaves in a plan the provider that keeps what a request follows."""
    native = kept.native
    return None if native is None else lambda plan: pinned(plan, native, wire.NAME)


def _create(request: Request, tally: Tally, closed: Closed, services: Services) -> Response:
    incoming = read(request, tally)
    members = incoming.document.members
    store = store_of(services)
    past = continued(members, tally.caller.team, store)
    edits = past.edits if store is not None else {**past.edits, **_unstored(members)}
    turn = Turn(
        items=past.items,
        stores=store is not None and members.get("store") is not False,
        background=members.get("background") is True,
        previous=past.previous,
        chain=past.chain,
    )
    keeper = Keeper(turn, tally, store, now=services.clock.epoch, report=services.settlement.report)
    sent = edited(incoming, edits, tally)
    kept = Kept(sent.request, sent.operation, sent.dialect, sent.document, sent.outline, keeper=keeper)
    return respond(kept, tally, closed, services, narrow=bound_to(past), until=_until(turn, services))


def _until(turn: Turn, services: Services) -> int:
    """Return when the holds of an answer expire that may be charged later, 0 for one that is charged at once."""
    if not turn.background or services.gate is None:
        return 0
    from sluice.governance.leases import LONGEST_REQUEST

    return int(services.clock.epoch()) + DAYS * 86_400 + LONGEST_REQUEST


def _unstored(members: JsonObject) -> dict[str, object]:
    """Return the edits of a request where nothing may be stored, at the provider neither. Raises BadRequest."""
    if members.get("background") is True:
        raise BadRequest(
            "This gateway stores no responses (stored_responses is off in its configuration), so an answer made in the "
            "background could not be fetched. Send the request without background, or stream it.",
            param="background",
            code="responses_not_stored",
        )
    return {} if members.get("store") is False else {"store": False}
