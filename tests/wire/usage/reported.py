"""What a recorded answer reports of its usage, read plainly, and what the gateway counts of its bytes in passing."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from sluice.dialects import chat_dialect, framing, meter_of
from sluice.dialects.base import EMPTY
from sluice.providers.registry import Registry
from sluice.types.usage import Usage
from tests.wire.bedrock import invoked
from tests.wire.bedrock.check import framed
from tests.wire.bedrock.said import frames
from tests.wire.embeddings.check import UNLISTED, outside
from tests.wire.embeddings.check import dialect_of as embeddings_dialect
from tests.wire.recordings import Recording
from tests.wire.rerank.check import dialect_of as rerank_dialect
from tests.wire.tally import cut

Report = Mapping[str, Any]
DIALECTS: Mapping[str, str] = {
    "chat.completions": "openai_chat",
    "messages": "anthropic_messages",
    "vertex.raw_predict": "anthropic_messages",
    "responses": "openai_responses",
    "gemini.generate": "gemini",
    "gemini.stream": "gemini",
    "bedrock.converse": "bedrock_converse",
    "bedrock.converse_stream": "bedrock_converse",
    "bedrock.invoke": "bedrock_invoke",
    "bedrock.invoke_stream": "bedrock_invoke",
    "cohere.chat_v2": "cohere_chat",
    "ollama.chat": "ollama_chat",
    "completions": "openai_completions",
    "images": "openai_images",
    "audio.transcriptions": "openai_transcriptions",
    "moderations": "openai_moderations",
}
ENDPOINTS = (*DIALECTS, "embeddings", "gemini.embed", "vertex.predict", "rerank")
"""Recorded endpoints whose answers report what was used."""


def dialect_of(recording: Recording) -> str | None:
    """Return the dialect of a recording's answer; None where it is no answer of a model."""
    if recording.endpoint == "rerank":
        return rerank_dialect(recording)
    if recording.endpoint in DIALECTS:
        return DIALECTS[recording.endpoint]
    return None if outside(recording) else embeddings_dialect(recording)


def reports(recording: Recording) -> list[Report]:
    """Return the usage objects of an answer in their order, each with a cost that stands beside it."""
    return [report for document in documents(recording) if isinstance(document, dict) for report in _of(document)]


def documents(recording: Recording) -> list[Any]:
    """Return the JSON documents of an answer: one, or the events of a stream in any framing."""
    body = recording.body.strip()
    if recording.endpoint == "bedrock.converse_stream":
        return [payload for _, payload in frames(framed(recording.body))]
    if recording.endpoint == "bedrock.invoke_stream":
        packed = frames(invoked.framed(recording.body))
        return [json.loads(base64.b64decode(payload["bytes"])) for _, payload in packed if "bytes" in payload]
    try:
        whole = json.loads(body)
    except ValueError:
        return list(_lines(body))
    return whole if isinstance(whole, list) else [whole]


def _lines(body: bytes) -> Iterator[Any]:
    for line in body.splitlines():
        text = line.removeprefix(b"data:").strip()
        if text.startswith((b"{", b"[")) and text != b"[DONE]":
            yield json.loads(text)


def _of(document: Mapping[str, Any]) -> Iterator[Report]:
    nested = [document, *(document.get(name) or {} for name in ("message", "response", "x_groq", "delta", "meta"))]
    for holder in nested:
        if not isinstance(holder, dict):
            continue
        for name in ("usage", "usageMetadata", "usage_metadata", "billed_units"):
            if isinstance(holder.get(name), dict) and holder[name]:
                yield holder[name]
    if "eval_count" in document:
        yield document


def counted(recording: Recording, told_quirks: Mapping[str, object] | None = None) -> Usage | None:
    """Return what the gateway counts of an answer that passes, a stream cut at random places.

    The provider's quirks are those of its catalogue file unless others are told.
    """
    name = dialect_of(recording)
    if name is None:
        return None
    wire: Any = chat_dialect(name)
    quirks = _quirks(recording.provider) if told_quirks is None else told_quirks
    members = recording.request_body or {}
    if not _streams(recording):
        told: Any = getattr(wire, "answer_usage", None)
        found: Usage | None = (
            wire.read_usage(recording.body, quirks)
            if told is None
            else told(recording.body, recording.headers, members, quirks)
        )
        return found
    meter, blocks = meter_of(wire, members, quirks), framing(wire)
    body = {"bedrock_converse": framed, "bedrock_invoke": invoked.framed}.get(name, bytes)(recording.body)
    for piece in cut(body, recording.id):
        if whole := blocks.feed(piece):
            meter.feed(whole)
    meter.feed(blocks.rest())
    return meter.usage


def _streams(recording: Recording) -> bool:
    """Whether the answer's bytes are a stream's: some hosts answer whole where a stream was asked for."""
    if recording.endpoint.endswith("_stream"):
        return True
    text = recording.body.lstrip()
    lines = sum(line.startswith(b"{") for line in text.splitlines())
    return text[:1] not in (b"{", b"[") or recording.endpoint == "gemini.stream" or lines > 1


@cache
def _quirks(name: str) -> Mapping[str, object]:
    provider = Registry().provider(name)
    return UNLISTED.get(name) or (EMPTY if provider is None else provider.quirks)
