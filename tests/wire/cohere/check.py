"""Holds the Cohere chat dialect to recorded traffic, and prints a table of what passed.

Run it with `python -m tests.wire.cohere.check`; `SLUICE_RECORDINGS` names another folder of recordings. Each recording
is up to two cases: its request, and its answer (whole or streamed) or error. Recordings of the retired v1 API are
another format: they are counted as out of scope, and the dialect must refuse them.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sluice.dialects import anthropic_messages, openai_chat
from sluice.dialects import cohere_chat as wire
from sluice.errors import BadRequest, ProviderError, UnsupportedParameter
from sluice.types.chat import ChatRequest, ChatResponse
from sluice.types.stream import StreamFailed
from tests.wire.cohere import said
from tests.wire.recordings import Recording, folder, read

BAR = 0.99
ENDPOINTS = ("cohere.chat_v2",)
RETIRED = ("cohere.chat_v1",)
ASKED = ChatRequest(model="m", messages=(), include_usage=True)
OTHERS = (openai_chat, anthropic_messages)


@dataclass
class Tally:
    """Passed and failed cases by provider, endpoint and kind, and why each failure failed."""

    passed: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    failed: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    retired: int = 0
    reasons: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.passed.total() + self.failed.total()

    @property
    def share(self) -> float:
        return 1 - self.failed.total() / self.total if self.total else 1.0


def check_all() -> Tally:
    """Run every case of every recording of these endpoints."""
    tally = Tally()
    for recording in read(ENDPOINTS):
        for kind, case in _cases(recording):
            key = (recording.provider, recording.endpoint, kind)
            try:
                case(recording)
                tally.passed[key] += 1
            except UnsupportedParameter as refusal:
                tally.refused[f"{kind}: {refusal.message}"] += 1
            except Exception as error:
                tally.failed[key] += 1
                tally.reasons.append(f"{kind} {recording.label}: {type(error).__name__}: {str(error)[:300]}")
    tally.retired = sum(1 for recording in read(RETIRED) if _is_refused(recording))
    return tally


def _is_refused(recording: Recording) -> bool:
    """Whether the dialect refuses a request of the retired API; it must not be taken for one of this."""
    try:
        wire.outline(recording.request_body, 1)
    except BadRequest:
        return True
    raise AssertionError(f"{recording.label}: a request of the retired API was accepted")


def _cases(recording: Recording) -> Iterator[tuple[str, Callable[[Recording], None]]]:
    if isinstance(recording.request_body, dict):
        yield "request", check_request
        if recording.status == 200:
            yield "request told to others", check_request_across
    if recording.status >= 400:
        yield "error", check_error
    elif recording.body.lstrip().startswith(b"{"):
        yield "answer", check_answer
        yield "answer told to others", check_answer_across
    else:
        yield "stream", check_stream
        yield "stream told to others", check_stream_across


def check_request(recording: Recording) -> None:
    """A request that was served is accepted, read in full, and written back the same."""
    body = recording.request_body
    outline = wire.outline(body, 100)
    request = wire.decode_request(body)
    _same("model and stream", (outline.model, outline.stream), (body["model"], recording.stream))
    _same("bound", outline.max_output, body.get("max_tokens"))
    _same("messages", said.messages_canonically(request), said.messages_plainly(body["messages"]))
    _same("documents", said.documents_canonically(request), said.documents_plainly(body.get("documents")))
    _same("passing", wire.pass_edits(body, {}), {})
    encoded = wire.encode_request(request, body["model"], {}, True)
    _same("edits", encoded.edits, ())
    written = json.loads(json.dumps(encoded.body))
    _same("second reading", wire.decode_request(written), request)
    _same("written members", said.meaning(written), said.meaning(body))


def check_request_across(recording: Recording) -> None:
    """Other dialects hear every text, call and result, and what they send comes back as it was."""
    request = wire.decode_request(recording.request_body)
    for other in OTHERS:
        body = json.loads(json.dumps(other.encode_request(request, "m", {}, False).body))
        heard = other.decode_request(body)
        _same(f"texts in {other.NAME}", said.lost(heard, request), [])
        _same(f"calls in {other.NAME}", said.calls(heard), said.calls(request))
        back = wire.decode_request(json.loads(json.dumps(wire.encode_request(heard, "m", {}, False).body)))
        _same(f"texts back from {other.NAME}", said.lost(back, request), [])
        _same(f"calls back from {other.NAME}", said.calls(back), said.calls(request))


def check_answer(recording: Recording) -> None:
    """A whole answer is read in full, with the provider's usage, and says the same after another round."""
    body = json.loads(recording.body)
    response = wire.decode_response(body)
    _same("content", said.canonically(response.choices[0].parts), said.plainly(body["message"]))
    _same("stop", response.choices[0].stop, said.STOPS[body["finish_reason"]])
    _same("usage", said.usage_canonically(response.usage), said.usage_plainly(body.get("usage")))
    _same("usage read in passing", wire.read_usage(recording.body), response.usage)
    _same("error in passing", wire.body_error(recording.body, {}), None)
    written = json.loads(json.dumps(wire.encode_response(response, ASKED)))
    _same("second reading", wire.decode_response(written), response)
    _same("written members", said.meaning(written), said.meaning(body))


def check_answer_across(recording: Recording) -> None:
    """Callers of other dialects get the texts, calls, reason and counts of a whole answer."""
    response = wire.decode_response(json.loads(recording.body))
    for other in OTHERS:
        told = other.decode_response(json.loads(json.dumps(other.encode_response(response, ASKED))))
        _across(other.NAME, told, response)


def _across(name: str, told: ChatResponse, response: ChatResponse) -> None:
    _same(f"content in {name}", said.spoken(told.choices[0].parts), said.spoken(response.choices[0].parts))
    stop = "stop" if response.choices[0].stop == "stop_sequence" else response.choices[0].stop
    _same(f"stop in {name}", "stop" if told.choices[0].stop == "stop_sequence" else told.choices[0].stop, stop)
    _same(f"usage in {name}", said.totals(told.usage), said.totals(response.usage))


def check_stream(recording: Recording) -> None:
    """A stream is read in full however it is cut, with the provider's usage, and says the same after another round."""
    decoded = list(wire.decode_stream([recording.body]))
    plain, reason, raw, error = said.stream_plainly(recording.body)
    found, stop, usage, failure = said.stream_canonically(decoded)
    _same("content", found, plain)
    meter = _metered(recording.body)
    for seed in range(3):
        _same("events of the cut stream", repr(list(wire.decode_stream(_cut(recording.body, seed)))), repr(decoded))
    if error is not None:
        _same("error", (failure.message, type(failure)), (error, ProviderError))
        seen = wire.stream_error(recording.body)
        _same("error in passing", seen and seen.message, error)
        _same("end", meter.finished, True)
        return
    _same("stop", stop, said.STOPS[reason])
    _same("usage", said.usage_canonically(usage), said.usage_plainly(raw))
    _same("metered usage and end", (meter.usage, meter.finished), (usage, True))
    written = b"".join(wire.encode_stream(decoded, ASKED))
    _same("second reading", list(wire.decode_stream(_cut(written, 3))), decoded)


def check_stream_across(recording: Recording) -> None:
    """Callers of other dialects get the texts, calls, reason and counts of a stream."""
    decoded = list(wire.decode_stream([recording.body]))
    for other in OTHERS:
        written = b"".join(other.encode_stream(decoded, ASKED))
        told = list(other.decode_stream([written]))
        if isinstance(decoded[-1], StreamFailed):
            _same(f"error in {other.NAME}", isinstance(told[-1], StreamFailed), True)
            continue
        (heard, stop, usage, _), (meant, wanted, counts, _) = (
            said.stream_canonically(told),
            said.stream_canonically(decoded),
        )
        _same(f"content in {other.NAME}", said.unnamed(heard), said.unnamed(meant))
        _same(f"stop in {other.NAME}", stop, wanted)
        _same(f"usage in {other.NAME}", said.totals(usage), said.totals(counts))


def _metered(body: bytes) -> Any:
    meter, blocks = wire.meter(), wire.framing()
    for chunk in _cut(body, 7):
        if whole := blocks.feed(chunk):
            meter.feed(whole)
    meter.feed(blocks.rest())
    return meter


def _cut(body: bytes, seed: int) -> list[bytes]:
    chance = random.Random(seed)
    places = sorted(chance.sample(range(len(body) + 1), min(len(body), 40)))
    return [body[start:stop] for start, stop in zip([0, *places], [*places, len(body)], strict=True) if start < stop]


def check_error(recording: Recording) -> None:
    """An error keeps its status and words and has a kind; written for a caller it says the same."""
    error = wire.decode_error(recording.status, recording.headers, recording.body)
    _same("status", error.provider_status, recording.status)
    _same("message", error.message[:20], json.loads(recording.body)["message"][:20])
    _same("kind", error.kind, {401: "authentication", 404: "not_found"}.get(recording.status, error.kind))
    again = wire.decode_error(recording.status, {}, json.dumps(wire.encode_error(error, "req_1")).encode())
    _same("second reading", (again.kind, again.message), (error.kind, error.message))


def _same(what: str, have: object, want: object) -> None:
    if have != want:
        raise AssertionError(f"{what}: {have!r}"[:1400] + f" is not {want!r}"[:1400])


def main() -> int:
    """Print the table and a summary in JSON; return 1 when the bar is missed."""
    if folder() is None:
        print("recorded provider traffic is not on this machine; nothing was checked")
    tally = check_all()
    print(f"{'provider':<10}{'endpoint':<18}{'case':<26}{'passed':>8}{'failed':>8}")
    for key in sorted({*tally.passed, *tally.failed}):
        print(f"{key[0]:<10}{key[1]:<18}{key[2]:<26}{tally.passed[key]:>8}{tally.failed[key]:>8}")
    print(f"{'cohere':<10}{'cohere.chat_v1':<18}{tally.retired} recordings out of scope: the vendor retired this API")
    for reason in tally.reasons:
        print(f"  {reason}")
    for text, number in tally.refused.items():
        print(f"  refused {number} times, {text}")
    summary = {
        "check": "cohere",
        "cases": tally.total,
        "failed": tally.failed.total(),
        "share": round(tally.share, 5),
        "bar": BAR,
    }
    print(json.dumps(summary))
    return 0 if tally.total and tally.share >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
