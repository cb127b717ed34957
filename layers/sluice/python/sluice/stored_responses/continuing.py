"""What a request follows: the response that `previous_response_id` names, and the items that its input refers to.

What the gateway keeps becomes input, so that the turn can go to any provider. What a provider keeps binds the turn to
that provider. Whatever belongs to another team is not found.
"""

from __future__ import annotations

from dataclasses import dataclass

from sluice.dialects.base import REMOVED, JsonObject
from sluice.dialects.openai_responses.ids import is_id
from sluice.dialects.openai_responses.stored import given_input, references, replayed_input, resolved
from sluice.errors import BadRequest
from sluice.ports import ResponseStore
from sluice.types.stored import StoredResponse

PREVIOUS = "previous_response_id"


@dataclass(frozen=True)
class Continuation:
    """`items` is the request's own input, `edits` what to change of its body, `native` the response it is bound to."""

    items: list[object]
    edits: dict[str, object]
    previous: str | None = None
    chain: tuple[str, ...] = ()
    native: StoredResponse | None = None


def continued(body: JsonObject, team: str, store: ResponseStore | None) -> Continuation:
    """Return what a request of a team follows.

    Raises BadRequest: there is no such response, a turn of it is gone, or nothing is stored at all (`store` is None).
    """
    items = given_input(body)
    edits: dict[str, object] = {}
    pointed = references(items)
    if pointed and store is not None:
        found = store.find_all(team, dict.fromkeys(pointed.values()))
        kept = [record.content for record in found.values() if record.content]
        if kept:
            items = resolved(items, kept)
            edits["input"] = items
    previous = body.get(PREVIOUS)
    if previous is None:
        return Continuation(items, edits)
    if store is None:
        raise BadRequest(
            "This gateway stores no responses (stored_responses is off in its configuration), so there is none to go "
            "on from. Send the whole conversation as input.",
            param=PREVIOUS,
            code="responses_not_stored",
        )
    record = found_previous(previous, team, store)
    if record.native:
        return Continuation(items, edits, previous=record.id, native=record)
    chain = (*record.chain, record.id)
    edits = {PREVIOUS: REMOVED, "input": [*replayed_input(_turns(record, team, store)), *items]}
    return Continuation(items, edits, previous=record.id, chain=chain)


def found_previous(named: object, team: str, store: ResponseStore) -> StoredResponse:
    """Return the response that a request names. Raises BadRequest in the vendor's words (API errors, 2026-11)."""
    if not is_id(named):
        raise BadRequest(
            "Invalid 'previous_response_id': it must be the id of a response: letters, numbers, underscores or dashes.",
            param=PREVIOUS,
            code="invalid_value",
        )
    record = store.find(team, str(named))
    if record is None:
        raise BadRequest(
            f"Previous response with id '{named}' not found.", param=PREVIOUS, code="previous_response_not_found"
        )
    return record


def _turns(record: StoredResponse, team: str, store: ResponseStore) -> list[bytes]:
    """Return the contents of a response's turns, its own last. Raises BadRequest when one of them is gone."""
    before = store.find_all(team, record.chain) if record.chain else {}
    for earlier in record.chain:
        if earlier not in before:
            raise BadRequest(
                f"Response {record.id!r} cannot be followed: {earlier!r}, an earlier turn of it, was deleted or has "
                "expired. Send the whole conversation as input.",
                param=PREVIOUS,
                code="previous_response_not_found",
            )
    return [*(before[earlier].content for earlier in record.chain), record.content]
