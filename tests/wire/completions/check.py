"""Holds the legacy completions dialect to recorded traffic, and prints a table of what passed.

Run it with `python -m tests.wire.completions.check`; `SLUICE_RECORDINGS` names another folder of recordings. Each
recording is up to two cases: its request, and its answer (whole or streamed) or error. What was recorded under this
endpoint's name but is another operation is listed with the reason and not counted.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sluice.dialects import openai_completions as wire
from sluice.dialects.sse import Blocks
from sluice.errors import BadRequest, ProviderError
from sluice.types.chat import ChatRequest, ChatResponse, Text
from sluice.types.stream import Finish, TextDelta, UsageReport
from sluice.types.usage import Usage
from tests.wire.recordings import Recording, folder, read

BAR = 0.99
ASKED = ChatRequest(model="m", messages=())
OTHERS = {
    "/prompts/": "a stored prompt of Portkey, which is answered in the chat's form",
    "/organization/": "the vendor's report of usage, which is no completion",
}
"""Part of a path -> what the operation is instead."""


@dataclass
class Tally:
    """Passed and failed cases by provider and kind, why each failure failed, and what was not counted."""

    passed: Counter[tuple[str, str]] = field(default_factory=Counter)
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.passed.total() + self.failed.total()

    @property
    def share(self) -> float:
        return 1 - self.failed.total() / self.total if self.total else 1.0


def check_all() -> Tally:
    """Run every case of every recording of this endpoint."""
    tally = Tally()
    for recording in read(("completions",)):
        other = _other(recording)
        if other is not None:
            tally.others[other] += 1
            continue
        for kind, case in _cases(recording):
            key = (recording.provider, kind)
            try:
                case(recording)
                tally.passed[key] += 1
            except Exception as error:
                tally.failed[key] += 1
                tally.reasons.append(f"{kind} {recording.label}: {type(error).__name__}: {str(error)[:300]}")
    return tally


def _other(recording: Recording) -> str | None:
    path = (recording.request or {}).get("path") or ""
    return next((reason for part, reason in OTHERS.items() if part in path), None)


def _cases(recording: Recording) -> Iterator[tuple[str, Callable[[Recording], None]]]:
    if isinstance(recording.request_body, dict):
        yield "request", check_request
    if recording.status >= 400:
        yield "error", check_error
    elif recording.stream:
        yield "stream", check_stream
    else:
        yield "answer", check_answer


def check_request(recording: Recording) -> None:
    """A request that was served is accepted, read in full, and written back the same."""
    body = recording.request_body
    try:
        outline = wire.outline(body, 100)
        request = wire.decode_request(body)
    except BadRequest:
        if recording.status >= 400:
            return  # the provider refused it as well
        raise
    _same("model and stream", (outline.model, outline.stream), (body["model"], body.get("stream") is True))
    _same("bound", outline.max_output, body.get("max_tokens"))
    prompt = body.get("prompt")
    only = prompt[0] if isinstance(prompt, list) and len(prompt) == 1 else prompt
    said = "".join(part.text for message in request.messages for part in message.parts if isinstance(part, Text))
    _same("prompt", said or request.extras.get("prompt"), only if isinstance(only, str) else prompt)
    _same("bound prompt", "prompt" in request.bound, not isinstance(only, str))
    edits = wire.pass_edits(body, {})
    _same("passing", edits, {"stream_options": {"include_usage": True}} if body.get("stream") else {})
    encoded = wire.encode_request(request, body["model"], {}, True)
    again = wire.decode_request(json.loads(json.dumps(encoded.body)))
    _same("second reading", _asked(again), _asked(request))
    _same("written members", _meaning(encoded.body), _meaning({**body, **edits}))


def _asked(request: ChatRequest) -> ChatRequest:
    from dataclasses import replace

    return replace(request, include_usage=False)


def _meaning(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body without what may be written in two ways: nulls, defaults, one prompt in a list, one stop."""
    kept = {name: value for name, value in body.items() if value is not None and (name, value) not in _DEFAULTS}
    for name in ("prompt", "stop"):
        value = kept.get(name)
        kept[name] = value[0] if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str) else value
    return kept


_DEFAULTS: tuple[tuple[str, Any], ...] = (("stream", False), ("echo", False))


def check_answer(recording: Recording) -> None:
    """A whole answer is read in full, with the provider's usage, and says the same after another round."""
    body = json.loads(recording.body)
    response = wire.decode_response(body)
    _same("texts", [_text(response, at) for at in range(len(body["choices"]))], [c["text"] for c in body["choices"]])
    words = [choice.get("finish_reason") or "stop" for choice in body["choices"]]
    _same("stop", [choice.stop for choice in response.choices], words)
    _same("usage", _counts(response.usage), _plain_counts(body.get("usage")))
    _same("usage read in passing", wire.read_usage(recording.body), response.usage)
    _same("error in passing", wire.stream_error(recording.body), None)
    written = json.loads(json.dumps(wire.encode_response(response, ASKED)))
    _same("second reading", wire.decode_response(written), response)


def _text(response: ChatResponse, at: int) -> str:
    return "".join(part.text for part in response.choices[at].parts if isinstance(part, Text))


def check_stream(recording: Recording) -> None:
    """A stream is read in full however it is cut, with the provider's usage, and says the same after another round."""
    decoded = list(wire.decode_stream([recording.body]))
    chunks = [json.loads(line[5:]) for line in recording.body.splitlines() if line.startswith(b"data: {")]
    texts: Counter[int] = Counter()
    said: dict[int, str] = {}
    words: dict[int, str] = {}
    usage = None
    for chunk in chunks:
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            number = choice["index"]
            texts[number] += 1
            said[number] = said.get(number, "") + choice["text"]
            words[number] = choice["finish_reason"] or words.get(number, "")
    found: dict[int, str] = {}
    for event in decoded:
        if isinstance(event, TextDelta):
            found[event.choice] = found.get(event.choice, "") + event.text
    _same("texts", found, said)
    _same("stop", {event.choice: event.stop for event in decoded if isinstance(event, Finish)}, words)
    reported = next((event.usage for event in decoded if isinstance(event, UsageReport)), None)
    _same("usage", _counts(reported), _plain_counts(usage))
    for seed in range(3):
        _same("events of the cut stream", list(wire.decode_stream(_cut(recording.body, seed))), decoded)
    meter, blocks = wire.meter(), Blocks()
    for piece in _cut(recording.body, 7):
        if whole := blocks.feed(piece):
            meter.feed(whole)
    meter.feed(blocks.rest())
    _same("metered usage and end", (meter.usage, meter.finished), (reported, True))
    written = b"".join(wire.encode_stream(decoded, ChatRequest(model="m", messages=(), include_usage=True)))
    _same("second reading", _told(wire.decode_stream(_cut(written, 3))), _told(decoded))


def _told(events: Any) -> list[Any]:
    """Everything but the answer's own name, which the gateway's begins with its prefix."""
    return [event for event in events if type(event).__name__ != "Start" and event != TextDelta(0, "")]


def _counts(usage: Usage | None) -> tuple[int, int] | None:
    return None if usage is None else (usage.prompt, usage.output)


def _plain_counts(usage: dict[str, Any] | None) -> tuple[int, int] | None:
    return None if usage is None else (usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0))


def _cut(body: bytes, seed: int) -> list[bytes]:
    chance = random.Random(seed)
    places = sorted(chance.sample(range(len(body) + 1), min(len(body), 40)))
    return [body[start:stop] for start, stop in zip([0, *places], [*places, len(body)], strict=True) if start < stop]


def check_error(recording: Recording) -> None:
    """An error keeps its status and words and has a kind; written for a caller it says the same."""
    error = wire.decode_error(recording.status, recording.headers, recording.body)
    if type(error) is not ProviderError:
        raise AssertionError(f"not a provider error: {error!r}")
    _same("status", error.provider_status, recording.status)
    told = json.loads(recording.body)["error"]
    _same("message", error.message[:26], told["message"][:26])  # a key quoted in it is masked
    _same("type", error.provider_type, told["type"])
    again = wire.decode_error(recording.status, {}, json.dumps(wire.encode_error(error, "req_1")).encode())
    _same("second reading", (again.kind, again.param), (error.kind, error.param))


def _same(what: str, have: object, want: object) -> None:
    if have != want:
        raise AssertionError(f"{what}: {have!r}"[:600] + f" is not {want!r}"[:600])


def main() -> int:
    """Print the table and a summary in JSON; return 1 when the bar is missed."""
    if folder() is None:
        print("recorded provider traffic is not on this machine; nothing was checked")
    tally = check_all()
    print(f"{'provider':<12}{'case':<10}{'passed':>8}{'failed':>8}")
    for key in sorted({*tally.passed, *tally.failed}):
        print(f"{key[0]:<12}{key[1]:<10}{tally.passed[key]:>8}{tally.failed[key]:>8}")
    for reason in tally.reasons:
        print(f"  {reason}")
    for other, count in tally.others.items():
        print(f"  not counted: {count} of {other}")
    summary = {
        "check": "completions",
        "cases": tally.total,
        "failed": tally.failed.total(),
        "share": round(tally.share, 5),
        "bar": BAR,
    }
    print(json.dumps(summary))
    return 0 if tally.total and tally.share >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
