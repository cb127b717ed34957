"""What a caller may do with a stored response: read it, tell it again, list its input, cancel it, delete it.

Each is free, has its ledger entry, and serves the team that owns the response; for all others there is no such
response, in the vendor's words (API errors, 2026-11).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace

from sluice.dialects import EVENTS, JSON
from sluice.dialects import openai_responses as wire
from sluice.dialects.openai_responses.ids import is_id
from sluice.dialects.openai_responses.replay import replay
from sluice.dialects.openai_responses.stored import deleted, page, unpack
from sluice.endpoints import Match
from sluice.errors import BadRequest, NotFound, ProviderError
from sluice.metering.tally import Tally
from sluice.pipeline import Services, Step, answer_headers, run
from sluice.settle import Closed
from sluice.stored_responses.relaying import charge_unread, gone, relayed
from sluice.types.http import Request, Response
from sluice.types.stored import StoredResponse


class ResponseNotFound(NotFound):
    """The caller's team has no response of this id."""

    type = "invalid_request_error"
    code = "response_not_found"


class StoredResponses:
    """The use cases, each `(request, match) -> Response`. Raise GatewayError when there is no valid key."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def retrieve(self, request: Request, match: Match) -> Response:
        """Return a response, as a stream with `?stream=true`."""

        def step(request: Request, tally: Tally, closed: Closed, services: Services) -> Response:
            record = self._found(match, tally)
            if record.native:
                return relayed(record, request, "", method="GET", tally=tally, closed=closed, services=services)
            answer = unpack(record.content)[1]
            if request.query.get("stream") == "true":
                tally.stream = True
                return _told(replay(answer, _after(request)), tally, closed)
            return _json(answer, tally, closed)

        return self._run(request, "response_retrieve", step)

    def input_items(self, request: Request, match: Match) -> Response:
        """List the input items of a response."""

        def step(request: Request, tally: Tally, closed: Closed, services: Services) -> Response:
            record = self._found(match, tally)
            if record.native:
                suffix = "/input_items"
                return relayed(record, request, suffix, method="GET", tally=tally, closed=closed, services=services)
            return _json(page(record.id, unpack(record.content)[0], request.query), tally, closed)

        return self._run(request, "response_input_items", step)

    def cancel(self, request: Request, match: Match) -> Response:
        """Cancel a background response; the gateway's own are never in the background."""

        def step(request: Request, tally: Tally, closed: Closed, services: Services) -> Response:
            record = self._found(match, tally)
            if not record.native:
                raise BadRequest("Cannot cancel a synchronous response.", code="response_not_in_background")
            return relayed(record, request, "/cancel", method="POST", tally=tally, closed=closed, services=services)

        return self._run(request, "response_cancel", step)

    def delete(self, request: Request, match: Match) -> Response:
        """Delete a response, at its provider first where one keeps it."""

        def step(request: Request, tally: Tally, closed: Closed, services: Services) -> Response:
            record = self._found(match, tally)
            answer: Response | None = None
            if record.native:
                charge_unread(record, request, tally, services)
                settled = replace(record, charged=True, due=False)
                try:
                    answer = relayed(
                        settled, request, "", method="DELETE", tally=tally, closed=closed, services=services
                    )
                except ProviderError as error:
                    if gone(error):
                        self._drop(record)
                    raise
            self._drop(record)
            return answer or _json(deleted(record.id), tally, closed)

        return self._run(request, "response_delete", step)

    def _run(self, request: Request, operation: str, step: Step) -> Response:
        return run(request, operation, wire.NAME, self._services, step=step)

    def _found(self, match: Match, tally: Tally) -> StoredResponse:
        """Return the response of the caller's team. Raises ResponseNotFound."""
        tally.free = True
        identity, store = match.param("response_id"), self._services.responses
        record = store().find(tally.caller.team, identity) if store is not None and is_id(identity) else None
        if record is None:
            raise ResponseNotFound(f"Response with id '{identity[:80]}' not found.")
        tally.requested = record.deployment
        return record

    def _drop(self, record: StoredResponse) -> None:
        if self._services.responses is not None:
            self._services.responses().delete(record.team, record.id)


def _after(request: Request) -> int:
    text = request.query.get("starting_after", "")
    if not text:
        return -1
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadRequest("'starting_after' must be the sequence number of an event.", param="starting_after")
    return int(text)


def _told(events: Iterator[bytes], tally: Tally, closed: Closed) -> Response:
    tally.first_byte = time.monotonic()
    closed.line()
    return Response(200, answer_headers(tally, EVENTS), events, closed.after)


def _json(body: object, tally: Tally, closed: Closed) -> Response:
    tally.first_byte = time.monotonic()
    closed.line()
    return Response(200, answer_headers(tally, JSON), json.dumps(body, ensure_ascii=False).encode(), closed.after)
