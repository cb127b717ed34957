"""The Responses API with its stored state: turns, background answers, look-ups (API reference, 2026-11).

Answers are kept in memory, the latest thousand. A background answer is queued when it is asked for and completed when
it is read for the second time; one that was cancelled stays so.
"""

from __future__ import annotations

import json
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sluice.local.simulator import responses_answer, responses_request, script, shape
from sluice.local.simulator.conversation import Ask, Refused
from sluice.local.simulator.playback import Reply
from sluice.local.simulator.shape import Json, Object, expect

_KEPT = 1000
_READS = 2
"""How often a background answer is read until it is there."""
_UNFINISHED = ("queued", "in_progress")
Asked = Callable[[Object, Mapping[str, str]], "Ask | Reply"]


@dataclass(slots=True)
class _Turn:
    items: list[Object]
    before: str | None
    answer: Object
    whole: Object
    reads: int = 0


class Responses:
    """All responses of this simulator. `asked` reads a Chat Completions request, or gives the fault it asks for."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._kept: OrderedDict[str, _Turn] = OrderedDict()

    def reply(
        self, method: str, place: str, query: Mapping[str, str], body: bytes, headers: Mapping[str, str]
    ) -> Reply:
        """Serve what is at and below `responses`; `place` is the rest of the path."""
        identity, _, act = place.strip("/").partition("/")
        if method == "POST" and identity in ("", "input_tokens"):
            return self._create(shape.parsed(body), headers, counted=identity != "")
        turn = self._kept.get(identity)
        if turn is None:
            raise Refused(404, f"Response with id '{identity}' not found.")
        if (method, act) == ("GET", ""):
            return self._read(turn, query)
        if (method, act) == ("DELETE", ""):
            del self._kept[identity]
            return Reply(200, {}, {"id": identity, "object": "response.deleted", "deleted": True})
        if (method, act) == ("POST", "cancel"):
            return _cancelled(turn)
        if (method, act) == ("GET", "input_items"):
            return _listed(identity, turn, query)
        raise Refused(404, f"Unknown request URL: {method} /v1/responses/{place}.", code="unknown_url")

    def _create(self, body: Object, headers: Mapping[str, str], *, counted: bool) -> Reply:
        items, before = responses_request.items_of(body), body.get("previous_response_id")
        asked = self._asked(responses_request.chat_request(body, [*self._before(before), *items]), headers)
        if isinstance(asked, Reply):
            return asked
        if counted:
            return Reply(200, {}, {"object": "response.input_tokens", "input_tokens": asked.prompt.total})
        identity = f"resp_sim{uuid.uuid4().hex}"
        (answer, *_) = script.answers(asked)
        begun = responses_answer.frame(identity, body, asked)
        whole = responses_answer.body(identity, body, asked, answer)
        background = body.get("background") is True
        given = {**begun, "status": "queued"} if background and not asked.stream else whole
        if whole["store"]:
            self._kept[identity] = _Turn(items, before, given, whole)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        reply = Reply(200, {}, None, model=asked.model, directive=asked.directive, broken=responses_answer.error_event)
        reply.output = answer.output
        if asked.stream:
            reply.events = responses_answer.events(whole, begun)
        else:
            reply.body = json.dumps(given, ensure_ascii=False).encode()
        return reply

    def _before(self, identity: Json) -> list[Object]:
        """Return the items of the turns that a request follows."""
        if identity is None:
            return []
        turn = self._kept.get(str(identity))
        if turn is None:
            told = f"Previous response with id '{identity}' not found."
            raise Refused(400, told, param="previous_response_id", code="previous_response_not_found")
        return [*self._before(turn.before), *turn.items, *turn.whole["output"]]

    def _read(self, turn: _Turn, query: Mapping[str, str]) -> Reply:
        if turn.answer["status"] in _UNFINISHED:
            turn.reads += 1
            turn.answer = turn.whole if turn.reads >= _READS else {**turn.answer, "status": "in_progress"}
        if query.get("stream") != "true":
            return Reply(200, {}, turn.answer)
        expect(turn.whole["background"], "Only a response made in the background can be streamed again.")
        after = int(query.get("starting_after", "-1"))
        begun = {**turn.whole, "status": "in_progress", "output": [], "usage": None}
        told = list(responses_answer.events(turn.whole, begun))
        return Reply(200, {}, None, events=iter(told[after + 1 :]))


def _cancelled(turn: _Turn) -> Reply:
    expect(turn.whole["background"], "Cannot cancel a synchronous response.")
    if turn.answer["status"] in _UNFINISHED:
        turn.answer = {**turn.answer, "status": "cancelled"}
    return Reply(200, {}, turn.answer)


def _listed(identity: str, turn: _Turn, query: Mapping[str, str]) -> Reply:
    name = identity.removeprefix("resp_")
    items = [{"id": f"msg_{name}in{place}", **item} for place, item in enumerate(turn.items)]
    if query.get("order", "desc") == "desc":
        items.reverse()
    ids = [item["id"] for item in items]
    start = ids.index(query["after"]) + 1 if query.get("after") in ids else 0
    shown = items[start : start + int(query.get("limit", "20"))]
    ends = {"first_id": shown[0]["id"], "last_id": shown[-1]["id"]} if shown else {"first_id": None, "last_id": None}
    more = start + len(shown) < len(items)
    return Reply(200, {}, {"object": "list", "data": shown, **ends, "has_more": more})
