"""What the canonical usage of an answer must come to, reckoned from the vendor's report alone, a rule for each aspect.

A rule looks at the last report of an answer (or at all of them) and returns None where it says nothing of it, else
(what the gateway counted, what the report comes to). Vendors' references (2026-11): OpenAI, "Usage" of Chat Completions
and of Responses; Anthropic, "Prompt caching" and "Streaming"; Google, "UsageMetadata"; AWS, "TokenUsage"; Cohere,
"ApiMeta"; Ollama, "Generate a chat completion".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.types.usage import Usage
from tests.wire.bedrock import invoked
from tests.wire.recordings import Recording
from tests.wire.usage.reported import Report, documents

Pair = tuple[object, object] | None


@dataclass(frozen=True)
class Seen:
    """One answer: its reports in order, and what the gateway counted."""

    recording: Recording
    reports: Sequence[Report]
    usage: Usage

    def number(self, *paths: str) -> int:
        """Return the first of some members of the last report that is a number, 0 when none is."""
        return number(self.reports[-1], *paths)

    def has(self, *paths: str) -> bool:
        """Whether the last report has one of some members."""
        return any(isinstance(_at(self.reports[-1], path), int | float) for path in paths)


def number(report: Mapping[str, Any], *paths: str) -> int:
    """Return the first of some members that is a number, 0 when none is."""
    found = (_at(report, path) for path in paths)
    return next((int(value) for value in found if isinstance(value, int | float)), 0)


def _at(report: Mapping[str, Any], path: str) -> Any:
    value: Any = report
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def when(amount: int, have: object, want: object) -> Pair:
    """Return both sides where there is something to count."""
    return (have, want) if amount else None


# --- Chat Completions, legacy completions ---------------------------------------------------------------------------

P, C, T = "prompt_tokens", "completion_tokens", "total_tokens"
CACHED = ("prompt_tokens_details.cached_tokens", "prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens",
          "cache_read_input_tokens")  # fmt: skip
REASONING = ("completion_tokens_details.reasoning_tokens", "reasoning_tokens")


def beyond(seen: Seen) -> int:
    """How much of the stated total is neither prompt nor completion."""
    return max(0, seen.number(T) - seen.number(P) - seen.number(C)) if seen.has(T) else 0


def chat_cached(seen: Seen) -> Pair:
    cached = max(seen.number(name) for name in CACHED)
    extra = seen.usage.prompt - seen.number(P)
    inside = extra in (0, beyond(seen))
    return when(cached, (seen.usage.cache_read, inside), (min(cached, seen.usage.prompt), True))


def chat_written(seen: Seen) -> Pair:
    written = seen.number("prompt_tokens_details.cache_write_tokens", "cache_creation_input_tokens")
    usage = seen.usage
    return when(written, (usage.cache_write_5m + usage.cache_write_1h, usage.prompt), (written, seen.number(P)))


def chat_reasoning(seen: Seen) -> Pair:
    reasoning = max(seen.number(name) for name in REASONING)
    outside = beyond(seen) if beyond(seen) == reasoning else 0
    output = seen.number(C) + outside
    return when(reasoning, (seen.usage.reasoning, seen.usage.output), (min(reasoning, output), output))


def chat_audio(seen: Seen) -> Pair:
    audio = seen.number("prompt_tokens_details.audio_tokens")
    prompt = seen.number(P) + (audio if beyond(seen) in (audio, audio + seen.number(*REASONING)) else 0)
    return when(audio, (seen.usage.audio_input, seen.usage.prompt), (audio, prompt))


def chat_pictures(seen: Seen) -> Pair:
    pictures = seen.number("prompt_tokens_details.image_tokens")
    return when(pictures, (seen.usage.image_input, seen.usage.prompt), (pictures, seen.number(P)))


def chat_searches(seen: Seen) -> Pair:
    searches = seen.number("server_tool_use_details.web_search_requests", "num_search_queries")
    tokens = seen.number(P) + seen.number(C)
    return when(searches, (seen.usage.search_requests, seen.usage.total - beyond(seen)), (searches, tokens))


def chat_total(seen: Seen) -> Pair:
    return (seen.usage.total, seen.number(T)) if seen.has(T) else None


def chat_deltas(seen: Seen) -> Pair:
    told = [report for report in seen.reports if number(report, P) + number(report, C)]
    several = len({(number(report, P), number(report, C)) for report in told}) > 1
    last = number(told[-1], C) if told else 0
    outside = seen.usage.output - last
    return (seen.usage.output, last + (outside if outside in (0, beyond(seen)) else 0)) if several else None


# --- Responses ------------------------------------------------------------------------------------------------------

IN, OUT = "input_tokens", "output_tokens"


def responses_cached(seen: Seen) -> Pair:
    cached = seen.number("input_tokens_details.cached_tokens")
    return when(cached, (seen.usage.cache_read, seen.usage.prompt), (cached, seen.number(IN)))


def responses_written(seen: Seen) -> Pair:
    written = seen.number("input_tokens_details.cache_write_tokens")
    usage = seen.usage
    return when(written, (usage.cache_write_5m + usage.cache_write_1h, usage.prompt), (written, seen.number(IN)))


def responses_reasoning(seen: Seen) -> Pair:
    reasoning = seen.number("output_tokens_details.reasoning_tokens")
    return when(reasoning, (seen.usage.reasoning, seen.usage.output), (reasoning, seen.number(OUT)))


# --- Messages -------------------------------------------------------------------------------------------------------


def merged(seen: Seen) -> dict[str, Any]:
    """The members as the stream has them in the end; the compaction passes, billed beside them, are added."""
    found: dict[str, Any] = {}
    for report in seen.reports:
        found |= {name: value for name, value in report.items() if value is not None}
    passes = [entry for entry in found.get("iterations") or () if entry["type"] == "compaction"]
    names = (IN, OUT, "cache_read_input_tokens", "cache_creation_input_tokens")
    return {**found, **{name: number(found, name) + sum(number(entry, name) for entry in passes) for name in names}}


def messages_cached(seen: Seen) -> Pair:
    report = merged(seen)
    read, written = number(report, "cache_read_input_tokens"), number(report, "cache_creation_input_tokens")
    fresh, usage = number(report, IN), seen.usage
    return when(read + written, (usage.input, usage.cache_read, usage.prompt), (fresh, read, fresh + read + written))


def messages_written(seen: Seen) -> Pair:
    report = merged(seen)
    written = number(report, "cache_creation_input_tokens")
    long = number(report, "cache_creation.ephemeral_1h_input_tokens")
    usage = seen.usage
    return when(written, (usage.cache_write_5m, usage.cache_write_1h), (written - long, long))


def messages_reasoning(seen: Seen) -> Pair:
    report = merged(seen)
    thought = number(report, "output_tokens_details.thinking_tokens")
    return when(thought, (seen.usage.reasoning, seen.usage.output), (thought, number(report, OUT)))


def messages_searches(seen: Seen) -> Pair:
    searches = number(merged(seen), "server_tool_use.web_search_requests")
    return when(searches, seen.usage.search_requests, searches)


def messages_deltas(seen: Seen) -> Pair:
    several = len(seen.reports) > 1 and number(seen.reports[0], OUT) > 0
    return (seen.usage.output, number(merged(seen), OUT)) if several else None


def messages_passes(seen: Seen) -> Pair:
    passes = [entry for entry in seen.reports[-1].get("iterations") or () if entry["type"] == "compaction"]
    report = merged(seen)
    prompt = sum(number(report, name) for name in (IN, "cache_read_input_tokens", "cache_creation_input_tokens"))
    return when(len(passes), (seen.usage.prompt, seen.usage.output), (prompt, number(report, OUT)))


# --- Gemini ---------------------------------------------------------------------------------------------------------


def gemini(seen: Seen, name: str) -> int:
    """A member of `usageMetadata` in either of its spellings."""
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    return seen.number(name, snake)


def gemini_cached(seen: Seen) -> Pair:
    cached = gemini(seen, "cachedContentTokenCount")
    prompt = gemini(seen, "promptTokenCount") + gemini(seen, "toolUsePromptTokenCount")
    return when(cached, (seen.usage.cache_read, seen.usage.prompt), (cached, prompt))


def gemini_thoughts(seen: Seen) -> Pair:
    thoughts = gemini(seen, "thoughtsTokenCount")
    output = gemini(seen, "candidatesTokenCount") + thoughts
    return when(thoughts, (seen.usage.reasoning, seen.usage.output), (thoughts, output))


def gemini_tools(seen: Seen) -> Pair:
    tools = gemini(seen, "toolUsePromptTokenCount")
    return when(tools, seen.usage.prompt, gemini(seen, "promptTokenCount") + tools)


def gemini_modality(modality: str) -> Callable[[Seen], Pair]:
    """Sound and pictures of the prompt, which are told by modality; what was read from a cache is not told again."""

    def rule(seen: Seen) -> Pair:
        last, names = seen.reports[-1], ("promptTokensDetails", "toolUsePromptTokensDetails")
        details = [entry for name in names for entry in last.get(name) or ()]
        amount = sum(number(entry, "tokenCount") for entry in details if entry.get("modality") == modality)
        found = seen.usage.audio_input if modality == "AUDIO" else seen.usage.image_input
        return when(amount * (not gemini(seen, "cachedContentTokenCount")), found, amount)

    return rule


def gemini_total(seen: Seen) -> Pair:
    total = gemini(seen, "totalTokenCount")
    return when(total, seen.usage.total, total)


def gemini_deltas(seen: Seen) -> Pair:
    several = len({number(report, "candidatesTokenCount") for report in seen.reports}) > 1
    output = gemini(seen, "candidatesTokenCount") + gemini(seen, "thoughtsTokenCount")
    return (seen.usage.output, output) if several else None


# --- Bedrock --------------------------------------------------------------------------------------------------------


def converse_cached(seen: Seen) -> Pair:
    read = seen.number("cacheReadInputTokens", "cacheReadInputTokenCount")
    written = seen.number("cacheWriteInputTokens", "cacheWriteInputTokenCount")
    prompt = seen.number("inputTokens") + read + written
    return when(read + written, (seen.usage.cache_read, seen.usage.prompt), (read, prompt))


def converse_total(seen: Seen) -> Pair:
    return when(seen.number("totalTokens"), seen.usage.total, seen.number("totalTokens"))


def converse_written(seen: Seen) -> Pair:
    details = seen.reports[-1].get("cacheDetails") or ()
    short, long = (
        sum(number(each, "inputTokens") for each in details if each.get("ttl") == span) for span in ("5m", "1h")
    )
    return when(len(details), (seen.usage.cache_write_5m, seen.usage.cache_write_1h), (short, long))


def invoke_counts(seen: Seen) -> Pair:
    usage = seen.usage
    body = documents(seen.recording)
    stream = seen.recording.endpoint == "bedrock.invoke_stream"
    told = invoked.stream_usage(body) if stream else invoked.usage(body[0], seen.recording.headers)
    have = (usage.input, usage.cache_read, usage.cache_write_5m + usage.cache_write_1h, usage.output)
    return None if told is None else (have, told)


# --- Cohere, Ollama, embeddings, rerank, pictures, sound -----------------------------------------------------------


def cohere_billed(seen: Seen) -> Pair:
    asked, made = (seen.number(f"billed_units.{name}") for name in (IN, OUT))
    return when(asked + made, (seen.usage.prompt, seen.usage.output), (asked, made))


def cohere_reasoning(seen: Seen) -> Pair:
    thought = seen.number("tokens.reasoning_tokens")
    made = seen.number("billed_units.output_tokens")
    return when(thought, (seen.usage.reasoning, seen.usage.output), (min(thought, made), made))


def cohere_cached(seen: Seen) -> Pair:
    return when(seen.number("cached_tokens"), seen.usage.prompt, seen.number("billed_units.input_tokens"))


def cohere_pictures(seen: Seen) -> Pair:
    return when(seen.number("tokens.image_tokens"), seen.usage.image_input, seen.number("tokens.image_tokens"))


def ollama_counts(seen: Seen) -> Pair:
    if not seen.has("eval_count"):
        return None
    asked, made = seen.number("prompt_eval_count"), seen.number("eval_count")
    return (seen.usage.prompt, seen.usage.output, seen.usage.total), (asked, made, asked + made)


def vector_total(seen: Seen) -> Pair:
    return when(seen.number(T), (seen.usage.total, seen.usage.output), (seen.number(T), 0))


def vector_billed(seen: Seen) -> Pair:
    billed = sum(seen.number(name) for name in ("input_tokens", "image_tokens")) if not seen.has(T, P) else 0
    return when(billed, seen.usage.prompt, billed)


def vector_counts(seen: Seen) -> Pair:
    return when(seen.number("promptTokenCount"), seen.usage.total, seen.number("promptTokenCount"))


def searches_billed(seen: Seen) -> Pair:
    return when(seen.number("search_units"), seen.usage.search_requests, seen.number("search_units"))


def media_total(seen: Seen) -> Pair:
    return when(seen.number(T), seen.usage.total, seen.number(T))


def media_audio(seen: Seen) -> Pair:
    audio = seen.number("input_token_details.audio_tokens", "prompt_tokens_details.audio_tokens")
    prompt, made = seen.number(IN, P), seen.number(OUT, C)
    outside = seen.number(T) - prompt - made == audio
    return when(audio, (seen.usage.audio_input, seen.usage.prompt), (audio, prompt + audio * outside))


def media_pictures(seen: Seen) -> Pair:
    pictures = seen.number("input_tokens_details.image_tokens")
    return when(pictures, (seen.usage.image_input, seen.usage.prompt), (pictures, seen.number(IN)))
