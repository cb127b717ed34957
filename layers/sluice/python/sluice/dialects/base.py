"""What a chat dialect module offers: both halves of one wire format, as plain functions of the module.

What dialects say that change nothing is here too: `no_edits`, `path_edits`, `stream_filter`.

Pass-through (same dialect in and out) uses `outline`, `Meter`, `read_usage`, `stream_error`; translation uses the
rest. `outline` and the meter are in modules that import none of the canonical types, so a pass-through keeps
its cold start small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sluice.errors import GatewayError, ProviderError
    from sluice.types.chat import ChatRequest, ChatResponse
    from sluice.types.stream import StreamEvent
    from sluice.types.usage import Usage

JsonObject = Mapping[str, object]

EMPTY: JsonObject = MappingProxyType({})
"""No quirks."""

REMOVED: object = object()
"""In `pass_edits`: take the member away."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What the gateway needs of a request it does not translate.

    `max_output` is the caller's own bound on output tokens; `prompt_bytes` counts the UTF-8 bytes of the body, from
    which an upper bound of the prompt's tokens follows; `choices` is how many answers were asked for.
    """

    model: str
    stream: bool
    include_usage: bool
    max_output: int | None
    choices: int
    prompt_bytes: int


@dataclass(frozen=True, slots=True)
class Encoded:
    """A provider request body, and what was changed on the way (`renamed:max_tokens`, `dropped:seed`)."""

    body: dict[str, object]
    edits: tuple[str, ...] = ()


def no_edits(body: JsonObject, quirks: JsonObject = EMPTY) -> dict[str, object]:  # noqa: ARG001 - one signature
    """Return no edits: the body is the provider's own."""
    return {}


def path_edits(body: JsonObject, quirks: JsonObject = EMPTY) -> dict[str, object]:  # noqa: ARG001 - one signature
    """Take the members away that stand in the path: the inbound side put them into the body."""
    return {name: REMOVED for name in ("model", "stream") if name in body}


def stream_filter(body: JsonObject) -> Callable[[bytes], bytes] | None:  # noqa: ARG001 - one signature
    """Return None: every event of a stream belongs to the caller."""
    return None


class Meter(Protocol):
    """Reads usage and the end from the bytes of one stream, after they were forwarded.

    `finished` is true once the answer was said to be complete (a finish reason or the dialect's last event). Reading
    `usage` may parse what `feed` only kept: read it once, at the end.
    """

    @property
    def usage(self) -> Usage | None:
        """The usage reported so far."""

    @property
    def finished(self) -> bool:
        """Whether the answer was said to be complete."""

    def feed(self, block: bytes) -> None:
        """Take whole events (never a part of one)."""

    def estimate(self) -> Usage:
        """Return a guess of output tokens from what was forwarded, marked `estimated`."""


class Framing(Protocol):
    """Cuts the bytes of one streamed answer into whole events; what it returns joined is the stream."""

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes; return all events that are now whole (maybe none)."""

    def rest(self) -> bytes:
        """Return the unfinished tail, at the stream's end."""

    def begun(self, block: bytes) -> bool:
        """Return whether `block`, all whole events so far, holds the answer's first event.

        What comes before it (comments, an announcement of the answer) is held back, so that a failure behind it can
        still go to another deployment. Raises ProviderGarbled when the first event cannot be read.
        """


class Body(Protocol):
    """A caller's body whose top-level members can be read, and changed without touching the rest."""

    @property
    def members(self) -> dict[str, object]:
        """The members by name."""

    def edited(self, edits: Mapping[str, object]) -> str | bytes:
        """Return the body with members replaced, added, or taken away (REMOVED)."""


class ChatDialect(Protocol):
    """One wire format.

    A module may also export, where the defaults do not fit (`sluice.dialects` looks them up):

    - `STREAM_TYPE`, the content type of its streamed answers (server-sent events; "" = as the provider says), and
      `ACCEPT`, what a provider is asked for when the answer is not streamed (application/json);
    - `framing() -> Framing` (server-sent events);
    - `body_error(body, headers) -> ProviderError | None` for whole 200 answers, raising ProviderGarbled for a cut one
      (one JSON object, an error where it has an `error` member and no answer);
    - `answer_usage(body, headers, members, quirks) -> Usage | None`, asked instead of `read_usage` where the usage
      stands in headers or follows from the request;
    - `request_meter(members, quirks) -> Meter`, asked instead of `meter` where the usage of a stream follows from the
      request;
    - `model_edits(members, model) -> dict`, members that name the model anew where it stands elsewhere than in `model`;
    - `finished_body(body, members) -> bytes`, a passed answer as the caller asked for it;
    - `parse(request) -> Body` and `content_type(request) -> str` for bodies that are no JSON object;
    - `error_headers(error) -> dict` for what its errors say in headers.
    """

    NAME: str

    # --- the caller's side -------------------------------------------------------------------------------
    def outline(self, body: JsonObject, size: int) -> Outline:
        """Check the caller's request and return what the gateway must know.

        Unknown members are let through. Raises BadRequest naming the parameter and the remedy.
        """

    def decode_request(self, body: JsonObject) -> ChatRequest:
        """Return the canonical request. Raises BadRequest."""

    def encode_response(self, response: ChatResponse, request: ChatRequest) -> dict[str, object]:
        """Return the body of a whole answer."""

    def encode_stream(self, events: Iterable[StreamEvent], request: ChatRequest) -> Iterator[bytes]:
        """Yield the wire bytes of a stream, each item one or more whole events.

        A `StreamFailed` becomes the dialect's error event; nothing follows it.
        """

    def encode_error(self, error: GatewayError, request_id: str) -> dict[str, object]:
        """Return the error envelope."""

    def stream_error_bytes(self, error: GatewayError, request_id: str) -> bytes:
        """Return the event that ends a broken stream; b"" breaks the connection off, where there is no such event."""

    def keep_alive(self) -> bytes:
        """Return the bytes that keep an idle stream open."""

    # --- the provider's side -----------------------------------------------------------------------------
    def encode_request(self, request: ChatRequest, model: str, quirks: JsonObject, strict: bool) -> Encoded:
        """Return the provider's request body for `model`.

        What cannot be expressed is dropped and reported, or refused when `strict` or when dropping it would
        change the meaning. Raises UnsupportedParameter.
        """

    def decode_response(self, body: JsonObject, quirks: JsonObject = EMPTY) -> ChatResponse:
        """Return the canonical answer.

        Raises:
            ProviderError: the body is an error in a 200 answer.
            ProviderGarbled: the body is not of this dialect.
        """

    def decode_stream(self, chunks: Iterable[bytes], quirks: JsonObject = EMPTY) -> Iterator[StreamEvent]:
        """Yield canonical events from bytes cut at any place. Never raises on odd events: it skips or reports.

        b"" items (idle ticks) must be tolerated and ignored.
        """

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """Return the provider's error, whatever the shape of its body."""

    # --- pass-through ------------------------------------------------------------------------------------
    def pass_edits(self, body: JsonObject, quirks: JsonObject) -> dict[str, object]:
        """Return the top-level members to set before the body is passed on (REMOVED drops one), model excepted.

        Only what is required: usage asked for in streams, and declared quirks of the provider. A `policy.Changes` says
        what is to be reported of them and what a strict route refuses; of a plain dict the bare names are reported.
        """

    def stream_filter(self, body: JsonObject) -> Callable[[bytes], bytes] | None:
        """Return a function from whole events to the bytes to forward, or None when all pass.

        It swallows the usage chunk that the gateway asked for and the caller did not.
        """

    def meter(self, quirks: JsonObject = EMPTY) -> Meter:
        """Return a fresh meter for one stream."""

    def read_usage(self, body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:
        """Return the usage of a whole 200 answer, or None."""

    def stream_error(self, event: bytes) -> ProviderError | None:
        """Return the error that one whole event of a 200 stream reports, if it is one."""
