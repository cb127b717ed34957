"""A ledger entry in the words of OpenTelemetry's GenAI semantic conventions: one span, and a child for each attempt.

The names are those of open-telemetry/semantic-conventions-genai (docs/gen-ai/gen-ai-spans.md and gen-ai-metrics.md,
read 2026-11, status Development), which is why they stand in this one module. The request's span covers all attempts,
as the conventions want it, and it alone states tokens and cost, so nothing is counted twice. What the conventions have
no name for is under `sluice.`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sluice.telemetry.traceparent import own_trace_id, span_id
from sluice.types.ledger import Attempt, LedgerEntry

Value = str | int | float | bool | tuple[str, ...]
OPERATIONS = {"completions": "text_completion", "images": "generate_content", "image_edits": "generate_content"}
"""The gateway's operations that the conventions call otherwise; the others go by their own names."""
OUTPUTS = {"images": "image", "image_edits": "image", "speech": "speech"}
VENDORS = {
    "azure_openai": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "moonshot": "moonshot_ai",
    "vertex": "gcp.vertex_ai",
    "xai": "x_ai",
}
"""Providers, their variants included, that the conventions call otherwise."""
_GOOD = ("ok", "aborted")


class Span(NamedTuple):
    """One span; ids in hex, `parent` "" for none, times in epoch nanoseconds, `error` "" for none."""

    trace_id: str
    span_id: str
    parent: str
    name: str
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Value]
    error: str = ""


class Point(NamedTuple):
    """One observation of a histogram."""

    metric: str
    value: float
    attributes: Mapping[str, str]


def spans_of(entry: LedgerEntry, *, langfuse: bool = False) -> Iterator[Span]:
    """Yield the request's span, then one for each attempt.

    `langfuse` adds the attributes by which Langfuse knows cost and tags (its OpenTelemetry guide, 2026-11).
    """
    trace_id = entry.trace_id or own_trace_id(entry.request_id)
    root = span_id(entry.request_id)
    operation = operation_of(entry)
    attributes = _attributes(entry)
    if langfuse:
        attributes.update(_langfuse(entry))
    yield Span(
        trace_id,
        root,
        entry.parent_span,
        f"{operation} {entry.model or entry.requested_model}".rstrip(),
        *_times(entry.started_ms, entry.duration_ms),
        attributes,
        error_of(entry),
    )
    for number, attempt in enumerate(entry.attempts, 1):
        yield Span(
            trace_id,
            span_id(entry.request_id, number),
            root,
            f"attempt {attempt.deployment}",
            *_times(attempt.started_ms, attempt.duration_ms),
            _attempt(attempt, number),
            "" if attempt.outcome in _GOOD else attempt.outcome,
        )


def points_of(entry: LedgerEntry) -> Iterator[Point]:
    """Yield what an entry adds to the conventions' client metrics; nothing where no provider was reached."""
    if not entry.provider:
        return
    shared = {
        "gen_ai.operation.name": operation_of(entry),
        "gen_ai.provider.name": vendor_of(entry.provider),
        "gen_ai.request.model": entry.model,
    }
    error = error_of(entry)
    told = {**shared, "error.type": error} if error else shared
    yield Point("gen_ai.client.operation.duration", entry.duration_ms / 1000, told)
    if entry.stream and entry.first_byte_ms is not None and not error:
        yield Point("gen_ai.client.operation.time_to_first_chunk", entry.first_byte_ms / 1000, shared)
    for kind, tokens in (("input", entry.usage.prompt), ("output", entry.usage.output)):
        if tokens:
            yield Point("gen_ai.client.token.usage", tokens, {**shared, "gen_ai.token.type": kind})


def operation_of(entry: LedgerEntry) -> str:
    """Return `gen_ai.operation.name`."""
    return OPERATIONS.get(entry.operation, entry.operation)


def vendor_of(provider: str) -> str:
    """Return `gen_ai.provider.name`."""
    if provider.startswith("vertex"):
        return VENDORS["vertex"]
    for name in (provider, provider.rpartition("_")[0], provider.partition("_")[0]):
        if name in VENDORS:
            return VENDORS[name]
    return provider


def error_of(entry: LedgerEntry) -> str:
    """Return `error.type`, "" for a request that ended well or whose caller left: the canonical kind, or a status."""
    if entry.outcome in _GOOD:
        return ""
    return entry.error_kind or (str(entry.status) if entry.status >= 400 else entry.outcome)


def _times(start_ms: int, duration_ms: int) -> tuple[int, int]:
    return start_ms * 1_000_000, (start_ms + max(duration_ms, 0)) * 1_000_000


def _attributes(entry: LedgerEntry) -> dict[str, Value]:
    usage = entry.usage
    counted = {
        "gen_ai.usage.input_tokens": usage.prompt,
        "gen_ai.usage.output_tokens": usage.output,
        "gen_ai.usage.cache_read.input_tokens": usage.cache_read,
        "gen_ai.usage.cache_creation.input_tokens": usage.cache_write_5m + usage.cache_write_1h,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning,
        "gen_ai.usage.audio.input_tokens": usage.audio_input,
        "gen_ai.usage.audio.output_tokens": usage.audio_output,
        "gen_ai.usage.image.input_tokens": usage.image_input,
    }
    said: dict[str, Value] = {
        "gen_ai.provider.name": vendor_of(entry.provider),
        "gen_ai.request.model": entry.model or entry.requested_model,
        "gen_ai.conversation.id": entry.session or "",
        "gen_ai.output.type": OUTPUTS.get(entry.operation, ""),
        "error.type": error_of(entry),
        "session.id": entry.session or "",
        "user.id": entry.user,
        "sluice.team": entry.team,
        "sluice.key_id": entry.key_id,
        "sluice.requested_model": entry.requested_model,
        "sluice.route": entry.route,
        "sluice.dialect": entry.dialect,
        "sluice.outcome": entry.outcome,
        "sluice.price_version": entry.price_version,
        "sluice.config_version": entry.config_version,
        "sluice.edits": tuple(entry.edits),
    }
    found: dict[str, Value] = {
        "gen_ai.operation.name": operation_of(entry),
        "http.response.status_code": entry.status,
        "sluice.request_id": entry.request_id,
        "sluice.cost_usd": entry.cost / 1e9,
        "sluice.cache": entry.cache,
        "sluice.overhead_ms": entry.overhead_us / 1000,
        "sluice.attempts": len(entry.attempts),
        **{f"sluice.tag.{name}": value for name, value in entry.tags},
        **{f"sluice.saved_usd.{kind}": nano / 1e9 for kind, nano in entry.saved},
        **{name: text for name, text in said.items() if text},
        **{name: tokens for name, tokens in counted.items() if tokens},
    }
    if entry.stream:
        found["gen_ai.request.stream"] = True
        if entry.first_byte_ms is not None:
            found["gen_ai.response.time_to_first_chunk"] = entry.first_byte_ms / 1000
    return found


def _attempt(attempt: Attempt, number: int) -> dict[str, Value]:
    found: dict[str, Value] = {
        "gen_ai.provider.name": vendor_of(attempt.deployment.partition("/")[0]),
        "sluice.deployment": attempt.deployment,
        "sluice.attempt": number,
    }
    if attempt.status:
        found["http.response.status_code"] = attempt.status
    if attempt.outcome not in _GOOD:
        found["error.type"] = attempt.outcome
    if attempt.upstream_id:
        found["sluice.upstream_id"] = attempt.upstream_id
    return found


def _langfuse(entry: LedgerEntry) -> dict[str, Value]:
    usage = entry.usage
    tokens = {
        "input": usage.input,
        "output": usage.output,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation_input_tokens": usage.cache_write_5m + usage.cache_write_1h,
    }
    found: dict[str, Value] = {
        "langfuse.observation.type": "embedding" if entry.operation == "embeddings" else "generation",
        "langfuse.observation.cost_details": json.dumps({"total": entry.cost / 1e9}),
        "langfuse.observation.usage_details": json.dumps({name: count for name, count in tokens.items() if count}),
        "langfuse.trace.tags": tuple(f"{name}:{value}" for name, value in (("team", entry.team), *entry.tags)),
    }
    error = error_of(entry)
    if error:
        found["langfuse.observation.level"] = "ERROR"
        found["langfuse.observation.status_message"] = error
    return found
