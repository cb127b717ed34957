"""Holds the Cohere chat dialect to recorded traffic, and prints a table of what passed.

Run it with `python -m tests.wire.cohere.check`; `SLUICE_RECORDINGS` names another folder of recordings. Each recording
is up to two cases: its request, and its answer (whole or streamed) or error. Recordings of the retired v1 API are
another format: they are counted as out of scope, and the dialect must refuse them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

from sluice.dialects import anthropic_messages, openai_chat
from sluice.dialects import cohere_chat as wire
from sluice.errors import BadRequest, ProviderError
from sluice.types.chat import ChatRequest, ChatResponse
from sluice.types.stream import StreamFailed
from tests.wire.cohere import said
from tests.wire.recordings import Recording
from tests.wire.stated import words_of
from tests.wire.tally import Case, NotServed, cut, main, same, unless_refused

BAR = 0.99
ENDPOINTS = ("cohere.chat_v2", "cohere.chat_v1")
ASKED = ChatRequest(model="m", messages=(), include_usage=True)
OTHERS = (openai_chat, anthropic_messages)


def check_retired(recording: Recording) -> None:
    """The dialect refuses a request of the retired API; it must not be taken for one of this."""
    if recording.request_body is not None:
        try:
            wire.outline(recording.request_body, 1)
        except BadRequest:
            pass
        else:
            raise AssertionError("a request of the retired API was accepted")
    raise NotServed("the v1 API of Cohere, which the vendor retired; the dialect refuses its requests")


def cases(recording: Recording) -> Iterator[tuple[str, Case]]:
    """Yield the cases of one recording."""
    if recording.endpoint == "cohere.chat_v1":
        yield "retired", partial(check_retired, recording)
        return
    if isinstance(recording.request_body, dict):
        yield "request", partial(check_request, recording)
        if recording.status == 200:
            yield "request told to others", unless_refused(partial(check_request_across, recording))
    if recording.status >= 400:
        yield "error", partial(check_error, recording)
    elif recording.body.lstrip().startswith(b"{"):
        yield "answer", partial(check_answer, recording)
        yield "answer told to others", partial(check_answer_across, recording)
    else:
        yield "stream", partial(check_stream, recording)
        yield "stream told to others", partial(check_stream_across, recording)


def check_request(recording: Recording) -> None:
    """A request that was served is accepted, read in full, and written back the same."""
    body = recording.request_body
    outline = wire.outline(body, 100)
    request = wire.decode_request(body)
    same("model and stream", (outline.model, outline.stream), (body["model"], body.get("stream") is True))
    same("bound", outline.max_output, body.get("max_tokens"))
    same("messages", said.messages_canonically(request), said.messages_plainly(body["messages"]))
    same("documents", said.documents_canonically(request), said.documents_plainly(body.get("documents")))
    same("passing", wire.pass_edits(body, {}), {})
    encoded = wire.encode_request(request, body["model"], {}, True)
    same("edits", encoded.edits, ())
    written = json.loads(json.dumps(encoded.body))
    same("second reading", wire.decode_request(written), request)
    same("written members", said.meaning(written), said.meaning(body))


def check_request_across(recording: Recording) -> None:
    """Other dialects hear every text, call and result, and what they send comes back as it was."""
    request = wire.decode_request(recording.request_body)
    for other in OTHERS:
        body = json.loads(json.dumps(other.encode_request(request, "m", {}, False).body))
        heard = other.decode_request(body)
        same(f"texts in {other.NAME}", said.lost(heard, request), [])
        same(f"calls in {other.NAME}", said.calls(heard), said.calls(request))
        back = wire.decode_request(json.loads(json.dumps(wire.encode_request(heard, "m", {}, False).body)))
        same(f"texts back from {other.NAME}", said.lost(back, request), [])
        same(f"calls back from {other.NAME}", said.calls(back), said.calls(request))


def check_answer(recording: Recording) -> None:
    """A whole answer is read in full, with the provider's usage, and says the same after another round."""
    body = json.loads(recording.body)
    response = wire.decode_response(body)
    same("content", said.canonically(response.choices[0].parts), said.plainly(body["message"]))
    same("stop", response.choices[0].stop, said.STOPS[body["finish_reason"]])
    same("usage", said.usage_canonically(response.usage), said.usage_plainly(body.get("usage")))
    same("usage read in passing", wire.read_usage(recording.body), response.usage)
    same("error in passing", wire.body_error(recording.body, {}), None)
    written = json.loads(json.dumps(wire.encode_response(response, ASKED)))
    same("second reading", wire.decode_response(written), response)
    same("written members", said.meaning(written), said.meaning(body))


def check_answer_across(recording: Recording) -> None:
    """Callers of other dialects get the texts, calls, reason and counts of a whole answer."""
    response = wire.decode_response(json.loads(recording.body))
    for other in OTHERS:
        told = other.decode_response(json.loads(json.dumps(other.encode_response(response, ASKED))))
        _across(other.NAME, told, response)


def _across(name: str, told: ChatResponse, response: ChatResponse) -> None:
    same(f"content in {name}", said.spoken(told.choices[0].parts), said.spoken(response.choices[0].parts))
    stop = "stop" if response.choices[0].stop == "stop_sequence" else response.choices[0].stop
    same(f"stop in {name}", "stop" if told.choices[0].stop == "stop_sequence" else told.choices[0].stop, stop)
    same(f"usage in {name}", said.totals(told.usage), said.totals(response.usage))


def check_stream(recording: Recording) -> None:
    """A stream is read in full however it is cut, with the provider's usage, and says the same after another round."""
    decoded = list(wire.decode_stream([recording.body]))
    plain, reason, raw, error = said.stream_plainly(recording.body)
    found, stop, usage, failure = said.stream_canonically(decoded)
    same("content", found, plain)
    meter = _metered(recording.body)
    for seed in range(3):
        same("events of the cut stream", repr(list(wire.decode_stream(cut(recording.body, seed)))), repr(decoded))
    if error is not None:
        same("error", (failure.message, type(failure)), (error, ProviderError))
        seen = wire.stream_error(recording.body)
        same("error in passing", seen and seen.message, error)
        same("end", meter.finished, True)
        return
    same("stop", stop, said.STOPS[reason])
    same("usage", said.usage_canonically(usage), said.usage_plainly(raw))
    same("metered usage and end", (meter.usage, meter.finished), (usage, True))
    written = b"".join(wire.encode_stream(decoded, ASKED))
    same("second reading", list(wire.decode_stream(cut(written, 3))), decoded)


def check_stream_across(recording: Recording) -> None:
    """Callers of other dialects get the texts, calls, reason and counts of a stream."""
    decoded = list(wire.decode_stream([recording.body]))
    for other in OTHERS:
        written = b"".join(other.encode_stream(decoded, ASKED))
        told = list(other.decode_stream([written]))
        if isinstance(decoded[-1], StreamFailed):
            same(f"error in {other.NAME}", isinstance(told[-1], StreamFailed), True)
            continue
        (heard, stop, usage, _), (meant, wanted, counts, _) = (
            said.stream_canonically(told),
            said.stream_canonically(decoded),
        )
        same(f"content in {other.NAME}", said.unnamed(heard), said.unnamed(meant))
        same(f"stop in {other.NAME}", stop, wanted)
        same(f"usage in {other.NAME}", said.totals(usage), said.totals(counts))


def _metered(body: bytes) -> Any:
    meter, blocks = wire.meter(), wire.framing()
    for chunk in cut(body, 7):
        if whole := blocks.feed(chunk):
            meter.feed(whole)
    meter.feed(blocks.rest())
    return meter


def check_error(recording: Recording) -> None:
    """An error keeps its status and words and has a kind; written for a caller it says the same."""
    error = wire.decode_error(recording.status, recording.headers, recording.body)
    same("status", error.provider_status, recording.status)
    told = words_of(recording.body)
    same("message", error.message[:20], error.message[:20] if told is None else told[:20])
    same("kind", error.kind, {401: "authentication", 404: "not_found"}.get(recording.status, error.kind))
    again = wire.decode_error(recording.status, {}, json.dumps(wire.encode_error(error, "req_1")).encode())
    same("second reading", (again.kind, again.message), (error.kind, error.message))


if __name__ == "__main__":
    sys.exit(main("cohere", ENDPOINTS, cases, BAR))
