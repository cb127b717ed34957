"""Write answers, stream events and errors in Anthropic's Messages dialect."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from sluice.local.simulator import script, signing, tokens
from sluice.local.simulator.conversation import Answer, Ask, Call, Event, Piece, Refused, Thought
from sluice.local.simulator.models import MODELS, Model
from sluice.local.simulator.shape import Json, Object

_STOPS = {
    "end": "end_turn",
    "sequence": "stop_sequence",
    "refusal": "refusal",
    "filter": "refusal",
    "length": "max_tokens",
    "calls": "tool_use",
}
_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def body(ask: Ask, answers: Sequence[Answer]) -> Object:
    """Return the whole answer."""
    answer = answers[0]
    whole = _message(ask, [_block(ask, piece) for piece in answer.pieces]) | _ending(answer)
    return whole if ask.directive.no_usage else {**whole, "usage": usage(ask, answer)}


def events(ask: Ask, answers: Sequence[Answer]) -> Iterator[Event]:
    """Yield the stream from `message_start` to `message_stop`."""
    answer = answers[0]
    started = _message(ask, []) | {"stop_reason": None, "stop_sequence": None, "stop_details": None}
    counted = not ask.directive.no_usage
    if counted:
        started["usage"] = usage(ask, replace(answer, output=1, thinking=0))
    yield event("message_start", {"message": started})
    yield event("ping", {})
    for index, piece in enumerate(answer.pieces):
        yield from _block_events(ask, piece, index)
    delta: Object = {"delta": _ending(answer)}
    if counted:
        delta["usage"] = _final_usage(ask, answer)
    yield event("message_delta", delta)
    yield event("message_stop", {})


def usage(ask: Ask, answer: Answer) -> Object:
    """Return the usage; `input_tokens` is what was neither read from nor written to the cache."""
    prompt = ask.prompt
    details = {"output_tokens_details": {"thinking_tokens": answer.thinking}} if answer.thinking else {}
    return {
        "input_tokens": prompt.fresh,
        "cache_creation_input_tokens": prompt.write_5m + prompt.write_1h,
        "cache_read_input_tokens": prompt.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": prompt.write_5m,
            "ephemeral_1h_input_tokens": prompt.write_1h,
        },
        "output_tokens": answer.output,
        **details,
        "service_tier": "standard",
    }


def _final_usage(ask: Ask, answer: Answer) -> Object:
    final = usage(ask, answer)
    del final["cache_creation"], final["service_tier"]
    return final


def error(refused: Refused) -> Object:
    """Return the error envelope."""
    kind = _TYPES.get(refused.status, "invalid_request_error" if refused.status < 500 else "api_error")
    return {"type": "error", "error": {"type": refused.told or kind, "message": refused.message}}


def error_event(message: str) -> Event:
    """Return the event with which a stream fails half-way."""
    return event("error", {"error": {"type": "overloaded_error", "message": message}})


def headers(request_id: str) -> dict[str, str]:
    """Return the headers of every answer."""
    return {
        "request-id": f"req_{request_id[:24]}",
        "anthropic-organization-id": "00000000-0000-4000-8000-000000000000",
        "anthropic-ratelimit-requests-limit": "4000",
        "anthropic-ratelimit-requests-remaining": "3999",
        "anthropic-ratelimit-requests-reset": "2026-01-01T00:01:00Z",
    }


def models() -> Object:
    """Return the list of models."""
    listed = [described(m) for m in MODELS.values() if m.serves == "chat"]
    return {"data": listed, "has_more": False, "first_id": listed[0]["id"], "last_id": listed[-1]["id"]}


def described(model: Model) -> Object:
    """Return one model."""
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.title,
        "created_at": "2026-01-01T00:00:00Z",
        "max_input_tokens": model.context,
        "max_tokens": model.max_output,
    }


def event(name: str, members: Object, size: int = 0) -> Event:
    """Return one named event."""
    text = json.dumps({"type": name, **members}, ensure_ascii=False, separators=(",", ":"))
    return Event(f"event: {name}\ndata: {text}\n\n".encode(), size)


def _message(ask: Ask, content: Json) -> Object:
    frame = {"id": f"msg_{ask.digest[:24]}", "type": "message", "role": "assistant", "model": ask.model.id}
    return {**frame, "content": content}


def _ending(answer: Answer) -> Object:
    refused = answer.stop in ("refusal", "filter")
    details = {"type": "refusal", "category": None, "explanation": None} if refused else None
    return {"stop_reason": _STOPS[answer.stop], "stop_sequence": answer.stop_sequence, "stop_details": details}


def _block(ask: Ask, piece: Piece) -> Object:
    if isinstance(piece, Thought):
        return _thought(ask, piece)
    if isinstance(piece, Call):
        return {"type": "tool_use", "id": f"toolu_{piece.id}", "name": piece.name, "input": _input(piece.arguments)}
    return {"type": "text", "text": piece.text}


def _thought(ask: Ask, piece: Thought) -> Object:
    if ask.directive.redacted:
        return {"type": "redacted_thinking", "data": signing.seal(piece.text, ask.digest)}
    shown = piece.text if ask.show_thinking else ""
    return {"type": "thinking", "thinking": shown, "signature": signing.sign(shown, ask.digest)}


def _input(arguments: str) -> Json:
    """Return a call's input; {} when `max_tokens` cut it, as only whole JSON can stand in a body."""
    try:
        return json.loads(arguments)
    except ValueError:
        return {}


def _block_events(ask: Ask, piece: Piece, index: int) -> Iterator[Event]:
    block = _block(ask, piece)
    empty: dict[str, Object] = {
        "text": {"text": ""},
        "thinking": {"thinking": "", "signature": ""},
        "tool_use": {"input": {}},
    }
    start = {**block, **empty.get(block["type"], {})}
    yield event("content_block_start", {"index": index, "content_block": start}, 4 if isinstance(piece, Call) else 0)
    for delta, size in _deltas(piece, block):
        yield event("content_block_delta", {"index": index, "delta": delta}, size)
    yield event("content_block_stop", {"index": index})


def _deltas(piece: Piece, block: Object) -> Iterator[tuple[Object, int]]:
    if isinstance(piece, Call):
        yield {"type": "input_json_delta", "partial_json": ""}, 0
        for part in script.argument_fragments(piece.arguments):
            yield {"type": "input_json_delta", "partial_json": part}, tokens.count(part)
    elif block["type"] == "thinking":
        for part in tokens.split(block["thinking"]):
            yield {"type": "thinking_delta", "thinking": part}, 1
        yield {"type": "signature_delta", "signature": block["signature"]}, 0
    elif block["type"] == "text":
        for part in tokens.split(block["text"]):
            yield {"type": "text_delta", "text": part}, 1
