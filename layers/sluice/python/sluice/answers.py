"""Turns a successful exchange into the caller's answer: bytes passed through, or translated between dialects.

Pass-through forwards whole events as they come and lets a meter read them afterwards; translation decodes canonical
events and encodes them again. Either way a stream that breaks ends with the dialect's own error event, and `finish`
runs exactly once, just before the last byte leaves or when the caller has gone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, cast

from sluice.dialects import EVENTS, framing, meter_of, stream_type
from sluice.dialects.base import EMPTY, ChatDialect, Framing, Meter
from sluice.dialects.splice import Document, to_bytes
from sluice.dialects.sse import only_comments
from sluice.dispatch import Exchange
from sluice.errors import GatewayError, InternalError, ProviderError, ProviderGarbled, ProviderUnreachable
from sluice.metering.tally import Tally
from sluice.types.routes import Deployment
from sluice.types.usage import Usage

if TYPE_CHECKING:
    from sluice.types.chat import ChatRequest, ChatResponse
    from sluice.types.stream import StreamEvent


class Reading:
    """Reads one attempt's answer in the deployment's dialect: `dispatch.Reader`, and the splitter it used."""

    __slots__ = ("blocks", "dialect", "quirks")

    def __init__(self, dialect: ChatDialect, quirks: Mapping[str, object]) -> None:
        self.dialect = dialect
        self.quirks = quirks
        self.blocks: Framing = framing(dialect)

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """Return the error that an answer with an error status reports."""
        return self.dialect.decode_error(status, headers, body)

    def body_error(self, body: bytes, headers: Mapping[str, str]) -> ProviderError | None:
        """Return the error that a whole 200 answer reports, if it is one. Raises ProviderGarbled for a cut answer."""
        own = getattr(self.dialect, "body_error", None)
        if own is not None:
            return cast("ProviderError | None", own(body, headers))
        whole = body.strip()  # some hosts keep the connection alive with spaces
        if whole[:1] != b"{" or whole[-1:] != b"}":
            raise ProviderGarbled("The provider's answer is not a whole JSON object.")
        if b'"error"' not in body:
            return None
        try:
            found = json.loads(body)
        except ValueError:
            return None
        if not isinstance(found, dict):
            return None
        if not found.get("error") or found.get("choices") or found.get("content"):
            return None
        return self.dialect.decode_error(200, headers, body)

    def first_events(self, chunks: Iterator[bytes], sent: Deployment) -> bytes:
        """Return the first whole events; what only announces the answer does not count.

        An announcement is held until the first idle tick: whoever waits for a model that thinks gets keep-alives.
        """
        held = b""
        for chunk in chunks:
            if not chunk and held and not only_comments(held):
                return held
            whole = self.blocks.feed(chunk) if chunk else b""
            if not whole:
                continue
            held += whole
            begun = self.blocks.begun(held)
            error = self.dialect.stream_error(held) if _may_report(held) else None
            if error is not None:
                raise error
            if begun:
                return held
        rest = held + self.blocks.rest()
        if not rest or not self.blocks.begun(rest):
            raise ProviderGarbled(f"{sent.name} ended its stream before the first event.")
        return rest


def _may_report(block: bytes) -> bool:
    return b"rror" in block or b"xception" in block


def pass_stream(
    exchange: Exchange,
    reading: Reading,
    *,
    tally: Tally,
    finish: Callable[[], None],
    swallow: Callable[[bytes], bytes] | None,
    with_cost: bool,
    members: Mapping[str, object] = EMPTY,
) -> Iterator[bytes]:
    """Yield the provider's events as they are; the meter reads each after it was sent. `members` are the request's."""
    dialect, blocks, chunks = reading.dialect, reading.blocks, exchange.chunks or iter(())
    with_cost = with_cost and stream_type(dialect) == EVENTS
    meter = meter_of(dialect, members, reading.quirks)
    block = exchange.first
    try:
        while True:
            if block:
                sent = swallow(block) if swallow is not None else block
                if with_cost and b'"usage' in sent:
                    _feed(meter, block, tally)
                    tally.usage = meter.usage
                    yield _priced(sent, tally)
                else:
                    if sent:
                        yield sent
                    _feed(meter, block, tally)
                if _may_report(block):
                    _note_error(dialect, block, tally)
            chunk = next(chunks, None)
            if chunk is None:
                break
            if not chunk:
                yield dialect.keep_alive()
            block = blocks.feed(chunk) if chunk else b""
        rest = blocks.rest()
        if rest:
            yield rest
            _feed(meter, rest, tally)
        if stream_type(dialect):  # sound has no end but its last byte
            _check_end(meter, tally)
    except GeneratorExit:
        tally.abort()
        raise
    except Exception as error:
        failure = _broken_off(error, tally, "passing")
        told = dialect.stream_error_bytes(failure, tally.request_id)
        if not told:
            raise  # a format with no room for an error: the connection is broken off
        yield told
    finally:
        exchange.answer.close()
        _close_meter(meter, tally)
        finish()


def _broken_off(error: Exception, tally: Tally, where: str) -> GatewayError:
    """Note what ended a stream after its first byte; return what the caller is told."""
    if isinstance(error, GatewayError):
        tally.break_off(error)
        return error
    failure = InternalError("The gateway could not send the rest of this answer.")
    tally.break_off(failure)
    tally.error_code = f"{where}_{type(error).__name__}"
    return failure


def translate_stream(
    exchange: Exchange,
    reading: Reading,
    *,
    caller: ChatDialect,
    request: ChatRequest,
    tally: Tally,
    finish: Callable[[], None],
    with_cost: bool = False,
) -> Iterator[bytes]:
    """Yield the answer's events in the caller's dialect."""
    # An empty item would be read as silence.
    with_cost = with_cost and stream_type(caller) == EVENTS
    begun = (part for part in (exchange.first, reading.blocks.rest()) if part)
    raw = chain(begun, exchange.chunks or ())
    decoded = reading.dialect.decode_stream(raw, reading.quirks)
    watched = _watched(decoded, tally, exchange.deployment.upstream_model)
    try:
        for block in caller.encode_stream(watched, request):
            yield _priced(block, tally) if with_cost and b'"usage' in block else block
    except GeneratorExit:
        tally.abort()
        raise
    except Exception as error:
        yield caller.stream_error_bytes(_broken_off(error, tally, "translation"), tally.request_id)
    finally:
        watched.close()  # its estimate must stand before the entry is made
        exchange.answer.close()
        finish()


def _watched(decoded: Iterable[StreamEvent], tally: Tally, model: str) -> Generator[StreamEvent, None, None]:
    """Pass events on and note their usage; an answer without a name or a `model` gets one.

    A reported failure is raised, so that it is told with the request's id.
    """
    from dataclasses import replace

    from sluice.types.stream import ArgumentsDelta, Start, StreamFailed, TextDelta, UsageReport

    characters, reported = 0, False
    try:
        for event in decoded:
            if isinstance(event, TextDelta):
                characters += len(event.text)
            elif isinstance(event, ArgumentsDelta):
                characters += len(event.fragment)
            elif isinstance(event, UsageReport):
                tally.usage = event.usage if tally.usage is None else tally.usage.merged(event.usage)
                reported = True
            elif isinstance(event, Start):
                tally.usage = event.usage or tally.usage
                yield replace(event, id=event.id or tally.request_id, model=event.model or model)
                continue
            elif isinstance(event, StreamFailed):
                raise event.error
            yield event
    finally:
        if not reported:
            _fill_in(tally, Usage(output=-(-characters // 4), estimated=True))


def pass_body(exchange: Exchange, reading: Reading, tally: Tally, members: Mapping[str, object]) -> bytes:
    """Return a whole answer unchanged, its usage noted; `members` are those of the request."""
    own = getattr(reading.dialect, "answer_usage", None)
    if own is None:
        tally.usage = reading.dialect.read_usage(exchange.body, reading.quirks)
    else:
        tally.usage = own(exchange.body, exchange.answer.headers, members, reading.quirks)
    if tally.usage is None:
        _fill_in(tally, _unreported(exchange, tally))
    finished = getattr(reading.dialect, "finished_body", None)
    return exchange.body if finished is None else cast("bytes", finished(exchange.body, members))


def translate_body(
    exchange: Exchange, reading: Reading, *, caller: ChatDialect, request: ChatRequest, tally: Tally
) -> bytes:
    """Return a whole answer in the caller's dialect. Raises ProviderGarbled or the error it reports."""
    try:
        body = json.loads(exchange.body)
    except ValueError:
        raise ProviderGarbled(f"{exchange.deployment.name} did not answer in JSON.") from None
    if not isinstance(body, dict):
        raise ProviderGarbled(f"{exchange.deployment.name} did not answer with a JSON object.")
    response = _named(reading.dialect.decode_response(body, reading.quirks), exchange, tally)
    tally.usage = response.usage
    if tally.usage is None and (own := getattr(reading.dialect, "answer_usage", None)) is not None:
        tally.usage = own(exchange.body, exchange.answer.headers, {}, reading.quirks)  # told in headers alone
    if tally.usage is None:
        _fill_in(tally, _unreported(exchange, tally))
    return to_bytes(caller.encode_response(response, request))


def _named(response: ChatResponse, exchange: Exchange, tally: Tally) -> ChatResponse:
    """Give a chat answer the names that its provider leaves out (Bedrock names neither the answer nor its model)."""
    from dataclasses import replace

    if tally.operation != "chat" or (response.id and response.model):
        return response
    model = response.model or exchange.deployment.upstream_model
    return replace(response, id=response.id or tally.request_id, model=model)


def _unreported(exchange: Exchange, tally: Tally) -> Usage:
    """Guess the output of an answer that reports none; only where text is generated is there any."""
    written = tally.operation in ("chat", "completions")
    return Usage(output=-(-len(exchange.body) // 8) if written else 0, estimated=True)


def _check_end(meter: Meter, tally: Tally) -> None:
    """Raise ProviderUnreachable for a stream that just stops: it must not look like a whole answer."""
    try:
        finished = meter.finished
    except Exception:  # a meter must never break a paid answer
        return
    if not finished and tally.outcome == "ok":
        raise ProviderUnreachable("The provider's stream ended before the answer was complete.")


def _feed(meter: Meter, block: bytes, tally: Tally) -> None:
    try:
        meter.feed(block)
    except Exception as error:
        # A meter must never break a paid answer; without it the usage is estimated.
        tally.reasons.append(f"usage could not be read from the stream ({type(error).__name__})")


def _close_meter(meter: Meter, tally: Tally) -> None:
    try:
        usage = meter.usage
        if usage is None or (tally.outcome in ("failed", "aborted") and not meter.finished):
            guess = meter.estimate()
            usage = guess if usage is None else usage.merged(guess)
    except Exception as error:
        # Reading may happen only now; the entry must be written all the same.
        tally.reasons.append(f"usage could not be read from the stream ({type(error).__name__})")
        usage = Usage(estimated=True)
    if usage.estimated:
        _fill_in(tally, usage)
    else:
        tally.usage = usage


def _fill_in(tally: Tally, guess: Usage) -> None:
    """Take an estimate; input that nobody reported is reckoned from the size of the request."""
    from dataclasses import replace

    known = tally.usage.merged(guess) if tally.usage is not None else guess
    if known.prompt == 0:
        known = replace(known, input=max(tally.prompt_bytes // 4, 1))
    tally.usage = replace(known, estimated=True)


def _note_error(dialect: ChatDialect, block: bytes, tally: Tally) -> None:
    error: GatewayError | None = dialect.stream_error(block)
    if error is not None:
        tally.break_off(error)


def _priced(block: bytes, tally: Tally) -> bytes:
    """Write `cost` (USD) beside the token counts into the events of `block` that report usage."""
    lines = block.split(b"\n")
    for position, line in enumerate(lines):
        if not line.startswith(b"data:") or b'"usage' not in line:
            continue
        try:
            document = Document(line[5:].decode())
        except (GatewayError, UnicodeDecodeError):
            continue
        edits = _with_cost(document.members, {"cost": tally.cost()[0] / 1e9})
        if edits:
            lines[position] = b"data:" + document.edited(edits).encode()
    return b"\n".join(lines)


def _with_cost(members: Mapping[str, object], cost: Mapping[str, object]) -> dict[str, object]:
    """Return the members to replace: where the dialects keep their token counts, at the top or inside `response`."""
    for name in ("usage", "usageMetadata"):
        counts = members.get(name)
        if isinstance(counts, dict):
            return {name: {**counts, **cost}}
    response = members.get("response")
    inner = _with_cost(response, cost) if isinstance(response, dict) else {}
    return {"response": {**response, **inner}} if isinstance(response, dict) and inner else {}
