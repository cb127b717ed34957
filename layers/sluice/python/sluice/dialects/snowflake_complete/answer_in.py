"""Reads a whole answer into its canonical form; its text stands in `content` and again in `content_list`."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.openai_chat.failures import choices_of
from sluice.dialects.openai_chat.finish import read_finish
from sluice.dialects.snowflake_complete import usage as counts
from sluice.dialects.snowflake_complete.names import NAME
from sluice.dialects.snowflake_complete.parts_in import read_parts
from sluice.types.chat import ChatResponse, Choice, Json, ToolCall

_KNOWN = frozenset({"id", "created", "model", "choices", "usage", "finish_reason"})
_CHOICE = frozenset({"message", "finish_reason", "index"})


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> ChatResponse:
    """Return the canonical answer; see `ChatDialect.decode_response`."""
    choices = choices_of(body)
    identity, created, model = body.get("id"), body.get("created"), body.get("model")
    answer_id = identity if isinstance(identity, str) else ""
    extras = {name: value for name, value in body.items() if name not in _KNOWN}
    found = body.get("usage")
    guard = found.get("guard_tokens") if isinstance(found, Mapping) else None
    if guard:
        extras["guard_tokens"] = guard
    return ChatResponse(
        id=answer_id,
        model=model if isinstance(model, str) else "",
        choices=tuple(
            _choice(raw, at, body.get("finish_reason"), f"{answer_id}{at}")
            for at, raw in enumerate(choices)
            if isinstance(raw, Mapping)
        ),
        usage=counts.read(body, quirks),
        created=int(created) if isinstance(created, int | float) else 0,
        dialect=NAME,
        extras=extras,
    )


def _choice(raw: Mapping[str, Json], position: int, word: Json, seed: str) -> Choice:
    message = raw.get("message")
    parts = read_parts(message if isinstance(message, Mapping) else EMPTY, seed)
    calls = any(isinstance(part, ToolCall) for part in parts)
    return Choice(
        parts,
        # The vendor's document states the reason beside the choices; its servers state it in them.
        read_finish(raw.get("finish_reason") or word, calls, refused=False),
        index=position,
        extras={name: value for name, value in raw.items() if name not in _CHOICE},
    )
