"""Holds the Messages dialect to recorded traffic, and prints a table of what passed.

Run it with `python -m tests.wire.messages.check`; `SLUICE_RECORDINGS` names another folder of recordings. Each
recording is up to two cases: its request, and its answer (whole or streamed) or error.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from sluice.dialects import anthropic_messages as wire
from sluice.dialects.sse import Blocks
from sluice.errors import BadRequest, ProviderError
from sluice.types.chat import ChatRequest
from sluice.types.stream import StreamFailed
from sluice.types.usage import Usage
from tests.wire.messages import said
from tests.wire.recordings import Recording, folder, read

BAR = 0.99
ASKED = ChatRequest(model="m", messages=())


@dataclass
class Tally:
    """Passed and failed cases by kind, and why each failure failed."""

    passed: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.passed.values()) + sum(self.failed.values())

    @property
    def share(self) -> float:
        return 1 - sum(self.failed.values()) / self.total if self.total else 1.0


def check_all() -> Tally:
    """Run every case of every recording of this endpoint."""
    tally = Tally()
    for recording in read(("messages",)):
        for kind, case in _cases(recording):
            try:
                case(recording)
                tally.passed[kind] += 1
            except Exception as error:
                tally.failed[kind] += 1
                tally.reasons.append(f"{kind} {recording.label}: {type(error).__name__}: {str(error)[:300]}")
    return tally


def _cases(recording: Recording) -> Iterator[tuple[str, Callable[[Recording], None]]]:
    if isinstance(recording.request_body, dict):
        yield "request", check_request
    if recording.status >= 400:
        yield "error", check_error
    elif recording.body.lstrip().startswith(b"{"):
        yield "answer", check_answer
    else:
        yield "stream", check_stream


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
    _same("model", outline.model, body["model"])
    _same("stream", outline.stream, body.get("stream") is True)
    _same("max_tokens", outline.max_output, body["max_tokens"])
    found = said.canonically(part for message in request.messages for part in message.parts)
    _same("content", found, said.request_plainly(body))
    _same("tools", [tool.name for tool in request.tools], [tool.get("name", "") for tool in body.get("tools") or ()])
    encoded = wire.encode_request(request, body["model"], {}, True)
    _same("edits", encoded.edits, ())
    again = wire.decode_request(json.loads(json.dumps(encoded.body)))
    _same("second reading", again, request)
    if recording.status == 200:
        _same("written members", _meaning(encoded.body), _meaning(body))


def _meaning(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body without what may be written in two ways: null members, one text as a string, `stream: false`."""
    meaning = {name: _blocks(value) for name, value in body.items() if value is not None and value != []}
    if meaning.get("stream") is False:
        del meaning["stream"]
    config, older = dict(meaning.get("output_config") or {}), meaning.pop("output_format", None)
    if older is not None:
        config.setdefault("format", older)
    if config:
        meaning["output_config"] = config
    return meaning


def _blocks(value: Any) -> Any:
    if isinstance(value, list):
        items = [_blocks(item) for item in value]
        if len(items) == 1 and isinstance(items[0], dict) and items[0].keys() == {"type", "text"}:
            return items[0]["text"]
        return items
    if isinstance(value, dict):
        kept = {name: _blocks(item) for name, item in value.items() if item is not None}
        if kept.get("type") == "tool_result":
            if kept.get("is_error") is False:
                del kept["is_error"]
            if kept.get("content") in ([], ""):
                del kept["content"]
        if kept.get("citations") in ({"enabled": False}, []):
            del kept["citations"]
        return kept
    return value


def check_answer(recording: Recording) -> None:
    """A whole answer is read in full, with the provider's usage, and says the same after another round."""
    body = json.loads(recording.body)
    response = wire.decode_response(body)
    plain = said.plainly(body["content"])
    plain.stop = said.STOPS.get(body["stop_reason"], body["stop_reason"])
    _same("content", said.response_canonically(response), plain)
    expected = said.usage_plainly(body.get("usage"))
    _same("usage", response.usage, expected)
    _same("usage read in passing", wire.read_usage(recording.body), expected)
    _same("error in passing", wire.stream_error(recording.body), None)
    again = wire.decode_response(json.loads(json.dumps(wire.encode_response(response, ASKED))))
    _same("second reading", again.choices, response.choices)
    _same("second usage", again.usage, _without_cost(response.usage))


def check_stream(recording: Recording) -> None:
    """A stream is read in full however it is cut, with the provider's usage, and says the same after another round."""
    decoded = list(wire.decode_stream([recording.body]))
    if any(isinstance(event, StreamFailed) for event in decoded):
        if "stream_error" not in recording.kinds:
            raise AssertionError("an error was read where none was sent")
        return
    plain, raw = said.stream_plainly(recording.body)
    found, usage, ended = said.stream_canonically(decoded)
    _same("content", found, plain)
    _same("usage", usage, said.usage_plainly(raw))
    _same("end", ended, b"message_stop" in recording.body)
    for seed in range(3):
        _same("events of the cut stream", list(wire.decode_stream(_cut(recording.body, seed))), decoded)
    _same("metered usage", _metered(recording.body).usage, usage)
    _same("metered end", _metered(recording.body).finished, ended)
    written = b"".join(wire.encode_stream(decoded, ASKED))
    again, usage_again, _ = said.stream_canonically(wire.decode_stream([written]))
    if ended:
        _same("second reading", again, found)
        _same("second usage", usage_again, _without_cost(usage))


def _metered(body: bytes) -> Any:
    meter, blocks = wire.meter(), Blocks()
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
    if type(error) is not ProviderError:
        raise AssertionError(f"not a provider error: {error!r}")
    _same("status", error.provider_status, recording.status)
    reported = json.loads(recording.body)["error"]
    _same("message", error.message, reported["message"])
    _same("type", error.provider_type, reported["type"])
    _same("retry", error.may_retry, recording.status in (408, 429) or recording.status >= 500)
    written: Any = wire.encode_error(error, "req_1")
    _same("envelope", written["error"]["type"], reported["type"])


def _without_cost(usage: Usage | None) -> Usage | None:
    """The provider's own figure is not handed on; the gateway's is."""
    return None if usage is None else replace(usage, provider_cost_usd=None)


def _same(what: str, have: object, want: object) -> None:
    if have != want:
        raise AssertionError(f"{what}: {have!r}"[:140] + f" is not {want!r}"[:140])


def main() -> int:
    """Print the table and a summary in JSON; return 1 when the bar is missed."""
    if folder() is None:
        print("recorded provider traffic is not on this machine; nothing was checked")
    tally = check_all()
    print(f"{'messages':<10}{'passed':>8}{'failed':>8}")
    for kind in ("request", "answer", "stream", "error"):
        print(f"{kind:<10}{tally.passed[kind]:>8}{tally.failed[kind]:>8}")
    for reason in tally.reasons:
        print(f"  {reason}")
    summary = {
        "check": "messages",
        "cases": tally.total,
        "failed": sum(tally.failed.values()),
        "share": round(tally.share, 5),
        "bar": BAR,
    }
    print(json.dumps(summary))
    return 0 if tally.total and tally.share >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
