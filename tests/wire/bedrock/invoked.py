"""What recorded InvokeModel traffic counts, read plainly: headers first, then whatever the body states."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from sluice.dialects import eventstream
from tests.wire.bedrock import said

HEADERS = ("input", "cache-read-input", "cache-write-input", "output")
METRICS = ("inputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount", "outputTokenCount")


def bound(body: Mapping[str, Any]) -> int | None:
    """The bound on output tokens, wherever the family has it."""
    nova = body.get("inferenceConfig") or {}
    titan = body.get("textGenerationConfig") or {}
    for value in (
        body.get("max_tokens"),
        body.get("max_gen_len"),
        nova.get("maxTokens"),
        nova.get("max_new_tokens"),
        titan.get("maxTokenCount"),
        body.get("max_tokens_to_sample"),
    ):
        if value is not None:
            return int(value)
    return None


def usage(body: Mapping[str, Any], headers: Mapping[str, str]) -> tuple[int, ...] | None:
    """Input, read, written and output tokens of a whole answer."""
    told = [headers.get(f"x-amzn-bedrock-{name}-token-count") for name in HEADERS]
    stated = _stated(body)
    if any(value is not None for value in told):
        counts = tuple(int(value or 0) for value in told)
        return counts if stated is None else tuple(count or other for count, other in zip(counts, stated, strict=True))
    return stated


def _stated(body: Mapping[str, Any]) -> tuple[int, ...] | None:
    counts = body.get("usage") or {}
    if "input_tokens" in counts:
        read, written = counts.get("cache_read_input_tokens"), counts.get("cache_creation_input_tokens")
        return counts["input_tokens"], read or 0, written or 0, counts["output_tokens"]
    if "inputTokens" in counts:
        return said.usage_plainly(counts)
    if "prompt_tokens" in counts:
        return counts["prompt_tokens"], 0, 0, counts["completion_tokens"]
    if "prompt_token_count" in body:
        return body["prompt_token_count"], 0, 0, body["generation_token_count"]
    if "inputTextTokenCount" in body:
        written = body.get("totalOutputTextTokenCount") or sum(item["tokenCount"] for item in body.get("results", ()))
        return body["inputTextTokenCount"], 0, 0, written
    return None


def framed(body: bytes) -> bytes:
    """Put frames around chunks that were published without them, one JSON object a line."""
    if not body.lstrip().startswith(b"{"):
        return body
    pieces = [base64.b64encode(line).decode() for line in body.splitlines() if line.strip()]
    return b"".join(eventstream.event("chunk", json.dumps({"bytes": piece}).encode()) for piece in pieces)


def chunks(body: bytes) -> list[Any]:
    """The family's own events."""
    return [json.loads(base64.b64decode(payload["bytes"])) for _, payload in said.frames(body)]


def stream_usage(events: list[Any]) -> tuple[int, ...] | None:
    """Input, read, written and output tokens as the last chunk has them, or the family's own events."""
    for event in reversed(events):
        metrics = event.get("amazon-bedrock-invocationMetrics")
        if metrics is not None:
            return tuple(metrics.get(name) or 0 for name in METRICS)
    stated = [_stated(event.get("message") or event) for event in events]
    found = [counts for counts in stated if counts is not None]
    return tuple(max(counts) for counts in zip(*found, strict=True)) if found else None
