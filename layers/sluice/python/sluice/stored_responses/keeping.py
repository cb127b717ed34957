"""Keeps the answer of one request before its last byte leaves, so that the next turn may come at once, anywhere.

A `Keeper` stands where the caller's dialect stands. It gives answers of other dialects an id of the gateway's own, says
truly whether the answer is stored, and writes it: whole where the gateway keeps it, else the record of where it is. A
failed write costs the caller nothing but the storing: the answer says `store: false`, and a line is logged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from sluice.calls import Incoming, quirks_of
from sluice.dialects import openai_responses as wire
from sluice.dialects.base import ChatDialect, JsonObject
from sluice.dialects.openai_responses.ids import is_id, new_id
from sluice.dialects.openai_responses.meter import ended, events_of
from sluice.dialects.openai_responses.names import ENCRYPTED, RUNNING, TERMINAL
from sluice.dialects.openai_responses.stored import pack
from sluice.dialects.splice import Document, parse_body
from sluice.metering.tally import Tally
from sluice.ports import ResponseStore
from sluice.types.routes import Deployment
from sluice.types.stored import StoredResponse

if TYPE_CHECKING:
    from sluice.dialects.openai_responses.stream_out import StreamWriter
    from sluice.errors import GatewayError
    from sluice.types.budgets import StandingHold
    from sluice.types.chat import ChatRequest, ChatResponse
    from sluice.types.stream import StreamEvent

DAYS = 30
"""How long an answer is kept: as long as the vendor keeps one (API reference, 2026-11)."""
_WHOLE = ("completed", "incomplete")


@dataclass(frozen=True)
class Turn:
    """What a request adds to a conversation, and what it follows.

    `items` is its own input, references resolved; `chain` the ids of the turns before it that the gateway keeps, oldest
    first; `previous` the id it named; `stores` whether its answer is to be kept.
    """

    items: list[object]
    stores: bool
    background: bool = False
    previous: str | None = None
    chain: tuple[str, ...] = ()

    @property
    def noted(self) -> bool:
        """Whether anything of its answer is to be written."""
        return self.stores or self.background


class Keeper:
    """The caller's dialect for one request, which keeps its answer."""

    def __init__(
        self,
        turn: Turn,
        tally: Tally,
        store: ResponseStore | None,
        *,
        now: Callable[[], float],
        report: Callable[[str, BaseException, str], None],
    ) -> None:
        self._turn = turn
        self._tally = tally
        self._store = store
        self._now = now
        self._report = report
        self._noted = False
        self._writer: StreamWriter | None = None

    def __getattr__(self, name: str) -> object:
        return getattr(wire, name)

    def decode_request(self, body: JsonObject) -> ChatRequest:
        """Return the canonical request, without what the gateway itself does for answers of other dialects."""
        members = {name: value for name, value in body.items() if name != "store"}
        include = body.get("include")
        if isinstance(include, list):
            members["include"] = [word for word in include if word != ENCRYPTED]  # their reasoning is always sealed
        return wire.decode_request(members)

    def encode_response(self, response: ChatResponse, request: ChatRequest) -> dict[str, object]:
        """Return the body of a whole answer, kept."""
        return self._kept(wire.encode_response(replace(response, id=new_id()), self._told(request)))

    def encode_stream(self, events: Iterable[StreamEvent], request: ChatRequest) -> Iterator[bytes]:
        """Yield the stream; the answer is kept before the event that ends it."""
        from sluice.dialects.openai_responses.stream_out import StreamWriter, written

        self._writer = StreamWriter(self._told(request), self._kept)
        return written(self._writer, _named(events))

    def stream_error_bytes(self, error: GatewayError, request_id: str) -> bytes:
        """Return the events that end a broken stream, numbered on where the stream was written here."""
        if self._writer is None or self._writer.over:
            return wire.stream_error_bytes(error, request_id)
        return self._writer.fail(error)

    def stream_filter(self, body: JsonObject) -> Callable[[bytes], bytes] | None:  # noqa: ARG002 - one signature
        """Return what keeps the answer of a provider's own stream as it passes."""
        return self._watch if self._turn.noted else None

    def whole(self, body: bytes) -> bytes:
        """Keep a provider's own whole answer; return it, corrected where it is wrong about that."""
        if not self._turn.noted:
            return body
        document = parse_body(body)
        stored = self._settle(document.members)
        if _says(document.members, stored):
            return body
        text = document.edited({"store": stored})
        return text if isinstance(text, bytes) else text.encode()

    def _told(self, request: ChatRequest) -> ChatRequest:
        told = {"store": self._turn.stores, "previous_response_id": self._turn.previous}
        return replace(request, extras={**request.extras, **told})

    def _kept(self, answer: dict[str, object]) -> dict[str, object]:
        return {**answer, "store": self._turn.stores and self._settle(answer)}

    def _watch(self, block: bytes) -> bytes:
        if self._turn.background and not self._noted and (began := _first_answer(block)) is not None:
            # Whoever starts one may leave at once and ask for it later.
            self._settle(began)
        if ended(block) is None:
            return block
        lines = block.split(b"\n")
        for position, line in enumerate(lines):
            if line.startswith(b"data:") and ended(line) is not None:
                lines[position] = self._ended(line)
        return b"\n".join(lines)

    def _ended(self, line: bytes) -> bytes:
        try:
            document = Document(line[5:].decode())
        except Exception:
            return line  # whatever it is, it passes
        answer = document.members.get("response")
        if document.members.get("type") not in TERMINAL or not isinstance(answer, dict):
            return line
        stored = self._settle(answer)
        if _says(answer, stored):
            return line
        return b"data: " + document.edited({"response": {**answer, "store": stored}}).encode()

    def _settle(self, answer: Mapping[str, object]) -> bool:
        """Write what is to be kept of an answer; return whether it is stored, here or at its provider.

        A background answer is recorded even where it is not stored: its provider holds it until it is fetched.
        """
        deployment = self._tally.deployment
        if deployment is None or self._store is None or not is_id(answer.get("id")):
            return False
        native = keeps_answers(deployment)
        refused = native and answer.get("store") is False
        whole = self._turn.stores and answer.get("status") in _WHOLE
        if (refused and not self._turn.background) or not (native or whole):
            return False
        try:
            if not self._charges(answer, self._store):
                return not refused
            self._store.put(self._record(answer, deployment, native))
            self._noted = True
        except Exception as error:
            # The answer is paid for and whole; only the next turn will have to bring it along.
            self._report("response_not_stored", error, self._tally.request_id)
            return False
        return not refused

    def _charges(self, answer: Mapping[str, object], store: ResponseStore) -> bool:
        """Return whether an answer is to be written; one that is recorded already has its end charged once."""
        if answer.get("status") in RUNNING:
            return True
        if self._noted and not store.charge(self._tally.caller.team, str(answer["id"])):
            return False  # another request has read its end, or it was deleted
        self._tally.free = False
        if self._tally.ticket is not None:
            self._tally.ticket.take_back()
        return True

    def _waits(self) -> tuple[StandingHold, ...]:
        """Leave the charge to whoever reads the answer's end; return what was set aside for it."""
        self._tally.free = True
        return self._tally.ticket.keep() if self._tally.ticket is not None else ()

    def _record(self, answer: Mapping[str, object], deployment: Deployment, native: bool) -> StoredResponse:
        now = int(self._now())
        charged = answer.get("status") not in RUNNING
        return StoredResponse(
            id=str(answer["id"]),
            team=self._tally.caller.team,
            key_id=self._tally.caller.key.id,
            provider=deployment.provider.name,
            model=deployment.model.id,
            upstream_model=deployment.upstream_model,
            created=now,
            expires=now + DAYS * 86_400,
            region=deployment.region or "",
            native=native,
            background=self._turn.background,
            charged=charged,
            holds=() if charged else self._waits(),
            chain=() if native else self._turn.chain,
            user=self._tally.user,
            content=b"" if native else pack(self._turn.items, {**answer, "store": True}),
        )


@dataclass(frozen=True)
class Kept(Incoming):
    """A request whose answer is kept. (Its keeper always stands; the default only lets it follow the others.)"""

    keeper: Keeper | None = None

    def passed(self, body: bytes) -> bytes:
        """Keep a provider's own whole answer, before the request is settled."""
        return body if self.keeper is None else self.keeper.whole(body)

    @property
    def wire(self) -> ChatDialect:
        """The keeper, in the place of the caller's dialect."""
        return cast(ChatDialect, self.keeper)


def keeps_answers(deployment: Deployment) -> bool:
    """Return whether a provider keeps the answers it gives to this dialect."""
    return deployment.endpoint.dialect == wire.NAME and quirks_of(deployment).get("stores_responses") is not False


def _named(events: Iterable[StreamEvent]) -> Iterator[StreamEvent]:
    """Yield the events, the answer's id replaced by one of the gateway's own."""
    from sluice.types.stream import Start

    identity = new_id()
    for event in events:
        yield replace(event, id=identity) if isinstance(event, Start) else event


def _says(answer: Mapping[str, object], stored: bool) -> bool:
    """Return whether an answer tells truly that it is stored, or not; one that says nothing is taken for stored."""
    return (answer.get("store") is not False) is stored


def _first_answer(block: bytes) -> Mapping[str, object] | None:
    for event in events_of(block):
        answer = event.get("response")
        if isinstance(answer, Mapping):
            return answer
    return None
