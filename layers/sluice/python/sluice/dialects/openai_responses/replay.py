"""Tells a stored answer once more as a stream.

The events are those of the first time with one delta for each text, so they have numbers of their own, from 0. Whoever
goes on after the number of an event gets the rest; the last event, which holds the whole answer, comes in any case.
This module imports no canonical type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sluice.dialects.base import JsonObject
from sluice.dialects.openai_responses.failures import event_bytes

Event = dict[str, object]
_CALLS = {
    "function_call": ("arguments", "response.function_call_arguments"),
    "custom_tool_call": ("input", "response.custom_tool_call_input"),
}
_TEXTS = {"output_text": ("text", "response.output_text"), "refusal": ("refusal", "response.refusal")}


def replay(answer: JsonObject, after: int = -1) -> Iterator[bytes]:
    """Yield the events of a whole answer whose numbers are over `after`."""
    number = 0
    for event in _events(answer):
        if number > after:
            yield _numbered(event, number)
        number += 1
    last: Event = {"type": f"response.{answer.get('status')}", "response": answer}
    yield _numbered(last, max(number, after + 1))


def _numbered(event: Event, number: int) -> bytes:
    kind = event.pop("type")
    return event_bytes({"type": kind, "sequence_number": number, **event})


def _events(answer: JsonObject) -> Iterator[Event]:
    blank: Event = {"status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    begun = {name: value for name, value in answer.items() if name != "completed_at"}
    for word in ("created", "in_progress"):
        yield {"type": f"response.{word}", "response": {**begun, **blank}}
    output = answer.get("output")
    for place, item in enumerate(output if isinstance(output, list) else ()):
        if isinstance(item, Mapping):
            yield from _item(item, place)


def _item(item: JsonObject, place: int) -> Iterator[Event]:
    kind, at = str(item.get("type")), {"item_id": item.get("id"), "output_index": place}
    begun: Event = dict(item)
    if "status" in item:
        begun["status"] = "in_progress"
    if kind == "message":
        begun["content"] = []
    elif kind == "reasoning":
        begun = {"type": kind, "id": item.get("id"), "summary": []}
    elif kind in _CALLS:
        begun[_CALLS[kind][0]] = ""
    yield {"type": "response.output_item.added", "output_index": place, "item": begun}
    if kind == "message":
        yield from _contents(item.get("content"), at)
    elif kind == "reasoning":
        yield from _summary(item.get("summary"), at)
    elif kind in _CALLS:
        member, stem = _CALLS[kind]
        yield {"type": f"{stem}.delta", **at, "delta": item.get(member)}
        named = {"name": item.get("name")} if kind == "function_call" else {}
        yield {"type": f"{stem}.done", **at, member: item.get(member), **named}
    yield {"type": "response.output_item.done", "output_index": place, "item": item}


def _contents(contents: object, at: Event) -> Iterator[Event]:
    for index, part in enumerate(contents if isinstance(contents, list) else ()):
        if not isinstance(part, Mapping):
            continue
        where, kind = {**at, "content_index": index}, str(part.get("type"))
        if kind not in _TEXTS:
            yield {"type": "response.content_part.added", **where, "part": part}
            yield {"type": "response.content_part.done", **where, "part": part}
            continue
        member, stem = _TEXTS[kind]
        empty: Event = {"annotations": [], "logprobs": []} if kind == "output_text" else {}
        extra: Event = {"logprobs": part.get("logprobs") or []} if kind == "output_text" else {}
        yield {"type": "response.content_part.added", **where, "part": {"type": kind, member: "", **empty}}
        yield {"type": f"{stem}.delta", **where, "delta": part.get(member), **extra}
        yield {"type": f"{stem}.done", **where, member: part.get(member), **extra}
        yield {"type": "response.content_part.done", **where, "part": part}


def _summary(parts: object, at: Event) -> Iterator[Event]:
    for index, part in enumerate(parts if isinstance(parts, list) else ()):
        text = part.get("text") if isinstance(part, Mapping) else None
        where, stem = {**at, "summary_index": index}, "response.reasoning_summary"
        yield {"type": f"{stem}_part.added", **where, "part": {"type": "summary_text", "text": ""}}
        yield {"type": f"{stem}_text.delta", **where, "delta": text}
        yield {"type": f"{stem}_text.done", **where, "text": text}
        yield {"type": f"{stem}_part.done", **where, "part": part}
