"""Writes a whole answer, and the frame that whole answers and the events of a stream share.

What a client's types demand (tools, tool_choice, parallel_tool_calls, usage details, ...) is always there; it repeats
the request, as the vendor does.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from sluice.dialects.base import EMPTY
from sluice.dialects.edits import Edits
from sluice.dialects.openai_responses import usage as counts
from sluice.dialects.openai_responses.content import CONTENT
from sluice.dialects.openai_responses.ids import item_id, new_id
from sluice.dialects.openai_responses.items_in import LAYOUT
from sluice.dialects.openai_responses.items_out import free_text, is_item, segments
from sluice.dialects.openai_responses.names import NAME
from sluice.dialects.openai_responses.namespaces import homes
from sluice.dialects.openai_responses.reasoning import own_entries, own_items, sealed_secret
from sluice.dialects.openai_responses.request_out import write_format
from sluice.dialects.openai_responses.status import write_status
from sluice.dialects.openai_responses.tools import custom_names, write_choice, write_tools
from sluice.types.chat import (
    Audio,
    ChatRequest,
    ChatResponse,
    Choice,
    Json,
    Message,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
)
from sluice.types.usage import Usage

Item = dict[str, Json]

_REPEATED = (
    "background",
    "max_tool_calls",
    "previous_response_id",
    "prompt_cache_key",
    "safety_identifier",
    "truncation",
)


def encode_response(response: ChatResponse, request: ChatRequest) -> dict[str, object]:
    """Return the body of a whole answer; of several choices the first is given."""
    choice = response.choices[0] if response.choices else Choice((), "stop")
    identity = response.id or new_id()
    body = frame(request, identity, response.model, response.created)
    own = response.dialect == NAME
    output = OutputWriter(identity, own, custom_names(request), homes(request)).write(choice)
    if response.dialect == NAME:
        body.update(response.extras)
    return {**body, **ending(choice, output, response.usage)}


def frame(request: ChatRequest, identity: str, model: str, created: int) -> dict[str, Json]:
    """Return the members of an answer that are known before the model says anything."""
    choice, reasoning = request.tool_choice, request.reasoning
    shape = write_format(request.output_format) if request.output_format is not None else {"type": "text"}
    text: Item = {"format": shape}
    if isinstance(request.extras.get("verbosity"), str):
        text["verbosity"] = request.extras["verbosity"]
    own = request.extras.get("reasoning")
    summary = own.get("summary") if isinstance(own, Mapping) else None
    chosen = write_choice(choice, request.tools, EMPTY, Edits()) if choice is not None else None
    return {
        "id": identity,
        "object": "response",
        "created_at": created or int(time.time()),
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": instructions_of(request.messages[:1]),
        "max_output_tokens": request.max_tokens,
        "model": model or request.model,
        "output": [],
        "parallel_tool_calls": choice is None or choice.parallel is not False,
        "reasoning": {"effort": reasoning.effort if reasoning is not None else None, "summary": summary},
        "store": request.extras.get("store") is True,
        "temperature": request.temperature,
        "text": text,
        "tool_choice": chosen or "auto",
        "tools": write_tools(request.tools, True, EMPTY, Edits()),
        "top_p": request.top_p,
        "usage": None,
        "user": request.user,
        "metadata": request.metadata or {},
        **{name: request.extras.get(name) for name in _REPEATED},
    }


def instructions_of(messages: tuple[Message, ...]) -> str | None:
    """Return the request's instructions, where they stood apart from its input."""
    for message in messages:
        if message.extras.get("instructions") is True and message.parts and isinstance(message.parts[0], Text):
            return message.parts[0].text
    return None


def ending(choice: Choice, output: list[Json], usage: Usage | None) -> dict[str, Json]:
    """Return the members of an answer that are known at its end."""
    calls = any(isinstance(part, ToolCall) for part in choice.parts)
    refused = any(isinstance(part, Refusal) and part.text for part in choice.parts)
    status, details = write_status(choice.stop, calls, refused)
    own = {name: choice.extras[name] for name in ("status", "incomplete_details") if name in choice.extras}
    ended: dict[str, Json] = {"status": status, "incomplete_details": details, "output": output, **own}
    if status == "failed":
        ended["error"] = {"code": "server_error", "message": "The model ended its answer with an error."}
    ended["usage"] = counts.write(usage)
    if usage is not None and usage.service_tier is not None:
        ended["service_tier"] = usage.service_tier
    return ended


class OutputWriter:
    """Writes the output items of one answer; `native` says that a provider of this dialect gave it.

    `custom` and `homes` say of a called name whether it is a free-text tool, and of which namespace.
    """

    __slots__ = ("_custom", "_homes", "_items", "_native", "_seed")

    def __init__(self, seed: str, native: bool, custom: frozenset[str], homes: Mapping[str, tuple[str, str]]) -> None:
        self._homes = {} if native else homes
        self._seed = seed
        self._native = native
        self._custom = custom
        self._items: list[Json] = []

    def write(self, choice: Choice) -> list[Json]:
        """Return the items of a choice."""
        logprobs = choice.logprobs.get("content") if isinstance(choice.logprobs, Mapping) else None
        for run, members in segments(choice.parts, choice.extras.get(LAYOUT)):
            first = run[0] if run else None
            if isinstance(first, Thinking):
                self._thoughts([part for part in run if isinstance(part, Thinking)])
            elif isinstance(first, ToolCall):
                self._items.append(self.call(first))
            elif first is not None and is_item(first):
                if isinstance(first, Opaque) and first.dialect == NAME:
                    self._items.append(dict(first.payload))
            else:
                self._message(run, members, logprobs)
                logprobs = None if run else logprobs
        return self._items

    def call(self, call: ToolCall) -> Item:
        """Return the item of a call; one of a function that stands for a free-text tool is a call of that tool."""
        extras = dict(call.extras) if self._native else {}
        identity = extras.pop("id", None) or self.next_id("ctc" if call.custom else "fc")
        status: Item = {} if self._native else {"status": "completed"}
        space, name = self._homes.get(call.name, ("", call.name))
        head: Item = {"id": identity, "call_id": call.id, "name": name, **status}
        if space:
            head["namespace"] = space
        if call.custom or call.name in self._custom:
            text = call.arguments if call.custom else free_text(call.arguments)
            return {"type": "custom_tool_call", **head, "input": text, **extras}
        arguments = call.arguments if self._native else call.arguments or "{}"
        return {"type": "function_call", **head, "arguments": arguments, **extras}

    def next_id(self, prefix: str) -> str:
        """Return the id of the next item."""
        return item_id(prefix, self._seed, len(self._items))

    def _thoughts(self, parts: list[Thinking]) -> None:
        for item in own_items(parts, self._native):
            self._items.append({"id": self.next_id("rs"), **item})
        for part in parts:
            if own_entries(part) is None:
                self._items.append(foreign_reasoning(part, self.next_id("rs")))

    def _message(self, parts: list[Part], members: dict[str, Json], logprobs: Json) -> None:
        blocks: list[Json] = []
        for part in parts:
            block = said_block(part, self._native)
            if block is not None:
                if block["type"] == "output_text":
                    block["logprobs"], logprobs = logprobs or [], None
                blocks.append(block)
        if not blocks and not self._native:
            return
        head: Item = {"type": "message", "id": self.next_id("msg"), "status": "completed", "role": "assistant"}
        self._items.append({**head, "content": blocks, **members})


def foreign_reasoning(part: Thinking, identity: str) -> Item:
    """Return the reasoning item of another vendor's thinking; its signature is sealed inside."""
    summary: Json = [{"type": "summary_text", "text": part.text}] if part.text else []
    return {"type": "reasoning", "id": identity, "summary": summary, "encrypted_content": sealed_secret(part)}


def said_block(part: Part, native: bool) -> Item | None:
    """Return the content part of what an answer says; None for what this dialect's messages never hold."""
    if isinstance(part, Text):
        annotations = list(part.citations) if native else cited(part)
        return {"type": "output_text", "text": part.text, "annotations": annotations}
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": part.text}
    if isinstance(part, Audio) and part.transcript:
        return {"type": "output_text", "text": part.transcript, "annotations": []}
    if isinstance(part, Opaque) and part.dialect == NAME and isinstance(held := part.payload.get(CONTENT), Mapping):
        return dict(held)
    return None


def cited(part: Text) -> list[Json]:
    """Return web citations of another dialect as annotations; those without a URL are left out."""
    found: list[Json] = []
    for citation in part.citations:
        inner = citation.get("url_citation") if isinstance(citation, Mapping) else None
        held = inner if isinstance(inner, Mapping) else citation
        if isinstance(held, Mapping) and isinstance(held.get("url"), str):
            place = {name: held.get(name) for name in ("start_index", "end_index")}
            start, end = (value if isinstance(value, int) else None for value in place.values())
            found.append(
                {
                    "type": "url_citation",
                    "url": held["url"],
                    "title": held.get("title") or "",
                    "start_index": start or 0,
                    "end_index": len(part.text) if end is None else end,
                }
            )
    return found
