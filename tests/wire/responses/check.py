"""Checks the Responses dialect against recorded traffic: `python -m tests.wire.responses.check`.

Every recording is read both ways. Nothing here knows a record: what is expected is computed from its raw JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from sluice.dialects import openai_responses as dialect
from sluice.dialects.sse import Blocks
from sluice.errors import BadRequest, ProviderError, ProviderGarbled
from sluice.types.chat import ChatRequest
from sluice.types.stream import StreamEvent, StreamFailed
from sluice.types.usage import Usage
from tests.wire.chat_completions.collect import contract_problems
from tests.wire.recordings import Recording
from tests.wire.responses import said
from tests.wire.tally import Case, cut, main, sound

BAR = 0.99
ENDPOINTS = ("responses",)
CALLER = ChatRequest(model="any", messages=(), stream=True, include_usage=True)
KINDS = {
    "bad_request", "authentication", "permission", "not_found", "too_large", "rate_limit", "quota", "overloaded",
    "server", "timeout", "content_filter",
}  # fmt: skip


def cases(recording: Recording) -> Iterator[tuple[str, Case]]:
    """Yield the cases of one recording."""
    if isinstance(recording.request_body, dict) and recording.status == 200:
        yield "request", sound(partial(_check_request, recording))
    whole = "answer" if recording.body.lstrip()[:1] == b"{" else "stream"
    yield "error" if recording.status != 200 else whole, sound(partial(_check_answer, recording))


def _check_request(recording: Recording) -> Iterator[str]:
    body = recording.request_body
    if not isinstance(body, dict) or recording.status != 200:
        return
    if not body.get("model"):
        yield from _check_no_model(body)
        return
    outline = dialect.outline(body, len(json.dumps(body)))
    if outline.stream != (body.get("stream") is True) or outline.max_output != body.get("max_output_tokens"):
        yield f"outlined as {outline}"
    first = dialect.decode_request(body)
    written = dialect.encode_request(first, first.model, {}, True)
    second = dialect.decode_request(json.loads(json.dumps(written.body)))
    if second != first:
        yield f"request changed in a round trip: {_difference(first, second)}"
    if written.edits:
        yield f"request was edited: {written.edits}"
    given = body.get("input")
    if isinstance(given, list) and _kinds(written.body["input"]) != _kinds(given):
        yield f"items changed: {_difference(_kinds(given), _kinds(written.body['input']))}"
    if dialect.pass_edits(body, {}):
        yield "a request that stays in its dialect was edited"


def _check_no_model(body: dict[str, Any]) -> Iterator[str]:
    """A prompt template may hold the model, but a gateway cannot find a provider for it: the caller has to say it."""
    try:
        dialect.outline(body, 0)
    except BadRequest as error:
        if error.param != "model":
            yield f"a request without a model was refused for {error.param}"
    else:
        yield "a request without a model was let through"


def _kinds(items: Any) -> list[tuple[Any, Any, Any]]:
    return [
        (item.get("type") or "message", item.get("role"), item.get("id"))
        if item.get("type") in (None, "message", "reasoning")
        else (item["type"], item.get("call_id"), item.get("id"))
        for item in items
    ]


def _check_answer(recording: Recording) -> Iterator[str]:
    if recording.status != 200:
        error = dialect.decode_error(recording.status, recording.headers, recording.body)
        if error.provider_status != recording.status or not error.message or error.kind not in KINDS:
            yield f"error read as {error.provider_status} {error.kind} {error.message!r}"
    elif recording.body.lstrip()[:1] == b"{":
        yield from _check_whole(json.loads(recording.body), recording.body)
    else:
        yield from _check_stream(recording.body, recording.id)


def _check_whole(body: dict[str, Any], raw: bytes) -> Iterator[str]:
    if body.get("error") or body.get("status") == "failed":
        try:
            dialect.decode_response(body)
        except ProviderGarbled:
            yield "an error in a 200 answer was not recognised"
        except ProviderError as error:
            if error.kind not in KINDS or not error.message:
                yield f"error read as {error.kind} {error.message!r}"
        else:
            yield "an error in a 200 answer was read as an answer"
        return
    response = dialect.decode_response(body)
    answer, expected = said.of_response(response), said.of_output(body["output"])
    if answer.said.comparable() != expected.comparable():
        yield f"read as {_difference(expected.comparable(), answer.said.comparable())}"
    yield from _check_ending(body, answer, response.usage)
    # An answer that is made in the background has used nothing yet; whoever reads its end is charged.
    running = body.get("status") in ("queued", "in_progress")
    if dialect.read_usage(raw) != (Usage() if running else response.usage):
        yield "usage of the pass-through differs from the translation's"
    written = json.loads(json.dumps(dialect.encode_response(response, CALLER)))
    again = dialect.decode_response(written)
    if again.choices != response.choices or said.of_response(again).comparable() != answer.comparable():
        yield f"answer changed in a round trip: {_difference(response.choices, again.choices)}"
    if (written["status"], written["id"], written["model"]) != (
        body.get("status", "completed"),
        body["id"],
        body["model"],
    ):
        yield f"status, id or model changed: {written['status']}, {written['id']}, {written['model']}"
    if _kinds(written["output"]) != _kinds(body["output"]):
        yield f"items changed: {_difference(_kinds(body['output']), _kinds(written['output']))}"
    yield from _check_required(written)


def _check_required(answer: dict[str, Any]) -> Iterator[str]:
    usage = answer["usage"]
    if not isinstance(usage["input_tokens_details"].get("cached_tokens"), int):
        yield "cached_tokens is missing"
    if not isinstance(usage["output_tokens_details"].get("reasoning_tokens"), int):
        yield "reasoning_tokens is missing"


def _check_ending(body: dict[str, Any], answer: said.Answer, usage: Usage | None) -> Iterator[str]:
    status, reason = body.get("status"), (body.get("incomplete_details") or {}).get("reason")
    if status == "incomplete":
        want = {"max_output_tokens": "length", "content_filter": "content_filter", None: "length"}.get(
            reason, "unknown"
        )
    elif status in ("queued", "in_progress"):
        want = "unknown"
    else:
        want = "tool_calls" if answer.said.calls else "refusal" if answer.said.refusal else "stop"
    if answer.stop != want:
        yield f"stop is {answer.stop}, status was {status} ({reason})"
    if (difference := usage_difference(body, usage)) is not None:
        yield difference


def usage_difference(body: dict[str, Any], usage: Usage | None) -> str | None:
    """Return how a usage differs from what the provider reported in `body`, None when it does not."""
    reported = body.get("usage") or {}
    prompt, output = reported.get("input_tokens") or 0, reported.get("output_tokens") or 0
    if not prompt + output:
        return None if usage is None else f"usage {usage} out of nothing"
    if usage is None:
        return f"usage {reported} was not read"
    inside, outside = reported.get("input_tokens_details") or {}, reported.get("output_tokens_details") or {}
    want = {
        "prompt": prompt,
        "output": output,
        "cache_read": min(inside.get("cached_tokens") or 0, prompt),
        "reasoning": min(outside.get("reasoning_tokens") or 0, output),
        "total": prompt + output,
    }
    have = {name: getattr(usage, name) for name in want}
    return None if want == have else f"usage is {have}, reported was {want}"


def _check_stream(body: bytes, seed: str) -> Iterator[str]:
    raw, events = said.first_answer(said.events_of(body)), list(dialect.decode_stream([body]))
    yield from contract_problems(events)
    answer = said.of_events(events)
    pieces = cut(body, seed)
    if _comparable(dialect.decode_stream(pieces)) != _comparable(events):
        yield "the events depend on where the bytes were cut"
    yield from _check_passing(body, pieces, answer)
    if any(event.get("type") in ("error", "response.failed") for event in raw):
        if not isinstance(answer.failed, ProviderError) or answer.failed.kind not in KINDS:
            yield f"the error in the stream was read as {answer.failed!r}"
        yield from said.order_problems(list(said.events_of(b"".join(dialect.encode_stream(iter(events), CALLER)))))
        return
    if answer.failed is not None:
        yield f"read as broken: {answer.failed}"
        return
    last = raw[-1]["response"]
    expected = said.of_output(said.output_of(raw) or last.get("output") or ())
    if answer.said.comparable() != expected.comparable():
        yield f"read as {_difference(expected.comparable(), answer.said.comparable())}"
    yield from _check_ending(last, answer, answer.usage)
    yield from _check_written(events, answer, last)


def _check_written(events: list[StreamEvent], answer: said.Answer, last: dict[str, Any]) -> Iterator[str]:
    written = list(dialect.encode_stream(iter(events), CALLER))
    told = list(said.events_of(b"".join(written)))
    yield from (f"written again: {problem}" for problem in said.order_problems(told))
    again = list(dialect.decode_stream(written))
    yield from (f"written again: {problem}" for problem in contract_problems(again))
    if (before := answer.comparable()) != (after := said.of_events(again).comparable()):
        yield f"stream changed in a round trip: {_difference(before, after)}"
    whole = told[-1]["response"]
    if said.of_output(whole["output"]).comparable() != answer.said.comparable():
        yield "the last event holds another answer than the events before it"
    if whole["status"] != last.get("status", "completed"):
        yield f"status is {whole['status']}, was {last.get('status')}"
    yield from _check_required(whole)


def _comparable(events: Iterable[StreamEvent]) -> list[object]:
    return [event.error.message if isinstance(event, StreamFailed) else event for event in events]


def _check_passing(body: bytes, pieces: list[bytes], answer: said.Answer) -> Iterator[str]:
    blocks, meter = Blocks(), dialect.meter()
    passed = [block for piece in pieces if (block := blocks.feed(piece))]
    passed.append(blocks.rest())
    if b"".join(passed) != body:
        yield "pass-through changed bytes"
    for block in passed:
        meter.feed(block)
    if meter.usage != answer.usage and answer.failed is None:
        yield f"the meter read {meter.usage}, the translation {answer.usage}"
    if not meter.finished and answer.failed is None:
        yield "the meter did not see the end"
    errors = [error for block in passed if (error := dialect.stream_error(block)) is not None]
    if bool(errors) != (isinstance(answer.failed, ProviderError) and not isinstance(answer.failed, ProviderGarbled)):
        yield f"pass-through saw the errors {errors}, the translation {answer.failed!r}"
    if dialect.stream_filter({"stream": True}) is not None:
        yield "events of the provider are swallowed"


def _difference(one: object, other: object) -> str:
    first, second = repr(one), repr(other)
    at = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second)))
    return f"...{first[max(0, at - 60) : at + 60]} / ...{second[max(0, at - 60) : at + 60]}"


if __name__ == "__main__":
    sys.exit(main("responses", ENDPOINTS, cases, BAR))
