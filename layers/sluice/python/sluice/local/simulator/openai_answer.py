"""Write answers, stream events and errors in OpenAI's Chat Completions dialect."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence

from sluice.local.simulator import script, signing, tokens
from sluice.local.simulator.conversation import Answer, Ask, Call, Decline, Event, Piece, Refused, Say, Thought
from sluice.local.simulator.models import CREATED
from sluice.local.simulator.shape import Json, Object

FINGERPRINT = "fp_simulator"
DONE = Event(b"data: [DONE]\n\n")
_FINISH = {
    "end": "stop",
    "sequence": "stop",
    "refusal": "stop",
    "length": "length",
    "calls": "tool_calls",
    "filter": "content_filter",
}
_TYPES = {401: "invalid_request_error", 403: "permission_error", 429: "requests"}
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


def body(ask: Ask, answers: Sequence[Answer]) -> Object:
    """Return the whole answer."""
    whole = _frame(ask, "chat.completion", [_choice(ask, answer, i) for i, answer in enumerate(answers)])
    return whole if ask.directive.no_usage else {**whole, "usage": usage(ask, answers)}


def events(ask: Ask, answers: Sequence[Answer]) -> Iterator[Event]:
    """Yield the stream: role, deltas, finish reason, usage where asked for, the end mark."""
    for index, answer in enumerate(answers):
        yield _chunk(ask, {"role": "assistant", "content": "", "refusal": None}, index)
        yield from _deltas(ask, answer, index)
        yield _chunk(ask, {}, index, finish=_FINISH[answer.stop])
    if ask.include_usage and not ask.directive.no_usage:
        yield _event({**_frame(ask, "chat.completion.chunk", []), "usage": usage(ask, answers)})
    yield DONE


def usage(ask: Ask, answers: Sequence[Answer]) -> Object:
    """Return the usage; `prompt_tokens` includes what was cached, `completion_tokens` what was thought."""
    prompt, output = ask.prompt, sum(a.output for a in answers)
    return {
        "prompt_tokens": prompt.total,
        "completion_tokens": output,
        "total_tokens": prompt.total + output,
        "prompt_tokens_details": {
            "cached_tokens": prompt.read,
            "cache_write_tokens": prompt.write_5m + prompt.write_1h,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": sum(a.thinking for a in answers),
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def error(refused: Refused) -> Object:
    """Return the error envelope."""
    kind = _TYPES.get(refused.status, "invalid_request_error" if refused.status < 500 else "server_error")
    code = refused.told or refused.code or _CODES.get(refused.status)
    if code == "insufficient_quota":
        kind = "insufficient_quota"
    return {"error": {"message": refused.message, "type": kind, "param": refused.param, "code": code}}


def error_event(message: str) -> Event:
    """Return the event with which a stream fails half-way."""
    return _event({"error": {"message": message, "type": "server_error", "param": None, "code": "server_error"}})


def headers(request_id: str) -> dict[str, str]:
    """Return the headers of every answer."""
    return {
        "x-request-id": f"req_{request_id[:32]}",
        "openai-version": "2020-10-01",
        "openai-processing-ms": "1",
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-remaining-requests": "9999",
        "x-ratelimit-limit-tokens": "2000000",
        "x-ratelimit-remaining-tokens": "1999000",
    }


def embeddings(model: str, vectors: Sequence[Json], prompt_tokens: int) -> Object:
    """Return the answer to an embeddings request."""
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(vectors)],
        "model": model,
        "usage": {"prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens},
    }


def _frame(ask: Ask, kind: str, choices: Json) -> Object:
    return {
        "id": f"chatcmpl-{ask.digest[:24]}",
        "object": kind,
        "created": CREATED,
        "model": ask.model.id,
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
        "choices": choices,
    }


def _choice(ask: Ask, answer: Answer, index: int) -> Object:
    message: Object = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
    calls = []
    for piece in answer.pieces:
        if isinstance(piece, Thought):
            message |= {"reasoning_content": piece.text, "reasoning_details": [_detail(ask, piece.text, piece.text)]}
        elif isinstance(piece, Say):
            message["content"] = piece.text
        elif isinstance(piece, Decline):
            message["refusal"] = piece.text
        else:
            calls.append(_call(piece, piece.arguments))
    if calls:
        message["tool_calls"] = calls
    logprobs = _logprobs(ask, str(message["content"] or ""))
    return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": _FINISH[answer.stop]}


def _call(call: Call, arguments: str) -> Object:
    named = {"name": call.name, "input" if call.custom else "arguments": arguments}
    kind = "custom" if call.custom else "function"
    return {"id": f"call_{call.id}", "type": kind, kind: named}


def _detail(ask: Ask, shown: str, signed: str | None) -> Object:
    """Return reasoning as OpenRouter shapes it; the last delta of a stream brings the signature."""
    detail: Object = {"type": "reasoning.text", "text": shown, "index": 0}
    if signed is None:
        return detail
    return {**detail, "signature": signing.sign(signed, ask.digest), "format": "simulator-v1"}


def _deltas(ask: Ask, answer: Answer, index: int) -> Iterator[Event]:
    position = itertools.count()
    for piece in answer.pieces:
        if isinstance(piece, Call):
            yield from _call_deltas(ask, piece, next(position), index)
        else:
            yield from _text_deltas(ask, piece, index)


def _text_deltas(ask: Ask, piece: Piece, index: int) -> Iterator[Event]:
    if isinstance(piece, Thought):
        for part in script.fragments(piece.text):
            yield _chunk(
                ask, {"reasoning_content": part, "reasoning_details": [_detail(ask, part, None)]}, index, size=1
            )
        yield _chunk(ask, {"reasoning_details": [_detail(ask, "", piece.text)]}, index)
    elif isinstance(piece, Say | Decline):
        name = "content" if isinstance(piece, Say) else "refusal"
        for part in script.fragments(piece.text):
            logprobs = _logprobs(ask, part) if name == "content" else None
            yield _chunk(ask, {name: part}, index, size=1, logprobs=logprobs)


def _call_deltas(ask: Ask, call: Call, position: int, index: int) -> Iterator[Event]:
    yield _chunk(ask, {"tool_calls": [{"index": position, **_call(call, "")}]}, index, size=4)
    kind, member = ("custom", "input") if call.custom else ("function", "arguments")
    for part in script.argument_fragments(call.arguments):
        delta = {"tool_calls": [{"index": position, kind: {member: part}}]}
        yield _chunk(ask, delta, index, size=tokens.count(part))


def _chunk(
    ask: Ask, delta: Object, index: int, *, finish: str | None = None, size: int = 0, logprobs: Json = None
) -> Event:
    choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
    chunk = _frame(ask, "chat.completion.chunk", [choice])
    return _event({**chunk, "usage": None} if ask.include_usage else chunk, size)


def _event(chunk: Object, size: int = 0) -> Event:
    return Event(b"data: " + json.dumps(chunk, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n", size)


def _logprobs(ask: Ask, text: str) -> Object | None:
    """Return made-up log probabilities: -0.25 for each token, one less for each alternative."""
    if ask.top_logprobs is None:
        return None
    listed = []
    for token in tokens.split(text):
        others = [_token(f"{token}{'~' * n}", -0.25 - n) for n in range(ask.top_logprobs)]
        listed.append({**_token(token, -0.25), "top_logprobs": others})
    return {"content": listed, "refusal": None}


def _token(text: str, logprob: float) -> Object:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode())}
