"""What the gateway keeps of a turn, and how it comes back: as input of the next turn, as a list, as a deletion.

The input of a turn is kept as the caller sent it, its answer as the caller got it. Instructions belong to neither: the
vendor does not carry them over to the next turn (API reference, 2026-11). Ids of the gateway's own messages and calls
are left out of later turns, because a vendor would look for them among its own. This module imports no canonical type.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeGuard

from sluice.dialects.base import JsonObject
from sluice.dialects.openai_responses.ids import answer_of, item_id
from sluice.dialects.splice import to_bytes
from sluice.errors import BadRequest

Item = dict[str, object]
_MADE = ("message", "function_call", "custom_tool_call")
_LIMIT = range(1, 101)


def pack(items: list[object], answer: JsonObject) -> bytes:
    """Return a turn as it is stored."""
    return to_bytes({"input": items, "answer": answer})


def unpack(content: bytes) -> tuple[list[object], dict[str, object]]:
    """Return the input items and the answer of a stored turn."""
    turn = json.loads(content)
    return turn["input"], turn["answer"]


def given_input(body: JsonObject) -> list[object]:
    """Return a request's own input as items."""
    given = body.get("input")
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": given}]}]
    return list(given) if isinstance(given, list) else []


def replayed_input(turns: Iterable[bytes]) -> Iterator[object]:
    """Yield the items of earlier turns, each turn's input before its answer."""
    for content in turns:
        items, answer = unpack(content)
        yield from items
        output = answer.get("output")
        yield from map(_as_input, output if isinstance(output, list) else ())


def references(items: list[object]) -> dict[str, str]:
    """Return the ids of items of the gateway's own answers that an input refers to, with the answers' ids."""
    found = {str(item.get("id")): answer_of(item.get("id")) for item in items if _is_reference(item)}
    return {item: answer for item, answer in found.items() if answer}


def resolved(items: list[object], contents: Iterable[bytes]) -> list[object]:
    """Return an input with the items that it refers to in their places; an unknown reference stays one."""
    known: dict[object, object] = {}
    for content in contents:
        output = unpack(content)[1].get("output")
        known.update(
            {item.get("id"): item for item in output if isinstance(item, dict)} if isinstance(output, list) else {}
        )
    return [_as_input(known.get(item["id"], item)) if _is_reference(item) else item for item in items]


def page(response_id: str, items: list[object], query: Mapping[str, str]) -> dict[str, object]:
    """Return a page of input items, newest first unless `order` is asc. Raises BadRequest."""
    limit, order, after = query.get("limit", "20"), query.get("order", "desc"), query.get("after")
    if not (limit.isascii() and limit.isdigit() and int(limit[:4]) in _LIMIT):
        raise BadRequest("'limit' must be a whole number from 1 to 100.", param="limit")
    if order not in ("asc", "desc"):
        raise BadRequest("'order' must be 'asc' or 'desc'.", param="order")
    listed = [_listed(item, item_id("msg", response_id, place)) for place, item in enumerate(items)]
    if order == "desc":
        listed.reverse()
    ids = [item["id"] for item in listed]
    if after is not None:
        if after not in ids:
            raise BadRequest("'after' must be the id of an item of this list.", param="after")
        listed = listed[ids.index(after) + 1 :]
    shown = listed[: int(limit)]
    ends = {"first_id": shown[0]["id"] if shown else None, "last_id": shown[-1]["id"] if shown else None}
    return {"object": "list", "data": shown, **ends, "has_more": len(shown) < len(listed)}


def deleted(response_id: str) -> dict[str, object]:
    """Return the answer to a deletion (API reference, 2026-11)."""
    return {"id": response_id, "object": "response.deleted", "deleted": True}


def _is_reference(item: object) -> TypeGuard[Item]:
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        return False
    return item.get("type") == "item_reference" or (item.get("type") is None and "role" not in item)


def _as_input(item: object) -> object:
    if not isinstance(item, dict) or item.get("type") not in _MADE:
        return item
    return {name: value for name, value in item.items() if name not in ("id", "status")}


def _listed(item: object, identity: str) -> Item:
    shown: Item = dict(item) if isinstance(item, dict) else {}
    if "role" in shown:
        said = shown.get("content")
        kind = "output_text" if shown["role"] == "assistant" else "input_text"
        content = [{"type": kind, "text": said}] if isinstance(said, str) else said
        shown = {"type": "message", "status": "completed", **shown, "content": content}
    return {"id": identity, **shown}
