"""Writes a canonical answer as a caller of this dialect expects it: text in `content`, everything in `content_list`."""

from __future__ import annotations

import time

from sluice.dialects.edits import Edits
from sluice.dialects.openai_chat.finish import write_finish
from sluice.dialects.snowflake_complete import usage as counts
from sluice.dialects.snowflake_complete.names import NAME
from sluice.dialects.snowflake_complete.parts_in import ANTHROPIC
from sluice.dialects.snowflake_complete.parts_out import Item, PartWriter
from sluice.errors import UnsupportedParameter
from sluice.types.chat import ChatRequest, ChatResponse, Choice, Part, Refusal, StopReason, Text, Thinking, ToolCall


def encode_response(response: ChatResponse, request: ChatRequest) -> dict[str, object]:
    """Return the body of a whole answer; see `ChatDialect.encode_response`."""
    native = response.dialect in ("", NAME)
    body: dict[str, object] = {
        "id": response.id,
        "created": response.created if response.created or native else int(time.time()),
        "model": response.model or request.model,
        "choices": [_choice(choice, native) for choice in response.choices],
    }
    extras = dict(response.extras) if native else {}
    guard = extras.pop("guard_tokens", None)
    if response.usage is not None:
        body["usage"] = counts.write(response.usage) | ({"guard_tokens": guard} if guard else {})
    return {**body, **extras}


def finish_word(stop: StopReason | None, calls: bool) -> str:
    """Return stop, length, tool_calls or content_filter."""
    word = write_finish(stop, calls, refused=False)
    return "stop" if word == "error" else word


def _choice(choice: Choice, native: bool) -> Item:
    said = "".join(part.text for part in choice.parts if isinstance(part, Text | Refusal))
    items = [item for part in choice.parts if (item := _item(part, native)) is not None]
    calls = any(isinstance(part, ToolCall) for part in choice.parts)
    return {
        "message": {"content": said, "content_list": items},
        "finish_reason": finish_word(choice.stop, calls),
        **(choice.extras if native else {}),
    }


def _item(part: Part, native: bool) -> Item | None:
    """Return the item of a part; what has no form here is left out of an answer."""
    if isinstance(part, Thinking) and not native:
        return {"type": ANTHROPIC, "thinking": {"thinking": part.text, "signature": part.signature or ""}}
    if isinstance(part, ToolCall) and part.custom:
        return {"type": "tool_use", "tool_use": {"tool_use_id": part.id, "name": part.name, "input": part.arguments}}
    try:
        return PartWriter(native, Edits()).item(part)
    except UnsupportedParameter:
        return None
