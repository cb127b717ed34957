"""Checks the Chat Completions dialect against recorded traffic: `python -m tests.wire.chat_completions.check`.

Every recording is read both ways. Nothing here knows a record: what is expected is computed from its raw JSON.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from sluice.dialects import openai_chat as dialect
from sluice.dialects.sse import Blocks
from sluice.errors import ProviderError, ProviderGarbled
from sluice.types.chat import ChatRequest, ChatResponse
from sluice.types.stream import StreamEvent, StreamFailed
from sluice.types.usage import Usage
from tests.wire.chat_completions import collect
from tests.wire.recordings import Recording
from tests.wire.tally import Case, cut, main, sound

BAR = 0.99
ENDPOINTS = ("chat.completions",)
WRITE_QUIRKS = {"cache_control": True, "reasoning_request": "object"}
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
    if "/deployments/" in str((recording.request or {}).get("path")):
        # Azure's older addresses name the model; whoever calls a gateway names it in the body.
        body = {**body, "model": body.get("model") or recording.model or "m"}
    dialect.outline(body, len(json.dumps(body)))
    first = dialect.decode_request(body)
    written = dialect.encode_request(first, first.model, WRITE_QUIRKS, False)
    second = dialect.decode_request(json.loads(json.dumps(written.body)))
    if replace(second, include_usage=first.include_usage) != first:
        yield f"request changed in a round trip: {_difference(first, second)}"


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
    if body.get("error"):
        yield from _check_failure_in_body(body)
        return
    response = dialect.decode_response(body)
    answer = collect.of_response(response)
    expected = collect.raw_answer((c.get("index", at), c.get("message") or {}) for at, c in enumerate(body["choices"]))
    yield from _compare_said(expected, answer)
    yield from _compare_stops(
        {c.get("index", at): c.get("finish_reason") for at, c in enumerate(body["choices"])}, answer
    )
    if (difference := usage_difference(body, response.usage)) is not None:
        yield difference
    if dialect.read_usage(raw) != response.usage:
        yield "usage of the pass-through differs from the translation's"
    again: ChatResponse = dialect.decode_response(json.loads(json.dumps(dialect.encode_response(response, CALLER))))
    if collect.of_response(again).comparable() != answer.comparable():
        yield f"answer changed in a round trip: {_difference(response, again)}"


def _check_failure_in_body(body: dict[str, Any]) -> Iterator[str]:
    try:
        dialect.decode_response(body)
    except ProviderGarbled:
        yield "an error in a 200 answer was not recognised"
    except ProviderError as error:
        if error.kind not in KINDS or not error.message:
            yield f"error read as {error.kind} {error.message!r}"
    else:
        yield "an error in a 200 answer was read as an answer"


def _check_stream(body: bytes, seed: str) -> Iterator[str]:
    events = list(dialect.decode_stream([body]))
    yield from collect.contract_problems(events)
    answer = collect.of_events(events)
    chunks = list(collect.chunks_of(body))
    deltas = ((c.get("index", 0), c.get("delta") or {}) for chunk in chunks for c in chunk.get("choices") or ())
    yield from _compare_said(collect.raw_answer(deltas), answer)
    pieces = cut(body, seed)
    if _comparable(dialect.decode_stream(pieces)) != _comparable(events):
        yield "the events depend on where the bytes were cut"
    yield from _check_passing(body, pieces, answer)
    failed = [chunk for chunk in chunks if chunk.get("error")]
    if failed:
        if not isinstance(answer.failed, ProviderError) or answer.failed.kind not in KINDS:
            yield f"the error in the stream was read as {answer.failed!r}"
        return
    if answer.failed is not None:
        yield f"read as broken: {answer.failed}"
    told = [choice for chunk in chunks for choice in chunk.get("choices") or () if choice.get("finish_reason")]
    yield from _compare_stops({c.get("index", 0): c["finish_reason"] for c in told}, answer)
    reports = [chunk for chunk in chunks if chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage")]
    if (difference := usage_difference(reports[-1] if reports else {}, answer.usage)) is not None:
        yield difference
    again = list(dialect.decode_stream(list(dialect.encode_stream(iter(events), CALLER))))
    yield from (f"written again: {problem}" for problem in collect.contract_problems(again))
    before, after = answer.comparable(), collect.of_events(again).comparable()
    if before != after:
        yield f"stream changed in a round trip: {_difference(before, after)}"


def _comparable(events: Iterable[StreamEvent]) -> list[object]:
    return [event.error.message if isinstance(event, StreamFailed) else event for event in events]


def _check_passing(body: bytes, pieces: list[bytes], answer: collect.Answer) -> Iterator[str]:
    blocks, meter = Blocks(), dialect.meter()
    passed = [block for piece in pieces if (block := blocks.feed(piece))]
    passed.append(blocks.rest())
    if b"".join(passed) != body:
        yield "pass-through changed bytes"
    for block in passed:
        meter.feed(block)
    if meter.usage != answer.usage and answer.failed is None:
        yield f"the meter read {meter.usage}, the translation {answer.usage}"
    if not meter.finished and answer.failed is None and any(said.stop for said in answer.choices.values()):
        yield "the meter did not see the end"
    errors = [error for block in passed if (error := dialect.stream_error(block)) is not None]
    if bool(errors) != isinstance(answer.failed, ProviderError):
        yield f"pass-through saw the errors {errors}, the translation {answer.failed!r}"
    yield from _check_filter(body, passed)


def _check_filter(body: bytes, passed: list[bytes]) -> Iterator[str]:
    swallow = dialect.stream_filter({"stream": True})
    assert swallow is not None
    left = b"".join(swallow(block) for block in passed)
    whole, kept = _events(body), _events(left)
    position = 0
    for event in whole:
        if position < len(kept) and kept[position] == event:
            position += 1
        elif not _only_usage(event):
            yield f"the usage filter took away or changed {event[:80]!r}"
            return
    if position != len(kept) or any(_only_usage(event) for event in kept):
        yield "the usage filter let a usage chunk through or added bytes"


def _events(body: bytes) -> list[bytes]:
    return [event for event in re.split(rb"(?<=\n\n)|(?<=\r\n\r\n)", body) if event]


def _only_usage(event: bytes) -> bool:
    chunks = list(collect.chunks_of(event))
    return bool(chunks) and not chunks[0].get("choices") and bool(chunks[0].get("usage"))


def _compare_said(expected: dict[int, collect.Said], answer: collect.Answer) -> Iterator[str]:
    empty = collect.Said()
    for number in expected.keys() | answer.choices.keys():
        want, have = expected.get(number, empty).without_ids(), answer.choices.get(number, empty).without_ids()
        if want != have:
            yield f"choice {number}: {_difference(want, have)}"


STOPS = {
    "length": ("length",),
    "content_filter": ("content_filter",),
    "tool_calls": ("tool_calls",),
    "function_call": ("tool_calls",),
    "stop": ("stop", "tool_calls", "refusal"),
}
"""Recorded word -> the reasons that it may stand for: a plain end may follow a call or a refusal."""


def _compare_stops(words: dict[int, str | None], answer: collect.Answer) -> Iterator[str]:
    for number, word in words.items():
        have = answer.choices.get(number, collect.Said())
        allowed = STOPS.get(word or "")
        if allowed is not None and have.stop not in allowed:
            yield f"choice {number} stops for {have.stop}, recorded was {word}"
        if word == "stop" and have.stop != ("tool_calls" if have.calls else "refusal" if have.refusal else "stop"):
            yield f"choice {number} ended plainly and stops for {have.stop}"


def usage_difference(body: dict[str, Any], usage: Usage | None) -> str | None:
    """Return how a usage differs from what the provider reported in `body`, None when it does not."""
    reported = body.get("usage") or (body.get("x_groq") or {}).get("usage")
    if not reported:
        return None if usage is None else f"usage {usage} out of nothing"
    if usage is None:
        return f"usage {reported} was not read"
    inside, outside = reported.get("prompt_tokens_details") or {}, reported.get("completion_tokens_details") or {}
    prompt, output = reported.get("prompt_tokens") or 0, reported.get("completion_tokens") or 0
    reasoning = outside.get("reasoning_tokens") or reported.get("reasoning_tokens") or 0
    beyond = (reported.get("total_tokens") or 0) - prompt - output
    if beyond > 0 and beyond == reasoning:
        output += reasoning
    elif beyond > 0 and beyond == inside.get("audio_tokens"):
        prompt += beyond
    names = ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens", "cache_read_input_tokens")
    cached = max(inside.get("cached_tokens") or 0, *(reported.get(name) or 0 for name in names))
    want = {
        "prompt": prompt,
        "output": output,
        "cache_read": min(cached, prompt),
        "reasoning": min(reasoning, output),
        "total": prompt + output,
    }
    have = {name: getattr(usage, name) for name in want}
    if want != have:
        return f"usage is {have}, reported was {want}"
    cost = reported.get("cost")
    cost = cost.get("total_cost") if isinstance(cost, dict) else cost
    if cost is not None and not reported.get("is_byok") and float(usage.provider_cost_usd or -1) != float(cost):
        return f"cost is {usage.provider_cost_usd}, reported was {cost}"
    return None


def _difference(one: object, other: object) -> str:
    first, second = repr(one), repr(other)
    at = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second)))
    return f"...{first[max(0, at - 60) : at + 60]} / ...{second[max(0, at - 60) : at + 60]}"


if __name__ == "__main__":
    sys.exit(main("chat_completions", ENDPOINTS, cases, BAR))
