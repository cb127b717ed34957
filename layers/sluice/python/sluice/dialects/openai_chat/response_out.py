"""Writes a canonical answer as a Chat Completions caller expects it."""

from __future__ import annotations

import time
from collections.abc import Mapping

from sluice.dialects.base import EMPTY
from sluice.dialects.edits import Edits
from sluice.dialects.openai_chat import usage as counts
from sluice.dialects.openai_chat.finish import write_finish
from sluice.dialects.openai_chat.messages_out import write_call
from sluice.dialects.openai_chat.names import NAME, REASONING_FIELDS
from sluice.dialects.openai_chat.parts_out import Block, PartWriter, thinking_block
from sluice.dialects.openai_chat.reasoning import DETAILS, write_details
from sluice.types.chat import (
    Audio,
    ChatRequest,
    ChatResponse,
    Choice,
    Image,
    Json,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
)


def encode_response(response: ChatResponse, request: ChatRequest) -> dict[str, object]:  # noqa: ARG001
    """Return the body of a whole answer; see `ChatDialect.encode_response`."""
    native = response.dialect in ("", NAME)
    body: dict[str, object] = {
        "id": answer_id(response.id, native),
        "object": "chat.completion",
        "created": response.created if response.created or native else int(time.time()),
        "model": response.model,
        "choices": [_choice(choice, native) for choice in response.choices],
    }
    if response.usage is not None:
        body["usage"] = counts.write(response.usage)
        if response.usage.service_tier is not None:
            body["service_tier"] = response.usage.service_tier
    return {**body, **response.extras} if native else body


def answer_id(identity: str, native: bool) -> str:
    """Return the id of an answer; another dialect's gets the prefix that callers of this one know."""
    return identity if native or identity.startswith("chatcmpl-") else f"chatcmpl-{identity}"


def _choice(choice: Choice, native: bool) -> dict[str, object]:
    extras = dict(choice.extras) if native else {}
    own = extras.pop("message", None)
    calls = any(isinstance(part, ToolCall) for part in choice.parts)
    refused = any(isinstance(part, Refusal) for part in choice.parts)
    message = _message(choice.parts, native)
    if isinstance(own, Mapping):
        message.update(own)
    return {
        "index": choice.index,
        "message": message,
        "logprobs": choice.logprobs if native else None,
        "finish_reason": write_finish(choice.stop, calls, refused),
        **extras,
    }


def _message(parts: tuple[Part, ...], native: bool) -> Block:
    texts = [part.text for part in parts if isinstance(part, Text)]
    refusals = [part.text for part in parts if isinstance(part, Refusal)]
    content = _parted(parts) if _needs_parts(parts) else "".join(texts) if texts else None
    message: Block = {"role": "assistant", "content": content, "refusal": "".join(refusals) or None}
    message.update(write_answer_reasoning([part for part in parts if isinstance(part, Thinking)], native))
    calls = [write_call(part, native) for part in parts if isinstance(part, ToolCall)]
    if calls:
        message["tool_calls"] = calls
    images = [block for part in parts if isinstance(part, Image) and (block := _writer().part(part)) is not None]
    if images:
        message["images"] = images
    for part in parts:
        if isinstance(part, Audio):
            message["audio"] = _audio(part)
    citations = [] if native else [note for part in parts if isinstance(part, Text) for note in cited(part)]
    if citations:
        message["annotations"] = citations
    return message


def _needs_parts(parts: tuple[Part, ...]) -> bool:
    """Mistral's reasoning stands in the content, which then is a list."""
    return any(
        (isinstance(part, Thinking) and part.field == "content") or (isinstance(part, Opaque) and part.dialect == NAME)
        for part in parts
    )


def _parted(parts: tuple[Part, ...]) -> list[Json]:
    blocks: list[Json] = []
    for part in parts:
        if isinstance(part, Thinking) and part.field == "content":
            own = part.details[0] if part.details else None
            blocks.append(own if isinstance(own, dict) else thinking_block(part))
        elif isinstance(part, Text):
            blocks.append({"type": "text", "text": part.text})
        elif isinstance(part, Opaque) and part.dialect == NAME:
            blocks.append(dict(part.payload))
    return blocks


def write_answer_reasoning(thoughts: list[Thinking], native: bool) -> Block:
    """Return the members that hold reasoning: text where callers look for it, and what must come back unchanged."""
    named = [part for part in thoughts if part.field != "content"]
    text = "".join(part.text for part in named)
    fields = (*REASONING_FIELDS, DETAILS)  # not another dialect's name
    field = next((part.field for part in named if part.field in fields), REASONING_FIELDS[0])
    members: Block = {}
    if text and field != DETAILS:
        members[field] = text
    details = write_details(named)
    if details and (not native or any(part.details for part in named)):
        members[DETAILS] = details
    return members


def _audio(part: Audio) -> Block:
    return {
        "id": part.audio_id or "",
        "data": part.data or "",
        "expires_at": part.expires_at or 0,
        "transcript": part.transcript or "",
    }


def cited(part: Text) -> list[Json]:
    """Return web citations of another dialect as `url_citation` annotations; those without a URL are left out."""
    found: list[Json] = []
    for citation in part.citations:
        if isinstance(citation, Mapping) and isinstance(citation.get("url"), str):
            place = {"url": citation["url"], "title": citation.get("title") or "", "start_index": 0}
            found.append({"type": "url_citation", "url_citation": {**place, "end_index": len(part.text)}})
    return found


def _writer() -> PartWriter:
    return PartWriter(EMPTY, native=True, edits=Edits())
