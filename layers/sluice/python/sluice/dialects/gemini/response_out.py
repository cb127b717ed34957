"""Writes a canonical answer as a generateContent caller expects it.

A call that another vendor's model made gets the placeholder of a signature, so that the caller may go on with Gemini.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from sluice.dialects.edits import Edits
from sluice.dialects.gemini import usage as counts
from sluice.dialects.gemini.media import Block
from sluice.dialects.gemini.names import FINISH_REASONS, NAME, PLACEHOLDER, WIRE_STOPS
from sluice.dialects.gemini.parts_out import PartWriter
from sluice.types.chat import Audio, ChatRequest, ChatResponse, Choice, Json, Opaque, Part, Refusal, StopReason


def encode_response(response: ChatResponse, request: ChatRequest) -> dict[str, object]:
    """Return the body of a whole answer."""
    native = response.dialect == NAME
    body: dict[str, object] = {"candidates": [_candidate(choice, native) for choice in response.choices]}
    if native and response.extras.get("promptFeedback") and not any(choice.parts for choice in response.choices):
        del body["candidates"]  # a blocked prompt has none
    if response.usage is not None:
        body["usageMetadata"] = counts.write(response.usage)
    body["modelVersion"] = response.model or request.model
    if response.id or not native:
        body["responseId"] = response.id or new_id()
    return {**body, **response.extras} if native else body


def _candidate(choice: Choice, native: bool) -> Block:
    refused = any(isinstance(part, Refusal) for part in choice.parts)
    written: Block = {"content": {"parts": answer_parts(choice.parts, native), "role": "model"}}
    if choice.stop is not None:
        written["finishReason"] = wire_stop(choice.stop, choice.extras if native else {}, refused)
    written["index"] = choice.index
    if native:
        if choice.logprobs is not None:
            written["logprobsResult"] = choice.logprobs
        written.update({name: value for name, value in choice.extras.items() if name != "finishReason"})
    return written


def answer_parts(parts: tuple[Part, ...], native: bool) -> list[Block]:
    """Return the parts of an answer; what this dialect's answers never hold is left out."""
    writer = PartWriter(native, Edits(), keeps_foreign=not native)
    for part in parts:
        if isinstance(part, Opaque) and part.dialect != NAME:
            continue
        if isinstance(part, Audio) and part.data is None and not part.transcript:
            continue
        writer.add(part)
    writer.end()
    return writer.written if native else placed(writer.written)


def placed(parts: list[Block]) -> list[Block]:
    """Give the first call of an answer the placeholder where it has no signature."""
    first = next((part for part in parts if "functionCall" in part), None)
    if first is not None:
        first.setdefault("thoughtSignature", PLACEHOLDER)
    return parts


def wire_stop(stop: StopReason, extras: Mapping[str, Json], refused: bool) -> str:
    """Return the stop reason in the wire's word."""
    own_word = extras.get("finishReason")
    if isinstance(own_word, str) and FINISH_REASONS.get(own_word, "unknown") == stop:
        return own_word
    return "SAFETY" if refused else WIRE_STOPS[stop]


def new_id() -> str:
    """Return a fresh answer id."""
    return os.urandom(12).hex()
