"""Write answers and stream events in OpenAI's Responses dialect."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sluice.local.simulator import script, tokens
from sluice.local.simulator.conversation import Answer, Ask, Call, Decline, Event, Piece, Say, Thought
from sluice.local.simulator.models import CREATED
from sluice.local.simulator.shape import Object

_CUT = {"length": "max_output_tokens", "filter": "content_filter"}


def body(identity: str, request: Object, ask: Ask, answer: Answer) -> Object:
    """Return the whole answer."""
    cut = _CUT.get(answer.stop)
    prompt = ask.prompt
    usage = {
        "input_tokens": prompt.total,
        "input_tokens_details": {"cached_tokens": prompt.read},
        "output_tokens": answer.output,
        "output_tokens_details": {"reasoning_tokens": answer.thinking},
        "total_tokens": prompt.total + answer.output,
    }
    return {
        **frame(identity, request, ask),
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": cut} if cut else None,
        "output": [_item(identity, place, piece) for place, piece in enumerate(answer.pieces)],
        "usage": usage,
    }


def frame(identity: str, request: Object, ask: Ask) -> Object:
    """Return an answer before the model said anything."""
    return {
        "id": identity,
        "object": "response",
        "created_at": CREATED,
        "status": "in_progress",
        "background": bool(request.get("background")),
        "error": None,
        "incomplete_details": None,
        "instructions": request.get("instructions"),
        "max_output_tokens": request.get("max_output_tokens"),
        "metadata": request.get("metadata") or {},
        "model": ask.model.id,
        "output": [],
        "parallel_tool_calls": ask.parallel,
        "previous_response_id": request.get("previous_response_id"),
        "reasoning": {"effort": None, "summary": None},
        "store": request.get("store") is not False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": request.get("tool_choice") or "auto",
        "tools": request.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None,
        "user": None,
    }


def events(whole: Object, begun: Object) -> Iterator[Event]:
    """Yield the stream of a whole answer, numbered from 0."""
    for number, (event, size) in enumerate(_events(whole, begun)):
        kind = event.pop("type")
        text = json.dumps({"type": kind, "sequence_number": number, **event}, ensure_ascii=False)
        yield Event(f"event: {kind}\ndata: {text}\n\n".encode(), size)


def error_event(message: str) -> Event:
    """Return the event with which a stream fails half-way."""
    told = {"type": "error", "code": "server_error", "message": message, "param": None, "sequence_number": 0}
    return Event(f"event: error\ndata: {json.dumps(told)}\n\n".encode())


def _events(whole: Object, begun: Object) -> Iterator[tuple[Object, int]]:
    yield {"type": "response.created", "response": begun}, 0
    yield {"type": "response.in_progress", "response": begun}, 0
    for place, item in enumerate(whole["output"]):
        at = {"item_id": item["id"], "output_index": place}
        empty = {
            name: "" if name == "arguments" else [] for name in ("content", "summary", "arguments") if name in item
        }
        yield {"type": "response.output_item.added", "output_index": place, "item": {**item, **empty}}, 0
        if item["type"] == "function_call":
            for part in script.argument_fragments(item["arguments"]):
                yield {"type": "response.function_call_arguments.delta", **at, "delta": part}, tokens.count(part)
            done = {"type": "response.function_call_arguments.done", **at, "arguments": item["arguments"]}
            yield {**done, "name": item["name"]}, 0
        for index, part in enumerate(item.get("content") or item.get("summary") or ()):
            yield from _part(part, at, index)
        yield {"type": "response.output_item.done", "output_index": place, "item": item}, 0
    yield {"type": f"response.{whole['status']}", "response": whole}, 0


def _part(part: Object, at: Object, index: int) -> Iterator[tuple[Object, int]]:
    kind = part["type"]
    member = "refusal" if kind == "refusal" else "text"
    stem, frame_of, place = {
        "output_text": ("response.output_text", "response.content_part", "content_index"),
        "refusal": ("response.refusal", "response.content_part", "content_index"),
        "summary_text": ("response.reasoning_summary_text", "response.reasoning_summary_part", "summary_index"),
    }[kind]
    where = {**at, place: index}
    extra: Object = {"logprobs": []} if kind == "output_text" else {}
    yield {"type": f"{frame_of}.added", **where, "part": {**part, member: ""}}, 0
    for piece in script.fragments(part[member]):
        yield {"type": f"{stem}.delta", **where, "delta": piece, **extra}, 1
    yield {"type": f"{stem}.done", **where, member: part[member], **extra}, 0
    yield {"type": f"{frame_of}.done", **where, "part": part}, 0


def _item(identity: str, place: int, piece: Piece) -> Object:
    name = f"{identity.removeprefix('resp_')}{place}"
    if isinstance(piece, Thought):
        summary = [{"type": "summary_text", "text": piece.text}]
        return {"type": "reasoning", "id": f"rs_{name}", "summary": summary}
    if isinstance(piece, Call):
        call = {"call_id": f"call_{piece.id}", "name": piece.name, "arguments": piece.arguments}
        return {"type": "function_call", "id": f"fc_{name}", "status": "completed", **call}
    message = {"type": "message", "id": f"msg_{name}", "status": "completed", "role": "assistant"}
    if isinstance(piece, Decline):
        return {**message, "content": [{"type": "refusal", "refusal": piece.text}]}
    assert isinstance(piece, Say)  # noqa: S101 - the pieces are these four
    return {**message, "content": [{"type": "output_text", "text": piece.text, "annotations": [], "logprobs": []}]}
