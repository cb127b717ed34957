"""Token counts of InvokeModel answers.

Rules: what Bedrock itself counts, in the headers `x-amzn-bedrock-*-token-count` and in the metrics of a stream's last
chunk, is what it charges, and excludes cached tokens from the input. A body that counts by itself fills in what is not
told so, and says for how long what was written stays in the cache. Shapes: recorded answers and AWS docs, "Inference
request parameters", 2026-11.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from sluice.dialects.anthropic_messages import usage as anthropic
from sluice.dialects.bedrock_converse import usage as converse
from sluice.dialects.bedrock_converse.usage import count
from sluice.types.usage import Usage

METRICS = "amazon-bedrock-invocationMetrics"
_HEADER = "x-amzn-bedrock-{}-token-count"


def of_answer(body: bytes, headers: Mapping[str, str]) -> Usage | None:
    """Return the usage of a whole answer, None when neither headers nor body state any."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    return joined(of_body(found) if isinstance(found, dict) else None, of_headers(headers))


def of_headers(headers: Mapping[str, str]) -> Usage | None:
    """Return what the headers of an answer state; names are in lower case."""
    told = {
        member: headers[name]
        for member, word in (
            ("inputTokenCount", "input"),
            ("outputTokenCount", "output"),
            ("cacheReadInputTokenCount", "cache-read-input"),
            ("cacheWriteInputTokenCount", "cache-write-input"),
        )
        if (name := _HEADER.format(word)) in headers
    }
    return of_metrics(told) if told else None


def of_metrics(metrics: Mapping[str, object]) -> Usage:
    """Return what the metrics in a stream's last chunk state."""
    return Usage(
        input=count(metrics.get("inputTokenCount")),
        cache_read=count(metrics.get("cacheReadInputTokenCount")),
        cache_write_5m=count(metrics.get("cacheWriteInputTokenCount")),
        output=count(metrics.get("outputTokenCount")),
    )


def of_body(body: Mapping[str, object]) -> Usage | None:
    """Return what the body of a whole answer states about itself, whatever its family."""
    for raw in (body.get("usage"), _members(body.get("message")).get("usage"), _members(body.get("meta"))):
        found = _usage(_members(raw))
        if found is not None:
            return found
    if "prompt_token_count" in body or "generation_token_count" in body:  # Llama
        return Usage(input=count(body.get("prompt_token_count")), output=count(body.get("generation_token_count")))
    if "inputTextTokenCount" in body:  # Titan
        results = body.get("results")
        pieces = results if isinstance(results, list) else [{"tokenCount": body.get("totalOutputTextTokenCount")}]
        output = sum(count(piece.get("tokenCount")) for piece in pieces if isinstance(piece, Mapping))
        return Usage(input=count(body.get("inputTextTokenCount")), output=output)
    return None


def joined(body: Usage | None, told: Usage | None) -> Usage | None:
    """Return two accounts of one call as one."""
    if body is None or told is None:
        return body or told
    cached = body.cache_read + body.cache_write_5m + body.cache_write_1h
    prompt = body if cached or not told.prompt else told
    return replace(
        body,
        input=prompt.input,
        cache_read=prompt.cache_read,
        cache_write_5m=prompt.cache_write_5m,
        cache_write_1h=prompt.cache_write_1h,
        output=told.output or body.output,
    )


def _usage(raw: Mapping[str, object]) -> Usage | None:
    if "input_tokens" in raw or "output_tokens" in raw:
        return anthropic.read(raw)
    if "inputTokens" in raw or "outputTokens" in raw:
        return converse.read(raw)
    if "prompt_tokens" in raw or "completion_tokens" in raw:
        from sluice.dialects.openai_chat import usage as openai

        return openai.read({"usage": raw})
    for name in ("billed_units", "tokens"):  # Cohere
        units = _members(raw.get(name))
        if "input_tokens" in units or "output_tokens" in units:
            return Usage(input=count(units.get("input_tokens")), output=count(units.get("output_tokens")))
    return None


def _members(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
